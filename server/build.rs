//! Writes the table of the site's files that `src/http/assets.rs` embeds.
//!
//! Owns nothing but the file in `OUT_DIR`. The site is what `cargo xtask site` left in
//! `<target>/site`, or in the folder that `SLIPWAY_SITE` names. Where none was built (clippy, tests
//! of other parts) the table is empty, and the pages come without their browser half. Fails when
//! the manifest there is not one that `cargo xtask site` writes.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=SLIPWAY_SITE");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets no OUT_DIR")?);
    let site = match env::var_os("SLIPWAY_SITE") {
        Some(folder) => PathBuf::from(folder),
        None => target(&out).ok_or("OUT_DIR lies in no target folder")?.join("site"),
    };
    // A path that does not exist would make cargo run this, and compile the server, every time.
    fs::create_dir_all(&site)?;
    println!("cargo::rerun-if-changed={}", site.display());

    let table = match fs::read_to_string(site.join("manifest.txt")) {
        Ok(manifest) => table(&site, &manifest)?,
        Err(_) => String::from("static SITE: Site = Site { hash: None, files: &[] };\n"),
    };
    fs::write(out.join("site.rs"), table)?;
    Ok(())
}

/// Cargo marks its target folder with this file; how deep `OUT_DIR` lies in it varies.
fn target(out: &Path) -> Option<&Path> {
    out.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists())
}

/// Rust text for the lines `hash <hash>` and `file <path>[\tbr][\tgz]`.
fn table(site: &Path, manifest: &str) -> Result<String, Box<dyn Error>> {
    let mut hash = None;
    let mut files = String::new();
    for line in manifest.lines() {
        match line.split_once(' ') {
            Some(("hash", value)) => hash = Some(value),
            Some(("file", rest)) => {
                let mut fields = rest.split('\t');
                let path = fields.next().unwrap_or_default();
                let forms: Vec<&str> = fields.collect();
                let plain = site.join(path);
                let form = |extension: &str| {
                    if forms.contains(&extension) {
                        format!("Some(include_bytes!({:?}))", site.join(format!("{path}.{extension}")))
                    } else {
                        String::from("None")
                    }
                };
                writeln!(
                    files,
                    "    File {{ path: {path:?}, plain: include_bytes!({plain:?}), brotli: {}, gzip: {} }},",
                    form("br"),
                    form("gz"),
                )?;
            }
            _ => return Err(format!("the site's manifest has a line {line:?}").into()),
        }
    }
    let hash = hash.ok_or("the site's manifest has no hash")?;
    Ok(format!("static SITE: Site = Site {{ hash: Some({hash:?}), files: &[\n{files}] }};\n"))
}
