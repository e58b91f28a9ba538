//! What is said of a cluster that does not answer, or answers that it does not let us in.

use std::time::{Duration, Instant};

use contract::{clusters::ClustersBackend, frame::FrameBackend};
use ports::ClusterError;

use crate::world::World;

async fn said(world: &World) -> (String, String) {
    let view = world.engine.clusters(&world.rosa).await.unwrap().remove(0);
    let frame = world.engine.frame(&world.rosa).await.unwrap();
    (view.words, frame.banners[0].text.clone())
}

async fn sign(world: &World) -> Option<String> {
    world.engine.signs_of_clusters(Duration::from_millis(100)).await.unwrap().remove(0).trouble
}

#[tokio::test]
async fn a_cluster_that_answers_no_is_not_one_that_does_not_answer() {
    let world = World::new(0).await;
    for (error, words, banner) in [
        (
            ClusterError::Forbidden("pods is forbidden".to_owned()),
            "the cluster does not allow it: pods is forbidden",
            "has not allowed Slipway to look for",
        ),
        (
            ClusterError::Unauthorized("Unauthorized".to_owned()),
            "the cluster does not accept the credentials: Unauthorized",
            "has not accepted the credentials for",
        ),
        (
            ClusterError::Unreachable("connection refused".to_owned()),
            "does not answer: the cluster cannot be reached: connection refused",
            "has not answered for",
        ),
    ] {
        world.practice.fail_next(1, &error);
        world.see().await;
        let (shown, above) = said(&world).await;
        assert_eq!(shown, words);
        assert!(above.contains(banner), "{above}");
        // It answers when it is asked for its version, and its watch found what it found.
        let found = sign(&world).await.unwrap();
        match error {
            ClusterError::Forbidden(_) => assert_eq!(found, "does not allow it"),
            ClusterError::Unauthorized(_) => assert_eq!(found, "does not accept the credentials"),
            _ => assert_eq!(found, "answers, but what runs in it cannot be watched"),
        }
    }
    world.see().await;
    assert_eq!(sign(&world).await, None);
}

#[tokio::test]
async fn a_sign_of_life_is_asked_for_with_patience_and_kept_for_a_moment() {
    let world = World::new(0).await;
    world.practice.set_latency(Duration::from_secs(600));
    let begun = Instant::now();
    let signs = world.engine.signs_of_clusters(Duration::from_millis(50)).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(signs[0].trouble.as_ref().is_some_and(|t| t.contains("no answer within")), "{signs:?}");
    // Whoever asks at once again gets the same answer, and the cluster is left alone.
    world.practice.set_latency(Duration::ZERO);
    world.practice.fail_next(1, &ClusterError::Forbidden("canary".to_owned()));
    let again = world.engine.signs_of_clusters(Duration::from_secs(60)).await.unwrap();
    assert_eq!(again, signs);
}

#[tokio::test]
async fn a_sign_of_life_that_is_refused_says_so_without_the_cluster_s_words() {
    let world = World::new(0).await;
    world.practice.fail_next(1, &ClusterError::Forbidden("10.0.0.1 canary".to_owned()));
    assert_eq!(sign(&world).await.as_deref(), Some("does not allow it"));
}
