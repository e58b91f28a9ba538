//! A cluster that goes away and comes back, seen through a door between Slipway and the real server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use domain::rollout::{Rollout, judge};
use ports::{Cluster, ClusterConnector, ClusterError, ConnectionSettings, InventoryEvent, NamespaceScope};
use practice::stories::Disturbance;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    setup::{Room, minimal_settings},
    stage::{create, disturb},
    watching::{shows, until},
    writing::{deployment, workload},
};

/// Passes connections on to the real server while it is open. Shut, it ends them and refuses new
/// ones; silent, it takes new ones and never answers.
struct Door {
    settings: ConnectionSettings,
    is_open: watch::Sender<bool>,
    is_silent: Arc<AtomicBool>,
}

impl Door {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let ConnectionSettings::Token { server, certificate_authority, token } = minimal_settings() else {
            panic!("the minimal kubeconfig has a token")
        };
        let behind = server.trim_start_matches("https://").trim_end_matches('/').to_owned();
        assert!(behind.starts_with("127.0.0.1:"), "the certificate must hold for the door too: {behind}");
        let is_open = watch::Sender::new(true);
        let is_silent = Arc::new(AtomicBool::new(false));
        let (opened, silent) = (is_open.subscribe(), Arc::clone(&is_silent));
        tokio::spawn(async move {
            loop {
                let (mut inside, _) = listener.accept().await.unwrap();
                let (mut opened, silent, behind) = (opened.clone(), Arc::clone(&silent), behind.clone());
                tokio::spawn(async move {
                    if silent.load(Ordering::Relaxed) {
                        drop(opened.wait_for(|is_open| !is_open).await.map(drop));
                    } else if *opened.borrow() {
                        let mut outside = TcpStream::connect(behind).await.unwrap();
                        tokio::select! {
                            _ = copy_bidirectional(&mut inside, &mut outside) => {}
                            _ = opened.wait_for(|is_open| !is_open) => {}
                        }
                    }
                });
            }
        });
        let server = format!("https://127.0.0.1:{port}");
        Self { settings: ConnectionSettings::Token { server, certificate_authority, token }, is_open, is_silent }
    }

    fn cluster(&self) -> Arc<dyn Cluster> {
        cluster::KubeConnector.connect(&self.settings).unwrap()
    }
}

#[tokio::test]
async fn a_watch_tells_the_loss_once_and_everything_again_afterwards() {
    let (room, door) = (Room::new().await, Door::new().await);
    create(&room.admin, &deployment(&room, "cart", 1, "1.0")).await.unwrap();
    create(&room.admin, &deployment(&room, "gone", 1, "1.0")).await.unwrap();
    let mut stream = door.cluster().watch(NamespaceScope::Only(vec![room.namespace.clone()]));
    let told = until(&mut stream, "synced", |e| *e == InventoryEvent::Synced).await;
    assert_eq!(told.iter().filter(|e| shows(e, |_| true)).count(), 2, "{told:#?}");

    door.is_open.send_replace(false);
    let told = until(&mut stream, "the loss", |e| matches!(e, InventoryEvent::Lost(_))).await;
    assert!(matches!(told.last(), Some(InventoryEvent::Lost(ClusterError::Unreachable(_)))), "{told:#?}");
    disturb(&room.admin, &workload(&room, "gone"), &Disturbance::Delete).await.unwrap();
    disturb(&room.admin, &workload(&room, "cart"), &Disturbance::SetImage("app", "registry.test/cart:2.0"))
        .await
        .unwrap();

    door.is_open.send_replace(true);
    let told = until(&mut stream, "synced again", |e| *e == InventoryEvent::Synced).await;
    let changed: Vec<_> = told.iter().filter(|e| shows(e, |_| true)).collect();
    assert_eq!(changed.len(), 1, "{told:#?}");
    assert!(shows(changed[0], |seen| seen.images[0].image.ends_with(":2.0")), "{told:#?}");
    let is_done = |e: &InventoryEvent| shows(e, |seen| matches!(judge(seen), Rollout::Complete { .. }));
    if !is_done(changed[0]) {
        until(&mut stream, "version 2", is_done).await;
    }
    room.leave().await;
}

#[tokio::test]
async fn a_cluster_that_is_down_or_silent_is_told_within_seconds() {
    let (room, door) = (Room::new().await, Door::new().await);
    let cluster = door.cluster();
    let cart = workload(&room, "cart");
    door.is_silent.store(true, Ordering::Relaxed);
    let started = Instant::now();
    let error = cluster.observe(&cart).await.unwrap_err();
    assert!(matches!(error, ClusterError::Unreachable(_)), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());

    door.is_open.send_replace(false);
    door.is_silent.store(false, Ordering::Relaxed);
    let started = Instant::now();
    let error = cluster.observe(&cart).await.unwrap_err();
    assert!(matches!(error, ClusterError::Unreachable(_)), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());

    door.is_open.send_replace(true);
    assert_eq!(cluster.observe(&cart).await, Ok(domain::observation::Observed::Missing));
    room.leave().await;
}
