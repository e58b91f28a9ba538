//! Whether Slipway may write what a plain Helm release made: who has said so, and saying or taking back so.

use std::convert::identity;

use contract::helm::{HelmConsentView, HelmOwnership};
use leptos::prelude::*;

use crate::{
    components::{Button, Card, Kind, More, Notice, Show, State, TextArea, Time},
    form::{FormProblem, Sending, about, besides},
    question::{Question, question},
    server_fns::helm::{GiveHelmConsent, TakeBackHelmConsent},
};

/// The forms of the consent.
#[derive(Clone, Copy)]
pub struct HelmForms {
    give: Sending<GiveHelmConsent>,
    back: Sending<TakeBackHelmConsent>,
}

impl HelmForms {
    /// Made with the page, which says in `saved` what was saved.
    #[must_use]
    pub fn begin(saved: RwSignal<Option<String>>) -> Self {
        Self { give: Sending::new().emptied().tells(saved, identity), back: Sending::new().tells(saved, identity) }
    }

    /// Rises when the consent may have changed.
    pub fn version(self) -> usize {
        self.give.version() + self.back.version()
    }
}

/// The card: where a Helm release made what a promotion would write, where somebody has said that it may be written, and,
/// folded, where the clusters do not say whose it is. It is on no other target.
pub fn helm_card(
    service: &str,
    environment: &str,
    present: Option<HelmConsentView>,
    ownership: &HelmOwnership,
    forms: HelmForms,
) -> Option<AnyView> {
    let inside = match (present, ownership) {
        (Some(consent), _) => given(service, environment, consent, forms.back),
        (None, HelmOwnership::NotByHelm) => return None,
        (None, HelmOwnership::ByRelease { release }) => {
            let form = give_form(service, environment, forms.give);
            let title = format!("It belongs to {release}");
            view! {
                <div class="stack">
                    <Notice state=State::Waiting title>
                        "Promotions here are refused until you say that Slipway may write it."
                    </Notice>
                    {form}
                </div>
            }
            .into_any()
        }
        (None, HelmOwnership::Unknown) => {
            let form = give_form(service, environment, forms.give);
            let open = forms.give.came_back();
            view! {
                <More label="The clusters do not say now whether Helm made it. Let Slipway write it if so" open>
                    {form}
                </More>
            }
            .into_any()
        }
    };
    let card = view! {
        <Card
            title="Installed by Helm"
            lead="What helm itself installed is not written without your word: the next helm upgrade would undo a version set here."
        >
            {inside}
        </Card>
    };
    Some(card.into_any())
}

fn hidden(service: &str, environment: &str) -> AnyView {
    let (service, environment) = (service.to_owned(), environment.to_owned());
    view! {
        <input type="hidden" name="service" value=service />
        <input type="hidden" name="environment" value=environment />
    }
    .into_any()
}

fn given(service: &str, environment: &str, consent: HelmConsentView, back: Sending<TakeBackHelmConsent>) -> AnyView {
    let asked = Question {
        label: "Take this back".to_owned(),
        title: "Refuse it again?".to_owned(),
        says:
            "From then on promotions of this target are refused where a Helm release made the object. What runs stays."
                .to_owned(),
        act: "Refuse it again".to_owned(),
        act_kind: Kind::Primary,
        failed: "Not changed",
        ..Question::default()
    };
    let refuse = question(asked, back, hidden(service, environment));
    view! {
        <div class="stack">
            <Notice state=State::Waiting title="Slipway may write it">
                {consent.by} " said so " <Time at=consent.at show=Show::Moment /> ": “" {consent.reason}
                "”. Before a helm upgrade, set the version in its values too."
            </Notice>
            {refuse}
        </div>
    }
    .into_any()
}

fn give_form(service: &str, environment: &str, form: Sending<GiveHelmConsent>) -> AnyView {
    let error = form.errors();
    let other = besides(&["reason"], error);
    let place = hidden(service, environment);
    view! {
        <ActionForm action=form.action attr:class="form">
            {place}
            <TextArea
                id="helm-reason"
                name="reason"
                label="Why"
                required=true
                hint="It stands in the audit, with your name, and can be taken back.".to_owned()
                value=form.typed("reason", "")
                error=about("reason", error)
            />
            <FormProblem error=other title="Not saved" />
            <div class="form-acts">
                <Button busy=form.busy()>"Let Slipway write it"</Button>
            </div>
        </ActionForm>
    }
    .into_any()
}
