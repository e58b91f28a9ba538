//! A query of a person's own with the placeholders `{{service}}`, `{{namespace}}`, `{{version}}`, `{{window}}`
//! and `{{matchers}}`.
//!
//! A value is put in as the place asks for it, so that no name can end a string and begin PromQL: in a
//! quoted string it is escaped for that kind of quote, after `=~` and `!~` also as a regular expression.
//! Outside of strings only the window may stand, and what names the cluster, which is a list of matchers and stands
//! nowhere else; anything else is refused when the query is parsed.

use serde::{Deserialize, Serialize};

use crate::readable;

/// Queries longer than this are refused: a page of PromQL is a recording rule.
const LONGEST: usize = 4_000;

/// What a query may ask to be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// The service's name.
    Service,
    /// The namespace.
    Namespace,
    /// The version's label.
    Version,
    /// The rule's window, as a PromQL duration: `60s`.
    Window,
    /// What names the cluster in a source that several share, between braces: `cluster="eu-1"`, or nothing.
    Matchers,
}

impl Placeholder {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "service" => Some(Self::Service),
            "namespace" => Some(Self::Namespace),
            "version" => Some(Self::Version),
            "window" => Some(Self::Window),
            "matchers" => Some(Self::Matchers),
            _ => None,
        }
    }
}

/// Why a query was refused. The text says what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomQueryError {
    /// Nothing was given.
    #[error("a query is needed")]
    Empty,
    /// Too long.
    #[error("a query has at most {LONGEST} characters; make a recording rule of a longer one")]
    TooLong,
    /// Characters that mislead or cannot be seen.
    #[error("there are characters in the query that nobody can see; write it anew")]
    Hidden,
    /// Not one of them.
    #[error(
        "{{{{{0}}}}} is not known; there are {{{{service}}}}, {{{{namespace}}}}, {{{{version}}}}, {{{{window}}}} and \
         {{{{matchers}}}}"
    )]
    Unknown(String),
    /// `{{` without its end.
    #[error("a placeholder is not closed with }}}}")]
    NotClosed,
    /// A quote without its end.
    #[error("a quote ({0}) is not closed")]
    Quote(char),
    /// A name outside of a string.
    #[error("{{{{{0}}}}} must stand inside a quoted string, such as service=\"{{{{service}}}}\"")]
    NotQuoted(String),
    /// Matchers inside of a string.
    #[error("{{{{{0}}}}} must stand between braces and outside of quotes, such as up{{job=\"x\", {{{{{0}}}}}}}")]
    Quoted(String),
    /// A placeholder in a comment.
    #[error("{{{{{0}}}}} stands in a comment")]
    InComment(String),
}

/// Where in PromQL a placeholder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Bare,
    Comment,
    Quoted { quote: char, is_pattern: bool },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Hole(Placeholder, Place),
}

/// A query that was parsed: every placeholder is known and stands where it can be filled in safely.
/// What the source thinks of the rest is its own to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CustomQuery {
    text: String,
    parts: Vec<Part>,
}

impl CustomQuery {
    /// Parses a query.
    ///
    /// # Errors
    /// [`CustomQueryError`].
    pub fn parse(text: &str) -> Result<Self, CustomQueryError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(CustomQueryError::Empty);
        }
        if text.chars().count() > LONGEST {
            return Err(CustomQueryError::TooLong);
        }
        if text.chars().any(|c| readable::is_hidden(c) && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(CustomQueryError::Hidden);
        }
        Ok(Self { text: text.to_owned(), parts: parts(text)? })
    }

    /// The query as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has this placeholder.
    #[must_use]
    pub fn asks_for(&self, placeholder: Placeholder) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Hole(found, _) if *found == placeholder))
    }

    /// The query with its placeholders filled in; `value` gives what each stands for.
    #[must_use]
    pub fn filled(&self, value: impl Fn(Placeholder) -> String) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut is_nothing = false;
        for part in &self.parts {
            match part {
                // No matcher may be missing before a comma.
                Part::Text(text) if is_nothing => {
                    let rest = text.trim_start();
                    out.push_str(rest.strip_prefix(',').unwrap_or(rest));
                    is_nothing = false;
                }
                Part::Text(text) => out.push_str(text),
                Part::Hole(placeholder, place) => {
                    let value = fitted(&value(*placeholder), *place);
                    is_nothing = *placeholder == Placeholder::Matchers && value.is_empty();
                    out.push_str(&value);
                }
            }
        }
        out
    }
}

impl TryFrom<String> for CustomQuery {
    type Error = CustomQueryError;

    fn try_from(text: String) -> Result<Self, CustomQueryError> {
        Self::parse(&text)
    }
}

impl From<CustomQuery> for String {
    fn from(query: CustomQuery) -> String {
        query.text
    }
}

fn parts(text: &str) -> Result<Vec<Part>, CustomQueryError> {
    let (mut parts, mut plain, mut place) = (Vec::new(), String::new(), Place::Bare);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("{{") {
            let (word, behind) = after.split_once("}}").ok_or(CustomQueryError::NotClosed)?;
            parts.push(Part::Text(std::mem::take(&mut plain)));
            parts.push(Part::Hole(hole(word, place)?, place));
            rest = behind;
            continue;
        }
        // An escaped character cannot end its string; raw strings have no escapes.
        let is_escape = next == '\\' && matches!(place, Place::Quoted { quote: '"' | '\'', .. });
        let taken = rest.chars().take(if is_escape { 2 } else { 1 }).map(char::len_utf8).sum();
        let (now, behind) = rest.split_at(taken);
        if !is_escape {
            place = moved(place, next, &plain);
        }
        plain.push_str(now);
        rest = behind;
    }
    parts.push(Part::Text(plain));
    match place {
        Place::Bare | Place::Comment => Ok(parts),
        Place::Quoted { quote, .. } => Err(CustomQueryError::Quote(quote)),
    }
}

fn hole(word: &str, place: Place) -> Result<Placeholder, CustomQueryError> {
    let word = word.trim();
    let shown = || word.chars().take(60).collect::<String>();
    let placeholder = Placeholder::parse(word).ok_or_else(|| CustomQueryError::Unknown(shown()))?;
    match (place, placeholder) {
        (Place::Comment, _) => Err(CustomQueryError::InComment(shown())),
        (Place::Bare, Placeholder::Service | Placeholder::Namespace | Placeholder::Version) => {
            Err(CustomQueryError::NotQuoted(shown()))
        }
        (Place::Quoted { .. }, Placeholder::Matchers) => Err(CustomQueryError::Quoted(shown())),
        (Place::Bare, Placeholder::Window | Placeholder::Matchers) | (Place::Quoted { .. }, _) => Ok(placeholder),
    }
}

/// Where the next character stands after `next`, with `before` in front of it.
fn moved(place: Place, next: char, before: &str) -> Place {
    match place {
        Place::Bare if matches!(next, '"' | '\'' | '`') => {
            let before = before.trim_end();
            Place::Quoted { quote: next, is_pattern: before.ends_with("=~") || before.ends_with("!~") }
        }
        Place::Bare if next == '#' => Place::Comment,
        Place::Comment if next == '\n' => Place::Bare,
        Place::Quoted { quote, .. } if quote == next => Place::Bare,
        Place::Bare | Place::Comment | Place::Quoted { .. } => place,
    }
}

fn fitted(value: &str, place: Place) -> String {
    match place {
        Place::Bare | Place::Comment => value.to_owned(),
        Place::Quoted { quote, is_pattern } => {
            let value = if is_pattern { pattern_of(value) } else { value.to_owned() };
            // A raw string has no way to write its own quote, and no name has one.
            if quote == '`' { value.replace('`', "") } else { escaped(&value, quote) }
        }
    }
}

/// A value for a PromQL string in `quote`s. The other kind of quote may not be escaped there.
pub(super) fn escaped(value: &str, quote: char) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            c if c == '\\' || c == quote => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out
}

/// A value that a regular expression (RE2) takes literally.
pub(super) fn pattern_of(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
