//! The user interface of Slipway: pages and components, rendered on the server and hydrated in the
//! browser.
//!
//! The server gives each request's things by [`context::provide`] and renders [`shell::shell`]; the browser
//! half calls `hydrate_body(App)`. Every route is rendered whole before it is sent, so that a reader without
//! scripting never sees 'loading'.

#![recursion_limit = "256"]

pub mod commands;
pub mod components;
pub mod context;
pub mod error;
pub mod form;
pub mod frame;
pub mod json;
pub mod keys;
pub mod lasting;
pub mod live;
pub mod marks;
pub mod page;
pub mod pages;
pub mod palette;
pub mod question;
pub mod returned;
pub mod routes;
pub mod server_fns;
pub mod shell;
pub mod theme;

pub use shell::shell;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Outlet, ParentRoute, Route, Router, Routes},
    path,
};

use crate::frame::Frame;

/// The application.
#[component]
pub fn App() -> impl IntoView {
    use pages::settings::{
        about::AboutPage, cluster::ClusterPage, clusters::ClustersPage, discover::DiscoverPage,
        environment::EnvironmentPage, environments::EnvironmentsPage, me::MePage, people::PeoplePage, slack::SlackPage,
        tokens::TokensPage,
    };
    use pages::{
        approvals::ApprovalsPage, board::BoardPage, promote::PromotePage, promotion::PromotionPage,
        promotions::PromotionsPage, roll_back::RollBackPage, rules::RulesPage, search::SearchPage,
    };
    use pages::{
        audit::AuditPage, compare::ComparePage, deployments::DeploymentsPage, incidents::IncidentsPage,
        insights::InsightsPage, service::ServicePage, service_form::ChangeServicePage, service_form::NewServicePage,
        services::ServicesPage, target::TargetPage, version::VersionPage,
    };
    provide_meta_context();
    returned::provide();
    live::provide();
    frame::provide();
    components::provide_page_clock(SharedValue::new(context::now).into_inner());
    view! {
        <Title formatter=|text: String| {
            if text.is_empty() { "Slipway".to_owned() } else { format!("{text} · Slipway") }
        } />
        <Router>
            <Routes fallback=NotFound>
                <Route path=path!("/sign-in") view=pages::sign_in::SignInPage ssr=SsrMode::Async />
                <Route path=path!("/link/:token") view=pages::sign_in::LinkPage ssr=SsrMode::Async />
                <ParentRoute path=path!("") view=Framed ssr=SsrMode::Async>
                    <Route path=path!("/") view=BoardPage ssr=SsrMode::Async />
                    <Route path=path!("/approvals") view=ApprovalsPage ssr=SsrMode::Async />
                    <Route path=path!("/promote") view=PromotePage ssr=SsrMode::Async />
                    <Route path=path!("/promotions") view=PromotionsPage ssr=SsrMode::Async />
                    <Route path=path!("/promotions/:number") view=PromotionPage ssr=SsrMode::Async />
                    <Route path=path!("/services/:name/roll-back") view=RollBackPage ssr=SsrMode::Async />
                    <Route path=path!("/search") view=SearchPage ssr=SsrMode::Async />
                    <Route path=path!("/more") view=frame::MorePage ssr=SsrMode::Async />
                    <Route path=path!("/services") view=ServicesPage ssr=SsrMode::Async />
                    <Route path=path!("/add-service") view=NewServicePage ssr=SsrMode::Async />
                    <Route path=path!("/services/:name") view=ServicePage ssr=SsrMode::Async />
                    <Route path=path!("/services/:name/change") view=ChangeServicePage ssr=SsrMode::Async />
                    <Route path=path!("/services/:name/compare") view=ComparePage ssr=SsrMode::Async />
                    <Route path=path!("/services/:name/targets/:environment") view=TargetPage ssr=SsrMode::Async />
                    <Route path=path!("/services/:name/targets/:environment/rules") view=RulesPage ssr=SsrMode::Async />
                    <Route path=path!("/services/:name/versions/:label") view=VersionPage ssr=SsrMode::Async />
                    <Route path=path!("/deployments") view=DeploymentsPage ssr=SsrMode::Async />
                    <Route path=path!("/insights") view=InsightsPage ssr=SsrMode::Async />
                    <Route path=path!("/incidents") view=IncidentsPage ssr=SsrMode::Async />
                    <Route path=path!("/audit") view=AuditPage ssr=SsrMode::Async />
                    <Route path=path!("/settings") view=pages::settings::SettingsPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/environments") view=EnvironmentsPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/environments/:name") view=EnvironmentPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/clusters") view=ClustersPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/clusters/:name") view=ClusterPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/clusters/:name/discover") view=DiscoverPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/people") view=PeoplePage ssr=SsrMode::Async />
                    <Route path=path!("/settings/tokens") view=TokensPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/slack") view=SlackPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/me") view=MePage ssr=SsrMode::Async />
                    <Route path=path!("/settings/about") view=AboutPage ssr=SsrMode::Async />
                </ParentRoute>
            </Routes>
        </Router>
    }
}

/// The frame with the page in it.
#[component]
fn Framed() -> impl IntoView {
    view! {
        <Frame>
            <Outlet />
        </Frame>
    }
}

/// An address that no page has.
#[component]
fn NotFound() -> impl IntoView {
    view! {
        <Frame>
            {page::problem_page(error::AppError(contract::ApiError::not_found("page", "at this address")))}
        </Frame>
    }
}
