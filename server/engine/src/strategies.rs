//! How versions get into a target: reading what was typed, writing what is set.

use contract::{Answer, ApiError, services::StrategyInput};
use domain::{
    actor::Actor,
    analysis::DataPlane,
    names::{ObjectName, WorkloadName},
    steps_text,
    strategy::{CandidateSettings, Strategy},
    traffic::{RouteKind, TrafficLayer},
};
use store::{Entity, Target};

use crate::{Engine, audit, error::OrFail};

/// A strategy as it is typed.
pub(crate) fn input_of(strategy: &Strategy) -> StrategyInput {
    let word = match strategy {
        Strategy::Rolling => "rolling",
        Strategy::Canary(_) => "canary",
        Strategy::BlueGreen(_) => "blue_green",
    };
    let Some((_, settings)) = strategy.candidate() else {
        return StrategyInput { strategy: word.to_owned(), ..StrategyInput::default() };
    };
    let (layer, route) = match settings.layer() {
        TrafficLayer::Replicas => ("replicas", None),
        TrafficLayer::Selector { .. } => ("selector", None),
        TrafficLayer::GatewayApi { kind: RouteKind::Http, route, .. } => ("http_route", Some(route)),
        TrafficLayer::GatewayApi { kind: RouteKind::Grpc, route, .. } => ("grpc_route", Some(route)),
        TrafficLayer::Istio { virtual_service, .. } => ("istio", Some(virtual_service)),
        TrafficLayer::IngressNginx { ingress, .. } => ("ingress_nginx", Some(ingress)),
    };
    StrategyInput {
        strategy: word.to_owned(),
        exposed: settings.exposed().to_string(),
        layer: layer.to_owned(),
        service: settings.layer().service().map(ToString::to_string).unwrap_or_default(),
        route: route.map(ToString::to_string).unwrap_or_default(),
        steps: steps_text::write(settings.steps()),
        window: settings.window_seconds().map(|seconds| seconds.to_string()).unwrap_or_default(),
        metrics: settings.metrics().map(word_of).unwrap_or_default().to_owned(),
    }
}

/// The words of the data planes that count requests.
const PLANES: [(&str, DataPlane); 6] = [
    ("envoy_gateway", DataPlane::EnvoyGateway),
    ("istio_gateway", DataPlane::IstioGateway),
    ("istio", DataPlane::Istio),
    ("istio_stock_envoy", DataPlane::IstioStockEnvoy),
    ("ingress_nginx", DataPlane::IngressNginx),
    ("practice", DataPlane::Practice),
];

fn word_of(plane: DataPlane) -> &'static str {
    PLANES.iter().find(|(_, known)| *known == plane).map_or("", |(word, _)| word)
}

pub(crate) fn plane(word: &str) -> Answer<Option<DataPlane>> {
    match word.trim() {
        "" | "none" => Ok(None),
        word => match PLANES.iter().find(|(known, _)| *known == word) {
            Some((_, plane)) => Ok(Some(*plane)),
            None => Err(ApiError::invalid("metrics", format!("'{word}' is nothing that Slipway can read numbers of"))),
        },
    }
}

/// Reads what was typed.
///
/// # Errors
/// Invalid with the field.
fn parse(input: &StrategyInput) -> Answer<Strategy> {
    if input.strategy == "rolling" {
        return Ok(Strategy::Rolling);
    }
    let exposed = WorkloadName::parse(&input.exposed).map_err(|e| ApiError::invalid("exposed", e.to_string()))?;
    let layer = layer(input)?;
    if input.strategy == "blue_green" && !layer.has_route() {
        let why = "blue-green needs something that moves the traffic: without it the new pods get their part at once";
        return Err(ApiError::invalid("layer", why));
    }
    let usual = match input.strategy.as_str() {
        "canary" => CandidateSettings::usual_canary(exposed.clone(), layer.clone()),
        "blue_green" => CandidateSettings::usual_blue_green(exposed.clone(), layer.clone()),
        other => return Err(ApiError::invalid("strategy", format!("'{other}' is not rolling, canary or blue_green"))),
    };
    let settings = if input.steps.trim().is_empty() {
        usual
    } else {
        let steps = steps_text::parse(&input.steps).map_err(|e| ApiError::invalid("steps", e.to_string()))?;
        CandidateSettings::new(exposed, layer, steps).map_err(|e| ApiError::invalid("steps", e.to_string()))?
    };
    let wrong = |words: String| ApiError::invalid("window", words);
    let window = match input.window.trim() {
        "" => None,
        text => Some(text.parse().map_err(|_| wrong("a whole number of seconds".to_owned()))?),
    };
    let plane = plane(&input.metrics)?;
    if let Some(why) = plane.and_then(|plane| plane.cannot_measure(settings.layer())) {
        return Err(ApiError::invalid("metrics", why));
    }
    let settings = settings.measured_by(plane);
    let settings = settings.judged_over(window).map_err(|e| wrong(e.to_string()))?;
    Ok(if input.strategy == "canary" { Strategy::Canary(settings) } else { Strategy::BlueGreen(settings) })
}

fn layer(input: &StrategyInput) -> Answer<TrafficLayer> {
    let name = |field: &str, text: &str| {
        ObjectName::parse(text).map_err(|e| ApiError::invalid(field, format!("{e}, as Kubernetes names it")))
    };
    let service = || name("service", &input.service);
    let route = || name("route", &input.route);
    Ok(match input.layer.as_str() {
        "replicas" => TrafficLayer::Replicas,
        "selector" => TrafficLayer::Selector { service: service()? },
        "http_route" => TrafficLayer::GatewayApi { service: service()?, kind: RouteKind::Http, route: route()? },
        "grpc_route" => TrafficLayer::GatewayApi { service: service()?, kind: RouteKind::Grpc, route: route()? },
        "istio" => TrafficLayer::Istio { service: service()?, virtual_service: route()? },
        "ingress_nginx" => TrafficLayer::IngressNginx { service: service()?, ingress: route()? },
        other => return Err(ApiError::invalid("layer", format!("'{other}' is no traffic layer that Slipway knows"))),
    })
}

/// What was typed, with what is set in place of what was not sent.
fn completed(mut input: StrategyInput, present: &Strategy) -> StrategyInput {
    let present = input_of(present);
    for (field, is_set) in [(&mut input.metrics, present.metrics), (&mut input.window, present.window)] {
        if field == StrategyInput::KEEP {
            *field = is_set;
        }
    }
    input
}

/// The strategy must name a workload that the target has.
fn fits(target: &Target, strategy: &Strategy) -> Answer<()> {
    let Some((_, settings)) = strategy.candidate() else { return Ok(()) };
    let exposed = target.workloads.iter().find(|w| w.workload.name == *settings.exposed());
    if let Some(other) = exposed.filter(|w| !w.workload.kind.is_deployment()) {
        let words = format!(
            "{} is moved by the tool in charge of it, by that tool's own steps; choose rolling",
            other.workload
        );
        return Err(ApiError::invalid("exposed", words));
    }
    let names: Vec<&str> = target.workloads.iter().map(|w| w.workload.name.as_str()).collect();
    if names.contains(&settings.exposed().as_str()) {
        return Ok(());
    }
    let words = match names.as_slice() {
        [] => "this target has no workloads; set them first".to_owned(),
        names => format!("this target has no Deployment of this name, only {}", names.join(", ")),
    };
    Err(ApiError::invalid("exposed", words))
}

impl Engine {
    pub(crate) async fn write_strategy(
        &self,
        actor: &Actor,
        service: &str,
        environment: &str,
        input: StrategyInput,
    ) -> Answer<()> {
        let mut tx = self.store().begin().await.or_fail(self)?;
        let named = self.asked(&mut tx, service, environment).await?;
        // Read again once it is ours: its workloads are written with it, and may have been set meanwhile.
        tx.hold_target(named.target.id).await.or_fail(self)?;
        let asked = self.asked(&mut tx, service, environment).await?;
        let strategy = parse(&completed(input, &asked.target.strategy))?;
        fits(&asked.target, &strategy)?;
        let target = Target { strategy, ..asked.target };
        tx.replace_target(&target).await.or_fail(self)?;
        // What waits is planned anew at once: nobody is to approve what would not be done any more.
        tx.wake_open(target.id, self.now()).await.or_fail(self)?;
        tx.signal(Entity::Service, asked.service.id.uuid(), 0);
        let label = format!("{} in {}", asked.service.name, asked.environment.title);
        let steps: Vec<String> = target.strategy.steps().iter().map(domain::strategy::Step::words).collect();
        let sentence = format!("set the strategy of {label}: {} ({})", target.strategy.words(), steps.join(", "));
        let mut entry = audit::Entry::done("target.strategy", "target", &label, sentence);
        entry.id = Some(target.id.uuid());
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }
}
