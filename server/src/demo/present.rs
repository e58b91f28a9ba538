//! What is open now, asked for and approved through the engine itself, with its clock set to when it
//! was done: so nothing can differ from what people do.

use std::sync::Arc;

use anyhow::Context as _;
use contract::promotions::{PromotionsBackend as _, RequestPromotion};
use engine::{Engine, Parts};
use ports::{Cluster, ClusterConnector, ClusterError, ConnectionSettings, Messenger};
use practice::{MockClock, RecordingMessenger, SeededRandomness};
use secrecy::SecretString;
use store::Store;

use super::{
    SeededPerson, company,
    timeline::OpenStory,
    write::{Story, Written, actor},
};

/// Asking and approving talk to no cluster; reconciling does, and that is the server's own engine.
struct NoClusters;

impl ClusterConnector for NoClusters {
    fn connect(&self, _: &ConnectionSettings) -> Result<Arc<dyn Cluster>, ClusterError> {
        Err(not_asked())
    }

    fn read_kubeconfig(&self, _: &str, _: Option<&str>) -> Result<ConnectionSettings, ClusterError> {
        Err(not_asked())
    }

    fn access_commands(&self) -> String {
        String::new()
    }
}

fn not_asked() -> ClusterError {
    ClusterError::Settings("clusters are not asked while the sample company is made".to_owned())
}

/// Asks for what is open, oldest first.
///
/// # Errors
/// When the engine refuses, which would be a mistake in the story.
pub async fn ask(
    store: &Store,
    randomness: &SeededRandomness,
    written: &Written,
    stories: &[Story],
) -> anyhow::Result<()> {
    let clock = MockClock::default();
    let messenger: Arc<dyn Messenger> = Arc::new(RecordingMessenger::new(Arc::new(clock.clone())));
    let engine = Engine::new(Parts {
        store: store.clone(),
        clock: Arc::new(clock.clone()),
        randomness: Arc::new(randomness.clone()),
        connector: Arc::new(NoClusters),
        metrics: Arc::new(crate::wiring::Metrics::new(None, outgoing::Judge::default())?),
        messengers: Arc::new(move |_: &SecretString| Arc::clone(&messenger)),
        repositories: Arc::new(practice::PracticeRepositories::new()),
        webhooks: Arc::new(practice::PracticeDeployer::new(Arc::new(clock.clone()))),
        sealing_key: [0; 32],
        public_url: String::new(),
    });
    let mut open: Vec<(&Story, &OpenStory)> =
        stories.iter().flat_map(|story| story.told.open.iter().map(move |one| (story, one))).collect();
    open.sort_by_key(|(story, one)| (one.asked_at, story.spec.name));
    let mut approvals = Vec::new();
    for (story, one) in open {
        let number = request(&engine, &clock, written, story, one).await.with_context(|| story.spec.name)?;
        approvals.extend(one.approval.map(|(name, at)| (at, number, name)));
    }
    approvals.sort_unstable();
    for (at, number, name) in approvals {
        clock.set(at);
        let approver = actor(person(written, name)?);
        let comment = Some("Go ahead.".to_owned());
        engine.approve(&approver, number, 1, comment).await.with_context(|| format!("promotion {number}"))?;
    }
    Ok(())
}

async fn request(
    engine: &Engine,
    clock: &MockClock,
    written: &Written,
    story: &Story,
    one: &OpenStory,
) -> anyhow::Result<i64> {
    clock.set(one.asked_at);
    let version = story.told.versions.get(one.version).context("version")?;
    let environment = company::ENVIRONMENTS.get(one.environment).context("environment")?;
    let request = RequestPromotion {
        service: story.spec.name.to_owned(),
        version: version.label.clone(),
        environment: environment.name.to_owned(),
        reason: one.reason.clone(),
        supersede: false,
        key: None,
    };
    Ok(engine.request_promotion(&actor(person(written, one.requester)?), request).await?)
}

fn person<'a>(written: &'a Written, name: &str) -> anyhow::Result<&'a SeededPerson> {
    written.people.iter().find(|p| p.name == name).with_context(|| format!("{name} is not of the company"))
}
