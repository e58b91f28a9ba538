//! Moments and ages.
//!
//! The server writes UTC, because it does not know the reader's zone and because what it writes must be what the
//! browser finds when it takes over. An effect, which runs only after that, puts the moment into the reader's zone.
//! The exact UTC is in `datetime` and in the tooltip, always.

use super::words::age;
use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc};
use leptos::prelude::*;

/// How a moment is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// '21 Nov 13:02 UTC', without 'UTC' once it is in the reader's zone; with the year when that is another.
    #[default]
    Moment,
    /// '13:02'.
    Clock,
    /// '13:02:40', for journals.
    Seconds,
    /// In a sentence: '13:02' on the page's own day, else '21 Nov 13:02', with the year when that is another.
    Near,
    /// The same to the second.
    NearSeconds,
    /// '21 Nov 2026'.
    Day,
    /// '12 min', as seen from the page's clock.
    Age,
    /// '12 min ago' or 'in 12 min'.
    Ago,
}

/// The page's clock: the server's time when the page was made, and from then on the browser's own passing of it.
#[derive(Clone, Copy, Debug)]
pub struct PageClock {
    now: ReadSignal<DateTime<Utc>>,
}

impl PageClock {
    /// The time it shows; read in a reactive place, it moves every half minute.
    pub fn now(self) -> DateTime<Utc> {
        self.now.get()
    }
}

/// Gives every `Time` below the caller its clock. `now` is the server's time, as it came with the page's data.
pub fn provide_page_clock(now: DateTime<Utc>) -> PageClock {
    let (current, set_current) = signal(now);
    tick(now, set_current);
    let clock = PageClock { now: current };
    provide_context(clock);
    clock
}

/// How far the page's clock is behind at most, in seconds, when it moves every half minute.
const BEHIND_AT_MOST: i64 = 45;

/// Moves the clock on. Only the time that passed is taken from the browser: its own clock may be wrong.
#[cfg(target_arch = "wasm32")]
fn tick(start: DateTime<Utc>, set_current: WriteSignal<DateTime<Utc>>) {
    use std::time::Duration;
    /// Ages are in minutes; half of one keeps them right to the minute.
    const PERIOD: Duration = Duration::from_secs(30);
    Effect::new(move |_| {
        let began = js_sys::Date::now();
        let handle = set_interval_with_handle(
            move || {
                let passed = js_sys::Date::now() - began;
                set_current.set(start + TimeDelta::milliseconds(passed as i64));
            },
            PERIOD,
        );
        if let Ok(handle) = handle {
            on_cleanup(move || handle.clear());
        }
    });
}

/// On the server a page is made at one moment.
#[cfg(not(target_arch = "wasm32"))]
fn tick(_start: DateTime<Utc>, _set_current: WriteSignal<DateTime<Utc>>) {}

/// How far the reader's zone is ahead of UTC at a moment, in minutes.
#[cfg(target_arch = "wasm32")]
fn zone_minutes(at: DateTime<Utc>) -> Option<i64> {
    let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at.timestamp_millis() as f64));
    let behind = date.get_timezone_offset();
    behind.is_finite().then_some(-(behind as i64))
}

#[cfg(not(target_arch = "wasm32"))]
fn zone_minutes(_at: DateTime<Utc>) -> Option<i64> {
    None
}

/// A moment in words. `zone_minutes` is the reader's zone, `None` for UTC; `now` is the page's clock.
pub fn moment(at: DateTime<Utc>, show: Show, zone_minutes: Option<i64>, now: Option<DateTime<Utc>>) -> String {
    let shift = |time: DateTime<Utc>| time + TimeDelta::minutes(zone_minutes.unwrap_or(0));
    let local = shift(at);
    match show {
        Show::Clock => local.format("%H:%M").to_string(),
        Show::Seconds => local.format("%H:%M:%S").to_string(),
        Show::Day => local.format("%-d %b %Y").to_string(),
        Show::Moment | Show::Near | Show::NearSeconds => {
            let clock = if show == Show::NearSeconds { "%H:%M:%S" } else { "%H:%M" };
            let today = now.map(|now| shift(now).date_naive());
            let day = match today {
                Some(today) if show != Show::Moment && today == local.date_naive() => "",
                Some(today) if today.year() != local.year() => "%-d %b %Y ",
                Some(_) | None => "%-d %b ",
            };
            let words = local.format(&format!("{day}{clock}")).to_string();
            if zone_minutes.is_some() { words } else { format!("{words} UTC") }
        }
        Show::Age | Show::Ago => match now {
            None => moment(at, Show::Moment, zone_minutes, None),
            Some(now) => {
                let seconds = (now - at).num_seconds();
                match (show, seconds < 0) {
                    // What happened since the page's clock moved last is not to come.
                    (Show::Ago, _) if (-BEHIND_AT_MOST..10).contains(&seconds) => "just now".to_owned(),
                    (Show::Ago, true) => format!("in {}", age(-seconds)),
                    (Show::Ago, false) => format!("{} ago", age(seconds)),
                    _ => age(seconds.abs()),
                }
            }
        },
    }
}

/// A moment as `<time>`: UTC from the server, the reader's zone once scripting runs.
#[component]
pub fn Time(
    /// The moment.
    at: DateTime<Utc>,
    /// How it is written.
    #[prop(optional)]
    show: Show,
    /// The server's time when the page was made, where no page clock is provided; ages need one of the two.
    #[prop(optional)]
    now: Option<DateTime<Utc>>,
) -> impl IntoView {
    let clock = use_context::<PageClock>();
    let first_now = now.or_else(|| clock.map(|clock| clock.now.get_untracked()));
    let (words, set_words) = signal(moment(at, show, None, first_now));
    Effect::new(move |_| {
        let now = clock.map(PageClock::now).or(first_now);
        let local = moment(at, show, zone_minutes(at), now);
        // Most ticks change nothing, and then nothing is drawn again.
        if words.with_untracked(|words| *words != local) {
            set_words.set(local);
        }
    });
    let machine = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let exact = at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    view! {
        <time datetime=machine title=exact>
            {words}
        </time>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn at(hour: u32, minute: u32, second: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 21, hour, minute, second).unwrap()
    }

    #[test]
    fn a_moment_says_utc_until_the_zone_is_known() {
        assert_eq!(moment(at(13, 2, 40), Show::Moment, None, None), "21 Nov 13:02 UTC");
        assert_eq!(moment(at(13, 2, 40), Show::Moment, Some(60), None), "21 Nov 14:02");
        assert_eq!(moment(at(23, 30, 0), Show::Moment, Some(60), None), "22 Nov 00:30");
        assert_eq!(moment(at(13, 2, 40), Show::Clock, Some(-300), None), "08:02");
        assert_eq!(moment(at(13, 2, 40), Show::Seconds, None, None), "13:02:40");
        assert_eq!(moment(at(13, 2, 40), Show::Day, None, None), "21 Nov 2026");
    }

    #[test]
    fn a_sentence_names_the_day_when_it_is_another_one_for_the_reader() {
        let now = Some(at(22, 0, 0));
        assert_eq!(moment(at(22, 30, 40), Show::Near, None, now), "22:30 UTC");
        assert_eq!(moment(at(22, 30, 40), Show::NearSeconds, Some(60), now), "23:30:40");
        assert_eq!(moment(at(23, 30, 0), Show::Near, Some(60), now), "22 Nov 00:30");
        assert_eq!(moment(at(22, 30, 40), Show::Near, None, None), "21 Nov 22:30 UTC");
    }

    #[test]
    fn another_year_is_named() {
        let next_year = Utc.with_ymd_and_hms(2027, 1, 3, 9, 0, 0).unwrap();
        assert_eq!(moment(at(13, 2, 0), Show::Moment, None, Some(next_year)), "21 Nov 2026 13:02 UTC");
    }

    #[test]
    fn ages_are_seen_from_the_pages_clock() {
        let now = Some(at(13, 14, 40));
        assert_eq!(moment(at(13, 2, 40), Show::Age, None, now), "12 min");
        assert_eq!(moment(at(13, 2, 40), Show::Ago, None, now), "12 min ago");
        assert_eq!(moment(at(13, 14, 35), Show::Ago, None, now), "just now");
        assert_eq!(moment(at(13, 15, 10), Show::Ago, None, now), "just now", "the page's clock is behind");
        assert_eq!(moment(at(15, 14, 40), Show::Ago, None, now), "in 2 h");
        assert_eq!(moment(at(13, 2, 40), Show::Age, None, None), "21 Nov 13:02 UTC");
    }
}
