//! The traffic of a promotion under way, and what people do to it: pause, let it go on, skip a step, set
//! a share, leave the rest out. Each act says first what it will do.

use contract::promotions::{PromotionView, TrafficView};
use domain::{promotion::PromotionAct, state::Mark};
use leptos::prelude::*;

use crate::{
    components::{
        Button, Card, Code, Glyph, InputKind, Kind, More, Notice, ReasonDialog, Sentence, Series, Size, State, Step,
        Steps, TextField, TrafficBar, TrafficPart,
    },
    form::{FormProblem, ReasonField, Sending, Sendings, about, besides},
    page::sentence,
    server_fns::promotions::Steer,
};

/// The card of the traffic, where the strategy moves it.
pub fn traffic_card(view: &PromotionView, steer: Sendings<Steer>) -> AnyView {
    let Some(traffic) = view.traffic.clone() else { return ().into_any() };
    let share = |percent: u8| f64::from(percent) / 100.0;
    let seen = traffic.seen.unwrap_or(0);
    let part = |series, version: String, share| TrafficPart { series, version, share };
    let stable = traffic.stable.clone().unwrap_or_else(|| "before".to_owned());
    let parts = vec![
        part(Series::Stable, stable, 1.0 - share(seen)),
        part(Series::Canary, view.line.version.clone(), share(seen)),
    ];
    let bar = if traffic.wanted == seen {
        view! { <TrafficBar parts /> }.into_any()
    } else {
        view! { <TrafficBar parts wanted=share(traffic.wanted) /> }.into_any()
    };
    let lines = traffic
        .lines
        .iter()
        .map(|line| view! { <li class="truncate" title=line.clone()><Sentence words=line.clone() /></li> });
    let lines = lines.collect_view();
    let capacity = traffic.capacity.iter().map(|line| view! { <li>{sentence(line)}</li> }).collect_view();
    let capacity = (!traffic.capacity.is_empty()).then(|| view! { <ul class="note stack-tight">{capacity}</ul> });
    let hold = traffic.hold.clone().map(|why| {
        view! { <Notice state=State::Waiting title="Paused"><Sentence words=sentence(&why) /></Notice> }
    });
    let mirrored = (!traffic.mirrored.is_empty()).then(|| {
        let steps = traffic.mirrored.iter().map(|step| Step {
            state: State::from(step.mark),
            title: step.title.clone(),
            note: step.detail.clone(),
            current: matches!(step.mark, Mark::Moving | Mark::Waiting),
            ..Step::default()
        });
        let steps: Vec<Step> = steps.collect();
        view! { <Steps steps /> }
    });
    let acts = acts(view, &traffic, steer);
    let by_hand = traffic.by_hand.clone().map(|commands| {
        view! {
            <More label="Put the traffic back by hand">
                <p class="note">"For the day when Slipway itself, or its way to the cluster, is down."</p>
                <Code text=commands label="Commands" />
            </More>
        }
    });
    let by = traffic.by.clone();
    let split = match traffic.seen {
        Some(seen) if seen == traffic.wanted && traffic.is_settled => format!("{seen} % as wanted"),
        Some(seen) if seen == traffic.wanted => format!("{seen} % written, not settled yet"),
        Some(seen) => format!("{seen} % seen, {} % wanted", traffic.wanted),
        None => format!("{} % wanted", traffic.wanted),
    };
    view! {
        <Card title="Traffic">
            <div class="stack">
                <div>
                    {bar}
                    <div class="traffic-foot">
                        <span>{by}</span>
                        <span class="tabular">{split}</span>
                    </div>
                </div>
                {mirrored}
                <ul class="note stack-tight">{lines}</ul>
                {capacity}
                {hold}
                {acts} {by_hand}
            </div>
        </Card>
    }
    .into_any()
}

/// The buttons, as far as the reader may press them.
fn acts(view: &PromotionView, traffic: &TrafficView, steer: Sendings<Steer>) -> AnyView {
    let may = |act: PromotionAct| view.allowed.contains(&act);
    let number = view.line.number;
    let step = traffic.step.unwrap_or_default();
    let go_on = may(PromotionAct::GoOn).then(|| go_on(number, step, steer.of("act", "go_on")));
    let hold = may(PromotionAct::Hold).then(|| {
        let says = format!(
            "The traffic stays where it is until someone lets it go on. It is still taken back by itself {}.",
            traffic.takes_back
        );
        let act = Asked { number, step, act: "hold", label: "Pause", says, failed: "Not paused" };
        with_reason(act, Glyph::Pause, steer, ().into_any())
    });
    let skip = may(PromotionAct::Skip).then(|| {
        let says = format!(
            "Ends \u{201c}{}\u{201d} now: what it waits for is not waited for. Then: {}.",
            traffic.present, traffic.then
        );
        let act = Asked { number, step, act: "skip", label: "Skip this step", says, failed: "Not skipped" };
        without_reason(act, steer)
    });
    let set = may(PromotionAct::SetWeight).then(|| {
        let says = format!(
            "At most {} %, which is what the approved steps have given so far. It stays there until someone lets it go on.",
            traffic.most
        );
        let act = Asked { number, step, act: "set_weight", label: "Set the share", says, failed: "Not set" };
        let form = steer.of("act", "set_weight");
        let field = view! {
            <TextField
                id="steer-weight"
                name="weight"
                label=format!("Share of {} in percent", view.line.version)
                kind=InputKind::Number
                value=form.typed("weight", &traffic.wanted.to_string())
                error=about("weight", form.errors())
                required=true
            />
        };
        with_reason(act, Glyph::Pencil, steer, field.into_any())
    });
    let now = may(PromotionAct::PromoteNow).then(|| {
        let says = format!(
            "All pauses, shares, analyses, messages and Jobs that are left are left out: {} gets everything as soon as it has the pods.",
            view.line.version
        );
        let act =
            Asked { number, step, act: "promote_now", label: "Promote at once", says, failed: "Not promoted at once" };
        with_reason(act, Glyph::Play, steer, ().into_any())
    });
    view! { <div class="row">{go_on} {hold} {skip} {set} {now}</div> }.into_any()
}

/// An act that is asked about once more.
struct Asked {
    number: i64,
    step: usize,
    act: &'static str,
    label: &'static str,
    says: String,
    failed: &'static str,
}

fn hidden(number: i64, step: usize, act: &'static str) -> AnyView {
    view! {
        <input type="hidden" name="number" value=number.to_string() />
        <input type="hidden" name="act" value=act />
        <input type="hidden" name="step" value=step.to_string() />
    }
    .into_any()
}

/// The answer to a question that the page asks anyway: one press.
fn go_on(number: i64, step: usize, form: Sending<Steer>) -> AnyView {
    let (error, busy) = (form.errors(), form.busy());
    view! {
        <ActionForm action=form.action>
            {hidden(number, step, "go_on")} <Button kind=Kind::Primary size=Size::Small busy>
                "Go on"
            </Button> <FormProblem error title="Not let go on" />
        </ActionForm>
    }
    .into_any()
}

fn without_reason(asked: Asked, steer: Sendings<Steer>) -> AnyView {
    let form = steer.of("act", asked.act);
    let (error, busy) = (form.errors(), form.busy());
    view! {
        <ReasonDialog label=asked.label size=Size::Small glyph=Glyph::ChevronRight title=format!("{}?", asked.label) says=asked.says open=form.came_back() accepted=form.accepted() start=true>
            <ActionForm action=form.action attr:class="form">
                {hidden(asked.number, asked.step, asked.act)} <FormProblem error title=asked.failed />
                <div class="form-acts">
                    <Button kind=Kind::Primary busy>
                        {asked.label}
                    </Button>
                </div>
            </ActionForm>
        </ReasonDialog>
    }
    .into_any()
}

fn with_reason(asked: Asked, glyph: Glyph, steer: Sendings<Steer>, field: AnyView) -> AnyView {
    let form = steer.of("act", asked.act);
    let (error, busy) = (form.errors(), form.busy());
    let other = besides(&["reason", "weight"], error);
    view! {
        <ReasonDialog
            label=asked.label
            size=Size::Small
            glyph
            title=format!("{}?", asked.label)
            says=asked.says
            open=form.came_back()
            accepted=form.accepted()
            start=true
        >
            <ActionForm action=form.action attr:class="form">
                {hidden(asked.number, asked.step, asked.act)} {field}
                <ReasonField id=format!("steer-{}-reason", asked.act) value=form.typed("reason", "") error />
                <FormProblem error=other title=asked.failed />
                <div class="form-acts">
                    <Button kind=Kind::Primary busy>
                        {asked.label}
                    </Button>
                </div>
            </ActionForm>
        </ReasonDialog>
    }
    .into_any()
}
