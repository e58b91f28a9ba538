//! Pieces that several pages show alike: checks, commits, what changes, lines of promotions, pagers.

use contract::{
    Page, PageRequest,
    compare::Comparison,
    promotions::{Demand, PromotionLine},
    versions::{CheckView, CommitView, ImageView},
};
use domain::deployment::Cause;
use leptos::prelude::*;

use crate::{
    components::{
        CheckRow, Checks, Chip, CommitRow, Commits, FromTo, Glyph, Hash, Notice, Pager, Show, State, StateInline, Time,
        VersionLabel, words::plural,
    },
    marks::{tone_of_cause, word_of_verdict},
    routes,
};

/// One check, with or without a note and evidence.
pub fn check_row(state: State, title: String, note: Option<String>, href: Option<String>) -> AnyView {
    let note = note.filter(|note| !note.is_empty());
    match (note, href) {
        (Some(note), Some(href)) => view! { <CheckRow state title note href /> }.into_any(),
        (Some(note), None) => view! { <CheckRow state title note /> }.into_any(),
        (None, Some(href)) => view! { <CheckRow state title href /> }.into_any(),
        (None, None) => view! { <CheckRow state title /> }.into_any(),
    }
}

/// Checks of a version.
pub fn check_rows(checks: Vec<CheckView>) -> Vec<AnyView> {
    checks
        .into_iter()
        .map(|check| {
            let word = word_of_verdict(check.verdict);
            // '412 passed' says it itself; '0 critical' does not.
            let note = match check.words {
                words if words.is_empty() => word.to_owned(),
                words if words.contains(word) => words,
                words => format!("{word}: {words}"),
            };
            check_row(State::from(check.verdict), check.name, Some(note), check.link)
        })
        .collect()
}

/// What an environment asks for, and whether it is met.
pub fn demand_rows(demands: Vec<Demand>) -> Vec<AnyView> {
    demands
        .into_iter()
        .map(|demand| check_row(State::from(demand.mark), demand.title, Some(demand.detail), None))
        .collect()
}

/// A list of checks and demands, or a word where there is none.
pub fn checks_or(rows: Vec<AnyView>, none: &'static str) -> AnyView {
    if rows.is_empty() {
        view! { <p class="note">{none}</p> }.into_any()
    } else {
        view! { <Checks>{rows}</Checks> }.into_any()
    }
}

/// Commits, newest first, at most `limit`; then how many more there are and where.
pub fn commits(commits: Vec<CommitView>, total: u64, limit: usize, all: Option<String>) -> AnyView {
    commit_list(commits, total, limit, all, true)
}

fn commit_list(commits: Vec<CommitView>, total: u64, limit: usize, all: Option<String>, with_age: bool) -> AnyView {
    if commits.is_empty() {
        return view! { <p class="note">"No commits were reported."</p> }.into_any();
    }
    let shown = commits.len().min(limit);
    let rows = commits
        .into_iter()
        .take(limit)
        .map(|commit| {
            let (author, subject, hash, at) = (commit.author, commit.title, commit.hash, commit.committed_at);
            if with_age {
                let when = move || view! { <Time at show=Show::Age /> };
                view! { <CommitRow author subject hash when /> }.into_any()
            } else {
                view! { <CommitRow author subject hash /> }.into_any()
            }
        })
        .collect_view();
    let more = total.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX));
    let rest = (more > 0).then(|| {
        let words = format!("and {more} more");
        match all {
            Some(href) => view! { <p class="note"><a href=href>{words}</a></p> }.into_any(),
            None => view! { <p class="note">{words}</p> }.into_any(),
        }
    });
    view! {
        <Commits>{rows}</Commits>
        {rest}
    }
    .into_any()
}

/// `2 versions, 17 commits`.
#[must_use]
pub fn distance(comparison: &Comparison) -> String {
    let versions = u64::try_from(comparison.versions.len()).unwrap_or(u64::MAX);
    format!("{}, {}", plural(versions, "version", "versions"), plural(comparison.commit_count, "commit", "commits"))
}

/// The comparison's own page.
#[must_use]
pub fn comparison_link(comparison: &Comparison) -> String {
    routes::compare(&comparison.service, comparison.from.as_deref(), &comparison.to)
}

/// What changes, in short: from and to, distance, image, migrations, the first commits.
pub fn what_changes(comparison: Comparison, limit: usize) -> AnyView {
    let link = comparison_link(&comparison);
    let backward = comparison.is_backward.then(|| {
        view! { <p class="note">"This goes back: the commits below are taken away."</p> }
    });
    view! {
        <div class="stack">
            <div class="row row-apart">
                <FromTo from=comparison.from to=comparison.to />
                <a class="note" href=link.clone()>
                    "compare"
                </a>
            </div>
            {images(comparison.images)}
            {migrations(comparison.migrations, comparison.is_backward)}
            {backward}
            {commit_list(comparison.commits, comparison.commit_count, limit, Some(link), false)}
        </div>
    }
    .into_any()
}

/// Images with their digests.
pub fn images(images: Vec<ImageView>) -> AnyView {
    images
        .into_iter()
        .map(|image| {
            let pinned = match image.digest {
                Some(digest) => view! { <Hash value=digest what="the digest" /> }.into_any(),
                None => view! { <Chip tone=State::Waiting>"unpinned"</Chip> }.into_any(),
            };
            view! {
                <div class="row">
                    {image.component.map(|component| view! { <span class="quiet">{component}</span> })}
                    <span class="mono truncate" title=image.reference.clone()>
                        {image.reference.clone()}
                    </span>
                    {pinned}
                </div>
            }
        })
        .collect_view()
        .into_any()
}

/// A warning about migrations that cannot be undone.
pub fn migrations(labels: Vec<String>, is_backward: bool) -> Option<AnyView> {
    (!labels.is_empty()).then(|| {
        let which = labels.join(", ");
        let words = if is_backward {
            format!("The version may not run with the database that {which} left behind.")
        } else {
            format!("{which} carries a migration that the version before cannot run with.")
        };
        view! { <Notice state=State::Waiting title="Irreversible migration">{words}</Notice> }.into_any()
    })
}

/// A chip for what is out of the ordinary; nothing for planned work.
pub fn cause_chip(cause: Cause) -> Option<AnyView> {
    (cause != Cause::Planned).then(|| {
        let glyph = match cause {
            Cause::Rollback => Glyph::Undo,
            Cause::Planned | Cause::Hotfix => Glyph::Bolt,
        };
        view! { <Chip tone=tone_of_cause(cause) glyph>{cause.as_str()}</Chip> }.into_any()
    })
}

/// Which time of promotions a table shows, and goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// When they were asked for.
    Asked,
    /// When they began.
    Started,
    /// When they ended.
    Ended,
}

impl When {
    const fn title(self) -> &'static str {
        match self {
            Self::Asked => "Asked",
            Self::Started => "Started",
            Self::Ended => "Ended",
        }
    }

    fn of(self, line: &PromotionLine) -> AnyView {
        let ago = |at| view! { <Time at show=Show::Ago /> };
        match (self, line.finished_at, line.started_at) {
            (Self::Asked, ..) => ago(line.requested_at).into_any(),
            (Self::Ended, Some(at), _) | (Self::Started, _, Some(at)) => ago(at).into_any(),
            (Self::Ended, None, Some(at)) => view! { "started " {ago(at)} }.into_any(),
            (Self::Ended, None, None) | (Self::Started, _, None) => {
                view! { "asked " {ago(line.requested_at)} }.into_any()
            }
        }
    }
}

/// Promotions as rows of a table: what, where it stands, who asked and when.
pub fn promotion_table(lines: Vec<PromotionLine>, when: When) -> AnyView {
    let rows = lines
        .into_iter()
        .map(|line| {
            let time = when.of(&line);
            let version = routes::version(&line.service, &line.version);
            view! {
                <tr>
                    <td data-label="Promotion">
                        <a href=routes::promotion(line.number)>{format!("{}", line.number)}</a>
                    </td>
                    <td data-label="Service">
                        <a class="link-plain" href=routes::service(&line.service)>
                            {line.service.clone()}
                        </a>
                        " "
                        <VersionLabel label=line.version href=version />
                        " "
                        {cause_chip(line.cause)}
                    </td>
                    <td data-label="To">{line.environment}</td>
                    <td data-label="State">
                        <StateInline state=State::from(line.headline.mark) word=line.headline.words />
                    </td>
                    <td data-label="Asked by">{line.requested_by}</td>
                    <td data-label=when.title()>{time}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-scroll">
            <table class="table table-stacks">
                <thead>
                    <tr>
                        <th scope="col">"Promotion"</th>
                        <th scope="col">"Service and version"</th>
                        <th scope="col">"To"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Asked by"</th>
                        <th scope="col" aria-sort="descending">
                            {when.title()}
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// The foot of a list: `1 to 50 of 214 services`, and the pages before and after.
pub fn pager<T>(page: &Page<T>, noun: &str, link: impl Fn(PageRequest) -> String) -> AnyView {
    let request = page.request;
    let first = request.offset() + 1;
    let last = request.offset() + u64::try_from(page.rows.len()).unwrap_or(u64::MAX);
    let words = if page.rows.is_empty() {
        format!("none of {} {noun} on this page", page.total)
    } else {
        format!("{first} to {last} of {} {noun}", page.total)
    };
    let previous = (request.page > 1).then(|| link(PageRequest { page: request.page - 1, ..request }));
    let next =
        (u64::from(request.page) < page.pages()).then(|| link(PageRequest { page: request.page + 1, ..request }));
    view! { <Pager words previous next /> }.into_any()
}

/// The filters in an address as hidden fields of a form that changes one more.
pub fn hidden_of(address: &str) -> AnyView {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| {
            let value = leptos_router::location::Url::unescape(value);
            view! { <input type="hidden" name=name.to_owned() value=value /> }
        })
        .collect_view()
        .into_any()
}
