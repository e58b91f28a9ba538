//! Pods as squares, told apart by shape as well as by colour.

use super::Series;
use leptos::prelude::*;

/// How one pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodState {
    /// It answers. Filled.
    Ready,
    /// It is on its way. Dashed outline.
    Starting,
    /// It does not come up, or crashed. Crossed.
    Failing,
    /// It is being taken away. Faint.
    Leaving,
}

impl PodState {
    fn class(self) -> &'static str {
        match self {
            Self::Ready => "pod",
            Self::Starting => "pod pod-starting",
            Self::Failing => "pod pod-failing",
            Self::Leaving => "pod pod-leaving",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Failing => "failing",
            Self::Leaving => "leaving",
        }
    }
}

/// The pods of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodGroup {
    /// Stable or canary.
    pub series: Series,
    /// The version's label.
    pub version: String,
    /// One per pod.
    pub pods: Vec<PodState>,
}

/// More squares than this say less than a number does.
const DRAWN: usize = 36;

/// Counts the pods in each state: '6 ready, 1 starting'.
fn counted(pods: &[PodState]) -> String {
    let words: Vec<String> = [PodState::Ready, PodState::Starting, PodState::Failing, PodState::Leaving]
        .into_iter()
        .filter_map(|state| {
            let count = pods.iter().filter(|pod| **pod == state).count();
            (count > 0).then(|| format!("{count} {}", state.word()))
        })
        .collect();
    if words.is_empty() { "no pods".to_owned() } else { words.join(", ") }
}

/// Squares for the pods of each version, and words beside them.
#[component]
pub fn Pods(
    /// Stable first.
    groups: Vec<PodGroup>,
    /// The words at the end: '8 pods ready'.
    #[prop(optional, into)]
    words: Option<String>,
) -> impl IntoView {
    let groups = groups.into_iter().filter(|group| !group.pods.is_empty()).map(|group| {
        let label = format!("{}: {}", group.version, counted(&group.pods));
        let more = group.pods.len().saturating_sub(DRAWN);
        let squares = group.pods.iter().take(DRAWN).map(|pod| {
            view! {
                <svg class=pod.class() viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">
                    <rect class="pod-box" x="1" y="1" width="12" height="12" rx="3" />
                    {(*pod == PodState::Failing).then(|| view! { <path class="pod-mark" d="M4.5 4.5l5 5M9.5 4.5l-5 5" /> })}
                </svg>
            }
        });
        view! {
            <span class=format!("pods-group {}", group.series.class()) role="img" aria-label=label.clone() title=label>
                {squares.collect_view()}
                {(more > 0).then(|| view! { <span class="pods-words">{format!("+{more}")}</span> })}
            </span>
        }
    });
    view! {
        <div class="pods">
            {groups.collect_view()} {words.map(|words| view! { <span class="pods-words">{words}</span> })}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_counted_by_state() {
        assert_eq!(counted(&[PodState::Ready, PodState::Failing, PodState::Ready]), "2 ready, 1 failing");
        assert_eq!(counted(&[]), "no pods");
    }
}
