//! Live updates: `GET /events?page=/promotions/7`, one stream of server-sent events per page.
//!
//! An event carries `{entity, id, revision}` and nothing else; the page fetches the truth itself. On
//! (re)connecting a stream tells what changed lately and the revision of the promotion that the page
//! shows. It ends when the server does, when its person signs out, is kept out or gets another role, and
//! when it could not keep up: the browser then opens it anew and takes everything for changed.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Query, Request, State},
    http::{Method, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use store::{Change, Entity};
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tower_sessions::{Session, session::Id};

use super::{
    Web,
    actor::{self, SignedIn},
    feed::News,
    routes::{Access, Routes},
};
use crate::telemetry::LIVE_STREAMS;

/// How often a stream looks whether its person may still hear.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// A proxy closes what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Events that wait for a slow reader before the stream waits too.
const AHEAD: usize = 32;

/// How long the browser waits before it opens a stream anew, in milliseconds.
const REOPEN_AFTER: Duration = Duration::from_millis(1_000);

#[derive(serde::Deserialize)]
struct Asked {
    /// The path of the page.
    #[serde(default)]
    page: String,
}

/// Adds the stream.
pub(super) fn add(routes: &mut Routes) {
    routes.add(Access::Person, Method::GET, "/events", events);
}

async fn events(
    State(web): State<Arc<Web>>,
    Extension(who): Extension<SignedIn>,
    session: Session,
    Query(asked): Query<Asked>,
    request: Request,
) -> Response {
    let Ok(permit) = Arc::clone(&web.streams).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let Some(session) = session.id() else { return StatusCode::UNAUTHORIZED.into_response() };
    // Listening first: what changes while the present revision is read is not lost.
    let (mut first, news) = web.feed.subscribe(web.clock.now());
    first.extend(shown_promotion(&web, &asked.page).await);
    let (sender, receiver) = mpsc::channel(AHEAD);
    let from = actor::address(&request).shown();
    let stream = Stream { web, who, session, from, sender };
    tokio::spawn(async move {
        metrics::gauge!(LIVE_STREAMS).increment(1);
        stream.run(first, news).await;
        metrics::gauge!(LIVE_STREAMS).decrement(1);
        drop(permit);
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Sse::new(ReceiverStream::new(receiver)).keep_alive(keep_alive).into_response()
}

/// The present revision of the promotion that the page is about.
async fn shown_promotion(web: &Web, page: &str) -> Option<Change> {
    let path = page.split('?').next().unwrap_or_default();
    let number = path.strip_prefix("/promotions/")?.parse().ok()?;
    let mut read = web.store.read().await.ok()?;
    let loaded = read.promotion_by_number(number).await.ok()??;
    Some(Change::promotion(loaded.promotion.id, loaded.revision))
}

struct Stream {
    web: Arc<Web>,
    who: SignedIn,
    session: Id,
    from: Option<String>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
}

impl Stream {
    async fn run(self, first: Vec<Change>, mut news: broadcast::Receiver<News>) {
        let mut sign_outs = self.web.sign_outs.subscribe();
        let mut look_again = tokio::time::interval(LOOK_AGAIN);
        look_again.tick().await;
        // Something must arrive at once, or proxies keep the head of the answer to themselves.
        if self.send(Event::default().retry(REOPEN_AFTER).comment("open")).await.is_err() {
            return;
        }
        for change in first {
            if self.tell(change).await.is_err() {
                return;
            }
        }
        loop {
            let goes_on = tokio::select! {
                () = self.web.shutdown.cancelled() => false,
                () = self.sender.closed() => false,
                _ = look_again.tick() => self.may_hear().await,
                changed = sign_outs.changed() => changed.is_ok() && self.may_hear().await,
                heard = news.recv() => match heard {
                    Ok(News::Changed(change)) => {
                        let is_about_me = change.entity == Entity::Person && change.id == self.who.person.uuid();
                        (!is_about_me || self.may_hear().await) && self.tell(change).await.is_ok()
                    }
                    Ok(News::Missed) | Err(_) => false,
                },
            };
            if !goes_on {
                return;
            }
        }
    }

    async fn tell(&self, change: Change) -> Result<(), ()> {
        let event = Event::default().json_data(change).map_err(|_| ())?;
        self.send(event).await
    }

    /// Waits for a slow reader, but not beyond the server's end.
    async fn send(&self, event: Event) -> Result<(), ()> {
        tokio::select! {
            () = self.web.shutdown.cancelled() => Err(()),
            sent = self.sender.send(Ok(event)) => sent.map_err(|_| ()),
        }
    }

    /// Whether the session is still there and its person is who they were. When the database cannot
    /// tell, the stream ends: the browser asks again.
    async fn may_hear(&self) -> bool {
        if !self.web.sessions.is_of(self.session, self.who.person).await {
            return false;
        }
        let actor = self.web.engine.actor_of_person(self.who.person, self.from.clone()).await;
        actor.is_ok_and(|actor| actor.role == self.who.actor.role)
    }
}
