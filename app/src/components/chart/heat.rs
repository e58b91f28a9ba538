//! How much happened when, a row for each thing, and where it failed.

use super::percent;
use super::scale::heat;
use leptos::prelude::*;

/// One stretch of time of one thing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeatCell {
    /// How many.
    pub value: f64,
    /// Whether one of them failed: red, with a cross.
    pub failed: bool,
    /// In words: 'week of 26 May: 3 deployments, 1 failed'.
    pub words: String,
    /// The rows behind it.
    pub href: Option<String>,
}

/// One thing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeatRow {
    /// Its name.
    pub name: String,
    /// Its page.
    pub href: Option<String>,
    /// In order; all rows should have as many.
    pub cells: Vec<HeatCell>,
    /// The sum in words: '44 deployments · 6 failed'. It is what a screen reader hears.
    pub words: String,
}

/// Rows of cells, all on one scale.
#[component]
pub fn HeatStrip(
    /// What is shown, for screen readers.
    #[prop(into)]
    label: String,
    /// Things.
    rows: Vec<HeatRow>,
) -> impl IntoView {
    let most = rows.iter().flat_map(|row| row.cells.iter().map(|cell| cell.value)).fold(0.0, f64::max);
    let rows = rows.into_iter().map(|row| one_row(row, most)).collect_view();
    view! {
        <ul class="heat" aria-label=label>
            {rows}
        </ul>
    }
}

fn one_row(row: HeatRow, most: f64) -> impl IntoView {
    let room = 1.0 / row.cells.len().max(1) as f64;
    let cells = row.cells.into_iter().enumerate().map(|(index, cell)| one_cell(cell, index as f64 * room, room, most));
    let name = match row.href {
        Some(href) => view! { <a class="heat-name link-plain" href=href>{row.name}</a> }.into_any(),
        None => view! { <span class="heat-name">{row.name}</span> }.into_any(),
    };
    view! {
        <li class="heat-row">
            {name}
            // The sum beside it says the same; hundreds of stops for the keyboard would help nobody.
            <svg class="heat-cells" height="16" aria-hidden="true">
                {cells.collect_view()}
            </svg>
            <span class="heat-words">{row.words}</span>
        </li>
    }
}

fn one_cell(cell: HeatCell, left: f64, room: f64, most: f64) -> impl IntoView {
    let class = if cell.failed {
        "heat-cell heat-failed"
    } else {
        HEAT.get(usize::from(heat(cell.value, most))).copied().unwrap_or("heat-cell")
    };
    let (x, width) = (percent(left), percent(room * 0.86));
    let cross = cell.failed.then(|| {
        view! {
            <svg x=x.clone() width=width.clone() height="100%" viewBox="0 0 16 16">
                <path class="heat-cross" d="M5.5 5.5l5 5M10.5 5.5l-5 5" />
            </svg>
        }
    });
    // The group makes the title one of SVG: alone it would be that of a document.
    let shape = view! {
        <g>
            <title>{cell.words}</title>
            <rect class=class x=x.clone() y="0" width=width.clone() height="100%" rx="2.5" />
            {cross}
        </g>
    };
    match cell.href {
        Some(href) => view! {
            <g>
                <a href=href tabindex="-1">
                    {shape}
                </a>
            </g>
        }
        .into_any(),
        None => shape.into_any(),
    }
}

/// The classes of the five strengths.
const HEAT: [&str; 5] =
    ["heat-cell heat-0", "heat-cell heat-1", "heat-cell heat-2", "heat-cell heat-3", "heat-cell heat-4"];
