//! Requests to one host through Envoy, from a test's begin to its end, each of them counted.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::binomial::interval;

/// Requests in a second while nobody counts: enough for no gap of a tenth of a second to stay unseen.
const AT_EASE: u32 = 100;
/// Requests in a second while somebody counts.
const WHILE_COUNTED: u32 = 700;
/// How many are under way at once, at most.
const WORKERS: u32 = 48;
/// Longer than any answer takes here.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many requests a count is made of.
pub const ENOUGH: u64 = 4_000;
/// How many requests show that none goes elsewhere.
const SOME: u64 = 1_000;

/// What answered, and with which status.
type Counts = BTreeMap<(String, u16), u64>;

#[derive(Default)]
struct Seen {
    /// The number of the next request.
    next: u64,
    /// The number of the first request of the present count.
    from: u64,
    counts: Counts,
    all: u64,
    failures: Vec<String>,
}

struct Shared {
    began: Instant,
    is_over: AtomicBool,
    rate: AtomicU32,
    seen: Mutex<Seen>,
}

/// Requests under way; dropping it ends them.
pub struct Requests {
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Requests {
    /// Begins to send what everybody sends.
    pub fn to(gateway: &str, host: &str) -> Self {
        Self::sent(gateway.to_owned(), format!("GET /cart HTTP/1.1\r\nHost: {host}\r\n\r\n"))
    }

    /// Begins to send what testers send.
    pub fn of_testers(gateway: &str, host: &str) -> Self {
        Self::sent(gateway.to_owned(), format!("GET /cart HTTP/1.1\r\nHost: {host}\r\ncanary: true\r\n\r\n"))
    }

    fn sent(gateway: String, request: String) -> Self {
        let shared = Arc::new(Shared {
            began: Instant::now(),
            is_over: AtomicBool::new(false),
            rate: AtomicU32::new(AT_EASE),
            seen: Mutex::default(),
        });
        let sent = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let worker = |number| work(Arc::clone(&sent), &gateway, &request, number);
                futures::future::join_all((0..WORKERS).map(worker)).await
            });
        });
        Self { shared, thread: Some(thread) }
    }

    /// Counts requests from now on until there are enough.
    pub async fn count(&self, enough: u64) -> Counts {
        {
            let mut seen = self.shared.seen.lock().unwrap();
            seen.from = seen.next;
            seen.counts.clear();
        }
        self.shared.rate.store(WHILE_COUNTED, Ordering::Relaxed);
        let began = Instant::now();
        let counts = loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let counts = self.shared.seen.lock().unwrap().counts.clone();
            if counts.values().sum::<u64>() >= enough {
                break counts;
            }
            assert!(began.elapsed() < 4 * PATIENCE, "too few answers: {counts:?}");
        };
        self.shared.rate.store(AT_EASE, Ordering::Relaxed);
        counts
    }

    /// Asserts that `tag` answers its share of the requests, and `other` the rest.
    pub async fn are_shared(&self, tag: &str, percent: u8, other: &str) {
        let counts = self.count(ENOUGH).await;
        let of = |tag: &str| counts.iter().filter(|((by, _), _)| by == tag).map(|(_, count)| count).sum::<u64>();
        let (all, got) = (counts.values().sum::<u64>(), of(tag));
        let (least, most) = interval(all, percent);
        println!("{other} -> {tag} at {percent} %: {got} of {all} answers, between {least} and {most} are right");
        assert_eq!(got + of(other), all, "somebody else answered: {counts:?}");
        assert!((least..=most).contains(&got), "{counts:?} is not {percent} % for {tag}");
        self.none_failed();
    }

    /// Asserts that `tag` answers every request.
    pub async fn are_all_by(&self, tag: &str) {
        let counts = self.count(SOME).await;
        assert!(counts.keys().all(|(by, _)| by == tag), "not all answers are by {tag}: {counts:?}");
        self.none_failed();
    }

    /// Waits until all of some answers in a row are by `tag`: proxies have followed.
    pub async fn until_all_are_by(&self, tag: &str) {
        let began = Instant::now();
        loop {
            let counts = self.count(200).await;
            if counts.keys().all(|(by, _)| by == tag) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "not all answers are by {tag}: {counts:?}");
        }
    }

    /// Asserts that until now every request was answered by a pod, and well unless its version is bad.
    pub fn none_failed(&self) {
        let (failures, all) = (self.failures(), self.all());
        let first: Vec<&String> = failures.iter().take(20).collect();
        assert!(first.is_empty(), "{} of {all} requests failed: {first:#?}", failures.len());
    }

    /// What failed until now, in words.
    pub fn failures(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().failures.clone()
    }

    /// How many there were.
    pub fn all(&self) -> u64 {
        self.shared.seen.lock().unwrap().all
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Sends one request after the other over one connection, as long as that is kept open.
async fn work(shared: Arc<Shared>, gateway: &str, request: &str, number: u32) {
    let mut kept = None;
    let mut due = Instant::now() + Duration::from_secs(1) * number / AT_EASE;
    while !shared.is_over.load(Ordering::Relaxed) {
        // In short sleeps, so that a higher rate begins at once.
        if due > Instant::now() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let each = Duration::from_secs(1) * WORKERS / shared.rate.load(Ordering::Relaxed);
        due = due.min(Instant::now() + each);
        if due > Instant::now() {
            continue;
        }
        due = Instant::now() + each;
        let own = {
            let mut seen = shared.seen.lock().unwrap();
            seen.next += 1;
            seen.next - 1
        };
        let sent = Instant::now();
        let exchanged = tokio::time::timeout(PATIENCE, exchange(&mut kept, gateway, request)).await;
        let told = match exchanged {
            Ok(Ok(told)) => Ok(told),
            Ok(Err(error)) => Err(format!("no answer: {error}")),
            Err(_) => Err("no answer in time".to_owned()),
        };
        if told.is_err() {
            kept = None;
        }
        note(&shared, own, sent, told);
    }
}

/// What came back.
struct Told {
    status: u16,
    is_by_pod: bool,
    body: String,
}

fn note(shared: &Shared, own: u64, sent: Instant, told: Result<Told, String>) {
    let mut seen = shared.seen.lock().unwrap();
    seen.all += 1;
    let after = sent.duration_since(shared.began).as_secs_f64();
    let failed = match &told {
        Err(why) => Some(why.clone()),
        Ok(told) if !told.is_by_pod => Some(format!("{} by Envoy: {}", told.status, told.body)),
        // Such a version is tried to be found out.
        Ok(told) if told.status != 200 && !told.body.contains("-errors") => {
            Some(format!("{} by {}", told.status, told.body))
        }
        Ok(_) => None,
    };
    if let Some(why) = failed {
        seen.failures.push(format!("{after:.3} s after the begin: {why}"));
    }
    if own < seen.from {
        return;
    }
    let key = told.map_or_else(|_| ("nobody".to_owned(), 0), |told| (told.body, told.status));
    *seen.counts.entry(key).or_default() += 1;
}

async fn exchange(kept: &mut Option<TcpStream>, gateway: &str, request: &str) -> std::io::Result<Told> {
    let stream = match kept {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(gateway).await?;
            stream.set_nodelay(true)?;
            kept.insert(stream)
        }
    };
    stream.write_all(request.as_bytes()).await?;
    let mut text = Vec::with_capacity(512);
    let told = loop {
        if stream.read_buf(&mut text).await? == 0 {
            return Err(std::io::Error::other(format!("closed after {} bytes", text.len())));
        }
        if let Some(told) = parsed(&text)? {
            break told;
        }
    };
    let (told, closes) = told;
    if closes {
        *kept = None;
    }
    Ok(told)
}

/// The answer, once all of it is there, and whether the connection ends with it.
fn parsed(text: &[u8]) -> std::io::Result<Option<(Told, bool)>> {
    let wrong = |what: &str| std::io::Error::other(format!("{what}: {}", String::from_utf8_lossy(text)));
    let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&text[..end]).to_ascii_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| wrong("no status"))?;
    let length: usize = field("content-length").and_then(|n| n.parse().ok()).ok_or_else(|| wrong("no length"))?;
    let Some(body) = text.get(end + 4..end + 4 + length) else { return Ok(None) };
    let body = String::from_utf8_lossy(body).into_owned();
    let told = Told { status, is_by_pod: field("x-pod").is_some(), body };
    Ok(Some((told, field("connection") == Some("close"))))
}
