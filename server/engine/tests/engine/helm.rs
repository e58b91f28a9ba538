//! What a plain Helm release made is not written without a person's word, which is recorded and can be taken back.

use contract::{
    ErrorKind, PageRequest,
    audit::{AuditBackend, AuditQuery},
    clusters::ClustersBackend,
    helm::{HelmBackend, HelmOwnership},
    services::ServicesBackend,
};
use domain::{
    actor::{Actor, Identity, Role},
    observation::Manager,
};

use crate::{
    both::on_both_databases,
    world::{World, viewer, workload},
};

on_both_databases!(a_helm_release_is_written_after_a_recorded_consent_alone, only_a_plain_release_is_allowed);

async fn prepare(world: &World, manager: Manager) {
    world.service("cart").await;
    world.practice.set_manager(&workload("cart"), Some(manager)).unwrap();
    world.version("cart", "2.0").await;
}

fn release() -> Manager {
    Manager::Helm { release: "shop".to_owned() }
}

async fn consent(world: &World) -> Option<contract::helm::HelmConsentView> {
    let view = world.engine.service(&world.rosa, "cart", PageRequest::new(1, 1)).await.unwrap();
    view.targets.into_iter().next().unwrap().helm
}

async fn a_helm_release_is_written_after_a_recorded_consent_alone(world: &World) {
    prepare(world, release()).await;
    let number = world.ask("cart", "2.0").await;
    let words = world.finish(number).await.words;
    for part in ["belongs to Helm (release shop)", "The next helm upgrade of shop would undo", "on the target's page"] {
        assert!(words.contains(part), "{words}");
    }
    assert_eq!((world.writes("cart"), consent(world).await), (0, None));

    let give = |actor: Actor, reason: &'static str| async move {
        world.engine.give_helm_consent(&actor, "cart", "production", reason.to_owned()).await
    };
    let machine = Actor { identity: Identity::rule("pipeline"), role: Role::Admin, from: None };
    assert_eq!(give(machine, "So be it").await.unwrap_err().kind, ErrorKind::Refused);
    assert_eq!(give(viewer(), "So be it").await.unwrap_err().kind, ErrorKind::Refused);
    let empty = give(world.rosa.clone(), " ").await.unwrap_err();
    assert_eq!(empty.kind, ErrorKind::Invalid { field: "reason".to_owned() });
    give(world.rosa.clone(), "Helm only installs it").await.unwrap();
    let shown = consent(world).await.unwrap();
    assert_eq!((shown.by.as_str(), shown.reason.as_str()), ("Rosa Mint", "Helm only installs it"));
    let number = world.ask("cart", "2.0").await;
    assert_eq!(world.finish(number).await.phase, "succeeded");
    assert_eq!(world.image_of("cart").await, "r.example/cart:2.0");

    // Taken back, the next one is refused again; the same has no effect twice.
    world.engine.take_back_helm_consent(&world.rosa, "cart", "production").await.unwrap();
    assert!(world.engine.take_back_helm_consent(&world.rosa, "cart", "production").await.is_err());
    world.version("cart", "3.0").await;
    let number = world.ask("cart", "3.0").await;
    assert_eq!(world.finish(number).await.phase, "failed");
    assert_eq!(world.image_of("cart").await, "r.example/cart:2.0");
    let page = world.engine.audit(&world.admin, AuditQuery::default()).await.unwrap();
    let rows: Vec<_> = page.rows.iter().map(|row| row.sentence.as_str()).collect();
    for sentence in
        ["lets Slipway write what a plain Helm release made", "does not let Slipway write what a plain Helm release"]
    {
        assert!(rows.iter().any(|row| row.contains(sentence)), "{rows:?}");
    }
}

#[tokio::test]
async fn consent_is_asked_for_only_where_a_release_made_it() {
    let world = World::new(0).await;
    world.service("cart").await;
    let ownership = || world.engine.helm_ownership(&world.rosa, "cart", "production");
    assert_eq!(ownership().await.unwrap(), HelmOwnership::NotByHelm);
    world.practice.set_manager(&workload("cart"), Some(release())).unwrap();
    let release = "Helm (release shop)".to_owned();
    assert_eq!(ownership().await.unwrap(), HelmOwnership::ByRelease { release });
    let other = Manager::FluxHelmRelease { name: "cart".to_owned() };
    world.practice.set_manager(&workload("cart"), Some(other)).unwrap();
    assert_eq!(ownership().await.unwrap(), HelmOwnership::NotByHelm);
}

#[tokio::test]
async fn what_helm_made_is_offered_with_what_is_still_to_be_said() {
    let world = World::new(0).await;
    world.service("cart").await;
    let offered = || async { world.engine.discover(&world.rosa, "practice").await.unwrap().remove(0) };
    assert_eq!(offered().await.caution, None);
    world.practice.set_manager(&workload("cart"), Some(release())).unwrap();
    let found = offered().await;
    assert_eq!(found.managed_by, None);
    let caution = found.caution.unwrap();
    for part in ["Helm (release shop)", "on the target's page"] {
        assert!(caution.contains(part), "{caution}");
    }
    let other = Manager::FluxHelmRelease { name: "cart".to_owned() };
    world.practice.set_manager(&workload("cart"), Some(other)).unwrap();
    let found = offered().await;
    assert!(found.managed_by.unwrap().contains("Flux"));
    assert_eq!(found.caution, None);
}

async fn only_a_plain_release_is_allowed(world: &World) {
    prepare(world, Manager::FluxHelmRelease { name: "cart".to_owned() }).await;
    world.engine.give_helm_consent(&world.rosa, "cart", "production", "So be it".to_owned()).await.unwrap();
    let number = world.ask("cart", "2.0").await;
    let words = world.finish(number).await.words;
    assert!(words.contains("belongs to Flux (HelmRelease cart)"), "{words}");
    assert_eq!(world.writes("cart"), 0);
}
