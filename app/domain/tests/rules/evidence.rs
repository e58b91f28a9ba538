//! What is kept of why a pod fails, and which pods are asked about.

use chrono::{DateTime, TimeDelta};
use domain::evidence::{EVENTS, LOG_BYTES, LOG_LINES, LogTail, PODS_PER_WORKLOAD, PodEvent, PodReport, Told, failing};

use crate::world::{NEW, crash, placed, settled};

#[test]
fn the_end_of_a_log_is_kept_and_says_that_there_was_more() {
    let all: String = (1..=LOG_LINES + 2).map(|n| format!("line {n}\n")).collect();
    let tail = LogTail::of(&all, false, true);
    assert_eq!((tail.lines.len(), tail.is_cut, tail.of_previous_run), (LOG_LINES, true, true));
    assert_eq!((tail.lines[0].as_str(), tail.lines[LOG_LINES - 1].as_str()), ("line 3", "line 42"));

    let whole = LogTail::of("one\n\n  at two\n", false, false);
    assert_eq!((whole.lines.as_slice(), whole.is_cut), (["one", "", "  at two"].map(String::from).as_slice(), false));
    assert!(LogTail::of("one", true, false).is_cut, "more was not asked for");
    assert_eq!(LogTail::of("", false, false), LogTail::default());
}

#[test]
fn a_log_of_few_long_lines_keeps_to_its_bytes() {
    let long = format!("begin{}\n", "é".repeat(600));
    let tail = LogTail::of(&long.repeat(20), false, false);
    assert!(tail.is_cut && !tail.lines.is_empty());
    assert!(tail.lines.iter().map(String::len).sum::<usize>() <= LOG_BYTES);
    assert!(tail.lines.iter().all(|line| line.starts_with("begin") && line.ends_with('…')));
}

#[test]
fn what_would_disturb_a_page_is_left_out() {
    let tail = LogTail::of("\u{1b}[1;31mpanic\u{1b}[0m:\tat\u{7} \u{202e}drow\u{202c}s\u{0}\r\n\u{1b}]x", false, false);
    assert_eq!(tail.lines, ["panic:\tat drows", "]x"]);
}

#[test]
fn the_last_events_are_kept_in_the_order_of_time() {
    let now = DateTime::UNIX_EPOCH;
    let event = |minutes: usize| PodEvent {
        at: Some(now + TimeDelta::minutes(i64::try_from(minutes).unwrap())),
        reason: "BackOff".to_owned(),
        message: format!("{minutes}\u{1b}[31m"),
        count: 1,
        is_warning: true,
    };
    let events = (0..EVENTS + 3).rev().map(event).collect();
    let report = PodReport::new(Told::Known(events), Told::NotAllowed("get pods/log".to_owned()));
    let Told::Known(kept) = report.events else { panic!("they are known") };
    let messages: Vec<_> = kept.into_iter().map(|event| event.message).collect();
    assert_eq!(messages, ["3", "4", "5", "6", "7", "8", "9", "10"]);
}

#[test]
fn new_pods_with_trouble_and_those_that_do_not_get_ready_are_asked_about() {
    let now = DateTime::UNIX_EPOCH;
    let mut seen = settled(&placed("cart"), NEW, None);
    let words = |seen: &_| failing(seen, now).into_iter().map(|(_, words)| words).collect::<Vec<_>>();
    assert_eq!(words(&seen), [""; 0]);

    seen.pods[0].is_ready = false;
    seen.pods[0].created_at = Some(now - TimeDelta::seconds(5));
    assert_eq!(words(&seen), [""; 0], "it has just begun");
    seen.pods[0].created_at = Some(now - TimeDelta::seconds(31));
    assert_eq!(words(&seen), ["not ready"]);

    for pod in &mut seen.pods {
        (pod.is_ready, pod.trouble) = (false, Some(crash()));
    }
    assert!(seen.pods.len() > PODS_PER_WORKLOAD);
    assert_eq!(words(&seen), [crash().words(), crash().words()], "they mostly fail for one reason");
    for pod in &mut seen.pods {
        pod.is_updated = false;
    }
    assert_eq!(words(&seen), [""; 0], "what ran before is not what is promoted");
}
