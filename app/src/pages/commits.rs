//! The commits of a promotion on its page, where the version lives in a Git repository.

use contract::git::{CommitView, CommitsView, FieldChange};
use leptos::prelude::*;

use crate::components::{Card, Definition, DefinitionList, Show, State, StateInline, Time};

/// The card, where there is such a repository.
pub fn commits_card(commits: Option<CommitsView>) -> AnyView {
    let Some(CommitsView { place, fields, commits }) = commits else { return ().into_any() };
    let none = commits.is_empty().then(|| view! { <p class="note">"Nothing is committed yet."</p> });
    let fields = fields.into_iter().map(field).collect_view();
    let commits = commits.into_iter().map(commit).collect_view();
    view! {
        <Card title="In Git" lead=place>
            <div class="stack">
                <DefinitionList>{fields}</DefinitionList>
                {none}
                <ul class="stack-tight" data-row="commits">
                    {commits}
                </ul>
            </div>
        </Card>
    }
    .into_any()
}

fn field(field: FieldChange) -> AnyView {
    let FieldChange { field, before, wanted } = field;
    let change = match before {
        Some(before) if before != wanted => format!("{before} → {wanted}"),
        Some(_) | None => wanted,
    };
    view! { <Definition term=field>{change}</Definition> }.into_any()
}

fn commit(commit: CommitView) -> AnyView {
    let CommitView { mark, words, hash, short, link, at } = commit;
    let name = match link {
        Some(href) => view! {
            <a href=href rel="noopener noreferrer external" target="_blank">
                <code title=hash>{short}</code>
            </a>
        }
        .into_any(),
        None => view! { <code title=hash>{short}</code> }.into_any(),
    };
    view! {
        <li>
            <StateInline state=State::from(mark) word=words /> " " {name} " " <span class="note">
                <Time at=at show=Show::Moment />
            </span>
        </li>
    }
    .into_any()
}
