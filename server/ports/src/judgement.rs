//! The rule of [`crate::Cluster::apply`], once for every cluster: what an object as it was read says
//! about a change. Who may write, who is late, what is done already. Knows nothing of Kubernetes'
//! protocol and never fails but for a change that names what is not there.

use domain::{
    image::ContainerImage,
    names::ContainerName,
    observation::{Stamp, WorkloadObservation},
    traffic::RouteObservation,
};
use serde_json::Value;

use crate::cluster::{ApplyOutcome, CandidateChange, ClusterError, RouteChange, TemplateChange, WorkloadChange};

/// What to do with a change after reading its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Write it, with the resource version that was read.
    Write,
    /// Write nothing and answer this.
    Answer(ApplyOutcome),
}

impl WorkloadChange {
    /// Judges the change against the object as it was read. A later mark is looked at first (a late
    /// worker must stop, whatever it sees), then the owner, then whether our mark is there already.
    ///
    /// # Errors
    /// [`ClusterError::Invalid`] when the change names a container that the template does not have,
    /// or restores something that is not a pod template.
    pub fn judge(&self, seen: &WorkloadObservation) -> Result<Judgement, ClusterError> {
        if let Some(stamp) = seen.stamp
            && stamp.is_after(&self.stamp)
        {
            return Ok(Judgement::Answer(ApplyOutcome::Overtaken(stamp)));
        }
        if let Some(manager) = seen.manager.as_ref().filter(|manager| !manager.allows(self.may_write_helm)) {
            return Ok(Judgement::Answer(ApplyOutcome::Managed(manager.clone())));
        }
        let is_as_wanted = self.template.is_shown_by(seen)?;
        Ok(match (is_ours(seen.stamp, self.stamp), is_as_wanted) {
            (true, true) => Judgement::Answer(ApplyOutcome::Unchanged),
            (true, false) => Judgement::Answer(ApplyOutcome::ChangedByOthers),
            // What neither ran before nor was set by us was set by someone else, and stays.
            (false, false) if !seen.shows_only(&self.over) => Judgement::Answer(ApplyOutcome::ChangedByOthers),
            (false, true | false) => Judgement::Write,
        })
    }
}

fn is_ours(found: Option<Stamp>, ours: Stamp) -> bool {
    found == Some(ours)
}

impl CandidateChange {
    /// Whether the workload has every container whose image differs.
    ///
    /// # Errors
    /// [`ClusterError::Invalid`] naming the first that it does not have.
    pub fn check_containers(&self, stable: &WorkloadObservation) -> Result<(), ClusterError> {
        match self.images.iter().find(|i| stable.image_of(i.container.as_str()).is_none()) {
            Some(unknown) => Err(no_container(&unknown.container, stable)),
            None => Ok(()),
        }
    }

    /// Judges the change against the Deployment of the candidate's name as it was read. One that
    /// carries no mark of the same target was made by somebody else, and stays.
    #[must_use]
    pub fn judge(&self, seen: Option<&WorkloadObservation>) -> Judgement {
        let Some(seen) = seen else {
            return if self.pods == 0 { Judgement::Answer(ApplyOutcome::Unchanged) } else { Judgement::Write };
        };
        if let Judgement::Answer(outcome) = judge_made(seen.stamp, self.stamp) {
            return Judgement::Answer(outcome);
        }
        let runs_wanted = seen.runs(&self.images);
        match (is_ours(seen.stamp, self.stamp), runs_wanted && seen.wanted_replicas >= self.pods) {
            (true, true) if self.pods > 0 => Judgement::Answer(ApplyOutcome::Unchanged),
            (true, false) => Judgement::Answer(ApplyOutcome::ChangedByOthers),
            (true | false, true | false) => Judgement::Write,
        }
    }
}

/// Judges the change or removal of an object that Slipway makes for a candidate (its Deployment, its
/// Service, a second Ingress) by the mark that was found on it: what carries no mark of the same target
/// was made by somebody else, and stays.
#[must_use]
pub fn judge_made(found: Option<Stamp>, ours: Stamp) -> Judgement {
    match found {
        Some(found) if found.is_after(&ours) => Judgement::Answer(ApplyOutcome::Overtaken(found)),
        Some(found) if found.target == ours.target => Judgement::Write,
        Some(_) | None => Judgement::Answer(ApplyOutcome::ChangedByOthers),
    }
}

impl RouteChange {
    /// Judges the change against the object as it was read.
    ///
    /// # Errors
    /// [`ClusterError::Invalid`] when the object cannot move the traffic.
    pub fn judge(&self, seen: &RouteObservation) -> Result<Judgement, ClusterError> {
        if let Some(stamp) = seen.stamp.filter(|stamp| stamp.is_after(&self.stamp)) {
            return Ok(Judgement::Answer(ApplyOutcome::Overtaken(stamp)));
        }
        if let Some(manager) = &seen.manager {
            return Ok(Judgement::Answer(ApplyOutcome::Managed(manager.clone())));
        }
        if let Some(why) = &seen.unfit {
            return Err(ClusterError::Invalid(why.clone()));
        }
        Ok(match (is_ours(seen.stamp, self.stamp), seen.weight == self.weight && seen.aside == self.aside) {
            (true, true) => Judgement::Answer(ApplyOutcome::Unchanged),
            (true, false) => Judgement::Answer(ApplyOutcome::ChangedByOthers),
            // A share that was neither there nor on its way when this was decided was set by someone else.
            (false, false) if !self.over.is_empty() && !self.over.contains(&seen.weight) => {
                Judgement::Answer(ApplyOutcome::ChangedByOthers)
            }
            (false, true | false) => Judgement::Write,
        })
    }
}

impl TemplateChange {
    /// The images that the template's containers have after the change, as far as it says.
    #[must_use]
    pub fn images(&self) -> Vec<ContainerImage> {
        match self {
            Self::Images(images) => images.clone(),
            Self::Restore(template) => template_images(template),
        }
    }

    /// Whether the object has the images that this asks for. Only images count: what others add to a
    /// template (a restart annotation, the API server's defaults) is no change of version.
    ///
    /// # Errors
    /// [`ClusterError::Invalid`] as for [`WorkloadChange::judge`].
    fn is_shown_by(&self, seen: &WorkloadObservation) -> Result<bool, ClusterError> {
        match self {
            Self::Images(images) => {
                if let Some(unknown) = images.iter().find(|i| seen.image_of(i.container.as_str()).is_none()) {
                    return Err(no_container(&unknown.container, seen));
                }
                Ok(seen.runs(images))
            }
            Self::Restore(template) => {
                let images = template_images(template);
                if images.is_empty() {
                    return Err(ClusterError::Invalid("the saved pod template has no containers".to_owned()));
                }
                Ok(images == seen.images)
            }
        }
    }
}

fn no_container(container: &ContainerName, seen: &WorkloadObservation) -> ClusterError {
    let there: Vec<&str> = seen.images.iter().map(|i| i.container.as_str()).collect();
    ClusterError::Invalid(format!(
        "{} has no container '{container}'; it has {}",
        seen.workload,
        if there.is_empty() { "none".to_owned() } else { there.join(", ") }
    ))
}

/// The containers of a pod template in Kubernetes' JSON, each with the pointer to it: those that serve, then those that
/// run before them or beside them. A name is given once in a pod.
fn template_containers(template: &Value) -> impl Iterator<Item = (String, &Value)> {
    ["containers", "initContainers"].into_iter().flat_map(|list| {
        let containers = template.get("spec").and_then(|spec| spec.get(list)).and_then(Value::as_array);
        let of = move |(index, container): (usize, _)| (format!("/spec/{list}/{index}"), container);
        containers.into_iter().flatten().enumerate().map(of)
    })
}

/// The images of the containers of a pod template, those that serve before those that run before or beside them. What has no
/// valid name or no image is left out: Kubernetes accepts neither.
#[must_use]
pub fn template_images(template: &Value) -> Vec<ContainerImage> {
    let image_of = |(_, container): (String, &Value)| {
        let name = container.get("name").and_then(Value::as_str)?;
        let image = container.get("image").and_then(Value::as_str)?;
        Some(ContainerImage { container: ContainerName::parse(name).ok()?, image: image.to_owned() })
    };
    template_containers(template).filter_map(image_of).collect()
}

/// Where in a pod template these images are set, each with the pointer to its container.
pub fn template_places<'a>(
    template: &'a Value,
    images: &'a [ContainerImage],
) -> impl Iterator<Item = (String, &'a ContainerImage)> {
    template_containers(template).filter_map(|(pointer, container)| {
        let name = container.get("name").and_then(Value::as_str);
        let image = images.iter().find(|image| Some(image.container.as_str()) == name)?;
        Some((pointer, image))
    })
}

/// A pod template with these images set in its containers.
#[must_use]
pub fn with_images(template: &Value, images: &[ContainerImage]) -> Value {
    let mut changed = template.clone();
    for (pointer, wanted) in template_places(template, images) {
        if let Some(container) = changed.pointer_mut(&pointer) {
            container["image"] = Value::String(wanted.image.clone());
        }
    }
    changed
}
