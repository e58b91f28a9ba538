//! The steps of a story that are about a candidate and the traffic to it.

use domain::{
    aside::Aside,
    image::ContainerImage,
    traffic::{CandidateName, RouteObservation, RouteObserved, TrafficLayer, Weight, candidate_of},
};
use ports::{CandidateChange, Route, RouteChange};

use super::{
    Candidate, Mark,
    play::{Player, StoryError, TARGET, cause, mark_words, outcome_words, pair, stamp},
};

impl Player<'_> {
    /// The Service is called as the Deployment.
    pub(super) fn route(&self) -> Route {
        let layer = TrafficLayer::Selector { service: self.workload.name.clone() };
        let candidate = candidate_of(&self.workload, CandidateName::Preview);
        let track = CandidateName::Preview;
        Route { target: TARGET, stable: self.workload.clone(), candidate, track, layer }
    }

    pub(super) async fn candidate(&self, mark: Mark, wanted: &Candidate) -> Result<String, StoryError> {
        let images = wanted.images.iter().map(|(container, image)| pair(container, image));
        let mut route = self.route();
        if wanted.is_behind_same_service {
            route.layer = TrafficLayer::Replicas;
        }
        let change = CandidateChange {
            route,
            stamp: stamp(mark),
            images: images.collect::<Result<Vec<ContainerImage>, _>>()?,
            pods: wanted.pods,
            change_cause: cause(mark),
        };
        outcome_words(self.cluster.apply_candidate(&change).await)
    }

    pub(super) async fn save_route(&mut self) -> Result<String, StoryError> {
        Ok(match self.cluster.observe_route(&self.route()).await? {
            RouteObserved::Present(seen) => {
                let words = share_words(&seen);
                self.saved_route = Some(seen.rules);
                words
            }
            RouteObserved::Missing => "missing".to_owned(),
        })
    }

    pub(super) async fn share(&self, mark: Mark, percent: u8) -> Result<String, StoryError> {
        let change = RouteChange {
            route: self.route(),
            stamp: stamp(mark),
            weight: Weight::percent(percent).map_err(StoryError::Table)?,
            aside: Aside::NOTHING,
            over: vec![],
            saved: self.saved_route.clone().unwrap_or_default(),
            change_cause: cause(mark),
        };
        outcome_words(self.cluster.apply_route(&change).await)
    }

    pub(super) async fn wait_share(&self, percent: u8, addresses: Option<u32>) -> Result<String, StoryError> {
        loop {
            let seen = self.cluster.observe_route(&self.route()).await?;
            if let RouteObserved::Present(seen) = &seen
                && seen.is_accepted
                && seen.weight.as_percent() == percent
                && seen.candidate_endpoints == addresses
            {
                return Ok(share_words(seen));
            }
            if !self.stage.wait().await {
                return Err(StoryError::NoShare { percent, seen: format!("{seen:#?}") });
            }
        }
    }
}

fn share_words(seen: &RouteObservation) -> String {
    let addresses = seen.candidate_endpoints.map_or("no Service".to_owned(), |n| format!("{n} addresses"));
    format!("{} to the candidate; {addresses}; {}", seen.weight, mark_words(seen.stamp))
}
