//! The gallery: the components arranged as pages arrange them, written to a temporary folder to be looked at, and held
//! to what every page promises (no style attributes, no handlers in markup, no id twice, words for every picture).

#![expect(clippy::unwrap_used, reason = "only tests are here")]

mod approvals;
mod board;
mod insights;
mod parts;
mod promotion;

use super::*;
use chrono::{DateTime, TimeZone, Utc};
use leptos::prelude::*;
use std::fs;
use std::path::Path;

/// Makes a page.
type Page = fn() -> AnyView;

/// A moment on the day of the pictures.
fn at(hour: u32, minute: u32, second: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, hour, minute, second).unwrap()
}

/// Numbers that look like measurements and are the same each time.
struct Numbers(u64);

impl Numbers {
    /// The next one, from 0 to 1.
    fn next(&mut self) -> f64 {
        // Knuth's constants for a linear congruence.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }
}

/// The frame around a page, as the shell makes it.
fn frame(current: &'static str, who: (&'static str, &'static str), content: impl IntoView + 'static) -> AnyView {
    let places = [
        ("Board", Glyph::Board, 0),
        ("Approvals", Glyph::Inbox, 3),
        ("Services", Glyph::Cube, 0),
        ("Releases", Glyph::Releases, 0),
        ("Calendar", Glyph::Calendar, 0),
        ("Insights", Glyph::Bars, 0),
        ("Incidents", Glyph::Triangle, 0),
        ("Audit", Glyph::Lines, 0),
    ];
    let nav = places.map(|(label, glyph, count)| {
        view! { <NavItem href="#" glyph label count=count current=label == current /> }.into_any()
    });
    let bottom = [places[0], places[1], places[5], ("More", Glyph::Menu, 0)].map(|(label, glyph, count)| {
        view! { <BottomItem href="#" glyph label count=count current=label == current /> }.into_any()
    });
    view! {
        <a class="skip-link" href="#content">
            "To the content"
        </a>
        <div class="frame">
            <header class="nav">
                <a class="brand" href="#">
                    <BrandMark />
                    "Slipway"
                </a>
                <nav aria-label="Main">
                    <ul class="nav-list">{nav}</ul>
                </nav>
                <div class="nav-foot">
                    <ul class="nav-list">
                        <NavItem href="#" glyph=Glyph::Gear label="Settings" />
                    </ul>
                    <a class="nav-me" href="#">
                        <Avatar name=who.0 />
                        <span class="nav-me-words">
                            <span>{who.0}</span>
                            <span>{who.1}</span>
                        </span>
                    </a>
                </div>
            </header>
            <div class="frame-main">
                <div class="top">
                    <a class="brand" href="#" aria-label="Slipway, to the board">
                        <BrandMark />
                    </a>
                    <a class="search-box" href="#">
                        <Icon glyph=Glyph::Search />
                        <span class="search-box-words">"Find a service, version, promotion"</span>
                        <kbd>"/"</kbd>
                    </a>
                    <div class="top-side">
                        <LiveMark liveness=Liveness::Live />
                        <span class="top-scope filter">"production-eu, production-us"</span>
                        <span class="top-zone">"Europe/Berlin"</span>
                        <a class="top-me" href="#" aria-label="You">
                            <Avatar name=who.0 />
                        </a>
                    </div>
                </div>
                {content.into_any()}
            </div>
            <nav class="bottom" aria-label="Main, at the bottom">
                {bottom}
            </nav>
        </div>
    }
    .into_any()
}

/// Copies a folder of files, folders in it included.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Renders a page as the server does.
fn rendered(page: impl FnOnce() -> AnyView) -> String {
    let owner = Owner::new();
    owner.with(|| {
        provide_page_clock(at(13, 23, 0));
        page().to_html()
    })
}

/// What a page promises, told from its markup.
fn faults(name: &str, html: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if html.contains(" style=") {
        faults.push(format!("{name} has a style attribute"));
    }
    for handler in [" onclick=", " oninput=", " onchange=", " onload="] {
        if html.contains(handler) {
            faults.push(format!("{name} has{handler}"));
        }
    }
    let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    ids.sort_unstable();
    for pair in ids.windows(2).filter(|pair| pair[0] == pair[1]) {
        faults.push(format!("{name} has the id {} twice", pair[0]));
    }
    for picture in html.split("<svg").skip(1).filter_map(|rest| rest.split('>').next()) {
        let inner = picture.contains(" x=") || picture.contains("preserveAspectRatio=\"none\" width");
        if !inner && !picture.contains("aria-hidden") && !picture.contains("aria-label") {
            faults.push(format!("{name} has a picture without words: <svg{picture}>"));
        }
    }
    faults
}

#[test]
fn every_page_of_the_gallery_keeps_the_promises_of_pages() {
    let pages: [(&str, Page); 5] = [
        ("board", board::page),
        ("promotion", promotion::page),
        ("approvals", approvals::page),
        ("insights", insights::page),
        ("parts", parts::page),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = std::env::temp_dir().join("slipway-gallery");
    copy_folder(&root.join("style"), &folder.join("style"));
    copy_folder(&root.join("public/fonts"), &folder.join("style/fonts"));
    let mut found = Vec::new();
    for (name, page) in pages {
        let body = rendered(page);
        found.extend(faults(name, &body));
        for (theme, suffix) in [("light", ""), ("dark", "-dark")] {
            let html = format!(
                "<!DOCTYPE html><html lang=\"en\" data-theme=\"{theme}\"><meta charset=\"utf-8\">\
                 <meta name=\"viewport\" content=\"width=device-width, initial-scale=1, viewport-fit=cover\">\
                 <title>{name}</title><link rel=\"stylesheet\" href=\"style/main.css\"><body>{body}</body></html>"
            );
            fs::write(folder.join(format!("{name}{suffix}.html")), html).unwrap();
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_promises_are_noticed_when_they_are_broken() {
    let html = r#"<p style="color:red" id="a" onclick="x()"></p><b id="a"></b><svg width="1"></svg>"#;
    assert_eq!(faults("page", html).len(), 4);
}
