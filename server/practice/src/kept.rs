//! Files in which practice things outlive the process.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

/// What the file at `path` keeps; a file that is not there keeps nothing.
///
/// # Errors
/// [`io::Error`] when the file is there but cannot be read.
pub(crate) fn read<T: DeserializeOwned + Default>(path: &Path) -> io::Result<T> {
    match std::fs::read(path) {
        Ok(kept) => Ok(serde_json::from_slice(&kept)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(error),
    }
}

/// Writes the file anew, whole or not at all.
///
/// # Errors
/// [`io::Error`] when it cannot be written; the file is as it was then.
pub(crate) fn write(path: &Path, what: &impl Serialize) -> io::Result<()> {
    let new = beside(path, "new");
    std::fs::write(&new, serde_json::to_vec(what)?)?;
    std::fs::rename(new, path)
}

/// A file beside the one at `path`, with another ending.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}
