//! Objects that other tools work on, beside Deployments: which kinds, how each is read and written. One
//! module per tool says what its object's JSON means, without input or output; here they are dispatched.
//!
//! A [`Place`] is where a tool reads a version; its name stands for a container's. What of the object says
//! the version is kept as it is, in the form of a pod template: its places as containers, and the part of
//! the object under [`PART`].

pub(crate) mod argo_cd;
pub(crate) mod argo_rollouts;
pub(crate) mod flux;

use domain::{
    delegated::ToolAct,
    image::{ContainerImage, TagAlone},
    names::ContainerName,
    observation::{WorkloadKind, WorkloadRef},
};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::ApiResource,
};
use ports::{ApplyOutcome, ClusterError, NamespaceScope, TemplateChange};
use serde_json::{Value, json};

use crate::{
    connect::KubeCluster,
    error::{bounded, is_conflict, sort},
    objects::{Edit, FIELD_MANAGER, custom},
    records::WorkloadRecord,
};

/// Where the part of an object lies in what is kept of it.
const PART: &str = "object";

/// A place in a tool's object where it reads an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its name: of the image or of the field that it is.
    pub(crate) name: ContainerName,
    /// What stands there.
    pub(crate) image: String,
    /// Where and how it is written.
    pub(crate) form: Form,
}

/// How an image is written at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As a whole, after these characters: `cart=`.
    Whole {
        /// The field.
        pointer: String,
        /// What stands before it.
        before: String,
    },
    /// Its name in one field, what follows the colon in another, or in two.
    Parts {
        /// The registry and a slash, where a field of its own says it, which stays as it is.
        registry: String,
        /// The field of the name after that; `None` where the chart has the name, and only a tag is said.
        repository: Option<String>,
        /// The field of the tag; of the digest too, where that has no field of its own.
        tag: String,
        /// The field of the digest, which counts where it is not empty.
        digest: Option<String>,
    },
    /// An entry of Flux's `spec.images`.
    Entry {
        /// The entry.
        pointer: String,
        /// What it is now.
        entry: Value,
    },
}

/// The kinds of tools' objects.
pub(crate) const KINDS: [WorkloadKind; 4] =
    [WorkloadKind::Rollout, WorkloadKind::Application, WorkloadKind::Kustomization, WorkloadKind::HelmRelease];

/// The resource of a kind.
pub(crate) fn resource(kind: WorkloadKind) -> ApiResource {
    let of = |group: &str, version: &str, plural: &str| ApiResource {
        version: version.to_owned(),
        api_version: format!("{group}/{version}"),
        ..custom(group, kind.words(), plural)
    };
    match kind {
        WorkloadKind::Deployment => crate::objects::deployments(),
        WorkloadKind::Rollout => of("argoproj.io", "v1alpha1", "rollouts"),
        WorkloadKind::Application => of("argoproj.io", "v1alpha1", "applications"),
        WorkloadKind::Kustomization => of("kustomize.toolkit.fluxcd.io", "v1", "kustomizations"),
        WorkloadKind::HelmRelease => of("helm.toolkit.fluxcd.io", "v2", "helmreleases"),
    }
}

/// The objects of tools, once per namespace or once for all of them.
pub(crate) fn apis(client: &Client, scope: &NamespaceScope) -> Vec<(WorkloadKind, Api<DynamicObject>)> {
    let of = |kind: WorkloadKind| -> Vec<_> {
        let resource = resource(kind);
        match scope {
            NamespaceScope::All => vec![(kind, Api::all_with(client.clone(), &resource))],
            NamespaceScope::Only(namespaces) => {
                let mut names: Vec<&str> = namespaces.iter().map(|n| n.as_str()).collect();
                names.sort_unstable();
                names.dedup();
                let api = |name| Api::namespaced_with(client.clone(), name, &resource);
                names.into_iter().map(|name| (kind, api(name))).collect()
            }
        }
    };
    KINDS.into_iter().flat_map(of).collect()
}

/// Whether a kind is not there, or is none of ours to see: then there is nothing of it.
pub(crate) fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404 || status.code == 403)
}

/// What of an object of a tool that has no pods itself says the version.
pub(crate) fn part(kind: WorkloadKind, object: &Value) -> &'static str {
    match kind {
        WorkloadKind::Application => argo_cd::part(object),
        WorkloadKind::Kustomization => flux::KUSTOMIZATION_PART,
        WorkloadKind::HelmRelease | WorkloadKind::Deployment | WorkloadKind::Rollout => flux::HELM_PART,
    }
}

/// What is kept of an object, so that it can be put back.
pub(crate) fn kept(places: &[Place], part: &Value) -> Value {
    let container = |place: &Place| json!({"name": place.name, "image": place.image});
    json!({"spec": {"containers": places.iter().map(container).collect::<Vec<_>>()}, PART: part})
}

/// The images at places.
pub(crate) fn images(places: &[Place]) -> Vec<ContainerImage> {
    let image = |place: &Place| ContainerImage { container: place.name.clone(), image: place.image.clone() };
    places.iter().map(image).collect()
}

/// The changes that make places and the part of the object what a change says.
pub(crate) fn edits(edit: &mut Edit, part: &'static str, object: &Value, places: &[Place], change: &TemplateChange) {
    match change {
        TemplateChange::Images(images) => {
            for place in places {
                let wanted = images.iter().find(|image| image.container == place.name);
                if let Some(wanted) = wanted.filter(|wanted| wanted.image != place.image) {
                    place.form.set(edit, &wanted.image);
                }
            }
        }
        TemplateChange::Restore(saved) => {
            if let Some(saved) = saved.get(PART).filter(|saved| Some(*saved) != object.pointer(part)) {
                let part_of_saved = argo_cd::part_of(saved, part);
                edit.set(part_of_saved, saved.clone());
                // Several sources hide the one beside them.
                if part_of_saved == argo_cd::PART && part != argo_cd::PART {
                    edit.remove(part);
                }
            }
        }
    }
}

/// Why an image of a change cannot be written at its place, with what to do.
pub(crate) fn refusal(places: &[Place], change: &TemplateChange) -> Option<String> {
    let TemplateChange::Images(images) = change else { return None };
    places.iter().find_map(|place| {
        let wanted = images.iter().find(|image| image.container == place.name && image.image != place.image)?;
        let why = place.form.refusal(&wanted.image)?;
        Some(format!("{} cannot be set at {}: {why}", wanted.image, place.name))
    })
}

impl Form {
    fn set(&self, edit: &mut Edit, image: &str) {
        match self {
            Self::Whole { pointer, before } => edit.replace(pointer.as_str(), json!(format!("{before}{image}"))),
            Self::Parts { registry, repository, tag, digest } => {
                let (name, rest) = parts(image);
                if let Some(repository) = repository {
                    edit.set(repository.as_str(), json!(name.strip_prefix(registry.as_str()).unwrap_or(name)));
                }
                match digest {
                    None => edit.set(tag.as_str(), json!(rest)),
                    Some(digest) => {
                        let (of_tag, of_digest) = rest.split_once('@').unwrap_or((rest, ""));
                        edit.set(tag.as_str(), json!(of_tag));
                        // A digest that stayed would go on being what runs.
                        edit.set(digest.as_str(), json!(of_digest));
                    }
                }
            }
            Self::Entry { pointer, entry } => edit.replace(pointer.as_str(), flux::entry_with(entry, image)),
        }
    }

    /// Why this form cannot say an image.
    fn refusal(&self, image: &str) -> Option<String> {
        let Self::Parts { registry, repository, digest, .. } = self else { return None };
        let (name, rest) = parts(image);
        if !name.starts_with(registry.as_str()) {
            let registry = registry.trim_end_matches('/');
            return Some(format!(
                "a field of its own says that the registry is {registry}; change that where the object is kept, or have the \
                 version's image in {registry}"
            ));
        }
        if repository.is_none() && rest.starts_with('@') {
            return Some("only a tag is said there, and it has none; give the version's image a tag".to_owned());
        }
        (digest.is_none() && rest.starts_with('@')).then(|| {
            "there is no field for a digest alone; add an empty one called digest beside the tag, or give the version's \
             image a tag"
                .to_owned()
        })
    }
}

/// A place in three or four fields: registry, name, tag and digest; `None` where they say no image. Each comes with the
/// pointer to it; a digest whose field is not there has none.
pub(crate) fn in_parts(
    name: ContainerName,
    registry: Option<&str>,
    repository: (&str, String),
    tag: (&str, String),
    digest: (&str, Option<String>),
) -> Option<Place> {
    let registry = registry.filter(|registry| !registry.is_empty()).map(|registry| format!("{registry}/"));
    let registry = registry.unwrap_or_default();
    let digest_words = if digest.0.is_empty() { String::new() } else { format!("@{}", digest.0) };
    let rest = format!("{}{digest_words}", tag.0);
    if repository.0.is_empty() || rest.is_empty() {
        return None;
    }
    let image = joined(&format!("{registry}{}", repository.0), &rest);
    let form = Form::Parts { registry, repository: Some(repository.1), tag: tag.1, digest: digest.1 };
    Some(Place { name, image, form })
}

/// A place where only a tag is said, because the chart has the image's name: `image.tag` without a `repository` beside
/// it, or `imageTag`. `path` leads to the tag, with dots.
pub(crate) fn in_tag(path: &str, tag: (&str, String), digest: (&str, Option<String>)) -> Option<Place> {
    let of = path.strip_suffix(".tag").or_else(|| path.strip_suffix("Tag"))?;
    // Not every tag is an image's.
    if tag.0.is_empty() || !of.to_ascii_lowercase().ends_with("image") {
        return None;
    }
    let digest_words = if digest.0.is_empty() { String::new() } else { format!("@{}", digest.0) };
    let form = Form::Parts { registry: String::new(), repository: None, tag: tag.1, digest: digest.1 };
    Some(Place { name: name_of(of)?, image: format!(":{}{digest_words}", tag.0), form })
}

/// The whole of an image of which a place says the tag alone, by what runs: the one image there that has this tag.
/// `None` where none has, or several.
pub(crate) fn whole<'a>(said: &str, running: impl Iterator<Item = &'a str>) -> Option<String> {
    let alone = TagAlone::parse(said)?;
    let mut names = running.filter_map(|image| {
        let (name, rest) = parts(image);
        let tag = rest.split_once('@').map_or(rest, |(tag, _)| tag);
        (tag == alone.tag).then_some(name)
    });
    let name = names.next()?;
    names.all(|other| other == name).then(|| format!("{name}{said}"))
}

/// An image's name, and what follows: tag and digest. A colon before the last slash is a registry's port.
pub(crate) fn parts(image: &str) -> (&str, &str) {
    let (name, digest_at) = image.split_once('@').map_or((image, None), |(name, _)| (name, Some(name.len())));
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, &image[image.len().min(repository.len() + 1)..]),
        _ => (name, digest_at.map_or("", |at| &image[at..])),
    }
}

/// The image of a name and what follows it.
pub(crate) fn joined(repository: &str, rest: &str) -> String {
    if rest.starts_with('@') { format!("{repository}{rest}") } else { format!("{repository}:{rest}") }
}

/// A name for a place, of the text that says where it is; the last letters count most.
pub(crate) fn name_of(text: &str) -> Option<ContainerName> {
    let clean: String = text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let start = clean.len().saturating_sub(63);
    ContainerName::parse(clean.get(start..)?.trim_matches('-')).ok()
}

/// The name of an image for a place: its last part, `cart` of `registry.example/shop/cart`.
pub(crate) fn name_of_image(repository: &str) -> Option<ContainerName> {
    name_of(repository.rsplit('/').next().unwrap_or(repository))
}

/// Places of one name get a number behind it: each must be named.
pub(crate) fn apart(mut places: Vec<Place>) -> Vec<Place> {
    for index in 1..places.len() {
        let (before, rest) = places.split_at_mut(index);
        let Some(place) = rest.first_mut() else { continue };
        let own = place.name.clone();
        for number in 2.. {
            if before.iter().all(|other| other.name != place.name) {
                break;
            }
            let Some(name) = name_of(&format!("{own}-{number}")) else { break };
            place.name = name;
        }
    }
    places
}

impl KubeCluster {
    /// Asks the tool in charge for what it has not done yet; [`ApplyOutcome::Unchanged`] when there is nothing.
    pub(crate) async fn act_on(
        &self,
        workload: &WorkloadRef,
        record: &WorkloadRecord,
        act: ToolAct,
        is_as_wanted: bool,
    ) -> Result<ApplyOutcome, ClusterError> {
        let seen = record.without_pods();
        if workload.kind == WorkloadKind::Application {
            let is_idle = seen.tool.as_ref().is_some_and(|tool| tool.progress().is_idle);
            let mut edit = Edit::of(Some(&seen.resource_version));
            if act == ToolAct::Back && is_as_wanted && argo_cd::is_at_another(&record.object) {
                edit.set(argo_cd::OPERATION_PHASE, json!(argo_cd::TERMINATING));
            } else if let Some(sync) = argo_cd::sync(&record.object).filter(|_| is_as_wanted && is_idle) {
                edit.set("/operation", sync);
            } else {
                return Ok(ApplyOutcome::Unchanged);
            }
            let (namespace, name) = (workload.namespace.as_str(), workload.name.as_str());
            return self.edit(&resource(workload.kind), namespace, name, edit).await.map(|_| ApplyOutcome::Written);
        }
        let Some(operations) = argo_rollouts::asked(&record.object, act, is_as_wanted) else {
            return Ok(ApplyOutcome::Unchanged);
        };
        let mut edit = Edit::of(Some(&seen.resource_version));
        edit.0.extend(operations);
        let unreadable = |e: serde_json::Error| ClusterError::Invalid(format!("a patch could not be made: {e}"));
        let patch = Patch::Json::<()>(serde_json::from_value(Value::Array(edit.0)).map_err(unreadable)?);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let api = self.objects(&resource(workload.kind), workload.namespace.as_str());
        match bounded(api.patch_status(workload.name.as_str(), &params, &patch)).await {
            Ok(_) => Ok(ApplyOutcome::Written),
            Err(error) if is_conflict(&error) => Err(ClusterError::Conflict),
            Err(error) => Err(sort(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_image_is_taken_apart_and_put_together_again() {
        let digest = "@sha256:8be1";
        for image in ["a.test:5000/cart:2.0", &format!("a.test/cart:2.0{digest}"), &format!("cart{digest}")] {
            let (name, rest) = parts(image);
            assert_eq!(joined(name, rest), *image);
            assert!(name.ends_with("cart") && !rest.is_empty(), "{image}");
        }
        assert_eq!(parts("a.test:5000/cart"), ("a.test:5000/cart", ""));
    }

    #[test]
    fn an_entry_of_a_list_is_replaced_and_not_put_before_another() {
        let place = Place {
            name: name_of("cart").unwrap(),
            image: "r.test/cart:1.0".to_owned(),
            form: Form::Whole { pointer: "/spec/source/kustomize/images/0".to_owned(), before: "cart=".to_owned() },
        };
        let wanted = ContainerImage { container: place.name.clone(), image: "r.test/cart:2.0".to_owned() };
        let mut edit = Edit::of(Some("7"));
        edits(&mut edit, "/spec/source", &json!({}), &[place], &TemplateChange::Images(vec![wanted]));
        let expected =
            json!({"op": "replace", "path": "/spec/source/kustomize/images/0", "value": "cart=r.test/cart:2.0"});
        assert_eq!(edit.0[1..], [expected]);
    }

    type Find = fn(&Value) -> Vec<Place>;

    /// The object after a version was set at its only place; the words where that cannot be.
    fn after(object: &Value, part: &'static str, image: &str, find: Find) -> Result<Value, String> {
        let places = find(object);
        let wanted = ContainerImage { container: places[0].name.clone(), image: image.to_owned() };
        let change = TemplateChange::Images(vec![wanted]);
        if let Some(why) = refusal(&places, &change) {
            return Err(why);
        }
        let mut edit = Edit(Vec::new());
        edits(&mut edit, part, object, &places, &change);
        let mut changed = object.clone();
        for operation in edit.0 {
            let (parent, field) = operation["path"].as_str().unwrap().rsplit_once('/').unwrap();
            let parent = changed.pointer_mut(parent).unwrap();
            assert!(operation["op"] == "add" || parent.get(field).is_some(), "{operation}");
            parent[field] = operation["value"].clone();
        }
        Ok(changed)
    }

    #[test]
    fn what_is_written_at_a_place_is_read_there_or_refused_before() {
        let (old, new) = (format!("sha256:{}", "a".repeat(64)), format!("sha256:{}", "b".repeat(64)));
        let values = [
            json!({"repository": "r.test/cart", "tag": "1.0", "digest": old}),
            json!({"repository": "r.test/cart", "tag": "", "digest": old}),
            json!({"repository": "r.test/cart", "tag": "1.0", "digest": ""}),
            json!({"repository": "r.test/cart", "tag": "1.0", "digest": null}),
            json!({"repository": "r.test/cart", "tag": "1.0"}),
            json!({"registry": "r.test", "repository": "cart", "tag": "1.0", "digest": old}),
            json!({"registry": "r.test", "repository": "cart", "tag": "1.0"}),
            json!({"tag": "1.0"}),
            json!({"tag": "1.0", "digest": ""}),
            json!({"tag": "1.0", "digest": old}),
        ];
        let wanted = [
            "r.test/cart:2.0".to_owned(),
            format!("r.test/cart:2.0@{new}"),
            format!("r.test/cart@{new}"),
            "r.test/shop/cart:2.0".to_owned(),
            "other.test/cart:2.0".to_owned(),
        ];
        let parameters = |values: &Value| {
            let of = |(field, value): (&String, &Value)| {
                let mut parameter = json!({"name": format!("image.{field}")});
                // Argo CD leaves an empty value out.
                if let Some(value) = value.as_str().filter(|value| !value.is_empty()) {
                    parameter["value"] = json!(value);
                }
                parameter
            };
            let list: Vec<Value> = values.as_object().unwrap().iter().map(of).collect();
            json!({"spec": {"source": {"helm": {"parameters": list}}}})
        };
        for values in values {
            let says = |field: &str| values[field].as_str().unwrap_or_default().to_owned();
            let release = json!({"spec": {"values": {"image": values}}});
            let application = parameters(&values);
            let kinds: [(&Value, &'static str, Find); 2] =
                [(&release, flux::HELM_PART, flux::helm_places), (&application, argo_cd::PART, argo_cd::places)];
            for (object, part, find) in kinds {
                assert_eq!(find(object)[0].image.contains(&old), says("digest") == old, "{values}");
                for image in &wanted {
                    let is_alone = values.get("repository").is_none();
                    let has_place_for = |image: &str| {
                        (values.get("registry").is_none() || image.starts_with("r.test/"))
                            && (values.get("digest").is_some() && !is_alone || !parts(image).1.starts_with('@'))
                    };
                    match after(object, part, image, find) {
                        Ok(changed) => {
                            let there = if is_alone { format!(":{}", parts(image).1) } else { image.clone() };
                            assert_eq!(find(&changed)[0].image, there, "{values}");
                            assert!(has_place_for(image), "{values} {image}");
                        }
                        Err(why) => assert!(!has_place_for(image), "{values} {image} {why}"),
                    }
                }
            }
        }
    }

    #[test]
    fn the_name_of_a_tag_alone_is_that_of_the_one_image_that_runs_with_it() {
        let table: [(&str, &[&str], Option<&str>); 5] = [
            (":1.0", &["r.test/cart:1.0", "r.test/proxy:3"], Some("r.test/cart:1.0")),
            (":1.0", &["r.test/cart:1.0@sha256:ab", "r.test/cart:1.0"], Some("r.test/cart:1.0")),
            (":1.0", &["r.test/cart:1.0", "r.test/worker:1.0"], None),
            (":1.0", &["r.test/cart:1.1"], None),
            ("r.test/cart:1.0", &["other/cart:1.0"], None),
        ];
        for (said, running, expected) in table {
            assert_eq!(whole(said, running.iter().copied()).as_deref(), expected, "{said} {running:?}");
        }
    }

    #[test]
    fn places_have_names_that_a_container_could_have() {
        assert_eq!(name_of("api.Image_name").unwrap().as_str(), "api-image-name");
        assert_eq!(name_of_image("registry.test:5000/shop/cart").unwrap().as_str(), "cart");
        assert_eq!(name_of("..."), None);
        assert_eq!(name_of(&"a".repeat(80)).unwrap().as_str().len(), 63);
    }
}
