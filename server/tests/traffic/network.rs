//! The network of all pods, which kwok plays without one: one server on port 8080 of every address.
//!
//! It answers for a pod that is there and ready, with the tag of its image, and goes on while the pod ends,
//! as a server does that finishes what it has begun. For every other address it resets the connection, so
//! that traffic on nothing shows as a failed request. The end of the tag says how a version behaves:
//! `2.0-errors7` answers 7 of 100 requests with 500, `2.0-late2600` takes 2,600 ms.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    runtime::{WatchStreamExt as _, watcher},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::ground;

/// Where the containers of the tests listen.
pub const PORT: u16 = 8080;

/// Proxies may hear of a pod that is ready before we do.
const NEWS_TAKE: Duration = Duration::from_millis(500);

/// The longest head of a request that is read.
const HEAD: usize = 16 * 1024;

struct Played {
    name: String,
    tag: String,
    is_ready: bool,
    answered: u64,
}

type Pods = Arc<Mutex<HashMap<IpAddr, Played>>>;

/// Starts it, once for all tests, in a thread of its own that outlives each of them.
pub fn play() {
    static PLAYED: OnceLock<()> = OnceLock::new();
    PLAYED.get_or_init(|| {
        let listener = std::net::TcpListener::bind(("0.0.0.0", PORT)).unwrap();
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let pods = Pods::default();
                let (watched, listener) = (watch(Arc::clone(&pods)), TcpListener::from_std(listener).unwrap());
                futures::join!(watched, accept(listener, pods));
            });
        });
    });
}

async fn watch(pods: Pods) {
    let api = Api::<Pod>::all(ground::admin().await);
    let events = watcher(api, watcher::Config::default()).default_backoff();
    let taken = events.try_for_each(|event| {
        match event {
            watcher::Event::Apply(pod) | watcher::Event::InitApply(pod) => take_in(&pods, &pod, true),
            watcher::Event::Delete(pod) => take_in(&pods, &pod, false),
            watcher::Event::Init | watcher::Event::InitDone => {}
        }
        futures::future::ready(Ok(()))
    });
    taken.await.expect("the pods can be watched");
}

fn take_in(pods: &Pods, pod: &Pod, is_there: bool) {
    let status = pod.status.as_ref();
    let Some(address) = status.and_then(|status| status.pod_ip.as_ref()?.parse::<IpAddr>().ok()) else { return };
    let name = format!("{:?}", pod.metadata.uid);
    let mut pods = pods.lock().unwrap();
    if !is_there {
        // An address may belong to another pod by now.
        if pods.get(&address).is_some_and(|known| known.name == name) {
            pods.remove(&address);
        }
        return;
    }
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let is_ready = conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
    let images = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let image = images.first().and_then(|container| container.image.as_deref()).unwrap_or_default();
    let tag = image.rsplit(':').next().unwrap_or_default().to_owned();
    let answered = pods.get(&address).filter(|known| known.name == name).map_or(0, |known| known.answered);
    pods.insert(address, Played { name, tag, is_ready, answered });
}

async fn accept(listener: TcpListener, pods: Pods) {
    loop {
        // An accept that fails is a connection that was given up already.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&pods)));
        }
    }
}

/// What a pod answers to its next request.
struct Answer {
    tag: String,
    is_error: bool,
    takes: Duration,
}

fn answer_of(pods: &Pods, address: IpAddr) -> Option<Answer> {
    let mut pods = pods.lock().unwrap();
    let pod = pods.get_mut(&address).filter(|pod| pod.is_ready)?;
    let word = |name: &str| pod.tag.split('-').find_map(|word| word.strip_prefix(name)?.parse::<u64>().ok());
    let (errors, late) = (word("errors").unwrap_or(0), word("late").unwrap_or(0));
    pod.answered += 1;
    // Spread over the hundred.
    let is_error = pod.answered * errors / 100 != (pod.answered - 1) * errors / 100;
    Some(Answer { tag: pod.tag.clone(), is_error, takes: Duration::from_millis(late) })
}

async fn serve(mut stream: TcpStream, pods: Pods) {
    let Ok(address) = stream.local_addr().map(|address| address.ip()) else { return };
    // A head and a body in two packets would wait for each other.
    drop(stream.set_nodelay(true));
    let mut head = Vec::new();
    loop {
        if !read_head(&mut stream, &mut head).await {
            return;
        }
        let began = Instant::now();
        let answer = loop {
            let answer = answer_of(&pods, address);
            if answer.is_some() || began.elapsed() > NEWS_TAKE {
                break answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let Some(answer) = answer else {
            // Closed with a reset, as a machine does on which nobody listens.
            drop(stream.set_zero_linger());
            return;
        };
        if !answer.takes.is_zero() {
            tokio::time::sleep(answer.takes).await;
        }
        let status = if answer.is_error { "500 Internal Server Error" } else { "200 OK" };
        let tag = &answer.tag;
        let length = tag.len();
        let text = format!("HTTP/1.1 {status}\r\nx-pod: {address}\r\ncontent-length: {length}\r\n\r\n{tag}");
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads to the empty line; requests have no bodies here. No when the connection has ended.
async fn read_head(stream: &mut TcpStream, head: &mut Vec<u8>) -> bool {
    head.clear();
    let mut part = [0; 2048];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return false,
            Ok(count) => head.extend_from_slice(&part[..count]),
        }
        if head.len() > HEAD {
            return false;
        }
    }
    true
}
