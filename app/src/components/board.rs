//! The board: services by team as rows, environments as columns.

use super::bar::ProgressBar;
use super::state::{State, StateIcon};
use leptos::children::ViewFnOnce;
use leptos::prelude::*;

/// One environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoardColumn {
    /// Its name.
    pub name: String,
    /// What is to be known of it: 'frozen until Mon 08:00'.
    pub note: String,
    /// Its page.
    pub href: Option<String>,
}

/// The table. The head and the first column stay while the rest scrolls.
#[component]
pub fn Board(
    /// What it shows, for screen readers.
    #[prop(into)]
    caption: String,
    /// The name of the first column.
    #[prop(default = "Service".to_owned(), into)]
    first: String,
    /// The environments, in their order.
    columns: Vec<BoardColumn>,
    /// One `<tbody>` per group: `BoardGroup`.
    children: Children,
) -> impl IntoView {
    let label = caption.clone();
    let columns = columns.into_iter().map(|column| {
        let name = match column.href {
            Some(href) => view! { <a class="link-plain" href=href>{column.name}</a> }.into_any(),
            None => column.name.into_any(),
        };
        let note = (!column.note.is_empty()).then(|| view! { <span class="board-head-note">{column.note}</span> });
        view! { <th scope="col" role="columnheader">{name} {note}</th> }
    });
    // Roles are written out because a phone shows the table as blocks, and some browsers then forget that it is one.
    view! {
        <div class="board-scroll board-tall" tabindex="0" role="region" aria-label=label>
            <table class="board" role="table">
                <caption class="hidden-visually">{caption}</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">{first}</th>
                        {columns.collect_view()}
                    </tr>
                </thead>
                {children()}
            </table>
        </div>
    }
}

/// Rows under a common name.
#[component]
pub fn BoardGroup(
    /// The team.
    #[prop(into)]
    name: String,
    /// How many columns the table has, the first included.
    span: usize,
    /// Rows.
    children: Children,
) -> impl IntoView {
    view! {
        <tbody role="rowgroup">
            <tr class="board-group" role="row">
                <th scope="rowgroup" role="rowheader" colspan=span.to_string()>
                    {name}
                </th>
            </tr>
            {children()}
        </tbody>
    }
}

/// One service.
#[component]
pub fn BoardRow(
    /// Its name.
    #[prop(into)]
    name: String,
    /// Its page.
    #[prop(into)]
    href: String,
    /// What explains it: 'tier 1'.
    #[prop(optional, into)]
    note: Option<String>,
    /// A `BoardCell` for each column.
    children: Children,
) -> impl IntoView {
    view! {
        <tr role="row">
            <th scope="row" role="rowheader">
                <a class="board-service" href=href>
                    {name}
                </a>
                {note.map(|note| format!(" {note}"))}
            </th>
            {children()}
        </tr>
    }
}

/// What lies between two cells: '2 ahead · 17 commits'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// The words.
    pub words: String,
    /// The comparison.
    pub href: String,
}

/// One service in one environment.
#[component]
pub fn BoardCell(
    /// The environment's name; a phone shows it.
    #[prop(into)]
    column: String,
    /// How it is.
    state: State,
    /// The version that runs; without one, `reason` stands alone.
    #[prop(optional_no_strip, into)]
    version: Option<String>,
    /// The version's or the promotion's page.
    #[prop(optional_no_strip, into)]
    href: Option<String>,
    /// Since when, or why: '12 min', 'waits for you and 1 more of Product owners'.
    #[prop(optional, into)]
    reason: Option<ViewFnOnce>,
    /// What the environment before has that this one has not.
    #[prop(optional_no_strip)]
    ahead: Option<Ahead>,
    /// How much of a promotion is done, from 0 to 1, while one moves.
    #[prop(optional_no_strip)]
    share: Option<f64>,
    /// Acts: a `Menu`.
    #[prop(optional, into)]
    menu: Option<ViewFnOnce>,
) -> impl IntoView {
    let head = version.map(|version| {
        let version = match href {
            Some(href) => view! { <a class="version" href=href>{version}</a> }.into_any(),
            None => view! { <span class="version">{version}</span> }.into_any(),
        };
        let ahead = ahead.map(|ahead| view! { <a class="ahead" href=ahead.href>{ahead.words}</a> });
        view! { <div class="board-cell-head"><StateIcon state /> {version} {ahead}</div> }
    });
    let label = column.clone();
    view! {
        <td role="cell" data-label=column>
            <div class=format!("board-cell {}", state.class())>
                {head} {reason.map(|reason| view! { <span class="board-cell-reason">{reason.run()}</span> })}
                {share.map(|share| view! { <ProgressBar share label=format!("Progress in {label}") state /> })}
                {menu.map(|menu| menu.run())}
            </div>
        </td>
    }
}

/// Stands for rows that are not drawn, so that the scroll bar is right when there are thousands.
#[component]
pub fn BoardSpacer(
    /// The height of the rows that are left out, in pixels.
    #[prop(into)]
    height: Signal<u32>,
    /// How many columns the table has, the first included.
    span: usize,
) -> impl IntoView {
    view! {
        <tbody aria-hidden="true">
            <tr>
                <td class="board-spacer" colspan=span.to_string()>
                    <svg width="1" height=move || height.get().to_string()></svg>
                </td>
            </tr>
        </tbody>
    }
}
