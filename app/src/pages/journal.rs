//! The journal of a promotion, newest first.

use chrono::TimeDelta;
use contract::promotions::JournalLine;
use leptos::prelude::*;

use crate::components::{Card, Journal, JournalRow, Sentence, Show, State, words::plural};

/// The card of these lines; so many older ones are not among them.
pub fn journal_card(lines: Vec<JournalLine>, earlier: u64) -> AnyView {
    // Within a day the time says enough; the whole is under the pointer.
    let is_short = match (lines.first(), lines.last()) {
        (Some(newest), Some(oldest)) => newest.at - oldest.at < TimeDelta::hours(20),
        _ => true,
    };
    let show = if is_short { Show::Seconds } else { Show::Moment };
    let rows = lines
        .into_iter()
        .map(|line| {
            view! {
                <JournalRow at=line.at what=line.title who=line.by state=State::from(line.mark) show>
                    <Sentence words=line.detail />
                </JournalRow>
            }
        })
        .collect_view();
    let earlier = (earlier > 0).then(|| {
        let words = plural(earlier, "earlier entry is not shown.", "earlier entries are not shown.");
        view! {
            <div class="card-foot">
                <p class="note">{words}</p>
            </div>
        }
    });
    view! {
        <Card title="Journal" flush=true>
            <Journal>{rows}</Journal>
            {earlier}
        </Card>
    }
    .into_any()
}
