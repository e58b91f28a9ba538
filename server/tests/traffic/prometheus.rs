//! A real Prometheus that reads Envoy's own counters, each second.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::ground::variable;

/// How long it may take to start on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(40);

/// A Prometheus in a temporary folder; gone when it is dropped.
pub struct Prometheus {
    child: Child,
    pub address: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts it and waits until it has read Envoy's counters.
    pub async fn of_envoy() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let envoy = variable("SLIPWAY_TEST_ENVOY_ADMIN");
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n- job_name: envoy\n  metrics_path: /stats/prometheus\n  static_configs: [{{targets: ['{envoy}']}}]\n"
        );
        std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(PathBuf::from(variable("SLIPWAY_TEST_PROMETHEUS")))
            .arg(format!("--web.listen-address={address}"))
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let started = Self { child, address: format!("http://{address}"), _folder: folder };
        let began = Instant::now();
        while !started.has_read().await {
            let log = || std::fs::read_to_string(started._folder.path().join("log")).unwrap();
            assert!(began.elapsed() < PATIENCE, "Prometheus has read nothing:\n{}", log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        started
    }

    async fn has_read(&self) -> bool {
        let asked = reqwest::get(format!("{}/api/v1/query?query=envoy_server_live", self.address)).await;
        let Ok(answer) = asked else { return false };
        answer.text().await.is_ok_and(|text| text.contains("envoy_server_live"))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
