//! Who answers: the share of traffic that each version gets.

use super::Series;
use super::chart::scale::{clamp_share, figure};
use super::words::percent;
use leptos::prelude::*;

/// The share of one version.
#[derive(Clone, Debug, PartialEq)]
pub struct TrafficPart {
    /// Stable or canary.
    pub series: Series,
    /// The version's label.
    pub version: String,
    /// From 0 to 1. The parts together should be 1; what they leave is shown as empty ground.
    pub share: f64,
}

/// Below this a part is too narrow for its words.
const NARROW: f64 = 0.14;

/// One bar, a part for each version.
#[component]
pub fn TrafficBar(
    /// Stable first.
    parts: Vec<TrafficPart>,
    /// Where the edge between the first part and the rest should be, when the cluster has not got there yet: the share
    /// wanted for the parts after the first.
    #[prop(optional)]
    wanted: Option<f64>,
) -> impl IntoView {
    let parts: Vec<TrafficPart> =
        parts.into_iter().map(|part| TrafficPart { share: clamp_share(part.share), ..part }).collect();
    let narrow = parts.iter().any(|part| part.share > 0.0 && part.share < NARROW);
    let spoken = parts
        .iter()
        .map(|part| format!("{} gets {}", part.version, percent(part.share)))
        .collect::<Vec<_>>()
        .join(", ");
    let legend = parts
        .iter()
        .map(|part| {
            view! {
                <li>
                    <span class=format!("swatch {}", part.series.class())></span>
                    <span class="version">{part.version.clone()}</span>
                    <strong>{percent(part.share)}</strong>
                </li>
            }
        })
        .collect_view();
    let mut start = 0.0;
    let drawn = parts
        .into_iter()
        .map(|part| {
            let left = start;
            start += part.share;
            view! { <DrawnPart part left /> }
        })
        .collect_view();
    view! {
        <div class=if narrow { "traffic traffic-narrow" } else { "traffic" }>
            <svg class="traffic-bar" height="34" role="img" aria-label=spoken>
                <rect class="traffic-ground" width="100%" height="100%" />
                {drawn}
                {wanted
                    .map(|wanted| {
                        let x = format!("{}%", figure((1.0 - clamp_share(wanted)) * 100.0));
                        view! { <line class="traffic-wanted" x1=x.clone() x2=x y1="0" y2="100%" /> }
                    })}
            </svg>
            <ul class="traffic-legend" aria-hidden="true">
                {legend}
            </ul>
        </div>
    }
}

/// One part: a picture within the picture, so that its words are cut at its own edge.
#[component]
fn DrawnPart(part: TrafficPart, left: f64) -> impl IntoView {
    let edge = (left > 0.0).then(|| view! { <line class="traffic-edge" x1="0" x2="0" y1="0" y2="100%" /> });
    view! {
        <svg
            class=format!("traffic-part {}", part.series.class())
            x=format!("{}%", figure(left * 100.0))
            y="0"
            width=format!("{}%", figure(part.share * 100.0))
            height="100%"
        >
            <rect class="traffic-fill" width="100%" height="100%" />
            {edge}
            <text x="12" y="50%" dominant-baseline="central">
                <tspan class="traffic-version">{part.version}</tspan>
                <tspan dx="6">{percent(part.share)}</tspan>
            </text>
        </svg>
    }
}
