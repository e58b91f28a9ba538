//! Why a pod of the practice cluster does not run: the events that Kubernetes would have written and the log that such a
//! container would leave, by how its version behaves.

use chrono::{DateTime, Utc};
use domain::{
    evidence::{LogTail, PodEvent, PodReport, Told},
    names::Namespace,
    observation::PodObservation,
};

use crate::{
    behaviour::{Behaviour, Container},
    cluster::Inner,
};

impl Inner {
    pub(crate) fn report_now(&self, namespace: &Namespace, pod: &PodObservation) -> std::io::Result<PodReport> {
        self.read(|state, _| {
            let here = state.deployments.values().filter(|one| one.workload.namespace == *namespace);
            let found = here.flat_map(|one| &one.pods).find(|one| one.name == pod.name);
            let container = found.and_then(|found| {
                let is_meant = |one: &&Container| pod.trouble.as_ref().is_none_or(|t| t.container == one.name);
                Some((found.created_at, found.containers.iter().find(is_meant)?))
            });
            match container {
                Some((made_at, container)) => report(container, made_at, pod.restarts),
                None => Self::report_of_job(state, namespace, &pod.name).unwrap_or_else(|| {
                    let gone = format!("pods \"{}\" not found", pod.name);
                    PodReport::new(Told::Known(Vec::new()), Told::Unknown(gone))
                }),
            }
        })
    }
}

fn report(container: &Container, made_at: DateTime<Utc>, restarts: u32) -> PodReport {
    let (name, image) = (&container.name, &container.image);
    let event = |reason: &str, message: String, count: u32, is_warning: bool| PodEvent {
        at: Some(made_at),
        reason: reason.to_owned(),
        message,
        count,
        is_warning,
    };
    let mut events = vec![event("Scheduled", "Successfully assigned the pod to practice-node-1".to_owned(), 1, false)];
    let started = event("Started", format!("Started container {name}"), restarts + 1, false);
    let back_off = || event("BackOff", format!("Back-off restarting failed container {name}"), restarts.max(1), true);
    let log = match container.behaviour {
        Behaviour::ImageMissing => {
            let why = format!("Failed to pull image \"{image}\": {image}: not found");
            events.extend([
                event("Failed", why, 2, true),
                event("BackOff", format!("Back-off pulling image \"{image}\""), 2, true),
            ]);
            let waits = format!("container \"{name}\" is waiting to start: trying and failing to pull image");
            return PodReport::new(Told::Known(events), Told::Unknown(waits));
        }
        Behaviour::Crash | Behaviour::LateCrash => {
            events.extend([started, back_off()]);
            "level=info msg=\"reading the configuration\" file=/etc/app/config.yaml\n\
             level=info msg=\"listening\" port=8080\n\
             level=error msg=\"the ledger cannot be opened\" error=\"missing column refunds.currency\"\n\
             panic: the ledger cannot be opened: missing column refunds.currency\n\
             \n\
             goroutine 1 [running]:\n\
             main.main()\n\
             \t/src/cmd/app/main.go:81 +0x2c5\n\
             exit status 1\n"
        }
        Behaviour::OutOfMemory => {
            events.extend([started, back_off()]);
            "level=info msg=\"warming the cache\" entries=4000000\n\
             level=warning msg=\"much memory is used\" used_mb=248 limit_mb=256\n"
        }
        Behaviour::NeverReady | Behaviour::Flapping | Behaviour::Fading => {
            let probe = "Readiness probe failed: HTTP probe failed with statuscode: 503".to_owned();
            events.extend([started, event("Unhealthy", probe, 7, true)]);
            "level=info msg=\"listening\" port=8080\n\
             level=warning msg=\"not ready\" waits_for=\"the message queue\"\n"
        }
        Behaviour::Ready | Behaviour::Slow | Behaviour::Errors | Behaviour::FewErrors | Behaviour::SlowAnswers => {
            events.push(started);
            "level=info msg=\"listening\" port=8080\n"
        }
    };
    PodReport::new(Told::Known(events), Told::Known(LogTail::of(log, false, restarts > 0)))
}
