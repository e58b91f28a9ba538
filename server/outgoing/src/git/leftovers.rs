//! Folders of a Slipway that was killed while git ran: a deploy key may lie in one, so they do not stay.

use std::{
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

/// What the name of such a folder begins with.
pub(super) const PREFIX: &str = "slipway-git-work-";

/// Longer than any work in one takes, also that of another Slipway on this machine.
const LEFT_AFTER: Duration = Duration::from_secs(1_800);

/// When they were last looked for.
#[derive(Default)]
pub(super) struct Leftovers {
    swept_at: Mutex<Option<Instant>>,
}

impl Leftovers {
    /// Removes those in the folder for temporary files, unless that was done a while ago: what is too fresh to
    /// be removed after a quick restart is old enough later.
    pub(super) async fn sweep_now_and_then(&self) {
        {
            let mut swept_at = self.swept_at.lock().unwrap_or_else(PoisonError::into_inner);
            if swept_at.is_some_and(|at| at.elapsed() < LEFT_AFTER) {
                return;
            }
            *swept_at = Some(Instant::now());
        }
        sweep().await;
    }
}

async fn sweep() {
    let swept = tokio::task::spawn_blocking(|| sweep_in(&std::env::temp_dir(), SystemTime::now())).await;
    match swept {
        Ok(Ok(0)) => {}
        Ok(Ok(removed)) => tracing::info!(removed, "removed folders of git that an earlier Slipway has left"),
        Ok(Err(error)) => tracing::warn!(error.message = %error, "the folder for temporary files cannot be swept"),
        Err(error) => tracing::warn!(error.message = %error, "the folder for temporary files was not swept"),
    }
}

/// Answers how many were removed. One that cannot be is logged and stays.
fn sweep_in(folder: &Path, now: SystemTime) -> std::io::Result<usize> {
    let own = rustix::process::geteuid().as_raw();
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // Never what a link leads to, and never another's.
        let Ok(found) = entry.metadata() else { continue };
        let age = found.modified().ok().and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
        if !found.is_dir() || found.uid() != own || age < LEFT_AFTER {
            continue;
        }
        match std::fs::remove_dir_all(entry.path()) {
            Ok(()) => removed += 1,
            Err(error) => tracing::warn!(error.message = %error, "a folder that git has left cannot be removed"),
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_was_left_long_ago_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["slipway-git-work-old", "other-old"] {
            std::fs::create_dir(at(name)).unwrap();
            std::fs::write(at(name).join("key"), "a key").unwrap();
        }
        std::os::unix::fs::symlink(at("other-old"), at("slipway-git-work-link")).unwrap();
        let now = SystemTime::now();
        assert_eq!(sweep_in(folder.path(), now).unwrap(), 0, "one may be in use");
        assert_eq!(sweep_in(folder.path(), now + LEFT_AFTER + Duration::from_secs(1)).unwrap(), 1);
        assert!(!at("slipway-git-work-old").exists());
        assert!(at("other-old").join("key").exists() && at("slipway-git-work-link").exists());
    }
}
