//! What the rules of a promotion measure, for scripts of inputs.

use domain::{
    analysis::{Comparison, DataPlane, Measure, Reading, Sample, Traffic, Watch},
    names::WorkloadName,
    promotion::{Decision, Input},
    strategy::CandidateSettings,
    traffic::TrafficLayer,
};

use crate::world::World;

impl World {
    /// Has the version judged by the usual rules, as the practice cluster counts.
    pub fn analysed(mut self) -> Self {
        let name = WorkloadName::parse("cart").unwrap();
        let settings = CandidateSettings::usual_canary(name, TrafficLayer::Replicas);
        let rules = settings.measured_by(Some(DataPlane::Practice)).rules();
        self.promotion.plan.analysis = rules;
        self.facts.plan_now = self.promotion.plan.clone();
        self
    }

    /// Evaluates the rules that are due; the share of errors is as given, everything else is well,
    /// and what is compared is the same on both sides.
    pub fn samples(&self, errors: &Reading) -> Vec<Sample> {
        let one = |watch: &&Watch| {
            let rule = &watch.rule;
            if let Comparison::Stable(_) = rule.comparison() {
                let same = || Reading::series([300.0; 20]).with_requests(Reading::value(600.0));
                return Sample::compared(rule, self.now, ("q".to_owned(), "q".to_owned()), (same(), same()));
            }
            let reading = match rule.measure() {
                Measure::Traffic { what: Traffic::ErrorRate, .. } => errors.clone(),
                Measure::Traffic { .. } | Measure::Resource { .. } | Measure::Custom { .. } => busy(300.0),
                Measure::BuiltIn { .. } => Reading::value(0.0),
            };
            Sample::judged(rule, self.now, "q".to_owned(), reading)
        };
        self.promotion.due(self.now).iter().map(one).collect()
    }

    /// Evaluates what is due and has the promotion take it in.
    pub fn measure(&mut self, errors: &Reading) -> Decision {
        let samples = self.samples(errors);
        self.give(Input::Measured(samples)).unwrap()
    }

    /// So many seconds, with a pass and a measurement every ten.
    pub fn watch_for(&mut self, seconds: i64, errors: &Reading) {
        for _ in 0..seconds / 10 {
            self.pass_seconds(10);
            self.pass();
            self.measure(errors);
        }
    }
}

/// A value with enough requests behind it.
pub fn busy(value: f64) -> Reading {
    Reading::value(value).with_requests(Reading::value(600.0))
}
