//! Versions in Git repositories: one field of one file is set by one commit on top of a branch.
//!
//! Each call works in an empty repository of its own: it fetches the last commits of the branch, without what
//! their files hold, reads the one file, and pushes when the branch is still where it was read. A branch that
//! has moved is fetched again. A commit is found again by its trailer, among the last [`DEPTH`] commits.
//!
//! Fails with [`GitError`]: what a host says is sorted by whether waiting helps, a person at the host, or a
//! person at the target's settings.

mod ancestry;
mod leftovers;
mod program;

use async_trait::async_trait;
use domain::git::{Carries, CommitHash, CommitMark, GitPlan, GitWritten, RepositoryAddress, Transport};
use ports::{GitChange, GitCredentials, GitError, GitRepositories};
use tokio::sync::OnceCell;

use crate::judge::Judge;
use ancestry::InVain;
use leftovers::Leftovers;
use program::{Output, Workspace};

/// How many commits are looked at: more than usually come onto a branch while one promotion is under way.
const DEPTH: u32 = 200;

/// How often a branch may move under a commit within one call; the next call goes on.
const TRIES: u32 = 5;

/// A file of manifests is smaller than this many bytes.
const FILE_LIMIT: usize = 1024 * 1024;

/// The branch, as it was fetched.
const HEAD: &str = "refs/slipway/head";

/// Git repositories, by the program `git`.
pub struct Repositories {
    judge: Judge,
    author_email: String,
    /// That the program is new enough; asked until it is.
    checked: OnceCell<()>,
    leftovers: Leftovers,
    in_vain: InVain,
}

/// The file, as it is at a commit.
struct File {
    at: CommitHash,
    mode: String,
    text: String,
    values: Vec<String>,
}

/// What came of a push.
enum Pushed {
    Done,
    /// The branch is not where it was.
    Moved,
}

impl Repositories {
    /// Calls go where `judge` allows it; commits are of Slipway at `host`.
    #[must_use]
    pub fn new(judge: Judge, host: &str) -> Self {
        Self {
            judge,
            author_email: format!("slipway@{host}"),
            checked: OnceCell::new(),
            leftovers: Leftovers::default(),
            in_vain: InVain::default(),
        }
    }

    async fn fetched(&self, plan: &GitPlan, credentials: &GitCredentials) -> Result<Workspace, GitError> {
        self.checked.get_or_try_init(program::check_version).await?;
        self.leftovers.sweep_now_and_then().await;
        let workspace = Workspace::new(&self.judge, &plan.repository, credentials, &self.author_email).await?;
        fetch(&workspace, plan, DEPTH).await?;
        Ok(workspace)
    }
}

#[async_trait]
impl GitRepositories for Repositories {
    fn look_at(&self, repository: &RepositoryAddress) -> Result<(), String> {
        program::look_at(&self.judge, repository)
    }

    async fn read(&self, plan: &GitPlan, credentials: &GitCredentials) -> Result<Vec<String>, GitError> {
        let workspace = self.fetched(plan, credentials).await?;
        Ok(file(&workspace, plan).await?.values)
    }

    async fn commit(&self, change: &GitChange, credentials: &GitCredentials) -> Result<GitWritten, GitError> {
        let workspace = self.fetched(&change.plan, credentials).await?;
        let generation = change.mark.generation;
        for _ in 0..TRIES {
            match made(&workspace, change.mark).await? {
                Made::Ours(hash) => return Ok(GitWritten::Committed { generation, hash, is_ours: true }),
                Made::Later => {
                    return Err(GitError::Unreachable("a later commit of this promotion is there already".to_owned()));
                }
                Made::Not => {}
            }
            let file = file(&workspace, &change.plan).await?;
            let says_it = file.values == change.plan.values();
            if says_it && !change.shuts_out_earlier {
                return Ok(GitWritten::Committed { generation, hash: file.at, is_ours: false });
            }
            let is_over = |(found, over): (&String, &Vec<String>)| over.contains(found);
            if !file.values.iter().zip(&change.over).all(is_over) {
                return Ok(GitWritten::ChangedByOthers { generation, values: file.values });
            }
            let tree =
                if says_it { tree_of(&workspace, &file.at).await? } else { written(&workspace, change, &file).await? };
            let hash = make(&workspace, change, &file.at, &tree).await?;
            match push(&workspace, &change.plan, &file.at, &hash).await {
                Ok(Pushed::Done) => return Ok(GitWritten::Committed { generation, hash, is_ours: true }),
                Ok(Pushed::Moved) => fetch(&workspace, &change.plan, DEPTH).await?,
                // Who does not take this one does not take the earlier one either.
                Err(GitError::Refused(_)) if says_it => {
                    return Ok(GitWritten::Committed { generation, hash: file.at, is_ours: false });
                }
                Err(error) => return Err(error),
            }
        }
        Err(GitError::Unreachable(format!("the branch {} moves faster than it can be written", change.plan.branch)))
    }

    async fn carries(
        &self,
        plan: &GitPlan,
        credentials: &GitCredentials,
        commit: &CommitHash,
        revisions: &[CommitHash],
    ) -> Result<Vec<(CommitHash, Carries)>, GitError> {
        let asked = self.in_vain.worth_asking(commit, revisions);
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let workspace = self.fetched(plan, credentials).await?;
        let answers = ancestry::carries(&workspace, plan, commit, &asked).await?;
        self.in_vain.note(commit, asked, &answers);
        Ok(answers)
    }
}

/// Fetches commits, without what their files hold, and nothing besides.
const FETCH: [&str; 6] =
    ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--filter=blob:none"];

/// Fetches the last commits of the branch.
async fn fetch(workspace: &Workspace, plan: &GitPlan, depth: u32) -> Result<(), GitError> {
    let (depth, refspec) = (format!("--depth={depth}"), format!("+refs/heads/{}:{HEAD}", plan.branch));
    let arguments = [FETCH.as_slice(), &[&depth, "--", "origin", &refspec]].concat();
    let fetched = workspace.run(&arguments, None).await?;
    if fetched.is_good { Ok(()) } else { Err(sorted(&fetched.stderr, plan)) }
}

/// Reads the file on the branch, and its fields.
async fn file(workspace: &Workspace, plan: &GitPlan) -> Result<File, GitError> {
    let head = good(
        workspace.run(&["rev-parse", "--verify", &format!("{HEAD}^{{commit}}")], None).await?,
        "the branch cannot be read",
    )?;
    let head = CommitHash::parse(&head.text()).map_err(|error| GitError::Unreachable(error.to_string()))?;
    file_at(workspace, plan, head).await
}

async fn file_at(workspace: &Workspace, plan: &GitPlan, at: CommitHash) -> Result<File, GitError> {
    let path = plan.file.as_str();
    let listed = workspace.run(&["ls-tree", "-z", "--full-tree", at.as_str(), "--", path], None).await?;
    let listed = good(listed, "the folder of the file cannot be read")?.text();
    let unfit = |why: &str| GitError::Unfit(format!("{path} {why}"));
    let Some(entry) = Entry::parse(listed.trim_end_matches('\0')) else {
        return Err(unfit("is not on the branch; put it there, or correct the file on the target's page"));
    };
    if entry.kind != "blob" || !entry.mode.starts_with("100") {
        return Err(unfit("is no file but a folder, a link or a submodule; name the file itself on the target's page"));
    }
    let read = workspace.run(&["cat-file", "blob", entry.hash], None).await?;
    let stderr = read.stderr.clone();
    if !read.is_good {
        return Err(sorted(&stderr, plan));
    }
    if read.stdout.len() > FILE_LIMIT {
        return Err(unfit("is larger than 1 MiB"));
    }
    let text = String::from_utf8(read.stdout).map_err(|_| unfit("is not text in UTF-8"))?;
    let values =
        manifest::values(&text, &plan.writes).map_err(|error| unfit(&format!("cannot say the version: {error}")))?;
    Ok(File { at, mode: entry.mode.to_owned(), text, values })
}

/// A line of `git ls-tree`.
struct Entry<'a> {
    mode: &'a str,
    kind: &'a str,
    hash: &'a str,
    name: &'a str,
}

impl<'a> Entry<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (head, name) = line.split_once('\t')?;
        let mut words = head.split(' ');
        Some(Self { mode: words.next()?, kind: words.next()?, hash: words.next()?, name })
    }
}

/// Whether a commit was made before.
enum Made {
    Ours(CommitHash),
    Later,
    Not,
}

async fn made(workspace: &Workspace, mark: CommitMark) -> Result<Made, GitError> {
    let format = format!("--format=%H %(trailers:key={},valueonly,separator=%x20)", CommitMark::KEY);
    let log = good(workspace.run(&["log", &format, HEAD, "--"], None).await?, "the branch cannot be read")?.text();
    let (own, promotion) = (mark.to_string(), format!("{}/", mark.promotion));
    let mut is_later = false;
    for line in log.lines() {
        let mut words = line.split_whitespace();
        let Some(hash) = words.next() else { continue };
        for word in words {
            if word == own {
                return CommitHash::parse(hash).map(Made::Ours).map_err(|e| GitError::Unreachable(e.to_string()));
            }
            let generation = word.strip_prefix(&promotion).and_then(|generation| generation.parse::<u32>().ok());
            is_later |= generation.is_some_and(|generation| generation > mark.generation);
        }
    }
    Ok(if is_later { Made::Later } else { Made::Not })
}

/// What is told when making a commit fails here already.
const NOT_MADE: &str = "a commit cannot be made";

/// All that a commit holds.
async fn tree_of(workspace: &Workspace, commit: &CommitHash) -> Result<String, GitError> {
    let found = workspace.run(&["rev-parse", "--verify", &format!("{commit}^{{tree}}")], None).await?;
    Ok(good(found, NOT_MADE)?.text())
}

/// The same with what the change wants written into the file.
async fn written(workspace: &Workspace, change: &GitChange, file: &File) -> Result<String, GitError> {
    let plan = &change.plan;
    let text = manifest::with(&file.text, &plan.writes, plan.file.is_json())
        .map_err(|error| GitError::Unfit(format!("{} cannot be changed: {error}", plan.file)))?;
    let blob = workspace.run(&["hash-object", "-w", "--no-filters", "--stdin"], Some(text.as_bytes())).await?;
    let mut child = good(blob, NOT_MADE)?.text();
    let (mut mode, mut kind) = (file.mode.clone(), "blob");
    let mut path = plan.file.as_str();
    loop {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let tree = format!("{}:{folder}", file.at);
        let listed = good(workspace.run(&["ls-tree", "-z", &tree], None).await?, NOT_MADE)?;
        let listed = String::from_utf8(listed.stdout).map_err(|_| {
            GitError::Unfit(format!("a name beside {path} is not in UTF-8, so its folder cannot be written"))
        })?;
        let lines = listed.split_terminator('\0').map(|line| match Entry::parse(line) {
            Some(entry) if entry.name == name => format!("{mode} {kind} {child}\t{name}\0"),
            _ => format!("{line}\0"),
        });
        let written = workspace.run(&["mktree", "-z", "--missing"], Some(lines.collect::<String>().as_bytes())).await?;
        child = good(written, NOT_MADE)?.text();
        if folder.is_empty() {
            return Ok(child);
        }
        (mode, kind) = ("040000".to_owned(), "tree");
        path = folder;
    }
}

/// Makes the commit on top of `head`, here alone.
async fn make(
    workspace: &Workspace,
    change: &GitChange,
    head: &CommitHash,
    tree: &str,
) -> Result<CommitHash, GitError> {
    let message = format!("{}\n\n{}: {}\n", change.message.trim_end(), CommitMark::KEY, change.mark);
    let made = workspace.run(&["commit-tree", tree, "-p", head.as_str(), "-F", "-"], Some(message.as_bytes())).await?;
    CommitHash::parse(&good(made, NOT_MADE)?.text()).map_err(|error| GitError::Unreachable(error.to_string()))
}

/// Pushes the commit where the branch is still at `head`. The lease makes git compare and set; since the commit
/// builds on `head`, nothing is ever taken out of the branch.
async fn push(
    workspace: &Workspace,
    plan: &GitPlan,
    head: &CommitHash,
    commit: &CommitHash,
) -> Result<Pushed, GitError> {
    let lease = format!("--force-with-lease=refs/heads/{}:{head}", plan.branch);
    let refspec = format!("{commit}:refs/heads/{}", plan.branch);
    let pushed = workspace
        .run(&["push", "--porcelain", "--no-verify", "--recurse-submodules=no", &lease, "--", "origin", &refspec], None)
        .await?;
    if pushed.is_good {
        return Ok(Pushed::Done);
    }
    let answer = pushed.text();
    let Some(rejected) = answer.lines().find(|line| line.starts_with('!')) else {
        return Err(sorted(&pushed.stderr, plan));
    };
    let moved = [
        "stale info",
        "fetch first",
        "non-fast-forward",
        "cannot lock ref",
        "failed to update ref",
        "incorrect old value",
    ];
    if moved.iter().any(|words| rejected.contains(words)) {
        return Ok(Pushed::Moved);
    }
    let reason = rejected.rsplit_once('\t').map_or(rejected, |(_, reason)| reason);
    let told: Vec<_> = pushed.stderr.lines().filter_map(|line| line.strip_prefix("remote:")).map(str::trim).collect();
    let told = told.iter().filter(|line| !line.is_empty()).copied().collect::<Vec<_>>().join(" ");
    // A host may say back what it was sent.
    let said = crate::client::cut(&workspace.clean(&format!("{reason} {told}")), 300);
    Err(GitError::Refused(format!(
        "{} does not take a commit on {}: {}. Let Slipway's {} write to this branch, or set another one on the target's page",
        plan.repository.host(),
        plan.branch,
        said.trim(),
        credential(plan),
    )))
}

fn credential(plan: &GitPlan) -> &'static str {
    match plan.repository.transport() {
        Transport::Http => "token",
        Transport::Ssh => "deploy key",
    }
}

fn good(output: Output, what: &str) -> Result<Output, GitError> {
    if output.is_good {
        return Ok(output);
    }
    Err(GitError::Unreachable(format!("{what}: {}", crate::client::cut(output.stderr.trim(), 300))))
}

/// What a failed call to the host means.
fn sorted(stderr: &str, plan: &GitPlan) -> GitError {
    let host = plan.repository.host();
    let has = |words: &[&str]| words.iter().any(|words| stderr.contains(words));
    let last = stderr.lines().map(|line| line.trim_start_matches("fatal: ").trim()).rfind(|line| !line.is_empty());
    let said = crate::client::cut(last.unwrap_or("it did not say why"), 200);
    if has(&["couldn't find remote ref", "Could not find remote branch"]) {
        return GitError::Unfit(format!(
            "the branch {} is not there; make it, or correct it on the target's page",
            plan.branch
        ));
    }
    if has(&["Host key verification failed", "No ED25519 host key is known", "REMOTE HOST IDENTIFICATION HAS CHANGED"])
    {
        return GitError::Refused(format!(
            "{host} shows another host key than those that were recorded for it; when that is right, record the new ones on the target's page"
        ));
    }
    if has(&[
        "Authentication failed",
        "could not read Username",
        "could not read Password",
        "Permission denied",
        "error: 401",
        "error: 403",
        "HTTP Basic: Access denied",
        "invalid format",
        "error in libcrypto",
    ]) {
        return GitError::Refused(format!(
            "{host} does not accept the {} ({said}); give a new one on the target's page",
            credential(plan)
        ));
    }
    if has(&["not found", "does not exist", "does not appear to be a git repository", "error: 404"]) {
        return GitError::Refused(format!(
            "{host} has no such repository, or not for this {} ({said}); correct the address or give the {0} access",
            credential(plan)
        ));
    }
    // Some versions of git say that they were sent on, and some the status only.
    let sent_on = ["301", "302", "303", "307", "308"].map(|status| format!("returned error: {status}"));
    if has(&["redirect"]) || sent_on.iter().any(|words| stderr.contains(words)) {
        return GitError::Refused(format!(
            "{host} sends on to another address, which is not followed; give that one on the target's page"
        ));
    }
    if has(&["Out of memory", "out of memory", "File too large", "died of signal 25"]) {
        return GitError::Refused(format!(
            "{host} answers with more than the 1 GB that Slipway takes of a repository; give a smaller one on the target's page"
        ));
    }
    GitError::Unreachable(format!("{host}: {said}"))
}
