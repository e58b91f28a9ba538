//! Versions, and the hashes and digests behind them.

use super::copy::CopyButton;
use super::icon::{Glyph, Icon, IconSize};
use leptos::prelude::*;

/// A version's label, as a link where `href` is given.
#[component]
pub fn VersionLabel(
    /// The label: '2.30.4'.
    #[prop(into)]
    label: String,
    /// The version's page.
    #[prop(optional, into)]
    href: Option<String>,
    /// It is the one that comes in: bold.
    #[prop(optional)]
    new: bool,
) -> impl IntoView {
    let class = if new { "version version-new" } else { "version" };
    match href {
        Some(href) => view! { <a class=class href=href>{label}</a> }.into_any(),
        None => view! { <span class=class>{label}</span> }.into_any(),
    }
}

/// From one version to another. Without a former one it says so.
#[component]
pub fn FromTo(
    /// What ran before.
    #[prop(optional_no_strip, into)]
    from: Option<String>,
    /// What comes.
    #[prop(into)]
    to: String,
) -> impl IntoView {
    view! {
        <span class="from-to">
            {match from {
                Some(from) => view! { <VersionLabel label=from /> }.into_any(),
                None => view! { <span class="quiet">"nothing before"</span> }.into_any(),
            }} <Icon glyph=Glyph::ArrowRight size=IconSize::Small /> <span class="hidden-visually">"to"</span>
            <VersionLabel label=to new=true />
        </span>
    }
}

/// A hash cut to what tells it apart: '3f9c2ad', 'sha256:8be1…c07a'. Texts of 16 characters or fewer stay whole.
pub fn shorten(hash: &str) -> String {
    let (kind, digits) = hash.rsplit_once(':').map_or(("", hash), |(kind, digits)| (kind, digits));
    if !digits.is_ascii() || digits.len() <= 16 {
        return hash.to_owned();
    }
    if kind.is_empty() {
        // Seven is what git shows.
        return digits.get(..7).unwrap_or(digits).to_owned();
    }
    let (head, tail) = (digits.get(..4).unwrap_or(digits), digits.get(digits.len() - 4..).unwrap_or_default());
    format!("{kind}:{head}…{tail}")
}

/// A commit or a digest: short, the whole as tooltip, a button that copies the whole.
#[component]
pub fn Hash(
    /// The whole text.
    #[prop(into)]
    value: String,
    /// What it is: 'the commit', 'the digest'.
    #[prop(into)]
    what: String,
    /// Where it can be seen.
    #[prop(optional, into)]
    href: Option<String>,
) -> impl IntoView {
    let short = shorten(&value);
    let title = value.clone();
    view! {
        <span class="hash">
            {match href {
                Some(href) => view! { <a href=href title=title>{short}</a> }.into_any(),
                None => view! { <span title=title>{short}</span> }.into_any(),
            }} <CopyButton text=value what />
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::shorten;

    #[test]
    fn hashes_keep_what_tells_them_apart() {
        for (hash, wanted) in [
            ("3f9c2ad9c1b2a3d4e5f60718293a4b5c6d7e8f90", "3f9c2ad"),
            ("3f9c2ad", "3f9c2ad"),
            ("sha256:8be1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac07a", "sha256:8be1…c07a"),
            ("registry/cart@sha256:8be1aaaaaaaaaaaaaaaac07a", "registry/cart@sha256:8be1…c07a"),
            ("größer als sechzehn Zeichen", "größer als sechzehn Zeichen"),
        ] {
            assert_eq!(shorten(hash), wanted, "{hash}");
        }
    }
}
