//! The program `git`, run as a child: no shell, an environment of its own, every argument known. What a
//! repository holds is never checked out, so that nothing of it runs; redirects, proxies, hooks and the
//! machine's own settings count for nothing.
//!
//! Where it connects to is judged first, by every address that the host's name leads to, and pinned: git and
//! ssh are told the addresses, and look up nothing themselves. Secrets go in by the environment of the child or
//! by a file that only it can read, never by its arguments.

use std::{
    ffi::OsString, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path, process::Stdio, time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    git::{RepositoryAddress, Transport},
    readable,
};
use ports::{GitCredentials, GitError};
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
};

use super::leftovers;
use crate::judge::Judge;

/// One run takes this long at most; a shallow fetch of a repository of manifests takes seconds.
const TIMEOUT: Duration = Duration::from_secs(40);

/// The most that is read of what git says: lists of a few hundred commits or of a folder, a file of manifests.
const OUTPUT_LIMIT: u64 = 4 * 1024 * 1024;

/// The most memory, and the largest file, that git and each program it starts may have: git keeps a whole answer,
/// and a host need not end one.
const SIZE_LIMIT: u64 = 1024 * 1024 * 1024;

/// Where programs are looked for. The server's own search path is not git's business.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is told when git is not there.
const NO_GIT: &str = "the program git is not installed where Slipway runs; install git 2.37 or newer there";

/// The first git that keeps to the addresses it is given: an older one would ask for them again.
const FIRST_GIT: (u32, u32) = (2, 37);

/// Sees that the git which is installed does what it is told.
///
/// # Errors
/// [`GitError::Refused`] with what to install.
pub(super) async fn check_version() -> Result<(), GitError> {
    let asked = Command::new("git").arg("--version").env_clear().env("PATH", PATH).kill_on_drop(true).output();
    let answer = tokio::time::timeout(TIMEOUT, asked).await.map_err(|error| local(&error))?;
    let answer = answer.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => GitError::Refused(NO_GIT.to_owned()),
        _ => local(&error),
    })?;
    let said = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    if version(&said).is_some_and(|found| found >= FIRST_GIT) {
        Ok(())
    } else {
        Err(GitError::Refused(format!("'{said}' is what runs where Slipway does; install git 2.37 or newer there")))
    }
}

/// `git version 2.39.5 (Apple Git-154)` is 2.39.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// What a run gave.
pub(super) struct Output {
    /// Whether git ended well.
    pub(super) is_good: bool,
    /// What it answered.
    pub(super) stdout: Vec<u8>,
    /// What it said besides, without secrets.
    pub(super) stderr: String,
}

impl Output {
    /// The answer as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }
}

/// An empty repository in a folder of its own, which is removed when this is dropped.
pub(super) struct Workspace {
    dir: TempDir,
    environment: Vec<(OsString, OsString)>,
    secrets: Vec<String>,
    author_email: String,
}

impl Workspace {
    /// Makes one from which `repository` can be reached.
    ///
    /// # Errors
    /// [`GitError::Refused`] when calls may not go there or git cannot be used, [`GitError::Unreachable`] when its host
    /// has no address.
    pub(super) async fn new(
        judge: &Judge,
        repository: &RepositoryAddress,
        credentials: &GitCredentials,
        author_email: &str,
    ) -> Result<Self, GitError> {
        let addresses = pinned(judge, repository).await?;
        let dir =
            tokio::task::spawn_blocking(folder).await.map_err(|error| local(&error))?.map_err(|error| local(&error))?;
        let mut environment = vec![
            ("PATH".into(), PATH.into()),
            // Its words are read.
            ("LC_ALL".into(), "C".into()),
            ("HOME".into(), dir.path().into()),
            ("GIT_DIR".into(), dir.path().join("r").into()),
            ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
            ("GIT_CONFIG_GLOBAL".into(), "/dev/null".into()),
            ("GIT_ATTR_NOSYSTEM".into(), "1".into()),
            ("GIT_TERMINAL_PROMPT".into(), "0".into()),
            ("GIT_ALLOW_PROTOCOL".into(), "https:http:ssh".into()),
            ("GIT_LITERAL_PATHSPECS".into(), "1".into()),
            ("GIT_NO_REPLACE_OBJECTS".into(), "1".into()),
        ];
        let mut settings: Vec<(String, String)> = [
            ("credential.helper", ""),
            ("core.hooksPath", "/dev/null"),
            ("gc.auto", "0"),
            // Each thread takes address space, which is limited, and there is little to do.
            ("pack.threads", "1"),
            ("maintenance.auto", "false"),
            ("http.followRedirects", "false"),
            ("http.proxy", ""),
            ("http.lowSpeedLimit", "500"),
            ("http.lowSpeedTime", "20"),
            ("protocol.version", "2"),
            ("remote.origin.url", repository.as_str()),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let mut secrets = Vec::new();
        match repository.transport() {
            Transport::Http => {
                settings.push(("http.curloptResolve".to_owned(), resolved(repository, &addresses)));
                if let GitCredentials::Token { user, token } = credentials {
                    let basic = STANDARD.encode(format!("{user}:{}", token.expose_secret()));
                    settings.push(("http.extraHeader".to_owned(), format!("Authorization: Basic {basic}")));
                    secrets.extend([token.expose_secret().to_owned(), basic]);
                }
            }
            Transport::Ssh => {
                let command = ssh(dir.path(), repository, &addresses, credentials).await?;
                environment.push(("GIT_SSH_COMMAND".into(), command));
                environment.push(("GIT_SSH_VARIANT".into(), "ssh".into()));
            }
        }
        environment.push(("GIT_CONFIG_COUNT".into(), settings.len().to_string().into()));
        for (index, (key, value)) in settings.into_iter().enumerate() {
            environment.push((format!("GIT_CONFIG_KEY_{index}").into(), key.into()));
            environment.push((format!("GIT_CONFIG_VALUE_{index}").into(), value.into()));
        }
        let workspace = Self { dir, environment, secrets, author_email: author_email.to_owned() };
        let made = workspace.run(&["init", "--quiet", "--bare", "--template="], None).await?;
        if made.is_good {
            Ok(workspace)
        } else {
            Err(GitError::Unreachable(format!("git cannot begin: {}", made.stderr)))
        }
    }

    /// Runs git with these arguments.
    ///
    /// # Errors
    /// [`GitError::Refused`] when it cannot be started, [`GitError::Unreachable`] when it does not end in time; what it
    /// says itself is in the answer.
    pub(super) async fn run(&self, arguments: &[&str], input: Option<&[u8]>) -> Result<Output, GitError> {
        let mut command = Command::new("git");
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env_clear()
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Slipway")))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), self.author_email.as_str())))
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .process_group(0);
        let mut child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => GitError::Refused(NO_GIT.to_owned()),
            _ => local(&error),
        })?;
        let group = Group::of(&child);
        group.limit();
        let talked = tokio::time::timeout(TIMEOUT, talk(&mut child, input)).await;
        if matches!(talked, Ok(Ok(_))) {
            group.has_ended();
        }
        match talked {
            Ok(Ok((is_good, stdout, stderr))) => {
                Ok(Output { is_good, stdout, stderr: self.clean(&String::from_utf8_lossy(&stderr)) })
            }
            Ok(Err(error)) => Err(local(&error)),
            Err(_) => Err(GitError::Unreachable(format!("no answer within {} s", TIMEOUT.as_secs()))),
        }
    }

    /// The commits at which the history that was fetched ends before its beginning, one on each line; empty when all of
    /// it is there.
    ///
    /// # Errors
    /// [`GitError::Unreachable`].
    pub(super) async fn ends_of_history(&self) -> Result<String, GitError> {
        match tokio::fs::read_to_string(self.dir.path().join("r").join("shallow")).await {
            Ok(ends) => Ok(ends),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(local(&error)),
        }
    }

    /// What git says, without secrets: a host may say back what it was sent.
    pub(super) fn clean(&self, said: &str) -> String {
        let mut clean = said.replace(&*self.dir.path().to_string_lossy(), "");
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            clean = clean.replace(secret.as_str(), "•••");
        }
        let lines = clean.lines().map(|line| readable::plain(line).collect::<String>());
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The processes of a run: git starts others, which talk to the host. They end with it, however it ends.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }

    /// Holds what they take within [`SIZE_LIMIT`]: what git starts later, which is what talks to the host, has the
    /// limits from it.
    #[cfg(target_os = "linux")]
    fn limit(&self) {
        use rustix::process::{Resource, Rlimit, prlimit};

        for resource in [Resource::As, Resource::Fsize] {
            let most = Rlimit { current: Some(SIZE_LIMIT), maximum: Some(SIZE_LIMIT) };
            if let Some(leader) = self.0
                && let Err(error) = prlimit(Some(leader), resource, most)
            {
                tracing::debug!(error.message = %error, "git has ended already, or has a lower limit");
            }
        }
    }

    /// Other systems cannot limit a process that runs.
    #[cfg(not(target_os = "linux"))]
    const fn limit(&self) {}

    /// There is nothing to end any more, and the number may soon be another's.
    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0
            && let Err(error) = kill_process_group(leader, Signal::KILL)
        {
            tracing::debug!(error.message = %error, "the processes of git have ended already");
        }
    }
}

/// Hands in the input, and reads both answers to their end or their limit.
async fn talk(child: &mut Child, input: Option<&[u8]>) -> std::io::Result<(bool, Vec<u8>, Vec<u8>)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // One that ends before it has read everything says why itself.
            if let Err(error) = stdin.write_all(input).await {
                tracing::debug!(error.message = %error, "git did not read its input to the end");
            }
        }
    };
    let ((), stdout, stderr) = tokio::join!(write, read(stdout), read(stderr));
    let status = child.wait().await?;
    Ok((status.success(), stdout?, stderr?))
}

async fn read(from: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    if let Some(from) = from {
        from.take(OUTPUT_LIMIT + 1).read_to_end(&mut whole).await?;
        // A listing that is cut off would read as one in which the rest is gone.
        if whole.len() as u64 > OUTPUT_LIMIT {
            return Err(std::io::Error::other("git said more than Slipway reads of a repository"));
        }
    }
    Ok(whole)
}

/// A folder that only this process' user can enter.
fn folder() -> std::io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(leftovers::PREFIX);
    builder.permissions(std::fs::Permissions::from_mode(0o700));
    builder.tempdir()
}

/// The addresses of the repository's host, each judged.
async fn pinned(judge: &Judge, repository: &RepositoryAddress) -> Result<Vec<SocketAddr>, GitError> {
    let (host, port) = (repository.host(), repository.port());
    look_at(judge, repository).map_err(GitError::Refused)?;
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<_> = found.map_err(|_| GitError::Unreachable(format!("{host} has no address")))?.collect();
    for address in &found {
        judge.look_at_address(host, address.ip()).map_err(|denied| GitError::Refused(denied.to_string()))?;
    }
    if found.is_empty() { Err(GitError::Unreachable(format!("{host} has no address"))) } else { Ok(found) }
}

/// Whether calls may go to a repository, as far as its address tells.
pub(super) fn look_at(judge: &Judge, repository: &RepositoryAddress) -> Result<(), String> {
    let text = match repository.transport() {
        Transport::Http => repository.as_str().to_owned(),
        // ssh is encrypted as https is; the rule about where calls may go is the same.
        Transport::Ssh => format!("https://{}:{}/", repository.host(), repository.port()),
    };
    judge.look_at_text(&text).map_err(|denied| denied.to_string())
}

/// Curl's way to be told addresses: `host:port:address,address`.
fn resolved(repository: &RepositoryAddress, addresses: &[SocketAddr]) -> String {
    let shown = |address: &SocketAddr| match address {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    let list: Vec<_> = addresses.iter().map(shown).collect();
    format!("{}:{}:{}", repository.host(), repository.port(), list.join(","))
}

/// Writes what ssh needs into the folder; answers the command that uses nothing else. Git hands that to a shell, so
/// only the folder's own path stands in it.
async fn ssh(
    dir: &Path,
    repository: &RepositoryAddress,
    addresses: &[SocketAddr],
    credentials: &GitCredentials,
) -> Result<OsString, GitError> {
    let GitCredentials::Key { key, known_hosts } = credentials else {
        return Err(GitError::Refused("an ssh address needs a deploy key; give one on the target's page".to_owned()));
    };
    let path = dir.to_str().filter(|path| path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b)));
    let path = path.ok_or_else(|| local(&"the folder for temporary files has a name that ssh cannot be told"))?;
    let Some(address) = addresses.first() else {
        return Err(GitError::Unreachable(format!("{} has no address", repository.host())));
    };
    // Keys end in a line break, which forms like to drop.
    let key = format!("{}\n", key.expose_secret().replace('\r', "").trim());
    let config = ssh_config(path, repository, *address);
    for (name, text) in [("key", key.as_str()), ("known_hosts", known_hosts), ("config", &config)] {
        private_file(&dir.join(name), text).await.map_err(|error| local(&error))?;
    }
    Ok(format!("ssh -F {path}/config").into())
}

/// The whole configuration of ssh.
fn ssh_config(path: &str, repository: &RepositoryAddress, address: SocketAddr) -> String {
    let alias = match repository.port() {
        22 => repository.host().to_owned(),
        port => format!("[{}]:{port}", repository.host()),
    };
    format!(
        "Host *\n\
         HostName {}\nHostKeyAlias {alias}\nCheckHostIP no\n\
         StrictHostKeyChecking yes\nUserKnownHostsFile {path}/known_hosts\nGlobalKnownHostsFile /dev/null\n\
         UpdateHostKeys no\nVerifyHostKeyDNS no\n\
         IdentityFile {path}/key\nIdentitiesOnly yes\nIdentityAgent none\n\
         PreferredAuthentications publickey\nBatchMode yes\nConnectTimeout 10\n\
         ForwardAgent no\nForwardX11 no\nClearAllForwardings yes\nPermitLocalCommand no\nProxyCommand none\n\
         ControlMaster no\nControlPath none\nSendEnv -*\n",
        address.ip()
    )
}

/// A file that only this process' user can read.
async fn private_file(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).await?;
    file.write_all(text.as_bytes()).await?;
    file.flush().await
}

/// Something of this machine does not work.
fn local(error: &impl std::fmt::Display) -> GitError {
    GitError::Unreachable(format!("git cannot be used here: {error}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_version_of_git_is_read_from_what_it_says() {
        for (said, found) in [
            ("git version 2.39.5", Some((2, 39))),
            ("git version 2.39.5 (Apple Git-154)", Some((2, 39))),
            ("git version 2.34.1", Some((2, 34))),
            ("git version 3.0", Some((3, 0))),
            ("mercurial 6", None),
            ("git version x", None),
        ] {
            assert_eq!(version(said), found, "{said}");
        }
    }

    #[test]
    fn ssh_believes_one_host_and_uses_one_key() {
        let repository = RepositoryAddress::parse("ssh://git@git.example:2222/shop/deploy.git").unwrap();
        let config = ssh_config("/tmp/w", &repository, "192.0.2.7:2222".parse().unwrap());
        for line in [
            "HostName 192.0.2.7",
            "HostKeyAlias [git.example]:2222",
            "StrictHostKeyChecking yes",
            "UserKnownHostsFile /tmp/w/known_hosts",
            "IdentitiesOnly yes",
            "BatchMode yes",
            "ProxyCommand none",
        ] {
            assert!(config.lines().any(|found| found == line), "{line}: {config}");
        }
    }

    #[test]
    fn addresses_are_told_to_curl() {
        let repository = RepositoryAddress::parse("https://git.example/shop/deploy").unwrap();
        let addresses = ["192.0.2.7:443".parse().unwrap(), "[2001:db8::1]:443".parse().unwrap()];
        assert_eq!(resolved(&repository, &addresses), "git.example:443:192.0.2.7,[2001:db8::1]");
    }
}
