//! `kill -9` at every stop point of a promotion, on both databases.
//!
//! A stop point is each call through the store's commits or through a port, before it, and after
//! its effect but before its answer. A child process (this same test binary) counts them and gets
//! SIGKILL at the given one; a second child goes on from what is there, some time later. Leases
//! stay as they are.

mod stopped;
mod ways;

use std::{
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use contract::{
    deployers::{DeployersBackend as _, ReportInput},
    promotions::PromotionsBackend,
};
use domain::{
    actor::{Actor, Identity, Role},
    observation::Observed,
};
use engine::{Engine, Parts};
use ports::{Cluster as _, Messenger};
use practice::{
    MockClock, PracticeCluster, PracticeDeployer, PracticeRepositories, PracticeSettings, SeededRandomness,
};
use serde::{Deserialize, Serialize};
use store::{Durability, Store, StoreOptions};

use self::stopped::{FileMessenger, StoppedDeployer, StoppedRepositories, Stops, kept};
use crate::{
    canaries, database, delegating, git,
    guarded::Guarded,
    outside,
    world::{NoMetrics, PracticeConnector, World, engine_of, noon, workload},
};

/// How much later the second child starts: after the leases of the first have ended.
const LATER_SECONDS: i64 = 100;

/// What a child is told.
#[derive(Serialize, Deserialize)]
struct Task {
    url: String,
    folder: PathBuf,
    starts_at: DateTime<Utc>,
    /// At which stop point to die; 0 for none.
    dies_at: u64,
    number: i64,
    seed: u64,
    /// How much time goes by between two passes.
    step_seconds: u64,
}

/// How a version takes over.
#[derive(Clone, Copy, Debug)]
enum Way {
    Rolling,
    /// With these steps.
    Canary(&'static str),
    BlueGreen(&'static str),
    /// By Argo Rollouts.
    Rollout,
    /// By a commit, which Argo CD brings.
    Git,
    /// With these steps, where nothing but the number of pods says the shares.
    Pods(&'static str),
    /// By a program outside.
    Outside,
}

fn deployer_in(folder: &Path, clock: &MockClock) -> PracticeDeployer {
    PracticeDeployer::in_file(Arc::new(clock.clone()), folder.join("deployer.json")).unwrap()
}

/// The deployer says how it gets on; what comes too late is refused, as it is for everybody.
async fn report(engine: &Engine, deployer: &PracticeDeployer) {
    let machine = Actor { identity: Identity::rule("deployer"), role: Role::Deployer, from: None };
    for due in deployer.reports_due() {
        let input = ReportInput {
            id: due.id,
            delivery: due.delivery,
            state: due.state.as_str().to_owned(),
            percent: Some(due.percent),
            message: Some(due.message.to_owned()),
            link: None,
            at: None,
        };
        let _refused = engine.report(&machine, due.promotion, input).await;
    }
}

fn repositories_in(folder: &Path) -> PracticeRepositories {
    PracticeRepositories::in_file(folder.join("git.json")).unwrap()
}

fn practice_in(folder: &Path, clock: &MockClock) -> PracticeCluster {
    let settings =
        PracticeSettings { state_file: Some(folder.join("cluster.json")), tick: None, ..PracticeSettings::default() };
    PracticeCluster::open(Arc::new(clock.clone()), settings).unwrap()
}

/// The engine and its database hand words to and fro all the time; waking one another across processors takes a
/// quarter of the whole time. Tests that run beside this one have the others.
fn stay_on_this_processor() {
    let mut one = rustix::thread::CpuSet::new();
    one.set(rustix::thread::sched_getcpu());
    rustix::thread::sched_setaffinity(None, &one).unwrap();
}

/// The child: drives the promotion to its end, or dies on the way.
#[tokio::test]
#[ignore = "the child process of the tests below, started by them"]
async fn child() {
    #[expect(clippy::disallowed_methods, reason = "how the parent speaks to its child")]
    let task: Task = serde_json::from_str(&std::env::var("SLIPWAY_TEST_CRASH_TASK").unwrap()).unwrap();
    stay_on_this_processor();
    let stops = Stops::dying_at(task.dies_at);
    let probe = Arc::clone(&stops);
    let options = StoreOptions {
        probe: Some(Arc::new(move |_name| probe.pass())),
        durability: Durability::ProcessEnd,
        ..StoreOptions::default()
    };
    let store = Store::open(&task.url, options).await.unwrap();
    let clock = MockClock::at(task.starts_at);
    let practice = practice_in(&task.folder, &clock);
    let path = task.folder.join("messages.json");
    let told = Arc::clone(&stops);
    let repositories = repositories_in(&task.folder);
    let guarded = Guarded { inside: practice.clone(), guard: Arc::clone(&stops) };
    let (deployer, shared) = (deployer_in(&task.folder, &clock), Arc::new(clock.clone()));
    let engine = Engine::new(Parts {
        store: store.clone(),
        clock: Arc::clone(&shared) as Arc<dyn ports::Clock>,
        randomness: Arc::new(SeededRandomness::new(task.seed, shared)),
        connector: Arc::new(PracticeConnector(Arc::new(guarded))),
        metrics: Arc::new(NoMetrics),
        repositories: Arc::new(StoppedRepositories { inside: repositories.clone(), stops: Arc::clone(&stops) }),
        webhooks: Arc::new(StoppedDeployer { inside: deployer.clone(), stops: Arc::clone(&stops) }),
        messengers: Arc::new(move |_| -> Arc<dyn Messenger> {
            Arc::new(FileMessenger { path: path.clone(), stops: Arc::clone(&told) })
        }),
        sealing_key: [7; 32],
        public_url: "http://127.0.0.1:3000".to_owned(),
    });
    for _ in 0..300 {
        engine.reconcile_due().await.unwrap();
        engine.deliver_due().await.unwrap();
        engine.send_due().await.unwrap();
        report(&engine, &deployer).await;
        git::sync(&repositories, &practice);
        let mut read = store.read().await.unwrap();
        let promotion = read.promotion_by_number(task.number).await.unwrap().unwrap().promotion;
        // What drains is looked at now and then: fewer stop points that are all alike.
        let is_draining = promotion.phase_word() == "taking_back" && promotion.plan.strategy.candidate().is_some();
        clock.advance(Duration::from_secs(if is_draining { 15 } else { task.step_seconds }));
        if promotion.is_over() && read.pending_effects().await.unwrap() == 0 {
            std::fs::write(task.folder.join("stops"), stops.passed().to_string()).unwrap();
            return;
        }
    }
    panic!("the promotion does not end");
}

fn run(task: &Task) -> ExitStatus {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "crash::child", "--ignored", "--nocapture", "--quiet"])
        .env("SLIPWAY_TEST_CRASH_TASK", serde_json::to_string(task).unwrap())
        .stdout(std::process::Stdio::null());
    child.status().unwrap()
}

/// Which database, and how to copy one that is prepared.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sqlite,
    Postgres,
}

/// A prepared installation: a service, a version, a promotion that was just asked for.
struct Prepared {
    kind: Kind,
    folder: tempfile::TempDir,
    name: String,
    number: i64,
    way: Way,
    step_seconds: u64,
}

impl Prepared {
    async fn new(kind: Kind, name: &str, label: &str, way: Way) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("crash_{name}_{}", std::process::id());
        let url = match kind {
            Kind::Sqlite => format!("sqlite://{}/slipway.db", folder.path().display()),
            Kind::Postgres => {
                database::remove(&name).await;
                database::copy("template0", &name).await
            }
        };
        let options = StoreOptions { durability: Durability::ProcessEnd, ..StoreOptions::default() };
        let store = Store::open(&url, options).await.unwrap();
        let clock = MockClock::at(noon());
        let practice = practice_in(folder.path(), &clock);
        let world = World::on(store.clone(), clock, practice, 0, tempfile::tempdir().unwrap()).await;
        world.with_slack().await;
        if !matches!(way, Way::Rollout) {
            world.service("cart").await;
        }
        match way {
            Way::Rolling => {}
            Way::Canary(steps) => {
                world.practice.create_cron_job(crate::steps::cron_job(5, 0)).unwrap();
                canaries::set(&world, steps).await;
            }
            Way::BlueGreen(steps) => canaries::set_blue_green(&world, steps).await,
            Way::Pods(steps) => canaries::set_by_pods(&world, steps).await,
            Way::Outside => outside::hand_over(&world).await,
            Way::Rollout => delegating::take_over(&world, delegating::shares()).await,
            Way::Git => {
                repositories_in(folder.path()).set(git::URL, "main", git::FILE, git::FIELD, "1.0").unwrap();
                git::put(&world).await;
            }
        }
        world.version("cart", label).await;
        let number = world.ask("cart", label).await;
        store.close().await;
        if kind == Kind::Postgres {
            database::disconnect(&name).await;
        }
        // What crashes after some seconds must be seen before.
        let step_seconds = match (way, label) {
            (Way::Rolling | Way::Git, _) => 1,
            (_, ways::BAD_LABEL) => 2,
            (Way::Canary(_) | Way::Rollout, _) => 6,
            (Way::BlueGreen(_) | Way::Pods(_) | Way::Outside, _) => 12,
        };
        Self { kind, folder, name, number, way, step_seconds }
    }

    /// A copy of its own for one run.
    async fn copy(&self, run: u64) -> (String, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let url = match self.kind {
            Kind::Sqlite => format!("sqlite://{}/slipway.db", folder.path().display()),
            Kind::Postgres => database::copy(&self.name, &format!("{}_{run}", self.name)).await,
        };
        (url, folder)
    }

    async fn forget(&self, run: u64) {
        if self.kind == Kind::Postgres {
            database::remove(&format!("{}_{run}", self.name)).await;
        }
    }
}

/// How it must end, whatever happens on the way.
struct End {
    phase: &'static str,
    image: &'static str,
    writes: usize,
    told: &'static str,
    /// What is done to Jobs.
    jobs: &'static [&'static str],
    /// What its steps say, each once.
    said: &'static [&'static str],
    /// What was done to the candidate and its traffic: one of these.
    candidate: &'static [&'static [&'static str]],
    /// What the commits of the branch say.
    commits: &'static [&'static str],
    /// What a program outside was told, each once.
    webhooks: &'static [&'static str],
}

async fn survives(kind: Kind, name: &str, label: &str, way: Way, end: End) {
    let prepared = Prepared::new(kind, name, label, way).await;
    let starts_at = noon() + chrono::Duration::seconds(61);
    let mut stops = 1;
    let mut run_number = 0;
    // The first run dies nowhere and tells how many stop points there are.
    while run_number <= stops {
        let (url, folder) = prepared.copy(run_number).await;
        let path = folder.path().to_owned();
        let task = |dies_at, starts_at, seed| Task {
            url: url.clone(),
            folder: path.clone(),
            starts_at,
            dies_at,
            number: prepared.number,
            seed,
            step_seconds: prepared.step_seconds,
        };
        let first = run(&task(run_number, starts_at, 1_000 + run_number));
        if run_number == 0 {
            assert!(first.success(), "no stop point: {first}");
            stops = std::fs::read_to_string(path.join("stops")).unwrap().parse().unwrap();
            assert!(stops > 20, "only {stops} stop points were counted");
        } else {
            let killed = rustix::process::Signal::KILL.as_raw();
            assert_eq!(first.signal(), Some(killed), "stop point {run_number}: {first}");
            let later = starts_at + chrono::Duration::seconds(LATER_SECONDS);
            assert!(run(&task(0, later, 5_000 + run_number)).success(), "after stop point {run_number}");
        }
        check(&url, &path, &prepared, &end, run_number).await;
        prepared.forget(run_number).await;
        run_number += 1;
    }
    if kind == Kind::Postgres {
        database::remove(&prepared.name).await;
    }
}

async fn check(url: &str, folder: &Path, prepared: &Prepared, end: &End, stop: u64) {
    let store = Store::open(url, StoreOptions::default()).await.unwrap();
    let clock = MockClock::at(noon() + chrono::Duration::hours(1));
    let practice = practice_in(folder, &clock);
    let cart = if matches!(prepared.way, Way::Rollout) { delegating::cart() } else { workload("cart") };
    let beside = workload(if matches!(prepared.way, Way::BlueGreen(_)) { "cart-preview" } else { "cart-canary" });
    let writes = practice.writes_of(&cart).unwrap();
    let ours: Vec<_> = writes.iter().filter(|w| w.by == practice::Writer::Slipway).collect();
    let messages = kept(&folder.join("messages.json"));
    let none: engine::MakeMessenger = Arc::new(|_| panic!("nothing is sent any more"));
    let engine = engine_of(store.clone(), &clock, Arc::new(practice.clone()), none, 9);
    let somebody = crate::world::viewer();
    let status = engine.promotion_status(&somebody, prepared.number).await.unwrap();
    assert_eq!(status.phase, end.phase, "stop point {stop}: {}", status.words);
    assert_eq!(ours.len(), end.writes, "stop point {stop}: {ours:?}");
    let Observed::Present(seen) = practice.observe(&cart).await.unwrap() else { panic!("it is gone") };
    assert_eq!(seen.images[0].image, end.image, "stop point {stop}");
    assert_eq!(practice.observe(&beside).await.unwrap(), Observed::Missing, "stop point {stop}");
    assert_eq!(canaries::share_beside(&practice), 0, "stop point {stop}: traffic on nothing");
    let acts: Vec<_> = practice.writes_of(&beside).unwrap().into_iter().map(|w| w.act).collect();
    assert!(end.candidate.iter().any(|allowed| acts == **allowed), "stop point {stop}: {acts:?}");
    assert_eq!(git::said_in(&repositories_in(folder)), end.commits, "stop point {stop}");
    let webhooks: Vec<_> = deployer_in(folder, &clock).received().into_iter().map(|webhook| webhook.kind).collect();
    assert_eq!(webhooks, end.webhooks, "stop point {stop}");
    let jobs: Vec<_> = practice.journal().unwrap().into_iter().map(|w| w.act).filter(|a| a.ends_with("job")).collect();
    assert_eq!(jobs, end.jobs, "stop point {stop}");
    let (said, told): (Vec<_>, Vec<_>) = messages.into_iter().partition(|message| message.step.is_some());
    assert_eq!(told.len(), 1, "stop point {stop}: one message");
    let said: Vec<_> = said.iter().flat_map(|message| &message.texts).map(String::as_str).collect();
    assert_eq!(said, end.said, "stop point {stop}");
    let last = told[0].texts.last().unwrap();
    assert!(last.starts_with(end.told), "stop point {stop}: {last}");
    store.close().await;
}
