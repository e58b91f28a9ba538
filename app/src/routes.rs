//! Every address of the interface: a typed function that writes it and, where a page has filters, one
//! that reads them back. Nothing else in this crate spells an address.

use chrono::{DateTime, NaiveDate, Utc};
use contract::{
    PageRequest,
    audit::AuditQuery,
    board::{BoardQuery, BoardSort, BoardState},
    deployments::DeploymentsQuery,
    insights::InsightsQuery,
    promotions::PromotionsQuery,
    services::ServicesQuery,
};
use domain::{
    actor::Role,
    deployment::{Cause, Outcome},
};
use leptos_router::params::ParamsMap;

/// The Board without filters.
pub const HOME: &str = "/";
/// Where one signs in.
pub const SIGN_IN: &str = "/sign-in";
/// Where the form for signing out is sent.
pub const SIGN_OUT: &str = "/sign-out";
/// What waits for me.
pub const APPROVALS: &str = "/approvals";
/// All services.
pub const SERVICES: &str = "/services";
/// The form for a new service.
pub const NEW_SERVICE: &str = "/add-service";
/// All promotions.
pub const PROMOTIONS: &str = "/promotions";
/// Every change everywhere.
pub const DEPLOYMENTS: &str = "/deployments";
/// Figures.
pub const INSIGHTS: &str = "/insights";
/// Incidents.
pub const INCIDENTS: &str = "/incidents";
/// Who did what.
pub const AUDIT: &str = "/audit";
/// Search.
pub const SEARCH: &str = "/search";
/// Places that the bottom bar of a phone has no room for.
pub const MORE: &str = "/more";

/// Where a role begins its day.
#[must_use]
pub const fn first_page(role: Role) -> &'static str {
    match role {
        Role::Approver => APPROVALS,
        Role::Viewer | Role::Monitor | Role::Developer | Role::ReleaseManager | Role::Admin | Role::Deployer => HOME,
    }
}

/// A page of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings {
    /// Environments and their rules.
    Environments,
    /// Clusters.
    Clusters,
    /// People and roles.
    People,
    /// API tokens.
    Tokens,
    /// Slack.
    Slack,
    /// Me: theme, signing out.
    Me,
    /// Version and addresses.
    About,
}

impl Settings {
    /// All, in their order.
    pub const ALL: [Self; 7] =
        [Self::Environments, Self::Clusters, Self::People, Self::Tokens, Self::Slack, Self::Me, Self::About];

    /// The word in the address.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environments => "environments",
            Self::Clusters => "clusters",
            Self::People => "people",
            Self::Tokens => "tokens",
            Self::Slack => "slack",
            Self::Me => "me",
            Self::About => "about",
        }
    }

    /// The name on screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Environments => "Environments",
            Self::Clusters => "Clusters",
            Self::People => "People",
            Self::Tokens => "API tokens",
            Self::Slack => "Slack",
            Self::Me => "Me",
            Self::About => "About",
        }
    }
}

/// A page of the settings.
#[must_use]
pub fn settings(page: Settings) -> String {
    format!("/settings/{}", page.as_str())
}

/// One environment's settings.
#[must_use]
pub fn environment(name: &str) -> String {
    format!("/settings/environments/{}", encoded(name))
}

/// One cluster's settings.
#[must_use]
pub fn cluster(name: &str) -> String {
    format!("/settings/clusters/{}", encoded(name))
}

/// What runs in a cluster, to be adopted.
#[must_use]
pub fn discover(cluster: &str) -> String {
    format!("/settings/clusters/{}/discover", encoded(cluster))
}

/// A service.
#[must_use]
pub fn service(name: &str) -> String {
    format!("/services/{}", encoded(name))
}

/// A page of a service's versions.
#[must_use]
pub fn service_versions(name: &str, page: PageRequest) -> String {
    address(&service(name), &page_pairs(page, PageRequest::default()))
}

/// Where a commit of a service is.
#[must_use]
pub fn service_commit(name: &str, hash: &str) -> String {
    address(&service(name), &[("commit", Some(hash.to_owned()))])
}

/// The form that changes a service.
#[must_use]
pub fn change_service(name: &str) -> String {
    format!("/services/{}/change", encoded(name))
}

/// A service's workloads in an environment.
#[must_use]
pub fn target(service: &str, environment: &str) -> String {
    format!("/services/{}/targets/{}", encoded(service), encoded(environment))
}

/// The rules by which a service's versions are judged in an environment.
#[must_use]
pub fn rules(service: &str, environment: &str) -> String {
    format!("{}/rules", target(service, environment))
}

/// The same with the form of one rule open; `own` for a query of one's own.
#[must_use]
pub fn rule(service: &str, environment: &str, rule: &str) -> String {
    format!("{}#change", address(&rules(service, environment), &[("rule", Some(rule.to_owned()))]))
}

/// A version.
#[must_use]
pub fn version(service: &str, label: &str) -> String {
    format!("/services/{}/versions/{}", encoded(service), encoded(label))
}

/// What would change between two versions; without `from`, nothing ran before.
#[must_use]
pub fn compare(service: &str, from: Option<&str>, to: &str) -> String {
    address(
        &format!("/services/{}/compare", encoded(service)),
        &[("from", from.map(str::to_owned)), ("to", Some(to.to_owned()))],
    )
}

/// Where the form is sent that chooses the version to go back to.
#[must_use]
pub fn roll_back_form(service: &str) -> String {
    address(&format!("/services/{}/roll-back", encoded(service)), &[])
}

/// Going back to an earlier version; the one before without `version`.
#[must_use]
pub fn roll_back(service: &str, environment: &str, version: Option<&str>) -> String {
    address(
        &format!("/services/{}/roll-back", encoded(service)),
        &[("environment", Some(environment.to_owned())), ("version", version.map(str::to_owned))],
    )
}

/// Asking for a promotion; what is not given is chosen there.
#[must_use]
pub fn promote(service: Option<&str>, environment: Option<&str>, version: Option<&str>) -> String {
    address(
        "/promote",
        &[
            ("service", service.map(str::to_owned)),
            ("environment", environment.map(str::to_owned)),
            ("version", version.map(str::to_owned)),
        ],
    )
}

/// A promotion.
#[must_use]
pub fn promotion(number: i64) -> String {
    format!("/promotions/{number}")
}

/// One approval on the page of approvals.
#[must_use]
pub fn approval(number: i64) -> String {
    format!("/approvals#promotion-{number}")
}

/// Search for a text.
#[must_use]
pub fn search(text: &str) -> String {
    address(SEARCH, &[("q", some(text))])
}

/// Signing in, and where to go then.
#[must_use]
pub fn sign_in(next: &str) -> String {
    address(SIGN_IN, &[("next", (next != HOME).then(|| next.to_owned()))])
}

/// A one-time link.
#[must_use]
pub fn link(token: &str) -> String {
    format!("/link/{}", encoded(token))
}

/// The Board with filters.
#[must_use]
pub fn board(query: &BoardQuery) -> String {
    let mut pairs = vec![
        ("team", query.team.clone()),
        ("tier", query.tier.map(|tier| tier.to_string())),
        ("state", query.state.map(|state| board_state_word(state).to_owned())),
        ("q", query.text.clone().filter(|text| !text.is_empty())),
        ("differences", query.only_differences.then(|| "true".to_owned())),
        ("sort", (query.sort != BoardSort::Need).then(|| board_sort_word(query.sort).to_owned())),
    ];
    pairs.extend(page_pairs(query.page, BOARD_PAGE));
    address(HOME, &pairs)
}

/// As many rows as the Board shows at first: more than most companies have services.
pub const BOARD_PAGE: PageRequest = PageRequest { page: 1, size: 100 };

/// Reads the Board's filters.
#[must_use]
pub fn read_board(query: &ParamsMap) -> BoardQuery {
    BoardQuery {
        team: text(query, "team"),
        tier: text(query, "tier").and_then(|tier| tier.parse().ok()).filter(|tier| (1..=3).contains(tier)),
        state: text(query, "state").and_then(|word| BOARD_STATES.into_iter().find(|s| board_state_word(*s) == word)),
        text: text(query, "q"),
        only_differences: text(query, "differences").is_some_and(|word| word == "true"),
        sort: text(query, "sort")
            .and_then(|word| BOARD_SORTS.into_iter().find(|s| board_sort_word(*s) == word))
            .unwrap_or_default(),
        page: read_page(query, BOARD_PAGE),
    }
}

/// All orders of the Board.
pub const BOARD_SORTS: [BoardSort; 3] = [BoardSort::Need, BoardSort::Name, BoardSort::Age];

const BOARD_STATES: [BoardState; 4] =
    [BoardState::Moving, BoardState::Waiting, BoardState::Failed, BoardState::ChangedByOthers];

const fn board_state_word(state: BoardState) -> &'static str {
    match state {
        BoardState::Moving => "moving",
        BoardState::Waiting => "waiting",
        BoardState::Failed => "failed",
        BoardState::ChangedByOthers => "changed-by-others",
    }
}

const fn board_sort_word(sort: BoardSort) -> &'static str {
    match sort {
        BoardSort::Need => "need",
        BoardSort::Name => "name",
        BoardSort::Age => "age",
    }
}

/// The list of services with filters.
#[must_use]
pub fn services(query: &ServicesQuery) -> String {
    let mut pairs = vec![("q", query.text.clone()), ("team", query.team.clone())];
    pairs.extend(page_pairs(query.page, PageRequest::default()));
    address(SERVICES, &pairs)
}

/// Reads the filters of the list of services.
#[must_use]
pub fn read_services(query: &ParamsMap) -> ServicesQuery {
    ServicesQuery { text: text(query, "q"), team: text(query, "team"), page: read_page(query, PageRequest::default()) }
}

/// The list of promotions with filters.
#[must_use]
pub fn promotions(query: &PromotionsQuery) -> String {
    let mut pairs = vec![
        ("service", query.service.clone()),
        ("environment", query.environment.clone()),
        ("state", query.state.clone()),
    ];
    pairs.extend(page_pairs(query.page, PageRequest::default()));
    address(PROMOTIONS, &pairs)
}

/// Reads the filters of the list of promotions.
#[must_use]
pub fn read_promotions(query: &ParamsMap) -> PromotionsQuery {
    PromotionsQuery {
        service: text(query, "service"),
        environment: text(query, "environment"),
        state: text(query, "state").filter(|state| ["live", "waiting", "over"].contains(&state.as_str())),
        page: read_page(query, PageRequest::default()),
    }
}

/// The list of deployments with filters.
#[must_use]
pub fn deployments(query: &DeploymentsQuery) -> String {
    let mut pairs = vec![
        ("service", query.service.clone()),
        ("team", query.team.clone()),
        ("environment", query.environment.clone()),
        ("cause", query.cause.map(|cause| cause.as_str().to_owned())),
        ("outcome", query.outcome.map(|outcome| outcome.as_str().to_owned())),
        ("from", query.from.map(day)),
        ("to", query.to.map(day)),
    ];
    pairs.extend(page_pairs(query.page, PageRequest::default()));
    address(DEPLOYMENTS, &pairs)
}

/// Reads the filters of the list of deployments; days are whole days in UTC.
#[must_use]
pub fn read_deployments(query: &ParamsMap) -> DeploymentsQuery {
    DeploymentsQuery {
        service: text(query, "service"),
        team: text(query, "team"),
        environment: text(query, "environment"),
        cause: text(query, "cause").and_then(|word| Cause::parse(&word)),
        outcome: text(query, "outcome").and_then(|word| Outcome::parse(&word)),
        from: text(query, "from").and_then(|word| read_day(&word)),
        to: text(query, "to").and_then(|word| read_day(&word)),
        page: read_page(query, PageRequest::default()),
    }
}

/// Figures of a range and scope.
#[must_use]
pub fn insights(query: &InsightsQuery) -> String {
    address(
        INSIGHTS,
        &[
            ("days", query.days.filter(|days| *days != INSIGHTS_DAYS).map(|days| days.to_string())),
            ("team", query.team.clone()),
            ("service", query.service.clone()),
        ],
    )
}

/// The range that is shown when none is chosen, in days.
pub const INSIGHTS_DAYS: u16 = 90;

/// Reads range and scope.
#[must_use]
pub fn read_insights(query: &ParamsMap) -> InsightsQuery {
    InsightsQuery {
        days: text(query, "days").and_then(|days| days.parse().ok()).filter(|days| [30, 90, 365].contains(days)),
        team: text(query, "team"),
        service: text(query, "service"),
    }
}

/// Incidents by page.
#[must_use]
pub fn incidents(page: PageRequest) -> String {
    address(INCIDENTS, &page_pairs(page, PageRequest::default()))
}

/// The audit with filters.
#[must_use]
pub fn audit(query: &AuditQuery) -> String {
    let mut pairs = vec![("actor", query.actor.clone()), ("act", query.act.clone()), ("on", query.on.clone())];
    pairs.extend(page_pairs(query.page, PageRequest::default()));
    address(AUDIT, &pairs)
}

/// Reads the filters of the audit.
#[must_use]
pub fn read_audit(query: &ParamsMap) -> AuditQuery {
    AuditQuery {
        actor: text(query, "actor"),
        act: text(query, "act"),
        on: text(query, "on"),
        page: read_page(query, PageRequest::default()),
    }
}

/// Reads which page of a list is asked for.
#[must_use]
pub fn read_page(query: &ParamsMap, usual: PageRequest) -> PageRequest {
    let number = |name| text(query, name).and_then(|word| word.parse::<u32>().ok());
    PageRequest::new(number("page").unwrap_or(1), number("size").unwrap_or(usual.size))
}

/// Reads a text; white space alone is none.
#[must_use]
pub fn text(query: &ParamsMap, name: &str) -> Option<String> {
    query.get(name).and_then(|value| some(value.trim()))
}

fn page_pairs(page: PageRequest, usual: PageRequest) -> Vec<(&'static str, Option<String>)> {
    vec![
        ("page", (page.page > 1).then(|| page.page.to_string())),
        ("size", (page.size != usual.size).then(|| page.size.to_string())),
    ]
}

fn day(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d").to_string()
}

fn read_day(text: &str) -> Option<DateTime<Utc>> {
    Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)?.and_utc())
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn address(path: &str, pairs: &[(&str, Option<String>)]) -> String {
    let mut address = path.to_owned();
    let given = pairs.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)));
    for (index, (name, value)) in given.enumerate() {
        address.push(if index == 0 { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        address.push_str(&encoded(value));
    }
    address
}

/// Percent-encodes everything but the unreserved characters of RFC 3986, section 2.3.
fn encoded(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
