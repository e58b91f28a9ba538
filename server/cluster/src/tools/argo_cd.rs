//! Argo CD's Application (`argoproj.io/v1alpha1`): the version is an override in its source, of kustomize's
//! images or of Helm's values; it is there when Argo CD has compared with that very source and says synced and
//! healthy. One that does not sync by itself is asked to, by the entry that Argo CD's own server makes.

use domain::{delegated::ApplicationStatus, git::CommitHash, image::ContainerImage};
use serde_json::{Map, Value, json};

use super::{
    flux,
    places::{Form, Place, in_parts, in_tag, name_of, name_of_image},
};

/// What of the object says the version.
pub(crate) const PART: &str = "/spec/source";

/// What says it where there are several sources; the one beside them is ignored.
const SEVERAL: &str = "/spec/sources";

/// Why no version can be set where no image is named.
const NO_PLACE: &str = "its source names no image; override one where Argo CD reads it: in kustomize.images \
                        (cart=registry.example/cart:1.0), by the Helm parameters image.repository and image.tag, or image.tag \
                        alone, or in the values for Helm; or say on the target's page where in Git the version lives, and Slipway commits it there";

/// Where a sync under way says how it is.
pub(crate) const OPERATION_PHASE: &str = "/status/operationState/phase";

/// By which Argo CD's own server ends a sync under way (`TerminateOperation`).
pub(crate) const TERMINATING: &str = "Terminating";

/// By which Argo CD is asked to look into the repository; it takes it away when it has.
const REFRESH: &str = "/metadata/annotations/argocd.argoproj.io~1refresh";

/// What of this object says the version.
pub(crate) fn part(object: &Value) -> &'static str {
    if several(object).is_some() { SEVERAL } else { PART }
}

/// The part that was kept in this form, where `part` is that of the object now.
pub(crate) fn part_of(kept: &Value, part: &'static str) -> &'static str {
    match part {
        PART if kept.is_array() => SEVERAL,
        SEVERAL if kept.is_object() => PART,
        other => other,
    }
}

fn several(object: &Value) -> Option<&Vec<Value>> {
    object.pointer(SEVERAL)?.as_array().filter(|several| !several.is_empty())
}

/// The places where a version can be set.
pub(crate) fn places(object: &Value) -> Vec<Place> {
    let found = match (several(object), object.pointer(PART)) {
        (Some(several), _) => in_several(several),
        (None, Some(source)) => [in_kustomize(source, PART), in_helm(source, PART)].concat(),
        (None, None) => Vec::new(),
    };
    super::places::apart(found)
}

/// The places of several sources. Where several charts have some, their names begin with the chart's: by their order
/// alone the one would be taken for the other when somebody puts a source between them.
fn in_several(sources: &[Value]) -> Vec<Place> {
    let at = |index: usize| format!("{SEVERAL}/{index}");
    let by_helm: Vec<_> = sources.iter().enumerate().map(|(index, source)| in_helm(source, &at(index))).collect();
    let is_one_chart = by_helm.iter().filter(|places| !places.is_empty()).count() < 2;
    let of = |((index, source), mut by_helm): ((usize, &Value), Vec<Place>)| {
        let chart = ["/helm/releaseName", "/chart", "/path"].iter().find_map(|field| source.pointer(field)?.as_str());
        let chart = chart.map(|chart| chart.rsplit('/').next().unwrap_or(chart)).filter(|_| !is_one_chart);
        for place in &mut by_helm {
            let name = chart.and_then(|chart| name_of(&format!("{chart}-{}", place.name)));
            place.name = name.unwrap_or_else(|| place.name.clone());
        }
        [in_kustomize(source, &at(index)), by_helm].concat()
    };
    sources.iter().enumerate().zip(by_helm).flat_map(of).collect()
}

/// The images that a source gives to kustomize.
fn in_kustomize(source: &Value, at: &str) -> Vec<Place> {
    let images = source.pointer("/kustomize/images").and_then(Value::as_array);
    let place = |(index, image): (usize, &Value)| kustomize(format!("{at}/kustomize/images/{index}"), image.as_str()?);
    images.into_iter().flatten().enumerate().filter_map(place).collect()
}

/// The images that a source gives to Helm. Argo CD reads the values as an object before those as a text, and parameters
/// before both: what these say is no place in the values.
fn in_helm(source: &Value, at: &str) -> Vec<Place> {
    let object = source.pointer("/helm/valuesObject").filter(|values| !values.is_null());
    let text = values_text(source);
    let values = object.cloned().unwrap_or_else(|| manifest::read(text.unwrap_or_default()).unwrap_or_default());
    let list = source.pointer("/helm/parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let names = list.iter().filter_map(|parameter| parameter["name"].as_str());
    let said: Vec<_> = names.filter_map(|name| name_of(image_of_parameter(name))).collect();
    let in_values = match (object, text) {
        (Some(values), _) => flux::in_values(values, &format!("{at}/helm/valuesObject")),
        (None, Some(text)) => {
            let within = |place: Place| {
                let (field, text) = (format!("{at}/helm/values"), text.to_owned());
                Place { form: Form::Text { field, text, below: Box::new(place.form) }, ..place }
            };
            flux::in_values(&values, "").into_iter().map(within).collect()
        }
        (None, None) => Vec::new(),
    };
    let mut places = parameters(list, &format!("{at}/helm/parameters"), &values);
    places.extend(in_values.into_iter().filter(|place| !said.contains(&place.name)));
    places
}

fn values_text(source: &Value) -> Option<&str> {
    source.pointer("/helm/values")?.as_str()
}

/// Of which image a parameter says something.
fn image_of_parameter(name: &str) -> &str {
    let fields = [".tag", ".repository", ".digest", ".registry", "Tag"];
    fields.iter().find_map(|field| name.strip_suffix(field)).unwrap_or(name)
}

/// `cart=registry.example/cart:2.0`, or the image alone.
fn kustomize(pointer: String, entry: &str) -> Option<Place> {
    let (before, image) = match entry.split_once('=') {
        Some((name, image)) => (format!("{name}="), image),
        None => (String::new(), entry),
    };
    let name = name_of_image(before.trim_end_matches('=')).or_else(|| name_of_image(image))?;
    Some(Place { name, image: image.to_owned(), form: Form::Whole { pointer, before } })
}

/// Helm parameters that belong together: `image.repository` and `image.tag`, with `image.digest` and `image.registry`
/// where these are there; or a tag alone. No place where the values have a digest, which would go on being what runs.
fn parameters(list: &[Value], at: &str, values: &Value) -> Vec<Place> {
    let named = |prefix: &str, field: &str| {
        let is_it = |parameter: &Value| parameter["name"].as_str() == Some(&format!("{prefix}.{field}"));
        let index = list.iter().position(is_it)?;
        // Argo CD leaves out a value that is empty.
        Some((list[index]["value"].as_str().unwrap_or_default(), format!("{at}/{index}/value")))
    };
    let digest_of =
        |prefix: &str| named(prefix, "digest").map_or(("", None), |(digest, pointer)| (digest, Some(pointer)));
    let has_other_digest = |prefix: &str| {
        let digest = values.pointer(&format!("/{}/digest", prefix.replace('.', "/"))).and_then(Value::as_str);
        named(prefix, "digest").is_none() && digest.is_some_and(|digest| !digest.is_empty())
    };
    let place = |(index, parameter): (usize, &Value)| {
        let name = parameter["name"].as_str()?;
        let prefix = image_of_parameter(name);
        let registry = named(prefix, "registry").map(|(registry, _)| registry);
        let is_name = name.ends_with(".repository");
        if has_other_digest(prefix) || !is_name && named(prefix, "repository").is_some() {
            return None;
        }
        if is_name {
            let (repository, tag) = (named(prefix, "repository")?, named(prefix, "tag")?);
            return in_parts(name_of(prefix)?, registry, Some(repository), tag, digest_of(prefix));
        }
        let tag = parameter["value"].as_str().unwrap_or_default();
        in_tag(name, registry, (tag, format!("{at}/{index}/value")), digest_of(prefix))
    };
    list.iter().enumerate().filter_map(place).collect()
}

/// Reads what Argo CD says.
pub(crate) fn status(object: &Value, places: &[Place]) -> ApplicationStatus {
    let status = &object["status"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let operation = &status["operationState"];
    let is_of_source = |said: &Value| sources(said) == sources(&object["spec"]);
    let is_present = is_of_source(&operation["syncResult"]);
    let phase = operation["phase"].as_str().filter(|_| is_present).map(str::to_owned);
    let is_failed = matches!(phase.as_deref(), Some("Failed" | "Error"));
    let conditions = status["conditions"].as_array();
    let wrong =
        conditions.into_iter().flatten().find(|c| c["type"].as_str().is_some_and(|kind| kind.ends_with("Error")));
    let is_wrong = wrong.is_some();
    let message = wrong.map(|condition| text(&condition["message"]));
    let message = message.or_else(|| is_failed.then(|| text(&operation["message"])));
    ApplicationStatus {
        is_fresh: is_of_source(&status["sync"]["comparedTo"]),
        sync: text(&status["sync"]["status"]),
        health: text(&status["health"]["status"]),
        operation: phase,
        message: message.map(|message| crate::error::cut(&message, 300)),
        is_automatic: is_automatic(object),
        is_busy: object.get("operation").is_some_and(|operation| !operation.is_null()),
        revision: commit_of(object, &status["sync"]),
        operation_revision: commit_of(object, &operation["syncResult"]),
        running: (!places.is_empty()).then(|| running(object)),
        is_looking: is_looking(object),
        is_broken: is_wrong,
        unfit: unfit(object, places),
    }
}

/// The commit that a part of the status names: of several sources the first that comes from Git; of a hydrated source
/// the commit that it was made from, where Argo CD says it.
fn commit_of(object: &Value, status: &Value) -> Option<String> {
    let several = status["revisions"].as_array().map_or(&[][..], Vec::as_slice);
    let mut named = several.iter().chain([&status["revision"]]).filter_map(Value::as_str);
    let commit = named.find(|revision| CommitHash::parse(revision).is_ok())?;
    let hydrator = object["spec"].get("sourceHydrator").and_then(|_| object["status"].get("sourceHydrator"));
    let operations = hydrator.map(|status| [&status["lastSuccessfulOperation"], &status["currentOperation"]]);
    let made = operations.into_iter().flatten().find(|made| made["hydratedSHA"].as_str() == Some(commit));
    Some(made.and_then(|made| made["drySHA"].as_str()).unwrap_or(commit).to_owned())
}

/// What a specification or a status says is brought into the cluster, without what says nothing. Of several sources the
/// one beside them is ignored; a hydrated source is brought from where its result is.
fn sources(said: &Value) -> Vec<Value> {
    if let Some(several) = said["sources"].as_array().filter(|several| !several.is_empty()) {
        return several.iter().map(pruned).collect();
    }
    let (dry, synced) = (&said["sourceHydrator"]["drySource"], &said["sourceHydrator"]["syncSource"]);
    let one = if synced.is_object() {
        pruned(&json!({"repoURL": dry["repoURL"], "path": synced["path"], "targetRevision": synced["targetBranch"]}))
    } else {
        pruned(&said["source"])
    };
    vec![if one.is_null() { json!({}) } else { one }]
}

/// Whether Argo CD was asked to look into the repository and has not yet.
pub(crate) fn is_looking(object: &Value) -> bool {
    object.pointer(REFRESH).is_some()
}

/// The images that run, of an Application that names none itself, each under the name of its image.
pub(crate) fn running(object: &Value) -> Vec<ContainerImage> {
    let images = object.pointer("/status/summary/images").and_then(Value::as_array);
    let image = |image: &Value| {
        let image = image.as_str()?;
        Some(ContainerImage { container: name_of_image(image)?, image: image.to_owned() })
    };
    let mut images: Vec<_> = images.into_iter().flatten().filter_map(image).collect();
    images.dedup_by(|one, other| one.container == other.container);
    images
}

fn is_automatic(object: &Value) -> bool {
    let automated = object.pointer("/spec/syncPolicy/automated");
    automated.is_some_and(|policy| !policy.is_null() && policy["enabled"].as_bool() != Some(false))
}

fn unfit(object: &Value, places: &[Place]) -> Option<String> {
    if object.get("operation").is_some_and(|operation| !operation.is_null()) {
        return Some("a sync is under way; promote again when it has ended".to_owned());
    }
    places.is_empty().then(|| match unreadable(object) {
        Some(why) => format!("its values for Helm cannot be read: {why}; mend them where the object is kept"),
        None => NO_PLACE.to_owned(),
    })
}

/// Why values that are given as a text cannot be read.
fn unreadable(object: &Value) -> Option<String> {
    let one = object.pointer(PART).into_iter();
    let sources: Vec<_> = several(object).map_or_else(|| one.collect(), |several| several.iter().collect());
    sources.into_iter().filter_map(values_text).find_map(|text| manifest::read(text).err()).map(|why| why.why())
}

/// Whether a sync runs that brings another source than the present one: a hook that hangs, or pods that never are ready,
/// would hold up what comes back for as long as Argo CD waits.
pub(crate) fn is_at_another(object: &Value) -> bool {
    let (status, brings) = (&object["status"], &object["status"]["operationState"]["syncResult"]);
    let says_source = brings["source"].is_object() || brings["sources"].is_array();
    let is_busy = object.get("operation").is_some_and(|operation| !operation.is_null());
    let is_running = status["operationState"]["phase"] == "Running";
    is_busy && is_running && says_source && sources(brings) != sources(&object["spec"])
}

/// The sync that brings the source into the cluster; `None` where Argo CD begins it by itself, or is at one.
pub(crate) fn sync(object: &Value) -> Option<Value> {
    let is_busy = object.get("operation").is_some_and(|operation| !operation.is_null());
    if is_busy || is_automatic(object) {
        return None;
    }
    let mut sync = json!({"syncStrategy": {"hook": {}}});
    if let Some(options) = object.pointer("/spec/syncPolicy/syncOptions").filter(|options| options.is_array()) {
        sync["syncOptions"] = options.clone();
    }
    Some(json!({"initiatedBy": {"username": "slipway"}, "sync": sync}))
}

/// A source without what says nothing: Argo CD leaves that out of its status.
fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().map(|(key, value)| (key.clone(), pruned(value)));
            Value::Object(kept.filter(|(_, value)| !says_nothing(value)).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(pruned).collect()),
        other => other.clone(),
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn application(source: Value) -> Value {
        json!({"metadata": {"generation": 2}, "spec": {"source": source},
               "status": {"sync": {"status": "Synced", "comparedTo": {"source": {"path": "cart", "repoURL": "r"}}},
                          "health": {"status": "Healthy"}}})
    }

    #[test]
    fn a_version_is_found_where_argo_cd_reads_it() {
        let kustomize =
            application(json!({"kustomize": {"images": ["cart=r.test/cart:1.0", "r.test/pay:3@sha256:ab"]}}));
        let found: Vec<_> = places(&kustomize).into_iter().map(|p| (p.name.to_string(), p.image)).collect();
        assert_eq!(found, [("cart".into(), "r.test/cart:1.0".into()), ("pay".into(), "r.test/pay:3@sha256:ab".into())]);
        let helm = application(json!({"helm": {"parameters": [
            {"name": "replicas", "value": "3"}, {"name": "image.tag", "value": "1.0@sha256:ab"},
            {"name": "image.repository", "value": "r.test/cart"}, {"name": "api.tag", "value": "7"}]}}));
        let found: Vec<_> = places(&helm).into_iter().map(|p| (p.name.to_string(), p.image)).collect();
        assert_eq!(found, [("image".into(), "r.test/cart:1.0@sha256:ab".into())]);
        let alone = application(json!({"helm": {"parameters": [
            {"name": "replicas", "value": "3"}, {"name": "image.tag", "value": "1.0"}, {"name": "api.tag", "value": "7"},
            {"name": "worker.image.tag"}, {"name": "imageTag", "value": "2"}]}}));
        let found: Vec<_> = places(&alone).into_iter().map(|p| (p.name.to_string(), p.image)).collect();
        assert_eq!(found, [("image".into(), ":1.0".into()), ("image-2".into(), ":2".into())]);
        assert!(status(&application(json!({})), &[]).unfit.unwrap().contains("kustomize.images"));
        let torn = status(&application(json!({"helm": {"values": "image: ["}})), &[]).unfit.unwrap();
        assert!(torn.contains("cannot be read"), "{torn}");
    }

    #[test]
    fn what_a_parameter_says_is_no_place_in_the_values() {
        let found = |parameters: Value, values: Value| {
            let object = application(json!({"helm": {"parameters": parameters, "valuesObject": values}}));
            places(&object).into_iter().map(|p| format!("{} {}", p.name, p.image)).collect::<Vec<_>>()
        };
        let tag = json!([{"name": "image.tag", "value": "1.0"}]);
        let said =
            json!({"image": {"repository": "r.test/cart", "tag": "0.9"}, "worker": {"image": "r.test/worker:3"}});
        assert_eq!(found(tag.clone(), said.clone()), ["image :1.0", "worker-image r.test/worker:3"]);
        assert_eq!(
            found(json!([{"name": "worker.image", "value": "r.test/worker:4"}]), said),
            ["image r.test/cart:0.9"]
        );
        let by_text = application(json!({"helm": {"valuesObject": null, "values": "image: {tag: '2'}"}}));
        assert_eq!(places(&by_text)[0].image, ":2");
        // The digest would win over whatever tag is set.
        assert!(found(tag.clone(), json!({"image": {"digest": "sha256:ab"}})).is_empty());
        let both = json!([{"name": "image.tag", "value": "1.0"}, {"name": "image.digest"}]);
        assert_eq!(found(both, json!({"image": {"digest": "sha256:ab"}})), ["image :1.0"]);
    }

    #[test]
    fn a_version_is_found_in_each_of_several_sources() {
        let mut object = application(json!({"kustomize": {"images": ["ignored=r.test/ignored:1"]}}));
        object["spec"]["sources"] = json!([
            {"repoURL": "r", "ref": "values"},
            {"chart": "cart", "helm": {"parameters": [{"name": "image.tag", "value": "1.0"}]}},
            {"path": "pay", "kustomize": {"images": ["pay=r.test/pay:3"]}}]);
        let found: Vec<_> = places(&object).into_iter().map(|p| (p.image, p.form)).collect();
        let names = |object: &Value| places(object).into_iter().map(|p| p.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&object), ["image", "pay"]);
        let tag = "/spec/sources/1/helm/parameters/0/value".to_owned();
        let pointer = "/spec/sources/2/kustomize/images/0".to_owned();
        let expected = [
            (":1.0".to_owned(), Form::Parts { registry: String::new(), repository: None, tag, digest: None }),
            ("r.test/pay:3".to_owned(), Form::Whole { pointer, before: "pay=".to_owned() }),
        ];
        assert_eq!((found.as_slice(), part(&object)), (&expected[..], SEVERAL));
        assert_eq!(status(&object, &places(&object)).unfit, None);
        // Two charts: whose image it is does not hang on their order.
        object["spec"]["sources"][0]["helm"] = json!({"releaseName": "jobs", "values": "image: {tag: '7'}"});
        assert_eq!(names(&object), ["jobs-image", "cart-image", "pay"]);
        object["spec"]["sources"] = json!([]);
        assert_eq!((places(&object)[0].image.as_str(), part(&object)), ("r.test/ignored:1", PART));
    }

    #[test]
    fn a_status_counts_that_was_compared_with_the_present_source() {
        let fresh = application(json!({"repoURL": "r", "path": "cart", "kustomize": {"images": []}}));
        assert!(status(&fresh, &[]).is_fresh);
        let stale = application(json!({"repoURL": "r", "path": "cart", "kustomize": {"images": ["a=b:1"]}}));
        assert!(!status(&stale, &[]).is_fresh);
    }

    #[test]
    fn a_status_of_several_sources_counts_when_it_was_compared_with_all_of_them() {
        let sources = json!([{"repoURL": "r", "path": "cart", "helm": {}}, {"repoURL": "r", "ref": "values"}]);
        let hash = "0123456789abcdef0123456789abcdef01234567";
        let mut object = json!({
            "metadata": {"generation": 2}, "spec": {"sources": sources},
            "status": {
                // As Argo CD writes it: the one source is a plain struct, and always there.
                "sync": {"status": "Synced", "revisions": ["1.2.3", hash], "comparedTo": {
                    "source": {"repoURL": ""}, "destination": {"server": "s"},
                    "sources": [{"repoURL": "r", "path": "cart"}, {"repoURL": "r", "ref": "values"}]}},
                "operationState": {"phase": "Succeeded", "syncResult": {"source": {"repoURL": ""}, "revision": "",
                    "sources": sources, "revisions": ["1.2.3", hash]}}}
        });
        let seen = status(&object, &[]);
        assert_eq!((seen.is_fresh, seen.operation.as_deref()), (true, Some("Succeeded")));
        assert_eq!((seen.revision.as_deref(), seen.operation_revision.as_deref()), (Some(hash), Some(hash)));
        object["spec"]["sources"][1]["targetRevision"] = json!("next");
        let seen = status(&object, &[]);
        assert_eq!((seen.is_fresh, seen.operation), (false, None));
        object["spec"]["sources"] = json!([sources[0]]);
        assert!(!status(&object, &[]).is_fresh);
    }

    #[test]
    fn a_status_of_a_hydrated_source_counts_and_names_the_commit_that_it_was_made_from() {
        let (dry, hydrated) = ("d".repeat(40), "e".repeat(40));
        let source = json!({"repoURL": "r", "path": "cart", "targetRevision": "environments/production"});
        let mut object = json!({
            "metadata": {"generation": 2},
            "spec": {"sourceHydrator": {
                "drySource": {"repoURL": "r", "path": "charts/cart", "targetRevision": "main"},
                "syncSource": {"path": "cart", "targetBranch": "environments/production"}}},
            "status": {
                "sync": {"status": "Synced", "revision": hydrated, "comparedTo": {"source": source}},
                "operationState": {"phase": "Succeeded", "syncResult": {"source": source, "revision": hydrated}},
                "sourceHydrator": {"lastSuccessfulOperation": {"drySHA": dry, "hydratedSHA": hydrated}}}
        });
        let seen = status(&object, &[]);
        assert_eq!((seen.is_fresh, seen.operation.as_deref()), (true, Some("Succeeded")));
        assert_eq!((seen.revision, seen.operation_revision), (Some(dry.clone()), Some(dry)));
        // What nobody knows the source of is named as it is.
        object["status"]["sourceHydrator"] = Value::Null;
        assert_eq!(status(&object, &[]).revision, Some(hydrated));
        object["spec"]["sourceHydrator"]["syncSource"]["path"] = json!("other");
        assert!(!status(&object, &[]).is_fresh);
    }

    #[test]
    fn only_a_sync_of_another_source_is_ended() {
        let mut object = application(json!({"repoURL": "r", "path": "cart"}));
        object["operation"] = json!({"sync": {}});
        let mut runs = |phase: &str, source: Value| {
            object["status"]["operationState"] = json!({"phase": phase, "syncResult": {"source": source}});
            is_at_another(&object)
        };
        let other = || json!({"repoURL": "r", "path": "cart", "kustomize": {"images": ["a=b:2"]}});
        assert!(runs("Running", other()));
        assert!(!runs("Terminating", other()) && !runs("Succeeded", other()));
        assert!(!runs("Running", json!({"repoURL": "r", "path": "cart"})), "it brings what is wanted");
        assert!(!runs("Running", Value::Null), "it has not said yet what it brings");
        object["operation"] = Value::Null;
        object["status"]["operationState"] = json!({"phase": "Running", "syncResult": {"source": other()}});
        assert!(!is_at_another(&object), "nothing is under way");
    }

    #[test]
    fn a_sync_is_asked_for_where_none_comes_by_itself() {
        let mut object = application(json!({}));
        object["spec"]["syncPolicy"] = json!({"syncOptions": ["CreateNamespace=true"]});
        assert_eq!(sync(&object).unwrap()["sync"]["syncOptions"], json!(["CreateNamespace=true"]));
        object["operation"] = json!({"sync": {}});
        assert_eq!(sync(&object), None);
        object["operation"] = Value::Null;
        object["spec"]["syncPolicy"]["automated"] = json!({});
        assert_eq!(sync(&object), None);
        object["spec"]["syncPolicy"]["automated"] = json!({"enabled": false});
        assert!(sync(&object).is_some());
    }
}
