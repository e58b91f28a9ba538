//! Testers and copies of requests in lists of rules, as routes of the Gateway API and of Istio have
//! them. Testers get a rule of their own before each rule that sends to the stable Service: the same
//! but for one more condition and the destination. Copies are said by that rule itself. Pure.

use domain::{
    aside::{Aside, TesterMatch},
    traffic::Weight,
};
use serde_json::Value;

use super::{
    Share,
    weighted::{Dialect, Role, destinations, merged, spread, weight_of, without_weight},
};

/// How a kind of route writes what a candidate gets beside its share.
pub(super) trait Beside: Dialect {
    /// The member of a rule that lists the requests that it is for.
    const MATCHES: &'static str;

    /// A match that asks for testers besides.
    ///
    /// # Errors
    /// Why it cannot.
    fn with_testers(&self, one: &Value, testers: &TesterMatch) -> Result<Value, String>;

    /// Every way of taking a condition off a match by which testers may be known.
    fn conditions(&self, one: &Value) -> Vec<(TesterMatch, Value)>;

    /// The rule with copies of this share of its requests to a destination of the candidate's.
    ///
    /// # Errors
    /// Why it cannot.
    fn with_mirror(&self, rule: &Value, candidate: &Value, share: Weight) -> Result<Value, String>;

    /// The share that the rule copies to the candidate, and the rule without that.
    fn mirror_of(&self, rule: &Value) -> Option<(Weight, Value)>;
}

/// What rules say beside shares.
pub(super) struct Split {
    /// The rules without it.
    pub(super) rules: Vec<Value>,
    /// What the candidate gets beside its share.
    pub(super) aside: Aside,
    /// Whether some rules say it and others do not.
    pub(super) is_uneven: bool,
}

/// Takes what is beside the shares off the rules.
pub(super) fn split<D: Beside>(dialect: &D, rules: &[Value]) -> Split {
    let mut kept = Vec::with_capacity(rules.len());
    let (mut testers, mut mirrors, mut tested) = (Vec::new(), Vec::new(), 0);
    for (index, rule) in rules.iter().enumerate() {
        if let Some(found) = testers_rule(dialect, rule, rules.get(index + 1..).unwrap_or_default()) {
            testers.push(found);
            continue;
        }
        tested += usize::from(is_shared(dialect, rule));
        match dialect.mirror_of(rule) {
            Some((share, bare)) => {
                mirrors.push(share);
                kept.push(bare);
            }
            None => kept.push(rule.clone()),
        }
    }
    let is_uneven = |found: usize, is_same: bool| found > 0 && (found != tested || !is_same);
    let is_uneven = is_uneven(testers.len(), testers.windows(2).all(|pair| pair[0] == pair[1]))
        || is_uneven(mirrors.len(), mirrors.windows(2).all(|pair| pair[0] == pair[1]));
    let mirror = mirrors.into_iter().max().unwrap_or(Weight::NONE);
    Split { rules: kept, aside: Aside { testers: testers.into_iter().next(), mirror }, is_uneven }
}

/// Whether a rule sends to the stable Service, or shares that out.
fn is_shared<D: Dialect>(dialect: &D, rule: &Value) -> bool {
    let list = destinations::<D>(rule);
    let is_named = |role: Role| list.iter().any(|one| dialect.role(one) == role);
    let is_served = list.iter().any(|one| dialect.role(one) == Role::Stable && weight_of(dialect, one, list.len()) > 0);
    is_served || (is_named(Role::Stable) && is_named(Role::Candidate))
}

fn matches<D: Beside>(rule: &Value) -> Vec<Value> {
    let found = rule.get(D::MATCHES).and_then(Value::as_array).filter(|found| !found.is_empty());
    found.cloned().unwrap_or_else(|| vec![Value::Object(serde_json::Map::new())])
}

/// For whom a rule is, when it is one that testers got before a rule that comes later.
fn testers_rule<D: Beside>(dialect: &D, rule: &Value, later: &[Value]) -> Option<TesterMatch> {
    let list = destinations::<D>(rule);
    if list.is_empty() || list.iter().any(|one| dialect.role(one) != Role::Candidate) {
        return None;
    }
    let own = matches::<D>(rule);
    let first = own.first()?;
    let is_of = |testers: &TesterMatch| {
        later.iter().filter(|rule| is_shared(dialect, rule)).any(|rule| {
            let wanted: Result<Vec<Value>, String> =
                matches::<D>(rule).iter().map(|one| dialect.with_testers(one, testers)).collect();
            wanted.is_ok_and(|wanted| same::<D>(dialect, &wanted, &own, testers))
        })
    };
    dialect.conditions(first).into_iter().map(|(testers, _)| testers).find(is_of)
}

/// Whether two lists of matches ask for the same besides testers.
fn same<D: Beside>(dialect: &D, a: &[Value], b: &[Value], testers: &TesterMatch) -> bool {
    let bare =
        |one: &Value| dialect.conditions(one).into_iter().find(|(found, _)| found == testers).map(|(_, bare)| bare);
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| bare(a).is_some() && bare(a) == bare(b))
}

/// The rules as they were before Slipway: without testers and copies, and with the candidate's shares
/// given back.
pub(super) fn plain<D: Beside>(dialect: &D, rules: &[Value]) -> Vec<Value> {
    merged(dialect, &split(dialect, rules).rules)
}

/// What the rules should be for the candidate to get `wanted`.
///
/// # Errors
/// Why they cannot be.
pub(super) fn arranged<D: Beside>(
    dialect: &D,
    rules: &[Value],
    saved: &Value,
    wanted: &Share,
) -> Result<Vec<Value>, String> {
    let shared = spread(dialect, &split(dialect, rules).rules, saved, wanted.weight)?;
    let mut arranged = Vec::with_capacity(shared.len() * 2);
    for rule in shared {
        let stable = destinations::<D>(&rule).iter().find(|one| dialect.role(one) == Role::Stable);
        let candidate = stable.filter(|_| is_shared(dialect, &rule)).map(|stable| dialect.to_candidate(stable));
        let Some(candidate) = candidate.map(|candidate| without_weight(&candidate)) else {
            arranged.push(rule);
            continue;
        };
        if let Some(testers) = &wanted.aside.testers {
            arranged.push(for_testers(dialect, &rule, &candidate, testers)?);
        }
        arranged.push(match wanted.aside.mirror {
            Weight::NONE => rule,
            share => dialect.with_mirror(&rule, &candidate, share)?,
        });
    }
    Ok(arranged)
}

fn for_testers<D: Beside>(
    dialect: &D,
    rule: &Value,
    candidate: &Value,
    testers: &TesterMatch,
) -> Result<Value, String> {
    let matches: Result<Vec<Value>, String> =
        matches::<D>(rule).iter().map(|one| dialect.with_testers(one, testers)).collect();
    let mut rule = rule.clone();
    rule[D::MATCHES] = Value::Array(matches?);
    rule[D::LIST] = Value::Array(vec![candidate.clone()]);
    // A rule's name is its own.
    if let Some(fields) = rule.as_object_mut() {
        fields.remove("name");
    }
    Ok(rule)
}
