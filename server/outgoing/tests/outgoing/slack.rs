//! Stories of messages: posted, updated, found, limited, lost, refused.

use chrono::{DateTime, Utc};
use domain::{ids::PromotionId, state::Mark};
use outgoing::{Client, Judge, Slack};
use ports::{MessageKey, MessageRef, Messenger, MessengerError, PromotionMessage};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::stand_in::{Answer, StandIn};

const TOKEN: &str = "xoxb-canary-4711";

fn key() -> MessageKey {
    MessageKey { promotion: "01900000-0000-7000-8000-000000000042".parse::<PromotionId>().unwrap(), step: None }
}

fn message() -> PromotionMessage {
    PromotionMessage {
        title: "cart 2.30.4 to production".into(),
        state: "rolling out, 2 of 3 pods".into(),
        mark: Mark::Moving,
        details: vec!["<!channel> Ada & Bob".into()],
        link: "https://slipway.test/promotions/42".into(),
        revision: 7,
    }
}

fn since() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_442_000, 0).unwrap()
}

fn slack_at(base: &str) -> Slack {
    let judge = Judge::new(vec!["127.0.0.1".parse().unwrap()]);
    Slack::new(Client::new(judge).unwrap(), &format!("{base}/api/"), SecretString::from(TOKEN)).unwrap()
}

async fn post_answered(answer: Answer) -> Result<MessageRef, MessengerError> {
    let receiver = StandIn::start(vec![answer]).await;
    slack_at(&receiver.base).post("#releases", key(), &message()).await
}

fn posted(ts: &str) -> Value {
    json!({ "ok": true, "channel": "C1", "ts": ts })
}

fn entry(ts: &str, promotion: &str) -> Value {
    let payload = json!({ "promotion": promotion, "revision": 1 });
    json!({ "ts": ts, "text": "x", "metadata": { "event_type": "slipway_promotion", "event_payload": payload } })
}

#[tokio::test]
async fn a_message_is_posted_with_its_key_and_updated_in_place() {
    let receiver = StandIn::start(vec![Answer::Json(posted("1.1")), Answer::Json(posted("1.1"))]).await;
    let slack = slack_at(&receiver.base);
    let at = slack.post("#releases", key(), &message()).await.unwrap();
    assert_eq!(at, MessageRef { channel: "C1".into(), message: "1.1".into() });
    slack.update(&at, key(), &message()).await.unwrap();
    let [post, update] = receiver.asked().try_into().unwrap();
    assert_eq!(post.line, "POST /api/chat.postMessage");
    assert_eq!(post.authorization, format!("Bearer {TOKEN}"));
    assert_eq!(post.body["channel"], "#releases");
    assert_eq!(post.body["metadata"]["event_type"], "slipway_promotion");
    let payload = json!({ "promotion": key().promotion.to_string(), "revision": 7 });
    assert_eq!(post.body["metadata"]["event_payload"], payload);
    assert_eq!(update.line, "POST /api/chat.update");
    assert_eq!((&update.body["channel"], &update.body["ts"]), (&json!("C1"), &json!("1.1")));
    assert_eq!(update.body["metadata"]["event_payload"], payload);
}

#[tokio::test]
async fn hostile_text_arrives_escaped() {
    let receiver = StandIn::start(vec![Answer::Json(posted("1.1"))]).await;
    slack_at(&receiver.base).post("C1", key(), &message()).await.unwrap();
    let blocks = receiver.asked()[0].body["blocks"].to_string();
    assert!(blocks.contains("&lt;!channel&gt; Ada &amp; Bob"), "{blocks}");
    assert!(!blocks.contains("<!channel>"), "{blocks}");
}

#[tokio::test]
async fn a_message_is_found_by_its_key_on_a_later_page() {
    let first = json!({
        "ok": true,
        "messages": [{ "ts": "9.9", "text": "hello" }, entry("8.8", "01900000-0000-7000-8000-000000000041")],
        "response_metadata": { "next_cursor": "page/2=" },
    });
    let second = json!({ "ok": true, "messages": [entry("7.7", &key().promotion.to_string())] });
    let receiver = StandIn::start(vec![Answer::Json(first), Answer::Json(second)]).await;
    let found = slack_at(&receiver.base).find("C1", key(), since()).await.unwrap();
    assert_eq!(found, Some(MessageRef { channel: "C1".into(), message: "7.7".into() }));
    let asked = receiver.asked();
    assert!(asked[0].line.starts_with("GET /api/conversations.history?"), "{}", asked[0].line);
    assert!(asked[0].line.contains("oldest=1772441940&"), "{}", asked[0].line);
    assert!(asked[0].line.contains("include_all_metadata=true"), "{}", asked[0].line);
    assert!(!asked[0].line.contains("cursor"), "{}", asked[0].line);
    assert!(asked[1].line.contains("cursor=page%2F2%3D"), "{}", asked[1].line);
}

#[tokio::test]
async fn a_channel_given_by_name_is_looked_up_before_it_is_read() {
    let channels =
        json!({ "ok": true, "channels": [{ "id": "C9", "name": "random" }, { "id": "C7", "name": "releases" }] });
    let history = json!({ "ok": true, "messages": [] });
    let receiver = StandIn::start(vec![Answer::Json(channels), Answer::Json(history)]).await;
    assert_eq!(slack_at(&receiver.base).find("#releases", key(), since()).await, Ok(None));
    assert!(receiver.asked()[1].line.contains("channel=C7"));
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait() {
    let limited = Answer::Raw(429, vec![("retry-after", "17".into())], "{}".into());
    assert_eq!(post_answered(limited).await, Err(MessengerError::RateLimited { seconds: 17 }));
    let in_words = Answer::Json(json!({ "ok": false, "error": "ratelimited" }));
    assert_eq!(post_answered(in_words).await, Err(MessengerError::RateLimited { seconds: 30 }));
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_a_refusal_is_final() {
    assert!(matches!(post_answered(Answer::Lost).await, Err(MessengerError::Unknown(_))));
    let down = Answer::Raw(503, vec![], "down".into());
    assert!(matches!(post_answered(down).await, Err(MessengerError::Unknown(_))));
    let trouble = Answer::Json(json!({ "ok": false, "error": "internal_error" }));
    assert_eq!(post_answered(trouble).await, Err(MessengerError::Unknown("internal_error".into())));
    let page = Answer::Raw(200, vec![], "<html>".into());
    assert!(matches!(post_answered(page).await, Err(MessengerError::Unknown(_))));
    let refused = Answer::Json(json!({ "ok": false, "error": "channel_not_found" }));
    assert_eq!(post_answered(refused).await, Err(MessengerError::Refused("channel_not_found".into())));
}

#[tokio::test]
async fn attack_24_a_redirect_is_not_followed() {
    let elsewhere = StandIn::start(vec![Answer::Json(posted("1.1"))]).await;
    let moved = Answer::Raw(302, vec![("location", format!("{}/api/chat.postMessage", elsewhere.base))], String::new());
    assert!(matches!(post_answered(moved).await, Err(MessengerError::Refused(_))));
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn attack_25_the_token_is_not_sent_to_an_address_that_was_not_allowed() {
    let receiver = StandIn::start(vec![Answer::Json(posted("1.1"))]).await;
    for base in [receiver.base.clone(), receiver.base.replace("127.0.0.1", "localhost")] {
        for base in [base.clone(), base.replace("http:", "https:")] {
            let client = Client::new(Judge::default()).unwrap();
            let slack = Slack::new(client, &base, SecretString::from(TOKEN)).unwrap();
            let refused = slack.post("C1", key(), &message()).await;
            assert!(matches!(refused, Err(MessengerError::Refused(_))), "{base}: {refused:?}");
        }
    }
    assert!(receiver.asked().is_empty());
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let huge = Answer::Raw(200, vec![], "x".repeat(5 * 1024 * 1024));
    let refused = post_answered(huge).await;
    assert_eq!(refused, Err(MessengerError::Unknown("the answer is too large".into())));
}

#[tokio::test]
async fn nobody_there_is_no_answer_and_names_no_secret() {
    let refused = slack_at("http://127.0.0.1:1").post("C1", key(), &message()).await;
    let Err(MessengerError::Unknown(words)) = &refused else { panic!("{refused:?}") };
    assert!(words.starts_with("cannot connect"), "{words}");
    assert!(!format!("{:?} {words}", slack_at("http://127.0.0.1:1")).contains(TOKEN));
}
