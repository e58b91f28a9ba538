//! Container images: what a version is made of and what a cluster runs. `latest` and missing tags
//! are refused, because they name something else tomorrow.

use serde::{Deserialize, Serialize};

use crate::names::ContainerName;

/// Why an image was refused. The text says what to give instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Nothing was given.
    #[error("an image reference is needed, such as registry.example/cart:2.30.4")]
    Empty,
    /// Neither a tag nor a digest.
    #[error("'{0}' has neither a tag nor a digest: it would mean another image tomorrow; add a tag such as :2.30.4")]
    NoTag(String),
    /// The tag `latest`.
    #[error("'{0}' uses the tag latest, which means another image tomorrow; use the tag of this build")]
    Latest(String),
    /// Not the form of a reference.
    #[error("'{0}' is not an image reference (name:tag or name@sha256:...)")]
    Malformed(String),
    /// Not the form of a digest.
    #[error("'{0}' is not a digest (sha256: and 64 hexadecimal digits)")]
    Digest(String),
}

/// A content digest: `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Parses a digest.
    ///
    /// # Errors
    /// [`ImageError::Digest`] for anything but sha256 with 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, ImageError> {
        let text = text.trim();
        let hex = text.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ImageError::Digest(text.to_owned()))
        }
    }

    /// The digest as text, with its `sha256:`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A form for tight places: `sha256:8be1…c07a`.
    #[must_use]
    pub fn short(&self) -> String {
        let hex = self.0.trim_start_matches("sha256:");
        format!("sha256:{}…{}", &hex[..4], &hex[60..])
    }
}

/// An image for a narrow place: `cart:2.30.4` of `registry.example/shop/cart:2.30.4@sha256:…`.
#[must_use]
pub fn short_image(reference: &str) -> &str {
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    let last = name.rsplit('/').next().unwrap_or(name);
    last.strip_prefix(':').unwrap_or(last)
}

/// An image in words: as it is, or the tag where that alone is said.
#[must_use]
pub fn in_words(reference: &str) -> String {
    reference.strip_prefix(':').map_or_else(|| reference.to_owned(), |tag| format!("tag {tag}"))
}

/// What is said of an image where somebody else has its name: a chart that is given a tag alone. As text a colon and
/// what follows it, `:2.30.4`, which no whole reference is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagAlone {
    /// The tag.
    pub tag: String,
    /// The digest, where it is there too.
    pub digest: Option<Digest>,
}

impl TagAlone {
    /// Reads one; `None` for what says a name, or no tag.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (tag, digest) = text.strip_prefix(':').map(|rest| rest.split_once('@').unwrap_or((rest, "")))?;
        let digest = (!digest.is_empty()).then(|| Digest::parse(digest)).transpose().ok()?;
        (!tag.is_empty()).then(|| Self { tag: tag.to_owned(), digest })
    }

    /// The image, where this is its name.
    ///
    /// # Errors
    /// [`ImageError`], as of [`Image::parse`].
    pub fn of(&self, repository: &str) -> Result<Image, ImageError> {
        Image::parse(&format!("{repository}:{}", self.tag), self.digest.as_ref().map(Digest::as_str))
    }
}

impl TryFrom<String> for Digest {
    type Error = ImageError;

    fn try_from(text: String) -> Result<Self, ImageError> {
        Self::parse(&text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.0
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One image of a version: a reference with a tag, and the digest when it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Image {
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Image {
    /// Parses `name:tag`, `name@sha256:…` or `name:tag@sha256:…`; `digest` adds what the reference
    /// does not say.
    ///
    /// # Errors
    /// [`ImageError`] when the reference could mean another image tomorrow or is malformed.
    pub fn parse(reference: &str, digest: Option<&str>) -> Result<Self, ImageError> {
        let text = reference.trim();
        if text.is_empty() {
            return Err(ImageError::Empty);
        }
        let malformed = || ImageError::Malformed(text.to_owned());
        let bad_character = |c: char| !(c.is_ascii_alphanumeric() || "._-/:@".contains(c));
        if text.len() > 512 || text.contains(bad_character) {
            return Err(malformed());
        }
        let (name, in_reference) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(Digest::parse(digest)?)),
            None => (text, None),
        };
        let given = digest.map(str::trim).filter(|d| !d.is_empty()).map(Digest::parse).transpose()?;
        if let (Some(a), Some(b)) = (&in_reference, &given)
            && a != b
        {
            return Err(malformed());
        }
        let digest = in_reference.or(given);
        // A colon before the last slash belongs to a registry's port.
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (name, None),
        };
        if repository.is_empty() || repository.starts_with('/') || tag == Some("") {
            return Err(malformed());
        }
        match tag {
            None if digest.is_none() => Err(ImageError::NoTag(text.to_owned())),
            Some("latest") if digest.is_none() => Err(ImageError::Latest(text.to_owned())),
            _ => Ok(Self { repository: repository.to_owned(), tag: tag.map(str::to_owned), digest }),
        }
    }

    /// The name without tag and digest.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, where there is one.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, when it is known.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Whether this names the same bytes for ever.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.digest.is_some()
    }

    /// What is written into a pod template: with the digest when known, and the tag beside it for
    /// people who read it.
    #[must_use]
    pub fn reference(&self) -> String {
        let tag = self.tag.as_ref().map(|t| format!(":{t}")).unwrap_or_default();
        let digest = self.digest.as_ref().map(|d| format!("@{d}")).unwrap_or_default();
        format!("{}{tag}{digest}", self.repository)
    }

    /// Whether a reference found in a cluster means this image: by digest when both have one,
    /// otherwise by repository and tag.
    #[must_use]
    pub fn is_named_by(&self, reference: &str) -> bool {
        let alone = TagAlone::parse(reference).map(|alone| alone.of(&self.repository));
        let Ok(other) = alone.unwrap_or_else(|| Image::parse(reference, None)) else {
            return false;
        };
        match (&self.digest, &other.digest) {
            (Some(a), Some(b)) => a == b,
            (Some(_), None) | (None, Some(_)) | (None, None) => {
                self.repository == other.repository && self.tag.is_some() && self.tag == other.tag
            }
        }
    }
}

impl std::fmt::Display for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reference())
    }
}

/// An image set in a container of a pod template, as Kubernetes writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContainerImage {
    /// The container's name in the template.
    pub container: ContainerName,
    /// The full image reference.
    pub image: String,
}

impl ContainerImage {
    /// Whether a container that was set so is seen as `seen`: admission policies (Kyverno's `verifyImages`, Sigstore's
    /// policy-controller) add the digest that a tag has at the moment; where a chart has the name, the tag alone is seen.
    #[must_use]
    pub fn is_shown_as(&self, seen: &Self) -> bool {
        let digest = seen.image.strip_prefix(self.image.as_str());
        let is_same = digest.is_some_and(|rest| rest.is_empty() || rest.starts_with("@sha256:"));
        self.container == seen.container && (is_same || self.is_said_by_tag(&seen.image))
    }

    fn is_said_by_tag(&self, seen: &str) -> bool {
        let said = TagAlone::parse(seen).zip(Image::parse(&self.image, None).ok());
        said.is_some_and(|(alone, image)| alone.of(image.repository()).is_ok_and(|whole| whole == image))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_reference_that_moves_is_refused() {
        assert_eq!(Image::parse("cart", None), Err(ImageError::NoTag("cart".into())));
        assert_eq!(Image::parse("a:5000/cart", None), Err(ImageError::NoTag("a:5000/cart".into())));
        assert_eq!(Image::parse("cart:latest", None), Err(ImageError::Latest("cart:latest".into())));
        assert!(Image::parse("cart:latest", Some(DIGEST)).is_ok());
        assert!(Image::parse("cart", Some(DIGEST)).is_ok());
    }

    #[test]
    fn malformed_references_are_refused() {
        for text in ["", ":1", "cart:", "ca rt:1", "cart:1@sha256:12", "/cart:1", "cart:1\n", "cärt:1"] {
            let parsed = Image::parse(text, None);
            assert!(parsed.is_err() || text.ends_with('\n'), "{text:?} gave {parsed:?}");
        }
    }

    #[test]
    fn a_tag_alone_is_of_the_image_that_has_it() {
        let seen =
            |said: &str| ContainerImage { container: ContainerName::parse("app").unwrap(), image: said.to_owned() };
        let pinned = format!("r.test:5000/cart:2.0@{DIGEST}");
        let table = [
            ("r.test:5000/cart:2.0", ":2.0", true, true),
            ("r.test:5000/cart:2.0", ":2.1", false, false),
            ("r.test:5000/cart:2.0", ":", false, false),
            ("r.test:5000/cart:2.0", "2.0", false, false),
            (&pinned, &format!(":2.0@{DIGEST}"), true, true),
            // What was set has the digest beside the tag: without it somebody else has been there.
            (&pinned, ":2.0", false, true),
            (":2.0", ":2.0", true, false),
        ];
        for (wanted, said, is_shown, is_named) in table {
            assert_eq!(seen(wanted).is_shown_as(&seen(said)), is_shown, "{wanted} {said}");
            assert_eq!(
                Image::parse(wanted, None).is_ok_and(|image| image.is_named_by(said)),
                is_named,
                "{wanted} {said}"
            );
        }
        assert_eq!(
            (short_image(":2.0"), in_words(":2.0").as_str(), in_words("a:2").as_str()),
            ("2.0", "tag 2.0", "a:2")
        );
        assert_eq!(TagAlone::parse(":1").unwrap().of("r.test/cart").unwrap().reference(), "r.test/cart:1");
        assert!(TagAlone::parse("r.test/cart:1").is_none() && TagAlone::parse(":1@sha256:12").is_none());
    }

    #[test]
    fn the_digest_is_written_when_it_is_known() {
        let image = Image::parse("r.example:5000/cart:2.0", Some(DIGEST)).unwrap();
        assert_eq!(image.reference(), format!("r.example:5000/cart:2.0@{DIGEST}"));
        assert!(image.is_named_by(&image.reference()));
        assert!(image.is_named_by("r.example:5000/cart:2.0"));
        assert!(!image.is_named_by("r.example:5000/cart:2.1"));
        assert_eq!(Image::parse(&image.reference(), None).unwrap(), image);
    }
}
