//! A promotion: what is happening, is it good, what next?

use contract::{
    ApiError,
    approvals::Judged,
    promotions::{ApprovalLine, PromotionView, StepView},
};
use domain::{promotion::PromotionAct, state::Mark};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::{
    components::{
        ActionBar, Button, ButtonLink, Card, Chip, Crumb, Crumbs, Glyph, Kind, Notice, Outcome, PageHead, Said,
        Sentence, State, StatePill, Step, Steps, Time, VersionLabel,
    },
    error::{Answer, AppError},
    form::{FormProblem, ReasonField, Sending, Sendings, besides},
    live,
    page::{Rights, page_of, sentence},
    pages::{
        failing::failing_pods,
        journal::journal_card,
        outside::outside_card,
        parts::{cause_chip, check_rows, checks_or, demand_rows, distance, what_changes},
        steering::traffic_card,
        workloads::workloads,
    },
    question::{OfForm, Question, question},
    routes,
    server_fns::promotions::{Abandon, Abort, Cancel, Judge, Steer},
};

/// The page's forms, made with the page.
#[derive(Clone, Copy)]
pub struct Forms {
    /// Approve and reject.
    pub judge: Sending<Judge>,
    cancel: Sending<Cancel>,
    abort: Sending<Abort>,
    abandon: Sending<Abandon>,
    steer: Sendings<Steer>,
}

/// A promotion's page.
#[component]
pub fn PromotionPage() -> impl IntoView {
    let params = use_params_map();
    let number =
        Memo::new(move |_| params.with(|params| params.get("number").and_then(|text| text.parse::<i64>().ok())));
    let forms = Forms {
        judge: Sending::new(),
        cancel: Sending::new(),
        abort: Sending::new(),
        abandon: Sending::new(),
        steer: Sendings::new(),
    };
    // The stream says how far each promotion is; what is shown already is not fetched again.
    let shown = StoredValue::new(None::<(String, i64)>);
    let changes = live::use_changes(move |change| {
        change.entity == "promotion"
            && shown.with_value(|shown| match shown {
                Some((id, revision)) => *id == change.id && *revision < change.revision,
                None => true,
            })
    });
    let data = Resource::new(
        move || {
            let stopped = forms.cancel.version() + forms.abort.version() + forms.abandon.version();
            (number.get(), changes.get(), forms.judge.version() + stopped + forms.steer.version())
        },
        |(number, _, _)| load(number),
    );
    Effect::new(move |_| {
        if let Some(Ok(view)) = data.get() {
            shown.set_value(Some((view.id, view.revision)));
        }
    });
    // The page may have gone on to another promotion meanwhile.
    let judged = move || forms.judge.answer().filter(|judged| Some(judged.number) == number.get());
    view! {
        <Outcome said=Signal::derive(move || judged().map(|judged| said_of(judged, false))) />
        {page_of(data, move |view, rights| promotion_view(view, &rights, forms))}
    }
    .into_any()
}

/// What came of a person's word, in a line. Where the promotion is not on the page itself, with what comes now and a
/// link: its own page shows what comes, and goes on doing so.
pub fn said_of(judged: Judged, with_link: bool) -> Said {
    Said {
        state: if judged.is_approved { State::Done } else { State::Nothing },
        title: judged.title,
        words: if with_link { judged.next } else { String::new() },
        link: with_link.then(|| (format!("promotion {}", judged.number), routes::promotion(judged.number))),
    }
}

async fn load(number: Option<i64>) -> Answer<PromotionView> {
    match number {
        Some(number) => crate::server_fns::promotions::promotion(number).await,
        None => Err(AppError(contract::ApiError::not_found("promotion", "of this number"))),
    }
}

fn promotion_view(view: PromotionView, _rights: &Rights, forms: Forms) -> AnyView {
    let line = view.line.clone();
    let title = format!("{} {} to {}", line.service, line.version, line.environment);
    let crumbs = vec![
        Crumb { label: view.team.clone(), href: None },
        Crumb { label: line.service.clone(), href: Some(routes::service(&line.service)) },
        Crumb { label: format!("promotion {}", line.number), href: None },
    ];
    // On a phone who is asked sees first what it is about.
    let columns = if may_judge(&view) { "columns columns-evidence-first" } else { "columns" };
    let judging = judge_card(&view, forms);
    let late = (!may_judge(&view)).then(|| late_word(forms.judge.errors(), Some(view.line.headline.words.clone())));
    let traffic = traffic_card(&view, forms.steer);
    let outside = outside_card(&view, forms.steer);
    // What a program outside does has no pods to show.
    let is_outside = view.outside.is_some();
    let commits = super::commits::commits_card(view.git.clone());
    let analysis = super::analysis::analysis_of(&view);
    let head = head(&view, forms);
    let next = next(&view);
    let back = view.rolled_back_by.map(rolled_back);
    let asked_for = asked_for(demand_rows(view.demands), view.approvals);
    let reason = reason(&view.reason, &line.requested_by);
    let distance = distance(&view.comparison);
    let checks = check_rows(view.comparison.checks.clone());
    let from = view.comparison.from.clone();
    let workloads =
        (!is_outside).then(|| workloads(view.workloads, &line.version, from, view.rolled_back_by.is_some()));
    let failing = failing_pods(view.failing, line.finished_at.is_some());
    let steps = steps(view.steps.clone());
    view! {
        <Title text=title />
        {late}
        <Crumbs crumbs />
        {head}
        <div class="stack-cards">
            <Card>{steps}</Card>
            <div class=columns>
                <div class="stack-cards">
                    {back}
                    {next}
                    {judging}
                    {outside}
                    {commits}
                    {traffic}
                    {failing}
                    {analysis}
                    {workloads}
                    {journal_card(view.journal, view.earlier_entries)}
                </div>
                <div class="stack-cards">
                    {reason}
                    <Card title="What changes" lead=distance>
                        {what_changes(view.comparison, 6)}
                    </Card>
                    <Card title="Checks">
                        {checks_or(checks, "No checks were reported.")}
                    </Card>
                    <Card title="What is asked for">{asked_for}</Card>
                </div>
            </div>
        </div>
    }
    .into_any()
}

fn head(view: &PromotionView, forms: Forms) -> AnyView {
    let line = view.line.clone();
    let headline = line.headline.clone();
    let (service, version, environment) = (line.service.clone(), line.version.clone(), line.environment.clone());
    let version_link = routes::version(&service, &version);
    let strategy = view.strategy.clone();
    let practice = view.environment.is_practice.then(|| view! { <Chip outline=true>"practice"</Chip> });
    let chip = cause_chip(line.cause);
    let taken = view.rolled_back_by.map(|_| view! { <Chip tone=State::Waiting glyph=Glyph::Undo>"rolled back"</Chip> });
    let acts = acts(view, forms);
    view! {
        <PageHead
            title=move || {
                view! { {service} " " <VersionLabel label=version href=version_link /> " to " {environment} }
            }
            state=move || {
                view! {
                    <StatePill state=State::from(headline.mark) word=headline.words />
                    {chip}
                    {taken}
                    {practice}
                }
            }
            lead=move || {
                view! {
                    "asked by "
                    {line.requested_by}
                    " · "
                    <Time at=line.requested_at />
                    {(!strategy.is_empty()).then(|| format!(" · {strategy}"))}
                }
            }
        >
            {acts}
        </PageHead>
    }
    .into_any()
}

/// What the reader may do now. Nothing is offered that the view does not allow.
fn acts(view: &PromotionView, forms: Forms) -> AnyView {
    let line = &view.line;
    let number = line.number;
    let may = |act: PromotionAct| view.allowed.contains(&act);
    let back = view.roll_back_to.as_ref().map(|label| {
        let href = routes::roll_back(&line.service, &view.environment.name, Some(label));
        view! { <ButtonLink href kind=Kind::Danger glyph=Glyph::Undo>{format!("Roll back to {label}")}</ButtonLink> }
    });
    let title = format!("{} {} to {}", line.service, line.version, line.environment);
    let cancel = may(PromotionAct::Cancel).then(|| {
        let asked = Question {
            label: "Withdraw".to_owned(),
            title: format!("Withdraw {title}?"),
            says: "It has not started; nothing was changed. It can be asked for again.".to_owned(),
            failed: "Not withdrawn",
            ..stop()
        };
        stopping(number, asked, forms.cancel, "cancel-reason")
    });
    let abort = may(PromotionAct::Abort).then(|| {
        let asked = Question {
            label: "Abort, and take back".to_owned(),
            kind: Kind::Danger,
            glyph: Some(Glyph::Stop),
            title: format!("Abort {title}?"),
            says: what_abort_does(view),
            failed: "Not aborted",
            ..stop()
        };
        stopping(number, asked, forms.abort, "abort-reason")
    });
    let abandon = may(PromotionAct::Abandon).then(|| {
        let asked = Question {
            label: "Give up taking back".to_owned(),
            kind: Kind::Danger,
            glyph: Some(Glyph::Stop),
            title: format!("Give up taking {title} back?"),
            says: "Slipway writes nothing more and the target is free for the next promotion. What is in the clusters \
                   then, someone must look at: use it where a cluster will not come back."
                .to_owned(),
            failed: "Not given up",
            ..stop()
        };
        stopping(number, asked, forms.abandon, "abandon-reason")
    });
    view! { {cancel} {back} {abort} {abandon} }.into_any()
}

fn what_abort_does(view: &PromotionView) -> String {
    let before = view.comparison.from.clone().unwrap_or_else(|| "What ran before".to_owned());
    match (&view.outside, &view.git, &view.traffic) {
        (Some(outside), ..) => format!("{before} is brought back: {} is told to.", outside.host),
        (None, Some(_), _) => format!("{before} is brought back: a commit sets it in the repository again."),
        (None, None, Some(traffic)) if !traffic.mirrored.is_empty() => {
            format!("{before} gets all of the traffic back, in the tool's own way; then its images are set again.")
        }
        (None, None, Some(traffic)) if traffic.wanted == 100 => {
            format!(
                "{before} gets all of the traffic back as soon as its pods are there. Then the candidate is removed."
            )
        }
        (None, None, Some(traffic)) if traffic.wanted > 0 => format!(
            "{before} gets all of the traffic back at once, of which {} has {} % now. Then the candidate is removed.",
            view.line.version, traffic.wanted
        ),
        (None, None, Some(_)) => format!("The candidate is removed; {before} has all of the traffic."),
        (None, None, None) => format!("{before} is brought back, in all workloads of this promotion."),
    }
}

/// What all questions about stopping have in common.
fn stop() -> Question {
    Question { act_kind: Kind::Danger, fields: &["reason"], ..Question::default() }
}

/// A reason and one button, which says the same as the one that opens it. `id` tells the reasons of several forms on the
/// page apart.
fn stopping<S, Answer>(number: i64, asked: Question, form: Sending<S>, id: &str) -> AnyView
where
    S: OfForm<Answer>,
    Answer: 'static,
{
    let inside = view! {
        <input type="hidden" name="number" value=number.to_string() />
        <ReasonField id=id.to_owned() value=form.typed("reason", "") error=form.errors() />
    };
    question(Question { act: asked.label.clone(), ..asked }, form, inside.into_any())
}

/// Yes or no, where the reader's word counts; else why it does not.
fn judge_card(view: &PromotionView, forms: Forms) -> AnyView {
    if !may_judge(view) {
        return view
            .approval_refusal
            .as_ref()
            .map(|words| sentence(words))
            .map(|words| view! { <Notice title="Not yours to approve">{words}</Notice> })
            .into_any();
    }
    let form = judge_form(view, forms.judge, Signal::stored(false), false);
    view! {
        <Card title="Your word">
            <div data-row="approval">{form}</div>
        </Card>
    }
    .into_any()
}

fn may_judge(view: &PromotionView) -> bool {
    view.allowed.contains(&PromotionAct::Approve) || view.allowed.contains(&PromotionAct::Reject)
}

/// Why a word did not count, in sight wherever the reader has scrolled to: the form that it was said in is gone.
pub fn late_word(error: Signal<Option<ApiError>>, now: Option<String>) -> AnyView {
    let told = with_state(error, now);
    view! {
        <div class="late-word">
            <FormProblem error=told title="Not done" />
        </div>
    }
    .into_any()
}

/// A refusal, with where the promotion stands: it may have changed since it was read.
fn with_state(error: Signal<Option<ApiError>>, now: Option<String>) -> Signal<Option<ApiError>> {
    Signal::derive(move || {
        let error = error.get()?;
        let message = match &now {
            Some(now) => format!("{}. It is now: {now}.", sentence(&error.message).trim_end_matches('.')),
            None => sentence(&error.message),
        };
        Some(ApiError { message, ..error })
    })
}

/// The form with a comment and two buttons, which do nothing while they are `held`. Also on the page of
/// approvals.
pub fn judge_form(view: &PromotionView, judge: Sending<Judge>, held: Signal<bool>, fixed: bool) -> AnyView {
    let number = view.line.number;
    let error = judge.errors();
    let other = with_state(besides(&["comment"], error), Some(view.line.headline.words.clone()));
    let may = |act: PromotionAct| view.allowed.contains(&act);
    let (approve, reject) = (may(PromotionAct::Approve), may(PromotionAct::Reject));
    let label = format!("Approve {} {}", view.line.service, view.line.version);
    let busy = judge.busy();
    let acts = move || {
        view! {
            {reject
                .then(|| {
                    view! {
                        <Button kind=Kind::Danger name="judgement" value="reject" busy disabled=held attr:data-key="r">
                            "Reject"
                        </Button>
                    }
                })}
            {approve
                .then(|| {
                    view! {
                        <Button kind=Kind::Primary name="judgement" value="approve" busy disabled=held attr:data-key="a">
                            {label}
                        </Button>
                    }
                })}
        }
    };
    let plan = view.plan_number.to_string();
    view! {
        <ActionForm action=judge.action>
            <input type="hidden" name="number" value=number.to_string() />
            <input type="hidden" name="plan_number" value=plan />
            <ActionBar fixed acts>
                <ReasonField
                    id=format!("comment-{number}")
                    name="comment"
                    label="Comment"
                    hint="Needed to reject."
                    value=judge.typed("comment", "")
                    required=false
                    error
                />
                <FormProblem error=other title="Not done" />
            </ActionBar>
        </ActionForm>
    }
    .into_any()
}

fn next(view: &PromotionView) -> AnyView {
    let words = sentence(&view.next);
    let headline = &view.line.headline;
    // Where the head has said it all, it is not said again.
    if words.is_empty() || words == sentence(&headline.words) {
        return ().into_any();
    }
    let state = State::from(headline.mark);
    let title = if view.line.finished_at.is_some() { "How it ended" } else { "What happens next" };
    view! { <Notice state title><Sentence words /></Notice> }.into_any()
}

/// What a deployment was is not what runs: a later rollback has taken it away.
fn rolled_back(by: i64) -> AnyView {
    view! {
        <Notice state=State::Waiting title="Rolled back">
            "This version was done here, and was rolled back by "
            <a href=routes::promotion(by)>{format!("promotion {by}")}</a>
            "."
        </Notice>
    }
    .into_any()
}

fn reason(reason: &str, by: &str) -> Option<AnyView> {
    (!reason.is_empty()).then(|| {
        let quoted = format!("\u{201c}{reason}\u{201d}");
        let by = by.to_owned();
        view! {
            <Card title="Why">
                <blockquote class="approval-reason">{quoted}</blockquote>
                <p class="approval-who">{by}</p>
            </Card>
        }
        .into_any()
    })
}

fn steps(steps: Vec<StepView>) -> AnyView {
    let current = steps.iter().position(|step| matches!(step.mark, Mark::Moving | Mark::Waiting | Mark::Failed));
    let steps = steps
        .into_iter()
        .enumerate()
        .map(|(index, step)| Step {
            state: State::from(step.mark),
            title: step.title,
            note: step.detail,
            share: None,
            current: current == Some(index),
        })
        .collect::<Vec<_>>();
    view! { <Steps steps /> }.into_any()
}

/// The demands, with who has approved right under the first of them, which asks for it.
fn asked_for(mut demands: Vec<AnyView>, given: Vec<ApprovalLine>) -> AnyView {
    let place = demands.len().min(1);
    demands.splice(place..place, given.into_iter().map(approval));
    checks_or(demands, "Nothing is asked for here.")
}

fn approval(approval: ApprovalLine) -> AnyView {
    view! {
        <li class="check check-under is-done">
            <crate::components::StateIcon state=State::Done />
            <div class="check-words">
                <span class="check-title">{approval.name}</span>
                <span class="check-note">
                    <Time at=approval.at />
                    {approval.comment.map(|comment| format!(" · \u{201c}{comment}\u{201d}"))}
                </span>
            </div>
        </li>
    }
    .into_any()
}
