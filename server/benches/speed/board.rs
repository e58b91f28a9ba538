//! The Board, rendered on one core, beside a handler that formats strings.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use contract::board::{BoardBackend as _, BoardQuery};
use reqwest::{Client, header};
use store::{Store, StoreOptions};

use crate::{
    Database,
    company::{self, Company, SERVICES},
    load::{Sample, ask, client},
    plain::TABLE,
    process::{Server, make_room},
    table::Table,
};

/// The two sides take turns this often, so that what else the machine does hits both.
const TURNS: u32 = 4;

/// Connections of the readers that keep a server busy.
const READERS: usize = 4;

/// How often the two pages are compared before they count as different.
const TRIES: usize = 5;

/// The core that servers are measured on.
const CORE: Option<usize> = Some(0);

/// The two servers on one database, the reader signed in.
struct Sides {
    ours: Server,
    plain: Server,
    cookie: String,
}

/// Measures.
///
/// # Errors
/// When a server does not start, or the two do not show the same table.
pub(crate) async fn measure(
    database: &Database,
    company: &Company,
    seconds: u64,
    table: &mut Table,
) -> anyhow::Result<()> {
    let usual = app::routes::BOARD_PAGE.size;
    for size in [usual, 200] {
        let path = if size == usual { "/".to_owned() } else { format!("/?size={size}") };
        let ours = Server::slipway(&database.data, &database.url, CORE).await?;
        let plain = Server::plain(&database.url, CORE).await?;
        let cookie = sign_in(&ours, company).await?;
        let sides = Sides { ours, plain, cookie };
        let bytes = sides.compare(&path).await?;
        let name = format!("{}, Board, {size} of {SERVICES} services x 4", database.name);
        table.compare(
            format!("{name}: HTML before compression"),
            format!("{} kB", bytes.0 / 1_000),
            format!("{} kB", bytes.1 / 1_000),
            crate::versions::quotient(bytes.0, bytes.1),
        );
        make_room(true).await?;
        for readers in [1, READERS] {
            sides.run(&name, &path, readers, "identity", seconds, table).await?;
        }
        sides.run(&name, &path, READERS, "br", seconds, table).await?;
        make_room(false).await?;
        sides.ours.end().await?;
        sides.plain.end().await?;
    }
    alone(database, company, table).await
}

/// The cookie of a session of the administrator.
///
/// # Errors
/// When the link does not sign in.
pub(crate) async fn sign_in(server: &Server, company: &Company) -> anyhow::Result<String> {
    let form = [(header::CONTENT_TYPE, "application/x-www-form-urlencoded")];
    let mut request = client()?.post(format!("{}{}", server.url, company.link));
    for (name, value) in form {
        request = request.header(name, value);
    }
    let answer = request.send().await?;
    let cookie = answer.headers().get(header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
    let cookie = cookie.and_then(|cookie| cookie.split(';').next());
    Ok(cookie.with_context(|| format!("signing in was answered with {}", answer.status()))?.to_owned())
}

impl Sides {
    /// Makes sure that both sides show the same table; answers the lengths of their pages.
    async fn compare(&self, path: &str) -> anyhow::Result<(usize, usize)> {
        let ours = self.ours(path).await?;
        let shell = client()?.post(format!("{}/shell", self.plain.url)).body(ours);
        shell.send().await?.error_for_status().context("our page has no table")?;
        let mut tries = 0;
        loop {
            let ours = self.ours(path).await?;
            let plain = client()?.get(format!("{}{path}", self.plain.url)).send().await?;
            let plain = plain.error_for_status()?.text().await?;
            let (shown, expected) = (table_of(&ours), table_of(&plain));
            if shown == expected {
                return Ok((ours.len(), plain.len()));
            }
            tries += 1;
            // An age may have turned between the two.
            if tries == TRIES {
                let same = shown.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
                let at = |text: &str| text.chars().skip(same.saturating_sub(80)).take(240).collect::<String>();
                bail!("the two sides do not show the same:\n  {}\n  {}", at(&shown), at(&expected));
            }
        }
    }

    async fn ours(&self, path: &str) -> anyhow::Result<String> {
        let request = client()?.get(format!("{}{path}", self.ours.url)).header(header::COOKIE, &self.cookie);
        Ok(request.send().await?.error_for_status()?.text().await?)
    }

    async fn run(
        &self,
        name: &str,
        path: &str,
        readers: usize,
        encoding: &str,
        seconds: u64,
        table: &mut Table,
    ) -> anyhow::Result<()> {
        let clients: Vec<Client> = (0..readers).map(|_| client()).collect::<anyhow::Result<_>>()?;
        let turn = Duration::from_secs(seconds) / TURNS;
        let mut samples = [Sample::default(), Sample::default()];
        // The first turn of each is not counted: connections, caches and prepared statements are made then.
        for number in 0..=TURNS {
            let turn = if number == 0 { turn.min(Duration::from_secs(2)) } else { turn };
            for (server, sample) in [&self.ours, &self.plain].into_iter().zip(&mut samples) {
                let url = format!("{}{path}", server.url);
                let before = server.processor_seconds()?;
                let request = |client: &Client, _| {
                    let request = client.get(&url).header(header::COOKIE, &self.cookie);
                    request.header(header::ACCEPT_ENCODING, encoding)
                };
                let (elapsed, times) = ask(&clients, turn, request).await?;
                if number > 0 {
                    sample.add(elapsed, times, server.processor_seconds()? - before);
                }
            }
        }
        let [ours, plain] = &samples;
        let shown = |sample: &Sample| {
            let (half, p99) = (sample.percentile(0.5), sample.percentile(0.99));
            format!("{:.0}/s (p50 {half:.1} ms, p99 {p99:.1} ms)", sample.rate())
        };
        let mut how = if readers == 1 { "1 reader".to_owned() } else { format!("{readers} readers") };
        if encoding == "br" {
            how.push_str(", ours with brotli");
        }
        table.compare(
            format!("{name}: pages on one core, {how}"),
            shown(ours),
            shown(plain),
            ours.rate() / plain.rate(),
        );
        table.compare(
            format!("{name}: pages per second of processor time, {how}"),
            format!("{:.0}", ours.rate_of_processor()),
            format!("{:.0}", plain.rate_of_processor()),
            ours.rate_of_processor() / plain.rate_of_processor(),
        );
        Ok(())
    }
}

/// The table of a page without the marks by which the browser half finds its places.
fn table_of(page: &str) -> String {
    let from = page.find(TABLE.0).unwrap_or_default();
    let to = page.find(TABLE.1).unwrap_or_default();
    let mut rest = page.get(from..to).unwrap_or_default();
    let mut text = String::with_capacity(rest.len());
    while let Some((before, after)) = rest.split_once("<!") {
        text.push_str(before);
        let end = if after.starts_with("--") { "-->" } else { ">" };
        rest = after.split_once(end).map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    text
}

/// The use case alone, in this process: what both sides have in common.
async fn alone(database: &Database, company: &Company, table: &mut Table) -> anyhow::Result<()> {
    let engine = company::engine(Store::open(&database.url, StoreOptions::default()).await?);
    let mut times = Vec::new();
    for _ in 0..40 {
        let began = Instant::now();
        let query = BoardQuery { page: app::routes::BOARD_PAGE, ..BoardQuery::default() };
        engine.board(&company.ada, query).await?;
        times.push(began.elapsed());
    }
    engine.store().close().await;
    let mut sample = Sample::default();
    sample.add(times.iter().sum(), times, 0.0);
    let name = format!("{}, Board: reading and folding all {SERVICES}, in both sides", database.name);
    table.say(name, format!("{:.1} ms", sample.percentile(0.5)));
    Ok(())
}
