//! Why a pod does not run: its events and the end of a container's log, asked side by side. Both are asked for with
//! limits, and what the credentials do not include is part of the answer: a promotion does not need it.

use chrono::{DateTime, Utc};
use domain::{
    evidence::{LOG_LINES, LogTail, PodEvent, PodReport, Told},
    observation::PodObservation,
};
use k8s_openapi::{api::core::v1::Event, apimachinery::pkg::apis::meta::v1::Time};
use kube::{
    Api,
    api::{ListParams, LogParams},
};
use ports::ClusterError;

use crate::{
    connect::KubeCluster,
    error::{bounded, sort},
};

/// Bytes of a log that are asked for: the server cuts at the end of what it sends, so that much more than is kept must
/// come for the last lines to be among it.
const ASKED_BYTES: i64 = 256 * 1024;

/// Events that are asked for; Kubernetes folds repeated ones, so a pod seldom has more.
const ASKED_EVENTS: u32 = 50;

impl KubeCluster {
    pub(crate) async fn read_report(&self, namespace: &str, pod: &PodObservation) -> Result<PodReport, ClusterError> {
        let (events, log) = futures::join!(self.events_of(namespace, &pod.name), self.log_of(namespace, pod));
        Ok(PodReport::new(told("list events", events)?, told("get pods/log", log)?))
    }

    async fn events_of(&self, namespace: &str, pod: &str) -> Result<Vec<PodEvent>, kube::Error> {
        let events = Api::<Event>::namespaced(self.client().clone(), namespace);
        let of_pod = format!("involvedObject.kind=Pod,involvedObject.name={pod}");
        let found = bounded(events.list(&ListParams::default().fields(&of_pod).limit(ASKED_EVENTS))).await?;
        Ok(found.items.into_iter().map(event).collect())
    }

    /// The log of the run that failed: of the one before when the container has been started again.
    async fn log_of(&self, namespace: &str, pod: &PodObservation) -> Result<LogTail, kube::Error> {
        let pods = Api::<k8s_openapi::api::core::v1::Pod>::namespaced(self.client().clone(), namespace);
        let params = LogParams {
            container: pod.trouble.as_ref().map(|trouble| trouble.container.clone()).filter(|name| !name.is_empty()),
            tail_lines: i64::try_from(LOG_LINES + 1).ok(),
            limit_bytes: Some(ASKED_BYTES),
            previous: pod.restarts > 0,
            ..LogParams::default()
        };
        let (text, of_previous) = match bounded(pods.logs(&pod.name, &params)).await {
            // The run before is forgotten, or was of another container: what there is now is better than nothing.
            Err(kube::Error::Api(status)) if params.previous && status.code == 400 => {
                let present = LogParams { previous: false, ..params };
                (bounded(pods.logs(&pod.name, &present)).await?, false)
            }
            answer => (answer?, params.previous),
        };
        let is_cut = i64::try_from(text.len()).is_ok_and(|length| length >= ASKED_BYTES);
        Ok(LogTail::of(&text, is_cut, of_previous))
    }
}

/// What the API server says about one thing is part of the report; that it cannot be asked is not.
fn told<T>(permission: &str, answer: Result<T, kube::Error>) -> Result<Told<T>, ClusterError> {
    match answer {
        Ok(answer) => Ok(Told::Known(answer)),
        Err(error) => match sort(&error) {
            ClusterError::Forbidden(_) => Ok(Told::NotAllowed(permission.to_owned())),
            ClusterError::Unauthorized(why) => Err(ClusterError::Unauthorized(why)),
            other if matches!(error, kube::Error::Api(_)) => Ok(Told::Unknown(match other {
                ClusterError::Invalid(why) | ClusterError::Unreachable(why) => why,
                other => other.to_string(),
            })),
            other => Err(other),
        },
    }
}

fn event(event: Event) -> PodEvent {
    let series = event.series.as_ref();
    let last = series.and_then(|series| series.last_observed_time.as_ref()).or(event.event_time.as_ref());
    let at = match event.last_timestamp.or(event.first_timestamp) {
        Some(Time(at)) => moment(at.as_second(), at.subsec_nanosecond()),
        None => last.and_then(|at| moment(at.0.as_second(), at.0.subsec_nanosecond())),
    };
    let count = series.and_then(|series| series.count).or(event.count).unwrap_or(1);
    PodEvent {
        at,
        reason: event.reason.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
        count: u32::try_from(count).unwrap_or(1),
        is_warning: event.type_.as_deref() == Some("Warning"),
    }
}

fn moment(seconds: i64, nanoseconds: i32) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, u32::try_from(nanoseconds).unwrap_or(0))
}
