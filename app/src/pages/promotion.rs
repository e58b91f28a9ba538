//! A promotion: what is happening, is it good, what next?

use chrono::TimeDelta;
use contract::promotions::{ApprovalLine, JournalLine, PodView, PromotionView, StepView, WorkloadView};
use domain::{promotion::PromotionAct, state::Mark};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::{
    components::{
        ActionBar, Button, ButtonLink, Card, Chip, Code, Crumb, Crumbs, Glyph, Journal, JournalRow, Kind, More, Notice,
        PageHead, PodGroup, PodState, Pods, ProgressBar, ReasonDialog, Series, Show, State, StateInline, StatePill,
        Step, Steps, Time, VersionLabel, words::plural,
    },
    error::{Answer, AppError},
    form::{FormProblem, ReasonField, Sending, Sendings},
    live,
    page::{Rights, page_of, sentence},
    pages::steering::traffic_card,
    pages::parts::{cause_chip, check_rows, checks_or, demand_rows, distance, what_changes},
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
    page_of(data, move |view, rights| promotion_view(view, &rights, forms))
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
    let judging = judge_card(&view, forms);
    let traffic = traffic_card(&view, forms.steer);
    let head = head(&view, forms);
    let next = next(&view);
    let reason = reason(&view.reason, &line.requested_by);
    let distance = distance(&view.comparison);
    let checks = check_rows(view.comparison.checks.clone());
    let workloads = workloads(view.workloads, &line.version, view.comparison.from.clone());
    let steps = steps(view.steps.clone());
    view! {
        <Title text=title />
        <Crumbs crumbs />
        {head}
        <div class="stack-cards">
            <Card>{steps}</Card>
            <div class="columns">
                <div class="stack-cards">
                    {next}
                    {judging}
                    {traffic}
                    {workloads}
                    {journal(view.journal)}
                </div>
                <div class="stack-cards">
                    {reason}
                    <Card title="What changes" lead=distance>
                        {what_changes(view.comparison, 6)}
                    </Card>
                    <Card title="Checks">
                        {checks_or(checks, "No checks were reported.")}
                    </Card>
                    <Card title="What is asked for">
                        {checks_or(demand_rows(view.demands), "Nothing is asked for here.")}
                        {approvals(view.approvals, view.approvals_needed)}
                    </Card>
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
        view! {
            <ReasonDialog
                label="Withdraw"
                title=format!("Withdraw {title}?")
                says="It has not started; nothing was changed. It can be asked for again."
                open=forms.cancel.came_back()
            >
                <ActionForm action=forms.cancel.action attr:class="form">
                    {stop_fields(number, forms.cancel, "cancel-reason", "Withdraw", "Not withdrawn")}
                </ActionForm>
            </ReasonDialog>
        }
    });
    let abort = may(PromotionAct::Abort).then(|| {
        let before = view.comparison.from.clone();
        let says = match before {
            Some(before) => format!("{before} is brought back, in all workloads of this promotion."),
            None => "What ran before is brought back, in all workloads of this promotion.".to_owned(),
        };
        view! {
            <ReasonDialog
                label="Abort, and take back"
                kind=Kind::Danger
                glyph=Glyph::Stop
                title=format!("Abort {title}?")
                says
                open=forms.abort.came_back()
            >
                <ActionForm action=forms.abort.action attr:class="form">
                    {stop_fields(number, forms.abort, "abort-reason", "Abort, and take back", "Not aborted")}
                </ActionForm>
            </ReasonDialog>
        }
    });
    let abandon = may(PromotionAct::Abandon).then(|| {
        view! {
            <ReasonDialog
                label="Give up taking back"
                kind=Kind::Danger
                glyph=Glyph::Stop
                title=format!("Give up taking {title} back?")
                says="Slipway writes nothing more and the target is free for the next promotion. What is in the clusters then, someone must look at: use it where a cluster will not come back."
                open=forms.abandon.came_back()
            >
                <ActionForm action=forms.abandon.action attr:class="form">
                    {stop_fields(number, forms.abandon, "abandon-reason", "Give up taking back", "Not given up")}
                </ActionForm>
            </ReasonDialog>
        }
    });
    view! { {cancel} {back} {abort} {abandon} }.into_any()
}

/// A reason and one button. `id` tells the reasons of several forms on the page apart.
fn stop_fields<S>(number: i64, form: Sending<S>, id: &str, label: &'static str, failed: &'static str) -> AnyView
where
    S: ServerFn<Error = AppError, Output = ()> + Clone + Send + Sync + 'static,
{
    let (error, busy) = (form.errors(), form.busy());
    let other = Signal::derive(move || error.get().filter(|error| error.field() != Some("reason")));
    view! {
        <input type="hidden" name="number" value=number.to_string() />
        <ReasonField id=id.to_owned() value=form.typed("reason", "") error />
        <FormProblem error=other title=failed />
        <div class="form-acts">
            <Button kind=Kind::Danger busy>
                {label}
            </Button>
        </div>
    }
    .into_any()
}

/// Yes or no, where the reader's word counts; else why it does not.
fn judge_card(view: &PromotionView, forms: Forms) -> AnyView {
    if !view.allowed.contains(&PromotionAct::Approve) && !view.allowed.contains(&PromotionAct::Reject) {
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

/// The form with a comment and two buttons, which do nothing while they are `held`. Also on the page of
/// approvals.
pub fn judge_form(view: &PromotionView, judge: Sending<Judge>, held: Signal<bool>, fixed: bool) -> AnyView {
    let number = view.line.number;
    let error = judge.errors();
    let other = Signal::derive(move || error.get().filter(|error| error.field() != Some("comment")));
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
            <FormProblem error=other title="Not done" />
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
    view! { <Notice state title>{words}</Notice> }.into_any()
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

fn workloads(workloads: Vec<WorkloadView>, new: &str, old: Option<String>) -> AnyView {
    if workloads.is_empty() {
        return ().into_any();
    }
    let old = old.unwrap_or_else(|| "before".to_owned());
    let cards = workloads.into_iter().map(|workload| workload_view(workload, new, &old)).collect_view();
    view! {
        <Card title="Pods">
            <div class="stack">{cards}</div>
        </Card>
    }
    .into_any()
}

fn workload_view(workload: WorkloadView, new: &str, old: &str) -> AnyView {
    let share = if workload.wanted == 0 { 0.0 } else { f64::from(workload.available) / f64::from(workload.wanted) };
    let is_complete = workload.available >= workload.wanted;
    let group = |is_new: bool, series: Series, version: &str| PodGroup {
        series,
        version: version.to_owned(),
        pods: workload.pods.iter().filter(|pod| pod.is_new == is_new).map(pod_state).collect(),
    };
    let groups = vec![group(false, Series::Stable, old), group(true, Series::Canary, new)];
    let state = if is_complete { State::Done } else { State::Moving };
    let troubled = workload
        .pods
        .iter()
        .filter(|pod| pod.mark == Mark::Failed)
        .map(|pod| {
            view! {
                <li>
                    <span class="mono">{pod.name.clone()}</span>
                    " "
                    <StateInline state=State::Failed word=pod.words.clone() />
                </li>
            }
        })
        .collect_view();
    let practice = workload.is_practice.then(|| view! { <Chip outline=true>"practice"</Chip> });
    let by_hand = workload.by_hand.map(|command| {
        view! {
            <More label="Take it back by hand">
                <p class="note">"For the day when Slipway itself is not to be reached."</p>
                <Code text=command label="Command" />
            </More>
        }
    });
    let images = workload.images.join(", ");
    view! {
        <div class="stack-tight">
            <div class="row row-apart">
                <span class="row">
                    <span class="workload">{format!("{} in {}", workload.workload, workload.cluster)}</span>
                    {practice}
                </span>
                <span class="note">{workload.words}</span>
            </div>
            <ProgressBar share label=format!("Pods of {}", workload.workload) state thick=true />
            <Pods groups words=format!("{} of {} available", workload.available, workload.wanted) />
            <ul class="stack-tight">{troubled}</ul>
            <p class="note mono truncate" title=images.clone()>
                {images.clone()}
            </p>
            {by_hand}
        </div>
    }
    .into_any()
}

fn pod_state(pod: &PodView) -> PodState {
    match pod.mark {
        Mark::Done => PodState::Ready,
        Mark::Moving | Mark::Waiting => PodState::Starting,
        Mark::Failed => PodState::Failing,
        Mark::Nothing => PodState::Leaving,
    }
}

fn journal(lines: Vec<JournalLine>) -> AnyView {
    // Within a day the time says enough; the whole is under the pointer.
    let is_short = match (lines.first(), lines.last()) {
        (Some(newest), Some(oldest)) => newest.at - oldest.at < TimeDelta::hours(20),
        _ => true,
    };
    let show = if is_short { Show::Seconds } else { Show::Moment };
    let rows = lines
        .into_iter()
        .map(|line| {
            view! {
                <JournalRow at=line.at what=line.title who=line.by state=State::from(line.mark) show>
                    {line.detail}
                </JournalRow>
            }
        })
        .collect_view();
    view! {
        <Card title="Journal" flush=true>
            <Journal>{rows}</Journal>
        </Card>
    }
    .into_any()
}

fn approvals(given: Vec<ApprovalLine>, needed: u8) -> AnyView {
    if needed == 0 && given.is_empty() {
        return ().into_any();
    }
    let have = given.len();
    let rows = given
        .into_iter()
        .map(|approval| {
            view! {
                <li class="check is-done">
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
        })
        .collect_view();
    let words = format!("{have} of {}", plural(u64::from(needed), "approval", "approvals"));
    view! {
        <p class="note">{words}</p>
        <ul class="checks checks-calm">{rows}</ul>
    }
    .into_any()
}
