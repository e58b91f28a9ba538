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
    image::ContainerImage,
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
    /// Its name in one field, what follows the colon in another.
    Parts {
        /// The field of the name.
        repository: Option<String>,
        /// The field of tag and digest.
        tag: String,
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
pub(crate) fn edits(edit: &mut Edit, part: &str, object: &Value, places: &[Place], change: &TemplateChange) {
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
                edit.set(part, saved.clone());
            }
        }
    }
}

impl Form {
    fn set(&self, edit: &mut Edit, image: &str) {
        match self {
            Self::Whole { pointer, before } => edit.replace(pointer.as_str(), json!(format!("{before}{image}"))),
            Self::Parts { repository, tag } => {
                let (name, rest) = parts(image);
                if let Some(repository) = repository {
                    edit.replace(repository.as_str(), json!(name));
                }
                edit.replace(tag.as_str(), json!(rest));
            }
            Self::Entry { pointer, entry } => edit.replace(pointer.as_str(), flux::entry_with(entry, image)),
        }
    }
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
            let Some(sync) = argo_cd::sync(&record.object).filter(|_| is_as_wanted && is_idle) else {
                return Ok(ApplyOutcome::Unchanged);
            };
            let mut edit = Edit::of(Some(&seen.resource_version));
            edit.set("/operation", sync);
            let (namespace, name) = (workload.namespace.as_str(), workload.name.as_str());
            return self.edit(&resource(workload.kind), namespace, name, edit).await.map(|()| ApplyOutcome::Written);
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

    #[test]
    fn places_have_names_that_a_container_could_have() {
        assert_eq!(name_of("api.Image_name").unwrap().as_str(), "api-image-name");
        assert_eq!(name_of_image("registry.test:5000/shop/cart").unwrap().as_str(), "cart");
        assert_eq!(name_of("..."), None);
        assert_eq!(name_of(&"a".repeat(80)).unwrap().as_str().len(), 63);
    }
}
