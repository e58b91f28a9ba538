//! Hashes over files: to know whether inputs changed, and to name a build after its contents.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// A running hash over named parts. The name and length of each part are hashed with it, so that
/// moving bytes from one part to the next gives another result.
pub struct Hash(Sha256);

impl Hash {
    /// An empty hash.
    pub fn new() -> Self {
        Self(Sha256::new())
    }

    /// Adds one part.
    pub fn add(&mut self, name: &str, bytes: &[u8]) {
        for part in [name.as_bytes(), bytes] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }

    /// Adds a file, or every file below a folder, under the name that it has from `root`.
    /// What does not exist adds nothing.
    ///
    /// # Errors
    /// When a file that exists cannot be read.
    pub fn add_path(&mut self, root: &Path, path: &Path) -> Result<()> {
        for file in files_below(path)? {
            let name = file.strip_prefix(root).unwrap_or(&file);
            let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            self.add(&name.to_string_lossy(), &bytes);
        }
        Ok(())
    }

    /// All 64 hexadecimal digits.
    pub fn long(self) -> String {
        let digest = self.0.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first 16 hexadecimal digits: 64 bits are plenty to tell builds apart.
    pub fn short(self) -> String {
        let mut text = self.long();
        text.truncate(16);
        text
    }
}

/// Every file below a folder (or the file itself), sorted by path; none when it does not exist.
///
/// # Errors
/// When a folder that exists cannot be listed.
pub fn files_below(path: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![path.to_path_buf()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).with_context(|| format!("cannot list {}", path.display()))?;
            for entry in entries {
                waiting.push(entry?.path());
            }
        } else if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(parts: &[(&str, &str)]) -> String {
        let mut hash = Hash::new();
        for (name, bytes) in parts {
            hash.add(name, bytes.as_bytes());
        }
        hash.short()
    }

    #[test]
    fn moving_bytes_between_parts_changes_the_hash() {
        assert_ne!(short(&[("a", "xy"), ("b", "")]), short(&[("a", "x"), ("b", "y")]));
        assert_ne!(short(&[("ab", "c")]), short(&[("a", "bc")]));
        assert_eq!(short(&[("a", "x")]).len(), 16);
    }
}
