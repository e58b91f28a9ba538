//! Seals what must not be read from the database: cluster tokens, Slack's token. Each sealed value
//! is bound to its place, so that it cannot be moved to another row.

use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use ports::Randomness;
use secrecy::{ExposeSecret, SecretString};

/// The nonce's length; XChaCha20's is long enough to be drawn at random.
const NONCE: usize = 24;

/// A value could not be opened: another key, another place, or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored secret cannot be opened with this encryption key")]
pub struct CannotOpen;

/// Seals and opens with one key.
pub struct Sealer {
    cipher: XChaCha20Poly1305,
}

impl Sealer {
    /// A sealer with this key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(Key::from_slice(key)) }
    }

    /// Seals `secret` for `place`, such as `cluster:<id>`. The nonce stands before the text.
    ///
    /// # Errors
    /// Never with texts of a size that fits into memory; the cipher's limit is 256 GB.
    pub fn seal(&self, randomness: &dyn Randomness, place: &str, secret: &SecretString) -> Result<Vec<u8>, CannotOpen> {
        let mut nonce = [0; NONCE];
        randomness.fill(&mut nonce);
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: place.as_bytes() };
        let sealed = self.cipher.encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| CannotOpen)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for `place`.
    ///
    /// # Errors
    /// [`CannotOpen`] with another key, for another place, or when it is damaged.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<SecretString, CannotOpen> {
        let (nonce, text) = sealed.split_at_checked(NONCE).ok_or(CannotOpen)?;
        let payload = Payload { msg: text, aad: place.as_bytes() };
        let opened = self.cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| CannotOpen)?;
        String::from_utf8(opened).map(SecretString::from).map_err(|_| CannotOpen)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn clock() -> std::sync::Arc<dyn ports::Clock> {
        std::sync::Arc::new(practice::MockClock::at(chrono::DateTime::UNIX_EPOCH))
    }

    #[test]
    fn a_sealed_secret_opens_only_in_its_place_with_its_key() {
        let randomness = practice::SeededRandomness::new(1, clock());
        let sealer = Sealer::new(&[1; 32]);
        let sealed = sealer.seal(&randomness, "cluster:1", &SecretString::from("token")).unwrap();
        assert!(!sealed.windows(5).any(|w| w == b"token"));
        assert_eq!(sealer.open("cluster:1", &sealed).unwrap().expose_secret(), "token");
        assert_eq!(sealer.open("cluster:2", &sealed).unwrap_err(), CannotOpen);
        assert_eq!(Sealer::new(&[2; 32]).open("cluster:1", &sealed).unwrap_err(), CannotOpen);
        let mut damaged = sealed;
        damaged[30] ^= 1;
        assert_eq!(sealer.open("cluster:1", &damaged).unwrap_err(), CannotOpen);
        assert_eq!(sealer.open("cluster:1", &[0; 3]).unwrap_err(), CannotOpen);
    }
}
