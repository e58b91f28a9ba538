//! The program outside that deploys a target: where it is told, how long it has, its secret, a ping.

use contract::deployers::DeployerView;
use leptos::prelude::*;

use crate::{
    components::{Button, Card, CheckBox, Chip, Glyph, InputKind, Kind, Notice, Show, Size, State, TextField, Time},
    form::{FormProblem, Sending, about, besides},
    pages::settings::shown_once,
    server_fns::deployers::{NewDeployerSecret, PingDeployer, SetDeployer},
};

const FIELDS: [&str; 4] = ["start", "abort", "deadline", "life"];

/// The forms of a deployer.
#[derive(Clone, Copy)]
pub struct DeployerForms {
    set: Sending<SetDeployer>,
    secret: Sending<NewDeployerSecret>,
    ping: Sending<PingDeployer>,
}

impl DeployerForms {
    /// Made with the page, which says in `saved` what was saved.
    #[must_use]
    pub fn begin(saved: RwSignal<Option<String>>) -> Self {
        Self {
            set: Sending::new().tells(saved, |_secret| "the deployer of your own".to_owned()),
            secret: Sending::new(),
            ping: Sending::new(),
        }
    }

    /// Rises when something was saved.
    pub fn version(self) -> usize {
        self.set.version() + self.secret.version()
    }
}

/// The card, and the secret for the one time that it is shown.
pub fn deployer_card(
    service: &str,
    environment: &str,
    present: Option<&DeployerView>,
    has_workloads: bool,
    forms: DeployerForms,
) -> AnyView {
    let made = Signal::derive(move || {
        let made = forms.secret.answer().or_else(|| forms.set.answer());
        made.filter(|secret| !secret.is_empty())
    });
    let secret = shown_once(
        "The secret of this deployer",
        "It is shown this once. Put it where your deployer verifies the header webhook-signature.",
        made,
    );
    let settings = settings(service, environment, present, has_workloads, forms.set);
    let trial = present.map(|present| trial(service, environment, present, forms));
    let practice = present.is_some_and(|present| present.is_practice);
    view! {
        {secret}
        <Card
            title="By your own deployer"
            aside=move || practice.then(|| view! { <Chip outline=true>"practice"</Chip> })
        >
            <div class="stack">{settings} {trial}</div>
        </Card>
    }
    .into_any()
}

fn settings(
    service: &str,
    environment: &str,
    present: Option<&DeployerView>,
    has_workloads: bool,
    form: Sending<SetDeployer>,
) -> AnyView {
    let error = form.errors();
    let other = besides(&FIELDS, error);
    let present = present.map(|present| present.settings.clone()).unwrap_or_default();
    let text = |name: &'static str, label: &'static str, hint: &'static str, kind: InputKind, value: &str| {
        let sent_as = format!("input[{name}]");
        let value = form.typed(&sent_as, value);
        view! {
            <TextField
                id=format!("deployer-{name}")
                name=sent_as
                label
                kind
                hint=hint.to_owned()
                value
                error=about(name, error)
            />
        }
        .into_any()
    };
    let code = InputKind::Code;
    let start =
        text("start", "Address for the start", "Gets a signed POST when a promotion starts.", code, &present.start);
    let abort = text(
        "abort",
        "Address for the abort",
        "Gets a signed POST when what ran before must come back. Without it a person is asked.",
        code,
        &present.abort,
    );
    let deadline = text(
        "deadline",
        "Deadline in minutes",
        "30 when empty. Without its word by then the promotion is taken back.",
        InputKind::Text,
        &present.deadline,
    );
    let life = text(
        "life",
        "Sign of life every (seconds)",
        "Empty when none is expected. A silent deployer is shown on the promotion.",
        InputKind::Text,
        &present.life,
    );
    let leaves = has_workloads.then(|| {
        view! {
            <Notice state=State::Waiting title="This target is in a cluster now">
                <p>
                    "Saving an address here takes its workloads out of Slipway's hands; they stay in the cluster as they are."
                </p>
                <CheckBox
                    id="deployer-leaves"
                    name="input[leaves]"
                    label="Take the workloads out of Slipway's hands"
                    required=true
                />
            </Notice>
        }
    });
    let (service, environment) = (service.to_owned(), environment.to_owned());
    view! {
        <ActionForm action=form.action>
            <input type="hidden" name="service" value=service />
            <input type="hidden" name="environment" value=environment />
            <div class="stack">
                <p class="note">
                    "For virtual machines, ECS and everything else: a program of yours is told by a signed webhook and reports by the API how it gets on. Gates, approvals and the queue are those of every promotion."
                </p>
                {leaves}
                {start}
                {abort}
                <div class="form-row">{deadline} {life}</div>
                <FormProblem error=other title="Not saved" />
                <div class="form-acts">
                    <Button kind=Kind::Primary busy=form.busy()>
                        "Save the deployer"
                    </Button>
                </div>
            </div>
        </ActionForm>
    }
    .into_any()
}

/// Trying it, and its secret.
fn trial(service: &str, environment: &str, present: &DeployerView, forms: DeployerForms) -> AnyView {
    let (secret_error, ping_error) = (forms.secret.errors(), forms.ping.errors());
    let hidden = || {
        let (service, environment) = (service.to_owned(), environment.to_owned());
        view! {
            <input type="hidden" name="service" value=service />
            <input type="hidden" name="environment" value=environment />
        }
        .into_any()
    };
    let (to_ping, to_secret) = (hidden(), hidden());
    let made = present.secret_made_at.map(|at| view! { "Its secret was made " <Time at show=Show::Ago /> ". " });
    let former = present.former_until.map(|at| {
        view! { "The one before signs too until " <Time at show=Show::Moment /> "." }
    });
    let answered = move || {
        forms.ping.answer().map(|ping| {
            let (state, title) =
                if ping.is_taken { (State::Done, "It answers") } else { (State::Failed, "It did not take the ping") };
            view! { <Notice state title>{crate::page::sentence(&ping.words)}</Notice> }
        })
    };
    view! {
        <p class="note">{made} {former}</p>
        {answered}
        <FormProblem error=ping_error title="Not sent" />
        <FormProblem error=secret_error title="Not made" />
        <div class="row">
            <ActionForm action=forms.ping.action>
                {to_ping} <Button size=Size::Small busy=forms.ping.busy()>
                    "Send a ping"
                </Button>
            </ActionForm>
            <ActionForm action=forms.secret.action>
                {to_secret} <Button size=Size::Small glyph=Glyph::Key busy=forms.secret.busy()>
                    "Make a new secret"
                </Button>
            </ActionForm>
        </div>
    }
    .into_any()
}
