//! What a breach after the end leads to, and what comes when nobody answers for what the analysis does not know: said,
//! and changed at a level of a target.

use contract::judging::{JudgingView, PolicyInput};
use domain::analysis::{LateBreach, Unanswered};
use leptos::prelude::*;

use super::rules::{first_level, level_choices, place_fields};
use crate::{
    components::{Button, Card, Choice, InputKind, RadioChoices, Select, TextField},
    form::{FormProblem, Sending, about, besides},
    server_fns::judging::SetJudgingPolicy,
};

/// The card.
pub(super) fn policy_card(found: &JudgingView, form: Sending<SetJudgingPolicy>) -> AnyView {
    let lines = found.policy.iter().map(|line| view! { <p>{line.clone()}</p> }).collect_view();
    let may_change = found.levels.iter().any(|level| level.may_change);
    let own = found.levels.iter().find(|level| level.may_change).map(|level| level.policy).unwrap_or_default();
    let inside = may_change.then(|| policy_form(found, &own, form));
    view! {
        <Card title="What it leads to">
            <div class="stack">{lines} {inside}</div>
        </Card>
    }
    .into_any()
}

fn policy_form(found: &JudgingView, own: &PolicyInput, form: Sending<SetJudgingPolicy>) -> AnyView {
    let error = form.errors();
    let other = besides(&["undecided_minutes"], error);
    let late = own.late_breach.map_or("", late_word);
    let then = own.then.map_or("", then_word);
    let now = &found.policy_now;
    let (late_now, then_now) = (now.late_breach.map(late_words), now.then.map(then_words));
    let before = || Choice::new("", "as the level before says");
    let mut lates = vec![before()];
    lates
        .extend([LateBreach::Propose, LateBreach::RollBack].map(|late| Choice::new(late_word(late), late_words(late))));
    let mut thens = vec![before()];
    let all = [Unanswered::TakeBack, Unanswered::GoOn, Unanswered::Wait];
    thens.extend(all.map(|then| Choice::new(then_word(then), then_words(then))));
    let says = |words: Option<&'static str>| words.map(|words| format!("Now: {words}."));
    let minutes_now = now.undecided_minutes.map(|minutes| format!("Now {minutes}."));
    let minutes = own.undecided_minutes.map(|minutes| minutes.to_string()).unwrap_or_default();
    let level = form.typed("level", first_level(found));
    let (place, choices) = (place_fields(found), level_choices(found));
    view! {
        <ActionForm action=form.action attr:class="form">
            {place}
            <RadioChoices id="policy-level" name="level" label="For whom" choices selected=level />
            <div class="form-row">
                <Select
                    id="policy-late"
                    name="late_breach"
                    label="A breach after the end"
                    choices=lates
                    hint=says(late_now)
                    selected=form.typed("late_breach", late)
                />
                <TextField
                    id="policy-minutes"
                    name="undecided_minutes"
                    label="A person may answer for (minutes)"
                    kind=InputKind::Number
                    hint=minutes_now
                    value=form.typed("undecided_minutes", &minutes)
                    error=about("undecided_minutes", error)
                />
                <Select
                    id="policy-then"
                    name="then"
                    label="Without an answer"
                    choices=thens
                    hint=says(then_now)
                    selected=form.typed("then", then)
                />
            </div>
            <FormProblem error=other title="Not saved" />
            <div class="form-acts">
                <Button busy=form.busy()>"Save what it leads to"</Button>
            </div>
        </ActionForm>
    }
    .into_any()
}

const fn late_word(late: LateBreach) -> &'static str {
    match late {
        LateBreach::Propose => "propose",
        LateBreach::RollBack => "roll_back",
    }
}

const fn late_words(late: LateBreach) -> &'static str {
    match late {
        LateBreach::Propose => "proposes a rollback",
        LateBreach::RollBack => "starts a rollback by itself",
    }
}

const fn then_word(then: Unanswered) -> &'static str {
    match then {
        Unanswered::TakeBack => "take_back",
        Unanswered::GoOn => "go_on",
        Unanswered::Wait => "wait",
    }
}

const fn then_words(then: Unanswered) -> &'static str {
    match then {
        Unanswered::TakeBack => "it is taken back",
        Unanswered::GoOn => "it goes on",
        Unanswered::Wait => "it waits for a person, however long",
    }
}
