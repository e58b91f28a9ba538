//! The browser half, finished: what the server embeds.
//!
//! `<target>/site/` holds every file, its precompressed forms beside it (`.br`, `.gz`), and
//! `manifest.txt`, which names them and the hash over their contents. It is replaced as a whole
//! and only when something in it changed, so a server that was built with it stays up to date.
//! Work is skipped by what it depends on: the compiled module by a hash over its sources, binding
//! and shrinking by the compiled module.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::digest::{Hash, files_below};
use crate::paths;
use crate::steps::{say, step};
use crate::styles;
use crate::wasm::{self, Optimiser, Profile, Toolchain};

/// What the code of these steps does to the result: part of the inputs.
const STEPS: &[&str] = &[include_str!("site.rs"), include_str!("styles.rs"), include_str!("wasm.rs")];

/// Builds what has changed.
///
/// # Errors
/// When no toolchain is to be had, or something does not compile.
pub fn build(profile: Profile) -> Result<()> {
    let site = paths::site()?;
    // Beside the site, not in it: what lies there decides only what is skipped.
    let parts = paths::target()?.join("site-parts");
    let toolchain = wasm::choose()?;
    let optimiser = match profile {
        Profile::Release => wasm::optimiser(),
        Profile::Dev => None,
    };
    let inputs = inputs(&toolchain, profile, optimiser.is_some())?;
    let noted = parts.join("inputs.txt");
    if is_noted(&noted, &inputs) && site.join("manifest.txt").exists() {
        say("browser half: unchanged");
        return Ok(());
    }

    let bound = bound_module(&toolchain, profile, optimiser.as_ref(), &parts)?;
    let new = parts.join("site");
    clear(&new)?;
    let hash = step("putting the site together", || assemble(&bound, &new))?;
    let manifest = fs::read(new.join("manifest.txt"))?;
    if fs::read(site.join("manifest.txt")).is_ok_and(|old| old == manifest) {
        say(&format!("site {hash}: the same as before"));
    } else {
        if site.exists() {
            fs::remove_dir_all(&site).with_context(|| format!("cannot replace {}", site.display()))?;
        }
        fs::rename(&new, &site).with_context(|| format!("cannot write {}", site.display()))?;
        report(&site, &hash)?;
    }
    note(&noted, &inputs)
}

/// A hash over everything that the site is made of.
fn inputs(toolchain: &Toolchain, profile: Profile, optimised: bool) -> Result<String> {
    let root = paths::root();
    let mut hash = Hash::new();
    for path in ["app", "style", "public", "Cargo.toml", "Cargo.lock"] {
        hash.add_path(&root, &root.join(path))?;
    }
    for text in STEPS {
        hash.add("step", text.as_bytes());
    }
    hash.add("toolchain", toolchain.shown().as_bytes());
    hash.add("profile", profile.name().as_bytes());
    hash.add("optimised", &[u8::from(optimised)]);
    Ok(hash.short())
}

fn is_noted(file: &Path, value: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|text| text == value)
}

fn note(file: &Path, value: &str) -> Result<()> {
    fs::write(file, value).with_context(|| format!("cannot write {}", file.display()))
}

fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// The folder with the bound and shrunk module, made again only when the compiled one differs.
fn bound_module(
    toolchain: &Toolchain,
    profile: Profile,
    optimiser: Option<&Optimiser>,
    parts: &Path,
) -> Result<PathBuf> {
    say(&format!("browser half: {}", toolchain.shown()));
    let module = step("compiling the browser half", || wasm::compile(toolchain, profile))?;
    let mut hash = Hash::new();
    let compiled = fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    hash.add("module", &compiled);
    hash.add("optimised", &[u8::from(optimiser.is_some())]);
    hash.add("steps", include_bytes!("wasm.rs"));
    let key = hash.short();
    let folder = parts.join("bound");
    let noted = parts.join("bound.txt");
    if is_noted(&noted, &key) && folder.exists() {
        return Ok(folder);
    }
    clear(&folder)?;
    step("binding it to JavaScript", || wasm::bind(&module, &folder, profile))?;
    if let Some(optimiser) = optimiser {
        step("shrinking it (wasm-opt)", || wasm::optimise(optimiser, &folder.join(format!("{}_bg.wasm", wasm::NAME))))?;
    }
    note(&noted, &key)?;
    Ok(folder)
}

/// One file of the site with its forms.
struct Packed {
    path: String,
    plain: Vec<u8>,
    brotli: Option<Vec<u8>>,
    gzip: Option<Vec<u8>>,
}

/// Puts all files into a folder; the hash over their paths and contents.
fn assemble(bound: &Path, folder: &Path) -> Result<String> {
    let root = paths::root();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for source in [bound, &root.join("public")] {
        for file in files_below(source)? {
            let path = file.strip_prefix(source).unwrap_or(&file);
            files.push((path.to_string_lossy().into_owned(), fs::read(&file)?));
        }
    }
    let styles = root.join("style/main.css");
    if styles.exists() {
        let text = styles::bundle(&styles)?;
        files.push((format!("{}.css", wasm::NAME), text.into_bytes()));
    } else {
        say("style/main.css does not exist: the site has no style sheet");
    }
    files.sort();

    let mut hash = Hash::new();
    for (path, bytes) in &files {
        hash.add(path, bytes);
    }
    let hash = hash.short();
    let mut manifest = format!("hash {hash}\n");
    for packed in pack_all(files)? {
        write_packed(folder, &packed, &mut manifest)?;
    }
    fs::write(folder.join("manifest.txt"), manifest)?;
    Ok(hash)
}

/// Compresses on all cores: brotli's best takes seconds for the module.
fn pack_all(files: Vec<(String, Vec<u8>)>) -> Result<Vec<Packed>> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = files.into_iter().map(|(path, plain)| scope.spawn(move || pack(path, plain))).collect();
        workers.into_iter().map(|worker| worker.join().map_err(|_| anyhow::anyhow!("compressing failed"))?).collect()
    })
}

fn pack(path: String, plain: Vec<u8>) -> Result<Packed> {
    let mut brotli = Vec::new();
    brotli::BrotliCompress(&mut plain.as_slice(), &mut brotli, &brotli::enc::BrotliEncoderParams::default())?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&plain)?;
    let gzip = gzip.finish()?;
    // Fonts and pictures are compressed already: another form must be worth its place.
    let worth = |form: Vec<u8>| (form.len() * 20 < plain.len() * 19).then_some(form);
    Ok(Packed { path, brotli: worth(brotli), gzip: worth(gzip), plain })
}

fn write_packed(folder: &Path, packed: &Packed, manifest: &mut String) -> Result<()> {
    let file = folder.join(&packed.path);
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    write!(manifest, "file {}", packed.path)?;
    fs::write(&file, &packed.plain)?;
    for (extension, form) in [("br", &packed.brotli), ("gz", &packed.gzip)] {
        if let Some(form) = form {
            fs::write(folder.join(format!("{}.{extension}", packed.path)), form)?;
            write!(manifest, "\t{extension}")?;
        }
    }
    manifest.push('\n');
    Ok(())
}

/// Says how large the parts are that every page loads.
fn report(site: &Path, hash: &str) -> Result<()> {
    let mut parts = Vec::new();
    for file in ["slipway_bg.wasm", "slipway.js", "slipway.css"] {
        let plain = site.join(file);
        if let Ok(meta) = plain.metadata() {
            let brotli = site.join(format!("{file}.br")).metadata().unwrap_or(meta.clone());
            parts.push(format!("{file} {} KB ({} KB brotli)", meta.len() / 1000, brotli.len() / 1000));
        }
    }
    say(&format!("site {hash}: {}", parts.join(", ")));
    Ok(())
}
