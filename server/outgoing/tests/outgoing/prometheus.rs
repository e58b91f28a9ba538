//! What can go wrong with a metric source, from a script.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::analysis::{Reading, SampleRange, Tenant};
use outgoing::{Client, Judge, Prometheus};
use ports::{MetricCredentials, MetricError, MetricSource};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::stand_in::{Answer, StandIn};

const TOKEN: &str = "metrics-canary-4711";

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_442_000, 250_000_000).unwrap()
}

fn client() -> Client {
    Client::new(Judge::new(vec!["127.0.0.1".parse().unwrap()])).unwrap()
}

fn source_at(base: &str) -> Prometheus {
    Prometheus::new(client(), base, MetricCredentials::Token(SecretString::from(TOKEN))).unwrap()
}

async fn answered(answer: Answer) -> Result<Reading, MetricError> {
    let receiver = StandIn::start(vec![answer]).await;
    source_at(&receiver.base).instant("up", at()).await
}

fn vector(values: &[&str]) -> Value {
    let result: Vec<Value> = values.iter().map(|v| json!({ "metric": {}, "value": [1.5, v] })).collect();
    json!({ "status": "success", "data": { "resultType": "vector", "result": result } })
}

fn error(kind: &str, text: &str) -> String {
    json!({ "status": "error", "errorType": kind, "error": text }).to_string()
}

#[tokio::test]
async fn a_question_carries_query_time_and_token_and_keeps_the_path() {
    let matrix = json!({ "status": "success", "data": { "resultType": "matrix", "result": [
        { "metric": {}, "values": [[1, "1"], [2, "NaN"], [3, "3"]] }
    ] } });
    let receiver = StandIn::start(vec![Answer::Json(vector(&["2.5"])), Answer::Json(matrix)]).await;
    let source = source_at(&format!("{}/tenant%2Fa/prom/", receiver.base));
    assert_eq!(source.instant("sum(up{a=\"b&c\"})", at()).await.unwrap(), Reading::value(2.5));
    let range = SampleRange { from: at() - TimeDelta::seconds(120), to: at(), step_seconds: 60 };
    let found = source.range("up", &range).await.unwrap();
    assert_eq!(found, Reading::series([1.0, f64::NAN, 3.0]));
    let [instant, along] = receiver.asked().try_into().unwrap();
    assert_eq!(instant.line, "POST /tenant%2Fa/prom/api/v1/query");
    assert_eq!(instant.authorization, format!("Bearer {TOKEN}"));
    assert_eq!(instant.text, "query=sum%28up%7Ba%3D%22b%26c%22%7D%29&time=1772442000.250&timeout=10000ms");
    assert_eq!(along.line, "POST /tenant%2Fa/prom/api/v1/query_range");
    assert_eq!(along.text, "query=up&start=1772441880.250&end=1772442000.250&step=60&timeout=10000ms");
}

#[tokio::test]
async fn a_password_is_sent_as_basic_authentication() {
    let receiver = StandIn::start(vec![Answer::Json(vector(&["1"]))]).await;
    let credentials = MetricCredentials::Password { user: "ada".into(), password: SecretString::from("lovelace") };
    let source = Prometheus::new(client(), &receiver.base, credentials).unwrap();
    assert_eq!(source.check(at()).await.unwrap(), None, "what says no version is a source all the same");
    assert_eq!(receiver.asked()[0].authorization, "Basic YWRhOmxvdmVsYWNl");
}

#[tokio::test]
async fn a_tenant_is_named_with_every_question() {
    let answers = vec![Answer::Json(vector(&["1"])), Answer::Json(vector(&["1"]))];
    let receiver = StandIn::start(answers).await;
    let source = source_at(&receiver.base);
    assert!(source.instant("up", at()).await.is_ok());
    assert!(source.of_tenant(Some(Tenant::parse("shop").unwrap())).instant("up", at()).await.is_ok());
    let tenants: Vec<_> = receiver.asked().into_iter().map(|asked| asked.header("x-scope-orgid")).collect();
    assert_eq!(tenants, ["", "shop"]);
}

#[tokio::test]
async fn what_the_source_says_beside_a_value_is_kept() {
    let mut warned = vector(&["4"]);
    warned["warnings"] = json!(["a store did not answer"]);
    warned["infos"] = json!(["not a counter"]);
    let expected = Reading::value(4.0).with_note("a store did not answer").with_note("not a counter");
    assert_eq!(answered(Answer::Json(warned)).await.unwrap(), expected);
    let mut empty = vector(&[]);
    empty["warnings"] = json!(["partial"]);
    assert_eq!(answered(Answer::Json(empty)).await.unwrap(), Reading::series([]).with_note("partial"));
}

#[tokio::test]
async fn each_failure_says_what_the_caller_can_do() {
    use MetricError as E;
    let raw = |status, body: &str| Answer::Raw(status, vec![], body.to_owned());
    let histogram = json!({ "status": "success", "data": { "resultType": "vector", "result": [
        { "metric": {}, "histogram": [1, {}] }
    ] } });
    let rows = [
        (raw(400, &error("bad_data", "parse error")), E::Query("parse error".into())),
        (raw(400, &error("bad_data", "parse \u{202E}err\u{200B}or")), E::Query("parse  error".into())),
        (raw(422, &error("execution", "many-to-many")), E::Query("many-to-many".into())),
        (raw(503, &error("timeout", "query timed out")), E::Unreachable("timeout: query timed out".into())),
        (raw(500, &error("internal", "oops")), E::Unreachable("internal: oops".into())),
        (raw(502, "<html>bad gateway</html>"), E::Unreachable("status 502".into())),
        (raw(429, "slow down"), E::Unreachable("status 429".into())),
        (raw(401, ""), E::Unauthorized("status 401".into())),
        (raw(403, &error("forbidden", "no")), E::Unauthorized("status 403".into())),
        (raw(404, "<html>not here</html>"), E::NotASource("status 404 without an answer of Prometheus".into())),
        (raw(200, "<html>hello</html>"), E::NotASource("status 200 without an answer of Prometheus".into())),
        (raw(200, "{}"), E::NotASource("status 200 without an answer of Prometheus".into())),
        (Answer::Json(json!({ "status": "success" })), E::NotASource("a result without data".into())),
        (Answer::Json(vector(&["four"])), E::NotASource("a value is not a number".into())),
        (Answer::Json(vector(&["1", "2"])), E::Query("it gives 2 series; add them up to one, as sum(...) does".into())),
        (
            Answer::Json(histogram),
            E::Query("it gives a native histogram, not a number; take histogram_quantile(...) of it".into()),
        ),
    ];
    for (answer, expected) in rows {
        assert_eq!(answered(answer).await, Err(expected));
    }
    assert!(matches!(answered(Answer::Lost).await, Err(E::Unreachable(_))));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_takes_no_token_along() {
    let elsewhere = StandIn::start(vec![Answer::Json(vector(&["1"]))]).await;
    let target = format!("{}/api/v1/query", elsewhere.base);
    for status in [301, 302, 307, 308] {
        let answer = answered(Answer::Raw(status, vec![("location", target.clone())], String::new())).await;
        let Err(MetricError::NotASource(why)) = answer else { panic!("{answer:?}") };
        assert_eq!(why, format!("status {status}: it sends on to another address; give that one"));
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end() {
    let huge = vector(&[&"1".repeat(1_100_000)]);
    let Err(MetricError::Query(why)) = answered(Answer::Json(huge)).await else { panic!() };
    assert!(why.starts_with("the answer is too large"), "{why}");
}

#[tokio::test]
async fn a_source_that_says_nothing_is_given_up_in_time() {
    let receiver = StandIn::start(vec![Answer::Silent]).await;
    let source = source_at(&receiver.base).with_timeout(Duration::from_millis(200));
    assert_eq!(source.instant("up", at()).await, Err(MetricError::Unreachable("no answer in time".into())));
}

#[tokio::test]
async fn check_wants_a_source_that_can_count() {
    let receiver = StandIn::start(vec![Answer::Json(vector(&["2"]))]).await;
    assert!(matches!(source_at(&receiver.base).check(at()).await, Err(MetricError::NotASource(_))));
    assert_eq!(receiver.asked()[0].text, "query=vector%281%29&time=1772442000.250&timeout=10000ms");
}

#[tokio::test]
async fn a_source_that_says_its_version_is_asked_for_it_as_itself() {
    let told = json!({ "status": "success", "data": { "version": "3.5.0", "revision": "x" } });
    let receiver = StandIn::start(vec![Answer::Json(vector(&["1"])), Answer::Json(told)]).await;
    assert_eq!(source_at(&receiver.base).check(at()).await.unwrap().as_deref(), Some("3.5.0"));
    let asked = receiver.asked();
    assert_eq!(asked[1].line, "GET /api/v1/status/buildinfo");
    assert_eq!(asked[1].authorization, format!("Bearer {TOKEN}"));
}

#[tokio::test]
async fn addresses_are_judged_before_anything_is_sent() {
    let none = || Client::new(Judge::default()).unwrap();
    let refused = [
        "http://127.0.0.1:9090",
        "https://10.0.0.1",
        "http://prometheus.example",
        "https://a:b@prometheus.example",
        "https://prometheus.example/?x=1",
        "prometheus.example",
        "",
    ];
    for address in refused {
        let made = Prometheus::new(none(), address, MetricCredentials::None);
        assert!(matches!(made, Err(MetricError::Settings(_))), "{address}");
    }
    // A name is judged by what it leads to, when the call is made.
    let inside = Prometheus::new(none(), "https://localhost:9", MetricCredentials::None).unwrap();
    assert!(matches!(inside.instant("up", at()).await, Err(MetricError::Settings(_))));
}
