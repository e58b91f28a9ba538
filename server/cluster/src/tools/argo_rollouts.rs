//! Argo Rollouts' Rollout (`argoproj.io/v1alpha1`): its pod template is a Deployment's, its status says the
//! steps. There is no server to ask: what `kubectl argo rollouts promote` and `abort` do are entries in the
//! status, made here with the step that was seen as a condition.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    delegated::{Pause, RolloutStatus, ToolAct, ToolStep},
    traffic::Weight,
};
use serde_json::{Value, json};

/// Reads what Argo Rollouts says.
pub(crate) fn status(object: &Value) -> RolloutStatus {
    let status = &object["status"];
    let steps = steps(object);
    let step = status["currentStepIndex"].as_u64().and_then(|index| u32::try_from(index).ok());
    RolloutStatus {
        phase: text(&status["phase"]).unwrap_or_default(),
        message: text(&status["message"]).filter(|message| !message.is_empty()),
        is_at_stable: is_at_stable(object),
        is_aborted: status["abort"].as_bool().unwrap_or(false),
        is_promoting_now: status["promoteFull"].as_bool().unwrap_or(false),
        weight: weight(object, steps, step),
        pauses: pauses(object, steps, step),
        steps: steps.iter().map(|step| step_of(step, most(object))).collect(),
        step: step.filter(|_| !steps.is_empty()),
        unfit: unfit(object),
    }
}

/// The Deployment from which a Rollout takes the template of its pods: that one has none itself, mostly, and whatever is
/// set in it goes by the Rollout's steps.
pub(crate) fn template_of(rollout: &Value) -> Option<&str> {
    let reference = rollout.pointer("/spec/workloadRef").filter(|reference| reference["kind"] == "Deployment")?;
    reference["name"].as_str()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn steps(object: &Value) -> &[Value] {
    object.pointer("/spec/strategy/canary/steps").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn is_at_stable(object: &Value) -> bool {
    let hash = |field: &str| object["status"][field].as_str().unwrap_or_default();
    !hash("stableRS").is_empty() && hash("stableRS") == hash("currentPodHash")
}

/// What counts as everything in the weights of a Rollout.
fn most(object: &Value) -> u64 {
    let most = object.pointer("/spec/strategy/canary/trafficRouting/maxTrafficWeight").and_then(Value::as_u64);
    most.filter(|most| *most > 0).unwrap_or(100)
}

/// The share of a weight, to the nearest percent.
fn percent(value: &Value, most: u64) -> Option<Weight> {
    let scaled = value.as_u64()?.checked_mul(100)?.checked_add(most / 2)? / most;
    Weight::percent(u8::try_from(scaled).ok()?).ok()
}

/// What the traffic layer was told, where there is one; else what the steps have asked for.
fn weight(object: &Value, steps: &[Value], step: Option<u32>) -> Option<Weight> {
    let most = most(object);
    if let Some(told) = percent(&object["status"]["canary"]["weights"]["canary"]["weight"], most) {
        return Some(told);
    }
    if is_at_stable(object) || object["status"]["abort"].as_bool() == Some(true) {
        return None;
    }
    let done = usize::try_from(step?).ok()?;
    let asked = steps.iter().take(done + 1).filter_map(|step| percent(&step["setWeight"], most)).next_back();
    Some(if done >= steps.len() { Weight::ALL } else { asked.unwrap_or(Weight::NONE) })
}

/// Kinds of steps by which the share and what runs stay as they are.
const STAYING: [&str; 4] = ["pause", "analysis", "experiment", "setMirrorRoute"];

fn step_of(step: &Value, most: u64) -> ToolStep {
    ToolStep { words: words(step, most), stays: STAYING.iter().any(|kind| step.get(kind).is_some()) }
}

fn words(step: &Value, most: u64) -> String {
    if let Some(weight) = percent(&step["setWeight"], most) {
        return weight.to_string();
    }
    match step.get("pause") {
        Some(pause) => match &pause["duration"] {
            Value::Null => "Go on?".to_owned(),
            Value::String(words) => format!("Pause {words}"),
            seconds => format!("Pause {seconds} s"),
        },
        None => {
            step.as_object().and_then(|step| step.keys().next()).map_or_else(String::new, |kind| match kind.as_str() {
                "analysis" => "Analysis".to_owned(),
                "experiment" => "Experiment".to_owned(),
                "setCanaryScale" => "Scale".to_owned(),
                "setHeaderRoute" => "Header route".to_owned(),
                "setMirrorRoute" => "Mirror".to_owned(),
                other => other.to_owned(),
            })
        }
    }
}

/// How long a pause lasts: seconds, or a duration of Go, `1h30m` or `1.5h`.
fn duration(value: &Value) -> Option<TimeDelta> {
    if let Some(seconds) = value.as_i64() {
        return TimeDelta::try_seconds(seconds);
    }
    let text = value.as_str()?;
    if let Ok(seconds) = text.parse() {
        return TimeDelta::try_seconds(seconds);
    }
    let (mut rest, mut milliseconds) = (text, 0.0);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let each = match unit {
            "ns" => 1e-6,
            "us" | "µs" => 1e-3,
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            _ => return None,
        };
        milliseconds += number.parse::<f64>().ok()? * each;
        rest = after;
    }
    std::time::Duration::try_from_secs_f64(milliseconds / 1_000.0).ok().and_then(|time| TimeDelta::from_std(time).ok())
}

fn pauses(object: &Value, steps: &[Value], step: Option<u32>) -> Vec<Pause> {
    let present = step.and_then(|step| steps.get(usize::try_from(step).ok()?));
    let of_step = present.and_then(|step| duration(&step["pause"]["duration"]));
    // A preview may be promoted by itself after a while.
    let of_preview = object.pointer("/spec/strategy/blueGreen/autoPromotionSeconds").and_then(Value::as_i64);
    let of_preview = of_preview.filter(|seconds| *seconds > 0).and_then(TimeDelta::try_seconds);
    let status = &object["status"];
    let pause = |condition: &Value| {
        let reason = text(&condition["reason"])?;
        let since = condition["startTime"].as_str().and_then(|time| time.parse::<DateTime<Utc>>().ok());
        let lasts = match reason.as_str() {
            "CanaryPauseStep" => of_step,
            "BlueGreenPause" => of_preview,
            _ => None,
        };
        let until = since.zip(lasts).and_then(|(since, lasts)| since.checked_add_signed(lasts));
        Some(Pause { reason, until })
    };
    status["pauseConditions"].as_array().into_iter().flatten().filter_map(pause).collect()
}

fn unfit(object: &Value) -> Option<String> {
    if let Some(name) = object.pointer("/spec/workloadRef/name").and_then(Value::as_str) {
        return Some(format!(
            "it takes its pods from Deployment {name} (spec.workloadRef), which Slipway does not follow; give it a \
             template of its own"
        ));
    }
    let status = &object["status"];
    if status["abort"].as_bool() == Some(true) {
        return Some(
            "it was aborted and still asks for the version that did not get through; undo it first \
             (kubectl argo rollouts undo)"
                .to_owned(),
        );
    }
    (!is_at_stable(object)).then(|| {
        "it is in the middle of a rollout that Slipway did not begin; finish or undo that first \
         (kubectl argo rollouts promote or undo)"
            .to_owned()
    })
}

/// The entries in the status by which Argo Rollouts does what is asked, of an object whose template is as
/// wanted or is about to be; `None` where it has done it, or it cannot be done where it is: an abort with
/// nothing under way has scaled the stable pods to nothing (argo-rollouts#1292), and a second tap must not
/// skip a step.
pub(crate) fn asked(object: &Value, act: ToolAct, is_as_wanted: bool) -> Option<Vec<Value>> {
    let status = &object["status"];
    let set = |field: &str, value: Value| json!({"op": "add", "path": format!("/status/{field}"), "value": value});
    let is_set = |field: &str| status[field].as_bool().unwrap_or(false);
    if is_at_stable(object) || status["stableRS"].as_str().is_none_or(str::is_empty) {
        return None;
    }
    let generation = object.pointer("/metadata/generation").map(ToString::to_string);
    let is_fresh = generation.is_some() && generation == text(&status["observedGeneration"]);
    match act {
        ToolAct::GoOn { step } if is_as_wanted && is_fresh => go_on(status, step),
        // What ran before is not tried again step by step.
        ToolAct::PromoteNow | ToolAct::Back if is_as_wanted && is_fresh => {
            (!is_set("promoteFull") && !is_set("abort")).then(|| vec![set("promoteFull", json!(true))])
        }
        // The traffic is home before the template is put back.
        ToolAct::Back if !is_as_wanted => (!is_set("abort")).then(|| vec![set("abort", json!(true))]),
        ToolAct::GoOn { .. } | ToolAct::PromoteNow | ToolAct::Back | ToolAct::Begin => None,
    }
}

fn go_on(status: &Value, step: Option<u32>) -> Option<Vec<Value>> {
    let is_paused = status["pauseConditions"].as_array().is_some_and(|pauses| !pauses.is_empty());
    let has_steps = step.is_some();
    let at = status["currentStepIndex"].as_u64().filter(|_| has_steps);
    if !is_paused || at != step.map(u64::from) {
        return None;
    }
    let mut operations = Vec::new();
    if let Some(step) = step {
        operations.push(json!({"op": "test", "path": "/status/currentStepIndex", "value": step}));
    }
    operations.push(json!({"op": "remove", "path": "/status/pauseConditions"}));
    // Neither yes nor no of an analysis is answered by a person's yes: its step is done.
    let verdict = status.pointer("/canary/currentStepAnalysisRunStatus/status").and_then(Value::as_str);
    if let Some(step) = step.filter(|_| verdict == Some("Inconclusive")) {
        operations.push(json!({"op": "add", "path": "/status/controllerPause", "value": false}));
        operations.push(json!({"op": "add", "path": "/status/currentStepIndex", "value": step + 1}));
    }
    Some(operations)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn rollout(status: Value) -> Value {
        json!({
            "metadata": {"generation": 4},
            "spec": {"strategy": {"canary": {"steps": [
                {"setWeight": 25}, {"pause": {"duration": "30s"}}, {"setWeight": 50}, {"pause": {}},
                {"analysis": {"templates": []}}]}}},
            "status": status,
        })
    }

    fn paused(step: u32) -> Value {
        rollout(json!({
            "observedGeneration": "4", "phase": "Paused", "message": "CanaryPauseStep", "currentStepIndex": step,
            "stableRS": "a", "currentPodHash": "b", "controllerPause": true,
            "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-03-02T09:00:00Z"}],
        }))
    }

    #[test]
    fn steps_shares_and_pauses_are_read() {
        let seen = status(&paused(1));
        let steps: Vec<_> = seen.steps.iter().map(|step| (step.words.as_str(), step.stays)).collect();
        let expected = [("25 %", false), ("Pause 30s", true), ("50 %", false), ("Go on?", true), ("Analysis", true)];
        assert_eq!(steps, expected);
        assert_eq!((seen.step, seen.weight.unwrap().as_percent()), (Some(1), 25));
        assert_eq!(seen.pauses[0].until.unwrap().to_rfc3339(), "2026-03-02T09:00:30+00:00");
        let seen = status(&paused(3));
        assert_eq!((seen.weight.unwrap().as_percent(), seen.pauses[0].until), (50, None));
        let mut routed = paused(3);
        routed["status"]["canary"]["weights"]["canary"]["weight"] = json!(40);
        assert_eq!(status(&routed).weight.unwrap().as_percent(), 40);
    }

    #[test]
    fn pauses_that_end_by_themselves_are_told_from_those_that_wait_for_a_person() {
        for (said, seconds) in [
            (json!("1h30m"), Some(5_400)),
            (json!("1.5h"), Some(5_400)),
            (json!("90000ms"), Some(90)),
            (json!("90"), Some(90)),
            (json!(90), Some(90)),
            (json!("90x"), None),
            (json!("h"), None),
            (json!("1h3"), None),
            (Value::Null, None),
        ] {
            assert_eq!(duration(&said).map(|lasts| lasts.num_seconds()), seconds, "{said}");
        }
        let mut preview = rollout(json!({"pauseConditions": [
            {"reason": "BlueGreenPause", "startTime": "2026-03-02T09:00:00Z"}]}));
        preview["spec"]["strategy"] = json!({"blueGreen": {"activeService": "cart"}});
        assert_eq!(status(&preview).pauses[0].until, None);
        preview["spec"]["strategy"]["blueGreen"]["autoPromotionSeconds"] = json!(600);
        let until = status(&preview).pauses[0].until.unwrap();
        assert_eq!(until.to_rfc3339(), "2026-03-02T09:10:00+00:00");
    }

    #[test]
    fn a_share_is_read_of_what_the_rollout_counts_as_everything() {
        let mut of_thousand = paused(1);
        of_thousand["spec"]["strategy"]["canary"]["trafficRouting"] = json!({"maxTrafficWeight": 1_000});
        of_thousand["spec"]["strategy"]["canary"]["steps"][0] = json!({"setWeight": 250});
        let seen = status(&of_thousand);
        assert_eq!((seen.steps[0].words.as_str(), seen.weight.unwrap().as_percent()), ("25 %", 25));
        of_thousand["status"]["canary"]["weights"]["canary"]["weight"] = json!(90);
        assert_eq!(status(&of_thousand).weight.unwrap().as_percent(), 9);
    }

    #[test]
    fn a_pause_is_ended_once_and_only_at_the_step_that_was_seen() {
        let at = |step| ToolAct::GoOn { step: Some(step) };
        let operations = asked(&paused(3), at(3), true).unwrap();
        assert_eq!(operations[0], json!({"op": "test", "path": "/status/currentStepIndex", "value": 3}));
        assert_eq!(operations[1], json!({"op": "remove", "path": "/status/pauseConditions"}));
        assert_eq!(operations.len(), 2);
        assert_eq!(asked(&paused(3), at(1), true), None);
        assert_eq!(asked(&paused(3), at(3), false), None);
        let mut done = paused(3);
        done["status"]["pauseConditions"] = json!(null);
        assert_eq!(asked(&done, at(3), true), None);
        let mut unseen = paused(3);
        unseen["metadata"]["generation"] = json!(5);
        assert_eq!(asked(&unseen, at(3), true), None);
    }

    #[test]
    fn nothing_is_aborted_or_promoted_when_nothing_is_under_way() {
        let mut still = paused(3);
        still["status"]["currentPodHash"] = json!("a");
        for act in [ToolAct::Back, ToolAct::PromoteNow] {
            assert_eq!(asked(&still, act, true), None);
            assert_eq!(asked(&still, act, false), None);
        }
        let abort = json!({"op": "add", "path": "/status/abort", "value": true});
        assert_eq!(asked(&paused(3), ToolAct::Back, false), Some(vec![abort]));
        let at_once = json!({"op": "add", "path": "/status/promoteFull", "value": true});
        assert_eq!(asked(&paused(3), ToolAct::Back, true), Some(vec![at_once.clone()]));
        assert_eq!(asked(&paused(3), ToolAct::PromoteNow, true), Some(vec![at_once]));
    }

    #[test]
    fn what_somebody_else_has_begun_is_left_alone() {
        assert!(status(&paused(1)).unfit.unwrap().contains("in the middle"));
        let mut referring = paused(1);
        referring["spec"]["workloadRef"] = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"});
        assert!(status(&referring).unfit.unwrap().contains("Deployment cart"));
        let mut settled = paused(5);
        settled["status"]["currentPodHash"] = json!("a");
        assert_eq!(status(&settled).unfit, None);
    }
}
