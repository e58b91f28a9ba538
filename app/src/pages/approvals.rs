//! Approvals: what waits for me?

use contract::{
    approvals::ApprovalsView,
    promotions::{PromotionLine, PromotionView},
};
use leptos::{
    prelude::*,
    tachys::{reactive_graph::OwnedView, view::keyed::keyed},
};
use leptos_meta::Title;

use crate::{
    components::{ApprovalHead, Card, Chip, EmptyState, Glyph, Outcome, PageHead, Time, words::plural},
    form::{Sending, Sendings},
    live,
    page::{Rights, page_of, sentence},
    pages::{
        parts::{
            When, check_rows, checks_or, commits, comparison_link, demand_rows, distance, migrations, promotion_table,
        },
        promotion::{judge_form, late_word, said_of},
    },
    routes, server_fns,
    server_fns::promotions::Judge,
};

/// What waits for me.
#[component]
pub fn ApprovalsPage() -> impl IntoView {
    let forms = Sendings::<Judge>::new();
    let changes = live::use_changes(|change| change.entity == "promotion" || change.entity == "version");
    let data = Resource::new(move || (changes.get(), forms.version()), |_| server_fns::approvals::approvals());
    // Cards that stay when the data comes anew must outlive the rendering that made them.
    let owner = StoredValue::new(Owner::current().unwrap_or_default());
    let settling = forms.settling();
    view! {
        <Title text="Approvals" />
        <Outcome said=Signal::derive(move || forms.answer().map(|judged| said_of(judged, true))) />
        {page_of(data, move |view, rights| approvals_view(view, &rights, forms, settling, &owner.get_value()))}
    }
    .into_any()
}

fn approvals_view(
    view: ApprovalsView,
    _rights: &Rights,
    forms: Sendings<Judge>,
    settling: Signal<bool>,
    owner: &Owner,
) -> AnyView {
    let count = view.for_me.len();
    let lead = match view.waiting_for_me {
        0 => "nothing waits for you".to_owned(),
        waiting => format!("{} for you, most urgent first", plural(waiting, "promotion waits", "promotions wait")),
    };
    // By promotion and not by place: what is typed into one must not end up under another.
    let owner = owner.clone();
    let late = late(&view, forms);
    let cards = keyed(
        view.for_me,
        |promotion| (promotion.line.number, promotion.revision),
        move |_, promotion| {
            let owner = owner.child();
            let card = owner.with(|| {
                let form = forms.of("number", &promotion.line.number.to_string());
                approval(promotion, form, settling, count == 1)
            });
            (drop, OwnedView::new_with_owner(card, owner))
        },
    );
    let nothing = (count == 0 && view.to_let_go_on.is_empty()).then(|| {
        view! {
            <Card>
                <EmptyState
                    glyph=Glyph::Inbox
                    title="Nothing waits for you"
                    words="When somebody asks to promote a version and your consent counts, it stands here, with what would change and whether it is safe."
                />
            </Card>
        }
    });
    view! {
        {late}
        <PageHead title=|| "Approvals" lead=move || lead />
        <div class="stack-cards">
            {nothing}
            {lines(
                "Stands in the middle",
                "Under way, and asks you, or somebody like you, to let it go on",
                view.to_let_go_on,
                When::Started,
            )}
            {cards}
            {lines("Waits for others", "You asked for these, or have approved them already", view.for_others, When::Asked)}
            {lines("Lately", "What went through or did not, what ended last first", view.lately, When::Ended)}
        </div>
    }
    .into_any()
}

/// What a word was answered that came too late: the promotion is not among those that wait for the reader any more.
fn late(view: &ApprovalsView, forms: Sendings<Judge>) -> AnyView {
    let waits: Vec<i64> = view.for_me.iter().map(|promotion| promotion.line.number).collect();
    let others = view.for_others.iter().chain(&view.lately);
    let states: Vec<(i64, String)> = others.map(|line| (line.number, line.headline.words.clone())).collect();
    (move || {
        let (number, error) = forms.refusal("number")?;
        let number: i64 = number.parse().ok().filter(|number| !waits.contains(number))?;
        let now = states.iter().find(|(one, _)| *one == number).map(|(_, words)| words.clone());
        Some(late_word(Signal::stored(Some(error)), now))
    })
    .into_any()
}

fn lines(title: &'static str, lead: &'static str, lines: Vec<PromotionLine>, when: When) -> Option<AnyView> {
    (!lines.is_empty()).then(|| {
        view! {
            <Card title lead flush=true>
                {promotion_table(lines, when)}
            </Card>
        }
        .into_any()
    })
}

fn approval(view: PromotionView, form: Sending<Judge>, settling: Signal<bool>, is_only: bool) -> AnyView {
    let line = view.line.clone();
    let number = line.number;
    let have = view.approvals.len();
    let needs = format!(
        "needs you, {} of {}",
        (have + 1).min(usize::from(view.approvals_needed.max(1))),
        view.approvals_needed
    );
    let comparison = view.comparison.clone();
    let practice = view.environment.is_practice;
    let judging = judge_form(&view, form, settling, is_only);
    let link = comparison_link(&comparison);
    let all = link.clone();
    let (asked_by, asked_at) = (line.requested_by.clone(), line.requested_at);
    let distance = distance(&comparison);
    let mut rows = demand_rows(view.demands);
    rows.extend(check_rows(comparison.checks.clone()));
    let how = (!view.how.is_empty()).then(|| sentence(&view.how));
    view! {
        <article class="stack-cards" data-row="approval" id=format!("promotion-{number}")>
            <Card>
                <ApprovalHead
                    needs
                    title=format!("{} to {}", line.service, line.environment)
                    href=routes::promotion(number)
                    from=comparison.from.clone()
                    to=comparison.to.clone()
                    distance
                    reason=(!view.reason.is_empty()).then_some(view.reason)
                    asked=move || {
                        view! {
                            {asked_by}
                            ", "
                            <Time at=asked_at />
                            {practice.then(|| view! { " " <Chip outline=true>"practice"</Chip> })}
                        }
                    }
                />
            </Card>
            <div class="columns columns-halves">
                <Card title="Is it safe?">
                    <div class="stack">
                        {migrations(comparison.migrations, comparison.is_backward)}
                        {checks_or(rows, "Nothing was checked and nothing is asked for.")}
                        {how
                            .map(|how| {
                                view! {
                                    <section class="stack-tight">
                                        <h3 class="approval-part">"How it goes"</h3>
                                        <p class="approval-how">{how}</p>
                                    </section>
                                }
                            })}
                    </div>
                </Card>
                <Card
                    title="What changes"
                    aside=move || {
                        view! { <a href=link>{format!("all {}", comparison.commit_count)}</a> }
                    }
                >
                    {commits(comparison.commits, comparison.commit_count, 5, Some(all))}
                </Card>
            </div>
            <div class="card">{judging}</div>
        </article>
    }
    .into_any()
}
