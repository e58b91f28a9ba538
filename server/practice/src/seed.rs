//! Filling and disturbing a practice cluster: making Deployments, and what other people do to them
//! with kubectl while Slipway looks on.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use domain::{
    delegated::ToolAct,
    image::ContainerImage,
    names::{Namespace, WorkloadName},
    observation::{Manager, WorkloadKind, WorkloadRef},
};
use ports::{ClusterError, TemplateChange};
use serde_json::{Value, json};

use crate::{
    cluster::{Inner, PracticeCluster, changed_template},
    deployment::{Counts, Deployment, Replacement},
    faults::Fate,
    randomness::{hash, mix},
    rollouts::{RolloutStep, Steps},
    state::{AcceptedWrite, State, Writer},
};

/// Why a seeding act was not done.
#[derive(Debug, thiserror::Error)]
pub enum PracticeError {
    /// There is no such Deployment.
    #[error("there is no Deployment {0}")]
    Missing(WorkloadRef),
    /// There is one of this name already.
    #[error("there is a Deployment {0} already")]
    Exists(WorkloadRef),
    /// The template has no such container.
    #[error("{0} has no container '{1}'")]
    NoContainer(WorkloadRef, String),
    /// The state file cannot be read or written.
    #[error("the practice cluster's state file")]
    Storage(#[from] std::io::Error),
}

/// A Deployment to make.
#[derive(Clone, Debug)]
pub struct NewDeployment {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name.
    pub name: WorkloadName,
    /// How many pods.
    pub replicas: u32,
    /// Containers and their images, in order.
    pub containers: Vec<ContainerImage>,
    /// Labels of the object.
    pub labels: BTreeMap<String, String>,
    /// How pods are replaced.
    pub replacement: Replacement,
    /// `spec.progressDeadlineSeconds`.
    pub progress_deadline_seconds: u32,
    /// Another tool that owns it.
    pub manager: Option<Manager>,
    /// Since when it runs; the clock's time when absent.
    pub created_at: Option<DateTime<Utc>>,
    /// The steps of a Rollout; a Deployment without.
    pub steps: Option<Vec<RolloutStep>>,
}

impl NewDeployment {
    /// A Deployment with Kubernetes' defaults for everything else.
    #[must_use]
    pub fn new(namespace: Namespace, name: WorkloadName, replicas: u32, containers: Vec<ContainerImage>) -> Self {
        Self {
            namespace,
            name,
            replicas,
            containers,
            labels: BTreeMap::new(),
            replacement: Replacement::default(),
            progress_deadline_seconds: 600,
            manager: None,
            created_at: None,
            steps: None,
        }
    }

    /// Which object it will be.
    #[must_use]
    pub fn workload(&self) -> WorkloadRef {
        let kind = if self.steps.is_some() { WorkloadKind::Rollout } else { WorkloadKind::Deployment };
        WorkloadRef { namespace: self.namespace.clone(), name: self.name.clone(), kind }
    }

    fn template(&self) -> Value {
        let container = |c: &ContainerImage| {
            json!({
                "name": c.container.as_str(),
                "image": c.image,
                "imagePullPolicy": "IfNotPresent",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            })
        };
        json!({
            "metadata": { "labels": { "app": self.name.as_str() } },
            "spec": {
                "containers": self.containers.iter().map(container).collect::<Vec<_>>(),
                "dnsPolicy": "ClusterFirst",
                "restartPolicy": "Always",
                "schedulerName": "default-scheduler",
                "securityContext": {},
                "terminationGracePeriodSeconds": 30,
            },
        })
    }

    fn deployment(&self, workload: WorkloadRef, seed: u64, first_version: u64, now: DateTime<Utc>) -> Deployment {
        let created_at = self.created_at.unwrap_or(now).min(now);
        let id = (u128::from(mix(seed)) << 64) | u128::from(seed);
        Deployment {
            workload,
            uid: uuid::Builder::from_random_bytes(id.to_be_bytes()).into_uuid().to_string(),
            labels: self.labels.clone(),
            manager: self.manager.clone(),
            stamp: None,
            change_cause: None,
            generation: 0,
            resource_version: first_version,
            replicas: self.replicas,
            is_paused: false,
            replacement: self.replacement,
            progress_deadline_seconds: self.progress_deadline_seconds,
            template: self.template(),
            replica_sets: Vec::new(),
            pods: Vec::new(),
            pods_made: 0,
            seed,
            played_to: created_at,
            observe_at: None,
            observed_generation: 0,
            current: None,
            counts: Counts::default(),
            progress: None,
            steps: self.steps.clone().map(Steps::new),
        }
    }
}

impl Inner {
    /// Makes a Deployment where there is none of its name.
    pub(crate) fn make<'a>(&self, state: &'a mut State, now: DateTime<Utc>, new: &NewDeployment) -> &'a mut Deployment {
        let workload = new.workload();
        state.made += 1;
        let seed = hash(&[&self.seed.to_string(), &workload.to_string(), &state.made.to_string()]);
        // Kubernetes' versions rise over all objects: one made again starts above its former self.
        let mut deployment = new.deployment(workload.clone(), seed, state.highest_version + 1, now);
        let created_at = deployment.played_to;
        deployment.spec_changed(created_at, &self.pace);
        deployment.play(now, &self.pace);
        state.deployments.entry(workload.to_string()).insert_entry(deployment).into_mut()
    }
}

impl PracticeCluster {
    /// Makes a Deployment; its pods start as the clock moves on from its creation.
    ///
    /// # Errors
    /// [`PracticeError::Exists`] and [`PracticeError::Storage`].
    pub fn create_deployment(&self, new: &NewDeployment) -> Result<WorkloadRef, PracticeError> {
        let workload = new.workload();
        self.inner.write(|state, now| {
            if state.get(&workload).is_some() {
                return (Err(PracticeError::Exists(workload.clone())), false);
            }
            self.inner.make(state, now, new);
            (Ok(workload.clone()), true)
        })?
    }

    /// What `kubectl set image` does, by somebody else.
    ///
    /// # Errors
    /// [`PracticeError`].
    pub fn set_image_by_other(
        &self,
        workload: &WorkloadRef,
        container: &str,
        image: &str,
    ) -> Result<(), PracticeError> {
        self.act(workload, &format!("set image {container}={image}"), |deployment| {
            let mut images = ports::template_images(&deployment.template);
            let Some(found) = images.iter_mut().find(|i| i.container.as_str() == container) else {
                return Err(PracticeError::NoContainer(workload.clone(), container.to_owned()));
            };
            image.clone_into(&mut found.image);
            deployment.template = changed_template(&deployment.template, &TemplateChange::Images(images));
            Ok(true)
        })
    }

    /// What `kubectl scale` does.
    ///
    /// # Errors
    /// [`PracticeError`].
    pub fn scale(&self, workload: &WorkloadRef, replicas: u32) -> Result<(), PracticeError> {
        self.act(workload, &format!("scale to {replicas}"), |deployment| {
            deployment.replicas = replicas;
            Ok(true)
        })
    }

    /// What `kubectl rollout pause` and `resume` do.
    ///
    /// # Errors
    /// [`PracticeError`].
    pub fn pause(&self, workload: &WorkloadRef, is_paused: bool) -> Result<(), PracticeError> {
        self.act(workload, if is_paused { "pause" } else { "resume" }, |deployment| {
            deployment.is_paused = is_paused;
            Ok(true)
        })
    }

    /// What `kubectl rollout restart` does: a new template with the same images.
    ///
    /// # Errors
    /// [`PracticeError`].
    pub fn restart(&self, workload: &WorkloadRef) -> Result<(), PracticeError> {
        let at = self.inner.clock.now().to_rfc3339();
        self.act(workload, "restart", |deployment| {
            deployment.template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = Value::String(at);
            Ok(true)
        })
    }

    /// What `kubectl argo rollouts promote`, `promote --full` and `abort` do, by somebody else.
    ///
    /// # Errors
    /// [`PracticeError`].
    pub fn steer_by_other(&self, workload: &WorkloadRef, act: ToolAct) -> Result<(), PracticeError> {
        let pace = self.inner.pace;
        let now = self.inner.clock.now();
        self.act(workload, "steer the rollout", |deployment| {
            if deployment.act(act, act != ToolAct::Back) {
                deployment.look_again(now, &pace);
            }
            Ok(false)
        })
    }

    /// Another tool takes the object, or lets it go.
    ///
    /// # Errors
    /// [`PracticeError`].
    pub fn set_manager(&self, workload: &WorkloadRef, manager: Option<Manager>) -> Result<(), PracticeError> {
        self.act(workload, "change owner", |deployment| {
            deployment.manager = manager;
            Ok(false)
        })
    }

    /// What `kubectl delete deployment` does.
    ///
    /// # Errors
    /// [`PracticeError`].
    pub fn delete(&self, workload: &WorkloadRef) -> Result<(), PracticeError> {
        self.inner.write(|state, now| {
            let Some(mut deployment) = state.deployments.remove(&workload.to_string()) else {
                return (Err(PracticeError::Missing(workload.clone())), false);
            };
            deployment.play(now, &self.inner.pace);
            let version = deployment.version_at(now, &self.inner.pace.timing);
            state.highest_version = state.highest_version.max(version);
            note(state, now, workload, vec![], "delete");
            (Ok(()), true)
        })?
    }

    /// Switches the cluster off and on: while it is off every call fails as unreachable.
    pub fn set_reachable(&self, is_reachable: bool) {
        self.inner.faults.set_reachable(is_reachable);
        self.tick();
    }

    /// Has the next `count` calls fail with `error` and without effect.
    pub fn fail_next(&self, count: usize, error: &ClusterError) {
        self.inner.faults.push(count, &Fate::Failed(error.clone()));
    }

    /// Has the next `count` calls take effect, but lose their answer: the caller sees
    /// [`ClusterError::Unreachable`].
    pub fn lose_next_answers(&self, count: usize) {
        self.inner.faults.push(count, &Fate::AnswerLost);
    }

    /// Has every call wait this long (in real time) before anything happens.
    pub fn set_latency(&self, latency: Duration) {
        self.inner.faults.set_latency(latency);
    }

    /// Runs an act by others; it answers whether the spec changed.
    fn act(
        &self,
        workload: &WorkloadRef,
        words: &str,
        act: impl FnOnce(&mut Deployment) -> Result<bool, PracticeError>,
    ) -> Result<(), PracticeError> {
        self.inner.write(|state, now| {
            let Some(deployment) = state.get_mut(workload) else {
                return (Err(PracticeError::Missing(workload.clone())), false);
            };
            deployment.play(now, &self.inner.pace);
            match act(deployment) {
                Ok(has_new_spec) => {
                    deployment.resource_version += 1;
                    if has_new_spec {
                        deployment.spec_changed(now, &self.inner.pace);
                    }
                    let images = ports::template_images(&deployment.template);
                    note(state, now, workload, images, words);
                    (Ok(()), true)
                }
                Err(error) => (Err(error), false),
            }
        })?
    }
}

fn note(state: &mut State, at: DateTime<Utc>, workload: &WorkloadRef, images: Vec<ContainerImage>, act: &str) {
    let (workload, act) = (workload.clone(), act.to_owned());
    state.note(AcceptedWrite { at, workload, by: Writer::Other, stamp: None, images, act });
}
