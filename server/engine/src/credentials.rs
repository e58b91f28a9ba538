//! Passwords, API tokens and one-time links: how they are made, kept and compared. What is kept
//! never lets anyone in by itself.

use std::sync::OnceLock;

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ports::Randomness;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

/// Shortest password. Length beats rules about characters (NIST SP 800-63B, 2024: at least 8; 15
/// where the password stands alone).
pub const PASSWORD_AT_LEAST: usize = 12;

/// Longest password: enough for any manager, too short to keep the hash busy.
pub const PASSWORD_AT_MOST: usize = 200;

/// One hash takes 19 MiB and some 30 ms; two at a time leave a small machine usable while many
/// people, or one attacker, sign in.
const HASHES_AT_ONCE: usize = 2;

/// What precedes the secret of an API token, so that scanners of leaked secrets find it.
const TOKEN_PREFIX: &str = "slipway_";

/// Hashes and checks passwords, never on the threads that serve requests.
pub struct Passwords {
    gate: Semaphore,
}

/// The hashing itself failed; a defect or a machine without memory.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be processed")]
pub struct HashingFailed;

impl Passwords {
    /// With its own gate.
    #[must_use]
    pub fn new() -> Self {
        Self { gate: Semaphore::new(HASHES_AT_ONCE) }
    }

    /// Hashes a password with Argon2id and a new salt, as a PHC string.
    ///
    /// # Errors
    /// [`HashingFailed`].
    pub async fn hash(&self, randomness: &dyn Randomness, password: &SecretString) -> Result<String, HashingFailed> {
        let _turn = self.gate.acquire().await.map_err(|_| HashingFailed)?;
        let mut salt = [0; 16];
        randomness.fill(&mut salt);
        let password = password.clone();
        let hashing = move || {
            let hash: Result<PasswordHash, _> =
                Argon2::default().hash_password_with_salt(password.expose_secret().as_bytes(), &salt);
            hash.map(|h| h.to_string())
        };
        tokio::task::spawn_blocking(hashing).await.map_err(|_| HashingFailed)?.map_err(|_| HashingFailed)
    }

    /// Whether `password` fits `hash`. Without a hash it takes as long and says no, so that nobody
    /// learns from the time which accounts exist.
    ///
    /// # Errors
    /// [`HashingFailed`].
    pub async fn fits(&self, password: &SecretString, hash: Option<String>) -> Result<bool, HashingFailed> {
        let _turn = self.gate.acquire().await.map_err(|_| HashingFailed)?;
        let password = password.clone();
        let checking = move || {
            let is_known = hash.is_some();
            let hash = hash.as_deref().unwrap_or_else(|| nobodys_hash());
            let verifier = Argon2::default();
            let fits = PasswordVerifier::<str>::verify_password(&verifier, password.expose_secret().as_bytes(), hash);
            is_known && fits.is_ok()
        };
        tokio::task::spawn_blocking(checking).await.map_err(|_| HashingFailed)
    }
}

/// A hash with the usual parameters of a password that nobody has.
fn nobodys_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let hash: Result<PasswordHash, _> = Argon2::default().hash_password_with_salt(b"nobody", &[7; 16]);
        hash.map(|h| h.to_string()).unwrap_or_default()
    })
}

/// A secret that is shown once, and what is kept of it.
pub struct NewSecret {
    /// What its holder gets.
    pub shown: SecretString,
    /// What is kept.
    pub hash: [u8; 32],
}

/// Makes the secret of an API token.
#[must_use]
pub fn new_token(randomness: &dyn Randomness) -> NewSecret {
    new_secret(randomness, TOKEN_PREFIX)
}

/// Makes the secret of a one-time link; fit for an address.
#[must_use]
pub fn new_link(randomness: &dyn Randomness) -> NewSecret {
    new_secret(randomness, "")
}

fn new_secret(randomness: &dyn Randomness, prefix: &str) -> NewSecret {
    let mut bytes = [0; 32];
    randomness.fill(&mut bytes);
    let shown = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes));
    let hash = secret_hash(&shown);
    NewSecret { shown: SecretString::from(shown), hash }
}

/// What is kept of a secret of 256 random bits: its SHA-256. It is looked up by that, so that no
/// comparison of secrets takes a time that tells anything.
#[must_use]
pub fn secret_hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn clock() -> std::sync::Arc<dyn ports::Clock> {
        std::sync::Arc::new(practice::MockClock::at(chrono::DateTime::UNIX_EPOCH))
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let randomness = practice::SeededRandomness::new(1, clock());
        let passwords = Passwords::new();
        let right = SecretString::from("correct horse battery");
        let hash = passwords.hash(&randomness, &right).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.fits(&right, Some(hash.clone())).await.unwrap());
        assert!(!passwords.fits(&SecretString::from("wrong"), Some(hash)).await.unwrap());
        assert!(!passwords.fits(&SecretString::from("nobody"), None).await.unwrap());
        assert!(!passwords.fits(&right, Some("damaged".into())).await.unwrap());
    }

    #[test]
    fn secrets_differ_and_only_their_hash_is_kept() {
        let randomness = practice::SeededRandomness::new(1, clock());
        let (a, b) = (new_token(&randomness), new_token(&randomness));
        assert_ne!(a.hash, b.hash);
        assert!(a.shown.expose_secret().starts_with("slipway_"));
        assert_eq!(a.shown.expose_secret().len(), 8 + 43);
        assert_eq!(secret_hash(a.shown.expose_secret()), a.hash);
    }
}
