//! What is refused, what the usual strategies are, and that what is stored loads.
#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;
use crate::{aside::TesterMatch, names::ObjectName};

fn name(text: &str) -> ObjectName {
    ObjectName::parse(text).unwrap()
}

fn gateway() -> TrafficLayer {
    let (service, route) = (name("cart"), name("cart"));
    TrafficLayer::GatewayApi { service, kind: crate::traffic::RouteKind::Http, route }
}

fn nginx() -> TrafficLayer {
    TrafficLayer::IngressNginx { service: name("cart"), ingress: name("cart") }
}

fn selector() -> TrafficLayer {
    TrafficLayer::Selector { service: name("cart") }
}

#[test]
fn steps_that_cannot_be_are_refused_by_name() {
    let settings = |layer, steps| CandidateSettings::new(name("cart"), layer, steps).map_err(|e| e.to_string());
    let table = [
        (
            gateway(),
            vec![weight_step(25), weight_step(10)],
            "step 2 asks for 10 % after 25 %: weights must rise from step to step",
        ),
        (
            selector(),
            vec![weight_step(25)],
            "step 1 asks for 25 %, but Service cart is switched as a whole: only 100 % can be had",
        ),
        (gateway(), vec![Step::Rollout], "step 1 is the rollout, which comes by itself at the end"),
        (gateway(), vec![Step::Pause { seconds: 0 }], "step 1 pauses for 0 s; 1 second to 7 days are possible"),
        (gateway(), vec![Step::ask(); 31], "at most 30 steps are possible"),
        (
            selector(),
            vec![Step::Testers { testers: TesterMatch::usual() }],
            "step 1 cannot be had: Service cart does not look at requests, so it cannot tell testers from others",
        ),
        (
            TrafficLayer::Replicas,
            vec![Step::Mirror { share: Weight::ALL }],
            "step 1 cannot be had: the number of pods does not look at requests, so it cannot copy any",
        ),
        (
            gateway(),
            vec![Step::Mirror { share: Weight::NONE }],
            "step 1 copies no requests: a share of 1 to 100 % can be copied",
        ),
        (
            nginx(),
            vec![Step::Mirror { share: Weight::ALL }],
            "step 1 cannot be had: ingress-nginx copies all requests of an Ingress or none (mirror-target), and never a share of them",
        ),
        (
            gateway(),
            vec![Step::Analysis { length: AnalysisLength::Seconds(60) }],
            "step 1 has nothing to look at yet; put a weight, testers or a preview before it",
        ),
        (
            gateway(),
            vec![Step::Job { template: name("smoke"), seconds: 90_000 }],
            "step 1 gives its Job 90000 s; 1 second to 24 hours are possible",
        ),
        (
            gateway(),
            vec![Step::Preview, Step::Analysis { length: AnalysisLength::Measurements(0) }],
            "step 2 looks for a time that cannot be had; 1 second to 7 days, or 1 to 1000 measurements, can",
        ),
        (
            nginx(),
            vec![Step::Testers { testers: TesterMatch::new(crate::aside::MatchBy::Cookie, "beta", "1").unwrap() }],
            "step 1 cannot be had: ingress-nginx knows testers by a cookie only when its value is 'always'",
        ),
    ];
    for (layer, steps, refused) in table {
        assert_eq!(settings(layer, steps).unwrap_err(), refused);
    }
}

#[test]
fn everything_is_on_the_candidate_before_the_rollout_where_that_can_be() {
    let words = |strategy: &Strategy| strategy.steps().iter().map(Step::words).collect::<Vec<_>>().join(", ");
    let canary = |layer| Strategy::Canary(CandidateSettings::usual_canary(name("cart"), layer));
    assert_eq!(words(&Strategy::Rolling), "Rollout");
    assert_eq!(words(&canary(gateway())), "10 %, Pause 30 min, 25 %, Pause 10 min, 50 %, Pause 10 min, 100 %, Rollout");
    assert_eq!(
        words(&canary(TrafficLayer::Replicas)),
        "10 %, Pause 30 min, 25 %, Pause 10 min, 50 %, Pause 10 min, Rollout"
    );
    assert_eq!(words(&canary(selector())), "Preview, Go on?, 100 %, Rollout");
    let settings = CandidateSettings::new(name("cart"), gateway(), vec![weight_step(20)]).unwrap();
    assert_eq!(words(&Strategy::Canary(settings)), "20 %, 100 %, Rollout");
    let blue_green = Strategy::BlueGreen(CandidateSettings::usual_blue_green(name("cart"), selector()));
    assert_eq!(words(&blue_green), "Preview, Go on?, 100 %, Pause 30 s, Rollout");
}

#[test]
fn a_version_is_judged_by_its_pods_and_by_numbers_where_somebody_counts() {
    let settings = CandidateSettings::usual_canary(name("cart"), gateway());
    let of = |rule: &MetricRule| format!("{} {:?}", rule.name(), rule.trigger());
    let of_pods: Vec<_> = settings.rules().iter().map(of).collect();
    assert_eq!(of_pods, ["health OfLast { m: 3, k: 6 }", "restarts Consecutive(1)", "waiting-reasons Consecutive(1)"]);
    let settings = settings.measured_by(Some(DataPlane::EnvoyGateway));
    let rules: Vec<_> = settings.rules().iter().map(of).collect();
    assert_eq!(rules.len(), 8, "{rules:?}");
    assert!(rules.contains(&"error-rate Consecutive(3)".to_owned()), "{rules:?}");
    assert!(rules.contains(&"p95 Consecutive(3)".to_owned()), "{rules:?}");
    let stored: CandidateSettings = serde_json::from_str(&serde_json::to_string(&settings).unwrap()).unwrap();
    assert_eq!(stored, settings);
}

/// Steps as they were stored first: promotions under way and targets have them.
#[test]
fn steps_are_stored_like_this() {
    let stored = [
        (r#"{"step":"weight","weight":25}"#, weight_step(25)),
        (r#"{"step":"pause","seconds":30}"#, Step::Pause { seconds: 30 }),
        (r#"{"step":"ask"}"#, Step::ask()),
        (r#"{"step":"ask","asked":"approver"}"#, Step::Ask { asked: Asked::Approver }),
        (r#"{"step":"analysis","length":{"seconds":600}}"#, Step::Analysis { length: AnalysisLength::Seconds(600) }),
        (
            r#"{"step":"analysis","length":{"measurements":5}}"#,
            Step::Analysis { length: AnalysisLength::Measurements(5) },
        ),
        (r#"{"step":"notify","notice":"half"}"#, Step::Notify { notice: Notice::new("half").unwrap() }),
        (r#"{"step":"job","template":"smoke","seconds":600}"#, Step::Job { template: name("smoke"), seconds: 600 }),
    ];
    for (text, step) in stored {
        assert_eq!(serde_json::from_str::<Step>(text).unwrap(), step);
        assert_eq!(serde_json::to_string(&step).unwrap(), text);
    }
    serde_json::from_str::<Step>(r#"{"step":"notify","notice":"two\nlines"}"#).unwrap_err();
}

#[test]
fn stored_settings_are_read_again_and_wrong_ones_are_not() {
    let canary = Strategy::Canary(CandidateSettings::usual_canary(name("cart"), gateway()));
    let text = serde_json::to_string(&canary).unwrap();
    assert_eq!(serde_json::from_str::<Strategy>(&text).unwrap(), canary);
    assert_eq!(serde_json::from_str::<Strategy>("\"rolling\"").unwrap(), Strategy::Rolling);
    assert!(serde_json::from_str::<Strategy>(&text.replace("\"weight\":25", "\"weight\":5")).is_err());
}
