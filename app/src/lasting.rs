//! Views that wait for data, and last until newer data is there.

use std::future::Future;

use leptos::prelude::*;
use leptos::tachys::reactive_graph::OwnedView;

/// What a `<Transition>` shows of data that has to come first, made anew when newer data is asked for. Call it
/// inside of the `<Transition>`.
///
/// The reader sees and uses what was made until what comes next is there. The effect that asks for newer data
/// disposes of the signals it owns as soon as it runs, and a button that is pressed meanwhile would read what is
/// gone, which ends the page. So each making has an owner of its own, which goes with what is seen.
pub fn lasting<V, F>(make: impl Fn() -> F + Send + 'static) -> impl Fn() -> Suspend<OwnedView<V>> + Send + 'static
where
    F: Future<Output = V> + Send + 'static,
    V: 'static,
{
    let around = Owner::current().unwrap_or_default();
    move || {
        let made = make();
        around.child().with(|| Suspend::new(async move { OwnedView::new(made.await) }))
    }
}
