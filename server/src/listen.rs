//! Takes connections and answers HTTP/1.1 on them, with an end to everybody's patience: who does not
//! finish a request's head, or a body, in time is let go, and nobody can hold more connections than
//! this server has to give.
//!
//! On shutdown no connection is taken any more; those under way finish their answer first.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::Sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// For the whole head of a request, and for an idle connection until the next one begins.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// Connections at the same time; what comes beyond waits in the system's queue. Below what most systems
/// let a process have open.
pub(crate) const MOST_CONNECTIONS: usize = 900;

/// For a reader who takes nothing of an answer: a place is given to someone who does.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);

/// After an error that will not go away at once, such as too many open files.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves until `shutdown`, then until the answers under way are finished.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let (router, shutdown) = (router.clone(), shutdown.clone());
        connections.spawn(async move {
            converse(stream, peer, router, shutdown).await;
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// The next connection, once there is a place for it; `None` when it was gone again.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) if is_only_of_that_connection(&error) => None,
        Err(error) => {
            tracing::warn!(error.message = %error, "no connection can be taken");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

fn is_only_of_that_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// One connection from its first request to its last.
async fn converse(stream: TcpStream, peer: SocketAddr, router: Router, shutdown: CancellationToken) {
    // Answers are small and written at once; waiting to fill a packet only makes them late.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error.message = %error, "a connection keeps its delay");
    }
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(axum::body::Body::new)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
    let mut connection =
        std::pin::pin!(http.serve_connection(TokioIo::new(Impatient::new(stream)), TowerToHyperService::new(service)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error.message = %error, "a connection ended early");
    }
}

/// A stream on which a write that nobody takes for a while fails.
struct Impatient {
    stream: TcpStream,
    patience: Option<Pin<Box<Sleep>>>,
}

impl Impatient {
    const fn new(stream: TcpStream) -> Self {
        Self { stream, patience: None }
    }

    fn hurried<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.patience = None;
            return written;
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_PATIENCE)));
        match patience.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Impatient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.hurried(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.hurried(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.hurried(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.hurried(cx, closed)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use axum::{Extension, routing::get};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        task::JoinHandle,
        time::Instant,
    };

    use super::*;

    async fn open() -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = |Extension(ConnectInfo(peer)): Extension<ConnectInfo<SocketAddr>>| async move { peer.to_string() };
        // More than the system keeps for a reader.
        let router =
            Router::new().route("/", get(peer)).route("/large", get(|| async { vec![b'x'; 64 * 1024 * 1024] }));
        let shutdown = CancellationToken::new();
        (address, shutdown.clone(), tokio::spawn(serve(listener, router, shutdown)))
    }

    async fn answer(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn a_request_is_answered_and_knows_its_peer() {
        let (address, shutdown, serving) = open().await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let own = stream.local_addr().unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        assert!(answer(&mut stream).await.ends_with(&own.to_string()));
        shutdown.cancel();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn attack_slow_heads_are_let_go() {
        let (address, shutdown, serving) = open().await;
        let began = Instant::now();
        let slow = ["", "GET / HTTP/1.1\r\nhost:"].map(|text| async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            // Closed or reset, either is an end.
            drop(stream.read_to_end(&mut rest).await);
        });
        tokio::time::timeout(HEAD_PATIENCE * 2, futures::future::join_all(slow)).await.unwrap();
        assert!(began.elapsed() >= HEAD_PATIENCE / 2);
        shutdown.cancel();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn attack_who_reads_nothing_is_let_go() {
        let (address, shutdown, serving) = open().await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'H', "it begins to answer");
        // Whoever waits for the end of all connections waits for this one.
        shutdown.cancel();
        let began = Instant::now();
        tokio::time::timeout(WRITE_PATIENCE * 2, serving).await.unwrap().unwrap();
        assert!(began.elapsed() >= WRITE_PATIENCE / 2, "{:?}", began.elapsed());
        drop(stream);
    }
}
