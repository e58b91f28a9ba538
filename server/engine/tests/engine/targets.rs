//! Targets: a Deployment belongs to one of them.

use contract::{
    ErrorKind,
    clusters::ClustersBackend,
    deployers::{DeployerInput, DeployersBackend},
    environments::EnvironmentsBackend,
    services::{ServiceInput, ServicesBackend, TargetInput, TargetWorkloadInput},
};
use domain::{
    environment::EnvironmentKind,
    names::{ContainerName, ServiceName},
};

use crate::{
    both::on_both_databases,
    world::{World, deploy, ticked},
};

on_both_databases!(
    a_deployment_of_another_target_is_refused_by_its_name,
    a_deployment_that_is_given_up_may_be_taken,
    targets_and_workloads_are_counted_where_they_are,
    what_a_promotion_is_at_work_on_is_not_given_away_under_it,
    a_strategy_that_is_set_while_workloads_are_set_loses_neither,
);

/// The container `app` of a Deployment in the practice cluster.
fn place(deployment: &str, container: &str) -> TargetWorkloadInput {
    TargetWorkloadInput {
        cluster: "practice".to_owned(),
        namespace: "production".to_owned(),
        workload: deployment.to_owned(),
        container: container.to_owned(),
        component: None,
        kind: domain::observation::WorkloadKind::Deployment,
    }
}

async fn a_strategy_that_is_set_while_workloads_are_set_loses_neither(world: &World) {
    prepare(world).await;
    let store = world.engine.store();
    let mut tx = store.begin().await.unwrap();
    let cart = tx.service_by_name(&ServiceName::parse("cart").unwrap()).await.unwrap().unwrap();
    let mut target = tx.targets_of_service(cart.id).await.unwrap().remove(0);
    tx.hold_target(target.id).await.unwrap();
    let setting = tokio::spawn({
        let (engine, rosa) = (world.engine.clone(), world.rosa.clone());
        async move { engine.set_strategy(&rosa, "cart", "production", crate::canaries::canary("10%")).await }
    });
    // It has read the target, where the database lets it, and waits.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let second =
        store::TargetWorkload { container: ContainerName::parse("proxy").unwrap(), ..target.workloads[0].clone() };
    target.workloads.push(second);
    tx.replace_target(&target).await.unwrap();
    tx.commit().await.unwrap();
    setting.await.unwrap().unwrap();
    let kept = store.read().await.unwrap().target(target.id).await.unwrap().unwrap();
    assert_eq!((kept.workloads.len(), kept.strategy.words()), (2, "canary"));
}

/// The service `cart` in production, the service `mail` without a target, and staging.
async fn prepare(world: &World) {
    world.service("cart").await;
    world.add_environment("staging", EnvironmentKind::Staging, 0, "").await;
    let mail =
        ServiceInput { name: "mail".to_owned(), team: "checkout".to_owned(), tier: 2, ..ServiceInput::default() };
    world.engine.add_service(&world.rosa, mail).await.unwrap();
}

async fn a_deployment_of_another_target_is_refused_by_its_name(world: &World) {
    prepare(world).await;
    for (service, environment, container) in [("mail", "production", "app"), ("cart", "staging", "proxy")] {
        let wanted = vec![place("mail", "app"), place("cart", container)];
        let refused = world.engine.set_target(&world.rosa, service, environment, wanted.into()).await.unwrap_err();
        assert_eq!(refused.field(), Some("workloads[1].workload"), "{refused}");
        let named = "the Deployment production/cart belongs to cart in production already";
        assert!(refused.message.contains(named), "{refused}");
    }
    let mut tick = ticked("cart", "mail");
    tick.environment = "staging".to_owned();
    let adopted = world.engine.adopt(&world.rosa, "practice", vec![tick]).await.unwrap();
    assert!(adopted.left_out[0].contains("belongs to cart in production already"), "{:?}", adopted.left_out);
    assert_eq!(world.engine.store().read().await.unwrap().targets().await.unwrap().len(), 1, "nothing was kept");
    // Its own target may have another of its containers.
    let both = vec![place("cart", "app"), place("cart", "proxy")];
    world.engine.set_target(&world.rosa, "cart", "production", both.into()).await.unwrap();
}

async fn a_deployment_that_is_given_up_may_be_taken(world: &World) {
    prepare(world).await;
    deploy(&world.practice, "cart-2", "cart", "1.0");
    world.engine.set_target(&world.rosa, "cart", "production", vec![place("cart-2", "app")].into()).await.unwrap();
    world.engine.set_target(&world.rosa, "mail", "production", vec![place("cart", "app")].into()).await.unwrap();
    let back = world.engine.set_target(&world.rosa, "cart", "production", vec![place("cart", "app")].into()).await;
    let refused = back.unwrap_err();
    assert!(matches!(refused.kind, ErrorKind::Invalid { .. }), "{refused}");
    assert!(refused.message.contains("belongs to mail in production already"), "{refused}");
}

async fn targets_and_workloads_are_counted_where_they_are(world: &World) {
    prepare(world).await;
    let two = vec![place("mail-api", "app"), place("mail-worker", "app"), place("mail-worker", "proxy")];
    world.engine.set_target(&world.rosa, "mail", "production", two.into()).await.unwrap();
    let clusters = world.engine.clusters(&world.rosa).await.unwrap();
    assert_eq!(clusters.iter().map(|c| (c.name.as_str(), c.workloads)).collect::<Vec<_>>(), [("practice", 3)]);
    let environments = world.engine.environments(&world.rosa).await.unwrap();
    let counted: Vec<_> = environments.iter().map(|e| (e.name.as_str(), e.targets)).collect();
    assert_eq!(counted, [("production", 2), ("staging", 0)]);
}

async fn what_a_promotion_is_at_work_on_is_not_given_away_under_it(world: &World) {
    prepare(world).await;
    world.version("cart", "2.0").await;
    let number = world.ask("cart", "2.0").await;
    world.pass(1).await;
    assert_eq!(world.status(number).await.phase, "progressing");
    let deployer = |leaves| DeployerInput {
        start: "https://deploy.example/start".to_owned(),
        deadline: "10".to_owned(),
        leaves,
        ..DeployerInput::default()
    };
    let elsewhere = || world.engine.set_target(&world.rosa, "cart", "production", vec![place("cart-2", "app")].into());
    let outside = |leaves| world.engine.set_deployer(&world.rosa, "cart", "production", deployer(leaves));
    for refused in [elsewhere().await.unwrap_err(), outside(true).await.unwrap_err()] {
        assert_eq!(refused.kind, ErrorKind::Conflict, "{refused}");
        let named = format!("promotion {number} is at work here; wait for its end, or abort it first");
        assert_eq!(refused.message, named);
    }
    assert_eq!(world.finish(number).await.phase, "succeeded");
    assert_eq!(world.image_of("cart").await, "r.example/cart:2.0", "what it began it has brought to its end");
    elsewhere().await.unwrap();
    let emptied = world.engine.set_target(&world.rosa, "cart", "production", TargetInput::default()).await.unwrap_err();
    assert_eq!(emptied.field(), Some("leaves"), "{emptied}");
    let unsaid = outside(false).await.unwrap_err();
    assert_eq!(unsaid.field(), Some("leaves"), "{unsaid}");
    assert!(outside(true).await.unwrap().is_some(), "the first time there is a secret to show");
    assert!(outside(false).await.is_ok(), "nothing is left that could leave");
    // A form that was still open has no workloads to set, and takes nothing from the deployer.
    let emptied = world.engine.set_target(&world.rosa, "cart", "production", TargetInput::default()).await.unwrap_err();
    assert_eq!(emptied.field(), Some("workloads"), "{emptied}");
}
