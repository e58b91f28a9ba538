//! Light, dark, or what the system says: a cookie, read when the document is rendered.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What a reader may choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All choices.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The word in the cookie and in the document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The attribute of the document; none for the system's choice.
    #[must_use]
    pub const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }

    /// Reads it from a `Cookie` header.
    #[must_use]
    pub fn in_cookies(header: &str) -> Self {
        header
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| if name == "theme" { Self::parse(value) } else { None })
            .unwrap_or_default()
    }
}

/// The theme of the request that is being answered, for the document's attribute.
pub(crate) fn from_request() -> Option<&'static str> {
    chosen().attribute()
}

/// The theme that the reader chose; the system's in the browser, where the document has it already.
pub(crate) fn chosen() -> Theme {
    #[cfg(feature = "ssr")]
    if let Some(parts) = use_context::<http::request::Parts>() {
        let cookies = parts.headers.get_all(http::header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        for header in cookies {
            let theme = Theme::in_cookies(header);
            if theme != Theme::System {
                return theme;
            }
        }
    }
    Theme::System
}

/// Remembers the reader's choice for a year.
#[server(prefix = "/do", endpoint = "set_theme")]
pub async fn set_theme(
    /// `system`, `light` or `dark`.
    theme: Theme,
) -> Result<(), crate::error::AppError> {
    let cookie = format!("theme={}; Path=/; Max-Age=31536000; SameSite=Lax", theme.as_str());
    if let (Some(options), Ok(value)) =
        (use_context::<leptos_axum::ResponseOptions>(), http::HeaderValue::from_str(&cookie))
    {
        options.append_header(http::header::SET_COOKIE, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_theme_is_read_among_other_cookies() {
        assert_eq!(Theme::in_cookies("a=b; theme=dark; c=d"), Theme::Dark);
        assert_eq!(Theme::in_cookies("theme=\"><script>"), Theme::System);
        assert_eq!(Theme::in_cookies(""), Theme::System);
    }
}
