//! The rules by which a service's versions are judged in an environment: what is in force, who says so,
//! and changing it here, for the service, for its tier or for the environment.

use std::convert::identity;

use contract::judging::{JudgingView, LevelView, RuleInForceView, RuleInput};
use domain::analysis::Level;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{
    judging_policy::policy_card,
    rule_form::{RuleFields, rule_fields},
};
use crate::{
    components::{
        Button, ButtonLink, Card, Chip, Choice, Crumb, Crumbs, InputKind, Kind, Notice, Outcome, PageHead,
        RadioChoices, Said, Size, State, StateInline, TextField,
    },
    form::{FormProblem, Sending, Sendings, about, besides},
    page::page_of,
    routes, server_fns,
    server_fns::judging::{ClearRule, SetHealth, SetJudgingPolicy, SetRule},
};

/// What the address calls a rule of one's own.
const OWN: &str = "own";

#[derive(Clone, Copy)]
struct Forms {
    set: Sending<SetRule>,
    clear: Sendings<ClearRule>,
    policy: Sending<SetJudgingPolicy>,
    health: Sending<SetHealth>,
}

/// The rules of a target.
#[component]
pub fn RulesPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        params.with(|params| (params.get("name").unwrap_or_default(), params.get("environment").unwrap_or_default()))
    });
    let chosen = Memo::new(move |_| query.with(|query| query.get("rule").unwrap_or_default()));
    let saved = RwSignal::new(None::<String>);
    let forms = Forms {
        set: Sending::new().tells(saved, identity),
        clear: Sendings::new().tells(saved, identity),
        policy: Sending::new().tells(saved, identity),
        health: Sending::new().tells(saved, identity),
    };
    // A refusal leaves the page as it is, with what was typed.
    let accepted = (forms.set.accepted(), forms.policy.accepted(), forms.health.accepted());
    // It follows no live changes either: whoever is typing keeps what was typed.
    let data = Resource::new(
        move || {
            let (service, environment) = asked.get();
            let versions = (accepted.0.get(), accepted.1.get(), accepted.2.get(), forms.clear.version());
            (service, environment, versions)
        },
        |(service, environment, ..)| server_fns::judging::judging(service, environment),
    );
    view! {
        <Title text="Rules" />
        <Outcome said=Signal::derive(move || saved.get().map(|what| Said::saved(&what))) />
        {page_of(data, move |found, _| rules_view(found, chosen, forms))}
    }
    .into_any()
}

fn rules_view(found: JudgingView, chosen: Memo<String>, forms: Forms) -> AnyView {
    let (service, environment) = (found.service.clone(), found.environment.clone());
    let crumbs = vec![
        Crumb { label: service.clone(), href: Some(routes::service(&service)) },
        Crumb { label: found.environment_title.clone(), href: Some(routes::target(&service, &environment)) },
        Crumb { label: "Rules".to_owned(), href: None },
    ];
    let heading = format!("Rules of {service} in {}", found.environment_title);
    let may_change = found.levels.iter().any(|level| level.may_change);
    let problems = (!found.problems.is_empty()).then(|| {
        let lines = found.problems.iter().map(|line| view! { <li>{line.clone()}</li> }).collect_view();
        view! {
            <Notice state=State::Waiting title="A change does not fit here">
                <p>"The rule is as it was without it:"</p>
                <ul>{lines}</ul>
            </Notice>
        }
    });
    let (table, said) = (table(&found, may_change), said(&found, forms.clear));
    let policy = policy_card(&found, forms.policy);
    let health = health_card(&found, forms.health);
    let for_form = found.clone();
    let form = move || {
        let chosen = chosen.get();
        (may_change && !chosen.is_empty()).then(|| change_card(&for_form, &chosen, forms.set))
    };
    view! {
        <Crumbs crumbs />
        <PageHead
            title=move || heading
            lead=|| "What takes a version back, warns of it, or asks; a promotion keeps the rules of its start"
        />
        <div class="stack-cards">{problems} {table} {form} {health} {policy} {said}</div>
    }
    .into_any()
}

fn table(found: &JudgingView, may_change: bool) -> AnyView {
    let change = |rule: &str| routes::rule(&found.service, &found.environment, rule);
    let rows = found.rules.iter().map(|rule| row(rule, may_change.then(|| change(&rule.rule)))).collect_view();
    let others: Vec<_> = found.others.iter().map(|name| (name.clone(), change(name))).collect();
    let is_counted =
        others.iter().map(|(name, _)| name).chain(found.rules.iter().map(|rule| &rule.rule)).any(|name| name == "p95");
    let counts = (!is_counted).then_some(
        "Errors and times are judged with a canary or blue-green strategy that says who counts the requests.",
    );
    let more = may_change.then(|| {
        let links = others.into_iter().map(|(name, href)| view! { <a href=href>{name}</a> " " }).collect_view();
        let more =
            (!found.others.is_empty()).then(|| view! { "Not in force here; choose one to give it a limit: " {links} });
        view! {
            <p class="note">{more} {counts}</p>
            <div class="form-acts">
                <ButtonLink href=change(OWN)>"Add a query of your own"</ButtonLink>
            </div>
        }
    });
    let judged = found.rules.iter().filter(|rule| rule.not_judged.is_none()).count();
    let lead = match (found.rules.len(), judged) {
        (0, _) => String::new(),
        (all, judged) if all == judged => "all of these are judged".to_owned(),
        (_, 0) => "nothing is judged here now".to_owned(),
        (all, judged) => format!("{judged} of {all} are judged"),
    };
    let inside = if found.rules.is_empty() {
        view! {
            <Notice title="No rules">
                "Slipway sees no pods here, so whoever does the deployment judges it. Give an address for a health check below, and it is asked while the version is watched after its end."
            </Notice>
        }
        .into_any()
    } else {
        view! {
            <div class="table-scroll">
                <table class="table table-stacks">
                    <thead>
                        <tr>
                            <th scope="col">"Rule"</th>
                            <th scope="col">"Judged"</th>
                            <th scope="col">"Asks"</th>
                            <th scope="col">"Said by"</th>
                            <th scope="col">
                                <span class="hidden-visually">"Acts"</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! {
        <Card title="In force" lead>
            <div class="stack">{inside} {more}</div>
        </Card>
    }
    .into_any()
}

fn row(rule: &RuleInForceView, change: Option<String>) -> AnyView {
    let dry = rule.is_dry_run.then(|| view! { <Chip outline=true>"only recorded"</Chip> });
    let label = format!("Change {}", rule.rule);
    let (state, word) = match &rule.not_judged {
        Some(_) if rule.is_off => (State::Nothing, "off"),
        Some(_) => (State::Nothing, "not now"),
        None => (State::Done, "yes"),
    };
    let why = rule.not_judged.clone().map(|why| view! { <span class="note">{why}</span> });
    let change = change.map(|href| {
        view! {
            <a href=href aria-label=label>
                "Change"
            </a>
        }
    });
    view! {
        <tr>
            <td data-label="Rule">
                {rule.what.clone()} " " {dry} <span class="note mono">{rule.rule.clone()}</span>
            </td>
            <td data-label="Judged">
                <StateInline state word /> " " {why}
            </td>
            <td data-label="Asks">{rule.asks.clone()} <span class="note">{rule.missing.clone()}</span></td>
            <td data-label="Said by">{rule.from.clone()}</td>
            <td>{change}</td>
        </tr>
    }
    .into_any()
}

/// The levels that can be chosen, with what each means.
pub(super) fn level_choices(found: &JudgingView) -> Vec<Choice> {
    let hint = |level: Level| match level {
        Level::Target => "This service in this environment. It wins over the others.",
        Level::Service => "This service in every environment.",
        Level::Tier => "Every service of this tier, in every environment.",
        Level::Environment => "Every service in this environment.",
    };
    let choice = |level: &LevelView| Choice {
        hint: if level.may_change { hint(level.level).to_owned() } else { "Your role does not include it.".to_owned() },
        disabled: !level.may_change,
        ..Choice::new(level_word(level.level), level.title.clone())
    };
    found.levels.iter().map(choice).collect()
}

const fn level_word(level: Level) -> &'static str {
    match level {
        Level::Environment => "environment",
        Level::Tier => "tier",
        Level::Service => "service",
        Level::Target => "target",
    }
}

/// The most specific level that may be changed.
pub(super) fn first_level(found: &JudgingView) -> &'static str {
    found.levels.iter().find(|level| level.may_change).map_or("target", |level| level_word(level.level))
}

/// The hidden fields that say where a level is.
pub(super) fn place_fields(found: &JudgingView) -> AnyView {
    let tier = found.levels.iter().find_map(|level| level.place.tier).unwrap_or_default().to_string();
    view! {
        <input type="hidden" name="service" value=found.service.clone() />
        <input type="hidden" name="environment" value=found.environment.clone() />
        <input type="hidden" name="tier" value=tier />
    }
    .into_any()
}

fn change_card(found: &JudgingView, chosen: &str, form: Sending<SetRule>) -> AnyView {
    let said =
        |level: &LevelView| level.rules.iter().find(|one| one.change.rule == chosen).map(|one| one.change.clone());
    // What is typed already is what the most specific level says.
    let known = found.levels.iter().find_map(said);
    let is_own = chosen == OWN || known.as_ref().is_some_and(|known| known.own.is_some());
    let known = known.unwrap_or_else(|| RuleInput {
        rule: if chosen == OWN { String::new() } else { chosen.to_owned() },
        ..RuleInput::default()
    });
    let title = if chosen == OWN { "A query of your own".to_owned() } else { format!("Change {chosen}") };
    let now = found.rules.iter().find(|rule| rule.rule == chosen && !rule.is_off).map(|rule| rule.now.clone());
    let fields = rule_fields(&RuleFields { known, is_own, is_new: chosen == OWN, now }, form);
    let level = form.typed("level", first_level(found));
    let (place, choices) = (place_fields(found), level_choices(found));
    view! {
        <div id="change">
            <Card title lead="What is left empty stays as the level before has it">
                <ActionForm action=form.action attr:class="form">
                    {place}
                    <RadioChoices id="rule-level" name="level" label="For whom" choices selected=level /> {fields}
                    <div class="form-acts">
                        <Button kind=Kind::Primary busy=form.busy()>
                            "Save the rule"
                        </Button>
                    </div>
                </ActionForm>
            </Card>
        </div>
    }
    .into_any()
}

/// How health is asked, and setting it: only the target has an address.
fn health_card(found: &JudgingView, form: Sending<SetHealth>) -> AnyView {
    let now = match &found.health {
        Some(health) => {
            let seconds = health.timeout_seconds.unwrap_or_default();
            format!("GET {} must be answered with 200 to 299 within {seconds} s.", health.address)
        }
        None => "By its pods' readiness. Give an address that users reach, and it is asked instead.".to_owned(),
    };
    let may_change = found.levels.iter().any(|level| level.level == Level::Target && level.may_change);
    let inside = may_change.then(|| health_form(found, form));
    view! {
        <Card title="Health check" lead="3 failed in 2 minutes take a version back, also while it is only watched">
            <div class="stack">
                <p>{now}</p>
                {inside}
            </div>
        </Card>
    }
    .into_any()
}

fn health_form(found: &JudgingView, form: Sending<SetHealth>) -> AnyView {
    let error = form.errors();
    let other = besides(&["address", "timeout_seconds"], error);
    let health = found.health.clone().unwrap_or_default();
    let seconds = health.timeout_seconds.map(|seconds| seconds.to_string()).unwrap_or_default();
    let (service, environment) = (found.service.clone(), found.environment.clone());
    view! {
        <ActionForm action=form.action attr:class="form">
            <input type="hidden" name="service" value=service />
            <input type="hidden" name="environment" value=environment />
            <div class="form-row">
                <TextField
                    id="health-address"
                    name="address"
                    label="Address"
                    kind=InputKind::Code
                    hint="https://cart.example; /health is asked where no path is given. One in a private network, or with http, must be named in the setting outgoing_allow. Empty: by readiness alone."
                        .to_owned()
                    value=form.typed("address", &health.address)
                    error=about("address", error)
                />
                <TextField
                    id="health-timeout"
                    name="timeout_seconds"
                    label="Answered within (seconds)"
                    kind=InputKind::Number
                    hint="1 to 15; 5 when empty.".to_owned()
                    value=form.typed("timeout_seconds", &seconds)
                    error=about("timeout_seconds", error)
                />
            </div>
            <FormProblem error=other title="Not saved" />
            <div class="form-acts">
                <Button busy=form.busy()>"Save the health check"</Button>
            </div>
        </ActionForm>
    }
    .into_any()
}

/// What each level says, with taking it back.
fn said(found: &JudgingView, forms: Sendings<ClearRule>) -> Option<AnyView> {
    let rows: Vec<_> = found
        .levels
        .iter()
        .flat_map(|level| level.rules.iter().map(move |one| (level, one)))
        .map(|(level, one)| {
            let key = format!("{} {}", level_word(level.level), one.change.rule);
            let form = forms.of("key", &key);
            let label = format!(" {} of {}", one.change.rule, level.title);
            let not_here =
                one.not_here.clone().map(|why| view! { <span class="note">{format!("No effect: {why}")}</span> });
            let (place, rule, word) = (place_fields(found), one.change.rule.clone(), level_word(level.level));
            let clear = level.may_change.then(|| {
                view! {
                    <ActionForm action=form.action>
                        <input type="hidden" name="key" value=key />
                        <input type="hidden" name="level" value=word />
                        {place}
                        <input type="hidden" name="rule" value=rule />
                        <FormProblem error=form.errors() title="Not taken back" />
                        <Button size=Size::Small busy=form.busy()>
                            "Take back"
                            <span class="hidden-visually">{label}</span>
                        </Button>
                    </ActionForm>
                }
            });
            view! {
                <tr>
                    <td data-label="Level">{level.title.clone()}</td>
                    <td data-label="Rule" class="mono">{one.change.rule.clone()}</td>
                    <td data-label="Says">{one.words.clone()} {not_here}</td>
                    <td>{clear}</td>
                </tr>
            }
        })
        .collect();
    let sentences = found.levels.iter().flat_map(|level| level.says.iter().map(move |line| (level, line)));
    let others: Vec<_> = sentences
        .map(|(level, line)| {
            view! {
                <tr>
                    <td data-label="Level">{level.title.clone()}</td>
                    <td data-label="Rule"></td>
                    <td data-label="Says">{line.clone()}</td>
                    <td></td>
                </tr>
            }
        })
        .collect();
    (!rows.is_empty() || !others.is_empty()).then(|| {
        view! {
            <Card title="Who has said what" flush=true>
                <div class="table-scroll">
                    <table class="table table-stacks">
                        <thead>
                            <tr>
                                <th scope="col">"Level"</th>
                                <th scope="col">"Rule"</th>
                                <th scope="col">"Says"</th>
                                <th scope="col">
                                    <span class="hidden-visually">"Acts"</span>
                                </th>
                            </tr>
                        </thead>
                        <tbody>{rows} {others}</tbody>
                    </table>
                </div>
            </Card>
        }
        .into_any()
    })
}
