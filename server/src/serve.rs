//! Runs a server from its first byte to its last.
//!
//! The port opens before the database does, so that an orchestrator sees a server that starts and not
//! one that is missing: until then everything but `/health` is answered with 503. On SIGTERM or SIGINT
//! streams end, requests and passes of reconcilers that are under way are finished, then it returns.

use std::{
    fs::File,
    io::Write as _,
    net::SocketAddr,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use practice::{PracticeCluster, PracticeDeployer, PracticeRepositories, PracticeSettings};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{
    config::Config,
    demo, http, listen, telemetry,
    wiring::{self, Played, SystemClock, Wired},
};

/// Orchestrators kill after 30 seconds by default; what is not finished by then is found again at the
/// next start.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(20);

/// The people of the sample company whose links are printed.
const SHOWN_PEOPLE: [&str; 3] =
    [demo::company::RELEASE_MANAGER, demo::company::PRODUCT_OWNER, demo::company::DEVELOPER];

/// The sample company has a dozen people.
const MOST_DEMO_PEOPLE: u32 = 200;

/// A demo that runs longer prints new links at its next start.
const DEMO_LINK_DAYS: i64 = 7;

/// A server whose port is open and which answers that it is starting.
pub struct Door {
    address: SocketAddr,
    router: Arc<OnceLock<Router>>,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

impl Door {
    /// Opens the port of the configuration. With port 0 the public address gets the port that was found.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub async fn open(config: &mut Config, shutdown: CancellationToken) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(config.listen).await;
        let listener = listener.with_context(|| format!("listen: {} cannot be opened", config.listen))?;
        let address = listener.local_addr().context("listen")?;
        if config.public_url.url == format!("http://{}", config.listen) {
            config.public_url.url = format!("http://{address}");
        }
        config.listen = address;
        let router = Arc::new(OnceLock::new());
        let entrance = Router::new().fallback(enter).with_state(Arc::clone(&router));
        let serving = tokio::spawn(listen::serve(listener, entrance, shutdown.clone()));
        Ok(Self { address, router, shutdown, serving })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets requests in and runs what the engine does by itself, until `shutdown`; then finishes what is
    /// under way.
    ///
    /// # Errors
    /// When the listener failed.
    pub async fn serve(self, wired: Wired) -> anyhow::Result<()> {
        let Self { router, shutdown, mut serving, .. } = self;
        router.get_or_init(|| http::router(&wired.web));
        let engine = wired.engine.clone();
        let cancel = shutdown.clone();
        let mut working = tokio::spawn(async move { engine.run(cancel).await });
        let upkeep = tokio::spawn(telemetry::keep_small(wired.web.recorder()));
        let (mut served_early, mut worked_early) = (None, None);
        tokio::select! {
            () = shutdown.cancelled() => {}
            ended = &mut serving => served_early = Some(ended),
            // Pages without anything behind them would look well while promotions stand still.
            ended = &mut working => worked_early = Some(ended),
        }
        let is_asked_to_end = shutdown.is_cancelled();
        shutdown.cancel();
        let finished = tokio::time::timeout(SHUTDOWN_PATIENCE, async {
            let served = match served_early {
                Some(ended) => ended,
                None => serving.await,
            };
            let has_worked_to_the_end = worked_early.is_none() || is_asked_to_end;
            let worked = match worked_early {
                Some(ended) => ended,
                None => working.await,
            };
            (served, worked, has_worked_to_the_end)
        });
        let result = match finished.await {
            Ok((served, worked, has_worked_to_the_end)) => {
                worked.context("a task of the engine failed")?;
                anyhow::ensure!(has_worked_to_the_end, "the engine ended by itself");
                served.context("the listener failed")
            }
            Err(_) => {
                tracing::warn!(
                    patience_s = SHUTDOWN_PATIENCE.as_secs(),
                    "not everything was finished in time; it is found again at the next start"
                );
                Ok(())
            }
        };
        upkeep.abort();
        wired.engine.store().close().await;
        result
    }
}

/// Opens the port, the database and the doors, prints where to go, and serves until a signal.
///
/// # Errors
/// Whatever keeps the server from starting.
pub async fn run(mut config: Config) -> anyhow::Result<()> {
    let shutdown = until_signal()?;
    let door = Door::open(&mut config, shutdown.clone()).await?;
    let wired = wiring::wire(&config, None, shutdown).await?;
    tracing::info!(server.address = %door.address(), server.public_url = config.public_url.url, "Slipway is ready");
    say(&format!("Slipway is ready at {}", config.public_url.url))?;
    if let Some(path) = wired.engine.first_link().await.context("the first link cannot be made")? {
        say(&format!("Become the first administrator (once, within a day): {}{path}", config.public_url.url))?;
    }
    door.serve(wired).await
}

/// Keeps other demos out of a folder as long as what is answered lives: what is played there is one process' own.
fn alone_in(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("demo.lock");
    let lock = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    lock.try_lock().with_context(|| {
        format!("another demo uses {}; stop it, or give another folder (--data-dir)", folder.display())
    })?;
    Ok(lock)
}

/// As [`run`], with the sample company on a practice cluster, or on a real one: made in an empty
/// database, found again in one that has it. Prints links that sign its people in.
///
/// # Errors
/// Whatever keeps the server from starting; a database that is in use for something else.
pub async fn run_demo(mut config: Config, real: Option<demo::RealCluster>) -> anyhow::Result<()> {
    let shutdown = until_signal()?;
    let door = Door::open(&mut config, shutdown.clone()).await?;
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("data_dir: {} cannot be made", config.data_dir.display()))?;
    let _alone = alone_in(&config.data_dir)?;
    let settings = PracticeSettings { state_file: Some(config.data_dir.join("practice.json")), ..Default::default() };
    let practice = PracticeCluster::open(Arc::new(SystemClock), settings).context("the practice cluster's file")?;
    let repositories = PracticeRepositories::in_file(config.data_dir.join("practice-git.json"))
        .context("the practice repositories' file")?;
    let deployer = PracticeDeployer::in_file(Arc::new(SystemClock), config.data_dir.join("practice-deployer.json"))
        .context("the practice deployer's file")?;
    let played = Played { cluster: practice.clone(), repositories, deployer };
    let wired = wiring::wire(&config, Some(played.clone()), shutdown.clone()).await?;
    let engine = &wired.engine;
    if people_of(&wired).await?.is_empty() {
        match &real {
            Some(real) => demo::seed_real(engine, real).await,
            None => demo::seed_practice(engine.store(), &practice, engine.now()).await.map(drop),
        }
        .context("the sample company cannot be made")?;
        demo::machines::make_secret(engine).await.context("the company's deployer gets no secret")?;
        if real.is_none() {
            demo::in_git::move_there(engine, &played).await.context("the company's repository cannot be made")?;
        }
    }
    say(&format!("Slipway with a sample company is ready at {}", config.public_url.url))?;
    for person in people_of(&wired).await?.iter().filter(|person| SHOWN_PEOPLE.contains(&person.name.as_str())) {
        let path = engine.sign_in_link(person.id, DEMO_LINK_DAYS).await.context("a sign-in link cannot be made")?;
        say(&format!("  sign in as {}, {}: {}{path}", person.name, described(&person.name), config.public_url.url))?;
    }
    tokio::spawn(demo::machines::report_for_ever(engine.clone(), played.deployer.clone(), shutdown.clone()));
    tokio::spawn(demo::in_git::sync_for_ever(played, shutdown));
    door.serve(wired).await
}

async fn people_of(wired: &Wired) -> anyhow::Result<Vec<store::Person>> {
    let mut read = wired.engine.store().read().await?;
    Ok(read.people(None, store::Paging::first(MOST_DEMO_PEOPLE)).await?.rows)
}

fn described(name: &str) -> &'static str {
    match name {
        demo::company::RELEASE_MANAGER => "release manager",
        demo::company::PRODUCT_OWNER => "product owner",
        _ => "developer",
    }
}

/// A token that is cancelled by SIGTERM or SIGINT.
///
/// # Errors
/// When signals cannot be listened to.
pub fn until_signal() -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("signals cannot be listened to")?;
    tokio::spawn(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        drop(tokio::signal::ctrl_c().await);
        tracing::info!("ending");
        cancelled.cancel();
    });
    Ok(token)
}

/// A line for the person who started the server; links belong here and never into the log.
///
/// # Errors
/// When standard output is closed.
pub fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("standard output is closed")
}

async fn enter(State(router): State<Arc<OnceLock<Router>>>, request: Request) -> Response {
    match router.get() {
        Some(router) => match router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        None => starting(request.uri().path()),
    }
}

fn starting(path: &str) -> Response {
    let retry = [(header::RETRY_AFTER, "2")];
    if path == "/health" {
        let body = serde_json::json!({ "status": "unhealthy", "version": env!("CARGO_PKG_VERSION"), "dependencies": [],
            "message": "starting" });
        return (StatusCode::SERVICE_UNAVAILABLE, retry, Json(body)).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, retry, "starting").into_response()
}
