//! What a cluster shows of a workload, in the words of the rules. The cluster and the practice
//! cluster both produce these; the rules in [`crate::rollout`] and [`crate::promotion`] read them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    delegated::{Tool, ToolStatus},
    ids::{ClusterId, PromotionId, TargetId},
    image::ContainerImage,
    names::{Namespace, WorkloadName},
};

/// Which kind of object a workload is. All but the first belong to a tool in the cluster that does the
/// work itself: Slipway sets the version where the tool reads it, and follows what the tool says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkloadKind {
    /// Kubernetes' own Deployment.
    #[default]
    Deployment,
    /// Argo Rollouts' Rollout.
    Rollout,
    /// Argo CD's Application.
    Application,
    /// Flux's Kustomization.
    Kustomization,
    /// Flux's HelmRelease.
    HelmRelease,
}

impl WorkloadKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Deployment, Self::Rollout, Self::Application, Self::Kustomization, Self::HelmRelease];

    /// The word for machines and columns: `helm_release`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Rollout => "rollout",
            Self::Application => "application",
            Self::Kustomization => "kustomization",
            Self::HelmRelease => "helm_release",
        }
    }

    /// The kind of this word; `None` when there is none.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Kubernetes' word for it: `HelmRelease`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::Rollout => "Rollout",
            Self::Application => "Application",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
        }
    }

    /// Whether its pods are to be seen: the objects of other tools stand for whatever they make.
    #[must_use]
    pub const fn shows_pods(self) -> bool {
        matches!(self, Self::Deployment | Self::Rollout)
    }

    /// The tool in charge of it; `None` for what Slipway or Kubernetes itself changes.
    #[must_use]
    pub const fn tool(self) -> Option<Tool> {
        match self {
            Self::Deployment => None,
            Self::Rollout => Some(Tool::ArgoRollouts),
            Self::Application => Some(Tool::ArgoCd),
            Self::Kustomization | Self::HelmRelease => Some(Tool::Flux),
        }
    }

    /// Whether it is a plain Deployment, on which Slipway does the work itself.
    #[must_use]
    pub const fn is_deployment(&self) -> bool {
        matches!(self, Self::Deployment)
    }
}

/// Which object in which namespace of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkloadRef {
    /// The namespace.
    pub namespace: Namespace,
    /// The object's name.
    pub name: WorkloadName,
    /// Its kind; what was stored without one is a Deployment.
    #[serde(default, skip_serializing_if = "WorkloadKind::is_deployment")]
    pub kind: WorkloadKind,
}

impl WorkloadRef {
    /// A Deployment.
    #[must_use]
    pub const fn deployment(namespace: Namespace, name: WorkloadName) -> Self {
        Self { namespace, name, kind: WorkloadKind::Deployment }
    }
}

impl std::fmt::Display for WorkloadRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)?;
        match self.kind {
            WorkloadKind::Deployment => Ok(()),
            kind => write!(f, " ({})", kind.words()),
        }
    }
}

/// A workload in one of the connected clusters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlacedWorkload {
    /// The cluster.
    pub cluster: ClusterId,
    /// The object there.
    pub workload: WorkloadRef,
}

/// The mark that Slipway leaves on an object it writes, in the object's own annotations, never in
/// the pod template. A writer that finds a higher mark than its own stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The target for which it wrote: sequences of different targets say nothing about each other.
    pub target: TargetId,
    /// The promotion that wrote.
    pub promotion: PromotionId,
    /// The place of this promotion in the order of promotions of this target; rises with each.
    pub sequence: i64,
    /// Rises within a promotion only when what it wants changes.
    pub generation: u32,
}

impl Stamp {
    /// Whether this mark is of later work than `other` for the same target. What another target, or
    /// another Slipway on the same cluster, has left is neither earlier nor later.
    #[must_use]
    pub fn is_after(&self, other: &Stamp) -> bool {
        self.target == other.target && (self.sequence, self.generation) > (other.sequence, other.generation)
    }
}

/// Another tool that owns an object and would undo or fight our writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tool", rename_all = "snake_case")]
pub enum Manager {
    /// Argo CD tracks the object.
    ArgoCd {
        /// The Application.
        application: String,
    },
    /// Flux's kustomize-controller applies the object.
    FluxKustomization {
        /// The Kustomization.
        name: String,
    },
    /// Flux's helm-controller applies the object.
    FluxHelmRelease {
        /// The HelmRelease.
        name: String,
    },
    /// A Helm release owns the object.
    Helm {
        /// The release.
        release: String,
    },
    /// Another controller owns the object by an owner reference.
    Controller {
        /// The owner's kind, such as `Rollout`.
        kind: String,
        /// The owner's name.
        name: String,
    },
}

impl Manager {
    /// Who owns the object, for people: `Argo CD (application shop)`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::ArgoCd { application } => format!("Argo CD (application {application})"),
            Self::FluxKustomization { name } => format!("Flux (Kustomization {name})"),
            Self::FluxHelmRelease { name } => format!("Flux (HelmRelease {name})"),
            Self::Helm { release } => format!("Helm (release {release})"),
            Self::Controller { kind, name } => format!("{kind} {name}"),
        }
    }

    /// Whether Slipway may write the object all the same: a plain Helm release undoes nothing before its next
    /// upgrade, so people may say that it is (`may_write_helm`).
    #[must_use]
    pub const fn allows(&self, may_write_helm: bool) -> bool {
        match self {
            Self::Helm { .. } => may_write_helm,
            Self::ArgoCd { .. }
            | Self::FluxKustomization { .. }
            | Self::FluxHelmRelease { .. }
            | Self::Controller { .. } => false,
        }
    }

    /// What a person can do so that a change of an object of this kind goes through.
    #[must_use]
    pub fn advice_for(&self, kind: WorkloadKind) -> String {
        if kind.is_deployment() {
            return self.advice();
        }
        let source = match self {
            Self::ArgoCd { application } => format!("the Git source of application {application}"),
            Self::FluxKustomization { name } => format!("the Git source of Kustomization {name}"),
            Self::FluxHelmRelease { name } => format!("the chart of HelmRelease {name}"),
            Self::Helm { release } => format!("the Helm release {release}"),
            Self::Controller { kind: owner, name } => format!("{owner} {name}"),
        };
        format!(
            "This {} is itself written from {source}: set the version there, and take it back there; a rollback must go through Git too. Or take the object out of it, so that Slipway alone sets its version.",
            kind.words()
        )
    }

    /// What a person can do so that a change of a Deployment goes through.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::ArgoCd { application } => format!(
                "Make the Application {application} the target (Discover offers it), change the image in its Git source, or take this Deployment out of it."
            ),
            Self::FluxKustomization { name } => format!(
                "Make the Kustomization {name} the target (Discover offers it), change the image in its Git source, or label the Deployment kustomize.toolkit.fluxcd.io/reconcile=disabled."
            ),
            Self::FluxHelmRelease { name } => {
                format!(
                    "Make the HelmRelease {name} the target (Discover offers it), or change the image in its values."
                )
            }
            Self::Helm { release } => format!(
                "The next helm upgrade of {release} would undo a change made here: upgrade the release with the new image, or say on the target's page that Slipway may write it all the same."
            ),
            Self::Controller { kind, name } if kind == WorkloadKind::Rollout.words() => format!(
                "Rollout {name} has the pods of this Deployment (spec.workloadRef) and goes by its own steps: give it a pod template of its own and make it the target, or remove it."
            ),
            Self::Controller { kind, name } => {
                format!("Change the image in {kind} {name}, which writes this Deployment.")
            }
        }
    }
}

/// Why a container does not run, in Kubernetes' own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerTrouble {
    /// The container.
    pub container: String,
    /// Kubernetes' reason: `CrashLoopBackOff`, `ImagePullBackOff`, `OOMKilled`, `Error`, …
    pub reason: String,
    /// The exit code of the last run, when it ended.
    pub exit_code: Option<i32>,
    /// Kubernetes' message, cut to a screen's length.
    pub message: Option<String>,
}

impl ContainerTrouble {
    /// One line: `CrashLoopBackOff, exit code 1`.
    #[must_use]
    pub fn words(&self) -> String {
        match self.exit_code {
            Some(code) => format!("{}, exit code {code}", self.reason),
            None => self.reason.clone(),
        }
    }
}

/// A pod of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodObservation {
    /// The pod's name.
    pub name: String,
    /// Whether it was made from the Deployment's current template.
    pub is_updated: bool,
    /// Whether it is ready to serve.
    pub is_ready: bool,
    /// Whether it is being deleted.
    pub is_terminating: bool,
    /// Restarts of the container that restarted most.
    pub restarts: u32,
    /// Why it does not run, when it does not.
    pub trouble: Option<ContainerTrouble>,
    /// When Kubernetes made it.
    pub created_at: Option<DateTime<Utc>>,
}

/// How a Deployment replaces its pods, as far as it can lose capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplacementSettings {
    /// Pods are replaced with at most this many missing at a time.
    RollingUpdate {
        /// Pods that may be missing, counted against the wanted number (percentages are rounded down, as Kubernetes does).
        max_unavailable: u32,
        /// Pods that may be there in excess (percentages are rounded up).
        max_surge: u32,
    },
    /// All pods end before the first new one starts.
    Recreate,
}

/// A Deployment, or another tool's object, and its pods at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadObservation {
    /// Which object.
    pub workload: WorkloadRef,
    /// Kubernetes' identity of the object; another one means it was deleted and made again.
    pub uid: String,
    /// The version of the object that was read.
    pub resource_version: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// `status.observedGeneration`.
    pub observed_generation: i64,
    /// `spec.paused`.
    pub is_paused: bool,
    /// `spec.replicas`.
    pub wanted_replicas: u32,
    /// `status.replicas`.
    pub replicas: u32,
    /// `status.updatedReplicas`.
    pub updated_replicas: u32,
    /// `status.readyReplicas`.
    pub ready_replicas: u32,
    /// `status.availableReplicas`.
    pub available_replicas: u32,
    /// The reason of the condition `Progressing`, such as `ProgressDeadlineExceeded`.
    pub progressing_reason: Option<String>,
    /// The message of the condition `ReplicaFailure` (a quota, an admission refusal), when it is true.
    pub replica_failure: Option<String>,
    /// `metadata.annotations["deployment.kubernetes.io/revision"]`, for display only.
    pub revision: Option<String>,
    /// How pods are replaced.
    pub replacement: ReplacementSettings,
    /// `spec.progressDeadlineSeconds`.
    pub progress_deadline_seconds: u32,
    /// The images of the template's containers, in its order; of another tool's object those at the places
    /// where it reads a version, each with a name for the place.
    pub images: Vec<ContainerImage>,
    /// The pod template as it stands, or what of another tool's object says the version, kept so that it can
    /// be put back exactly.
    pub template: serde_json::Value,
    /// Our mark, when Slipway wrote the object.
    pub stamp: Option<Stamp>,
    /// Another tool that owns the object.
    pub manager: Option<Manager>,
    /// What the tool in charge says, where the object is one that a tool works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolStatus>,
    /// The pods, newest template first, then by name.
    pub pods: Vec<PodObservation>,
}

impl WorkloadObservation {
    /// The image of a container, when the template has it.
    #[must_use]
    pub fn image_of(&self, container: &str) -> Option<&str> {
        self.images.iter().find(|c| c.container.as_str() == container).map(|c| c.image.as_str())
    }

    /// The images, and what else the tool in charge says is running.
    #[must_use]
    pub fn shown_images(&self) -> Vec<ContainerImage> {
        let running = match &self.tool {
            Some(ToolStatus::ArgoCd(status)) => status.running.as_deref().unwrap_or_default(),
            Some(ToolStatus::ArgoRollouts(_) | ToolStatus::Flux(_)) | None => &[],
        };
        let is_new = |one: &&ContainerImage| self.image_of(one.container.as_str()).is_none();
        self.images.iter().chain(running.iter().filter(is_new)).cloned().collect()
    }

    /// Whether each of these containers has the image that is wanted.
    #[must_use]
    pub fn runs(&self, wanted: &[ContainerImage]) -> bool {
        wanted.iter().all(|one| self.images.iter().any(|seen| one.is_shown_as(seen)))
    }

    /// Whether every container that `known` names has one of the images that it names for it.
    #[must_use]
    pub fn shows_only(&self, known: &[ContainerImage]) -> bool {
        let is_named = |c: &&ContainerImage| known.iter().any(|k| k.container == c.container);
        self.images.iter().filter(is_named).all(|seen| known.iter().any(|one| one.is_shown_as(seen)))
    }
}

/// What reading one workload gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// The object is there.
    Present(Box<WorkloadObservation>),
    /// The object is not there.
    Missing,
}

/// The pods of a workload in few words, kept for the Board and the promotion page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodCounts {
    /// How many are asked for.
    pub wanted: u32,
    /// How many run the current template.
    pub updated: u32,
    /// How many are ready, of any template.
    pub ready: u32,
    /// How many of the current template are available.
    pub available: u32,
}

impl From<&WorkloadObservation> for PodCounts {
    fn from(seen: &WorkloadObservation) -> Self {
        let updated_ready = seen.pods.iter().filter(|p| p.is_updated && p.is_ready && !p.is_terminating).count();
        Self {
            wanted: seen.wanted_replicas,
            updated: seen.updated_replicas,
            ready: seen.ready_replicas,
            available: u32::try_from(updated_ready).unwrap_or(u32::MAX).min(seen.available_replicas),
        }
    }
}
