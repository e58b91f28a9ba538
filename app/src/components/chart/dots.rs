//! Single events by when they were and how long they took.

use super::super::words::duration;
use super::scale::{Linear, Logarithmic, duration_ticks};
use super::{XWord, grid, mark, percent, twin, x_axis, y_axis};
use leptos::prelude::*;

/// The shape of a dot: kinds are told apart without colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DotShape {
    /// The worst kind. Red.
    Diamond,
    /// The kind between. Orange.
    Triangle,
    /// The mildest kind. Teal.
    #[default]
    Circle,
}

impl DotShape {
    fn path(self) -> &'static str {
        match self {
            Self::Diamond => "M0-5.5 5.5 0 0 5.5-5.5 0Z",
            Self::Triangle => "M0-5.2 5 3.6H-5Z",
            Self::Circle => "M0-4.5A4.5 4.5 0 1 1 0 4.5 4.5 4.5 0 1 1 0-4.5Z",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Diamond => "chart-dot is-failed",
            Self::Triangle => "chart-dot series-2",
            Self::Circle => "chart-dot series-1",
        }
    }
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dot {
    /// Its place on the x axis, in the chart's own unit.
    pub x: f64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Its kind.
    pub shape: DotShape,
    /// What it was: 'INC-31, severity 1, cart'.
    pub words: String,
    /// Its page.
    pub href: Option<String>,
}

/// Events over time by duration, on an axis of powers, with the goal.
#[component]
pub fn DotPlot(
    /// What is shown, for screen readers and the table: 'Time to recover'.
    #[prop(into)]
    label: String,
    /// Events.
    dots: Vec<Dot>,
    /// The whole x axis: from and to.
    range: (f64, f64),
    /// Words on the x axis: place and words.
    #[prop(optional)]
    marks: Vec<(f64, String)>,
    /// What should be reached, in seconds.
    #[prop(optional_no_strip)]
    goal: Option<f64>,
    /// What the shapes mean: 'severity 1'.
    #[prop(optional)]
    legend: Vec<(DotShape, String)>,
) -> impl IntoView {
    let values = || dots.iter().map(|dot| dot.seconds).chain(goal);
    // A tenth of room, so that nothing lies on the edge.
    let lowest = values().fold(f64::INFINITY, f64::min) * 0.9;
    let highest = values().fold(0.0, f64::max) * 1.1;
    let steps = if lowest.is_finite() { duration_ticks(lowest, highest) } else { duration_ticks(300.0, 86_400.0) };
    let y = Logarithmic::new(
        steps.first().map_or(1.0, |(seconds, _)| *seconds),
        steps.last().map_or(1.0, |(seconds, _)| *seconds),
    );
    let x = Linear::new(range.0, range.1);
    let heights: Vec<f64> = steps.iter().map(|(seconds, _)| y.at(*seconds)).collect();
    let axis = axis(&steps, goal, y);
    let words = marks.into_iter().map(|(at, words)| XWord { at: x.at(at), words }).collect();
    let rows = dots.iter().map(|dot| vec![dot.words.clone(), duration(dot.seconds as i64)]).collect();
    let none = dots.is_empty();
    let drawn = dots.into_iter().map(|dot| one_dot(dot, x, y)).collect_view();
    view! {
        <figure class="chart chart-axis-wide">
            {y_axis(axis)}
            <svg class="chart-plot" role="group" aria-label=label.clone()>
                {grid(&heights)}
                {goal.map(|goal| goal_line(y.at(goal)))}
                {drawn}
            </svg>
            {x_axis(words)}
            {none.then(|| view! { <span class="chart-none">"Nothing in this time"</span> })}
            {twin(label, vec!["What".to_owned(), "How long".to_owned()], rows)}
        </figure>
        {(!legend.is_empty()).then(|| shapes(legend))}
    }
}

/// The words of the y axis; the goal takes the place of a step that is the same or too near.
fn axis(steps: &[(f64, &'static str)], goal: Option<f64>, y: Logarithmic) -> Vec<(f64, String, &'static str)> {
    /// Nearer than this, two words cover one another.
    const NEAR: f64 = 0.08;
    let goal = goal.map(|goal| (y.at(goal), duration(goal as i64)));
    let mut axis: Vec<(f64, String, &'static str)> = steps
        .iter()
        .map(|(seconds, words)| (y.at(*seconds), (*words).to_owned(), ""))
        .filter(|(at, _, _)| goal.as_ref().is_none_or(|(goal, _)| (at - goal).abs() > NEAR))
        .collect();
    axis.extend(goal.map(|(at, words)| (at, words, "chart-goal-title")));
    axis
}

fn goal_line(at: f64) -> impl IntoView {
    let y = percent(1.0 - at);
    view! {
        <g>
            <line class="chart-goal" x1="0" x2="100%" y1=y.clone() y2=y />
        </g>
    }
}

fn one_dot(dot: Dot, x: Linear, y: Logarithmic) -> impl IntoView {
    let words = format!("{}: {}", dot.words, duration(dot.seconds as i64));
    let shape = view! {
        <svg x=percent(x.at(dot.x)) y=percent(1.0 - y.at(dot.seconds)) width="1" height="1">
            <path class=dot.shape.class() d=dot.shape.path() />
        </svg>
    };
    mark(dot.href, words, shape)
}

fn shapes(legend: Vec<(DotShape, String)>) -> impl IntoView {
    let items = legend
        .into_iter()
        .map(|(shape, words)| {
            view! {
                <li>
                    <svg viewBox="-6 -6 12 12" width="12" height="12" aria-hidden="true">
                        <path class=shape.class() d=shape.path() />
                    </svg>
                    {words}
                </li>
            }
        })
        .collect_view();
    view! { <ul class="chart-legend">{items}</ul> }
}
