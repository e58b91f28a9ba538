//! What waits for whom. The count and the lists come from the store; what is shown in full is asked of
//! the same rule that would refuse the approval.

use async_trait::async_trait;
use contract::{
    Answer,
    approvals::{ApprovalsBackend, ApprovalsView},
    promotions::PromotionLine,
};
use domain::{
    actor::{Act, Actor, Identity, Role},
    ids::PersonId,
    promotion::PromotionAct,
};
use store::{Paging, PromotionFilter, PromotionStage, Read, StoreError};

use crate::{Engine, error::OrFail, promotions::views};

/// Shown in full; each is a screen on a phone.
const IN_FULL: u32 = 30;

/// Lines of what waits beyond that, and of what waits for others. The oldest come first, so that what
/// is decided makes room for the next.
const LINES: u32 = 100;

/// Of the people of each role, enough to name some who have not approved yet.
const NAMED_AT_MOST: u32 = 20;

/// Of what stands in the middle so many are looked at, for every page that somebody opens; each is read as a whole.
const STANDING: u32 = 20;

/// What ended lately.
const LATELY: usize = 10;

/// Among the last requests this many are looked through for what ended last: who asked long ago may
/// have been answered just now.
const LOOKED_THROUGH: u32 = 50;

impl Engine {
    /// How many promotions wait for this actor: for an approval which they may give, or for their word in the middle.
    ///
    /// # Errors
    /// The store's trouble.
    pub(crate) async fn count_waiting_for(&self, read: &mut Read, actor: &Actor) -> Answer<u64> {
        let Some(person) = who_may_approve(actor) else { return Ok(0) };
        let count = read.count_waiting_for(person).await.or_fail(self)?;
        let asked = self.to_let_go_on(read, actor).await?.len();
        Ok(u64::try_from(count).unwrap_or_default() + u64::try_from(asked).unwrap_or_default())
    }

    /// What stands in the middle and this actor can let go on.
    async fn to_let_go_on(&self, read: &mut Read, actor: &Actor) -> Answer<Vec<PromotionLine>> {
        let mut found = Vec::new();
        if actor.may(Act::AnswerStep).is_err() {
            return Ok(found);
        }
        for row in read.standing(STANDING).await.or_fail(self)? {
            let loaded = read.promotion(row.id).await.or_fail(self)?;
            if loaded.is_some_and(|l| l.promotion.permits(actor, PromotionAct::GoOn).is_ok()) {
                found.push(views::line(row));
            }
        }
        Ok(found)
    }
}

/// Consent is given by people whose role allows it.
fn who_may_approve(actor: &Actor) -> Option<PersonId> {
    actor.may(Act::Approve).ok().and_then(|()| actor.identity.person())
}

/// Who can approve beside these people, in words.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn who_can(read: &mut Read, not: &[PersonId]) -> Result<String, StoreError> {
    let mut names = Vec::new();
    for role in Role::ALL {
        let of_role = |id| Actor { identity: Identity::Person { id, name: String::new() }, role, from: None };
        for (id, name) in read.names_with(role, NAMED_AT_MOST).await? {
            if !not.contains(&id) && of_role(id).may(Act::Approve).is_ok() {
                names.push(name);
            }
        }
    }
    Ok(match names.as_slice() {
        [] => "nobody else can approve: an admin can give somebody the role of an approver".to_owned(),
        [one] => format!("{one} can approve"),
        [first, last] => format!("{first} or {last} can approve"),
        [first, second, third] => format!("{first}, {second} or {third} can approve"),
        [first, second, ..] => format!("{first}, {second} or somebody else of the approvers can approve"),
    })
}

#[async_trait]
impl ApprovalsBackend for Engine {
    async fn approvals(&self, actor: &Actor) -> Answer<ApprovalsView> {
        actor.may(Act::Read)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let waiting_for_me = self.count_waiting_for(&mut read, actor).await?;
        let waiting = u64::try_from(read.count_waiting().await.or_fail(self)?).unwrap_or_default();
        let mut for_me = Vec::new();
        let mut for_others: Vec<PromotionLine> = Vec::new();
        let lines = Paging::first(LINES);
        match who_may_approve(actor) {
            Some(person) => {
                for row in read.waiting_for(person, Paging::first(IN_FULL)).await.or_fail(self)? {
                    let loaded = read.promotion(row.id).await.or_fail(self)?;
                    let may = |l: &store::LoadedPromotion| l.promotion.permits(actor, PromotionAct::Approve).is_ok();
                    if let Some(loaded) = loaded.filter(may) {
                        for_me.push(views::promotion(self, &mut read, actor, loaded).await?);
                    }
                }
                // What is mine but not shown in full must not be lost.
                let beyond = Paging { offset: IN_FULL, ..lines };
                let rest = read.waiting_for(person, beyond).await.or_fail(self)?;
                let others = read.waiting_for_others(person, lines).await.or_fail(self)?;
                for_others.extend(rest.into_iter().chain(others).map(views::line));
            }
            None => for_others.extend(read.waiting(lines).await.or_fail(self)?.into_iter().map(views::line)),
        }
        let to_let_go_on = self.to_let_go_on(&mut read, actor).await?;
        let over = PromotionFilter { stage: Some(PromotionStage::Over), ..PromotionFilter::default() };
        let mut lately = read.promotions(&over, Paging::first(LOOKED_THROUGH)).await.or_fail(self)?.rows;
        lately.sort_by_key(|row| std::cmp::Reverse((row.finished_at, row.number)));
        lately.truncate(LATELY);
        Ok(ApprovalsView {
            for_me,
            to_let_go_on,
            for_others,
            lately: lately.into_iter().map(views::line).collect(),
            waiting_for_me,
            waiting,
        })
    }
}
