//! The browser half as WebAssembly: choosing a toolchain that can build it, building, binding it
//! to JavaScript, making it small.
//!
//! Two ways lead to a standard library for WebAssembly. The ordinary one is rustup's target
//! `wasm32-unknown-unknown`, added when it is missing. Where rustup cannot (no network to its
//! downloads, or no rustup at all), Debian's `rustc-web` builds the standard library from the
//! sources in its package `rust-web-src`. Which was chosen is printed; `SLIPWAY_WASM_STD=debian`
//! forces the second.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::digest::Hash;
use crate::paths;
use crate::process;
use crate::setup;
use crate::steps::{say, step};

const TARGET: &str = "wasm32-unknown-unknown";

/// The name of the files, as Leptos' hydration script looks for them: `slipway.js` and
/// `slipway_bg.wasm`.
pub const NAME: &str = "slipway";

/// How much work goes into a small file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Small: what is shipped.
    Release,
    /// Quick to build: for work on the pages.
    Dev,
}

impl Profile {
    /// The cargo profile, and the folder of its output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "wasm-release",
            Self::Dev => "wasm-dev",
        }
    }
}

/// A way to compile for WebAssembly.
pub enum Toolchain {
    /// The rustc in use has the standard library for the target.
    Installed {
        /// What `rustc --version` says.
        version: String,
    },
    /// Debian's rustc, which builds the standard library first.
    Debian {
        /// What `rustc --version` says.
        version: String,
        /// A linker for WebAssembly: the package has none.
        linker: PathBuf,
    },
}

/// Where Debian's package puts its rustc; rustup's comes first on `PATH`.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];

/// Chooses how to compile for WebAssembly, and sets up what that way lacks.
///
/// # Errors
/// When neither way is there and none can be set up; the message names the command.
pub fn choose() -> Result<Toolchain> {
    let forced = env::var_os("SLIPWAY_WASM_STD").is_some_and(|way| way == "debian");
    if !forced && let Some(toolchain) = installed() {
        return Ok(toolchain);
    }
    if !forced && process::which("rustup").is_some() {
        say(&format!("this Rust cannot build for the browser yet: asking rustup for the target {TARGET}"));
        let added = process::command("rustup").args(["target", "add", TARGET]).status();
        match (added, installed()) {
            (Ok(status), Some(toolchain)) if status.success() => return Ok(toolchain),
            _ => say("rustup could not add it: trying Debian's rustc-web"),
        }
    }
    if debian().is_none() {
        setup::apt_install(
            "the browser half needs a Rust that compiles for WebAssembly",
            DEBIAN_PACKAGES,
            &format!("the target, by `rustup target add {TARGET}`"),
        )?;
    }
    let version = debian().context("the packages brought no rustc with its library's sources")?;
    Ok(Toolchain::Debian { version, linker: linker()? })
}

fn installed() -> Option<Toolchain> {
    let sysroot = process::ask(process::command("rustc").args(["--print", "sysroot"]))?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).join("lib");
    let mut files = fs::read_dir(library).ok()?;
    files.next()?.ok()?;
    let version = process::ask(process::command("rustc").arg("--version"))?;
    Some(Toolchain::Installed { version: version.trim().to_owned() })
}

/// The version of Debian's rustc, when the sources of its standard library are there too.
fn debian() -> Option<String> {
    let sysroot = process::ask(process::command(DEBIAN_RUSTC).args(["--print", "sysroot"]))?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std/Cargo.toml");
    if !library.exists() {
        return None;
    }
    let version = process::ask(process::command(DEBIAN_RUSTC).arg("--version"))?;
    Some(version.trim().to_owned())
}

fn linker() -> Result<PathBuf> {
    let found = || beside_rustc().or_else(|| process::which("rust-lld")).or_else(|| process::which("wasm-ld"));
    setup::program("compiling for WebAssembly needs a linker", found, &["lld"], "LLVM's linker (wasm-ld)")
}

/// The linker that rustup's toolchains bring: `lib/rustlib/<host>/bin/rust-lld`.
fn beside_rustc() -> Option<PathBuf> {
    let sysroot = process::ask(process::command("rustc").args(["--print", "sysroot"]))?;
    let hosts = fs::read_dir(Path::new(sysroot.trim()).join("lib/rustlib")).ok()?;
    hosts.flatten().map(|host| host.path().join("bin/rust-lld")).find(|path| process::is_executable(path))
}

impl Toolchain {
    /// One line about what was chosen.
    pub fn shown(&self) -> String {
        match self {
            Self::Installed { version } => format!("{version} with the target {TARGET}"),
            Self::Debian { version, .. } => {
                format!("Debian's {version}, which builds the standard library first")
            }
        }
    }

    fn prepare(&self, command: &mut Command) {
        if let Self::Debian { linker, .. } = self {
            // For this half only: every build script sees RUSTC_BOOTSTRAP and may behave as on
            // nightly.
            command
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                .arg("-Zbuild-std=std,panic_abort");
        }
    }
}

/// Compiles the crate `frontend`; cargo itself skips what has not changed. Returns the raw module.
///
/// # Errors
/// When it does not compile.
pub fn compile(toolchain: &Toolchain, profile: Profile) -> Result<PathBuf> {
    // A folder of its own: another compiler and other flags than the server's half.
    let folder = paths::target()?.join("wasm");
    let mut command = process::cargo();
    command
        .args(["build", "--package", "frontend", "--lib", "--target", TARGET])
        .args(["--profile", profile.name()])
        .arg("--target-dir")
        .arg(&folder);
    toolchain.prepare(&mut command);
    process::run(&mut command)?;
    Ok(folder.join(TARGET).join(profile.name()).join("frontend.wasm"))
}

/// Writes `slipway.js`, `slipway_bg.wasm` and the snippets they load into an empty folder.
///
/// # Errors
/// When the module was built with another wasm-bindgen than this one (both versions are in the
/// message), or the folder cannot be written.
pub fn bind(module: &Path, folder: &Path, profile: Profile) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name(NAME)
        .typescript(false)
        .remove_producers_section(true)
        .remove_name_section(profile == Profile::Release);
    let bound = bindgen.web(true).and_then(|bindgen| bindgen.generate(folder));
    bound.map_err(|error| anyhow!("wasm-bindgen: {error:#}"))
}

/// Where wasm-opt comes from.
pub enum Optimiser {
    /// A program on `PATH` that is new enough.
    Program(PathBuf),
    /// The JavaScript build from npm, run by Node.
    Script {
        /// Node.
        node: PathBuf,
        /// The script, in the cache.
        script: PathBuf,
    },
}

/// Finds wasm-opt, or installs it into the cache by npm. Without either the page is larger, and
/// that is said.
pub fn optimiser() -> Option<Optimiser> {
    if let Some(program) = process::which("wasm-opt")
        && is_new_enough(&program)
    {
        return Some(Optimiser::Program(program));
    }
    let Some(node) = setup::node() else {
        say("no wasm-opt and no Node 18 to run it: the page works, and is about a third larger");
        return None;
    };
    match script() {
        Ok(script) => Some(Optimiser::Script { node, script }),
        Err(error) => {
            say(&format!(
                "wasm-opt could not be installed ({error:#}): the page works, and is about a \
                 third larger"
            ));
            None
        }
    }
}

/// Older ones do not know what today's LLVM writes.
fn is_new_enough(program: &Path) -> bool {
    process::ask(process::command(program).arg("--version"))
        .and_then(|text| text.split_whitespace().nth(2)?.parse::<u32>().ok())
        .is_some_and(|version| version >= 120)
}

fn script() -> Result<PathBuf> {
    let source = paths::root().join("xtask/wasm-opt");
    let mut hash = Hash::new();
    hash.add_path(&source, &source)?;
    let folder = paths::cache()?.join("wasm-opt").join(hash.short());
    let script = folder.join("node_modules/binaryen/bin/wasm-opt");
    // npm writes this file last.
    if folder.join("node_modules/.package-lock.json").exists() && script.exists() {
        return Ok(script);
    }
    step("installing wasm-opt into the cache (npm)", || {
        fs::create_dir_all(&folder)?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(source.join(file), folder.join(file))?;
        }
        process::run(process::command("npm").current_dir(&folder).args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--silent",
        ]))
    })?;
    if !script.exists() {
        bail!("npm brought no {}", script.display());
    }
    Ok(script)
}

/// Makes a module small, in place.
///
/// # Errors
/// When wasm-opt refuses it.
pub fn optimise(optimiser: &Optimiser, module: &Path) -> Result<()> {
    let mut command = match optimiser {
        Optimiser::Program(program) => process::command(program),
        Optimiser::Script { node, script } => {
            let mut command = process::command(node);
            command.arg(script);
            command
        }
    };
    let small = module.with_extension("small");
    process::run(
        command
            .arg("-Oz")
            // What today's Rust uses by default; the module no longer says it itself.
            .args(["--enable-bulk-memory", "--enable-nontrapping-float-to-int"])
            .args(["--enable-sign-ext", "--enable-mutable-globals"])
            .args(["--enable-reference-types", "--enable-multivalue"])
            .arg(module)
            .arg("-o")
            .arg(&small),
    )?;
    fs::rename(&small, module).with_context(|| format!("cannot write {}", module.display()))
}
