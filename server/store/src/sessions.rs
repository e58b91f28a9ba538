//! Browser sessions. The identity is the SHA-256 of what the cookie carries, so that who reads the
//! database cannot sign in with it.

use domain::ids::PersonId;

use crate::{
    Read, StoreError, Tx,
    columns::record,
    connection::{execute, fetch_optional},
    statements::statements,
};

record! {
    /// A session.
    pub struct Session {
        /// The SHA-256 of the secret, 32 bytes.
        pub id: Vec<u8>,
        /// What the web edge keeps in it.
        pub data: Vec<u8>,
        /// Who is signed in.
        pub person_id: Option<PersonId>,
        /// When it ends, in seconds since 1970.
        pub expires_at: i64,
    }
}

const CREATE: &str = "
    INSERT INTO sessions (id, data, person_id, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";

const SAVE: &str = "
    INSERT INTO sessions (id, data, person_id, expires_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (id) DO UPDATE SET data = excluded.data, person_id = excluded.person_id,
        expires_at = excluded.expires_at";

const LOAD: &str = "SELECT id, data, person_id, expires_at FROM sessions WHERE id = $1 AND expires_at > $2";

const DELETE: &str = "DELETE FROM sessions WHERE id = $1";

const DELETE_OF_PERSON: &str = "DELETE FROM sessions WHERE person_id = $1";

const DELETE_EXPIRED: &str = "DELETE FROM sessions WHERE expires_at <= $1";

statements!("sessions.rs": CREATE, SAVE, LOAD, DELETE, DELETE_OF_PERSON, DELETE_EXPIRED);

impl Tx {
    /// Adds a session unless there is one with this identity already; tells whether it was added.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_session(&mut self, session: &Session) -> Result<bool, StoreError> {
        let person = session.person_id.map(PersonId::uuid);
        let (id, data) = (session.id.as_slice(), session.data.as_slice());
        Ok(execute!(self, CREATE, id, data, person, session.expires_at)? == 1)
    }

    /// Writes a session, whether it is there or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_session(&mut self, session: &Session) -> Result<(), StoreError> {
        let person = session.person_id.map(PersonId::uuid);
        let (id, data) = (session.id.as_slice(), session.data.as_slice());
        execute!(self, SAVE, id, data, person, session.expires_at).map(drop)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_session(&mut self, id: &[u8]) -> Result<(), StoreError> {
        execute!(self, DELETE, id).map(drop)
    }

    /// Ends all sessions of a person; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_sessions_of(&mut self, person: PersonId) -> Result<u64, StoreError> {
        execute!(self, DELETE_OF_PERSON, person.uuid())
    }

    /// Forgets sessions that ended at `now` (seconds since 1970) or before; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_expired_sessions(&mut self, now: i64) -> Result<u64, StoreError> {
        execute!(self, DELETE_EXPIRED, now)
    }
}

impl Read {
    /// The session with this identity, unless it ended at `now` (seconds since 1970) or before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn session(&mut self, id: &[u8], now: i64) -> Result<Option<Session>, StoreError> {
        fetch_optional!(self, LOAD => Session, id, now)
    }
}
