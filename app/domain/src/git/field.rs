//! Which field of a file says a version, and what of the version stands there.
//!
//! A path is keys with dots between them: `spec.values.image.tag`. An entry of a list is chosen by what it
//! says, `images[name=cart].newTag`, or by its place from 0, `containers[0].image`. A key with other letters
//! than these stands in double quotes: `metadata.annotations."example.com/version"`.

use serde::{Deserialize, Serialize};

use crate::{image::Image, names::ContainerName, readable, version::VersionImage};

/// Why a field was refused, or cannot be filled. The text says what to give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Not a path.
    #[error(
        "'{0}' is not a field; give keys with dots between them, such as spec.values.image.tag or images[name=cart].newTag"
    )]
    Path(String),
    /// What stands there is not known.
    #[error(
        "'{0}' is nothing that a version has; after ' = ' stands tag, image, digest or version, and 'of NAME' for one of several images"
    )]
    Value(String),
    /// The version has no such image.
    #[error("this version has no image for {component}, which the field {field} says")]
    NoImage {
        /// Which.
        component: String,
        /// The field.
        field: String,
    },
    /// The version has several images.
    #[error(
        "this version has several images, and the field {0} does not say of which: add 'of NAME' to it on the target's page"
    )]
    WhichImage(String),
    /// The image has no tag, or no digest.
    #[error("the image of this version has no {what}, which the field {field} says")]
    Lacks {
        /// What.
        what: &'static str,
        /// The field.
        field: String,
    },
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldStep {
    /// Into a mapping.
    Key(String),
    /// Into a list, by its place.
    Index(usize),
    /// Into a list, by what its entry says.
    Where {
        /// The entry's key.
        key: String,
        /// What stands there.
        value: String,
    },
}

/// A path to a scalar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FieldPath {
    steps: Vec<FieldStep>,
}

impl FieldPath {
    /// The longest path.
    const AT_MOST: usize = 500;

    /// Reads a path.
    ///
    /// # Errors
    /// [`FieldError::Path`].
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        let wrong = || FieldError::Path(readable::plain(text).take(120).collect());
        if text.len() > Self::AT_MOST || text.chars().any(readable::is_hidden) {
            return Err(wrong());
        }
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            let (key, after) = take_key(rest).ok_or_else(wrong)?;
            steps.push(FieldStep::Key(key));
            rest = after;
            while let Some(inside) = rest.strip_prefix('[') {
                let (step, after) = take_choice(inside).ok_or_else(wrong)?;
                steps.push(step);
                rest = after;
            }
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None if rest.is_empty() => return Ok(Self { steps }),
                None => return Err(wrong()),
            }
        }
    }

    /// Its steps, from the top.
    #[must_use]
    pub fn steps(&self) -> &[FieldStep] {
        &self.steps
    }

    /// The last key.
    #[must_use]
    pub fn last_key(&self) -> &str {
        let key = self.steps.iter().rev().find_map(|step| match step {
            FieldStep::Key(key) => Some(key.as_str()),
            FieldStep::Index(_) | FieldStep::Where { .. } => None,
        });
        key.unwrap_or_default()
    }
}

fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-/".contains(c)
}

/// A key, bare or in double quotes, and what follows it.
fn take_key(text: &str) -> Option<(String, &str)> {
    if let Some(inside) = text.strip_prefix('"') {
        let (key, rest) = inside.split_once('"')?;
        return (!key.is_empty()).then(|| (key.to_owned(), rest));
    }
    let end = text.find(|c| !is_bare(c)).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    (!key.is_empty()).then(|| (key.to_owned(), rest))
}

/// What stands in brackets, and what follows them.
fn take_choice(inside: &str) -> Option<(FieldStep, &str)> {
    if let Some((number, rest)) = inside.split_once(']')
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
    {
        return Some((FieldStep::Index(number.parse().ok()?), rest));
    }
    let (key, rest) = take_key(inside)?;
    let rest = rest.strip_prefix('=')?;
    let (value, rest) = match rest.strip_prefix('"') {
        Some(inside) => inside.split_once('"').and_then(|(value, rest)| Some((value, rest.strip_prefix(']')?)))?,
        None => rest.split_once(']').filter(|(value, _)| !value.contains(['"', '[']))?,
    };
    (!value.is_empty()).then(|| (FieldStep::Where { key, value: value.to_owned() }, rest))
}

impl std::fmt::Display for FieldPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = |key: &str| if key.chars().all(is_bare) { key.to_owned() } else { format!("\"{key}\"") };
        for (at, step) in self.steps.iter().enumerate() {
            match step {
                FieldStep::Key(name) => write!(f, "{}{}", if at == 0 { "" } else { "." }, key(name))?,
                FieldStep::Index(index) => write!(f, "[{index}]")?,
                FieldStep::Where { key: name, value } if value.contains(['[', ']']) => {
                    write!(f, "[{}=\"{value}\"]", key(name))?
                }
                FieldStep::Where { key: name, value } => write!(f, "[{}={value}]", key(name))?,
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for FieldPath {
    type Error = FieldError;

    fn try_from(text: String) -> Result<Self, FieldError> {
        Self::parse(&text)
    }
}

impl From<FieldPath> for String {
    fn from(path: FieldPath) -> String {
        path.to_string()
    }
}

/// What of a version stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GitValue {
    /// The image's tag: `2.30.4`.
    Tag,
    /// The whole reference: `registry.example/cart:2.30.4`, with its digest where that is known.
    Image,
    /// The image's digest: `sha256:…`.
    Digest,
    /// The version's label.
    Version,
}

impl GitValue {
    const ALL: [Self; 4] = [Self::Tag, Self::Image, Self::Digest, Self::Version];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Image => "image",
            Self::Digest => "digest",
            Self::Version => "version",
        }
    }

    /// What a field says when nobody has said it: by its last key, and mostly the tag.
    fn usual(path: &FieldPath) -> Self {
        match path.last_key() {
            "image" => Self::Image,
            "digest" => Self::Digest,
            _ => Self::Tag,
        }
    }
}

/// A field of a target's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GitField {
    /// Where it is.
    pub path: FieldPath,
    /// What stands there.
    pub value: GitValue,
    /// Of which image, where a version has several.
    pub component: Option<ContainerName>,
}

impl GitField {
    /// Reads `PATH`, `PATH = tag` or `PATH = tag of NAME`.
    ///
    /// # Errors
    /// [`FieldError`].
    pub fn parse(line: &str) -> Result<Self, FieldError> {
        let Some((path, what)) = line.split_once(" = ") else {
            let path = FieldPath::parse(line)?;
            return Ok(Self { value: GitValue::usual(&path), path, component: None });
        };
        let path = FieldPath::parse(path)?;
        let wrong = || FieldError::Value(readable::plain(what.trim()).take(120).collect());
        let (word, component) = match what.trim().split_once(" of ") {
            Some((word, name)) => (word.trim(), Some(ContainerName::parse(name).map_err(|_| wrong())?)),
            None => (what.trim(), None),
        };
        let value = GitValue::ALL.into_iter().find(|value| value.as_str() == word).ok_or_else(wrong)?;
        Ok(Self { path, value, component })
    }

    /// What a version says there.
    ///
    /// # Errors
    /// [`FieldError`] when the version does not have it.
    pub(super) fn value_of(&self, label: &str, images: &[VersionImage]) -> Result<String, FieldError> {
        if self.value == GitValue::Version {
            return Ok(label.to_owned());
        }
        let field = || self.path.to_string();
        let image: &Image = match (images, &self.component) {
            ([only], _) if only.component.is_none() => &only.image,
            ([only], None) => &only.image,
            (_, Some(name)) => {
                let found = images.iter().find(|image| image.component.as_ref() == Some(name));
                let lacks = || FieldError::NoImage { component: name.to_string(), field: field() };
                &found.ok_or_else(lacks)?.image
            }
            (_, None) => return Err(FieldError::WhichImage(field())),
        };
        let lacks = |what| FieldError::Lacks { what, field: field() };
        match self.value {
            GitValue::Tag => image.tag().map(str::to_owned).ok_or_else(|| lacks("tag")),
            GitValue::Digest => image.digest().map(ToString::to_string).ok_or_else(|| lacks("digest")),
            GitValue::Image | GitValue::Version => Ok(image.reference()),
        }
    }
}

impl std::fmt::Display for GitField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.path)?;
        match &self.component {
            Some(component) => write!(f, " = {} of {component}", self.value.as_str()),
            None if self.value == GitValue::usual(&self.path) => Ok(()),
            None => write!(f, " = {}", self.value.as_str()),
        }
    }
}

impl TryFrom<String> for GitField {
    type Error = FieldError;

    fn try_from(text: String) -> Result<Self, FieldError> {
        Self::parse(&text)
    }
}

impl From<GitField> for String {
    fn from(field: GitField) -> String {
        field.to_string()
    }
}
