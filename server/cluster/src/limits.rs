//! How much of an answer is read. A cluster is not trusted to end its answers: whoever took one over, or
//! whatever answers in its place, would have all of Slipway's memory otherwise.
//!
//! An answer has [`ANSWER`] bytes at most. One to a watch goes on for as long as the watch, so there it is each
//! line, which is an event, that has [`EVENT`] bytes at most. What is longer is an error in the middle of the
//! body, and the connection is closed with it.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures::{FutureExt as _, TryFutureExt as _, future::BoxFuture};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower::{BoxError, Layer, Service};

const MEGABYTE: usize = 1024 * 1024;

/// The most that is read of one answer. Lists are asked for in pages of 500 objects; those of pods that say
/// much of themselves take 10 MB.
const ANSWER: usize = 64 * MEGABYTE;

/// The most that is read of one event of a watch. An API server keeps objects of 1.5 MB at most.
const EVENT: usize = 4 * MEGABYTE;

/// Limits the bodies of the answers that a service gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitLayer;

impl<S> Layer<S> for LimitLayer {
    type Service = LimitService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LimitService(inner)
    }
}

/// A service whose answers end.
pub(crate) struct LimitService<S>(S);

impl<S, Q, B> Service<Request<Q>> for LimitService<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Send + 'static,
    B: 'static,
{
    type Response = Response<Limited<B>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let is_watch = request.uri().query().is_some_and(|query| query.split('&').any(|part| part == "watch=true"));
        let answer = self.0.call(request);
        let limited = move |response: Response<B>| {
            // A refusal is read as a whole, whatever was asked.
            let of = if is_watch && response.status().is_success() { Of::Event } else { Of::Answer };
            response.map(|body| Limited { body, of, read: 0 })
        };
        answer.map_ok(limited).boxed()
    }
}

/// What the limit is of.
#[derive(Clone, Copy, Debug)]
enum Of {
    Answer,
    Event,
}

impl Of {
    const fn limit(self) -> usize {
        match self {
            Self::Answer => ANSWER,
            Self::Event => EVENT,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Answer => "an answer",
            Self::Event => "an event",
        }
    }
}

/// Told in the middle of an answer that is too long.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{} is longer than {} MB, which no Kubernetes API server gives", .0.name(), .0.limit() / MEGABYTE)]
struct TooLong(Of);

/// A body that ends with an error where it is too long.
pub(crate) struct Limited<B> {
    body: B,
    of: Of,
    /// Bytes read of the answer, or of the event that has not ended yet.
    read: usize,
}

impl<B> Limited<B> {
    /// Counts another piece.
    fn count(&mut self, piece: &[u8]) -> Result<(), TooLong> {
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            self.read = self.read.saturating_add(line.len());
            if self.read > self.of.limit() {
                return Err(TooLong(self.of));
            }
            if matches!(self.of, Of::Event) && line.ends_with(b"\n") {
                self.read = 0;
            }
        }
        Ok(())
    }
}

impl<B> Body for Limited<B>
where
    B: Body + Unpin,
    B::Data: AsRef<[u8]>,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context).map_err(Into::into);
        polled.map(|piece| {
            let counted = |frame: Frame<B::Data>| {
                let read = frame.data_ref().map_or(Ok(()), |data| self.count(data.as_ref()));
                read.map(|()| frame).map_err(BoxError::from)
            };
            piece.map(|frame| frame.and_then(counted))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use std::time::Duration;

    use domain::names::{Namespace, WorkloadName};
    use domain::observation::WorkloadRef;
    use futures::StreamExt as _;
    use ports::{Cluster as _, ClusterError, InventoryEvent, NamespaceScope};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::KubeCluster;

    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

    /// What the server says to a request; more than any limit, but not so much that a test could eat a machine.
    async fn answer(mut connection: TcpStream, is_endless: fn(&str) -> bool) {
        let mut asked = vec![0; 8192];
        let length = connection.read(&mut asked).await.unwrap();
        let asked = String::from_utf8_lossy(&asked[..length]).lines().next().unwrap_or_default().to_owned();
        if is_endless(&asked) {
            let mut said = connection.write_all(format!("{HEAD}\r\n").as_bytes()).await;
            for _ in 0..3 * ANSWER / MEGABYTE {
                if said.is_err() {
                    return;
                }
                said = connection.write_all(&vec![b'7'; MEGABYTE]).await;
            }
        } else {
            let list = r#"{"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []}"#;
            let whole = format!("{HEAD}content-length: {}\r\nconnection: close\r\n\r\n{list}", list.len());
            connection.write_all(whole.as_bytes()).await.unwrap();
        }
    }

    async fn server(is_endless: fn(&str) -> bool) -> KubeCluster {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer(connection, is_endless));
            }
        });
        KubeCluster::new(kube::Config::new(address.parse().unwrap())).unwrap()
    }

    #[tokio::test]
    async fn an_answer_without_end_is_given_up() {
        let cluster = server(|_| true).await;
        let cart = WorkloadRef::deployment(Namespace::parse("shop").unwrap(), WorkloadName::parse("cart").unwrap());
        let told = "an answer is longer than 64 MB, which no Kubernetes API server gives".to_owned();
        assert_eq!(cluster.observe(&cart).await, Err(ClusterError::Unreachable(told.clone())));
        assert_eq!(cluster.discover(&NamespaceScope::All).await, Err(ClusterError::Unreachable(told)));
    }

    #[tokio::test]
    async fn an_event_of_a_watch_without_end_is_given_up_and_the_watch_waits_longer_each_time() {
        let cluster = server(|asked| asked.contains("watch=true")).await;
        let mut events = cluster.watch(NamespaceScope::All);
        let patience = Duration::from_secs(20);
        for pause in [0, 1, 2] {
            let begin = std::time::Instant::now();
            let next = tokio::time::timeout(patience, events.next()).await;
            assert_eq!(next.unwrap(), Some(InventoryEvent::Synced));
            assert!(begin.elapsed() >= Duration::from_secs(pause), "it did not wait {pause} s");
            let next = tokio::time::timeout(patience, events.next()).await;
            let Some(InventoryEvent::Lost(ClusterError::Unreachable(told))) = next.unwrap() else {
                panic!("the watch goes on");
            };
            assert_eq!(told, "an event is longer than 4 MB, which no Kubernetes API server gives");
        }
    }

    #[test]
    fn a_watch_may_say_more_than_an_event_in_many_events() {
        let of = |of| Limited { body: (), of, read: 0 };
        let mut line = vec![b'7'; EVENT / 2];
        line.push(b'\n');
        let (mut watch, mut answer) = (of(Of::Event), of(Of::Answer));
        for _ in 0..31 {
            assert!(watch.count(&line).is_ok() && answer.count(&line).is_ok());
        }
        assert!(watch.count(&line).is_ok() && answer.count(&line).is_err());
        assert!(watch.count(&vec![b'7'; EVENT]).is_ok() && watch.count(b"7").is_err());
        assert!(of(Of::Event).count(&[line.as_slice(), &vec![b'7'; EVENT + 1]].concat()).is_err());
    }
}
