//! Hearing of changes: one stream per page, which carries what changed and never the change itself.
//!
//! The frame opens the stream; a page asks with [`use_changes`] for a number that rises when something it
//! shows has changed, at most every 500 ms, and fetches again when it does. A hidden tab closes its stream,
//! for a browser has six connections to a host; when it is seen again, everything counts as changed. On the
//! server, and without scripting, nothing of this happens and the mark says so.

use leptos::prelude::*;
use serde::Deserialize;

use crate::components::Liveness;

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Change {
    /// What kind of thing: `promotion`, `target`, …
    pub entity: String,
    /// Which one.
    pub id: String,
    /// Its revision now.
    pub revision: i64,
}

/// What came in since the last time pages were told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum News {
    /// Nothing.
    #[default]
    None,
    /// These.
    Changes(Vec<Change>),
    /// Unknown: the stream was away.
    Everything,
}

/// The page's share of the stream.
#[derive(Clone, Copy)]
pub struct Live {
    /// For the mark in the top bar.
    pub liveness: RwSignal<Liveness>,
    news: RwSignal<News>,
}

/// Provides the stream's signals; called once, at the root.
pub(crate) fn provide() {
    provide_context(Live { liveness: RwSignal::new(Liveness::Still), news: RwSignal::new(News::None) });
}

/// The mark's signal.
#[must_use]
pub fn use_liveness() -> Signal<Liveness> {
    use_context::<Live>().map_or_else(|| Signal::stored(Liveness::Still), |live| live.liveness.into())
}

/// A number that rises when something changed that `concerns` the caller, or when nobody knows.
pub fn use_changes(concerns: impl Fn(&Change) -> bool + Send + Sync + 'static) -> Signal<u64> {
    let count = RwSignal::new(0_u64);
    if let Some(live) = use_context::<Live>() {
        Effect::new(move |earlier: Option<()>| {
            // What was told before this page was made is in its data already.
            let is_first = earlier.is_none();
            let is_news = live.news.with(|news| match news {
                News::None => false,
                News::Changes(changes) => changes.iter().any(&concerns),
                News::Everything => true,
            });
            if is_news && !is_first {
                count.update(|count| *count += 1);
            }
        });
    }
    count.into()
}

/// Opens the stream of the page at `path` and keeps it open; called by the frame. Does nothing on the
/// server.
pub(crate) fn listen(path: Memo<String>) {
    #[cfg(feature = "hydrate")]
    if let Some(live) = use_context::<Live>() {
        browser::listen(live, path);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = path;
}

#[cfg(feature = "hydrate")]
mod browser {
    //! The stream itself.

    use std::collections::HashMap;
    use std::time::Duration;

    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, prelude::Closure};
    use web_sys::{EventSource, MessageEvent};

    use super::{Change, Live, News};
    use crate::components::Liveness;

    /// A page fetches at most this often.
    const GATHER: Duration = Duration::from_millis(500);

    /// How long to wait before opening a stream that the browser gave up (the server answered an error).
    const REOPEN: Duration = Duration::from_secs(3);

    type Handlers = (Closure<dyn FnMut()>, Closure<dyn FnMut()>, Closure<dyn FnMut(MessageEvent)>);

    /// An open stream with the closures that it calls.
    struct Open {
        source: EventSource,
        _handlers: Handlers,
    }

    impl Drop for Open {
        fn drop(&mut self) {
            self.source.set_onopen(None);
            self.source.set_onerror(None);
            self.source.set_onmessage(None);
            self.source.close();
        }
    }

    #[derive(Clone, Copy)]
    struct Stream {
        live: Live,
        path: Memo<String>,
        open: StoredValue<Option<Open>, LocalStorage>,
        /// The highest revision seen of each thing.
        seen: StoredValue<HashMap<(String, String), i64>>,
        gathered: StoredValue<Vec<Change>>,
        is_gathering: StoredValue<bool>,
        was_open: StoredValue<bool>,
        lost_at: StoredValue<Option<String>>,
    }

    pub(super) fn listen(live: Live, path: Memo<String>) {
        let stream = Stream {
            live,
            path,
            open: StoredValue::new_local(None),
            seen: StoredValue::new(HashMap::new()),
            gathered: StoredValue::new(Vec::new()),
            is_gathering: StoredValue::new(false),
            was_open: StoredValue::new(false),
            lost_at: StoredValue::new(None),
        };
        Effect::new(move |_| {
            path.track();
            // The server tells a new stream what changed of late; a new page has the rest in its data.
            stream.was_open.set_value(false);
            stream.reopen();
        });
        let handles = [
            window_event_listener_untyped("pagehide", move |_| stream.close()),
            window_event_listener_untyped("pageshow", move |_| stream.ensure()),
            // It bubbles from the document.
            window_event_listener_untyped("visibilitychange", move |_| {
                if document().hidden() {
                    stream.close();
                } else {
                    stream.ensure();
                }
            }),
        ];
        on_cleanup(move || {
            for handle in handles {
                handle.remove();
            }
            stream.close();
        });
    }

    impl Stream {
        fn close(self) {
            // The tab is closing when the value is gone already.
            let _ = self.open.try_update_value(|open| *open = None);
        }

        fn ensure(self) {
            let is_open = self.open.try_with_value(Option::is_some).unwrap_or(true);
            if !is_open {
                self.reopen();
            }
        }

        fn reopen(self) {
            self.close();
            if document().hidden() {
                return;
            }
            let page = String::from(js_sys::encode_uri_component(&self.path.get_untracked()));
            let Ok(source) = EventSource::new(&format!("/events?page={page}")) else {
                self.lost();
                return;
            };
            let handlers: Handlers = (
                Closure::new(move || self.opened()),
                Closure::new(move || self.failed()),
                Closure::new(move |event: MessageEvent| self.heard(&event)),
            );
            source.set_onopen(Some(handlers.0.as_ref().unchecked_ref()));
            source.set_onerror(Some(handlers.1.as_ref().unchecked_ref()));
            source.set_onmessage(Some(handlers.2.as_ref().unchecked_ref()));
            self.open.set_value(Some(Open { source, _handlers: handlers }));
        }

        fn opened(self) {
            self.live.liveness.set(Liveness::Live);
            self.lost_at.set_value(None);
            if self.was_open.get_value() {
                self.live.news.set(News::Everything);
            }
            self.was_open.set_value(true);
        }

        /// The browser tries again by itself unless the server answered an error.
        fn failed(self) {
            self.lost();
            let is_given_up = self
                .open
                .try_with_value(|open| {
                    open.as_ref().is_none_or(|open| open.source.ready_state() == EventSource::CLOSED)
                })
                .unwrap_or(false);
            if is_given_up {
                set_timeout(
                    move || {
                        if self.open.try_with_value(|_| ()).is_some() {
                            self.reopen();
                        }
                    },
                    REOPEN,
                );
            }
        }

        fn lost(self) {
            if self.lost_at.get_value().is_none() {
                let now = js_sys::Date::new_0();
                self.lost_at.set_value(Some(format!("{:02}:{:02}", now.get_hours(), now.get_minutes())));
            }
            if let Some(as_of) = self.lost_at.get_value() {
                self.live.liveness.set(Liveness::Lost { as_of });
            }
        }

        fn heard(self, event: &MessageEvent) {
            let Some(change) = event.data().as_string().and_then(|text| serde_json::from_str::<Change>(&text).ok())
            else {
                return;
            };
            let key = (change.entity.clone(), change.id.clone());
            let is_new = self
                .seen
                .try_update_value(|seen| match seen.insert(key, change.revision) {
                    Some(before) => before < change.revision,
                    None => true,
                })
                .unwrap_or(false);
            if !is_new {
                return;
            }
            self.gathered.update_value(|gathered| gathered.push(change));
            if !self.is_gathering.get_value() {
                self.is_gathering.set_value(true);
                set_timeout(move || self.tell(), GATHER);
            }
        }

        fn tell(self) {
            // Nothing to tell when the page is gone.
            if let Some(changes) = self.gathered.try_update_value(std::mem::take) {
                self.is_gathering.set_value(false);
                self.live.news.set(News::Changes(changes));
            }
        }
    }
}
