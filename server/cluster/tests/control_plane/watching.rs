//! Watching a real cluster: what is there, then every change, whoever makes it.

use std::time::Duration;

use domain::{
    observation::WorkloadObservation,
    rollout::{Rollout, judge},
};
use futures::{StreamExt, stream::BoxStream};
use ports::{InventoryEvent, NamespaceScope};
use practice::stories::Disturbance;

use crate::{
    setup::{Room, slipway},
    stage::{create, disturb},
    writing::deployment,
};

/// Reads until an event is as wanted; answers it and all before it.
pub async fn until(
    stream: &mut BoxStream<'static, InventoryEvent>,
    what: &str,
    is_wanted: impl Fn(&InventoryEvent) -> bool,
) -> Vec<InventoryEvent> {
    let mut events = Vec::new();
    let found = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let event = stream.next().await.unwrap();
            events.push(event);
            if events.last().is_some_and(&is_wanted) {
                return;
            }
        }
    });
    if found.await.is_err() {
        panic!("waited in vain for {what}; told: {events:#?}");
    }
    events
}

pub fn shows(event: &InventoryEvent, test: impl Fn(&WorkloadObservation) -> bool) -> bool {
    matches!(event, InventoryEvent::Changed(seen) if test(seen))
}

fn is_complete(seen: &WorkloadObservation, tag: &str) -> bool {
    seen.images[0].image.ends_with(tag) && matches!(judge(seen), Rollout::Complete { .. })
}

#[tokio::test]
async fn a_watch_tells_what_is_there_then_every_change_whoever_makes_it() {
    let room = Room::new().await;
    let scope = NamespaceScope::Only(vec![room.namespace.clone()]);
    let mut stream = slipway().watch(scope.clone());
    let first = until(&mut stream, "synced", |e| *e == InventoryEvent::Synced).await;
    assert_eq!(first, [InventoryEvent::Synced]);

    let new = deployment(&room, "cart", 3, "1.0");
    create(&room.admin, &new).await.unwrap();
    let started = until(&mut stream, "the start", |e| shows(e, |seen| is_complete(seen, ":1.0"))).await;
    assert!(started.len() < 40, "a burst of changes is gathered: {} events", started.len());

    // A second watch is told everything before it is synced.
    let mut other = slipway().watch(scope);
    let told = until(&mut other, "synced", |e| *e == InventoryEvent::Synced).await;
    assert_eq!(told.len(), 2);
    assert!(shows(&told[0], |seen| is_complete(seen, ":1.0") && seen.pods.len() == 3), "{told:#?}");
    drop(other);

    let workload = match &told[0] {
        InventoryEvent::Changed(seen) => seen.workload.clone(),
        other => panic!("{other:?}"),
    };
    disturb(&room.admin, &workload, &Disturbance::SetImage("app", "registry.test/cart:2.0-crash")).await.unwrap();
    until(&mut stream, "the crash", |e| {
        shows(e, |seen| {
            let crashed = seen.pods.iter().filter(|p| p.is_updated && p.restarts > 0);
            crashed.filter_map(|p| p.trouble.as_ref()).any(|t| t.reason == "CrashLoopBackOff" && t.exit_code == Some(1))
        })
    })
    .await;
    disturb(&room.admin, &workload, &Disturbance::SetImage("app", "registry.test/cart:3.0")).await.unwrap();
    // The last old pod may go after the rollout is complete: that is told too.
    let is_settled = |seen: &WorkloadObservation| is_complete(seen, ":3.0") && seen.pods.len() == 3;
    until(&mut stream, "version 3 alone", |e| shows(e, is_settled)).await;
    disturb(&room.admin, &workload, &Disturbance::Delete).await.unwrap();
    until(&mut stream, "the end", |e| *e == InventoryEvent::Deleted(workload.clone())).await;
    room.leave().await;
}

#[tokio::test]
async fn a_watch_of_all_namespaces_tells_of_each() {
    let (one, two) = (Room::new().await, Room::new().await);
    create(&one.admin, &deployment(&one, "cart", 1, "1.0")).await.unwrap();
    create(&two.admin, &deployment(&two, "cart", 1, "1.0")).await.unwrap();
    let mut stream = slipway().watch(NamespaceScope::All);
    let told = until(&mut stream, "synced", |e| *e == InventoryEvent::Synced).await;
    for room in [&one, &two] {
        let is_of = |e: &InventoryEvent| shows(e, |seen| seen.workload.namespace == room.namespace);
        assert_eq!(told.iter().filter(|e| is_of(e)).count(), 1, "{told:#?}");
    }
    one.leave().await;
    two.leave().await;
}
