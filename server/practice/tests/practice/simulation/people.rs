//! What people do on a promotion's page while it is under way, and what a monitoring system tells meanwhile.

use domain::{
    promotion::{Alert, AlertAsks, Input},
    traffic::Weight,
};

use super::{Run, request::person};

/// One of [`DEEDS`] that is not done on the page: somebody disturbs what is there.
pub const DISTURBS: u64 = 41;

/// What people may do between two passes; mostly nothing.
pub const DEEDS: u64 = 400;

/// What a person has let go.
#[derive(Clone)]
pub enum LetGo {
    /// The step of this index, as they saw it.
    Step(usize),
    /// All that is left.
    Everything,
}

/// A person does this. What they may not do now is refused, which is fine. Answers what they have let go so.
pub fn act(run: &mut Run, deed: u64) -> Option<LetGo> {
    let before = run.promotion.clone();
    let rosa = person(3, "Rosa");
    let seen = run.promotion.as_seen().unwrap_or_default();
    let reason = || "so".to_owned();
    match deed {
        0 => run.give(Input::Abort { by: rosa, reason: reason() }),
        1 => run.give(Input::Hold { by: rosa, reason: reason() }),
        2 => run.give(Input::Skip { by: rosa, seen }),
        3 => run.give(Input::PromoteNow { by: rosa, seen, reason: reason() }),
        4 => {
            let weight = Weight::percent(u8::try_from(run.dice.roll(101)).unwrap()).unwrap();
            run.give(Input::SetWeight { by: rosa, seen, weight, reason: reason() });
        }
        5..=40 => run.give(Input::GoOn { by: rosa, seen }),
        396 => tell(run, AlertAsks::Note),
        397 => tell(run, AlertAsks::Pause),
        398 => tell(run, AlertAsks::TakeBack),
        _ => {}
    }
    match deed {
        3 if before != run.promotion => Some(LetGo::Everything),
        5..=40 if before != run.promotion => Some(LetGo::Step(seen.step)),
        _ => None,
    }
}

/// One of a few alerts fires, or is over; some are told twice, and some began before the promotion.
fn tell(run: &mut Run, asks: AlertAsks) {
    let now = ports::Clock::now(&run.clock);
    let alert = Alert {
        key: format!("alert {}", run.dice.roll(4)),
        words: "CheckoutErrors".to_owned(),
        asks,
        is_firing: !run.dice.one_in(3),
        began_at: run.dice.pick(&[None, Some(now), Some(now - chrono::TimeDelta::hours(1))]),
    };
    run.give(Input::Alerted { by: person(4, "monitor"), alerts: vec![alert] });
}
