//! What lies outside of the engine, which stops before each call and after its effect: the process dies at one of these.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::git::{Carries, CommitHash, GitPlan, GitWritten, RepositoryAddress};
use ports::{
    GitChange, GitCredentials, GitError, GitRepositories, MessageKey, MessageRef, Messenger, MessengerError,
    PromotionMessage, Webhook, WebhookAnswer, WebhookSender,
};
use practice::{PracticeDeployer, PracticeRepositories};
use serde::{Deserialize, Serialize};

use crate::guarded::{Call, Guard};

/// Counts stop points and dies at one.
pub(super) struct Stops {
    passed: AtomicU64,
    dies_at: u64,
}

impl Stops {
    /// Dies at this stop point; never at 0.
    pub(super) fn dying_at(dies_at: u64) -> Arc<Self> {
        Arc::new(Self { passed: AtomicU64::new(0), dies_at })
    }

    pub(super) fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }

    async fn during<T>(&self, call: impl Future<Output = T>) -> T {
        self.pass();
        let answer = call.await;
        self.pass();
        answer
    }

    pub(super) fn pass(&self) {
        if self.passed.fetch_add(1, Ordering::SeqCst) + 1 == self.dies_at {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
            // The signal may take a moment; nothing more must happen.
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }
}

#[async_trait]
impl Guard for Stops {
    async fn before(&self, call: Call) {
        if call != Call::Watch {
            self.pass();
        }
    }

    async fn after(&self, _call: Call) {
        self.pass();
    }
}

/// A receiver whose messages outlive the processes that send them.
pub(super) struct FileMessenger {
    pub(super) path: PathBuf,
    pub(super) stops: Arc<Stops>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) promotion: domain::ids::PromotionId,
    pub(super) step: Option<u32>,
    pub(super) texts: Vec<String>,
}

pub(super) fn kept(path: &Path) -> Vec<Kept> {
    std::fs::read(path).map(|bytes| serde_json::from_slice(&bytes).unwrap()).unwrap_or_default()
}

impl FileMessenger {
    fn change<T>(&self, act: impl FnOnce(&mut Vec<Kept>) -> T) -> T {
        self.stops.pass();
        let mut messages = kept(&self.path);
        let answer = act(&mut messages);
        let fresh = self.path.with_extension("new");
        std::fs::write(&fresh, serde_json::to_vec(&messages).unwrap()).unwrap();
        std::fs::rename(&fresh, &self.path).unwrap();
        self.stops.pass();
        answer
    }
}

fn at(channel: &str, place: usize) -> MessageRef {
    MessageRef { channel: channel.to_owned(), message: place.to_string() }
}

#[async_trait]
impl Messenger for FileMessenger {
    async fn post(&self, channel: &str, key: MessageKey, m: &PromotionMessage) -> Result<MessageRef, MessengerError> {
        Ok(self.change(|messages| {
            messages.push(Kept { promotion: key.promotion, step: key.step, texts: vec![m.state.clone()] });
            at(channel, messages.len() - 1)
        }))
    }

    async fn update(&self, at: &MessageRef, _key: MessageKey, m: &PromotionMessage) -> Result<(), MessengerError> {
        let place: usize = at.message.parse().unwrap();
        self.change(|messages| messages[place].texts.push(m.state.clone()));
        Ok(())
    }

    async fn find(
        &self,
        channel: &str,
        key: MessageKey,
        _since: DateTime<Utc>,
    ) -> Result<Option<MessageRef>, MessengerError> {
        let is_it = |kept: &Kept| kept.promotion == key.promotion && kept.step == key.step;
        Ok(self.change(|messages| messages.iter().position(is_it).map(|n| at(channel, n))))
    }
}

/// Repositories that stop before a call, and after it has done what was asked.
pub(super) struct StoppedRepositories {
    pub(super) inside: PracticeRepositories,
    pub(super) stops: Arc<Stops>,
}

#[async_trait]
impl GitRepositories for StoppedRepositories {
    fn look_at(&self, repository: &RepositoryAddress) -> Result<(), String> {
        self.inside.look_at(repository)
    }

    async fn read(&self, plan: &GitPlan, credentials: &GitCredentials) -> Result<Vec<String>, GitError> {
        self.stops.during(self.inside.read(plan, credentials)).await
    }

    async fn commit(&self, change: &GitChange, credentials: &GitCredentials) -> Result<GitWritten, GitError> {
        self.stops.during(self.inside.commit(change, credentials)).await
    }

    async fn carries(
        &self,
        plan: &GitPlan,
        credentials: &GitCredentials,
        commit: &CommitHash,
        revisions: &[CommitHash],
    ) -> Result<Vec<(CommitHash, Carries)>, GitError> {
        self.stops.during(self.inside.carries(plan, credentials, commit, revisions)).await
    }
}

/// A deployer that stops before it is told something, and after it has taken it.
pub(super) struct StoppedDeployer {
    pub(super) inside: PracticeDeployer,
    pub(super) stops: Arc<Stops>,
}

#[async_trait]
impl WebhookSender for StoppedDeployer {
    fn look_at(&self, address: &str) -> Result<(), String> {
        self.inside.look_at(address)
    }

    async fn send(&self, webhook: &Webhook) -> WebhookAnswer {
        self.stops.during(self.inside.send(webhook)).await
    }
}
