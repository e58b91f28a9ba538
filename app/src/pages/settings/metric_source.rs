//! A cluster's metric source on its page: where its Prometheus is, how it lets Slipway in, and a test of
//! it. Secrets are never shown again, so their fields begin empty even when one is set.

use contract::analysis::{MetricAccess, MetricSourceView, MetricTestView, PlaneFound};
use leptos::prelude::*;

use crate::{
    components::{Button, Card, Choice, InputKind, Kind, Notice, RadioChoices, Select, State, TextField},
    form::{FormProblem, Sending, about, besides},
    page::sentence,
    pages::strategy::planes,
    question::{Question, question},
    server_fns::clusters::{ClearMetricSource, SetMetricSource, TestMetricSource},
};

const FIELDS: [&str; 6] = ["address", "token", "user", "password", "matchers", "tenant"];

/// The forms of a metric source.
#[derive(Clone, Copy)]
pub(super) struct SourceForms {
    pub set: Sending<SetMetricSource>,
    pub test: Sending<TestMetricSource>,
    pub clear: Sending<ClearMetricSource>,
}

impl SourceForms {
    pub fn new() -> Self {
        Self { set: Sending::new().emptied(), test: Sending::new(), clear: Sending::new() }
    }

    /// Rises when what is set may have changed.
    pub fn version(self) -> usize {
        self.set.version() + self.clear.version()
    }
}

/// The card of a cluster's metric source; `None` where nobody has set one.
pub(super) fn source_card(cluster: &str, source: Option<MetricSourceView>, forms: SourceForms) -> AnyView {
    let lead = "What counts the requests of this cluster: error rates and times of canaries are asked for here.";
    if source.as_ref().is_some_and(|source| source.is_practice) {
        return view! {
            <Card title="Metrics" lead>
                <p class="note">"The practice cluster has numbers of its own."</p>
            </Card>
        }
        .into_any();
    }
    let acts = source.is_some().then(|| acts(cluster, forms));
    let none = source.is_none().then(|| {
        view! {
            <Notice title="No metrics yet">
                "Canaries here are judged by their pods alone, until you say where the cluster's Prometheus is."
            </Notice>
        }
    });
    let form = set_form(cluster, source, forms.set);
    view! {
        <Card title="Metrics" lead>
            <div class="stack">
                {none} {acts} {move || forms.test.answer().map(found)} {form}
            </div>
        </Card>
    }
    .into_any()
}

/// Testing what is set, and taking it away.
fn acts(cluster: &str, forms: SourceForms) -> AnyView {
    let (name, other) = (cluster.to_owned(), cluster.to_owned());
    let plane = forms.test.typed("plane", "");
    let choices = planes("Only whether it answers");
    let asked = Question::removal(
        "Remove the metrics",
        "Remove the metric source?",
        "Slipway forgets the address and the secret. Canaries under way that are judged by numbers pause and ask.",
        "Remove the metric source",
    );
    let other = view! { <input type="hidden" name="cluster" value=other /> };
    let removal = question(asked, forms.clear, other.into_any());
    view! {
        <ActionForm action=forms.test.action attr:class="form">
            <input type="hidden" name="cluster" value=name />
            <Select
                id="metrics-plane"
                name="plane"
                label="Test it, with the numbers of"
                choices
                selected=plane
                hint="Who counts requests is said again in each target's strategy.".to_owned()
            />
            <FormProblem error=forms.test.errors() title="Not tested" />
            <div class="form-acts">
                <Button kind=Kind::Primary busy=forms.test.busy()>
                    "Test the metrics"
                </Button>
            </div>
        </ActionForm>
        {removal}
    }
    .into_any()
}

fn set_form(cluster: &str, source: Option<MetricSourceView>, form: Sending<SetMetricSource>) -> AnyView {
    let cluster = cluster.to_owned();
    let error = form.errors();
    let other = besides(&FIELDS, error);
    let shared = shared_fields(form, source.as_ref());
    let (address, user, access) = match source {
        Some(source) => (source.address, source.user.unwrap_or_default(), source.access),
        None => (String::new(), String::new(), MetricAccess::Open),
    };
    let choice = |access: MetricAccess, label: &str, hint: &str| Choice {
        hint: hint.to_owned(),
        ..Choice::new(access.as_str(), label)
    };
    let ways = vec![
        choice(MetricAccess::Open, "By nothing", "It lets everybody in who reaches it."),
        choice(MetricAccess::Token, "By a bearer token", "Fill in the token below."),
        choice(MetricAccess::Password, "By a user and a password", "Basic authentication; fill in both below."),
    ];
    let chosen = form.typed("access", access.as_str());
    let keeps = move |this: MetricAccess| {
        if access == this {
            "One is set and never shown again. Empty keeps it, at the same address."
        } else {
            "Kept encrypted, never shown again."
        }
    };
    let secret = move |name: &'static str, label: &'static str, hint: &str| {
        view! {
            <TextField
                id=format!("metrics-{name}")
                name
                label
                kind=InputKind::Password
                autocomplete="off"
                hint=hint.to_owned()
                error=about(name, error)
            />
        }
    };
    view! {
        <ActionForm action=form.action attr:class="form">
            <input type="hidden" name="cluster" value=cluster />
            <TextField
                id="metrics-address"
                name="address"
                label="Address of Prometheus"
                kind=InputKind::Code
                hint="https://prometheus.example, before /api/v1; Thanos, Mimir and VictoriaMetrics answer too. An \
                      address in a private network, or with http, must be named in the setting outgoing_allow of \
                      this Slipway."
                    .to_owned()
                value=form.typed("address", &address)
                error=about("address", error)
                required=true
            />
            <RadioChoices id="metrics-access" name="access" label="How it lets Slipway in" choices=ways selected=chosen />
            {secret("token", "Token", keeps(MetricAccess::Token))}
            <div class="form-row">
                <TextField
                    id="metrics-user"
                    name="user"
                    label="User"
                    autocomplete="off"
                    value=form.typed("user", &user)
                    error=about("user", error)
                /> {secret("password", "Password", keeps(MetricAccess::Password))}
            </div>
            {shared}
            <FormProblem error=other title="Not saved" />
            <div class="form-acts">
                <Button busy=form.busy()>"Save the metric source"</Button>
            </div>
        </ActionForm>
    }
    .into_any()
}

/// What tells this cluster from others in a source that several share.
fn shared_fields(form: Sending<SetMetricSource>, source: Option<&MetricSourceView>) -> AnyView {
    let error = form.errors();
    let matchers = source.map(|source| source.matchers.as_str()).unwrap_or_default();
    let tenant = source.and_then(|source| source.tenant.as_deref()).unwrap_or_default();
    view! {
        <div class="form-row">
            <TextField
                id="metrics-matchers"
                name="matchers"
                label="Labels of this cluster"
                kind=InputKind::Code
                hint="Where several clusters share the source: cluster=\"eu-1\". Every question about this cluster has \
                      them; queries of your own as {{matchers}}."
                    .to_owned()
                value=form.typed("matchers", matchers)
                error=about("matchers", error)
            />
            <TextField
                id="metrics-tenant"
                name="tenant"
                label="Tenant"
                autocomplete="off"
                hint="Sent as X-Scope-OrgID, where the source asks for one (Mimir).".to_owned()
                value=form.typed("tenant", tenant)
                error=about("tenant", error)
            />
        </div>
    }
    .into_any()
}

/// What the test found.
fn found(found: MetricTestView) -> AnyView {
    let (state, title, words) = match (&found.problem, &found.version) {
        (Some(problem), _) => (State::Failed, "It does not answer", sentence(problem)),
        (None, Some(version)) => (State::Done, "It answers", format!("It says that it is version {version}.")),
        (None, None) => (State::Done, "It answers", "It does not say its version.".to_owned()),
    };
    view! {
        <Notice state title>
            {words}
        </Notice>
        {found.plane.map(plane_found)}
    }
    .into_any()
}

fn plane_found(found: PlaneFound) -> AnyView {
    let (state, title, words) = match found.problem {
        Some(problem) => (State::Waiting, format!("No numbers of {}", found.plane), sentence(&problem)),
        None => {
            let series = if found.series == 1 { "1 series".to_owned() } else { format!("{} series", found.series) };
            let every = found.scrape_seconds.map(|seconds| format!(", scraped every {seconds} s")).unwrap_or_default();
            let state = if found.warnings.is_empty() { State::Done } else { State::Waiting };
            (state, format!("It has numbers of {}", found.plane), format!("{series} of requests{every}."))
        }
    };
    let warnings: Vec<AnyView> =
        found.warnings.iter().map(|words| view! { <p>{sentence(words)}</p> }.into_any()).collect();
    view! {
        <Notice state title>
            <p>{words}</p>
            {warnings}
            <p class="mono">{found.query}</p>
        </Notice>
    }
    .into_any()
}
