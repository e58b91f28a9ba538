//! Charts, drawn by the server as SVG from plain numbers and words.
//!
//! Text keeps its size at every width: places are given in percent of the plot, and only lines lie in a stretched
//! picture. The y axis, the plot and the x axis are three pictures in a grid (see the style sheet). Every mark has its
//! figures as a tooltip, and every chart a table of the same figures for who does not see it.

mod bars;
mod dots;
mod heat;
mod lines;
pub mod scale;
mod sparkline;

pub use bars::{Bar, BarChart};
pub use dots::{Dot, DotPlot, DotShape};
pub use heat::{HeatCell, HeatRow, HeatStrip};
pub use lines::{Band, Limit, Line, LineChart};
pub use sparkline::Sparkline;

use leptos::prelude::*;
use scale::figure;

/// A place in percent, as an attribute: '12.5%'.
fn percent(share: f64) -> String {
    format!("{}%", figure(share * 100.0))
}

/// A word on the x axis at a share of its width.
#[derive(Clone, Debug, PartialEq)]
struct XWord {
    at: f64,
    words: String,
}

/// The y axis: words and their heights (0 is the bottom), and what class a word has.
fn y_axis(words: Vec<(f64, String, &'static str)>) -> impl IntoView {
    let words = words
        .into_iter()
        .map(|(at, words, class)| {
            view! {
                <g>
                    <text class=class x="100%" dx="-6" y=percent(1.0 - at)>
                        {words}
                    </text>
                </g>
            }
        })
        .collect_view();
    view! {
        <svg class="chart-y" aria-hidden="true">
            {words}
        </svg>
    }
}

/// The x axis. Words at the ends stay within it, and a phone leaves every second one out.
fn x_axis(words: Vec<XWord>) -> impl IntoView {
    let words = words
        .into_iter()
        .enumerate()
        .map(|(index, word)| {
            let place = if word.at < 0.02 {
                "chart-first"
            } else if word.at > 0.97 {
                "chart-last"
            } else {
                ""
            };
            let class = super::classes(&[place, if index % 2 == 1 { "chart-even" } else { "" }]);
            view! {
                <g>
                    <text class=class x=percent(word.at) y="15">
                        {word.words}
                    </text>
                </g>
            }
        })
        .collect_view();
    view! {
        <svg class="chart-x" aria-hidden="true">
            {words}
        </svg>
    }
}

/// Lines across the plot at the given heights (0 is the bottom).
fn grid(at: &[f64]) -> impl IntoView + use<> {
    at.iter()
        .map(|at| {
            let y = percent(1.0 - at);
            view! {
                <g>
                    <line class="chart-grid" x1="0" x2="100%" y1=y.clone() y2=y />
                </g>
            }
        })
        .collect_view()
}

/// The same figures as a table that is read aloud and not seen.
fn twin(caption: String, head: Vec<String>, rows: Vec<Vec<String>>) -> impl IntoView {
    let head = head.into_iter().map(|cell| view! { <th scope="col">{cell}</th> }).collect_view();
    let rows = rows
        .into_iter()
        .map(|row| {
            let cells = row.into_iter().map(|cell| view! { <td>{cell}</td> }).collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    view! {
        <div class="hidden-visually">
            <table>
                <caption>{caption}</caption>
                <thead>
                    <tr>{head}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

/// One mark with its words as tooltip; a link where there are rows behind it.
fn mark(href: Option<String>, words: String, drawn: impl IntoView + 'static) -> impl IntoView {
    let label = words.clone();
    match href {
        Some(href) => view! {
            <g>
                <a class="chart-mark" href=href aria-label=label>
                    <title>{words}</title>
                    {drawn.into_any()}
                </a>
            </g>
        }
        .into_any(),
        None => view! {
            <g class="chart-mark">
                <title>{words}</title>
                {drawn.into_any()}
            </g>
        }
        .into_any(),
    }
}
