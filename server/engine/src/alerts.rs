//! Alerts of a monitoring system: each is matched by its labels to the promotions under way that it touches,
//! and pauses them or takes them back. Each promotion remembers what it has heard, so an alert that is told
//! again, by this system or after a crash, changes nothing.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use contract::{
    Answer, ApiError,
    alerts::{AlertEffect, AlertInput, AlertRules, AlertsBackend, AlertsTaken},
};
use domain::{
    actor::{Act, Actor},
    ids::EnvironmentId,
    promotion::{Alert, AlertAsks, Input, Phase, Promotion},
    readable,
};
use sha2::{Digest as _, Sha256};
use store::{Read, TargetNames};

use crate::{Engine, error::OrFail, promotions::advance};

/// Of an alert's words so much is kept.
const WORDS_AT_MOST: usize = 300;

/// A promotion under way with the names that labels may hold.
struct UnderWay {
    promotion: Promotion,
    service: String,
    environment: String,
}

#[async_trait]
impl AlertsBackend for Engine {
    async fn take_alerts(&self, actor: &Actor, rules: AlertRules, alerts: Vec<AlertInput>) -> Answer<AlertsTaken> {
        actor.may(Act::SendAlerts)?;
        let alerts: Vec<(AlertInput, Alert)> = alerts
            .into_iter()
            .enumerate()
            .map(|(index, given)| read(index, &rules, &given).map(|alert| (given, alert)))
            .collect::<Answer<_>>()?;
        let mut read = self.store().read().await.or_fail(self)?;
        // One that cannot be read must not keep alerts from the others; they are told again.
        let mut failed = None;
        let under_way = under_way(self, &mut read, &mut failed).await?;
        let targets = read.target_names().await.or_fail(self)?;
        drop(read);
        let services: HashSet<&str> = targets.iter().map(|one| one.service.as_str()).collect();
        let mut taken = AlertsTaken::default();
        let mut told: Vec<Vec<Told>> = under_way.iter().map(|_| Vec::new()).collect();
        for (given, alert) in alerts {
            let named = Named::by(&rules, &given, &services);
            let touched: Vec<_> = (0..under_way.len()).filter(|index| named.fits(&under_way[*index])).collect();
            taken.untouched += u64::from(touched.is_empty());
            let in_targets = targets.iter().filter(|one| named.fits(*one)).filter_map(|one| one.environment_id);
            let in_promotions = touched.iter().map(|index| under_way[*index].promotion.environment);
            let environments: Vec<EnvironmentId> = in_targets.chain(in_promotions).collect();
            let alert = Alert { asks: alert.asks.in_environments(&environments), ..alert };
            for index in touched {
                told[index].push(Told { name: name_of(&given), alert: alert.clone() });
            }
        }
        for (one, told) in under_way.iter().zip(told).filter(|(_, told)| !told.is_empty()) {
            match self.tell(actor, &one.promotion, &told).await {
                Ok(effects) => taken.effects.extend(effects),
                // Nor must what keeps them from one.
                Err(error) => {
                    tracing::warn!(promotion.number = one.promotion.number, error.message = %error, "an alert is not taken");
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(taken), Err)
    }
}

/// An alert that touches a promotion.
struct Told {
    name: String,
    alert: Alert,
}

impl Engine {
    /// Tells one promotion of all the alerts that touch it, in one decision: a storm must not make what takes back
    /// wait behind what is only noted.
    async fn tell(&self, actor: &Actor, promotion: &Promotion, told: &[Told]) -> Answer<Vec<AlertEffect>> {
        let mut read = self.store().read().await.or_fail(self)?;
        let now = read.promotion(promotion.id).await.or_fail(self)?.map(|now| now.promotion);
        drop(read);
        let is_unheard = |one: &&Told| now.as_ref().is_some_and(|now| !now.has_heard(&one.alert));
        let unheard: HashSet<&str> = told.iter().filter(is_unheard).map(|one| one.alert.key.as_str()).collect();
        // With the end of one that comes together with it; and what is told twice at once is new once.
        let is_first = |index: usize| {
            let is_twin = |one: &Told, other: &Told| {
                (&one.alert.key, one.alert.is_firing) == (&other.alert.key, other.alert.is_firing)
            };
            !told[..index].iter().any(|before| is_twin(before, &told[index]))
        };
        let is_new = |index: usize| unheard.contains(told[index].alert.key.as_str()) && is_first(index);
        let mut new: Vec<&Told> = (0..told.len()).filter(|index| is_new(*index)).map(|index| &told[index]).collect();
        new.sort_by_key(|one| Reverse(one.alert.asks));
        let mut advanced = None;
        if let Some(first) = new.first() {
            let (verb, reason) = deed_words(first, new.len());
            let deed = advance::deed(actor, "promotion.alert", &verb, Some(&reason));
            let alerts = new.iter().map(|one| one.alert.clone()).collect();
            let input = Input::Alerted { by: actor.identity.clone(), alerts };
            advanced = Some(self.advance(promotion.id, input, Some(deed)).await?);
        }
        let did = |index: usize| match (&now, &advanced) {
            (Some(before), Some(after)) if is_new(index) => did(before, after, &told[index].alert),
            _ => "known",
        };
        let effect = |(index, one): (usize, &Told)| AlertEffect {
            alert: one.name.clone(),
            promotion: promotion.number,
            did: did(index).to_owned(),
        };
        Ok(told.iter().enumerate().map(effect).collect())
    }
}

/// How the audit names what was told, the first of so many, and why.
fn deed_words(first: &Told, count: usize) -> (String, String) {
    let (words, others) = (&first.alert.words, count - 1);
    match (others, first.alert.is_firing) {
        (0, true) => ("told of an alert about".to_owned(), words.clone()),
        (0, false) => ("told that an alert is over about".to_owned(), words.clone()),
        _ => (format!("told of {count} alerts about"), format!("{words}; and {others} more")),
    }
}

/// What an alert did to a promotion, by how that was before and after all that came with it.
fn did(before: &Promotion, after: &Promotion, alert: &Alert) -> &'static str {
    let is_held = after.run().is_some_and(|run| run.hold.is_some());
    match before.asked_by(alert) {
        _ if !alert.is_firing => "resolved",
        // What is only watched goes back by a rollback, which its plan proposes or starts.
        AlertAsks::TakeBack if matches!(after.phase, Phase::Watching { .. }) => "rollback",
        AlertAsks::TakeBack => "take_back",
        AlertAsks::Pause if is_held => "pause",
        AlertAsks::Pause | AlertAsks::Note => "note",
    }
}

/// Every promotion under way that can be read; why another cannot be is left in `failed`.
async fn under_way(engine: &Engine, read: &mut Read, failed: &mut Option<ApiError>) -> Answer<Vec<UnderWay>> {
    let environments = read.environments().await.or_fail(engine)?;
    let mut found = Vec::new();
    for loaded in read.promotions_under_way().await.or_fail(engine)? {
        let promotion = match loaded.or_fail(engine) {
            Ok(loaded) => loaded.promotion,
            Err(error) => {
                failed.get_or_insert(error);
                continue;
            }
        };
        let Some(service) = read.service(promotion.service).await.or_fail(engine)? else { continue };
        let Some(environment) = environments.iter().find(|one| one.id == promotion.environment) else { continue };
        let (service, environment) = (service.name.to_string(), environment.name.to_string());
        found.push(UnderWay { promotion, service, environment });
    }
    Ok(found)
}

/// What labels are compared with.
trait Place {
    fn service(&self) -> &str;
    /// The environment's name; `None` for what is in none.
    fn environment(&self) -> Option<&str>;
    /// Whether `is_it` says so of one of the workloads, by namespace and name.
    fn runs(&self, is_it: &dyn Fn(&str, &str) -> bool) -> bool;
}

impl Place for UnderWay {
    fn service(&self) -> &str {
        &self.service
    }

    fn environment(&self) -> Option<&str> {
        Some(&self.environment)
    }

    fn runs(&self, is_it: &dyn Fn(&str, &str) -> bool) -> bool {
        self.promotion.plan.workloads.iter().any(|planned| {
            let own = &planned.placed.workload;
            let candidate = planned.candidate.as_ref().map(|candidate| &candidate.workload);
            std::iter::once(own).chain(candidate).any(|one| is_it(one.namespace.as_str(), one.name.as_str()))
        })
    }
}

impl Place for TargetNames {
    fn service(&self) -> &str {
        self.service.as_str()
    }

    fn environment(&self) -> Option<&str> {
        self.environment.as_ref().map(|name| name.as_str())
    }

    fn runs(&self, is_it: &dyn Fn(&str, &str) -> bool) -> bool {
        let place = self.namespace.as_ref().zip(self.workload.as_ref());
        place.is_some_and(|(namespace, name)| is_it(namespace.as_str(), name.as_str()))
    }
}

/// What an alert's labels name.
struct Named<'a> {
    service: Option<&'a str>,
    environment: Option<&'a str>,
    namespace: Option<&'a str>,
    deployment: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// By the labels of an alert. Beside the Deployment and its namespace, a service that nobody knows is the one
    /// that was scraped (kube-state-metrics), not the one that the alert is about.
    fn by(rules: &AlertRules, alert: &'a AlertInput, services: &HashSet<&str>) -> Self {
        let label = |name: &str| alert.labels.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let (namespace, deployment) = (label(&rules.namespace), label(&rules.deployment));
        let is_placed = namespace.is_some() && deployment.is_some();
        Self {
            service: label(&rules.service).filter(|name| !is_placed || services.contains(name)),
            environment: label(&rules.environment),
            namespace,
            deployment,
        }
    }

    /// Whether all that is named fits, and at least a service or a workload is named: an alert about a whole
    /// environment is about no version in it.
    fn fits(&self, place: &impl Place) -> bool {
        let is_there = |at: &str, name: &str| {
            self.namespace.is_none_or(|wanted| wanted == at) && self.deployment.is_none_or(|wanted| wanted == name)
        };
        (self.service.is_some() || self.deployment.is_some())
            && self.service.is_none_or(|wanted| wanted == place.service())
            && self.environment.is_none_or(|wanted| Some(wanted) == place.environment())
            && ((self.namespace.is_none() && self.deployment.is_none()) || place.runs(&is_there))
    }
}

/// What tells labels from all others, however long they are.
fn hash_of(labels: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        // With its length, so that no two lists of labels are one text.
        hash.update(text.len().to_be_bytes());
        hash.update(text.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

fn name_of(alert: &AlertInput) -> String {
    let name = alert.labels.get("alertname").map(String::as_str).filter(|name| !name.trim().is_empty());
    shown(name.unwrap_or("without a name"))
}

/// Text of another system in one line of bounded length, without what could mislead a reader.
fn shown(text: &str) -> String {
    let plain = |c: char| if readable::misleads(c) { ' ' } else { c };
    text.chars().map(plain).take(WORDS_AT_MOST).collect::<String>().trim().to_owned()
}

/// An alert as the rules read it.
fn read(index: usize, rules: &AlertRules, alert: &AlertInput) -> Answer<Alert> {
    let is_firing = match alert.status.as_str() {
        "firing" => true,
        "resolved" => false,
        other => {
            let message = format!("'{}' is neither firing nor resolved", shown(other));
            return Err(ApiError::invalid(&format!("alerts[{index}].status"), message));
        }
    };
    let said = ["summary", "description", "message"].iter().find_map(|name| alert.annotations.get(*name));
    let name = name_of(alert);
    let words = match said.map(|said| shown(said)).filter(|said| !said.is_empty()) {
        Some(said) => format!("{name}: {said}"),
        None => name,
    };
    let severity = alert.labels.get(&rules.severity).map_or("", String::as_str);
    let is_among = |list: &[String]| list.iter().any(|one| one == severity);
    let asks = match alert.labels.get("slipway").map(String::as_str) {
        Some("take_back") => AlertAsks::TakeBack,
        Some("pause") => AlertAsks::Pause,
        Some("note") => AlertAsks::Note,
        // A word that is misspelt must not make a critical alert a note.
        _ if is_among(&rules.take_back) => AlertAsks::TakeBack,
        _ if is_among(&rules.pause) => AlertAsks::Pause,
        _ => AlertAsks::Note,
    };
    // Senders that give no fingerprint are told apart by their labels.
    let who = match shown(&alert.fingerprint) {
        hash if !hash.is_empty() => hash,
        _ => hash_of(&alert.labels),
    };
    let key = shown(&format!("{} {who}", shown(&alert.starts_at)));
    let began_at = DateTime::parse_from_rfc3339(&alert.starts_at).ok().map(|at| at.to_utc());
    Ok(Alert { key, words, asks, is_firing, began_at })
}
