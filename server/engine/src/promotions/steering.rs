//! Steering a promotion under way, from the request to the input.

use contract::{Answer, ApiError, promotions::Steer};
use domain::{
    actor::Actor,
    promotion::{Input, PromotionAct},
    traffic::Weight,
};

use crate::edge;

/// The act, its reason and the input that a request asks for.
///
/// # Errors
/// What cannot be read, with its field.
pub(super) fn input(actor: &Actor, steer: Steer) -> Answer<(PromotionAct, Option<String>, Input)> {
    let by = actor.identity.clone();
    Ok(match steer {
        Steer::Hold { reason } => {
            let reason = edge::reason(&reason)?;
            (PromotionAct::Hold, Some(reason.clone()), Input::Hold { by, reason })
        }
        Steer::GoOn { seen } => (PromotionAct::GoOn, None, Input::GoOn { by, seen }),
        Steer::CallAgain => (PromotionAct::CallAgain, None, Input::CallAgain { by }),
        Steer::Skip { seen } => (PromotionAct::Skip, None, Input::Skip { by, seen }),
        Steer::SetWeight { seen, weight, reason } => {
            let reason = edge::reason(&reason)?;
            let weight = Weight::percent(weight).map_err(|words| ApiError::invalid("weight", words))?;
            (PromotionAct::SetWeight, Some(reason.clone()), Input::SetWeight { by, seen, weight, reason })
        }
        Steer::PromoteNow { seen, reason } => {
            let reason = edge::reason(&reason)?;
            (PromotionAct::PromoteNow, Some(reason.clone()), Input::PromoteNow { by, seen, reason })
        }
    })
}
