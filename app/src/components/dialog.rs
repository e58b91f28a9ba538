//! Sheets above the page.

use super::button::{Button, Does, Kind, Size};
use super::icon::{Glyph, Icon};
use leptos::prelude::*;

/// Keys that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyGroup {
    /// What they are for: 'Go'.
    pub title: String,
    /// What each does, and the keys pressed after one another: ('Board', ['g', 'b']).
    pub keys: Vec<(String, Vec<String>)>,
}

/// The list of keys, as a popover: a button with `popovertarget` opens it without scripting, `showPopover` with it.
#[component]
pub fn KeyHelp(
    /// Its id, for whatever opens it.
    #[prop(into)]
    id: String,
    /// The keys.
    groups: Vec<KeyGroup>,
) -> impl IntoView {
    let target = id.clone();
    let groups = groups.into_iter().map(|group| {
        let rows = group.keys.into_iter().map(|(does, keys)| {
            view! {
                <div class="key-row">
                    <dt>{does}</dt>
                    <dd>{keys.into_iter().map(|key| view! { <kbd>{key}</kbd> }).collect_view()}</dd>
                </div>
            }
        });
        view! {
            <section>
                <h3>{group.title}</h3>
                <dl>{rows.collect_view()}</dl>
            </section>
        }
    });
    view! {
        <div class="dialog" id=id popover="auto" role="dialog" aria-label="Keys">
            <div class="dialog-head">
                "Keys"
                <Button
                    kind=Kind::Quiet
                    size=Size::Small
                    does=Does::Press
                    attr:popovertarget=target
                    attr:popovertargetaction="hide"
                    attr:aria-label="Close"
                >
                    <Icon glyph=Glyph::Cross />
                </Button>
            </div>
            <div class="dialog-body keys">{groups.collect_view()}</div>
        </div>
    }
}
