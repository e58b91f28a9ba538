//! Samples of promotions and metric sources of clusters.

use chrono::Duration;
use domain::{
    analysis::{
        DataPlane, HealthCheck, JudgingSettings, LateBreach, Matchers, MetricRule, Reading, RuleChange, Sample, Tenant,
        Verdict, default_rules,
    },
    ids::{ClusterId, EnvironmentId, PromotionId, ServiceId, TargetId},
};
use store::{JudgingScope, MetricSource, MetricSourceKind, SAMPLES_PER_RULE, Store, StoreError};

use crate::{
    sample::{CART, CLUSTER, cluster, company, day, promotion, uuid, version_id},
    support::on_both_databases,
};

on_both_databases!(
    samples_are_kept_in_the_order_of_time,
    older_samples_that_say_nothing_new_are_thinned_out,
    a_rule_never_has_more_samples_than_can_be_kept,
    a_cluster_has_one_metric_source_and_takes_it_along,
    what_a_level_says_is_kept_until_it_says_nothing,
    of_changes_of_a_level_at_once_none_is_lost,
);

fn rules() -> Vec<MetricRule> {
    default_rules(Some(DataPlane::Practice), &HealthCheck::Readiness)
}

fn sample(rule: &str, seconds: i64, value: f64) -> Sample {
    let rules = rules();
    let rule = rules.iter().find(|r| r.name().as_str() == rule).unwrap();
    let reading = Reading::value(value).with_requests(Reading::value(600.0)).with_note("practice");
    Sample::judged(rule, day(1) + Duration::seconds(seconds), format!("q{seconds}"), reading)
        .counted_by(Some("how many".to_owned()))
}

async fn promoted(store: &Store) -> PromotionId {
    company(store).await;
    let promotion = promotion(1, version_id(CART, 2));
    let mut tx = store.begin().await.unwrap();
    tx.insert_promotion(&promotion, None).await.unwrap();
    tx.commit().await.unwrap();
    promotion.id
}

async fn samples_are_kept_in_the_order_of_time(store: Store) {
    let id = promoted(&store).await;
    let all =
        [sample("p95", 0, 300.0), sample("error-rate", 60, 12.5), sample("p95", 60, 310.5), sample("p95", 120, 9e9)];
    let mut tx = store.begin().await.unwrap();
    tx.insert_samples(id, &[all[2].clone(), all[0].clone()]).await.unwrap();
    tx.insert_samples(id, &all[1..]).await.unwrap();
    tx.insert_samples(id, &[]).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    assert_eq!(read.samples(id, 100).await.unwrap(), all);
    assert_eq!(read.samples(id, 100).await.unwrap()[1].judgement.verdict, Verdict::Breach);
    let some = [all[0].clone(), all[1].clone(), all[3].clone()];
    assert_eq!(read.samples(id, 1).await.unwrap(), some, "the last one of each rule, and one of those before");
    assert_eq!(read.samples(PromotionId::new(uuid(1)), 100).await.unwrap(), []);
    drop(read);
    let mut tx = store.begin().await.unwrap();
    let nowhere = tx.insert_samples(PromotionId::new(uuid(1)), &all).await;
    assert!(matches!(nowhere, Err(StoreError::ForeignKey)), "{nowhere:?}");
}

async fn older_samples_that_say_nothing_new_are_thinned_out(store: Store) {
    let id = promoted(&store).await;
    let newest = i64::from(SAMPLES_PER_RULE);
    // Every ten seconds; once it is only a little worse, once far too bad, and once nobody can say for a while.
    let many: Vec<_> = (0..1_500)
        .map(|n| match n {
            503 => sample("error-rate", n * 10, 3.0),
            707 => sample("error-rate", n * 10, 12.5),
            901..=920 => sample("error-rate", n * 10, f64::NAN),
            _ => sample("error-rate", n * 10, 1.0),
        })
        .collect();
    let mut tx = store.begin().await.unwrap();
    tx.insert_samples(id, &many).await.unwrap();
    tx.insert_samples(id, &many[1_490..]).await.unwrap();
    tx.commit().await.unwrap();
    let kept = store.read().await.unwrap().samples(id, 2_000).await.unwrap();
    let older = many.len() - usize::try_from(newest).unwrap();
    let (start, end): (Vec<_>, Vec<_>) = kept.iter().cloned().partition(|one| one.at < many[older].at);
    assert_eq!(end, many[older..], "the newest are all there");
    assert_eq!(start.first(), many.first());
    assert!((older / 6..older / 6 + 12).contains(&start.len()), "one a minute: {} of {older}", start.len());
    for n in [502, 503, 504, 706, 707, 708, 900, 901, 920, 921] {
        assert!(start.contains(&many[n]), "sample {n} says something");
    }
    let apart = start.windows(2).map(|two| (two[1].at - two[0].at).num_seconds());
    assert!(apart.max().unwrap() <= 60, "nothing is missing for longer than a minute");
    // What is shown of a long watch: all that is new, and of the rest an even choice, with what was not well.
    let shown = store.read().await.unwrap().samples(id, SAMPLES_PER_RULE).await.unwrap();
    assert!(shown.len() <= 3 * many.len().min(120), "{}", shown.len());
    assert!([503, 707].iter().all(|n| shown.contains(&many[*n])) && shown.ends_with(&many[older..]));
}

async fn a_rule_never_has_more_samples_than_can_be_kept(store: Store) {
    let id = promoted(&store).await;
    let bad: Vec<_> = (0..2_010).map(|n| sample("error-rate", n * 10, 12.5)).collect();
    let mut tx = store.begin().await.unwrap();
    tx.insert_samples(id, &[sample("p95", 0, 300.0)]).await.unwrap();
    tx.insert_samples(id, &bad).await.unwrap();
    tx.commit().await.unwrap();
    let kept = store.read().await.unwrap().samples(id, 5_000).await.unwrap();
    let of = |rule: &str| kept.iter().filter(|s| s.rule.as_str() == rule).collect::<Vec<_>>();
    assert_eq!((of("p95").len(), of("error-rate").len()), (1, 2_000));
    assert_eq!(*of("error-rate")[0], bad[10]);
}

async fn a_cluster_has_one_metric_source_and_takes_it_along(store: Store) {
    company(&store).await;
    let other = ClusterId::new(uuid(32));
    let source = |cluster_id, address: &str| MetricSource {
        cluster_id,
        kind: MetricSourceKind::Prometheus,
        address: address.to_owned(),
        user_name: None,
        sealed_secret: Some(vec![1, 2, 3]),
        matchers: Matchers::default(),
        tenant: None,
        changed_at: day(2),
    };
    let (first, second) = (source(CLUSTER, "https://a.example"), source(other, "https://b.example"));
    let changed = MetricSource {
        user_name: Some("slipway".into()),
        sealed_secret: None,
        matchers: Matchers::parse("cluster=\"us-1\"").unwrap(),
        tenant: Some(Tenant::parse("shop").unwrap()),
        ..second.clone()
    };
    let mut tx = store.begin().await.unwrap();
    tx.insert_cluster(&cluster(other, "us-1")).await.unwrap();
    for source in [&first, &second, &changed] {
        tx.put_metric_source(source).await.unwrap();
    }
    assert_eq!(tx.metric_source(other).await.unwrap(), Some(changed.clone()));
    assert_eq!(tx.metric_sources().await.unwrap(), [first.clone(), changed]);
    assert!(tx.delete_cluster(other).await.unwrap());
    assert_eq!(tx.metric_sources().await.unwrap(), [first]);
    assert!(tx.delete_metric_source(CLUSTER).await.unwrap());
    assert!(!tx.delete_metric_source(CLUSTER).await.unwrap());
    assert_eq!(tx.metric_source(CLUSTER).await.unwrap(), None);
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let nowhere = tx.put_metric_source(&source(other, "https://b.example")).await;
    assert!(matches!(nowhere, Err(StoreError::ForeignKey)), "{nowhere:?}");
}

async fn what_a_level_says_is_kept_until_it_says_nothing(store: Store) {
    let scopes = [
        JudgingScope::Environment(EnvironmentId::new(uuid(1))),
        JudgingScope::Tier(1),
        JudgingScope::Service(ServiceId::new(uuid(1))),
        JudgingScope::Target(TargetId::new(uuid(1))),
    ];
    let [environment, tier, _, target] = scopes;
    let rule = rules().remove(0);
    let off = JudgingSettings {
        rules: vec![RuleChange::Off { rule: rule.name().clone() }, RuleChange::Set { rule: Box::new(rule) }],
        late_breach: Some(LateBreach::RollBack),
        ..JudgingSettings::default()
    };
    let other = JudgingSettings { late_breach: Some(LateBreach::Propose), ..JudgingSettings::default() };
    let nothing = JudgingSettings::default();
    let mut tx = store.begin().await.unwrap();
    tx.put_judging(target, &other, day(1)).await.unwrap();
    tx.put_judging(target, &off, day(2)).await.unwrap();
    tx.put_judging(tier, &other, day(2)).await.unwrap();
    tx.put_judging(environment, &nothing, day(2)).await.unwrap();
    tx.put_judging(JudgingScope::Tier(2), &off, day(2)).await.unwrap();
    assert_eq!(tx.judging(scopes).await.unwrap(), [nothing.clone(), other, nothing.clone(), off]);
    tx.put_judging(target, &nothing, day(3)).await.unwrap();
    tx.put_judging(tier, &nothing, day(3)).await.unwrap();
    assert_eq!(tx.judging(scopes).await.unwrap(), [nothing.clone(), nothing.clone(), nothing.clone(), nothing]);
    tx.commit().await.unwrap();
}

async fn of_changes_of_a_level_at_once_none_is_lost(store: Store) {
    let scope = JudgingScope::Tier(1);
    let change = |rule: MetricRule| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let settings = tx.judging_to_change(scope).await.unwrap();
            let change = RuleChange::Off { rule: rule.name().clone() };
            tx.put_judging(scope, &settings.with(change), day(1)).await.unwrap();
            tx.commit().await.unwrap();
        })
    };
    let tasks: Vec<_> = rules().into_iter().map(change).collect();
    for task in tasks {
        task.await.unwrap();
    }
    let [kept, ..] = store.read().await.unwrap().judging([scope; 4]).await.unwrap();
    let mut kept: Vec<_> = kept.rules.iter().map(|change| change.rule().to_string()).collect();
    let mut expected: Vec<_> = rules().iter().map(|rule| rule.name().to_string()).collect();
    kept.sort_unstable();
    expected.sort_unstable();
    assert_eq!(kept, expected);
}
