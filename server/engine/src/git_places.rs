//! Where versions live in Git repositories: setting it for a target, trying it, and what lets Slipway in. A
//! token or key is sealed, never shown again, and never sent to another repository than the one it was given
//! for.

use std::time::Duration;

use async_trait::async_trait;
use contract::{
    Answer, ApiError,
    git::{GitBackend, GitInput, GitTestView, GitView},
};
use domain::{
    actor::{Act, Actor},
    git::{BranchName, FilePath, GitPlace, GitPlan, GitWrite, RepositoryAddress, Transport},
    ids::TargetId,
};
use ports::{GitCredentials, GitError};
use secrecy::{ExposeSecret as _, SecretString};
use store::{Entity, Read, StoreError, TargetGit, Tx};

use crate::{Engine, audit, edge, error::OrFail, places::Peer, promotions::request::Asked};

/// How long one call may take; what comes later is found again by the next.
const PATIENCE: Duration = Duration::from_secs(60);

/// The user whose password a token is, where nobody has given one: hosts mostly take any.
const USUAL_USER: &str = "slipway";

/// The longest token or key: an RSA key of 16,384 bits has some 13,000 characters.
const SECRET_AT_MOST: usize = 20_000;

/// The longest list of a host's keys.
const KNOWN_HOSTS_AT_MOST: usize = 20_000;

/// Where the sealed secret of a target belongs.
fn secret_place(target: TargetId) -> String {
    format!("git:{target}")
}

/// Waits for a repository for a while.
///
/// # Errors
/// As the call, or [`GitError::Unreachable`] when it takes too long.
pub(crate) async fn patiently<T>(call: impl Future<Output = Result<T, GitError>>) -> Result<T, GitError> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(result) => result,
        Err(_) => Err(GitError::Unreachable(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}

/// The place as it is typed.
fn fields_text(place: &GitPlace) -> String {
    place.fields.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The Git place of a target for reading, when it has one.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn view(read: &mut Read, target: TargetId) -> Result<Option<GitView>, StoreError> {
    Ok(read.git_place(target).await?.map(|git| GitView {
        repository: git.place.repository.to_string(),
        branch: git.place.branch.to_string(),
        file: git.place.file.to_string(),
        fields: fields_text(&git.place),
        is_practice: git.place.repository.is_practice(),
        is_by_key: git.place.repository.transport() == Transport::Ssh,
        user: git.user_name.unwrap_or_default(),
        known_hosts: git.known_hosts.unwrap_or_default(),
        changed_at: git.changed_at,
    }))
}

/// What was typed, in domain types.
fn parse(input: &GitInput) -> Answer<GitPlace> {
    let invalid = |field: &str, error: &dyn std::fmt::Display| ApiError::invalid(field, error.to_string());
    Ok(GitPlace {
        repository: RepositoryAddress::parse(&input.repository).map_err(|e| invalid("repository", &e))?,
        branch: BranchName::parse(&input.branch).map_err(|e| invalid("branch", &e))?,
        file: FilePath::parse(&input.file).map_err(|e| invalid("file", &e))?,
        fields: GitPlace::parse_fields(&input.fields).map_err(|e| invalid("fields", &e))?,
    })
}

/// Lines of keys: what is no key is found now, and not when a promotion waits.
fn known_hosts(text: &str) -> Answer<String> {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let is_key = |line: &&str| line.split_whitespace().count() >= 3 && !line.chars().any(char::is_control);
    if lines.is_empty() || text.len() > KNOWN_HOSTS_AT_MOST {
        let message =
            "the host's own keys are needed, so that no other host is believed: what ssh-keyscan prints of it";
        return Err(ApiError::invalid("known_hosts", message));
    }
    match lines.iter().find(|line| !is_key(line)) {
        Some(line) => {
            let line: String = line.chars().filter(|c| !c.is_control()).take(60).collect();
            Err(ApiError::invalid("known_hosts", format!("'{line}' is no line of ssh-keyscan: host, kind, key")))
        }
        None => Ok(format!("{}\n", lines.join("\n"))),
    }
}

/// A private key as OpenSSH writes it.
fn deploy_key(text: &str) -> Answer<String> {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    let is_key = text.starts_with("-----BEGIN ") && text.contains("PRIVATE KEY-----") && text.len() <= SECRET_AT_MOST;
    if is_key {
        Ok(text)
    } else {
        let message =
            "this is no private key: it begins with -----BEGIN OPENSSH PRIVATE KEY----- and has no passphrase";
        Err(ApiError::invalid("deploy_key", message))
    }
}

impl Engine {
    /// What lets Slipway into the repository of a plan.
    ///
    /// # Errors
    /// [`GitError::Refused`] when the target has no place in this repository any more, [`GitError::Unreachable`] when
    /// our own database does not answer.
    pub(crate) async fn git_credentials(&self, target: TargetId, plan: &GitPlan) -> Result<GitCredentials, GitError> {
        let found = match self.store().read().await {
            Ok(mut read) => read.git_place(target).await,
            Err(error) => Err(error),
        };
        let found = found.map_err(|e| GitError::Unreachable(format!("its settings cannot be read: {e}")))?;
        // What was given for one repository is not shown to another.
        let same = found.filter(|git| git.place.repository == plan.repository);
        let git = same.ok_or_else(|| {
            let message = format!(
                "the target's repository is not {} any more; set that again on the target's page, or end this promotion",
                plan.repository.shown()
            );
            GitError::Refused(message)
        })?;
        self.opened_git(&git)
    }

    fn opened_git(&self, git: &TargetGit) -> Result<GitCredentials, GitError> {
        let sealed = git.sealed_secret.as_deref().unwrap_or_default();
        let opened = self.sealer().open(&secret_place(git.target_id), sealed);
        let secret = opened.map_err(|_| {
            GitError::Refused("the token or key cannot be opened; give it again on the target's page".to_owned())
        })?;
        Ok(match git.place.repository.transport() {
            Transport::Http => {
                let user = git.user_name.clone().unwrap_or_else(|| USUAL_USER.to_owned());
                GitCredentials::Token { user, token: secret }
            }
            Transport::Ssh => {
                GitCredentials::Key { key: secret, known_hosts: git.known_hosts.clone().unwrap_or_default() }
            }
        })
    }

    /// The secret that was typed, or the known one: that is never sent to another repository, nor under another name.
    fn git_secret(
        &self,
        input: &GitInput,
        place: &GitPlace,
        user: Option<&str>,
        known: Option<&TargetGit>,
    ) -> Answer<SecretString> {
        let (field, typed) = match place.repository.transport() {
            Transport::Http => ("token", edge::line("token", &input.token, SECRET_AT_MOST)?),
            Transport::Ssh if input.deploy_key.trim().is_empty() => ("deploy_key", String::new()),
            Transport::Ssh => ("deploy_key", deploy_key(&input.deploy_key)?),
        };
        if !typed.is_empty() {
            return Ok(SecretString::from(typed));
        }
        let Some(known) = known else { return Err(ApiError::invalid(field, "this is needed")) };
        if known.place.repository != place.repository || known.user_name.as_deref() != user {
            let message =
                "the repository or the user changes, and what is known is not sent to another place: give it again";
            return Err(ApiError::invalid(field, message));
        }
        match self.opened_git(known).map_err(|e| ApiError::invalid(field, e.to_string()))? {
            GitCredentials::Token { token: secret, .. } | GitCredentials::Key { key: secret, .. } => {
                Ok(SecretString::from(secret.expose_secret()))
            }
        }
    }

    async fn write_git_place(&self, actor: &Actor, asked: Asked, mut tx: Tx, input: GitInput) -> Answer<()> {
        let label = format!("{} in {}", asked.service.name, asked.environment.title);
        if !asked.target.deployer.is_clusters() {
            let message = format!(
                "{label} is deployed by a program outside, which is told the version; nothing is committed for it"
            );
            return Err(ApiError::conflict(message));
        }
        let place = parse(&input)?;
        self.parts.repositories.look_at(&place.repository).map_err(|why| ApiError::invalid("repository", why))?;
        let is_http = place.repository.transport() == Transport::Http;
        let user = match edge::line("user", &input.user, edge::NAME_AT_MOST)? {
            _ if !is_http => None,
            user if user.contains(':') => return Err(ApiError::invalid("user", "a user name has no colon")),
            user if user.is_empty() => Some(USUAL_USER.to_owned()),
            user => Some(user),
        };
        let known_hosts = if is_http { None } else { Some(known_hosts(&input.known_hosts)?) };
        tx.hold_target(asked.target.id).await.or_fail(self)?;
        let known = tx.git_place(asked.target.id).await.or_fail(self)?;
        let secret = self.git_secret(&input, &place, user.as_deref(), known.as_ref())?;
        let sealed = self.sealer().seal(&*self.parts.randomness, &secret_place(asked.target.id), &secret);
        let sentence =
            format!("has the version of {label} committed to {} on {}", place.file, place.repository.shown());
        let row = TargetGit {
            target_id: asked.target.id,
            place,
            user_name: user,
            known_hosts,
            sealed_secret: Some(sealed.map_err(|e| self.defect(&e))?),
            changed_at: self.now(),
        };
        tx.put_git_place(&row).await.or_fail(self)?;
        self.keep_git(tx, actor, &asked, "target.git", &label, sentence).await
    }

    async fn keep_git(
        &self,
        mut tx: Tx,
        actor: &Actor,
        asked: &Asked,
        act: &'static str,
        label: &str,
        sentence: String,
    ) -> Answer<()> {
        tx.signal(Entity::Service, asked.service.id.uuid(), 0);
        tx.wake_open(asked.target.id, self.now()).await.or_fail(self)?;
        let mut entry = audit::Entry::done(act, "target", label, sentence);
        entry.id = Some(asked.target.id.uuid());
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }
}

fn no_place(asked: &Asked) -> ApiError {
    ApiError::not_found("Git place of", &format!("{} in {}", asked.service.name, asked.environment.title))
}

#[async_trait]
impl GitBackend for Engine {
    async fn git_place(&self, actor: &Actor, service: &str, environment: &str) -> Answer<Option<GitView>> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let asked = self.asked(&mut read, service, environment).await?;
        view(&mut read, asked.target.id).await.or_fail(self)
    }

    async fn set_git_place(&self, actor: &Actor, service: &str, environment: &str, input: GitInput) -> Answer<()> {
        actor.may(Act::ManageServices)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let asked = self.asked(&mut tx, service, environment).await?;
        self.write_git_place(actor, asked, tx, input).await
    }

    async fn clear_git_place(&self, actor: &Actor, service: &str, environment: &str) -> Answer<()> {
        actor.may(Act::ManageServices)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let asked = self.asked(&mut tx, service, environment).await?;
        if !tx.delete_git_place(asked.target.id).await.or_fail(self)? {
            return Err(no_place(&asked));
        }
        let label = format!("{} in {}", asked.service.name, asked.environment.title);
        let sentence = format!("has the version of {label} set in the cluster again, not committed");
        self.keep_git(tx, actor, &asked, "target.git_clear", &label, sentence).await
    }

    async fn test_git_place(&self, actor: &Actor, service: &str, environment: &str) -> Answer<GitTestView> {
        actor.may(Act::ManageServices)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let asked = self.asked(&mut read, service, environment).await?;
        let git = read.git_place(asked.target.id).await.or_fail(self)?.ok_or_else(|| no_place(&asked))?;
        drop(read);
        let writes = git.place.fields.iter().map(|field| GitWrite { field: field.path.clone(), value: String::new() });
        let plan = GitPlan {
            repository: git.place.repository.clone(),
            branch: git.place.branch.clone(),
            file: git.place.file.clone(),
            writes: writes.collect(),
        };
        let Some(_place) = self.places().take([Peer::of_git(&plan)].into()).await else {
            let host = plan.repository.host();
            return Err(ApiError::unavailable(format!("{host} is busy with other promotions; try again in a moment")));
        };
        let read = async { self.parts.repositories.read(&plan, &self.opened_git(&git)?).await };
        Ok(match patiently(read).await {
            Ok(values) => {
                let said = plan.writes.iter().zip(values).map(|(write, value)| format!("{} says {value}", write.field));
                GitTestView { is_good: true, words: said.collect::<Vec<_>>().join("; ") }
            }
            Err(error) => GitTestView { is_good: false, words: error.to_string() },
        })
    }
}
