//! The company's own deployer: a program outside that is played in the process. It is told by webhooks and
//! reports as any other would, through the same use case as the API.

use std::time::Duration;

use contract::{
    Answer,
    deployers::{DeployersBackend as _, ReportInput},
};
use domain::actor::{Actor, Identity, Role};
use engine::Engine;
use practice::{PracticeDeployer, PracticeReport};
use tokio_util::sync::CancellationToken;

use super::company;

/// How often the deployer looks whether it has something to say.
const PERIOD: Duration = Duration::from_millis(500);

/// Gives the deployer its secret, which nobody needs to see.
///
/// # Errors
/// When the database fails, or the company is not there.
pub async fn make_secret(engine: &Engine) -> Answer<()> {
    let admin = Actor { identity: Identity::rule("demo"), role: Role::Admin, from: None };
    engine.new_deployer_secret(&admin, company::ON_MACHINES, "production").await.map(drop)
}

/// Reports until cancelled.
pub async fn report_for_ever(engine: Engine, deployer: PracticeDeployer, cancel: CancellationToken) {
    let machine = Actor { identity: Identity::rule("practice deployer"), role: Role::Deployer, from: None };
    loop {
        for report in deployer.reports_due() {
            let number = report.promotion;
            // What comes too late after an abort is refused, as it is for everybody.
            if let Err(refused) = engine.report(&machine, number, input(report)).await {
                tracing::debug!(promotion.number = number, error.message = %refused, "a practice report was refused");
            }
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

fn input(report: PracticeReport) -> ReportInput {
    ReportInput {
        id: report.id,
        delivery: report.delivery,
        state: report.state.as_str().to_owned(),
        percent: Some(report.percent),
        message: Some(report.message.to_owned()),
        link: None,
        at: None,
    }
}
