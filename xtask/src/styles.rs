//! One style sheet out of `style/main.css` and what it imports.
//!
//! Plain CSS: imports are bundled, nesting is written out where a browser of early 2024 needs it,
//! white space goes. Addresses in `url()` stay as written and are read from the bundle's place,
//! so `style/*.css` names files of `public/` as if it lay beside them.

use std::path::Path;

use anyhow::{Result, anyhow};
use lightningcss::bundler::{Bundler, FileProvider};
use lightningcss::printer::PrinterOptions;
use lightningcss::stylesheet::{MinifyOptions, ParserOptions};
use lightningcss::targets::{Browsers, Targets};

/// The oldest browsers that get CSS they understand: those that know `light-dark()`, which would
/// otherwise be rewritten into something that cannot follow a class on the page.
const BROWSERS: Browsers = Browsers {
    android: None,
    chrome: Some(version(123, 0)),
    edge: Some(version(123, 0)),
    firefox: Some(version(120, 0)),
    ie: None,
    ios_saf: Some(version(17, 5)),
    opera: None,
    safari: Some(version(17, 5)),
    samsung: None,
};

const fn version(major: u32, minor: u32) -> u32 {
    (major << 16) | (minor << 8)
}

/// The bundled, minified text of a style sheet.
///
/// # Errors
/// When a file is missing or is no CSS; the message names file, line and column.
pub fn bundle(entry: &Path) -> Result<String> {
    let files = FileProvider::new();
    let mut bundler = Bundler::new(&files, None, ParserOptions::default());
    let mut sheet = bundler.bundle(entry).map_err(|error| anyhow!("the style sheet cannot be bundled: {error}"))?;
    let targets = Targets::from(BROWSERS);
    sheet
        .minify(MinifyOptions { targets, ..MinifyOptions::default() })
        .map_err(|error| anyhow!("the style sheet cannot be minified: {error}"))?;
    let printed = sheet
        .to_css(PrinterOptions { minify: true, targets, ..PrinterOptions::default() })
        .map_err(|error| anyhow!("the style sheet cannot be written: {error}"))?;
    Ok(printed.code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn imports_are_bundled_in_order_and_a_missing_one_is_named_by_its_place() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let entry = folder.path().join("main.css");
        fs::write(&entry, "@import \"a.css\";\nb { color: var(--x); &:hover { color: red } }")?;
        fs::write(folder.path().join("a.css"), "a { background: url(fonts/f.woff2) }")?;
        let text = bundle(&entry)?;
        assert!(text.starts_with("a{background:url(fonts/f.woff2)}b{"), "{text}");

        fs::remove_file(folder.path().join("a.css"))?;
        let refused = bundle(&entry).map_err(|error| error.to_string());
        assert!(refused.as_ref().is_err_and(|text| text.contains("main.css:0:1")), "{refused:?}");
        Ok(())
    }
}
