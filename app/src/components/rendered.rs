//! What components write, told from their markup.

use super::*;
use chrono::{TimeZone, Utc};
use leptos::prelude::*;

/// What is rendered, without the marks by which the browser half finds its place.
fn html<V: IntoView>(view: impl FnOnce() -> V) -> String {
    Owner::new().with(|| view().to_html()).replace("<!>", "")
}

#[test]
fn a_progress_bar_is_as_long_as_its_share_and_never_longer() {
    for (share, wanted) in [(0.25, "25%"), (1.0 / 3.0, "33.33%"), (7.0, "100%"), (-1.0, "0%"), (f64::NAN, "0%")] {
        let html = html(|| view! { <ProgressBar share label="Weight" /> });
        assert!(html.contains(r#"class="bar-fill""#) && html.contains(&format!(r#"width="{wanted}""#)), "{html}");
        assert!(!html.contains("style="), "{html}");
    }
}

#[test]
fn a_state_is_icon_and_word_and_colour() {
    let html = html(|| view! { <StatePill state=State::Waiting word="waits for you" /> });
    assert!(html.contains("is-waiting") && html.contains("<svg") && html.contains("waits for you"), "{html}");
}

#[test]
fn the_server_writes_utc_and_says_so() {
    let at = Utc.with_ymd_and_hms(2026, 11, 21, 13, 2, 40).unwrap();
    let html = html(|| view! { <Time at /> });
    assert!(html.contains(r#"datetime="2026-11-21T13:02:40Z""#), "{html}");
    assert!(html.contains(r#"title="2026-11-21 13:02:40 UTC""#) && html.contains("21 Nov 13:02 UTC"), "{html}");
}

#[test]
fn a_moment_within_a_sentence_is_a_moment() {
    let words = "canary at 25 % until 2026-11-21 13:02:40 UTC, <b>then</b> 50 %";
    let html = html(|| view! { <StateInline state=State::Moving word=words /> });
    assert!(html.contains(r#"canary at 25 % until <time datetime="2026-11-21T13:02:40Z""#), "{html}");
    assert!(html.contains("21 Nov 13:02:40 UTC</time>, &lt;b&gt;then&lt;/b&gt; 50 %"), "{html}");
}

#[test]
fn a_filter_that_is_on_says_so_without_colour() {
    let html = html(|| view! { <FilterChip href="/" on=true>"Tier 1"</FilterChip> });
    assert!(html.contains(r#"aria-current="true""#) && html.contains("choose to remove"), "{html}");
}

#[test]
fn a_wrong_field_names_its_error_and_keeps_what_was_typed() {
    let html = html(|| {
        view! { <TextField id="ns" name="ns" label="Namespace" value="Shop!" error="Small letters only".to_owned() /> }
    });
    assert!(html.contains(r#"aria-invalid="true""#) && html.contains(r#"aria-describedby="ns-below""#), "{html}");
    assert!(html.contains(r#"id="ns-below""#) && html.contains("Small letters only"), "{html}");
    assert!(html.contains(r#"value="Shop!""#) && html.contains(r#"for="ns""#), "{html}");
}

#[test]
fn nothing_typed_into_a_text_area_becomes_markup() {
    let typed = "</textarea><img src=x onerror=alert(1)>&amp;";
    let html = html(|| view! { <TextArea id="why" name="why" label="Why" value=typed /> });
    assert!(html.contains("&lt;/textarea&gt;&lt;img src=x onerror=alert(1)&gt;&amp;amp;</textarea>"), "{html}");
}

#[test]
fn names_from_outside_are_escaped_in_tooltips() {
    let words = "<script>alert(1)</script>".to_owned();
    let cell = HeatCell { value: 1.0, failed: false, words, href: None };
    let rows = vec![HeatRow { name: "<b>".to_owned(), cells: vec![cell], ..HeatRow::default() }];
    let html = html(|| view! { <HeatStrip label="By service" rows /> });
    assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
}

#[test]
fn a_bar_chart_has_a_mark_and_a_row_for_each_bar() {
    let bar = |label: &str, value| Bar {
        label: label.to_owned(),
        value,
        failed: 1.0,
        partial: false,
        href: Some("/rows".to_owned()),
    };
    let html = html(|| {
        view! { <BarChart label="Deployments" unit="deployments" bars=vec![bar("26 May", 49.0), bar("2 Jun", 34.0)] /> }
    });
    assert_eq!(html.matches(r#"class="chart-mark""#).count(), 2, "{html}");
    assert!(html.contains("26 May: 49 deployments, 1 failed"), "{html}");
    assert!(html.contains("<td>26 May</td><td>49</td><td>1</td>"), "{html}");
}

#[test]
fn charts_without_data_say_so() {
    let line = Line { series: Series::Stable, name: "stable".to_owned(), points: vec![(0.0, None)] };
    let html = html(|| view! { <LineChart label="Errors" lines=vec![line] range=(0.0, 1.0) marks=Vec::new() /> });
    assert!(html.contains("No samples yet"), "{html}");
    assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
    let html = self::html(|| view! { <DotPlot label="Recovery" dots=Vec::new() range=(0.0, 1.0) /> });
    assert!(html.contains("Nothing in this time") && !html.contains("inf"), "{html}");
    let html = self::html(|| view! { <BarChart label="Deployments" unit="deployments" bars=Vec::new() /> });
    assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
}

#[test]
fn a_tile_without_a_figure_says_what_must_be_reported() {
    let html = html(|| view! { <Tile label="Rework rate" absent="Link deployments to incidents" /> });
    assert!(html.contains("Link deployments to incidents") && !html.contains("tile-figure"), "{html}");
}

#[test]
fn the_step_that_we_are_in_is_marked() {
    let step = |title: &str, state, current| Step {
        state,
        title: title.to_owned(),
        note: String::new(),
        share: None,
        current,
    };
    let steps = vec![step("10 %", State::Done, false), step("25 %", State::Moving, true)];
    let html = html(|| view! { <Steps steps /> });
    assert_eq!(html.matches(r#"aria-current="step""#).count(), 1, "{html}");
}

#[test]
fn narrow_parts_of_the_traffic_are_told_in_words_beside_the_bar() {
    let part = |series, share| TrafficPart { series, version: "2.30.4".to_owned(), share };
    let html = html(|| {
        view! { <TrafficBar parts=vec![part(Series::Stable, 0.95), part(Series::Canary, 0.05)] /> }
    });
    assert!(html.contains("traffic-narrow") && html.contains("2.30.4 gets 5 %"), "{html}");
}

#[test]
fn an_act_with_a_reason_opens_without_scripting() {
    let html = html(|| {
        view! {
            <ReasonDialog label="Abort" title="Abort?" says="Traffic goes back." open=true>
                <form></form>
            </ReasonDialog>
        }
    });
    assert!(html.starts_with("<details") && html.contains("<summary") && html.contains(" open"), "{html}");
}
