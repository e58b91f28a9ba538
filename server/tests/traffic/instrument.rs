//! What counts must be able to see a failure: traffic on nothing, and pods that do not answer.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    ground::{Ground, Way},
    network,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// What comes back from an address; nothing when the connection is reset.
async fn asked(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect((address, network::PORT)).await.ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: pod\r\n\r\n").await.ok()?;
    let mut text = [0; 512];
    let count = stream.read(&mut text).await.ok().filter(|count| *count > 0)?;
    Some(String::from_utf8_lossy(&text[..count]).into_owned())
}

#[tokio::test]
async fn a_pod_answers_while_it_is_there_and_ready_and_nobody_does_for_it_before_or_after() {
    let ground = Ground::new(Way::Istio).await;
    assert_eq!(asked("10.244.250.250").await, None, "there is no such pod");
    let requests = ground.requests().await;
    let addresses = ground.addresses().await;
    assert_eq!(addresses.len(), 4);
    let answer = asked(&addresses[0]).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("1.0"), "{answer}");
    requests.count(200).await;
    requests.none_failed();

    ground.scale(0).await;
    assert!(asked(&addresses[0]).await.is_some(), "it finishes what it has begun");
    let began = Instant::now();
    while requests.failures().is_empty() {
        assert!(began.elapsed() < PATIENCE, "traffic on nothing is not seen");
        requests.count(20).await;
    }
    let failures = requests.failures();
    assert!(failures[0].contains("503 by Envoy"), "{failures:#?}");
    while !ground.addresses().await.is_empty() {
        assert!(began.elapsed() < PATIENCE, "the pods do not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The network hears of the end a moment after the API server has it.
    while asked(&addresses[0]).await.is_some() {
        assert!(began.elapsed() < PATIENCE, "a pod that is gone answers");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // A container that crashes is never asked by Envoy; who asks it all the same is refused.
    ground.set_image("2.0-crash").await;
    ground.scale(1).await;
    let crashes = loop {
        if let Some(address) = ground.addresses().await.into_iter().next() {
            break address;
        }
        assert!(began.elapsed() < 2 * PATIENCE, "the new pod has no address");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(asked(&crashes).await, None);
}
