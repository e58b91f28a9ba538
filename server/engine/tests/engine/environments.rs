//! What environments may ask of one another.

use contract::environments::{EnvironmentInput, EnvironmentsBackend};
use domain::environment::EnvironmentKind;

use crate::world::World;

#[tokio::test]
async fn no_environment_asks_for_one_that_asks_for_it_in_its_turn() {
    let world = World::new(0).await;
    world.add_environment("staging", EnvironmentKind::Staging, 0, "").await;
    world.add_environment("canary", EnvironmentKind::Staging, 0, "staging").await;
    let asks = |name: &str, healthy_in: &str| {
        let (name, healthy_in) = (name.to_owned(), healthy_in.to_owned());
        EnvironmentInput { title: name.clone(), name, healthy_in, ..world.environment() }
    };
    world.engine.change_environment(&world.admin, asks("production", "canary")).await.unwrap();
    for (name, healthy_in, way) in [
        ("staging", "canary", "canary, and that for staging"),
        ("staging", "production", "production, that for canary, and that for staging"),
    ] {
        let refused = world.engine.change_environment(&world.admin, asks(name, healthy_in)).await.unwrap_err();
        assert_eq!(refused.field(), Some("healthy_in"), "{refused:?}");
        assert!(refused.message.contains(way), "{refused:?}");
    }
    world.engine.change_environment(&world.admin, asks("production", "staging")).await.unwrap();
}
