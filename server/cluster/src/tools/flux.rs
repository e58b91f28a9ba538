//! Flux's Kustomization (`kustomize.toolkit.fluxcd.io/v1`) and HelmRelease (`helm.toolkit.fluxcd.io/v2`): the
//! version is an entry of `spec.images`, or values of the chart; it is there when the condition `Ready` of
//! the present generation says so.

use domain::{delegated::FluxStatus, git::CommitHash};
use serde_json::{Value, json};

use super::places::{Form, Place, in_parts, in_tag, joined, name_of, name_of_image, parts};

/// What of a Kustomization says the version.
pub(crate) const KUSTOMIZATION_PART: &str = "/spec/images";

/// What of a HelmRelease says the version.
pub(crate) const HELM_PART: &str = "/spec/values";

/// How deep values are looked into: deeper than any chart has its images.
const DEPTH: usize = 8;

/// The entries of a Kustomization's `spec.images` that say which image it is.
pub(crate) fn kustomization_places(object: &Value) -> Vec<Place> {
    let entries = object.pointer(KUSTOMIZATION_PART).and_then(Value::as_array);
    let place = |(index, entry): (usize, &Value)| {
        let name = entry["name"].as_str()?;
        let repository = entry["newName"].as_str().unwrap_or(name);
        let tag = entry["newTag"].as_str().unwrap_or_default();
        let digest = entry["digest"].as_str().map(|digest| format!("@{digest}")).unwrap_or_default();
        if tag.is_empty() && digest.is_empty() {
            return None;
        }
        let form = Form::Entry { pointer: format!("{KUSTOMIZATION_PART}/{index}"), entry: entry.clone() };
        Some(Place { name: name_of_image(name)?, image: joined(repository, &format!("{tag}{digest}")), form })
    };
    super::places::apart((0..).zip(entries.into_iter().flatten()).filter_map(place).collect())
}

/// An entry of `spec.images` that says this image; what else stands in it stays.
pub(crate) fn entry_with(entry: &Value, image: &str) -> Value {
    let (repository, rest) = parts(image);
    let (tag, digest) = rest.split_once('@').map_or((rest, None), |(tag, digest)| (tag, Some(digest)));
    let mut changed = entry.clone();
    let Some(fields) = changed.as_object_mut() else { return changed };
    let mut set = |key: &str, value: Option<&str>| match value {
        Some(value) => drop(fields.insert(key.to_owned(), json!(value))),
        None => drop(fields.remove(key)),
    };
    set("newTag", Some(tag).filter(|tag| !tag.is_empty()));
    set("digest", digest);
    if entry["name"].as_str() != Some(repository) || entry.get("newName").is_some() {
        set("newName", Some(repository));
    }
    changed
}

/// The images in a HelmRelease's values.
pub(crate) fn helm_places(object: &Value) -> Vec<Place> {
    let values = object.pointer(HELM_PART).unwrap_or(&Value::Null);
    super::places::apart(in_values(values, HELM_PART))
}

/// The images in the values of a chart: what has a `repository` and a `tag`, with a `digest` and a `registry` where these
/// are there, or is a whole reference under a key `image`; or a tag alone.
pub(crate) fn in_values(values: &Value, pointer: &str) -> Vec<Place> {
    let mut places = Vec::new();
    collect(values, pointer, "", DEPTH, &mut places);
    places
}

/// A tag as it is meant: one without quotation marks, `1.27`, is a number in YAML.
fn tag_of(value: &Value) -> Option<String> {
    match value {
        Value::String(tag) => Some(tag.clone()),
        Value::Number(tag) => Some(tag.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn collect(value: &Value, pointer: &str, path: &str, depth: usize, places: &mut Vec<Place>) {
    let Some(fields) = value.as_object().filter(|_| depth > 0) else { return };
    if let Some(tag) = tag_of(&value["tag"]) {
        let at = |field: &str| format!("{pointer}/{field}");
        let tag = (tag.as_str(), at("tag"));
        let digest =
            (value["digest"].as_str().unwrap_or_default(), fields.contains_key("digest").then(|| at("digest")));
        places.extend(match value["repository"].as_str() {
            Some(repository) => name_of(if path.is_empty() { "image" } else { path }).and_then(|name| {
                in_parts(name, value["registry"].as_str(), Some((repository, at("repository"))), tag, digest)
            }),
            // A name that cannot be read here, or comes from another place of the text, is a name all the same.
            None if fields.contains_key("repository") || fields.contains_key("<<") => None,
            None => in_tag(&format!("{path}.tag"), value["registry"].as_str(), tag, digest),
        });
    }
    for (key, inner) in fields {
        // RFC 6901: a tilde and a slash inside a key.
        let below = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        let named = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if let Some(image) = inner.as_str().filter(|image| key == "image" && !parts(image).1.is_empty())
            && let Some(name) = name_of(&named)
        {
            let form = Form::Whole { pointer: below.clone(), before: String::new() };
            places.push(Place { name, image: image.to_owned(), form });
        }
        if let Some(tag) = tag_of(inner).filter(|_| key.ends_with("Tag")) {
            places.extend(in_tag(&named, None, (&tag, below.clone()), ("", None)));
        }
        collect(inner, &below, &named, depth - 1, places);
    }
}

/// Reads what Flux says.
pub(crate) fn status(object: &Value, places: &[Place]) -> FluxStatus {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
    let of = |kind: &str| {
        let is_it = |c: &&Value| c["type"].as_str() == Some(kind) && c["observedGeneration"].as_i64() == generation;
        conditions.into_iter().flatten().find(is_it)
    };
    let text = |condition: &Value, field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    let ready = of("Ready");
    let no_place = || {
        let what = if object.pointer("/spec/chart").is_some() || object.pointer("/spec/chartRef").is_some() {
            "its values name no image; give repository and tag of one, or its tag alone, in spec.values"
        } else {
            "it names no image; add an entry with name and newTag to spec.images, or say on the target's page where in Git \
             the version lives"
        };
        what.to_owned()
    };
    // Where it names an image, that tells what it has brought.
    let brought = if places.is_empty() { brought(object) } else { Brought::default() };
    FluxStatus {
        ready: ready.map(|condition| text(condition, "status")),
        reason: ready.map(|condition| text(condition, "reason")).unwrap_or_default(),
        message: ready
            .map(|condition| crate::error::cut(&text(condition, "message"), 300))
            .filter(|message| !message.is_empty()),
        is_stalled: of("Stalled").is_some_and(|condition| text(condition, "status") == "True"),
        revision: brought.revision,
        attempted: brought.attempted,
        unfit: places.is_empty().then(no_place),
        unfit_for_commits: brought.unfit,
    }
}

/// What Flux says of the commits that an object has brought.
#[derive(Default)]
struct Brought {
    revision: Option<String>,
    attempted: Option<String>,
    /// Why no commit can be recognised.
    unfit: Option<String>,
}

/// The commits of an object with a source; a release has none, and names versions of charts. The revision of an artifact
/// is a digest of its bytes: of which commit they are made, only its origin says.
fn brought(object: &Value) -> Brought {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    match text("/spec/sourceRef/kind") {
        None => Brought::default(),
        Some(kind) if kind == "GitRepository" => Brought {
            revision: text("/status/lastAppliedRevision"),
            attempted: text("/status/lastAttemptedRevision"),
            unfit: None,
        },
        Some(kind) => {
            let origin = text("/status/lastAppliedOriginRevision");
            let revision = origin.filter(|origin| CommitHash::of_revision(origin).is_some());
            let unfit = revision.is_none().then(|| {
                format!(
                    "its source is {kind} {}, which does not say of which commit it is made; have the artifact carry that \
                     (flux push artifact --revision=main@sha1:…), or let it read the Git repository itself",
                    text("/spec/sourceRef/name").unwrap_or_default()
                )
            });
            Brought { revision, attempted: None, unfit }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn found(places: Vec<Place>) -> Vec<(String, String)> {
        places.into_iter().map(|p| (p.name.to_string(), p.image)).collect()
    }

    #[test]
    fn entries_of_a_kustomization_keep_what_else_they_say() {
        let object = json!({"spec": {"images": [
            {"name": "shop/cart", "newName": "r.test/cart", "newTag": "1.0"},
            {"name": "pay", "digest": "sha256:ab"}, {"name": "unset"}]}});
        let places = kustomization_places(&object);
        assert_eq!(
            found(places.clone()),
            [("cart".into(), "r.test/cart:1.0".into()), ("pay".into(), "pay@sha256:ab".into())]
        );
        let Form::Entry { entry, .. } = &places[0].form else { unreachable!() };
        assert_eq!(
            entry_with(entry, "r.test/cart:2.0@sha256:cd"),
            json!({"name": "shop/cart", "newName": "r.test/cart", "newTag": "2.0", "digest": "sha256:cd"})
        );
        assert_eq!(
            entry_with(&json!({"name": "pay", "digest": "sha256:ab"}), "pay:7"),
            json!({"name": "pay", "newTag": "7"})
        );
    }

    #[test]
    fn images_are_found_anywhere_in_the_values() {
        let values = json!({
            "image": {"repository": "r.test/cart", "tag": "1.0", "pullPolicy": "Always"},
            "worker": {"a/b": {"image": "r.test:5000/worker:3"}, "image": "no-tag"},
            "proxy": {"image": {"registry": "r.test", "repository": "proxy", "tag": 2.1}},
            "jobs": {"image": {"tag": "7"}, "imageTag": 1.5, "tag": "no-image", "gitTag": "v1"},
            "cron": {"image": {"tag": ""}},
        });
        let mut names = found(crate::tools::places::apart(in_values(&values, HELM_PART)));
        names.sort();
        assert_eq!(
            names,
            [
                ("image".into(), "r.test/cart:1.0".into()),
                ("jobs-image".into(), ":7".into()),
                ("jobs-image-2".into(), ":1.5".into()),
                ("proxy-image".into(), "r.test/proxy:2.1".into()),
                ("worker-a-b-image".into(), "r.test:5000/worker:3".into()),
            ]
        );
        let places = in_values(&values, HELM_PART);
        let worker = places.iter().find(|p| p.name.as_str().starts_with("worker")).unwrap();
        let pointer = "/spec/values/worker/a~1b/image".to_owned();
        assert_eq!(worker.form, Form::Whole { pointer, before: String::new() });
    }

    #[test]
    fn only_a_condition_of_the_present_generation_counts() {
        let object = |generation: i64| {
            json!({"metadata": {"generation": generation}, "status": {"conditions": [
                {"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded", "observedGeneration": 3}]}})
        };
        assert_eq!(status(&object(3), &[]).ready.as_deref(), Some("True"));
        assert_eq!(status(&object(4), &[]).ready, None);
    }

    #[test]
    fn only_a_revision_of_git_is_a_commit() {
        let (hash, digest) = ("ab".repeat(20), "cd".repeat(32));
        let (oci, git) = (format!("latest@sha256:{digest}"), format!("main@sha1:{hash}"));
        let table = [
            ("GitRepository", &git, None, Some(&git)),
            ("GitRepository", &oci, None, Some(&oci)),
            ("OCIRepository", &oci, Some(&git), Some(&git)),
            ("OCIRepository", &oci, Some(&hash), Some(&hash)),
            ("OCIRepository", &oci, Some(&"1.2.3".to_owned()), None),
            ("OCIRepository", &oci, None, None),
            ("Bucket", &format!("sha256:{digest}"), None, None),
        ];
        for (kind, applied, origin, expected) in table {
            let object = json!({"spec": {"sourceRef": {"kind": kind, "name": "shop"}}, "status": {
                "lastAppliedRevision": applied, "lastAttemptedRevision": applied, "lastAppliedOriginRevision": origin}});
            let seen = status(&object, &[]);
            assert_eq!(seen.revision.as_ref(), expected, "{kind} {applied} {origin:?}");
            assert_eq!(seen.attempted.is_some(), kind == "GitRepository");
            assert_eq!(seen.unfit_for_commits.is_some(), expected.is_none());
            let why = seen.unfit_for_commits.unwrap_or_else(|| format!("its source is {kind} shop"));
            assert!(why.contains(&format!("its source is {kind} shop")), "{why}");
        }
    }
}
