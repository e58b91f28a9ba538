//! What a pipeline sends about a version, parsed into domain types before anything else looks at it.
//! Errors name the field as it stands in the request: `commits[3].hash`.

use chrono::{DateTime, Utc};
use contract::{
    Answer, ApiError,
    versions::{CheckInput, CommitInput, ComponentImage, RegisterVersion},
};
use domain::{
    image::Image,
    names::ContainerName,
    version::{Check, Commit, CommitHash, VersionFlags, VersionImage, VersionLabel, WebLink},
};

use crate::edge;

/// More commits than this are a mistake in the pipeline (a missing base), not a version.
const MAX_COMMITS: usize = 1_000;
const MAX_CHECKS: usize = 100;
const MAX_IMAGES: usize = 20;
const MAX_AUTHOR: usize = 200;
const MAX_TITLE: usize = 500;
const MAX_CHECK_NAME: usize = 120;

/// A version as registered, in domain types.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parsed {
    pub(super) label: VersionLabel,
    pub(super) images: Vec<VersionImage>,
    pub(super) commit: Option<CommitHash>,
    pub(super) commits: Vec<Commit>,
    pub(super) checks: Vec<Check>,
    pub(super) flags: VersionFlags,
    pub(super) built_at: DateTime<Utc>,
}

/// Parses a registration.
///
/// # Errors
/// [`ApiError::invalid`] with the first field that is wrong.
pub(super) fn version(given: &RegisterVersion, now: DateTime<Utc>) -> Answer<Parsed> {
    let label = VersionLabel::parse(&given.version).map_err(|e| ApiError::invalid("version", e.to_string()))?;
    if label.as_str().eq_ignore_ascii_case("latest") {
        let message = "latest names another build tomorrow; give this build a label of its own, such as 2.30.4";
        return Err(ApiError::invalid("version", message));
    }
    edge::at_most("commits", &given.commits, MAX_COMMITS)?;
    let commits = given.commits.iter().enumerate().map(|(i, c)| commit(&format!("commits[{i}]"), c, now));
    Ok(Parsed {
        label,
        images: images(given)?,
        commit: given.commit.as_deref().filter(|c| !c.is_empty()).map(|c| hash("commit", c)).transpose()?,
        commits: commits.collect::<Answer<_>>()?,
        checks: checks(&given.checks)?,
        flags: VersionFlags { is_hotfix: given.hotfix, has_irreversible_migration: given.irreversible_migration },
        built_at: given.built_at.map_or(Ok(now), |at| edge::past("built_at", at, now))?,
    })
}

fn images(given: &RegisterVersion) -> Answer<Vec<VersionImage>> {
    edge::at_most("images", &given.images, MAX_IMAGES)?;
    match (&given.image, given.images.as_slice()) {
        (Some(_), [_, ..]) => Err(ApiError::invalid("images", "give either image or images, not both")),
        (None, []) => {
            let message = "an image is needed, such as registry.example/cart:2.30.4, or images for several";
            Err(ApiError::invalid("image", message))
        }
        (Some(reference), []) => {
            let image = image("image", "digest", reference, given.digest.as_deref())?;
            Ok(vec![VersionImage { component: None, image }])
        }
        (None, several) => {
            if given.digest.is_some() {
                return Err(ApiError::invalid("digest", "with images, each has a digest of its own"));
            }
            components(several)
        }
    }
}

fn components(several: &[ComponentImage]) -> Answer<Vec<VersionImage>> {
    let mut parsed: Vec<VersionImage> = Vec::with_capacity(several.len());
    for (i, given) in several.iter().enumerate() {
        let field = |name: &str| format!("images[{i}].{name}");
        let component = ContainerName::parse(&given.component)
            .map_err(|e| ApiError::invalid(&field("component"), e.to_string()))?;
        if parsed.iter().any(|p| p.component.as_ref() == Some(&component)) {
            let message = format!("there is an image for {component} already");
            return Err(ApiError::invalid(&field("component"), message));
        }
        let image = image(&field("image"), &field("digest"), &given.image, given.digest.as_deref())?;
        parsed.push(VersionImage { component: Some(component), image });
    }
    Ok(parsed)
}

/// `latest` is refused also with a digest: whoever reads the reference would be misled.
fn image(field: &str, digest_field: &str, reference: &str, digest: Option<&str>) -> Answer<Image> {
    if let Some(digest) = digest.filter(|d| !d.trim().is_empty()) {
        domain::image::Digest::parse(digest).map_err(|e| ApiError::invalid(digest_field, e.to_string()))?;
    }
    let image = Image::parse(reference, digest).map_err(|e| ApiError::invalid(field, e.to_string()))?;
    if image.tag() == Some("latest") {
        let message = "the tag latest means another image tomorrow; use the tag of this build";
        return Err(ApiError::invalid(field, message));
    }
    Ok(image)
}

fn hash(field: &str, text: &str) -> Answer<CommitHash> {
    CommitHash::parse(text).map_err(|e| ApiError::invalid(field, e.to_string()))
}

fn commit(field: &str, given: &CommitInput, now: DateTime<Utc>) -> Answer<Commit> {
    Ok(Commit {
        hash: hash(&format!("{field}.hash"), &given.hash)?,
        author: edge::line(&format!("{field}.author"), &given.author, MAX_AUTHOR)?,
        title: edge::line(&format!("{field}.title"), &given.title, MAX_TITLE)?,
        committed_at: edge::past(&format!("{field}.committed_at"), given.committed_at, now)?,
    })
}

/// Parses checks; a name may come once.
///
/// # Errors
/// [`ApiError::invalid`] with the first field that is wrong.
pub(super) fn checks(given: &[CheckInput]) -> Answer<Vec<Check>> {
    edge::at_most("checks", given, MAX_CHECKS)?;
    let mut parsed: Vec<Check> = Vec::with_capacity(given.len());
    for (i, check) in given.iter().enumerate() {
        let field = |name: &str| format!("checks[{i}].{name}");
        let name = edge::some_line(&field("name"), &check.name, MAX_CHECK_NAME)?;
        if parsed.iter().any(|p| p.name == name) {
            return Err(ApiError::invalid(&field("name"), format!("the check {name} is given twice")));
        }
        let link = check.link.as_deref().filter(|l| !l.is_empty()).map(WebLink::parse).transpose();
        let link = link.map_err(|e| ApiError::invalid(&field("link"), e.to_string()))?;
        parsed.push(Check { name, verdict: check.verdict, link, counts: check.counts });
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn given(json: serde_json::Value) -> RegisterVersion {
        serde_json::from_value(json).unwrap()
    }

    fn refused_field(json: serde_json::Value) -> String {
        version(&given(json), now()).unwrap_err().field().unwrap().to_owned()
    }

    #[test]
    fn the_wrong_field_is_named() {
        use serde_json::json;
        let image = "r.example/cart:2.30.4";
        let commit = json!({"hash": "8c1f02e", "author": "Ada", "title": "x", "committed_at": "2026-11-21T08:00:00Z"});
        let with = |name: &str, value: serde_json::Value| {
            let mut commit = commit.clone();
            commit[name] = value;
            json!({"version": "2.30.4", "image": image, "commits": [json!({"hash": "0000000", "author": "", "title": "", "committed_at": "2026-11-21T08:00:00Z"}), commit]})
        };
        for (json, field) in [
            (json!({"version": "", "image": image}), "version"),
            (json!({"version": "2 0", "image": image}), "version"),
            (json!({"version": "latest", "image": image}), "version"),
            (json!({"version": "1"}), "image"),
            (json!({"version": "1", "image": "cart:latest"}), "image"),
            (json!({"version": "1", "image": format!("cart:latest@sha256:{}", "0".repeat(64))}), "image"),
            (json!({"version": "1", "image": "cart"}), "image"),
            (json!({"version": "1", "image": image, "digest": "sha256:12"}), "digest"),
            (json!({"version": "1", "image": image, "images": [{"component": "api", "image": image}]}), "images"),
            (json!({"version": "1", "images": [{"component": "Api", "image": image}]}), "images[0].component"),
            (
                json!({"version": "1", "images": [{"component": "api", "image": image}, {"component": "api", "image": image}]}),
                "images[1].component",
            ),
            (json!({"version": "1", "images": [{"component": "api", "image": "x"}]}), "images[0].image"),
            (json!({"version": "1", "image": image, "commit": "xyz"}), "commit"),
            (with("hash", json!("8c")), "commits[1].hash"),
            (with("author", json!("a\u{0}")), "commits[1].author"),
            (with("title", json!("t".repeat(501))), "commits[1].title"),
            (with("committed_at", json!("2999-01-01T00:00:00Z")), "commits[1].committed_at"),
            (json!({"version": "1", "image": image, "commits": vec![commit.clone(); 1_001]}), "commits"),
            (json!({"version": "1", "image": image, "checks": [{"name": " ", "verdict": "passed"}]}), "checks[0].name"),
            (
                json!({"version": "1", "image": image, "checks": [{"name": "a", "verdict": "passed"}, {"name": "a", "verdict": "failed"}]}),
                "checks[1].name",
            ),
            (
                json!({"version": "1", "image": image, "checks": [{"name": "a", "verdict": "passed", "link": "javascript:alert(1)"}]}),
                "checks[0].link",
            ),
            (json!({"version": "1", "image": image, "built_at": "2999-01-01T00:00:00Z"}), "built_at"),
        ] {
            assert_eq!(refused_field(json.clone()), field, "{json}");
        }
    }

    #[test]
    fn a_complete_registration_is_taken_as_given() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let parsed = version(
            &given(serde_json::json!({
                "version": " 2.30.4 ", "image": "r.example/cart:2.30.4", "digest": digest, "commit": "8C1F02E",
                "commits": [{"hash": "8c1f02e", "author": "Ada", "title": "Refund once", "committed_at": "2026-11-21T08:00:00Z"}],
                "checks": [{"name": "unit tests", "verdict": "passed", "counts": {"tests_run": 412, "tests_failed": 0}}],
                "hotfix": true
            })),
            now(),
        )
        .unwrap();
        assert_eq!(parsed.label.as_str(), "2.30.4");
        assert_eq!(parsed.images[0].image.reference(), format!("r.example/cart:2.30.4@{digest}"));
        assert_eq!(parsed.commit.unwrap().as_str(), "8c1f02e");
        assert_eq!(parsed.checks[0].counts.words(), "412 passed");
        assert!(parsed.flags.is_hotfix && !parsed.flags.has_irreversible_migration);
        assert_eq!(parsed.built_at, now());
    }
}
