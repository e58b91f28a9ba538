//! What a reconciler does with a cluster in one pass, where any call may fail, lose its answer or come
//! late, and what is read may be of some time before.

use domain::{
    observation::PlacedWorkload,
    promotion::{Input, Promotion, Sight, desired},
};
use ports::{ApplyOutcome, Called, Cluster, ClusterError, Write, looked_at, route_of, sides_of, writes};
use practice::PracticeCluster;

use super::Run;

pub struct Field {
    pub cluster: PracticeCluster,
    /// What was seen at some time before: a cache that lags shows it again.
    stale: Option<Sight>,
    /// What a worker that hangs, and is thought dead, will write yet.
    late: Vec<Write>,
}

impl Field {
    pub fn of(cluster: PracticeCluster) -> Self {
        Self { cluster, stale: None, late: Vec::new() }
    }

    /// Writes what is desired, then looks; `check` must hold after every single write. `None` when Slipway
    /// died.
    pub async fn work(&mut self, run: &mut Run, check: impl Fn(&Run)) -> Option<Sight> {
        self.trouble_ahead(run);
        if !self.late.is_empty() && run.dice.one_in(4) {
            self.late_ones_come().await;
            check(run);
        }
        let unwritten = self.write(run, check).await?;
        if run.dies() {
            return None;
        }
        let (sight, unseen) = self.look(&run.promotion).await;
        let sight = match self.stale.take() {
            Some(stale) if run.dice.one_in(3) => stale,
            _ => sight,
        };
        if run.dice.one_in(10) {
            self.stale = Some(sight.clone());
        }
        Some(Sight { trouble: unwritten.or(unseen), ..sight })
    }

    /// What could not be written.
    async fn write(&mut self, run: &mut Run, check: impl Fn(&Run)) -> Option<Option<String>> {
        let (mut trouble, mut refused) = (None, Vec::new());
        let wanted = desired(&run.promotion).filter(|_| !run.promotion.is_all_told());
        for placed in wanted.into_iter().flat_map(|desired| writes(desired, &Called::default())) {
            if run.dies() {
                return None;
            }
            // What is made and removed keeps no mark that could stop one that comes late: it is left over then.
            if matches!(placed.write, Write::Workload(_) | Write::Route(_)) && run.dice.one_in(60) {
                self.late.push(placed.write);
                trouble = Some("no answer in time".to_owned());
                continue;
            }
            match placed.write.to(&self.cluster).await {
                Ok(ApplyOutcome::Managed(manager)) => refused.push(placed.refused(&manager.words())),
                Ok(_) => {}
                Err(ClusterError::Invalid(message)) => refused.push(placed.refused(&message)),
                Err(error) => trouble = Some(error.to_string()),
            }
            check(run);
        }
        if !refused.is_empty() {
            let generation = run.promotion.run().map_or(0, |run| run.generation);
            run.give(Input::RefusedByCluster { generation, writes: refused });
        }
        Some(trouble)
    }

    /// What was late is written now, whatever comes of it: nobody waits for the answer any more.
    pub async fn late_ones_come(&mut self) {
        for write in std::mem::take(&mut self.late) {
            let _nobody_waits = write.to(&self.cluster).await;
        }
    }

    /// What is there, and why some of it could not be read.
    async fn look(&self, promotion: &Promotion) -> (Sight, Option<String>) {
        let (mut sight, mut trouble) = (Sight::default(), None);
        let places: Vec<PlacedWorkload> = looked_at(promotion).map(|(_, placed)| placed).collect();
        for placed in places {
            match self.cluster.observe(&placed.workload).await {
                Ok(seen) => sight.workloads.push((placed, seen)),
                Err(error) => trouble = Some(error.to_string()),
            }
        }
        for place in promotion.jobs() {
            match self.cluster.observe_job(&place.job, &place.template).await {
                Ok(seen) => sight.jobs.push(((place.placed.cluster, place.job), seen)),
                Err(error) => trouble = Some(error.to_string()),
            }
        }
        for planned in &promotion.plan.workloads {
            let Some(sides) = sides_of(promotion, planned) else { continue };
            if let Ok(seen) = self.cluster.observe_capacity(&sides).await {
                sight.capacities.push((planned.placed.clone(), seen));
            }
            let Some(route) = route_of(promotion, planned) else { continue };
            match self.cluster.observe_route(&route).await {
                Ok(seen) => sight.routes.push((planned.placed.clone(), seen)),
                Err(error) => trouble = Some(error.to_string()),
            }
        }
        (sight, trouble)
    }

    /// What goes wrong with the next calls.
    fn trouble_ahead(&self, run: &mut Run) {
        let away = ClusterError::Unreachable("no answer".to_owned());
        match run.dice.roll(40) {
            0 => self.cluster.fail_next(1, &away),
            1 => self.cluster.lose_next_answers(1),
            2 => self.cluster.fail_next(4, &away),
            3 => self.cluster.fail_next(1, &ClusterError::Conflict),
            _ => {}
        }
    }
}
