//! The key that seals secrets in the database: given, or made once in the data folder.

use std::{
    fmt,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ports::Randomness;

/// A key of 32 bytes. It is never printed.
#[derive(Clone)]
pub struct EncryptionKey([u8; 32]);

impl EncryptionKey {
    /// Reads 32 bytes in base64.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text.trim()).ok()?.try_into().ok().map(Self)
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey(…)")
    }
}

/// The key's file cannot be used. A lost key loses the sealed secrets, so nothing is made anew
/// where a file is there.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Reading or writing failed.
    #[error("encryption_key: {} cannot be read or written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("encryption_key: {} does not hold 32 bytes in base64", .0.display())]
    Content(PathBuf),
}

/// Reads `encryption.key` in `data_dir`, or makes it (readable by its owner only).
///
/// # Errors
/// [`KeyFileError`].
pub fn load_or_make(data_dir: &Path, randomness: &dyn Randomness) -> Result<EncryptionKey, KeyFileError> {
    let path = data_dir.join("encryption.key");
    let failed = |source| KeyFileError::File { path: path.clone(), source };
    match std::fs::read_to_string(&path) {
        Ok(text) => return EncryptionKey::parse(&text).ok_or(KeyFileError::Content(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let mut key = [0; 32];
    randomness.fill(&mut key);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path).map_err(failed)?;
    file.write_all(STANDARD.encode(key).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(EncryptionKey(key))
}
