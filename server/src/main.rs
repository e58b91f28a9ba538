//! Slipway's server.

mod http {
    pub mod assets;
}

use anyhow::Result;
use axum::Router;
use http::assets;
use leptos::config::LeptosOptions;
use leptos_axum::{LeptosRoutes as _, generate_route_list};

#[tokio::main]
async fn main() -> Result<()> {
    let options = LeptosOptions::builder()
        .output_name("slipway")
        .site_pkg_dir(assets::folder())
        .build();
    let routes = generate_route_list(app::App);
    let shell = options.clone();
    let router = Router::<LeptosOptions>::new()
        .leptos_routes(&options, routes, move || app::shell(shell.clone()))
        .merge(assets::router())
        .with_state(options);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, router).await?;
    Ok(())
}
