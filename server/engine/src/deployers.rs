//! Outside deployers of targets: their settings, the secret that signs what they are told, a ping. The
//! secret is made here, shown once and sealed; the one before goes on signing for a day, so that a
//! receiver can be brought to the new one without a gap.

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::{
    Answer, ApiError,
    deployers::{DeployerInput, DeployerView, DeployersBackend, PingView, ReportInput, ReportTaken},
};
use domain::{
    actor::{Act, Actor},
    ids::TargetId,
    outside::{Deployer, DeployerCall, OutsideDeployer, WebhookAddress},
    strategy::Strategy,
};
use ports::{Webhook, WebhookAnswer};
use secrecy::{ExposeSecret as _, SecretString};
use store::{DeployerSecret, Entity, Read, StoreError, Target, Tx};

use crate::{Engine, audit, error::OrFail};

/// How long the secret before signs too.
const FORMER_HOURS: i64 = 24;

/// Bytes of a secret: as many as HMAC-SHA256 has use for.
const SECRET_BYTES: usize = 32;

/// Where the sealed secret of a target belongs.
fn secret_place(target: TargetId) -> String {
    format!("deployer:{target}")
}

/// An outside deployer as it is typed.
pub(crate) fn input_of(outside: &OutsideDeployer) -> DeployerInput {
    let address = |call| outside.address(call).map(|address| address.as_str().to_owned()).unwrap_or_default();
    let seconds = outside.deadline_seconds();
    let deadline = if seconds.is_multiple_of(60) { (seconds / 60).to_string() } else { format!("{seconds} s") };
    DeployerInput {
        start: address(DeployerCall::Start),
        abort: address(DeployerCall::Abort),
        deadline,
        life: outside.life_seconds().map(|seconds| seconds.to_string()).unwrap_or_default(),
        leaves: false,
    }
}

/// The outside deployer of a target for reading, when it has one.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn view(read: &mut Read, actor: &Actor, target: &Target) -> Result<Option<DeployerView>, StoreError> {
    let Some(outside) = target.deployer.outside() else { return Ok(None) };
    let secret = read.deployer_secret(target.id).await?;
    let may_set = actor.may(Act::ManageServices).is_ok();
    Ok(Some(DeployerView {
        host: outside.address(DeployerCall::Start).map_or("", |address| address.host()).to_owned(),
        settings: if may_set { input_of(outside) } else { DeployerInput::default() },
        secret_made_at: secret.as_ref().map(|secret| secret.made_at),
        former_until: secret.and_then(|secret| secret.former_until),
        is_practice: outside.is_practice(),
    }))
}

impl Engine {
    fn deployer_of(&self, input: &DeployerInput) -> Answer<OutsideDeployer> {
        let address = |field: &str, text: &str| {
            let address = WebhookAddress::parse(text).map_err(|e| ApiError::invalid(field, e.to_string()))?;
            self.parts.webhooks.look_at(address.as_str()).map_err(|why| ApiError::invalid(field, why))?;
            Ok::<_, ApiError>(address)
        };
        let start = address("start", &input.start)?;
        let abort = Some(input.abort.trim()).filter(|text| !text.is_empty());
        let abort = abort.map(|text| address("abort", text)).transpose()?;
        let deadline = seconds("deadline", &input.deadline, 60)?.unwrap_or(OutsideDeployer::USUAL_DEADLINE_SECONDS);
        let life = seconds("life", &input.life, 1)?;
        OutsideDeployer::new(start, abort, deadline, life).map_err(|error| {
            let field = if matches!(error, domain::outside::OutsideError::SignOfLife) { "life" } else { "deadline" };
            ApiError::invalid(field, error.to_string())
        })
    }

    /// Makes a secret and seals it. The one before it stays valid for a while.
    fn make_secret(&self, target: TargetId, known: Option<DeployerSecret>) -> Answer<(DeployerSecret, String)> {
        let mut bytes = [0; SECRET_BYTES];
        self.parts.randomness.fill(&mut bytes);
        let secret = SecretString::from(format!("whsec_{}", STANDARD.encode(bytes)));
        let sealed = self.sealer().seal(&*self.parts.randomness, &secret_place(target), &secret);
        let now = self.now();
        let row = DeployerSecret {
            target_id: target,
            sealed: sealed.map_err(|e| self.defect(&e))?,
            former_until: known.as_ref().map(|_| now + chrono::Duration::hours(FORMER_HOURS)),
            former: known.map(|known| known.sealed),
            made_at: now,
        };
        Ok((row, secret.expose_secret().to_owned()))
    }

    /// What signs the webhooks of a target at this moment, newest first.
    ///
    /// # Errors
    /// In words, what a person has to do.
    pub(crate) fn signing_secrets(&self, secret: Option<&DeployerSecret>) -> Result<Vec<SecretString>, String> {
        let secret = secret.ok_or("this target has no secret to sign with; make one on the target's page")?;
        let place = secret_place(secret.target_id);
        let is_former_valid = secret.former_until.is_some_and(|until| self.now() < until);
        let former = secret.former.as_ref().filter(|_| is_former_valid);
        let opened = [Some(&secret.sealed), former].into_iter().flatten().map(|sealed| {
            let opened = self.sealer().open(&place, sealed);
            opened.map_err(|_| "the secret cannot be opened; make a new one on the target's page".to_owned())
        });
        opened.collect()
    }

    async fn keep_deployer(&self, mut tx: Tx, actor: &Actor, target: &Target, act: Kept<'_>) -> Answer<()> {
        tx.signal(Entity::Service, target.service.uuid(), 0);
        let Kept { act, label, sentence } = act;
        let mut entry = audit::Entry::done(act, "target", label, sentence);
        entry.id = Some(target.id.uuid());
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }
}

/// What goes into the audit.
struct Kept<'a> {
    act: &'static str,
    label: &'a str,
    sentence: String,
}

/// A number of seconds in units of `unit`, or with `s` behind it in seconds; `None` when nothing is typed.
fn seconds(field: &str, text: &str, unit: u32) -> Answer<Option<u32>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (digits, unit) = text.strip_suffix('s').map_or((text, unit), |digits| (digits.trim(), 1));
    let number = digits.parse::<u32>().ok().and_then(|number| number.checked_mul(unit));
    number.map(Some).ok_or_else(|| ApiError::invalid(field, "a whole number"))
}

fn no_deployer(label: &str) -> ApiError {
    ApiError::conflict(format!("{label} is not deployed by a program outside; set that first"))
}

#[async_trait]
impl DeployersBackend for Engine {
    async fn set_deployer(
        &self,
        actor: &Actor,
        service: &str,
        environment: &str,
        input: DeployerInput,
    ) -> Answer<Option<String>> {
        actor.may(Act::ManageServices)?;
        let outside = self.deployer_of(&input)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let service = self.service_named(&mut tx, service).await?;
        let environment = self.environment_named(&mut tx, environment).await?;
        let mut known = tx.target_of(service.id, environment.id).await.or_fail(self)?;
        if let Some(target) = &known {
            // Read again once it is ours: who deploys to it, and its secret, may have been set meanwhile.
            tx.hold_target(target.id).await.or_fail(self)?;
            known = tx.target_of(service.id, environment.id).await.or_fail(self)?;
        }
        if let Some(target) = known.as_ref().filter(|target| target.deployer.outside().is_none()) {
            self.nothing_under_way(&mut tx, target.id).await?;
            if !target.workloads.is_empty() && !input.leaves {
                let words = "this target is in a cluster; say that its workloads are to leave Slipway's hands";
                return Err(ApiError::invalid("leaves", words));
            }
        }
        let target = Target {
            id: known.as_ref().map_or_else(|| TargetId::new(self.uuid()), |target| target.id),
            service: service.id,
            environment: environment.id,
            strategy: Strategy::Rolling,
            deployer: Deployer::Outside(outside),
            workloads: vec![],
        };
        if known.is_some() {
            tx.replace_target(&target).await.or_fail(self)?;
            tx.wake_open(target.id, self.now()).await.or_fail(self)?;
            for seen in tx.running_in_target(target.id).await.or_fail(self)? {
                let workload = domain::observation::WorkloadRef {
                    namespace: seen.namespace,
                    name: seen.workload,
                    kind: seen.kind,
                };
                tx.delete_running(target.id, seen.cluster_id, &workload).await.or_fail(self)?;
            }
        } else {
            tx.insert_target(&target).await.or_fail(self)?;
        }
        let has_secret = tx.deployer_secret(target.id).await.or_fail(self)?.is_some();
        let mut shown = None;
        if !has_secret {
            let (row, secret) = self.make_secret(target.id, None)?;
            tx.put_deployer_secret(&row).await.or_fail(self)?;
            shown = Some(secret);
        }
        let label = format!("{} in {}", service.name, environment.title);
        let host = target.deployer.outside().and_then(|o| o.address(DeployerCall::Start)).map_or("", |a| a.host());
        let sentence = format!("has {label} deployed by a program at {host}");
        self.keep_deployer(tx, actor, &target, Kept { act: "target.deployer", label: &label, sentence }).await?;
        Ok(shown)
    }

    async fn new_deployer_secret(&self, actor: &Actor, service: &str, environment: &str) -> Answer<String> {
        actor.may(Act::ManageServices)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let asked = self.asked(&mut tx, service, environment).await?;
        let label = format!("{} in {}", asked.service.name, asked.environment.title);
        if asked.target.deployer.is_clusters() {
            return Err(no_deployer(&label));
        }
        tx.hold_target(asked.target.id).await.or_fail(self)?;
        let known = tx.deployer_secret(asked.target.id).await.or_fail(self)?;
        let (row, secret) = self.make_secret(asked.target.id, known)?;
        tx.put_deployer_secret(&row).await.or_fail(self)?;
        let sentence = format!("made a new secret for the deployer of {label}");
        let kept = Kept { act: "target.deployer_secret", label: &label, sentence };
        self.keep_deployer(tx, actor, &asked.target, kept).await?;
        Ok(secret)
    }

    async fn ping_deployer(&self, actor: &Actor, service: &str, environment: &str) -> Answer<PingView> {
        actor.may(Act::ManageServices)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let asked = self.asked(&mut read, service, environment).await?;
        let label = format!("{} in {}", asked.service.name, asked.environment.title);
        let Some(outside) = asked.target.deployer.outside() else { return Err(no_deployer(&label)) };
        let secret = read.deployer_secret(asked.target.id).await.or_fail(self)?;
        drop(read);
        let secrets = self.signing_secrets(secret.as_ref()).map_err(ApiError::conflict)?;
        let (id, now) = (format!("ping_{}", self.uuid().simple()), self.now());
        let body = serde_json::json!({
            "schema": 1, "type": "ping", "id": id, "created_at": now,
            "service": asked.service.name, "environment": asked.environment.name,
        });
        let mut words = Vec::new();
        for call in [DeployerCall::Start, DeployerCall::Abort] {
            let Some(address) = outside.address(call).filter(|address| {
                call == DeployerCall::Start || Some(*address) != outside.address(DeployerCall::Start)
            }) else {
                continue;
            };
            let address_text = address.as_str().to_owned();
            let (id, body, secrets) = (id.clone(), body.to_string(), secrets.clone());
            let sent = self.parts.webhooks.send(&Webhook { address: address_text, id, at: now, body, secrets }).await;
            let place = format!("{} ({})", address.host(), call.as_str());
            match sent {
                WebhookAnswer::Taken { status } => words.push(format!("{place} answered {status}")),
                WebhookAnswer::Refused { words: why, .. } | WebhookAnswer::Again { words: why, .. } => {
                    return Ok(PingView { is_taken: false, words: format!("{place}: {why}") });
                }
            }
        }
        Ok(PingView { is_taken: true, words: words.join("; ") })
    }

    async fn report(&self, actor: &Actor, number: i64, input: ReportInput) -> Answer<ReportTaken> {
        actor.may(Act::ReportProgress)?;
        self.take_report(actor, number, input).await
    }
}
