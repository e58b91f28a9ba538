//! Insights: how well are we doing, and why? Charts are SVG from the server.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use contract::{
    deployments::DeploymentsQuery,
    insights::{InsightsQuery, InsightsView, RecoveryPoint, ServiceWeeks, Tile as Figure, WeekBar},
};
use domain::deployment::Severity;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    commands,
    components::{
        Bar, BarChart, Card, Definition, DefinitionList, Dot, DotPlot, DotShape, EmptyState, FilterBreak, FilterChip,
        Filters, Glyph, HeatCell, HeatRow, HeatStrip, Menu, MenuItem, More, PageHead, State, Tile, TileChange,
        words::{duration, plural},
    },
    live,
    page::page_of,
    routes, server_fns,
};

/// Figures.
#[component]
pub fn InsightsPage() -> impl IntoView {
    let params = use_query_map();
    let query = Memo::new(move |_| params.with(routes::read_insights));
    let changes = live::use_changes(|change| change.entity == "deployment" || change.entity == "incident");
    let data = Resource::new(move || (query.get(), changes.get()), |(query, _)| server_fns::insights::insights(query));
    view! {
        <Title text="Insights" />
        {page_of(data, |view, _| insights_view(view))}
    }
    .into_any()
}

fn insights_view(view: InsightsView) -> AnyView {
    let scope = match (&view.query.service, &view.query.team) {
        (Some(service), _) => service.clone(),
        (None, Some(team)) => title_of_team(&view, team),
        (None, None) => "all teams".to_owned(),
    };
    let lead = format!("production · {scope} · {} to {}", day(view.from), day_and_year(view.to));
    let filters = filters(&view);
    let tiles = view.tiles.iter().cloned().map(tile).collect_view();
    let is_empty = view.services.is_empty() && view.weeks.iter().all(|week| week.succeeded + week.failed == 0);
    let how = how(view.how.clone());
    let charts = if is_empty { nothing() } else { charts(&view) };
    view! {
        <PageHead title=|| "Insights" lead=move || lead />
        {filters}
        <div class="tiles">{tiles}</div>
        <div class="stack-cards">
            {charts}
            {how}
        </div>
    }
    .into_any()
}

fn title_of_team(view: &InsightsView, name: &str) -> String {
    view.teams.iter().find(|team| team.name == name).map_or_else(|| name.to_owned(), |team| team.title.clone())
}

fn filters(view: &InsightsView) -> AnyView {
    let query = &view.query;
    let days = query.days.unwrap_or(routes::INSIGHTS_DAYS);
    let ranges = [(30_u16, "30 days"), (90, "90 days"), (365, "a year")]
        .into_iter()
        .map(|(range, words)| {
            let href = routes::insights(&InsightsQuery { days: Some(range), ..view.query.clone() });
            view! { <FilterChip href on=days == range>{words}</FilterChip> }
        })
        .collect_view();
    let items = view
        .teams
        .iter()
        .map(|team| {
            let href =
                routes::insights(&InsightsQuery { team: Some(team.name.clone()), service: None, ..view.query.clone() });
            let title = team.title.clone();
            view! { <MenuItem href>{title}</MenuItem> }
        })
        .collect_view();
    let any = routes::insights(&InsightsQuery { team: None, service: None, ..view.query.clone() });
    let label =
        format!("Team: {}", query.team.as_ref().map_or_else(|| "any".to_owned(), |team| title_of_team(view, team)));
    let service = query.service.clone().map(|service| {
        let href = routes::insights(&InsightsQuery { service: None, ..view.query.clone() });
        view! { <FilterChip href on=true>{format!("Service: {service}")}</FilterChip> }
    });
    view! {
        <Filters label="Range and scope">
            {ranges}
            <FilterBreak />
            <Menu label glyph=Glyph::People glyph_only=false start=true group="filter">
                <MenuItem href=any>"Any team"</MenuItem>
                {items}
            </Menu>
            {service}
        </Filters>
    }
    .into_any()
}

fn tile(figure: Figure) -> AnyView {
    let change = figure.change.map(|words| TileChange {
        state: match figure.is_better {
            Some(true) => State::Done,
            Some(false) => State::Failed,
            None => State::Nothing,
        },
        words,
    });
    view! {
        <Tile
            label=figure.title
            value=figure.figure
            unit=figure.basis
            change
            absent=figure.when_empty
            course=figure.trend
        />
    }
    .into_any()
}

fn nothing() -> AnyView {
    view! {
        <Card>
            <EmptyState
                glyph=Glyph::Bars
                title="No deployment in this time"
                words="Figures come from what goes into production: promotions, and deployments that pipelines report. Commits with their times are needed for lead time, incidents for recovery time."
                command=commands::report_deployment()
            />
        </Card>
    }
    .into_any()
}

fn charts(view: &InsightsView) -> AnyView {
    let bars = view.weeks.iter().map(|week| bar(week, view)).collect::<Vec<_>>();
    let range = (seconds_of(view.from), seconds_of(view.to + Days::new(1)));
    let dots = view.recoveries.iter().map(dot).collect::<Vec<_>>();
    let marks = months(view.from, view.to);
    let legend = vec![
        (DotShape::Diamond, "critical".to_owned()),
        (DotShape::Triangle, "major".to_owned()),
        (DotShape::Circle, "minor, or no incident".to_owned()),
    ];
    let mondays: Vec<_> = view.weeks.iter().map(|week| week.monday).collect();
    let rows = view.services.iter().map(|service| heat_row(service, &mondays, view)).collect::<Vec<_>>();
    view! {
        <div class="columns columns-charts">
            <Card title="Deployments per week" lead="failed in red; a week that is not whole is pale">
                <BarChart label="Deployments per week" unit="deployments" bars />
            </Card>
            <Card title="Time to recover" lead="each failure that was mended">
                <DotPlot label="Time to recover" dots range marks legend />
            </Card>
        </div>
        <Card title="By service" lead="one cell a week; red with a cross: a failed change">
            <HeatStrip label="Deployments by service and week" rows />
        </Card>
    }
    .into_any()
}

fn bar(week: &WeekBar, view: &InsightsView) -> Bar {
    Bar {
        label: day(week.monday),
        // A change that failed may be a deployment that succeeded at first; the height is what the tile counts.
        value: f64::from(week.succeeded.max(week.failed)),
        failed: f64::from(week.failed),
        partial: week.is_partial,
        href: Some(rows_of_week(week.monday, view, view.query.service.clone())),
    }
}

/// The deployments behind a week's figure.
fn rows_of_week(monday: NaiveDate, view: &InsightsView, service: Option<String>) -> String {
    let start = |date: NaiveDate| date.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    routes::deployments(&DeploymentsQuery {
        team: view.query.team.clone(),
        environment: view.environment.clone(),
        service,
        from: start(monday),
        to: start(monday + Days::new(7)),
        ..DeploymentsQuery::default()
    })
}

fn dot(point: &RecoveryPoint) -> Dot {
    let severity = match point.severity {
        Some(severity) => severity.as_str(),
        None => "no incident",
    };
    let seconds = point.minutes * 60.0;
    Dot {
        x: seconds_at(point.at),
        seconds,
        shape: match point.severity {
            Some(Severity::Critical) => DotShape::Diamond,
            Some(Severity::Major) => DotShape::Triangle,
            Some(Severity::Minor) | None => DotShape::Circle,
        },
        words: format!("{}, {severity}: {} on {}", point.service, duration(whole(seconds)), day(point.at.date_naive())),
        href: Some(routes::service(&point.service)),
    }
}

fn heat_row(service: &ServiceWeeks, mondays: &[NaiveDate], view: &InsightsView) -> HeatRow {
    let cells = service
        .weeks
        .iter()
        .zip(mondays)
        .map(|((deployments, failed), monday)| HeatCell {
            value: f64::from(*deployments),
            failed: *failed > 0,
            words: format!(
                "{}, week of {}: {}, {failed} failed",
                service.service,
                day(*monday),
                plural(u64::from(*deployments), "deployment", "deployments")
            ),
            href: (*deployments > 0).then(|| rows_of_week(*monday, view, Some(service.service.clone()))),
        })
        .collect();
    HeatRow {
        name: service.service.clone(),
        href: Some(routes::insights(&InsightsQuery { service: Some(service.service.clone()), ..view.query.clone() })),
        cells,
        words: format!(
            "{} · {} failed",
            plural(u64::from(service.deployments), "deployment", "deployments"),
            service.failed
        ),
    }
}

fn how(how: Vec<(String, String)>) -> Option<AnyView> {
    (!how.is_empty()).then(|| {
        let rows = how.into_iter().map(|(term, words)| view! { <Definition term>{words}</Definition> }).collect_view();
        view! {
            <Card>
                <More label="How this is computed">
                    <DefinitionList>{rows}</DefinitionList>
                </More>
            </Card>
        }
        .into_any()
    })
}

/// The first of each month in the range, with its name.
fn months(from: NaiveDate, to: NaiveDate) -> Vec<(f64, String)> {
    from.iter_days()
        .take_while(|date| *date <= to)
        .filter(|date| date.day() == 1)
        .map(|date| (seconds_of(date), date.format("%-d %b").to_string()))
        .collect()
}

fn seconds_of(date: NaiveDate) -> f64 {
    date.and_hms_opt(0, 0, 0).map_or(0.0, |time| seconds_at(time.and_utc()))
}

#[expect(clippy::cast_precision_loss, reason = "a time in seconds is far below 2^52")]
fn seconds_at(time: DateTime<Utc>) -> f64 {
    time.timestamp() as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a recovery is far shorter than 2^63 seconds; a cast saturates")]
fn whole(seconds: f64) -> i64 {
    seconds.round() as i64
}

fn day(date: NaiveDate) -> String {
    date.format("%-d %b").to_string()
}

fn day_and_year(date: NaiveDate) -> String {
    date.format("%-d %b %Y").to_string()
}
