//! What names one cluster in a metric source that several share: label matchers that every question about it
//! carries, and the tenant on whose behalf it is put.

use serde::{Deserialize, Serialize};

use super::promql::is;
use crate::readable;

/// More labels than this name nothing better.
const MOST: usize = 5;

/// Names and values are shorter; what is longer is a mistake.
const LONGEST: usize = 200;

/// Why matchers or a tenant were refused. The text says what to give instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Not of the form.
    #[error("a label is written as cluster=\"eu-1\", several with commas between them; '{0}' is not")]
    Form(String),
    /// Not the name of a label.
    #[error("a label's name has letters, digits and _, and none begins with a digit or two _; '{0}' is not one")]
    Name(String),
    /// A value that nothing has.
    #[error("the value of {0} must have 1 to {LONGEST} characters that can be seen")]
    Value(String),
    /// One label twice.
    #[error("{0} is named twice, and has one value")]
    Twice(String),
    /// Too many.
    #[error("at most {MOST} labels are taken")]
    TooMany,
    /// Not a value of a header.
    #[error("a tenant has 1 to {LONGEST} letters, digits and signs, without spaces")]
    Tenant,
}

/// A label with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Matcher {
    label: String,
    value: String,
}

/// The labels that series of one cluster have in a source that several share; none where it has a source of its own.
/// As text `cluster="eu-1",region="eu"`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Matchers(Vec<Matcher>);

impl Matchers {
    /// Parses matchers; an empty text is none.
    ///
    /// # Errors
    /// [`ScopeError`].
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let mut found: Vec<Matcher> = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (matcher, behind) = matcher(rest)?;
            if found.iter().any(|known| known.label == matcher.label) {
                return Err(ScopeError::Twice(matcher.label));
            }
            found.push(matcher);
            rest = match behind.trim_start() {
                "" => "",
                behind => behind.strip_prefix(',').ok_or_else(|| form(behind))?.trim_start(),
            };
        }
        if found.len() > MOST { Err(ScopeError::TooMany) } else { Ok(Self(found)) }
    }

    /// Whether nothing is named.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As they begin a selector that says more.
    pub(super) fn before(&self, more: &str) -> String {
        if self.is_empty() { more.to_owned() } else { format!("{self},{more}") }
    }
}

impl std::fmt::Display for Matchers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let each: Vec<String> = self.0.iter().map(|one| is(&one.label, &one.value)).collect();
        f.write_str(&each.join(","))
    }
}

impl TryFrom<String> for Matchers {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        Self::parse(&text)
    }
}

impl From<Matchers> for String {
    fn from(matchers: Matchers) -> String {
        matchers.to_string()
    }
}

fn form(text: &str) -> ScopeError {
    ScopeError::Form(text.chars().take(60).collect())
}

/// The first matcher of a text, and what stands behind it.
fn matcher(text: &str) -> Result<(Matcher, &str), ScopeError> {
    let (label, rest) = text.split_once('=').ok_or_else(|| form(text))?;
    let label = label.trim();
    let is_name = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let begins_well = !label.starts_with("__") && !label.starts_with(|c: char| c.is_ascii_digit());
    if label.is_empty() || !is_name || !begins_well || label.len() > LONGEST {
        return Err(ScopeError::Name(label.chars().take(60).collect()));
    }
    let quoted = rest.trim_start().strip_prefix('"').ok_or_else(|| form(text))?;
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, next)) = characters.next() {
        match next {
            '"' => {
                let is_value =
                    (1..=LONGEST).contains(&value.chars().count()) && !value.chars().any(readable::is_hidden);
                let behind = quoted.get(at + 1..).unwrap_or_default();
                let one = Matcher { label: label.to_owned(), value };
                return if is_value { Ok((one, behind)) } else { Err(ScopeError::Value(one.label)) };
            }
            '\\' => match characters.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                _ => return Err(form(text)),
            },
            next => value.push(next),
        }
    }
    Err(form(text))
}

/// On whose behalf a source that several share is asked: the value of the header `X-Scope-OrgID`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(String);

impl Tenant {
    /// Parses a tenant.
    ///
    /// # Errors
    /// [`ScopeError::Tenant`].
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let text = text.trim();
        let is_value = (1..=LONGEST).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
        if is_value { Ok(Self(text.to_owned())) } else { Err(ScopeError::Tenant) }
    }

    /// The tenant as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Tenant {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        Self::parse(&text)
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> String {
        tenant.0
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn matchers_are_written_as_they_are_asked() {
        for (given, written) in [
            ("", ""),
            (" cluster = \"eu-1\" ", "cluster=\"eu-1\""),
            ("cluster=\"eu-1\", region=\"e\\\"u\",", "cluster=\"eu-1\",region=\"e\\\"u\""),
            ("a=\"x,y=\\\\\"", "a=\"x,y=\\\\\""),
        ] {
            let parsed = Matchers::parse(given).unwrap();
            assert_eq!(parsed.to_string(), written);
            assert_eq!(Matchers::parse(written).unwrap(), parsed);
        }
        assert_eq!(Matchers::default().before("a=\"b\""), "a=\"b\"");
        assert_eq!(Matchers::parse("c=\"1\"").unwrap().before("a=\"b\""), "c=\"1\",a=\"b\"");
    }

    #[test]
    fn what_would_not_name_a_cluster_is_refused() {
        for (given, expected) in [
            ("eu-1", "'eu-1' is not"),
            ("cluster=eu-1", "'cluster=eu-1' is not"),
            ("cluster=\"eu-1", "is not"),
            ("cluster=\"eu\\n\"", "is not"),
            ("cluster=\"a\" region=\"b\"", "'region=\"b\"' is not"),
            ("cluster=~\"eu.*\"", "is not"),
            ("1st=\"a\"", "'1st' is not one"),
            ("__name__=\"up\"", "'__name__' is not one"),
            ("cluster!=\"a\"", "'cluster!' is not one"),
            ("=\"a\"", "'' is not one"),
            ("cluster=\"\"", "the value of cluster"),
            ("a=\"1\",a=\"2\"", "a is named twice"),
            ("a=\"1\",b=\"1\",c=\"1\",d=\"1\",e=\"1\",f=\"1\"", "at most 5"),
        ] {
            let refused = Matchers::parse(given).unwrap_err().to_string();
            assert!(refused.contains(expected), "{given}: {refused}");
        }
        assert!(["", "a b", "a\r\nb", "ä"].iter().all(|tenant| Tenant::parse(tenant).is_err()));
        assert_eq!(Tenant::parse(" team-a|team-b ").unwrap().as_str(), "team-a|team-b");
    }
}
