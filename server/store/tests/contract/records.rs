//! Audit, settings, incidents.

use chrono::Duration;
use domain::{
    actor::Identity,
    deployment::{Outcome, Severity},
    ids::{AuditId, IncidentId, TokenId},
    names::TeamName,
};
use serde_json::json;
use store::{
    AuditEntry, AuditFilter, AuditPosition, AuditResult, AuditSearch, Incident, IncidentFilter, Paging, Store,
    StoreError,
};

use crate::{
    sample::{CART, DANA, PAY, PRODUCTION, company, dana, day, deployment, uuid, version_id},
    support::on_both_databases,
};

on_both_databases!(
    an_audit_entry_is_read_as_it_was_written,
    the_audit_is_paged_newest_first_without_gaps,
    the_audit_is_filtered,
    the_audit_is_searched_in_any_case_and_script,
    a_setting_is_written_over_and_removed,
    a_setting_of_another_form_is_corrupt,
    an_incident_is_read_as_it_was_written,
    incidents_are_filtered_and_paged,
);

fn entry(number: u128, hours: i64) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(uuid(number)),
        at: day(1) + Duration::hours(hours),
        who: dana(),
        act: "approve".into(),
        entity_kind: "promotion".into(),
        entity_id: Some(uuid(9001)),
        entity_label: "promotion 1".into(),
        reason: Some("It is “good”".into()),
        from_address: Some("::1".into()),
        result: AuditResult::Done,
        details: json!({"plan": 1, "text": "<script>"}),
    }
}

async fn insert(store: &Store, entries: &[AuditEntry]) {
    let mut tx = store.begin().await.unwrap();
    for one in entries {
        tx.insert_audit(one).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn an_audit_entry_is_read_as_it_was_written(store: Store) {
    let mut bare = entry(1, 0);
    bare.who = Identity::rule("rollout");
    bare.entity_id = None;
    bare.reason = None;
    bare.from_address = None;
    bare.result = AuditResult::Refused;
    bare.details = json!(null);
    let full = entry(2, 0);
    insert(&store, &[bare.clone(), full.clone()]).await;
    let read = store.read().await.unwrap().audit(&AuditFilter::default(), None, 10).await.unwrap();
    assert_eq!(read, [full, bare]);
}

async fn the_audit_is_paged_newest_first_without_gaps(store: Store) {
    // Several at the same time.
    let entries: Vec<_> = (0..7).map(|n| entry(n + 1, i64::try_from(n / 3).unwrap())).collect();
    insert(&store, &entries).await;
    let mut seen = vec![];
    let mut after = None;
    loop {
        let page = store.read().await.unwrap().audit(&AuditFilter::default(), after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(AuditPosition { at: last.at, id: last.id });
        seen.extend(page.iter().map(|e| e.id.uuid().as_u128()));
        // What is added meanwhile shifts nothing.
        insert(&store, &[entry(100 + u128::try_from(seen.len()).unwrap(), 50)]).await;
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
}

async fn the_audit_is_filtered(store: Store) {
    let mut by_token = entry(2, 1);
    by_token.who = Identity::Token { id: TokenId::new(uuid(1)), name: "ci".into(), owner: DANA };
    by_token.act = "register".into();
    let mut by_rule = entry(3, 2);
    by_rule.who = Identity::rule("expiry");
    by_rule.act = "expire".into();
    by_rule.entity_id = Some(uuid(9002));
    let mut other_kind = entry(4, 3);
    other_kind.entity_kind = "service".into();
    insert(&store, &[entry(1, 0), by_token, by_rule, other_kind]).await;
    let all = AuditFilter::default();
    let at = |hours| Some(day(1) + Duration::hours(hours));
    let kind = |kind: &str| Some(kind.to_owned());
    let cases: Vec<(AuditFilter, Vec<u128>)> = vec![
        (AuditFilter { person: Some(DANA), ..all.clone() }, vec![4, 2, 1]),
        (AuditFilter { actor: Some("ci (token)".into()), ..all.clone() }, vec![2]),
        (AuditFilter { actor: Some("rule: expiry".into()), ..all.clone() }, vec![3]),
        (AuditFilter { act: Some("approve".into()), ..all.clone() }, vec![4, 1]),
        (AuditFilter { person: Some(DANA), act: Some("register".into()), ..all.clone() }, vec![2]),
        (AuditFilter { entity_kind: kind("promotion"), ..all.clone() }, vec![3, 2, 1]),
        (AuditFilter { entity_kind: kind("promotion"), entity: Some(uuid(9001)), ..all.clone() }, vec![2, 1]),
        (AuditFilter { from: at(1), to: at(3), ..all.clone() }, vec![3, 2]),
    ];
    let mut read = store.read().await.unwrap();
    for (filter, expected) in cases {
        let found = read.audit(&filter, None, 10).await.unwrap();
        assert_eq!(found.iter().map(|e| e.id.uuid().as_u128()).collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

async fn the_audit_is_searched_in_any_case_and_script(store: Store) {
    let mut other = entry(2, 1);
    other.who = Identity::Person { id: DANA, name: "Özlem Çelik".into() };
    other.entity_label = "service Ärger".into();
    other.act = "change".into();
    insert(&store, &[entry(1, 0), other]).await;
    let some = |text: &str| Some(text.to_owned());
    let all = AuditSearch::default();
    let cases: Vec<(AuditSearch, Vec<u128>)> = vec![
        (all.clone(), vec![2, 1]),
        (AuditSearch { actor: some("öZLEM"), ..all.clone() }, vec![2]),
        (AuditSearch { actor: some("dana"), ..all.clone() }, vec![1]),
        (AuditSearch { act: some("change"), ..all.clone() }, vec![2]),
        (AuditSearch { on: some("ÄRGER"), ..all.clone() }, vec![2]),
        (AuditSearch { on: some("%"), ..all.clone() }, vec![]),
    ];
    let mut read = store.read().await.unwrap();
    for (search, expected) in cases {
        let page = read.search_audit(&search, Paging::first(10)).await.unwrap();
        assert_eq!(page.rows.iter().map(|e| e.id.uuid().as_u128()).collect::<Vec<_>>(), expected, "{search:?}");
        assert_eq!(page.total, i64::try_from(expected.len()).unwrap());
    }
    let second = read.search_audit(&all, Paging::page(2, 1)).await.unwrap();
    assert_eq!((second.rows[0].id.uuid().as_u128(), second.total), (1, 2));
}

async fn a_setting_is_written_over_and_removed(store: Store) {
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.setting::<String>("slack").await.unwrap(), None);
    tx.put_setting("slack", &json!({"channel": "#a"})).await.unwrap();
    tx.put_setting("slack", &json!({"channel": "#b"})).await.unwrap();
    assert_eq!(tx.setting("slack").await.unwrap(), Some(json!({"channel": "#b"})));
    assert!(tx.delete_setting("slack").await.unwrap());
    assert!(!tx.delete_setting("slack").await.unwrap());
    tx.commit().await.unwrap();
}

async fn a_setting_of_another_form_is_corrupt(store: Store) {
    let mut tx = store.begin().await.unwrap();
    tx.put_setting("limit", &"ten").await.unwrap();
    let read = tx.setting::<u32>("limit").await;
    assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{read:?}");
}

fn incident(number: i64) -> Incident {
    Incident {
        id: IncidentId::new(uuid(7000 + u128::try_from(number).unwrap())),
        number,
        title: "Carts are empty".into(),
        severity: Severity::Major,
        opened_at: day(number),
        detected_at: None,
        resolved_at: None,
        service_id: None,
        environment_id: None,
        deployment_id: None,
        summary: String::new(),
    }
}

async fn an_incident_is_read_as_it_was_written(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let caused_by = deployment(1, version_id(CART, 1), Outcome::Succeeded, Some(day(1)));
    tx.insert_deployment(&caused_by).await.unwrap();
    let mut written = incident(1);
    tx.insert_incident(&written).await.unwrap();
    assert_eq!(tx.incident(written.id).await.unwrap(), Some(written.clone()));
    written.service_id = Some(CART);
    written.environment_id = Some(PRODUCTION);
    written.deployment_id = Some(caused_by.id);
    written.detected_at = Some(day(2));
    written.resolved_at = Some(day(3));
    written.severity = Severity::Critical;
    written.summary = "A cache".into();
    assert!(tx.update_incident(&written).await.unwrap());
    assert_eq!(tx.incident_by_number(1).await.unwrap(), Some(written));
    assert!(!tx.update_incident(&incident(2)).await.unwrap());
    assert_eq!(tx.incident_by_number(2).await.unwrap(), None);
    tx.commit().await.unwrap();
}

async fn incidents_are_filtered_and_paged(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    for number in 1..=4 {
        let mut one = incident(number);
        one.service_id = [None, Some(CART), Some(CART), Some(PAY)][usize::try_from(number - 1).unwrap()];
        one.resolved_at = (number < 3).then(|| day(9));
        one.severity = if number == 4 { Severity::Minor } else { Severity::Major };
        tx.insert_incident(&one).await.unwrap();
    }
    tx.commit().await.unwrap();
    let all = IncidentFilter::default();
    let team = |name: &str| Some(TeamName::parse(name).unwrap());
    let cases: Vec<(IncidentFilter, Vec<i64>)> = vec![
        (all.clone(), vec![4, 3, 2, 1]),
        (IncidentFilter { is_open: Some(true), ..all.clone() }, vec![4, 3]),
        (IncidentFilter { is_open: Some(false), ..all.clone() }, vec![2, 1]),
        (IncidentFilter { service: Some(CART), ..all.clone() }, vec![3, 2]),
        (IncidentFilter { team: team("checkout"), ..all.clone() }, vec![4, 3, 2]),
        (IncidentFilter { team: team("other"), ..all.clone() }, vec![]),
        (IncidentFilter { severity: Some(Severity::Minor), ..all.clone() }, vec![4]),
    ];
    let mut read = store.read().await.unwrap();
    for (filter, expected) in cases {
        let page = read.incidents(&filter, Paging::first(10)).await.unwrap();
        assert_eq!(page.rows.iter().map(|r| r.number).collect::<Vec<_>>(), expected, "{filter:?}");
        assert_eq!(page.total, i64::try_from(expected.len()).unwrap());
    }
    let page = read.incidents(&all, Paging { limit: 1, offset: 2 }).await.unwrap();
    assert_eq!(page.rows[0].service.as_ref().unwrap().as_str(), "cart");
    assert_eq!((page.rows.len(), page.total), (1, 4));
}
