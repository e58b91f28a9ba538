//! The store's changes, kept for a while, so that a page which was rendered a moment before its stream
//! opened misses nothing.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use ports::Clock;
use store::{Change, Store};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

/// How long a change is kept: a page is rendered, its code loads (slowly, on a phone), its stream opens.
const KEPT_SECONDS: i64 = 120;

/// Changes kept at most; with more than this in two minutes a page fetches anew anyway.
const MOST_KEPT: usize = 512;

/// Changes that a stream may be behind before it starts over.
const BEHIND: usize = 256;

/// What a stream hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// One thing changed.
    Changed(Change),
    /// Something was missed: start over.
    Missed,
}

/// The changes of this server and, on PostgreSQL, of all others.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    /// The latest change of each thing, oldest first.
    recent: VecDeque<(DateTime<Utc>, Change)>,
    /// The last revision given to a change that carries none, in microseconds of the clock.
    last: i64,
    /// When changes were last missed.
    sender: broadcast::Sender<News>,
}

impl Feed {
    /// Follows the store until `shutdown`.
    #[must_use]
    pub fn start(store: &Store, clock: Arc<dyn Clock>, shutdown: CancellationToken) -> Self {
        let shared = Shared { recent: VecDeque::new(), last: 0, sender: broadcast::Sender::new(BEHIND) };
        let feed = Self { shared: Arc::new(Mutex::new(shared)) };
        let mut changes = store.changes();
        let taken = feed.clone();
        tokio::spawn(async move {
            loop {
                let heard = tokio::select! {
                    () = shutdown.cancelled() => return,
                    heard = changes.recv() => heard,
                };
                match heard {
                    Ok(change) => taken.tell(change, clock.now()),
                    Err(RecvError::Lagged(_)) => taken.tell(Change::EVERYTHING, clock.now()),
                    Err(RecvError::Closed) => return,
                }
            }
        });
        feed
    }

    fn tell(&self, mut change: Change, now: DateTime<Utc>) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if change.revision == 0 {
            // What has no revision of its own gets one by the time, rising across restarts: a page that
            // heard of a change must take the next one for new, and the same one told again for known.
            shared.last = now.timestamp_micros().max(shared.last + 1);
            change.revision = shared.last;
        }
        let news = if change == Change::EVERYTHING { News::Missed } else { News::Changed(change) };
        shared.recent.retain(|(at, kept)| {
            let is_same = kept.entity == change.entity && kept.id == change.id;
            !is_same && now - *at <= TimeDelta::seconds(KEPT_SECONDS)
        });
        if shared.recent.len() >= MOST_KEPT {
            shared.recent.pop_front();
        }
        if let News::Changed(change) = news {
            shared.recent.push_back((now, change));
        }
        // An error says that nobody listens.
        drop(shared.sender.send(news));
    }

    /// What changed lately, and everything from now on.
    pub fn subscribe(&self, now: DateTime<Utc>) -> (Vec<Change>, broadcast::Receiver<News>) {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at: DateTime<Utc>| now - at <= TimeDelta::seconds(KEPT_SECONDS);
        let recent = shared.recent.iter().filter(|(at, _)| is_fresh(*at)).map(|(_, change)| *change).collect();
        (recent, shared.sender.subscribe())
    }
}

#[cfg(test)]
mod tests {
    use store::Entity;

    use super::*;

    #[test]
    fn every_change_without_a_revision_is_new_and_told_again_is_known() {
        let shared = Shared { recent: VecDeque::new(), last: 0, sender: broadcast::Sender::new(BEHIND) };
        let feed = Feed { shared: Arc::new(Mutex::new(shared)) };
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
        let (_, mut news) = feed.subscribe(now);
        let change = Change { entity: Entity::Target, id: uuid::Uuid::from_u128(7), revision: 0 };
        let mut hear = || match news.try_recv() {
            Ok(News::Changed(change)) => change.revision,
            _ => 0,
        };
        // Twice within one moment: the second is later than the first all the same.
        feed.tell(change, now);
        feed.tell(change, now);
        let (first, second) = (hear(), hear());
        assert!(0 < first && first < second, "{first} {second}");
        let (told_again, _) = feed.subscribe(now);
        assert_eq!(told_again.iter().map(|change| change.revision).collect::<Vec<_>>(), [second]);
    }
}
