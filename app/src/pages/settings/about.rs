//! About: the version, and addresses for machines.

use contract::frame::Frame;
use leptos::prelude::*;

use super::settings_page;
use crate::{
    components::{Card, Definition, DefinitionList},
    frame::use_frame,
    page::page_below,
    routes::Settings,
};

/// The installation.
#[component]
pub fn AboutPage() -> impl IntoView {
    let inside = match use_frame() {
        Some(frame) => page_below(frame, |frame, _| about_view(frame)),
        None => ().into_any(),
    };
    settings_page(Settings::About, "", inside)
}

fn about_view(frame: Frame) -> AnyView {
    // These are not pages of this application: the browser loads them as they are.
    let address = |href: &'static str| view! { <a class="link" rel="external" href=href>{href}</a> };
    view! {
        <Card>
            <DefinitionList>
                <Definition term="Version">{format!("Slipway {}", frame.version)}</Definition>
                <Definition term="API">{address("/api/openapi.json")}</Definition>
                <Definition term="Health">{address("/health")}</Definition>
                <Definition term="Metrics">{address("/metrics")}</Definition>
                <Definition term="Licence">"Apache 2.0"</Definition>
            </DefinitionList>
        </Card>
    }
    .into_any()
}
