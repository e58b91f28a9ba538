//! How versions get into a target: the strategy, what moves the traffic, the steps.

use contract::services::StrategyInput;
use domain::{names::WorkloadName, steps_text, strategy::CandidateSettings, traffic::TrafficLayer};
use leptos::prelude::*;

use crate::{
    components::{
        Button, Card, Choice, Definition, DefinitionList, InputKind, Kind, More, RadioChoices, Select, TextField,
    },
    form::{FormProblem, Sending, about, besides},
    server_fns::services::SetStrategy,
};

const FIELDS: [&str; 8] = ["strategy", "exposed", "layer", "service", "route", "steps", "metrics", "window"];

/// The name by which a field is sent.
fn sent_as(field: &str) -> String {
    format!("input[{field}]")
}

/// Who can count requests, with what it is called when nobody does.
pub(super) fn planes(nobody: &str) -> Vec<Choice> {
    vec![
        Choice::new("", nobody),
        Choice::new("envoy_gateway", "Envoy Gateway"),
        Choice::new("istio_gateway", "Istio, as a gateway"),
        Choice::new("istio", "Istio, in the mesh"),
        Choice::new("istio_stock_envoy", "Istio with a stock Envoy"),
        Choice::new("ingress_nginx", "ingress-nginx"),
    ]
}

/// Makes fields of the form, each with what was typed before and what is wrong with it.
#[derive(Clone, Copy)]
struct Inputs {
    form: Sending<SetStrategy>,
}

impl Inputs {
    fn text(self, name: &'static str, label: &'static str, hint: &str, needed: bool, value: &str) -> AnyView {
        let (id, hint) = (format!("strategy-{name}"), hint.to_owned());
        let (value, error) = (self.form.typed(&sent_as(name), value), about(name, self.form.errors()));
        view! { <TextField id name=sent_as(name) label kind=InputKind::Code hint needed value error /> }.into_any()
    }

    fn select(self, name: &'static str, label: &'static str, choices: Vec<Choice>, value: &str, hint: &str) -> AnyView {
        let (id, hint) = (format!("strategy-{name}"), (!hint.is_empty()).then(|| hint.to_owned()));
        let (selected, error) = (self.form.typed(&sent_as(name), value), self.form.field_error(name));
        view! { <Select id name=sent_as(name) label choices selected needed=true hint error /> }.into_any()
    }
}

fn usual(text: &str, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text.to_owned() }
}

/// The form of a target's strategy. `exposed` is the Deployment that is offered where none is set.
pub fn strategy_card(
    service: &str,
    environment: &str,
    present: &StrategyInput,
    exposed: &str,
    form: Sending<SetStrategy>,
) -> AnyView {
    let inputs = Inputs { form };
    let choice = |value: &str, label: &str, hint: &str| Choice { hint: hint.to_owned(), ..Choice::new(value, label) };
    let strategies = vec![
        choice("rolling", "Rolling", "Pods are replaced a few at a time, as the Deployment says."),
        choice("canary", "Canary", "A second Deployment gets more and more of the traffic, step by step."),
        choice("blue_green", "Blue-green", "A second Deployment is there in full before it gets the traffic."),
    ];
    let chosen = form.typed(&sent_as("strategy"), &usual(&present.strategy, "rolling"));
    let steps = inputs.text("steps", "Steps", &steps_hint(), false, &present.steps);
    let (places, measures) = (places(present, exposed, inputs), measures(present, inputs));
    let (service, environment) = (service.to_owned(), environment.to_owned());
    view! {
        <Card title="Strategy">
            <ActionForm action=form.action attr:class="strategy-form">
                <input type="hidden" name="service" value=service />
                <input type="hidden" name="environment" value=environment />
                <div class="stack">
                    <RadioChoices
                        id="strategy"
                        name=sent_as("strategy")
                        label="How a version gets here"
                        choices=strategies
                        selected=chosen
                        error=form.field_error("strategy")
                    />
                    {places}
                    <div class="for-candidate">{steps} <More label="What can be a step">{kinds_of_steps()}</More></div>
                    {measures}
                    <p class="note for-candidate">"A rollback is never tried step by step."</p>
                    <FormProblem error=besides(&FIELDS, form.errors()) title="Not saved" />
                    <div class="form-acts">
                        <Button kind=Kind::Primary busy=form.busy()>
                            "Save the strategy"
                        </Button>
                    </div>
                </div>
            </ActionForm>
        </Card>
    }
    .into_any()
}

/// Where the traffic is, and what moves it.
fn places(present: &StrategyInput, exposed: &str, inputs: Inputs) -> AnyView {
    let layers = vec![
        Choice::new("http_route", "Gateway API: HTTPRoute"),
        Choice::new("grpc_route", "Gateway API: GRPCRoute"),
        Choice::new("istio", "Istio: VirtualService"),
        Choice::new("ingress_nginx", "ingress-nginx: canary Ingress"),
        Choice::new("selector", "The Service's selector, all at once"),
        Choice::new("replicas", "Nothing: the number of pods is the share"),
    ];
    let exposed = usual(&present.exposed, exposed);
    let layer = usual(&present.layer, "http_route");
    let routes = "The name of the HTTPRoute, VirtualService or Ingress.";
    view! {
        <div class="form-row for-candidate">
            {inputs.text("exposed", "Deployment that serves", "The others are rolled at the end.", true, &exposed)}
            {inputs.select("layer", "What moves the traffic", layers, &layer, "")}
            <div class="for-service">
                {inputs.text("service", "Service", "The one that clients call.", true, &present.service)}
            </div>
            <div class="for-route">{inputs.text("route", "Route", routes, true, &present.route)}</div>
        </div>
    }
    .into_any()
}

/// By which numbers it is judged.
fn measures(present: &StrategyInput, inputs: Inputs) -> AnyView {
    let mut planes = planes("Nobody: only pods are judged");
    planes.push(Choice::new("practice", "the practice cluster"));
    let asked = "The cluster's metric source is asked for errors and times, and a breach takes the version back.";
    let far_back = "How far back the rules about requests look: 15 to 3600; 60 when empty.";
    view! {
        <div class="form-row for-candidate">
            {inputs.select("metrics", "Who counts the requests", planes, &present.metrics, asked)}
            {inputs.text("window", "Window (seconds)", far_back, false, &present.window)}
        </div>
    }
    .into_any()
}

/// What is gone through where nothing is typed.
fn steps_hint() -> String {
    let Ok(exposed) = WorkloadName::parse("any") else { return String::new() };
    let canary = CandidateSettings::usual_canary(exposed.clone(), TrafficLayer::Replicas);
    let blue_green = CandidateSettings::usual_blue_green(exposed, TrafficLayer::Replicas);
    format!(
        "When empty: {} for canary; {} for blue-green.",
        steps_text::write(canary.steps()),
        steps_text::write(blue_green.steps())
    )
}

/// The words that can stand among the steps.
fn kinds_of_steps() -> AnyView {
    let kinds = [
        ("10%", "The version gets this share of the traffic."),
        ("30s, 10m, 2h", "Nothing changes for so long."),
        ("preview", "The version is there in full, without traffic."),
        (
            "ask, ask:approver, ask:admin",
            "A person lets it go on: a release manager, an approver, an admin, or who may do more.",
        ),
        (
            "testers",
            "Testers reach it at once: by the header canary: true, or by header:name=value or cookie:name=value.",
        ),
        ("mirror:10%", "This share of the requests is copied to it, until the next weight."),
        ("analysis:10m, analysis:5x", "The rules judge it as it is there, for so long or for so many measurements."),
        ("notify:\"text\"", "The channel is told."),
        ("job:smoke-test, job:smoke-test:30m", "A Job of the CronJob of that name must succeed, in 10 min or as long."),
    ];
    let kinds = kinds.map(|(word, does)| view! { <Definition term=word>{does}</Definition> }).collect_view();
    view! {
        <DefinitionList>{kinds}</DefinitionList>
        <p class="note">"Everything, and then the rollout of the Deployment itself, come by themselves."</p>
    }
    .into_any()
}
