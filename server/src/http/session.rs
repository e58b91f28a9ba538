//! Browser sessions: tower-sessions over our database.
//!
//! The cookie carries 128 random bits; the database knows their SHA-256 only. A session ends after the
//! configured hours without a request, after two weeks in any case, when its person signs out or is kept
//! out. A request that was under way then cannot bring it back: saving never makes a session anew.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::PersonId;
use ports::Clock;
use sha2::{Digest as _, Sha256};
use store::Store;
use time::OffsetDateTime;
use tower_sessions::{
    Expiry, Session, SessionManagerLayer, SessionStore,
    cookie::SameSite,
    session::{Id, Record},
    session_store,
};

use crate::config::PublicUrl;

/// The person, in a session.
const PERSON: &str = "person";

/// When the person signed in, in seconds since 1970.
const SINCE: &str = "since";

/// When the session's end was last moved, in seconds since 1970.
const RENEWED: &str = "renewed";

/// A session without a person keeps what a form came back with, no longer than one reads it.
const NOBODYS_MINUTES: i64 = 30;

/// However busy a session is, its person signs in again after this.
const LONGEST_DAYS: i64 = 14;

/// Moving the end of a session is a write; more often than this it is not worth one.
const RENEW_AFTER_MINUTES: i64 = 10;

/// The name of the cookie. `__Host-` makes browsers refuse one that another host or plain http set.
#[must_use]
pub const fn cookie_name(is_https: bool) -> &'static str {
    if is_https { "__Host-slipway" } else { "slipway" }
}

/// The header that removes the cookie; browsers refuse one without Secure under a `__Host-` name.
#[must_use]
pub fn removal(is_https: bool) -> &'static str {
    if is_https {
        "__Host-slipway=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"
    } else {
        "slipway=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    }
}

/// Sessions in our database.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    clock: Arc<dyn Clock>,
    idle: TimeDelta,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("idle", &self.idle).finish_non_exhaustive()
    }
}

impl Sessions {
    /// Sessions that end after `idle_hours` without a request.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, idle_hours: u32) -> Self {
        Self { store, clock, idle: TimeDelta::hours(i64::from(idle_hours)) }
    }

    /// The layer that gives every request its [`Session`].
    #[must_use]
    pub fn layer(self, public_url: &PublicUrl) -> SessionManagerLayer<Self> {
        SessionManagerLayer::new(self)
            .with_name(cookie_name(public_url.is_https))
            .with_secure(public_url.is_https)
            .with_http_only(true)
            // Strict would drop the session of who follows a link from Slack.
            .with_same_site(SameSite::Lax)
            // The end is kept in the database; the browser keeps the cookie no longer than any session lasts.
            .with_expiry(Expiry::OnInactivity(time::Duration::days(LONGEST_DAYS)))
    }

    /// Whether this session is still `person`'s. When the database cannot tell: no.
    pub async fn is_of(&self, id: Id, person: PersonId) -> bool {
        let Ok(mut read) = self.store.read().await else { return false };
        let found = read.session(&hash(id), self.clock.now().timestamp()).await;
        found.is_ok_and(|row| row.is_some_and(|row| row.person_id == Some(person)))
    }

    fn row(&self, record: &Record) -> session_store::Result<store::Session> {
        let data = serde_json::to_vec(&record.data).map_err(|e| session_store::Error::Encode(e.to_string()))?;
        let person_id = record.data.get(PERSON).and_then(|p| serde_json::from_value(p.clone()).ok());
        let since = record.data.get(SINCE).and_then(serde_json::Value::as_i64);
        let expires_at = self.end(person_id, since).timestamp();
        Ok(store::Session { id: hash(record.id), data, person_id, expires_at })
    }

    fn end(&self, person: Option<PersonId>, since: Option<i64>) -> DateTime<Utc> {
        let now = self.clock.now();
        let Some(since) = person.and(since).and_then(|s| DateTime::from_timestamp(s, 0)) else {
            return now + TimeDelta::minutes(NOBODYS_MINUTES);
        };
        (now + self.idle).min(since + TimeDelta::days(LONGEST_DAYS))
    }
}

fn hash(id: Id) -> Vec<u8> {
    Sha256::digest(id.0.to_le_bytes()).to_vec()
}

fn failed(error: store::StoreError) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let mut tx = self.store.begin().await.map_err(failed)?;
        while !tx.create_session(&self.row(record)?).await.map_err(failed)? {
            record.id = Id::default();
        }
        tx.commit().await.map_err(failed)
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let row = self.row(record)?;
        let mut tx = self.store.begin().await.map_err(failed)?;
        if tx.session(&row.id, self.clock.now().timestamp()).await.map_err(failed)?.is_some() {
            tx.save_session(&row).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let mut read = self.store.read().await.map_err(failed)?;
        let found = read.session(&hash(*id), self.clock.now().timestamp()).await.map_err(failed)?;
        let Some(row) = found else { return Ok(None) };
        let data = serde_json::from_slice(&row.data).map_err(|e| session_store::Error::Decode(e.to_string()))?;
        let expiry_date = OffsetDateTime::from_unix_timestamp(row.expires_at)
            .map_err(|e| session_store::Error::Decode(e.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        let mut tx = self.store.begin().await.map_err(failed)?;
        tx.delete_session(&hash(*id)).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}

/// Who is signed in by this session.
///
/// # Errors
/// The session store's.
pub async fn person(session: &Session) -> Result<Option<PersonId>, tower_sessions::session::Error> {
    session.get(PERSON).await
}

/// Signs a person in: the session gets a new identity, so that one that somebody planted before is
/// worth nothing.
///
/// # Errors
/// The session store's.
pub async fn sign_in(
    session: &Session,
    person: PersonId,
    now: DateTime<Utc>,
) -> Result<(), tower_sessions::session::Error> {
    session.clear().await;
    session.cycle_id().await?;
    session.insert(PERSON, person).await?;
    session.insert(SINCE, now.timestamp()).await?;
    session.insert(RENEWED, now.timestamp()).await
}

/// Moves the session's end when it was not moved lately.
///
/// # Errors
/// The session store's.
pub async fn renew(session: &Session, now: DateTime<Utc>) -> Result<(), tower_sessions::session::Error> {
    let renewed = session.get::<i64>(RENEWED).await?.and_then(|s| DateTime::from_timestamp(s, 0));
    if renewed.is_none_or(|renewed| now - renewed >= TimeDelta::minutes(RENEW_AFTER_MINUTES)) {
        session.insert(RENEWED, now.timestamp()).await?;
    }
    Ok(())
}
