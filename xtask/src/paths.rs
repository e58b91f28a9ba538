//! Where things lie: the clone, the build output, the cache outside the clone.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::process;

/// The root of the clone.
pub fn root() -> PathBuf {
    // As `cargo run` says now: two clones that share a build folder share one program too, so what
    // was compiled in may be the other clone.
    let here = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.parent().unwrap_or(&here).to_path_buf()
}

/// Cargo's build folder, as cargo itself sees it (environment and configuration included).
///
/// # Errors
/// When `cargo metadata` fails or answers something else than its documented JSON.
pub fn target() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty()) {
        return Ok(root().join(folder));
    }
    let metadata = metadata(&["--no-deps"])?;
    let folder = metadata["target_directory"].as_str().context("cargo metadata names no target_directory")?;
    Ok(PathBuf::from(folder))
}

/// The parsed output of `cargo metadata` for this workspace.
///
/// # Errors
/// When cargo fails or does not answer JSON.
pub fn metadata(arguments: &[&str]) -> Result<serde_json::Value> {
    let text = process::output(process::cargo().args(["metadata", "--format-version", "1"]).args(arguments))?;
    serde_json::from_str(&text).context("cargo metadata did not answer JSON")
}

/// The folder that holds the finished browser half: what the server embeds.
///
/// # Errors
/// As [`target`].
pub fn site() -> Result<PathBuf> {
    Ok(target()?.join("site"))
}

/// What is built once and outlives a clone: `$XDG_CACHE_HOME/slipway` or `~/.cache/slipway`.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache() -> Result<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: there is no place for the cache")?;
    Ok(base.join("slipway"))
}
