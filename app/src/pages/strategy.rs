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

/// The form of a target's strategy. `exposed` is the Deployment that is offered where none is set.
pub fn strategy_card(
    service: &str,
    environment: &str,
    present: &StrategyInput,
    exposed: &str,
    form: Sending<SetStrategy>,
) -> AnyView {
    let error = form.errors();
    let other = besides(&FIELDS, error);
    let usual = |text: &str, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text.to_owned() };
    let chosen = form.typed(&sent_as("strategy"), &usual(&present.strategy, "rolling"));
    let choice = |value: &str, label: &str, hint: &str| Choice { hint: hint.to_owned(), ..Choice::new(value, label) };
    let strategies = vec![
        choice("rolling", "Rolling", "Pods are replaced a few at a time, as the Deployment says."),
        choice("canary", "Canary", "A second Deployment gets more and more of the traffic, step by step."),
        choice("blue_green", "Blue-green", "A second Deployment is there in full before it gets the traffic."),
    ];
    let layers = vec![
        Choice::new("http_route", "Gateway API: HTTPRoute"),
        Choice::new("grpc_route", "Gateway API: GRPCRoute"),
        Choice::new("istio", "Istio: VirtualService"),
        Choice::new("ingress_nginx", "ingress-nginx: canary Ingress"),
        Choice::new("selector", "The Service's selector, all at once"),
        Choice::new("replicas", "Nothing: the number of pods is the share"),
    ];
    let layer = form.typed(&sent_as("layer"), &usual(&present.layer, "http_route"));
    let mut planes = planes("Nobody: only pods are judged");
    planes.push(Choice::new("practice", "the practice cluster"));
    let plane = form.typed(&sent_as("metrics"), &present.metrics);
    let text = |name: &'static str, label: &'static str, hint: &str, needed: bool, value: String| {
        view! {
            <TextField
                id=format!("strategy-{name}")
                name=sent_as(name)
                label
                kind=InputKind::Code
                hint=hint.to_owned()
                needed
                value=form.typed(&sent_as(name), &value)
                error=about(name, error)
            />
        }
        .into_any()
    };
    let exposed = text(
        "exposed",
        "Deployment that serves",
        "The others are rolled at the end.",
        true,
        usual(&present.exposed, exposed),
    );
    let called = text("service", "Service", "The one that clients call.", true, present.service.clone());
    let route =
        text("route", "Route", "The name of the HTTPRoute, VirtualService or Ingress.", true, present.route.clone());
    let steps = text("steps", "Steps", &steps_hint(), false, present.steps.clone());
    let window = text(
        "window",
        "Window (seconds)",
        "How far back the rules about requests look: 15 to 3600; 60 when empty.",
        false,
        present.window.clone(),
    );
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
                    <div class="form-row for-candidate">
                        {exposed}
                        <Select
                            id="strategy-layer"
                            name=sent_as("layer")
                            label="What moves the traffic"
                            choices=layers
                            selected=layer
                            needed=true
                            error=form.field_error("layer")
                        />
                        <div class="for-service">{called}</div>
                        <div class="for-route">{route}</div>
                    </div>
                    <div class="for-candidate">{steps} <More label="What can be a step">{kinds_of_steps()}</More></div>
                    <div class="form-row for-candidate">
                        <Select
                            id="strategy-metrics"
                            name=sent_as("metrics")
                            label="Who counts the requests"
                            choices=planes
                            selected=plane
                            needed=true
                            hint="The cluster's metric source is asked for errors and times, and a breach takes the version back."
                                .to_owned()
                            error=form.field_error("metrics")
                        />
                        {window}
                    </div>
                    <p class="note for-candidate">"A rollback is never tried step by step."</p>
                    <FormProblem error=other title="Not saved" />
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
        ("ask", "A person lets it go on."),
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
