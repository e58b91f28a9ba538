//! Webhooks against receivers that behave and receivers that do not.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use outgoing::{Client, Judge, Webhooks, webhook::signature};
use ports::{Webhook, WebhookAnswer, WebhookSender as _};
use secrecy::SecretString;

use crate::stand_in::{Answer, StandIn};

const SECRET: &str = "whsec_c2xpcHdheS10ZXN0LXNlY3JldC1vZi0zMi1ieXRlcyE=";

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_442_000, 0).unwrap()
}

fn webhook(base: &str) -> Webhook {
    Webhook {
        address: format!("{base}/deploy?site=1"),
        id: "call_7_1".to_owned(),
        at: at(),
        body: r#"{"type":"deployment.start"}"#.to_owned(),
        secrets: vec![SecretString::from(SECRET)],
    }
}

fn sender() -> Webhooks {
    Webhooks::new(Client::new(Judge::new(vec!["127.0.0.1".parse().unwrap()])).unwrap())
}

fn raw(status: u16, body: &str) -> Answer {
    Answer::Raw(status, vec![], body.to_owned())
}

#[tokio::test]
async fn a_receiver_can_verify_who_calls() {
    let receiver = StandIn::start(vec![raw(202, "")]).await;
    let sent = webhook(&receiver.base);
    assert_eq!(sender().send(&sent).await, WebhookAnswer::Taken { status: 202 });
    let [asked] = receiver.asked().try_into().unwrap();
    assert_eq!(asked.line, "POST /deploy?site=1");
    assert_eq!(asked.text, sent.body, "byte by byte what was signed");
    assert_eq!(asked.header("webhook-id"), "call_7_1");
    assert_eq!(asked.header("webhook-timestamp"), "1772442000");
    assert_eq!(asked.header("content-type"), "application/json");
    let expected = signature("call_7_1", 1_772_442_000, &asked.text, &sent.secrets).unwrap();
    assert_eq!(asked.header("webhook-signature"), expected);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = StandIn::start(vec![raw(200, "")]).await;
    let redirect = Answer::Raw(307, vec![("location", elsewhere.base.clone())], String::new());
    let receiver = StandIn::start(vec![redirect]).await;
    let WebhookAnswer::Refused { status: Some(307), words } = sender().send(&webhook(&receiver.base)).await else {
        panic!("a redirect is for a person")
    };
    assert!(words.contains("Redirects are not followed"), "{words}");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_receiver_that_hangs_or_hangs_up_is_tried_again() {
    for answer in [Answer::Silent, Answer::Lost] {
        let receiver = StandIn::start(vec![answer]).await;
        let begun = Instant::now();
        let answer = sender().with_timeout(Duration::from_millis(300)).send(&webhook(&receiver.base)).await;
        assert!(matches!(answer, WebhookAnswer::Again { status: None, .. }), "{answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(3));
    }
    // Nobody listens there.
    let nobody = StandIn::start(vec![]).await;
    let answer = sender().with_timeout(Duration::from_millis(300)).send(&webhook(&nobody.base)).await;
    assert!(matches!(answer, WebhookAnswer::Again { status: None, .. }), "{answer:?}");
}

#[tokio::test]
async fn of_a_huge_answer_the_status_counts_and_a_line_is_read() {
    let huge = "x".repeat(50_000_000);
    let receiver = StandIn::start(vec![raw(200, &huge), raw(500, &huge)]).await;
    assert_eq!(sender().send(&webhook(&receiver.base)).await, WebhookAnswer::Taken { status: 200 });
    let WebhookAnswer::Again { status: Some(500), words, .. } = sender().send(&webhook(&receiver.base)).await else {
        panic!("a fault of the receiver may pass")
    };
    assert!(words.len() < 300, "{}", words.len());
}

#[tokio::test]
async fn a_receiver_says_how_long_it_wants_to_be_left_alone() {
    let busy = Answer::Raw(429, vec![("retry-after", "17".to_owned())], "slow down".to_owned());
    let receiver = StandIn::start(vec![busy]).await;
    let answer = sender().send(&webhook(&receiver.base)).await;
    let words = "it answered 429: slow down".to_owned();
    assert_eq!(answer, WebhookAnswer::Again { status: Some(429), words, wait_seconds: Some(17) });
}

#[tokio::test]
async fn attack_an_address_that_leads_inside_is_never_called() {
    let inside = StandIn::start(vec![raw(200, "")]).await;
    let strict = Webhooks::new(Client::new(Judge::new(vec![])).unwrap());
    let answer = strict.send(&webhook(&inside.base)).await;
    assert!(
        matches!(&answer, WebhookAnswer::Refused { status: None, words } if words.contains("outgoing_allow")),
        "{answer:?}"
    );
    assert!(strict.look_at("http://169.254.169.254/latest").is_err());
    assert!(strict.look_at("https://deploy.example/start").is_ok());
    assert!(inside.asked().is_empty());
}
