//! Taking over what runs: many at once, in whatever way teams have arranged their Deployments.

use contract::{
    clusters::ClustersBackend,
    deployments::{DeploymentsBackend, DeploymentsQuery},
    insights::{InsightsBackend, InsightsQuery},
    versions::VersionsBackend,
};
use practice::{NewDeployment, PracticeCluster};
use store::{ClusterKind, Target};

use crate::world::{World, build, connect, deploy, image, ticked, workload};

/// A Deployment whose container `app` runs this image.
fn runs(practice: &PracticeCluster, name: &str, text: &str) {
    let images = vec![image("app", text)];
    let new = NewDeployment::new(workload(name).namespace, workload(name).name, 1, images);
    practice.create_deployment(&new).unwrap();
}

async fn targets(world: &World) -> Vec<Target> {
    world.engine.store().read().await.unwrap().targets().await.unwrap()
}

fn places(target: &Target) -> Vec<(String, Option<String>)> {
    let place =
        |w: &store::TargetWorkload| (w.workload.name.to_string(), w.component.as_ref().map(ToString::to_string));
    target.workloads.iter().map(place).collect()
}

#[tokio::test]
async fn what_cannot_be_taken_is_left_out_and_the_rest_goes_on() {
    let world = World::new(0).await;
    world.service("cart").await;
    runs(&world.practice, "cart-canary", "mirror.example/cart:1.0");
    runs(&world.practice, "odd", "r.example/odd:latest");
    deploy(&world.practice, "pay", "pay", "1.0");
    let mut canary = ticked("cart-canary", "cart");
    canary.environment = "staging".to_owned();
    world.add_environment("staging", domain::environment::EnvironmentKind::Staging, 0, "").await;
    let all = vec![canary, ticked("odd", "odd"), ticked("gone", "gone"), ticked("cart", "mail"), ticked("pay", "pay")];
    let adopted = world.engine.adopt(&world.rosa, "practice", all).await.unwrap();
    assert_eq!((adopted.targets, adopted.versions), (1, 1), "{:?}", adopted.left_out);
    let has = |part: &str| adopted.left_out.iter().any(|why| why.contains(part));
    assert!(has("production/cart-canary: cart 1.0 is registered with another image"), "{:?}", adopted.left_out);
    assert!(has("production/odd: "), "{:?}", adopted.left_out);
    assert!(has("production/gone: it is not there any more"), "{:?}", adopted.left_out);
    assert!(has("the Deployment production/cart belongs to cart in production already"), "{:?}", adopted.left_out);
    let services: Vec<_> = world.engine.discover(&world.rosa, "practice").await.unwrap();
    let owner = |name: &str| services.iter().find(|f| f.name == name).unwrap().service.clone();
    assert_eq!((owner("pay").as_deref(), owner("odd")), (Some("pay"), None));
    assert_eq!(owner("cart").as_deref(), Some("cart"));
}

#[tokio::test]
async fn the_api_and_the_worker_of_a_service_become_one_target() {
    let world = World::new(0).await;
    for name in ["cart-api", "cart-worker"] {
        deploy(&world.practice, name, "cart", "1.0");
    }
    let all = vec![ticked("cart-api", "cart"), ticked("cart-worker", "cart")];
    let adopted = world.engine.adopt(&world.rosa, "practice", all).await.unwrap();
    assert_eq!((adopted.services, adopted.targets, adopted.versions), (1, 1, 1), "{:?}", adopted.left_out);
    let nothing = |name: &str| (name.to_owned(), None);
    assert_eq!(places(&targets(&world).await[0]), [nothing("cart-api"), nothing("cart-worker")]);
    world.version("cart", "2.0").await;
    world.clock.advance(std::time::Duration::from_secs(60));
    let number = world.ask("cart", "2.0").await;
    assert_eq!(world.finish(number).await.phase, "succeeded");
    for name in ["cart-api", "cart-worker"] {
        assert_eq!(world.image_of(name).await, "r.example/cart:2.0");
    }
}

#[tokio::test]
async fn workloads_with_images_of_their_own_become_components() {
    let world = World::new(0).await;
    for part in ["api", "worker"] {
        runs(&world.practice, &format!("cart-{part}"), &format!("r.example/cart-{part}:1.0"));
    }
    let all = vec![ticked("cart-api", "cart"), ticked("cart-worker", "cart")];
    let adopted = world.engine.adopt(&world.rosa, "practice", all).await.unwrap();
    assert_eq!((adopted.targets, adopted.versions), (1, 1), "{:?}", adopted.left_out);
    let of = |name: &str| (name.to_owned(), Some(name.to_owned()));
    assert_eq!(places(&targets(&world).await[0]), [of("cart-api"), of("cart-worker")]);
    world.see().await;
    let mut read = world.engine.store().read().await.unwrap();
    let running = read.running_in_target(targets(&world).await[0].id).await.unwrap();
    assert!(running.len() == 2 && running.iter().all(|r| r.version_id.is_some()), "{running:?}");
}

#[tokio::test]
async fn the_same_service_in_a_second_cluster_joins_its_target() {
    let world = World::new(0).await;
    world.service("cart").await;
    connect(&world.engine, 78, "second", ClusterKind::Practice).await;
    let again = || vec![ticked("cart", "cart")];
    let adopted = world.engine.adopt(&world.rosa, "second", again()).await.unwrap();
    assert_eq!((adopted.targets, adopted.versions, adopted.left_out.len()), (0, 0, 0), "{:?}", adopted.left_out);
    let all = targets(&world).await;
    assert_eq!((all.len(), all[0].workloads.len()), (1, 2), "{all:?}");
    let once_more = world.engine.adopt(&world.rosa, "second", again()).await.unwrap();
    assert!(once_more.left_out[0].contains("a target already"), "{:?}", once_more.left_out);
}

#[tokio::test]
async fn what_was_found_counts_in_no_figure_and_is_shown_as_found() {
    let world = World::new(0).await;
    world.service("cart").await;
    let view = world.engine.deployments(&world.theo, DeploymentsQuery::default()).await.unwrap();
    let line = &view.page.rows[0];
    assert_eq!((line.is_found, line.by.as_str(), line.version.as_str()), (true, "found in the cluster", "1.0"));
    world.engine.register_version(&world.theo, "cart", build("cart", "2.0")).await.unwrap();
    let number = world.ask("cart", "2.0").await;
    assert_eq!(world.finish(number).await.phase, "succeeded");
    let mut read = world.engine.store().read().await.unwrap();
    let now = world.engine.now();
    let ever = store::InsightsFilter {
        from: now - chrono::Duration::days(30),
        to: now + chrono::Duration::days(1),
        service: None,
        team: None,
    };
    let counted: Vec<_> =
        read.insights_deployments(&ever).await.unwrap().into_iter().map(|d| d.version.to_string()).collect();
    assert_eq!(counted, ["2.0"]);
    drop(read);
    world.engine.insights(&world.theo, InsightsQuery::default()).await.unwrap();
}
