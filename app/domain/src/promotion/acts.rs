//! What people can do to a promotion, and who may do it now. What offers an act and what refuses it ask the
//! same rule.

use super::{
    Phase, Promotion, Refusal,
    decide::{may_abandon, may_consent, waiting},
    outside, steering,
    words::headline,
};
use crate::actor::{Act, Actor};

impl Promotion {
    /// The acts that `actor` may do on this promotion now; the same rules refuse them.
    #[must_use]
    pub fn allowed(&self, actor: &Actor) -> Vec<PromotionAct> {
        PromotionAct::ALL.into_iter().filter(|act| self.permits(actor, *act).is_ok()).collect()
    }

    /// Whether `actor` may do `act` on this promotion now.
    ///
    /// # Errors
    /// The rule that refuses.
    pub fn permits(&self, actor: &Actor, act: PromotionAct) -> Result<(), Refusal> {
        let is_own = actor.identity.person().is_some() && actor.identity.person() == self.requested_by.person();
        let stop = if is_own { Act::StopOwnPromotion } else { Act::StopAnyPromotion };
        match act {
            PromotionAct::Approve | PromotionAct::Reject => {
                actor.may(Act::Approve)?;
                waiting(self)?;
                let person = may_consent(self, &actor.identity)?;
                let approved = self.approvals.iter().any(|a| a.person == person);
                if approved && act == PromotionAct::Approve { Err(Refusal::AlreadyApproved) } else { Ok(()) }
            }
            PromotionAct::Cancel => {
                actor.may(stop)?;
                waiting(self)
            }
            PromotionAct::Abort => {
                // Who is asked whether it goes on may say no.
                if !steering::is_asked(self, actor) {
                    actor.may(stop)?;
                }
                match &self.phase {
                    Phase::Waiting { .. } => Err(Refusal::NotStarted),
                    Phase::TakingBack { .. } => Err(Refusal::AlreadyTakingBack),
                    Phase::Starting { .. } | Phase::Progressing { .. } | Phase::Watching { .. } => Ok(()),
                    Phase::Succeeded { .. }
                    | Phase::Failed { .. }
                    | Phase::Aborted { .. }
                    | Phase::Rejected { .. }
                    | Phase::Cancelled { .. }
                    | Phase::Expired { .. }
                    | Phase::Superseded { .. } => Err(Refusal::Over(headline(self).words)),
                }
            }
            PromotionAct::Abandon => {
                actor.may(Act::StopAnyPromotion)?;
                may_abandon(self)
            }
            PromotionAct::Hold => {
                actor.may(stop)?;
                steering::may_hold(self)
            }
            PromotionAct::GoOn => {
                steering::may_let_go_on(self, actor)?;
                steering::may_go_on(self)
            }
            PromotionAct::CallAgain => {
                actor.may(Act::SteerPromotion)?;
                outside::may_call_again(self)
            }
            PromotionAct::Skip => {
                steering::may_leave_out(self, actor, false)?;
                steering::may_skip(self)
            }
            PromotionAct::SetWeight => {
                actor.may(Act::SteerPromotion)?;
                steering::may_set_weight(self)
            }
            PromotionAct::PromoteNow => {
                steering::may_leave_out(self, actor, true)?;
                steering::may_promote_now(self)
            }
        }
    }
}

/// What can be done on a promotion's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromotionAct {
    /// Consent.
    Approve,
    /// Say no.
    Reject,
    /// Withdraw before the start.
    Cancel,
    /// Stop after the start.
    Abort,
    /// Give up taking it back.
    Abandon,
    /// Let nothing go on by itself.
    Hold,
    /// Let it go on.
    GoOn,
    /// End the present step before its time.
    Skip,
    /// Set the share of the traffic by hand.
    SetWeight,
    /// Leave the remaining pauses and shares out.
    PromoteNow,
    /// Tell the outside deployer once more.
    CallAgain,
}

impl PromotionAct {
    const ALL: [Self; 11] = [
        Self::Approve,
        Self::Reject,
        Self::Cancel,
        Self::Abort,
        Self::Abandon,
        Self::Hold,
        Self::GoOn,
        Self::Skip,
        Self::SetWeight,
        Self::PromoteNow,
        Self::CallAgain,
    ];
}
