//! Finds a field in a YAML or JSON file and gives it another value. Every other byte of the file stays as
//! it is: comments, order, quotes, line endings. What was written is read again before it counts.
//!
//! Fails with [`EditError`], which says why the field cannot be set and what to do about it.

mod nodes;

use std::ops::Range;

use domain::git::{FieldPath, FieldStep, GitWrite};
use serde_json::Value;

use crate::nodes::{Node, Style, documents};

/// Why a field cannot be read or set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file is not YAML.
    #[error("the file cannot be read as YAML: {0}; mend it there")]
    Unreadable(String),
    /// There is no such field.
    #[error("the file has no field {0}; correct the field on the target's page, or put it back into the file")]
    Missing(String),
    /// More than one.
    #[error(
        "the file has the field {0} more than once; name the one by what it says, as in images[name=cart].newTag, or give the object a file of its own"
    )]
    Ambiguous(String),
    /// It is no plain value.
    #[error("the field {field} is {what}, and only a single value on one line can be set; name the value itself")]
    NotAScalar {
        /// The field.
        field: String,
        /// What it is instead.
        what: &'static str,
    },
    /// The value would not be read as it is meant.
    #[error("the value '{value}' cannot be written into the field {field} without changing more of the file")]
    Unwritable {
        /// The field.
        field: String,
        /// The value.
        value: String,
    },
}

impl EditError {
    /// Why, in words that follow what could not be read or set, for a text that is no file of its own.
    #[must_use]
    pub fn why(&self) -> String {
        match self {
            Self::Unreadable(why) => format!("it is no YAML ({why})"),
            Self::Missing(field) => format!("{field} is not there any more"),
            Self::Ambiguous(field) => format!("{field} is there more than once; say it once"),
            Self::NotAScalar { field, what } => format!("{field} is {what}; write the value itself there, on one line"),
            Self::Unwritable { field, value } => {
                format!("{field} cannot be set to '{value}' without changing more of it")
            }
        }
    }
}

/// What a text of one document says, each scalar as it is written, but `null` where nothing is. What is a reference to
/// another place of the text is nothing here, because it cannot be set there.
///
/// # Errors
/// [`EditError::Unreadable`], also of a text of several documents.
pub fn read(text: &str) -> Result<Value, EditError> {
    match documents(text)?.as_slice() {
        [] => Ok(Value::Null),
        [one] => Ok(said(one)),
        _ => Err(EditError::Unreadable("it has several documents".to_owned())),
    }
}

fn said(node: &Node) -> Value {
    match node {
        Node::Scalar { value, style: Style::Plain, .. } if matches!(value.as_str(), "" | "~" | "null") => Value::Null,
        Node::Scalar { value, .. } => Value::String(value.clone()),
        Node::Mapping(pairs) => {
            let text = |(key, value): &(Node, Node)| match key {
                Node::Scalar { value: key, .. } => Some((key.clone(), said(value))),
                Node::Mapping(_) | Node::Sequence(_) | Node::Alias => None,
            };
            Value::Object(pairs.iter().filter_map(text).collect())
        }
        Node::Sequence(items) => Value::Array(items.iter().map(said).collect()),
        Node::Alias => Value::Null,
    }
}

/// What the fields say, in the order of `writes`.
///
/// # Errors
/// [`EditError`].
pub fn values(text: &str, writes: &[GitWrite]) -> Result<Vec<String>, EditError> {
    let documents = documents(text)?;
    let value = |write: &GitWrite| Ok(find(&documents, &write.field)?.0);
    writes.iter().map(value).collect()
}

/// The file with the fields set; JSON gets its values in quotes.
///
/// # Errors
/// [`EditError`].
pub fn with(text: &str, writes: &[GitWrite], is_json: bool) -> Result<String, EditError> {
    let mut changed = text.to_owned();
    for write in writes {
        changed = set(&changed, write, is_json)?;
    }
    Ok(changed)
}

fn set(text: &str, write: &GitWrite, is_json: bool) -> Result<String, EditError> {
    let before = documents(text)?;
    let (value, style, at) = find(&before, &write.field)?;
    if value == write.value && (style != Style::Plain || is_plain(&value) || text.get(at.clone()) == Some(&value)) {
        return Ok(text.to_owned());
    }
    let unwritable = || EditError::Unwritable { field: write.field.to_string(), value: write.value.clone() };
    let written = quoted(&write.value, style, is_json).ok_or_else(unwritable)?;
    let (head, tail) = text.get(..at.start).zip(text.get(at.end..)).ok_or_else(unwritable)?;
    let changed = format!("{head}{written}{tail}");
    // What comes out must be the same file but for this value.
    let after = documents(&changed)?;
    let is_same =
        after.len() == before.len() && before.iter().zip(&after).all(|(a, b)| differs(a, b, &at) == Some(false));
    match find(&after, &write.field) {
        Ok((found, ..)) if found == write.value && is_same => Ok(changed),
        Ok(_) | Err(_) => Err(unwritable()),
    }
}

/// Whether two nodes differ anywhere but in the scalar that begins at `at`; `None` when they are not of one form.
fn differs(a: &Node, b: &Node, at: &Range<usize>) -> Option<bool> {
    match (a, b) {
        (Node::Scalar { value: old, at: place, .. }, Node::Scalar { value: new, .. }) => {
            Some(place.start != at.start && old != new)
        }
        (Node::Mapping(old), Node::Mapping(new)) if old.len() == new.len() => {
            let mut pairs = old.iter().zip(new).flat_map(|(x, y)| [(&x.0, &y.0), (&x.1, &y.1)]);
            pairs.try_fold(false, |any, (x, y)| Some(any | differs(x, y, at)?))
        }
        (Node::Sequence(old), Node::Sequence(new)) if old.len() == new.len() => {
            old.iter().zip(new).try_fold(false, |any, (x, y)| Some(any | differs(x, y, at)?))
        }
        (Node::Alias, Node::Alias) => Some(false),
        _ => None,
    }
}

/// The value as it is written in place of one of this style; `None` when it cannot be.
fn quoted(value: &str, style: Style, is_json: bool) -> Option<String> {
    if value.chars().any(char::is_control) {
        return None;
    }
    let double = || format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    Some(match style {
        Style::Block => return None,
        Style::Single if !is_json => format!("'{}'", value.replace('\'', "''")),
        Style::Plain if !is_json && is_plain(value) => value.to_owned(),
        Style::Plain | Style::Single | Style::Double => double(),
    })
}

/// Whether a text without quotes is read as text by everybody: it begins with a letter that begins nothing
/// else, or is a version that no reader takes for a number or a date, and has nothing inside that ends it.
fn is_plain(value: &str) -> bool {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "._-/:@+".contains(c);
    let first = value.chars().next();
    let is_word = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word));
    // 1.10 is a number, 1e5 and 0x1 too, 12:30 is one of base 60, 2026-11-22 a date.
    let is_number = first.is_some_and(|c| c.is_ascii_digit())
        && (value.bytes().filter(|b| *b == b'.').count() < 2
            || value.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'_'))
        && !is_three_parts(value);
    let begins_well = first.is_some_and(|c| c.is_ascii_alphanumeric());
    begins_well && !is_word && !is_number && !value.ends_with(':') && value.chars().all(is_inside)
}

/// `2.30.4`, perhaps with more behind it: no reader takes two dots for a number.
fn is_three_parts(value: &str) -> bool {
    let mut parts = value.splitn(3, '.');
    let is_digits =
        |part: Option<&str>| part.is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    is_digits(parts.next())
        && is_digits(parts.next())
        && parts.next().is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The one scalar that a path leads to.
fn find(documents: &[Node], path: &FieldPath) -> Result<(String, Style, Range<usize>), EditError> {
    let mut found = Vec::new();
    for document in documents {
        follow(document, path.steps(), &mut found);
    }
    let not = |what| EditError::NotAScalar { field: path.to_string(), what };
    match found.as_slice() {
        [] => Err(EditError::Missing(path.to_string())),
        [Node::Scalar { style: Style::Block, .. }] => Err(not("a block of text")),
        [Node::Scalar { at, .. }] if at.is_empty() => Err(not("empty")),
        [Node::Scalar { value, style, at }] => Ok((value.clone(), *style, at.clone())),
        [Node::Mapping(_)] => Err(not("a mapping")),
        [Node::Sequence(_)] => Err(not("a list")),
        [Node::Alias] => Err(not("a reference to another place of the file")),
        [_, _, ..] => Err(EditError::Ambiguous(path.to_string())),
    }
}

fn follow<'n>(node: &'n Node, steps: &[FieldStep], found: &mut Vec<&'n Node>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(node);
        return;
    };
    match (step, node) {
        (FieldStep::Key(key), Node::Mapping(pairs)) => {
            for (_, value) in pairs.iter().filter(|(name, _)| says(name, key)) {
                follow(value, rest, found);
            }
        }
        (FieldStep::Index(index), Node::Sequence(items)) => {
            if let Some(item) = items.get(*index) {
                follow(item, rest, found);
            }
        }
        (FieldStep::Where { key, value }, Node::Sequence(items)) => {
            for item in items.iter().filter(|item| has(item, key, value)) {
                follow(item, rest, found);
            }
        }
        _ => {}
    }
}

fn says(node: &Node, text: &str) -> bool {
    matches!(node, Node::Scalar { value, .. } if value == text)
}

fn has(node: &Node, key: &str, value: &str) -> bool {
    matches!(node, Node::Mapping(pairs) if pairs.iter().any(|(name, found)| says(name, key) && says(found, value)))
}
