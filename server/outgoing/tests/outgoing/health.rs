//! Requests for health: what counts as healthy, and where none are made.

use std::time::Duration;

use domain::analysis::Reading;
use outgoing::{Client, HealthRequests, Judge};
use ports::{HealthProbe as _, MetricError};

use crate::stand_in::{Answer, StandIn};

const PATIENCE: Duration = Duration::from_millis(300);

fn probe(allowed: &[&str]) -> HealthRequests {
    let rules = allowed.iter().map(|rule| rule.parse().unwrap()).collect();
    HealthRequests::new(Client::new(Judge::new(rules)).unwrap())
}

#[tokio::test]
async fn only_a_status_of_200_to_299_is_healthy() {
    let raw = |status, to: &str| Answer::Raw(status, vec![("location", to.to_owned())], String::new());
    let script = vec![raw(204, ""), raw(302, "http://127.0.0.1/"), raw(503, ""), Answer::Lost, Answer::Silent];
    let target = StandIn::start(script).await;
    let mut said = Vec::new();
    for _ in 0..5 {
        let reading = probe(&["127.0.0.1"]).ask(&format!("{}/health", target.base), PATIENCE).await.unwrap();
        let Reading::Measured { notes, .. } = &reading else { panic!("{reading:?}") };
        said.push((reading.latest().unwrap(), notes.join("; ")));
    }
    assert_eq!(said[0], (0.0, "status 204".to_owned()));
    assert_eq!((&said[1], &said[2]), (&(1.0, "status 302".to_owned()), &(1.0, "status 503".to_owned())));
    assert!(said[3].0 > 0.5 && said[3].1.contains("connection"), "{:?}", said[3]);
    assert_eq!(said[4], (1.0, "no answer in time".to_owned()));
    assert_eq!(target.asked()[0].line, "GET /health");
}

#[tokio::test]
async fn attack_22_an_address_inside_is_judged_and_says_nothing_of_the_target() {
    for address in ["http://127.0.0.1:1/health", "https://169.254.169.254/", "https://10.0.0.1/health", "no address"] {
        let refused = probe(&[]).look_at(address).unwrap_err();
        assert!(matches!(refused, MetricError::Settings(_)), "{address}: {refused}");
        let asked = probe(&[]).ask(address, PATIENCE).await.unwrap_err();
        assert_eq!(asked, refused, "{address}");
    }
    assert!(probe(&[]).look_at("https://10.0.0.1/health").unwrap_err().to_string().contains("outgoing_allow"));
    assert_eq!(probe(&["10.0.0.0/8"]).look_at("https://10.0.0.1/health"), Ok(()));
}
