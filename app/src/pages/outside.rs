//! The work of an outside deployer on a promotion's page: how far it is, until when it is waited for, what
//! it was told and what it answered.

use contract::{
    deployers::{DeliveryView, OutsideView},
    promotions::PromotionView,
};
use domain::promotion::PromotionAct;
use leptos::prelude::*;

use crate::{
    components::{Button, Card, Chip, Glyph, ProgressBar, Sentence, Show, Size, State, StateInline, Time},
    form::{FormProblem, Sendings},
    page::sentence,
    server_fns::promotions::Steer,
};

/// The card, where an outside deployer does it.
pub fn outside_card(view: &PromotionView, steer: Sendings<Steer>) -> AnyView {
    let Some(outside) = view.outside.clone() else { return ().into_any() };
    let practice = outside.is_practice;
    let bar = outside.percent.map(|percent| bar(view, percent));
    let words = (!outside.words.is_empty()).then(|| view! { <p><Sentence words=sentence(&outside.words) /></p> });
    let link = outside.link.clone().map(|href| {
        view! {
            <p>
                <a href=href rel="noopener noreferrer external nofollow" target="_blank">
                    "What the deployer shows of it"
                </a>
            </p>
        }
    });
    let again = view.allowed.contains(&PromotionAct::CallAgain).then(|| again(view.line.number, steer));
    let times = times(&outside);
    let deliveries = outside.deliveries.into_iter().map(delivery).collect_view();
    let title = format!("Deployed by {}", outside.host);
    view! {
        <Card title aside=move || practice.then(|| view! { <Chip outline=true>"practice"</Chip> })>
            <div class="stack">
                {bar}
                {words}
                {link}
                {times}
                <ul class="stack-tight" data-row="deliveries">{deliveries}</ul>
                {again}
            </div>
        </Card>
    }
    .into_any()
}

fn bar(view: &PromotionView, percent: u8) -> AnyView {
    let state = State::from(view.line.headline.mark);
    view! {
        <div>
            <ProgressBar share=f64::from(percent) / 100.0 label="As the deployer reports it" state />
            <div class="traffic-foot">
                <span>"as the deployer reports it"</span>
                <span class="tabular">{format!("{percent} %")}</span>
            </div>
        </div>
    }
    .into_any()
}

fn times(outside: &OutsideView) -> AnyView {
    let heard = outside.heard_at.map(|at| view! { <span>"last heard of " <Time at show=Show::Seconds /> ". "</span> });
    let deadline = outside.deadline.map(|at| {
        let then = outside.at_deadline.clone();
        view! { <span>"Deadline " <Time at show=Show::Seconds /> ": " {then} "."</span> }
    });
    view! { <p class="note">{heard} {deadline}</p> }.into_any()
}

fn delivery(delivery: DeliveryView) -> AnyView {
    let tries = delivery
        .tries
        .into_iter()
        .map(|one| {
            view! {
                <li class="note">
                    <Time at=one.at show=Show::Seconds />
                    " "
                    {one.words}
                </li>
            }
        })
        .collect_view();
    let title = if delivery.call == "start" { "Webhook start" } else { "Webhook abort" };
    view! {
        <li>
            <span class="strong">{title}</span>
            " "
            <StateInline state=State::from(delivery.mark) word=delivery.words />
            <p class="note truncate" title=delivery.id.clone()>{delivery.id.clone()}</p>
            <ul class="stack-tight">{tries}</ul>
        </li>
    }
    .into_any()
}

/// Sending once more is harmless: the receiver knows the id.
fn again(number: i64, steer: Sendings<Steer>) -> AnyView {
    let form = steer.of("act", "call_again");
    let (error, busy) = (form.errors(), form.busy());
    view! {
        <ActionForm action=form.action>
            <input type="hidden" name="number" value=number.to_string() />
            <input type="hidden" name="act" value="call_again" />
            <div class="row">
                <Button size=Size::Small glyph=Glyph::Undo busy>
                    "Send again"
                </Button>
                <span class="note">"under the same id: a receiver that has it leaves it out"</span>
            </div>
            <FormProblem error title="Not sent again" />
        </ActionForm>
    }
    .into_any()
}
