//! Who and what the sample company is: a grocer that delivers. Names only; nothing here happens.

use domain::{actor::Role, environment::EnvironmentKind};

/// A person who can sign in.
pub struct PersonSpec {
    /// Name as shown; the e-mail address is made of it.
    pub name: &'static str,
    /// What they are trusted with.
    pub role: Role,
    /// Whether the demo prints a link that signs them in.
    pub has_link: bool,
}

/// The release manager, who aborts and rolls back.
pub const RELEASE_MANAGER: &str = "Rosa Mint";
/// The product owner, who approves.
pub const PRODUCT_OWNER: &str = "Ines Okafor";
/// The developer, who asks.
pub const DEVELOPER: &str = "Theo Lind";

/// Everybody.
pub const PEOPLE: &[PersonSpec] = &[
    PersonSpec { name: RELEASE_MANAGER, role: Role::ReleaseManager, has_link: true },
    PersonSpec { name: PRODUCT_OWNER, role: Role::Approver, has_link: true },
    PersonSpec { name: DEVELOPER, role: Role::Developer, has_link: true },
    PersonSpec { name: "Ada Brandt", role: Role::Admin, has_link: true },
    PersonSpec { name: "Noor Haddad", role: Role::Approver, has_link: false },
    PersonSpec { name: "Jonas Weber", role: Role::Developer, has_link: false },
    PersonSpec { name: "Mei Tanaka", role: Role::Developer, has_link: false },
    PersonSpec { name: "Samuel Adeyemi", role: Role::Developer, has_link: false },
    PersonSpec { name: "Clara Rossi", role: Role::Developer, has_link: false },
    PersonSpec { name: "Piotr Zielinski", role: Role::Developer, has_link: false },
    PersonSpec { name: "Lucia Ferrer", role: Role::Viewer, has_link: false },
];

/// An environment.
pub struct EnvironmentSpec {
    /// Its name in addresses.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Its kind.
    pub kind: EnvironmentKind,
    /// How many must approve.
    pub approvals: u8,
    /// Whether a version must be healthy in the environment before.
    pub needs_before: bool,
}

/// The service whose production is no cluster: machines that a program of the company deploys to.
pub const ON_MACHINES: &str = "tracking";

/// The service whose version in production lives in Git, from where the company's Argo CD brings it.
pub const IN_GIT: &str = "routing";

/// The way to production.
pub const ENVIRONMENTS: [EnvironmentSpec; 4] = [
    EnvironmentSpec {
        name: "development",
        title: "Development",
        kind: EnvironmentKind::Development,
        approvals: 0,
        needs_before: false,
    },
    EnvironmentSpec {
        name: "staging",
        title: "Staging",
        kind: EnvironmentKind::Staging,
        approvals: 0,
        needs_before: false,
    },
    EnvironmentSpec {
        name: "pre-production",
        title: "Pre-production",
        kind: EnvironmentKind::PreProduction,
        approvals: 0,
        needs_before: true,
    },
    EnvironmentSpec {
        name: "production",
        title: "Production",
        kind: EnvironmentKind::Production,
        approvals: 1,
        needs_before: true,
    },
];

/// A team.
pub struct TeamSpec {
    /// Its name in addresses.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Who writes its commits.
    pub authors: &'static [&'static str],
    /// Whether its development environment is deployed to by its own pipelines, which report it.
    pub has_own_development: bool,
}

/// The teams.
pub const TEAMS: &[TeamSpec] = &[
    TeamSpec {
        name: "checkout",
        title: "Checkout",
        authors: &["Theo Lind", "Mei Tanaka", "Hanna Virtanen"],
        has_own_development: false,
    },
    TeamSpec {
        name: "catalogue",
        title: "Catalogue",
        authors: &["Jonas Weber", "Clara Rossi", "Omar Farouk", "Theo Lind"],
        has_own_development: true,
    },
    TeamSpec {
        name: "accounts",
        title: "Accounts",
        authors: &["Samuel Adeyemi", "Ingrid Solheim", "Mei Tanaka"],
        has_own_development: false,
    },
    TeamSpec {
        name: "delivery",
        title: "Delivery",
        authors: &["Piotr Zielinski", "Amara Diallo", "Felix Baumann"],
        has_own_development: true,
    },
];

/// What there is to see of a service today, on top of its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Today {
    /// Nothing special.
    Calm,
    /// Two versions wait to be promoted to production by whoever tries Slipway.
    ReadyToPromote,
    /// A promotion to production waits for an approval.
    WaitsForApproval,
    /// A promotion begins to roll out as the server starts, slowly enough to be watched.
    Rolls,
    /// The same in staging, and the next one waits in the queue behind it.
    RollsWithQueue,
    /// The last promotion crashed and was taken back.
    TakenBack,
    /// The next version will crash wherever it is promoted to.
    NextCrashes,
    /// Someone changed what runs in pre-production with kubectl.
    ChangedByOthers,
    /// A canary in production begins as the server starts, and asks at half of the traffic.
    CanaryUnderWay,
    /// The next version answers with errors: its canary in production will be taken back.
    NextAnswersBadly,
}

/// How a new version of a service takes over in production.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrategySpec {
    /// Pod by pod.
    Rolling,
    /// By a canary with these steps.
    Canary(&'static str),
    /// Beside the old one, with these steps; pod by pod where no Service can be switched.
    BlueGreen(&'static str),
    /// By a Rollout of Argo Rollouts with these shares; pod by pod where there is no such controller.
    Rollout(&'static [RolloutShare]),
}

/// A share of a Rollout that it stays at for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutShare {
    /// In percent.
    pub percent: u8,
    /// For how many seconds it pauses there; without a number until a person lets it go on.
    pub pause: Option<u32>,
}

/// A service.
pub struct ServiceSpec {
    /// Its name.
    pub name: &'static str,
    /// The name of the team that owns it.
    pub team: &'static str,
    /// 1 to 3.
    pub tier: u8,
    /// What it is for.
    pub description: &'static str,
    /// Containers, which are the components of its versions; one without components.
    pub workloads: &'static [&'static str],
    /// Pods in production.
    pub pods: u32,
    /// Versions a week.
    pub cadence: f64,
    /// The first version's number.
    pub first: (u32, u32, u32),
    /// How a new version takes over in production.
    pub strategy: StrategySpec,
    /// What happens to it when the demo opens.
    pub today: Today,
    /// What its commits are about.
    pub topics: &'static [&'static str],
}

/// The services.
pub const SERVICES: &[ServiceSpec] = &[
    ServiceSpec {
        name: "cart",
        team: "checkout",
        tier: 1,
        description: "What a customer is about to buy",
        workloads: &["cart"],
        pods: 3,
        cadence: 3.2,
        first: (2, 11, 0),
        strategy: StrategySpec::Rolling,
        today: Today::ReadyToPromote,
        topics: &[
            "basket totals",
            "voucher codes",
            "the mini basket",
            "out-of-stock lines",
            "basket merging on sign-in",
        ],
    },
    ServiceSpec {
        name: "payments",
        team: "checkout",
        tier: 1,
        description: "Takes money and gives it back",
        workloads: &["payments"],
        pods: 4,
        cadence: 2.4,
        first: (5, 1, 0),
        strategy: StrategySpec::Rolling,
        today: Today::WaitsForApproval,
        topics: &["refunds", "card authorisation", "the payment journal", "3-D Secure redirects", "settlement files"],
    },
    ServiceSpec {
        name: "orders",
        team: "checkout",
        tier: 1,
        description: "Orders from placing to delivery; an API and its worker",
        workloads: &["orders-api", "orders-worker"],
        pods: 3,
        cadence: 2.8,
        first: (1, 34, 0),
        strategy: StrategySpec::Rolling,
        today: Today::Rolls,
        topics: &[
            "order amendments",
            "the outbox worker",
            "substitutions",
            "order history paging",
            "cancellation windows",
        ],
    },
    ServiceSpec {
        name: "invoices",
        team: "checkout",
        tier: 2,
        description: "Invoices and credit notes",
        workloads: &["invoices"],
        pods: 2,
        cadence: 1.4,
        first: (1, 6, 0),
        strategy: StrategySpec::Canary("10%, 30s, 25%, analysis:30s, 50%, ask"),
        today: Today::CanaryUnderWay,
        topics: &["credit notes", "PDF rendering", "VAT rounding", "invoice numbering"],
    },
    ServiceSpec {
        name: "search",
        team: "catalogue",
        tier: 1,
        description: "Finds products",
        workloads: &["search"],
        pods: 6,
        cadence: 3.0,
        first: (8, 20, 0),
        strategy: StrategySpec::Rolling,
        today: Today::RollsWithQueue,
        topics: &["synonyms", "ranking of own brands", "index rebuilds", "typing suggestions", "filters by allergen"],
    },
    ServiceSpec {
        name: "images",
        team: "catalogue",
        tier: 3,
        description: "Resizes and serves product pictures",
        workloads: &["images"],
        pods: 3,
        cadence: 1.2,
        first: (0, 38, 0),
        strategy: StrategySpec::Canary("25%, 2m, 50%, 1m"),
        today: Today::NextAnswersBadly,
        topics: &["AVIF output", "cache keys", "picture cropping", "the resize queue"],
    },
    ServiceSpec {
        name: "pricing",
        team: "catalogue",
        tier: 1,
        description: "What things cost, for whom and when",
        workloads: &["pricing"],
        pods: 4,
        cadence: 2.6,
        first: (3, 0, 0),
        strategy: StrategySpec::Rolling,
        today: Today::TakenBack,
        topics: &["promotions by basket", "price lists", "member prices", "rounding per country", "the price cache"],
    },
    ServiceSpec {
        name: "recommendations",
        team: "catalogue",
        tier: 2,
        description: "What else a customer may want",
        workloads: &["recommendations"],
        pods: 3,
        cadence: 1.8,
        first: (1, 2, 0),
        strategy: StrategySpec::Rolling,
        today: Today::NextCrashes,
        topics: &["the nightly model", "similar products", "cold starts", "feature flags of the model"],
    },
    ServiceSpec {
        name: "identity",
        team: "accounts",
        tier: 1,
        description: "Signs customers in",
        workloads: &["identity"],
        pods: 6,
        cadence: 1.6,
        first: (4, 0, 0),
        strategy: StrategySpec::Rollout(&[
            RolloutShare { percent: 20, pause: Some(20) },
            RolloutShare { percent: 50, pause: None },
        ]),
        today: Today::WaitsForApproval,
        topics: &["passkeys", "session lifetimes", "rate limits on sign-in", "token rotation"],
    },
    ServiceSpec {
        name: "profile",
        team: "accounts",
        tier: 2,
        description: "Addresses, preferences, household",
        workloads: &["profile"],
        pods: 3,
        cadence: 2.0,
        first: (7, 3, 0),
        strategy: StrategySpec::Rolling,
        today: Today::ChangedByOthers,
        topics: &["address validation", "household sharing", "dietary preferences", "the export of personal data"],
    },
    ServiceSpec {
        name: "mailer",
        team: "accounts",
        tier: 2,
        description: "Sends mail and push messages",
        workloads: &["mailer"],
        pods: 2,
        cadence: 1.8,
        first: (2, 0, 0),
        strategy: StrategySpec::Rolling,
        today: Today::Calm,
        topics: &["bounce handling", "templates", "quiet hours", "push tokens"],
    },
    ServiceSpec {
        name: "slots",
        team: "delivery",
        tier: 1,
        description: "Delivery slots and their capacity",
        workloads: &["slots"],
        pods: 4,
        cadence: 2.2,
        first: (6, 4, 0),
        strategy: StrategySpec::BlueGreen("preview, 20s, 100%, 20s"),
        today: Today::WaitsForApproval,
        topics: &["slot capacity", "same-day slots", "slot reservations", "holiday schedules"],
    },
    ServiceSpec {
        name: "routing",
        team: "delivery",
        tier: 2,
        description: "Plans the vans' tours",
        workloads: &["routing"],
        pods: 3,
        cadence: 1.6,
        first: (3, 9, 0),
        strategy: StrategySpec::Rolling,
        today: Today::Calm,
        topics: &["tour planning", "traffic data", "van loads", "re-planning after a breakdown"],
    },
    ServiceSpec {
        name: "tracking",
        team: "delivery",
        tier: 3,
        description: "Where the van is",
        workloads: &["tracking"],
        pods: 2,
        cadence: 1.4,
        first: (1, 0, 0),
        strategy: StrategySpec::Rolling,
        today: Today::Calm,
        topics: &["the van map", "arrival estimates", "position uploads", "driver notes"],
    },
];

/// First lines of commits; `{}` is a topic.
pub const TITLES: &[&str] = &[
    "Handle an empty answer in {}",
    "Retry {} once when the upstream times out",
    "Log the duration of {}",
    "Add an index for {}",
    "Cover {} with contract tests",
    "Cache {} for a minute",
    "Fix a race in {}",
    "Move {} behind a feature flag",
    "Remove the old code path of {}",
    "Validate input of {} at the edge",
    "Make {} idempotent",
    "Page {} by key instead of by offset",
    "Say what went wrong in {}",
    "Use one query instead of many for {}",
    "Limit the memory that {} may take",
    "Add a metric for {}",
    "Raise the timeout of {} to 3 s",
    "Translate messages of {}",
    "Drop support for the first API of {}",
    "Show {} on small screens",
    "Split {} into two steps",
    "Name the columns in {}",
    "Let support staff see {}",
    "Measure {} before changing it",
    "Update dependencies of {}",
    "Document {}",
    "Rename a misleading field in {}",
    "Cut the number of retries in {}",
    "Stream {} instead of collecting it",
];

/// First lines of the commits of a hotfix.
pub const FIXES: &[&str] = &[
    "Fix a crash in {} when the list is empty",
    "Restore the default that {} relied on",
    "Stop {} from holding connections",
    "Correct the sign in {}",
    "Do not fail {} when the cache is away",
];

/// Why a promotion before production was asked for; `{}` is a topic.
pub const REASONS_BEFORE: &[&str] = &[
    "{}, to be tried together with the rest",
    "Needs real data: {}",
    "Load test of {} tonight",
    "Regular promotion",
    "Support wants to see {}",
];

/// Why a promotion to production was asked for; `{}` is a topic.
pub const REASONS: &[&str] = &[
    "Weekly release: {}",
    "{}, as agreed with support",
    "Needed for the campaign: {}",
    "Regular promotion after a day in pre-production",
    "{} is ready",
    "Brings {} to customers",
];

/// What approvers say.
pub const COMMENTS: &[&str] =
    &["Checked in pre-production, fine.", "Go ahead.", "Support knows.", "Looks good, watch the error rate please."];

/// What goes wrong; `{}` is a topic.
pub const INCIDENTS: &[&str] = &[
    "Error rate up after the deployment: {}",
    "Customers report wrong results in {}",
    "Latency of {} three times its usual",
    "Some customers see errors in {}",
    "Queue grows: {}",
];

/// Why a deployment is rolled back; `{}` is a topic.
pub const ROLLBACK_REASONS: &[&str] = &[
    "{} is broken for some customers",
    "Errors since the deployment, looking into it in peace",
    "Wrong results in {}",
];
