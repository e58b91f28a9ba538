//! What data planes export, in small: an exporter on loopback whose counters rise with every scrape by
//! known amounts, so that the share of errors is exact whenever and however often it is scraped.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Starts the exporter; it serves as long as the test's runtime runs.
pub async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let scrapes = Arc::new(AtomicU64::new(0));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let scrapes = Arc::clone(&scrapes);
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { return };
                    request.push(byte);
                }
                let body = page(scrapes.fetch_add(1, Ordering::Relaxed) + 1);
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\nconnection: close";
                let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                // Prometheus may be gone by now.
                if stream.write_all(answer.as_bytes()).await.is_ok() {
                    drop(stream.shutdown().await);
                }
            });
        }
    });
    address
}

/// The page of the n-th scrape.
fn page(n: u64) -> String {
    let mut out = String::new();
    let mut line = |name: &str, labels: &str, value: u64| writeln!(out, "{name}{{{labels}}} {value}").unwrap();

    // Istio: 7 % at the canary's own sidecar, 10 % as the gateway sees it; none at the stable version,
    // whose errors have no series; nothing moves at the idle one.
    let istio = |reporter: &str, name: &str| {
        format!(
            "reporter=\"{reporter}\",destination_workload_namespace=\"shop\",destination_workload=\"{name}\",destination_service_namespace=\"shop\",destination_service_name=\"{name}\""
        )
    };
    let rows = [
        ("destination", "cart-canary", 93 * n, Some(7 * n)),
        ("source", "cart-canary", 90 * n, Some(10 * n)),
        ("destination", "cart", 500 * n, None),
        ("destination", "cart-idle", 900, Some(100)),
    ];
    for (reporter, name, good, bad) in rows {
        let labels = istio(reporter, name);
        line("istio_requests_total", &format!("{labels},response_code=\"200\""), good);
        if let Some(bad) = bad {
            line("istio_requests_total", &format!("{labels},response_code=\"503\""), bad);
        }
    }
    for (name, per_scrape) in [("cart-canary", n), ("cart-idle", 1)] {
        for (le, count) in [("100", 50), ("500", 94), ("1000", 100), ("+Inf", 100)] {
            let labels = format!("{},le=\"{le}\"", istio("destination", name));
            line("istio_request_duration_milliseconds_bucket", &labels, count * per_scrape);
        }
    }

    // Envoy Gateway: 20 %. Envoy under Istio's control plane: 25 %.
    let gateway = "envoy_cluster_name=\"httproute/shop/cart/rule/0/backend/1\"";
    line("envoy_cluster_upstream_rq", &format!("{gateway},envoy_response_code=\"200\""), 80 * n);
    line("envoy_cluster_upstream_rq", &format!("{gateway},envoy_response_code=\"500\""), 20 * n);
    let stock = "envoy_cluster_name=\"outbound|80||cart-canary\"";
    let name = "envoy_cluster_shop_svc_cluster_local__upstream_rq";
    line(name, &format!("{stock},envoy_response_code=\"200\""), 75 * n);
    line(name, &format!("{stock},envoy_response_code=\"503\""), 25 * n);

    // ingress-nginx: 40 % of what goes to the canary, nothing of the rest; another Service behind the same
    // Ingress has a canary that is all bad.
    let sibling = "namespace=\"shop\",ingress=\"cart\",service=\"pay\"";
    for canary in ["", "shop-pay-canary-80"] {
        let labels = format!("{sibling},canary=\"{canary}\",status=\"500\"");
        line("nginx_ingress_controller_requests", &labels, 500 * n);
    }
    let ingress = "namespace=\"shop\",ingress=\"cart\",service=\"cart\"";
    let canary = format!("{ingress},canary=\"shop-cart-canary-80\"");
    line("nginx_ingress_controller_requests", &format!("{canary},status=\"200\""), 60 * n);
    line("nginx_ingress_controller_requests", &format!("{canary},status=\"502\""), 40 * n);
    line("nginx_ingress_controller_requests", &format!("{ingress},canary=\"\",status=\"200\""), 700 * n);
    for (le, count) in [("0.1", 50), ("0.5", 94), ("1", 100), ("+Inf", 100)] {
        let labels = format!("{canary},status=\"200\",le=\"{le}\"");
        line("nginx_ingress_controller_response_duration_seconds_bucket", &labels, count * n);
    }

    // Containers: one core of two in use, 85 of 100 bytes; one without a limit, the whole pod's own row, a Deployment
    // whose name begins alike, and a volume.
    let pods = [("cart-canary-5d4f8c7b9-abcde", 1), ("cart-canary-extra-5d4f8c7b9-abcde", 50)];
    for (pod, times) in pods {
        let pod = format!("namespace=\"shop\",pod=\"{pod}\"");
        // A sidecar without limits says nothing of the share.
        for container in ["app", "proxy", ""] {
            let container = format!("{pod},container=\"{container}\"");
            line("container_cpu_usage_seconds_total", &container, n * times);
            line("container_memory_working_set_bytes", &container, 85 * times);
        }
        line("kube_pod_container_resource_limits", &format!("{pod},container=\"app\",resource=\"cpu\""), 2);
        line("kube_pod_container_resource_limits", &format!("{pod},container=\"app\",resource=\"memory\""), 100);
    }
    for (claim, used) in [("data", 91), ("cache", 3)] {
        let volume = format!("namespace=\"shop\",persistentvolumeclaim=\"{claim}\"");
        line("kubelet_volume_stats_used_bytes", &volume, used);
        line("kubelet_volume_stats_capacity_bytes", &volume, 100);
    }
    out
}
