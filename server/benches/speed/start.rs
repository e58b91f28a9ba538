//! Idle memory, and the time from a start to the first good answer.

use std::{path::Path, time::Duration};

use reqwest::header;

use crate::{
    Database, board,
    company::{Company, SERVICES},
    load::{ask, client},
    process::{Server, megabytes},
    table::Table,
};

/// Starts of each side, of which the middle one is shown.
const STARTS: usize = 9;

/// Until what a start leaves to do is done.
const SETTLE: Duration = Duration::from_secs(3);

/// Starts on SQLite: on a folder that does not exist yet, and on an empty database that does.
///
/// # Errors
/// When a server does not start.
pub(crate) async fn measure_empty(folder: &Path, table: &mut Table) -> anyhow::Result<()> {
    let url = |data: &Path| format!("sqlite://{}", data.join("slipway.db").display());
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for number in 0..STARTS {
        for (times, is_ours) in [(&mut ours, true), (&mut plain, false)] {
            let data = folder.join(format!("{number}-{is_ours}"));
            std::fs::create_dir_all(&data)?;
            let url = url(&data);
            if is_ours {
                drop_after(Server::slipway(&data, &url, None), times).await?;
            } else {
                drop_after(Server::plain(&url, None), times).await?;
            }
        }
    }
    let data = folder.join("0-true");
    compare(table, "start to ready, no database yet (both make its tables)", &ours, &plain);
    let (ours, plain) = again(&data, &url(&data)).await?;
    compare(table, "start to ready, empty database", &ours, &plain);

    let server = Server::slipway(&data, &url(&data), None).await?;
    let other = Server::plain(&url(&data), None).await?;
    tokio::time::sleep(SETTLE).await;
    memory(table, "idle memory, empty", &server, &other)?;
    server.end().await?;
    other.end().await
}

/// The same on the full database, and memory after the Board was looked at.
///
/// # Errors
/// When a server does not start or answer.
pub(crate) async fn measure_full(database: &Database, company: &Company, table: &mut Table) -> anyhow::Result<()> {
    let (ours, plain) = again(&database.data, &database.url).await?;
    compare(table, &format!("start to ready, {SERVICES} services"), &ours, &plain);
    let server = Server::slipway(&database.data, &database.url, None).await?;
    let other = Server::plain(&database.url, None).await?;
    tokio::time::sleep(SETTLE).await;
    memory(table, &format!("idle memory, {SERVICES} services"), &server, &other)?;
    let cookie = board::sign_in(&server, company).await?;
    let client = client()?;
    let page = client.get(&server.url).header(header::COOKIE, &cookie).send().await?.text().await?;
    client.post(format!("{}/shell", other.url)).body(page).send().await?.error_for_status()?;
    let clients = [client.clone(), client.clone(), client.clone(), client];
    for server in [&server, &other] {
        ask(&clients, SETTLE, |client, _| client.get(&server.url).header(header::COOKIE, &cookie)).await?;
    }
    tokio::time::sleep(SETTLE).await;
    memory(table, "memory after 4 readers of the Board", &server, &other)?;
    server.end().await?;
    other.end().await
}

async fn again(data: &Path, url: &str) -> anyhow::Result<(Vec<Duration>, Vec<Duration>)> {
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        drop_after(Server::slipway(data, url, None), &mut ours).await?;
        drop_after(Server::plain(url, None), &mut plain).await?;
    }
    Ok((ours, plain))
}

async fn drop_after(
    server: impl Future<Output = anyhow::Result<Server>>,
    times: &mut Vec<Duration>,
) -> anyhow::Result<()> {
    let server = server.await?;
    times.push(server.started_in);
    server.end().await
}

fn middle(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1_000.0
}

fn compare(table: &mut Table, what: &str, ours: &[Duration], plain: &[Duration]) {
    let (ours, plain) = (middle(ours), middle(plain));
    table.compare(format!("SQLite, {what}"), format!("{ours:.0} ms"), format!("{plain:.0} ms"), ours / plain);
}

fn memory(table: &mut Table, what: &str, ours: &Server, plain: &Server) -> anyhow::Result<()> {
    let (ours, plain) = (ours.memory()?, plain.memory()?);
    let ratio = crate::versions::quotient(usize::try_from(ours)?, usize::try_from(plain)?);
    table.compare(format!("SQLite, {what}"), megabytes(ours), megabytes(plain), ratio);
    Ok(())
}
