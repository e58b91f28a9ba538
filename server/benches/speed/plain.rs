//! The other side of the Board: a handler that formats strings.
//!
//! It asks the same use case (`Backend::board` and `Backend::frame`: the same statements, the same
//! folding, the same words) and writes the same table with `write!`. The frame around the table it copies
//! from a page of Slipway's that the bench hands to it. It has no session, no headers, no log: what it is
//! slower or faster by is what rendering and the edge cost.

use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use anyhow::Context as _;
use app::components::{time::Show, time::moment};
use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::{Html, IntoResponse as _, Response},
    routing::{get, post},
};
use chrono::{DateTime, SecondsFormat, Utc};
use contract::{
    PageRequest,
    board::{BoardBackend as _, BoardCell, BoardQuery, BoardRow, BoardView, EnvironmentHead},
    frame::{Frame, FrameBackend as _},
};
use domain::{
    actor::{Act, Actor},
    state::Mark,
};
use engine::Engine;
use serde::Deserialize;
use store::{Store, StoreOptions};

use crate::company;

/// Where a page's table begins and ends.
pub(crate) const TABLE: (&str, &str) = ("<tbody", "</table>");

struct Plain {
    engine: Engine,
    actor: Actor,
    shell: OnceLock<Shell>,
}

/// The page around the table.
struct Shell {
    before: String,
    after: String,
}

#[derive(Deserialize)]
struct Asked {
    size: Option<u32>,
}

/// Serves `/` until it is killed; `POST /shell` gives it the page around the table, once.
///
/// # Errors
/// When the database or the port cannot be opened.
pub(crate) async fn serve(url: &str) -> anyhow::Result<()> {
    let store = Store::open(url, StoreOptions::default()).await?;
    let engine = company::engine(store);
    let mut read = engine.store().read().await?;
    let ada = read.person_by_email("ada@example.com").await?;
    drop(read);
    let actor = match ada {
        Some(ada) => engine.actor_of_person(ada.id, None).await?,
        // An empty database has a server, too, whose memory is measured.
        None => {
            Actor { identity: domain::actor::Identity::rule("nobody"), role: domain::actor::Role::Viewer, from: None }
        }
    };
    let plain = Arc::new(Plain { engine, actor, shell: OnceLock::new() });
    let router = Router::new()
        .route("/", get(page))
        .route("/ready", get(|| async { "ready" }))
        .route("/shell", post(take_shell))
        .with_state(plain);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("the plain server is ready at http://{}", listener.local_addr()?);
    axum::serve(listener, router).await.context("the listener failed")
}

async fn take_shell(State(plain): State<Arc<Plain>>, page: String) -> StatusCode {
    let before = page.split_once(TABLE.0).map(|(before, _)| before);
    let after = page.split_once(TABLE.1).map(|(_, after)| after);
    let Some((before, after)) = before.zip(after) else { return StatusCode::BAD_REQUEST };
    // What the browser half needs of the data is no part of what is seen.
    let after = format!("{}{after}", TABLE.1);
    let after = after.split_once("<script").map_or(after.as_str(), |(before, _)| before).to_owned();
    match plain.shell.set(Shell { before: before.to_owned(), after }) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::CONFLICT,
    }
}

async fn page(State(plain): State<Arc<Plain>>, Query(asked): Query<Asked>) -> Response {
    let request = PageRequest::new(1, asked.size.unwrap_or(app::routes::BOARD_PAGE.size));
    let query = BoardQuery { page: request, ..BoardQuery::default() };
    let view = plain.engine.board(&plain.actor, query).await;
    let frame = plain.engine.frame(&plain.actor).await;
    let (Ok(view), Ok(frame), Some(shell)) = (view, frame, plain.shell.get()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut html = String::with_capacity(512 * 1024);
    html.push_str(&shell.before);
    // Writing to a String does not fail.
    let _ = table(&mut html, &view, &frame, plain.engine.now());
    html.push_str(&shell.after);
    Html(html).into_response()
}

/// Text as it may stand in HTML.
struct Text<'a>(&'a str);

impl std::fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"']) {
            let (plain, special) = rest.split_at(at);
            f.write_str(plain)?;
            f.write_str(match special.as_bytes().first() {
                Some(b'&') => "&amp;",
                Some(b'<') => "&lt;",
                Some(b'>') => "&gt;",
                _ => "&quot;",
            })?;
            rest = special.get(1..).unwrap_or_default();
        }
        f.write_str(rest)
    }
}

fn table(html: &mut String, view: &BoardView, frame: &Frame, now: DateTime<Utc>) -> std::fmt::Result {
    let span = view.environments.len() + 1;
    for group in &view.groups {
        write!(
            html,
            "<tbody role=\"rowgroup\"><tr role=\"row\" class=\"board-group\"><th scope=\"rowgroup\" \
             role=\"rowheader\" colspan=\"{span}\">{}</th></tr>",
            Text(&group.team)
        )?;
        for service in &group.rows {
            row(html, service, &view.environments, frame, now)?;
        }
        html.push_str("</tbody>");
    }
    Ok(())
}

fn row(
    html: &mut String,
    row: &BoardRow,
    environments: &[EnvironmentHead],
    frame: &Frame,
    now: DateTime<Utc>,
) -> std::fmt::Result {
    let service = Text(&row.service);
    write!(
        html,
        "<tr role=\"row\"><th scope=\"row\" role=\"rowheader\"><a href=\"/services/{service}\" \
         class=\"board-service\">{service}</a> tier {}</th>",
        row.tier
    )?;
    for (environment, one) in environments.iter().zip(&row.cells) {
        match one {
            Some(one) => cell(html, &row.service, environment, one, frame, now)?,
            None => write!(
                html,
                "<td role=\"cell\" data-label=\"{}\"><span class=\"board-none\">– <span \
                 class=\"hidden-visually\">not deployed there</span></span></td>",
                Text(&environment.title)
            )?,
        }
    }
    html.push_str("</tr>");
    Ok(())
}

const DONE: &str = "M2.75 8.75 6.25 12.25l7-8.25";
const WAITING: &str = "M8 1.75a6.25 6.25 0 1 0 0 12.5 6.25 6.25 0 0 0 0-12.5ZM8 4.75V8.25l2.25 1.5";

/// The class, the icon and the word of a state; the company that is measured has these two.
fn state(mark: Mark) -> (&'static str, &'static str, &'static str) {
    if mark == Mark::Waiting { ("is-waiting", WAITING, "waiting") } else { ("is-done", DONE, "done") }
}

fn cell(
    html: &mut String,
    service: &str,
    environment: &EnvironmentHead,
    cell: &BoardCell,
    frame: &Frame,
    now: DateTime<Utc>,
) -> std::fmt::Result {
    let (class, icon, word) = state(cell.mark);
    write!(html, "<td role=\"cell\" data-label=\"{}\"><div class=\"board-cell {class}\">", Text(&environment.title))?;
    if let Some(version) = &cell.version {
        write!(
            html,
            "<div class=\"board-cell-head\"><span class=\"state-icon {class}\"><svg viewBox=\"0 0 16 16\" \
             width=\"12\" height=\"12\" aria-hidden=\"true\" focusable=\"false\" class=\"icon icon-small\"><path \
             d=\"{icon}\"></path></svg><span class=\"hidden-visually\">{word}</span></span><a \
             href=\"/services/{0}/versions/{1}\" class=\"version\">{1}</a>",
            Text(service),
            Text(version)
        )?;
        if let Some(ahead) = &cell.ahead {
            let commits = if ahead.commits == 1 { "commit" } else { "commits" };
            write!(
                html,
                "<a href=\"/services/{}/compare?from={}&amp;to={}\" class=\"ahead\">{} ahead · {} {commits}</a>",
                Text(service),
                Text(&ahead.from),
                Text(&ahead.to),
                ahead.versions,
                ahead.commits
            )?;
        }
        html.push_str("</div>");
    }
    reason(html, cell, now)?;
    menu(html, service, environment, cell, frame)?;
    html.push_str("</div></td>");
    Ok(())
}

fn reason(html: &mut String, cell: &BoardCell, now: DateTime<Utc>) -> std::fmt::Result {
    html.push_str("<span class=\"board-cell-reason\">");
    match (&cell.reason, cell.promotion, cell.pods) {
        (Some(words), Some(number), _) => {
            write!(html, "<a href=\"/promotions/{number}\" class=\"link-plain\">{}</a>", Text(words))?;
        }
        (Some(words), None, _) => write!(html, "{}", Text(words))?,
        (None, _, Some((1, 1))) => html.push_str("1 pod"),
        (None, _, Some((ready, wanted))) if ready == wanted => write!(html, "{wanted} pods")?,
        (None, _, Some((ready, wanted))) => write!(html, "{ready} of {wanted} pods")?,
        (None, _, None) => {}
    }
    if let Some(at) = cell.since {
        if cell.pods.is_some() || cell.promotion.is_some() {
            html.push_str(" · ");
        }
        write!(
            html,
            "<time datetime=\"{}\" title=\"{}\">{}</time>",
            at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            at.format("%Y-%m-%d %H:%M:%S UTC"),
            moment(at, Show::Age, None, Some(now))
        )?;
    }
    html.push_str("</span>");
    Ok(())
}

fn icon(html: &mut String, path: &str) -> std::fmt::Result {
    write!(
        html,
        "<svg viewBox=\"0 0 16 16\" width=\"16\" height=\"16\" aria-hidden=\"true\" focusable=\"false\" \
         class=\"icon\"><path d=\"{path}\"></path></svg>"
    )
}

const DOTS: &str = "M3.1 8a.25.25 0 1 0 .5 0 .25.25 0 1 0-.5 0ZM7.75 8a.25.25 0 1 0 .5 0 .25.25 0 1 0-.5 0ZM12.4 8a.25.25 0 1 0 .5 0 .25.25 0 1 0-.5 0Z";
const ARROW: &str = "M2.75 8h10.5M9 3.75 13.25 8 9 12.25";
const PLUS: &str = "M8 3v10M3 8h10";
const UNDO: &str = "M5.75 2.75 2.5 6l3.25 3.25M2.5 6h6.9a3.6 3.6 0 0 1 0 7.2H6";
const EYE: &str =
    "M1.5 8S3.75 3.5 8 3.5 14.5 8 14.5 8 12.25 12.5 8 12.5 1.5 8 1.5 8ZM8 6.1a1.9 1.9 0 1 0 0 3.8 1.9 1.9 0 0 0 0-3.8Z";
const CUBE: &str = "M8 1.75 13.75 4.9v6.2L8 14.25 2.25 11.1V4.9L8 1.75ZM2.4 5 8 8.1 13.6 5M8 8.1v6";

fn menu(
    html: &mut String,
    service: &str,
    environment: &EnvironmentHead,
    cell: &BoardCell,
    frame: &Frame,
) -> std::fmt::Result {
    let (service, name, title) = (Text(service), Text(&environment.name), Text(&environment.title));
    write!(
        html,
        "<details name=\"menu\" class=\"menu\"><summary title=\"Acts on {service} in {title}\" class=\"button \
         button-quiet button-small button-icon\">"
    )?;
    icon(html, DOTS)?;
    write!(
        html,
        "<span class=\"hidden-visually\">Acts on {service} in {title}</span></summary><div class=\"menu-panel\">"
    )?;
    if frame.me.may(Act::RequestPromotion) {
        if let Some(label) = &cell.promotable {
            let label = Text(label);
            write!(
                html,
                "<a href=\"/promote?service={service}&amp;environment={name}&amp;version={label}\" \
                 class=\"menu-item\">"
            )?;
            icon(html, ARROW)?;
            write!(html, "Promote {label} here</a>")?;
        }
        write!(html, "<a href=\"/promote?service={service}&amp;environment={name}\" class=\"menu-item\">")?;
        icon(html, PLUS)?;
        html.push_str("Promote a version here</a>");
    }
    if cell.can_roll_back {
        write!(html, "<a href=\"/services/{service}/roll-back?environment={name}\" class=\"menu-item menu-danger\">")?;
        icon(html, UNDO)?;
        html.push_str("Roll back</a>");
    }
    if let Some(number) = cell.promotion {
        write!(html, "<a href=\"/promotions/{number}\" class=\"menu-item\">")?;
        icon(html, EYE)?;
        write!(html, "Promotion {number}</a>")?;
    }
    write!(html, "<a href=\"/services/{service}\" class=\"menu-item\">")?;
    icon(html, CUBE)?;
    write!(html, "Open {service}</a></div></details>")
}
