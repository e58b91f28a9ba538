//! Promotions to outside deployers, with a stand-in receiver: told once for each call however often a
//! server dies, reported back, taken back, and never told what is not wanted any more.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use contract::{
    ErrorKind,
    board::BoardBackend,
    deployers::{DeployerInput, DeployersBackend, ReportInput, ReportTaken},
    promotions::{PromotionsBackend, Steer},
    services::{ServiceInput, ServicesBackend},
};
use domain::{
    actor::{Actor, Identity, Role},
    promotion::PromotionAct,
};
use engine::{Engine, Parts};
use ports::{Webhook, WebhookAnswer, WebhookSender};
use practice::{PracticeDeployer, PracticeMetrics, SeededRandomness};

use crate::{
    both::on_both_databases,
    world::{PracticeConnector, World},
};

on_both_databases!(
    a_version_is_deployed_as_it_is_reported_and_the_board_shows_it,
    a_server_that_dies_between_sending_and_noting_sends_the_same_again,
    what_fails_is_taken_back_with_what_ran_before,
    a_start_that_was_not_sent_is_not_sent_after_an_abort,
    an_abort_does_not_wait_for_the_next_try_of_the_start,
    an_abort_during_a_try_of_the_start_is_sent_when_the_try_ends,
    a_receiver_that_is_away_is_tried_ever_more_rarely_and_one_that_refuses_waits_for_a_person,
    reports_that_do_not_count_change_nothing,
    a_report_of_a_clock_that_is_far_ahead_is_refused,
);

/// Keeps what is sent, and may hang after it has arrived.
struct Wire {
    deployer: PracticeDeployer,
    sent: Mutex<Vec<Webhook>>,
    hangs: AtomicBool,
    arrived: tokio::sync::Notify,
    goes_on: tokio::sync::Notify,
}

#[async_trait]
impl WebhookSender for Wire {
    fn look_at(&self, address: &str) -> Result<(), String> {
        self.deployer.look_at(address)
    }

    async fn send(&self, webhook: &Webhook) -> WebhookAnswer {
        self.sent.lock().unwrap().push(webhook.clone());
        let answer = self.deployer.send(webhook).await;
        if self.hangs.load(Ordering::SeqCst) {
            self.arrived.notify_one();
            self.goes_on.notified().await;
        }
        answer
    }
}

/// A server over the world's database whose webhooks go to a stand-in.
struct Server {
    engine: Engine,
    wire: Arc<Wire>,
}

fn server(world: &World, seed: u64, deployer: &PracticeDeployer) -> Server {
    let clock: Arc<dyn ports::Clock> = Arc::new(world.clock.clone());
    let (sent, hangs) = (Mutex::default(), AtomicBool::new(false));
    let (arrived, goes_on) = <(tokio::sync::Notify, tokio::sync::Notify)>::default();
    let wire = Arc::new(Wire { deployer: deployer.clone(), sent, hangs, arrived, goes_on });
    let engine = Engine::new(Parts {
        store: world.engine.store().clone(),
        clock: Arc::clone(&clock),
        randomness: Arc::new(SeededRandomness::new(seed, clock)),
        connector: Arc::new(PracticeConnector(Arc::new(world.practice.clone()))),
        metrics: Arc::new(PracticeMetrics::new(world.practice.clone(), 7)),
        messengers: Arc::new(|_| panic!("nobody is told here")),
        repositories: Arc::new(practice::PracticeRepositories::new()),
        webhooks: Arc::clone(&wire) as Arc<dyn WebhookSender>,
        sealing_key: [7; 32],
        public_url: "https://slipway.example".to_owned(),
    });
    Server { engine, wire }
}

fn input() -> DeployerInput {
    DeployerInput {
        start: "https://deploy.example/start".to_owned(),
        abort: "https://deploy.example/abort".to_owned(),
        deadline: "10".to_owned(),
        ..DeployerInput::default()
    }
}

/// `cart` in production is deployed by a program outside from now on.
pub async fn hand_over(world: &World) {
    let input = DeployerInput { leaves: true, ..input() };
    world.engine.set_deployer(&world.rosa, "cart", "production", input).await.unwrap();
}

/// The service `mail` on machines of its own, where 1.0 was deployed already, and 2.0 is built.
async fn prepare(world: &World) -> (Server, PracticeDeployer) {
    let deployer = PracticeDeployer::new(Arc::new(world.clock.clone()));
    let server = server(world, 2, &deployer);
    let mail =
        ServiceInput { name: "mail".to_owned(), team: "checkout".to_owned(), tier: 2, ..ServiceInput::default() };
    server.engine.add_service(&world.rosa, mail).await.unwrap();
    let secret = server.engine.set_deployer(&world.rosa, "mail", "production", input()).await.unwrap().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    for label in ["1.0", "2.0"] {
        world.version("mail", label).await;
    }
    let first = world.ask("mail", "1.0").await;
    server.pass().await;
    let start = deployer.received().remove(0);
    server.report(first, &start.id, "r-first", "succeeded").await.unwrap();
    assert_eq!(world.status(first).await.words, "done");
    world.clock.advance(Duration::from_secs(60));
    (server, deployer)
}

fn machine(role: Role) -> Actor {
    Actor { identity: Identity::rule("deployer"), role, from: None }
}

fn report(delivery: &str, id: &str, state: &str) -> ReportInput {
    ReportInput {
        id: id.to_owned(),
        delivery: delivery.to_owned(),
        state: state.to_owned(),
        percent: None,
        message: Some(format!("it {state}")),
        link: None,
        at: None,
    }
}

impl Server {
    /// Reconciles and sends until both have done what is due.
    async fn pass(&self) {
        for _ in 0..3 {
            self.engine.reconcile_due().await.unwrap();
            self.engine.send_due().await.unwrap();
        }
    }

    async fn report(
        &self,
        number: i64,
        delivery: &str,
        id: &str,
        state: &str,
    ) -> Result<ReportTaken, contract::ApiError> {
        self.engine.report(&machine(Role::Deployer), number, report(delivery, id, state)).await
    }

    fn sent(&self) -> Vec<Webhook> {
        self.wire.sent.lock().unwrap().clone()
    }
}

async fn a_version_is_deployed_as_it_is_reported_and_the_board_shows_it(world: &World) {
    let (server, deployer) = prepare(world).await;
    let number = world.ask("mail", "2.0").await;
    server.pass().await;
    let start = deployer.received().pop().unwrap();
    assert_eq!((start.kind.as_str(), start.times), ("deployment.start", 1));
    let said = &start.body;
    assert_eq!(said["promotion"]["number"], number);
    assert_eq!((&said["service"], &said["environment"]), (&"mail".into(), &"production".into()));
    assert_eq!((&said["version"]["label"], &said["before"]["label"]), (&"2.0".into(), &"1.0".into()));
    assert!(said["version"]["images"][0]["image"].as_str().unwrap().contains("mail"), "{said}");
    let at = format!("https://slipway.example/api/v1/promotions/{number}/report");
    assert_eq!((&said["report"]["url"], &said["report"]["delivery"]), (&at.into(), &start.id.clone().into()));
    assert_eq!(world.status(number).await.words, "deploying: the deployer has it and has not reported yet");
    server.report(number, &start.id, "r-1", "running").await.unwrap();
    let page = server.engine.promotion(&world.rosa, number).await.unwrap();
    let back_out = page.demands.iter().find(|demand| demand.title.starts_with("Back-out")).unwrap();
    let when = "1.0 comes back by itself when its deployer gives up or says nothing in time, and by one click later";
    assert_eq!(back_out.detail, when);
    let outside = page.outside.unwrap();
    assert_eq!((outside.host.as_str(), outside.words.as_str()), ("deploy.example", "it running"));
    assert_eq!(outside.deliveries[0].words, "taken");
    assert!(outside.deliveries[0].tries[0].words.contains("answered 202"), "{:?}", outside.deliveries);
    assert!(outside.deadline.is_some());
    let board = async || {
        let board = server.engine.board(&world.rosa, contract::board::BoardQuery::default()).await.unwrap();
        let rows: Vec<_> = board.groups.into_iter().flat_map(|group| group.rows).collect();
        let row = rows.into_iter().find(|row| row.service == "mail").unwrap();
        row.cells[0].clone().unwrap().version
    };
    assert_eq!(board().await.as_deref(), Some("1.0"), "what runs is what was reported last as done");
    let done = server.report(number, &start.id, "r-2", "succeeded").await.unwrap();
    assert_eq!((done.is_new, done.phase.as_str()), (true, "succeeded"));
    assert_eq!(board().await.as_deref(), Some("2.0"));
    while server.engine.deliver_due().await.unwrap() > 0 {}
    assert_eq!(server.engine.store().read().await.unwrap().pending_effects().await.unwrap(), 0);
    // A rollback is a promotion with the version before, told in the same way.
    let back = contract::promotions::RequestRollback {
        service: "mail".to_owned(),
        environment: "production".to_owned(),
        version: None,
        whole_templates: false,
        reason: "slow".to_owned(),
    };
    let back = server.engine.roll_back(&world.rosa, back).await.unwrap();
    server.pass().await;
    let start = deployer.received().pop().unwrap();
    assert_eq!(
        (&start.body["promotion"]["cause"], &start.body["version"]["label"]),
        (&"rollback".into(), &"1.0".into())
    );
    server.report(back, &start.id, "r-1", "succeeded").await.unwrap();
    assert_eq!(board().await.as_deref(), Some("1.0"));
}

async fn a_server_that_dies_between_sending_and_noting_sends_the_same_again(world: &World) {
    let (server, deployer) = prepare(world).await;
    let number = world.ask("mail", "2.0").await;
    server.engine.reconcile_due().await.unwrap();
    server.wire.hangs.store(true, Ordering::SeqCst);
    tokio::select! {
        sent = server.engine.send_due() => panic!("it hangs, and did not: {sent:?}"),
        () = server.wire.arrived.notified() => {}
    }
    assert_eq!(world.status(number).await.words, "deploying: the deployer at deploy.example is told");
    let other = self::server(world, 3, &deployer);
    assert_eq!(other.engine.send_due().await.unwrap(), 0, "the lease of the dead one holds");
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(other.engine.send_due().await.unwrap(), 1);
    let start = deployer.received().pop().unwrap();
    assert_eq!((start.body["promotion"]["number"].clone(), start.times), (number.into(), 2));
    let (first, again) = (server.sent().pop().unwrap(), other.sent().pop().unwrap());
    assert_eq!((first.id, first.body), (again.id, again.body), "a receiver can tell that it is the same");
    other.report(number, &start.id, "r-1", "succeeded").await.unwrap();
    assert_eq!(world.status(number).await.words, "done");
    let tries = other.engine.promotion(&world.rosa, number).await.unwrap().outside.unwrap().deliveries[0].tries.clone();
    assert!(tries[1].words.contains("no answer is known"), "{tries:?}");
}

async fn what_fails_is_taken_back_with_what_ran_before(world: &World) {
    let (server, deployer) = prepare(world).await;
    let number = world.ask("mail", "2.0").await;
    server.pass().await;
    let start = deployer.received().pop().unwrap();
    server.report(number, &start.id, "r-1", "failed").await.unwrap();
    server.pass().await;
    let abort = deployer.received().pop().unwrap();
    assert_eq!((abort.kind.as_str(), abort.times), ("deployment.abort", 1));
    assert_eq!(server.sent().pop().unwrap().address, "https://deploy.example/abort");
    assert_eq!((&abort.body["before"]["label"], &abort.body["version"]["label"]), (&"1.0".into(), &"2.0".into()));
    assert!(abort.body["why"].as_str().unwrap().contains("it failed"), "{}", abort.body);
    let late = server.report(number, &start.id, "r-2", "succeeded").await.unwrap_err();
    assert!(late.message.contains("what is waited for is the abort"), "{late}");
    server.report(number, &abort.id, "r-3", "succeeded").await.unwrap();
    let end = world.status(number).await;
    assert_eq!(
        (end.phase.as_str(), end.words.as_str()),
        ("failed", "taken back: the deployer could not do it: it failed")
    );
}

async fn a_start_that_was_not_sent_is_not_sent_after_an_abort(world: &World) {
    let (server, deployer) = prepare(world).await;
    let known = deployer.received().len();
    let number = world.ask("mail", "2.0").await;
    server.engine.reconcile_due().await.unwrap();
    server.engine.abort(&world.rosa, number, "wrong version".to_owned()).await.unwrap();
    server.pass().await;
    let kinds: Vec<_> = deployer.received().into_iter().skip(known).map(|one| one.kind).collect();
    assert_eq!(kinds, ["deployment.abort"]);
    let deliveries = server.engine.promotion(&world.rosa, number).await.unwrap().outside.unwrap().deliveries;
    assert!(deliveries[0].words.contains("not wanted"), "{deliveries:?}");
    server.report(number, &deliveries[1].id, "r-1", "succeeded").await.unwrap();
    assert_eq!(world.status(number).await.phase, "aborted");
}

/// A receiver that wants to be left alone for 5 min.
fn busy() -> WebhookAnswer {
    WebhookAnswer::Again { status: Some(503), words: "it answered 503".into(), wait_seconds: Some(300) }
}

async fn an_abort_does_not_wait_for_the_next_try_of_the_start(world: &World) {
    let (server, deployer) = prepare(world).await;
    let number = world.ask("mail", "2.0").await;
    deployer.answer_next(busy());
    server.pass().await;
    world.clock.advance(Duration::from_secs(5));
    server.engine.abort(&world.rosa, number, "wrong version".to_owned()).await.unwrap();
    assert_eq!(server.engine.send_due().await.unwrap(), 1, "the abort is sent at once");
    assert_eq!(deployer.received().pop().unwrap().kind, "deployment.abort");
    let deliveries = server.engine.promotion(&world.rosa, number).await.unwrap().outside.unwrap().deliveries;
    assert!(deliveries[0].words.contains("not wanted"), "{deliveries:?}");
    world.clock.advance(Duration::from_secs(300));
    server.pass().await;
    assert_eq!(deployer.received().pop().unwrap().kind, "deployment.abort", "the start is never sent again");
}

async fn an_abort_during_a_try_of_the_start_is_sent_when_the_try_ends(world: &World) {
    let (server, deployer) = prepare(world).await;
    let number = world.ask("mail", "2.0").await;
    server.engine.reconcile_due().await.unwrap();
    deployer.answer_next(busy());
    server.wire.hangs.store(true, Ordering::SeqCst);
    let meanwhile = async {
        server.wire.arrived.notified().await;
        server.wire.hangs.store(false, Ordering::SeqCst);
        server.engine.abort(&world.rosa, number, "wrong version".to_owned()).await.unwrap();
        assert_eq!(server.engine.send_due().await.unwrap(), 0, "a deployer never hears of the abort before the start");
        server.wire.goes_on.notify_one();
    };
    let (sent, ()) = tokio::join!(server.engine.send_due(), meanwhile);
    assert_eq!(sent.unwrap(), 1);
    assert_eq!(server.engine.send_due().await.unwrap(), 1, "the abort is sent at once");
    assert_eq!(deployer.received().pop().unwrap().kind, "deployment.abort");
    let deliveries = server.engine.promotion(&world.rosa, number).await.unwrap().outside.unwrap().deliveries;
    assert!(deliveries[0].words.contains("not wanted"), "{deliveries:?}");
}

async fn a_receiver_that_is_away_is_tried_ever_more_rarely_and_one_that_refuses_waits_for_a_person(world: &World) {
    let (server, deployer) = prepare(world).await;
    let number = world.ask("mail", "2.0").await;
    for _ in 0..6 {
        deployer.answer_next(WebhookAnswer::Again {
            status: Some(503),
            words: "it answered 503".into(),
            wait_seconds: None,
        });
    }
    let refused = "it answered 401. Let the receiver check the signature";
    deployer.answer_next(WebhookAnswer::Refused { status: Some(401), words: refused.to_owned() });
    let before = server.sent().len();
    let mut when = Vec::new();
    for second in 0..140 {
        server.pass().await;
        when.resize(server.sent().len() - before, second);
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(when, [0, 1, 3, 7, 15, 31, 63]);
    let page = server.engine.promotion(&world.rosa, number).await.unwrap();
    assert!(page.line.headline.words.contains("refuses the start: it answered 401"), "{:?}", page.line.headline);
    assert!(page.allowed.contains(&PromotionAct::CallAgain), "{:?}", page.allowed);
    let before = server.sent().pop().unwrap();
    assert!(server.engine.steer(&world.theo, number, Steer::CallAgain).await.is_err(), "a developer does not steer");
    server.engine.new_deployer_secret(&world.rosa, "mail", "production").await.unwrap();
    server.engine.steer(&world.rosa, number, Steer::CallAgain).await.unwrap();
    server.pass().await;
    let again = server.sent().pop().unwrap();
    assert_eq!(before.id, again.id);
    assert_eq!((before.secrets.len(), again.secrets.len()), (1, 2), "the secret before signs too for a while");
    assert_eq!(world.status(number).await.words, "deploying: the deployer has it and has not reported yet");
}

async fn reports_that_do_not_count_change_nothing(world: &World) {
    let (server, deployer) = prepare(world).await;
    let number = world.ask("mail", "2.0").await;
    server.pass().await;
    let start = deployer.received().pop().unwrap();
    let first = server.report(number, &start.id, "r-1", "running").await.unwrap();
    // One without a time was said about when it came.
    let old = ReportInput { at: Some(chrono::DateTime::UNIX_EPOCH), ..report(&start.id, "r-old", "running") };
    let old = server.engine.report(&machine(Role::Deployer), number, old).await.unwrap_err();
    assert_eq!(old.kind, ErrorKind::Conflict, "{old}");
    let again = server.report(number, &start.id, "r-1", "running").await.unwrap();
    assert_eq!((first.is_new, again.is_new), (true, false));
    let revision = world.status(number).await.revision;
    let other = server.report(number, &start.id, "r-1", "failed").await.unwrap_err();
    assert!(
        other.kind == ErrorKind::Conflict && other.message.contains("another report came under this id"),
        "{other}"
    );
    let strange = server.report(number, "call_00000000000000000000000000000007_1", "r-2", "failed").await.unwrap_err();
    assert_eq!(strange.field(), Some("delivery"), "{strange}");
    let unread = server.report(number, &start.id, "r-3", "finished").await.unwrap_err();
    assert_eq!(unread.field(), Some("state"));
    let by_developer =
        server.engine.report(&machine(Role::Developer), number, report(&start.id, "r-4", "failed")).await;
    assert_eq!(by_developer.unwrap_err().kind, ErrorKind::Refused);
    assert_eq!(world.status(number).await.revision, revision, "nothing was changed");
    let (one, two) = tokio::join!(
        server.report(number, &start.id, "r-5", "succeeded"),
        server.report(number, &start.id, "r-5", "succeeded"),
    );
    let mut new = [one.unwrap().is_new, two.unwrap().is_new];
    new.sort_unstable();
    assert_eq!(new, [false, true], "the same report twice at once is one");
    let after = server.report(number, &start.id, "r-6", "failed").await.unwrap_err();
    assert!(after.message.contains("this promotion is over: done"), "{after}");
}

async fn a_report_of_a_clock_that_is_far_ahead_is_refused(world: &World) {
    let (server, deployer) = prepare(world).await;
    let number = world.ask("mail", "2.0").await;
    server.pass().await;
    let start = deployer.received().pop().unwrap();
    let revision = world.status(number).await.revision;
    let ahead = async |seconds: i64, state: &str| {
        let at = Some(ports::Clock::now(&world.clock) + chrono::Duration::seconds(seconds));
        let input = ReportInput { at, ..report(&start.id, "r-1", state) };
        server.engine.report(&machine(Role::Deployer), number, input).await
    };
    for (seconds, state) in [(301, "succeeded"), (301, "running"), (86_400, "failed")] {
        let refused = ahead(seconds, state).await.unwrap_err();
        assert_eq!(refused.field(), Some("at"), "{refused}");
        assert!(refused.message.contains("lies in the future; check the clock"), "{refused}");
    }
    assert_eq!(world.status(number).await.revision, revision, "nothing was changed");
    // Clocks that are a little apart are usual, and what was refused has not used its identity up.
    assert!(ahead(300, "running").await.unwrap().is_new);
    assert!(world.status(number).await.revision > revision);
}
