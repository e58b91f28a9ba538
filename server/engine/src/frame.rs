//! What the frame around every page shows: who I am, what waits for me, what everybody should know.

use async_trait::async_trait;
use contract::{
    Answer, ApiError,
    frame::{Banner, Frame, FrameBackend, Me},
};
use domain::{
    actor::{Act, Actor, Identity},
    duration_words,
    state::Mark,
};
use store::{Cluster, ClusterKind, ClusterTrouble};

use crate::{Engine, error::OrFail};

#[async_trait]
impl FrameBackend for Engine {
    async fn frame(&self, actor: &Actor) -> Answer<Frame> {
        actor.may(Act::Read)?;
        let Identity::Person { id, name } = &actor.identity else {
            return Err(ApiError::refused("pages are for people; machines use the API"));
        };
        let mut read = self.store().read().await.or_fail(self)?;
        let waiting_for_me = self.count_waiting_for(&mut read, actor).await?;
        let clusters = read.clusters().await.or_fail(self)?;
        drop(read);
        let may = Act::ALL.into_iter().filter(|act| actor.may(*act).is_ok());
        Ok(Frame {
            me: Me { id: *id, name: name.clone(), role: actor.role, may: may.collect() },
            waiting_for_me,
            banners: self.banners(&clusters),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

impl Engine {
    fn banners(&self, clusters: &[Cluster]) -> Vec<Banner> {
        let down = clusters.iter().filter_map(|cluster| {
            let since = cluster.unreachable_since?;
            let age = duration_words::age((self.now() - since).num_seconds());
            let why = cluster.message.as_deref().map(|m| format!(" ({m})")).unwrap_or_default();
            let what = match cluster.trouble.unwrap_or(ClusterTrouble::Unreachable) {
                ClusterTrouble::Unreachable => "has not answered",
                ClusterTrouble::Unauthorized => "has not accepted the credentials",
                ClusterTrouble::Forbidden => "has not allowed Slipway to look",
                ClusterTrouble::Settings => "could not be used as it is set up",
            };
            Some(Banner {
                mark: Mark::Failed,
                text: format!(
                    "Cluster {} {what} for {age}{why}. What it runs is shown as it was seen last; promotions there wait.",
                    cluster.name
                ),
                link: Some(("/settings/clusters".to_owned(), "Clusters".to_owned())),
            })
        });
        let practice = clusters.iter().find(|c| c.kind == ClusterKind::Practice).map(|cluster| Banner {
            mark: Mark::Nothing,
            text: format!("{} is a practice cluster: its pods are played, nothing real runs.", cluster.name),
            link: None,
        });
        down.chain(practice).collect()
    }
}
