//! What Envoy says of itself: which shares it follows.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ground;

/// Istiod waits a tenth of a second for more changes, and a busy machine takes its time.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(20);

/// The pods of a candidate, or a window and two intervals; and the lease of a server that was killed.
const COMES_WITHIN: Duration = Duration::from_secs(120);

/// The share in percent of everybody's requests that the routes of a host give to Services whose name begins so.
async fn share(host: &str, service: &str) -> Option<u64> {
    let admin = ground::variable("SLIPWAY_TEST_ENVOY_ADMIN");
    let address = format!("http://{admin}/config_dump?resource=dynamic_route_configs");
    let dump: Value = serde_json::from_str(&reqwest::get(address).await.ok()?.text().await.ok()?).ok()?;
    let list = |value: &Value, at: &str| value.pointer(at).and_then(Value::as_array).cloned().unwrap_or_default();
    let hosts = list(&dump, "/configs").into_iter().flat_map(|config| list(&config, "/route_config/virtual_hosts"));
    let mut found = hosts.filter(|one| list(one, "/domains").iter().any(|domain| domain == host));
    // What only testers take stands before what everybody takes.
    let is_for_everybody = |route: &Value| list(route, "/match/headers").is_empty();
    let route = list(&found.next()?, "/routes").into_iter().find(is_for_everybody)?;
    let is_it = |cluster: &Value| {
        cluster.as_str().is_some_and(|name| name.rsplit('|').next().is_some_and(|name| name.starts_with(service)))
    };
    if let Some(cluster) = route.pointer("/route/cluster") {
        return Some(if is_it(cluster) { 100 } else { 0 });
    }
    let clusters = list(&route, "/route/weighted_clusters/clusters");
    let sum = |only: bool| -> u64 {
        let chosen = clusters.iter().filter(|one| !only || is_it(&one["name"]));
        chosen.filter_map(|one| one["weight"].as_u64()).sum()
    };
    (sum(true) * 100).checked_div(sum(false))
}

/// Waits until Envoy gives this share to the Service, where Slipway has given it already; tells how long
/// that took.
pub async fn follows(host: &str, service: &str, percent: u8) -> Duration {
    until(host, service, percent, FOLLOWS_WITHIN).await
}

/// The same, where Slipway is still to come to it.
pub async fn comes_to(host: &str, service: &str, percent: u8) -> Duration {
    until(host, service, percent, COMES_WITHIN).await
}

async fn until(host: &str, service: &str, percent: u8, limit: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let share = share(host, service).await;
        if share == Some(u64::from(percent)) {
            return began.elapsed();
        }
        assert!(began.elapsed() < limit, "Envoy gives {share:?} % of {host} to {service}, not {percent} %");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
