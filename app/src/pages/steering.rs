//! The traffic of a promotion under way, and what people do to it: pause, let it go on, skip a step, set
//! a share, leave the rest out. Each act says first what it will do.

use chrono::SecondsFormat;
use contract::promotions::{PromotionView, TrafficView};
use domain::{
    promotion::{AsSeen, PromotionAct},
    state::Mark,
};
use leptos::prelude::*;

use crate::{
    components::{
        Button, Card, Code, Glyph, InputKind, Kind, More, Notice, Sentence, Series, Size, State, Step, Steps,
        TextField, TrafficBar, TrafficPart,
    },
    form::{FormProblem, ReasonField, Sending, Sendings, about},
    page::sentence,
    question::{Question, question},
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
        Some(seen) if traffic.is_past => format!("{seen} % when it ended"),
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
    let then = &traffic.then;
    let seen = Seen { number: view.line.number, run: traffic.as_seen.unwrap_or_default() };
    let asked = |act, label: &str, glyph, says: String, failed| Asked {
        seen,
        act,
        question: Question {
            label: label.to_owned(),
            size: Size::Small,
            glyph: Some(glyph),
            start: true,
            title: format!("{label}?"),
            says,
            act: label.to_owned(),
            act_kind: Kind::Primary,
            failed,
            fields: &["reason", "weight"],
            ..Question::default()
        },
    };
    let hold = may(PromotionAct::Hold).then(|| {
        let says = format!(
            "The traffic stays where it is until someone lets it go on. It is still taken back by itself {}.",
            traffic.takes_back
        );
        with_reason(asked("hold", "Pause", Glyph::Pause, says, "Not paused"), steer, ().into_any())
    });
    let skip = may(PromotionAct::Skip).then(|| {
        let says =
            format!("Ends \u{201c}{}\u{201d} now: what it waits for is not waited for. Then: {then}.", traffic.present);
        without_reason(asked("skip", "Skip this step", Glyph::ChevronRight, says, "Not skipped"), steer)
    });
    let set = may(PromotionAct::SetWeight).then(|| {
        let says = format!(
            "At most {} %, which is what the approved steps have given so far. It stays there until someone lets it go on.",
            traffic.most
        );
        let field = share_field(view, traffic, steer.of("act", "set_weight"));
        with_reason(asked("set_weight", "Set the share", Glyph::Pencil, says, "Not set"), steer, field)
    });
    let now = may(PromotionAct::PromoteNow).then(|| {
        let says = format!(
            "All pauses, shares, analyses, messages and Jobs that are left are left out: {} gets everything as soon as it has the pods.",
            view.line.version
        );
        with_reason(asked("promote_now", "Promote at once", Glyph::Play, says, "Not promoted at once"), steer, ().into_any())
    });
    let go_on = may(PromotionAct::GoOn).then(|| match what_going_on_ends(traffic) {
        Some((label, says)) => {
            let mut asked = asked("go_on", "Go on", Glyph::Play, says, "Not let go on");
            asked.question.label = label;
            asked.question.kind = Kind::Primary;
            asked.question.title = "Go on?".to_owned();
            without_reason(asked, steer)
        }
        None => go_on(seen, then, steer.of("act", "go_on")),
    });
    view! { <div class="row">{go_on} {hold} {skip} {set} {now}</div> }.into_any()
}

/// The button's words, and what letting it go on ends and what comes then; nothing where the step itself asks, so that
/// the button is the answer. A pause is ended alone.
fn what_going_on_ends(traffic: &TrafficView) -> Option<(String, String)> {
    let TrafficView { present, then, .. } = traffic;
    let to_next = format!("Go on to {then}\u{2026}");
    match (traffic.by_hand_now, &traffic.hold) {
        (Some(share), Some(_)) => {
            let says = format!(
                "Ends the pause. The {share} % that were set by hand stay until someone lets it go on once more."
            );
            Some(("End the pause\u{2026}".to_owned(), says))
        }
        (Some(share), None) => {
            let says = format!(
                "Ends the {share} % that were set by hand, and with them \u{201c}{present}\u{201d}. Then: {then}."
            );
            Some((to_next, says))
        }
        (None, Some(_)) if traffic.mirrored.is_empty() => {
            let says = format!("Ends the pause. What is left of \u{201c}{present}\u{201d} comes first. Then: {then}.");
            Some((to_next, says))
        }
        (None, Some(_) | None) => None,
    }
}

fn share_field(view: &PromotionView, traffic: &TrafficView, form: Sending<Steer>) -> AnyView {
    view! {
        <TextField
            id="steer-weight"
            name="weight"
            label=format!("Share of {} in percent", view.line.version)
            kind=InputKind::Number
            value=form.typed("weight", &traffic.wanted.to_string())
            error=about("weight", form.errors())
            required=true
        />
    }
    .into_any()
}

/// What the reader saw when they pressed: an act on anything else is refused.
#[derive(Clone, Copy)]
struct Seen {
    number: i64,
    run: AsSeen,
}

/// An act that is asked about once more.
struct Asked {
    seen: Seen,
    act: &'static str,
    question: Question,
}

fn hidden(seen: Seen, act: &'static str) -> AnyView {
    let AsSeen { step, held_since, by_hand } = seen.run;
    let held_since = held_since.map(|since| since.to_rfc3339_opts(SecondsFormat::AutoSi, true)).unwrap_or_default();
    let by_hand = by_hand.map(|share| share.as_percent().to_string()).unwrap_or_default();
    view! {
        <input type="hidden" name="number" value=seen.number.to_string() />
        <input type="hidden" name="act" value=act />
        <input type="hidden" name="step" value=step.to_string() />
        <input type="hidden" name="held_since" value=held_since />
        <input type="hidden" name="by_hand" value=by_hand />
    }
    .into_any()
}

/// The answer to a question that the step asks: one press, which says where to.
fn go_on(seen: Seen, then: &str, form: Sending<Steer>) -> AnyView {
    let (error, busy) = (form.errors(), form.busy());
    let label = if then.is_empty() { "Go on".to_owned() } else { format!("Go on to {then}") };
    view! {
        <ActionForm action=form.action>
            {hidden(seen, "go_on")} <Button kind=Kind::Primary size=Size::Small busy>
                {label}
            </Button> <FormProblem error title="Not let go on" />
        </ActionForm>
    }
    .into_any()
}

fn without_reason(asked: Asked, steer: Sendings<Steer>) -> AnyView {
    let form = steer.of("act", asked.act);
    question(asked.question, form, hidden(asked.seen, asked.act))
}

fn with_reason(asked: Asked, steer: Sendings<Steer>, field: AnyView) -> AnyView {
    let form = steer.of("act", asked.act);
    let inside = view! {
        {hidden(asked.seen, asked.act)}
        {field}
        <ReasonField
            id=format!("steer-{}-reason", asked.act)
            value=form.typed("reason", "")
            error=form.errors()
        />
    };
    question(asked.question, form, inside.into_any())
}
