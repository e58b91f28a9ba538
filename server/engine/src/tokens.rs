//! API tokens: machine identities with a role of at most their maker's, and an end.

use async_trait::async_trait;
use contract::{
    Answer, ApiError,
    tokens::{TokenInput, TokenView, TokensBackend},
};
use domain::{
    actor::{Act, Actor, Identity, Role},
    ids::TokenId,
};
use secrecy::ExposeSecret;
use store::Token;

use crate::{Engine, audit, credentials, edge, error::OrFail, people::EVERYBODY};

/// How often the time of last use is written: often enough to see that a token lives, too seldom
/// to make every request a write.
const SEEN_EVERY_SECONDS: i64 = 60;

impl Engine {
    /// Who holds this token at this moment: never more than its owner, and nobody when the owner
    /// is kept out.
    ///
    /// # Errors
    /// Unauthenticated, with the same words whatever was wrong.
    pub async fn actor_of_token(&self, secret: &str, from: Option<String>) -> Answer<Actor> {
        let now = self.now();
        let mut read = self.store().read().await.or_fail(self)?;
        let token = read.usable_token(&credentials::secret_hash(secret), now).await.or_fail(self)?;
        let token = token.ok_or_else(ApiError::unauthenticated)?;
        let owner = read.person(token.owner_id).await.or_fail(self)?.filter(|p| p.is_active);
        let owner = owner.ok_or_else(ApiError::unauthenticated)?;
        drop(read);
        let is_stale = |at| now - at >= chrono::Duration::seconds(SEEN_EVERY_SECONDS);
        if token.last_used_at.is_none_or(is_stale) {
            let mut tx = self.store().begin().await.or_fail(self)?;
            tx.token_used(token.id, now, now).await.or_fail(self)?;
            tx.commit().await.or_fail(self)?;
        }
        let role = lesser(token.role, owner.role);
        Ok(Actor { identity: Identity::Token { id: token.id, name: token.name, owner: owner.id }, role, from })
    }
}

/// What both roles include at most. Approver and developer stand beside each other, so that
/// neither includes the other: then only reading is left.
fn lesser(token: Role, owner: Role) -> Role {
    match (token, owner) {
        (token, owner) if token == owner => token,
        (token, Role::Admin) => token,
        (Role::Admin, owner) => owner,
        (Role::Viewer, _) | (_, Role::Viewer) => Role::Viewer,
        (token, Role::ReleaseManager) => token,
        (Role::ReleaseManager, owner) => owner,
        _ => Role::Viewer,
    }
}

#[async_trait]
impl TokensBackend for Engine {
    async fn tokens(&self, actor: &Actor) -> Answer<Vec<TokenView>> {
        actor.may(Act::ManageTokens)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let tokens = read.tokens().await.or_fail(self)?;
        let people = read.people(None, EVERYBODY).await.or_fail(self)?.rows;
        let owner = |t: &Token| {
            people.iter().find(|p| p.id == t.owner_id).map_or_else(|| t.owner_id.to_string(), |p| p.name.clone())
        };
        let view = |t: Token| TokenView {
            owner: owner(&t),
            id: t.id,
            name: t.name,
            role: t.role,
            created_at: t.created_at,
            last_used_at: t.last_used_at,
            expires_at: t.expires_at,
            is_revoked: t.revoked_at.is_some(),
        };
        Ok(tokens.into_iter().map(view).collect())
    }

    async fn make_token(&self, actor: &Actor, input: TokenInput) -> Answer<String> {
        actor.may(Act::ManageTokens)?;
        let name = edge::some_line("name", &input.name, edge::NAME_AT_MOST)?;
        if lesser(input.role, actor.role) != input.role {
            return Err(ApiError::invalid("role", "a token cannot be trusted with more than you are"));
        }
        if !(1..=730).contains(&input.days) {
            return Err(ApiError::invalid("days", "1 to 730 days"));
        }
        let owner_id = actor.identity.person().ok_or_else(ApiError::unauthenticated)?;
        let secret = credentials::new_token(&*self.parts.randomness);
        let now = self.now();
        let token = Token {
            id: TokenId::new(self.uuid()),
            name,
            secret_hash: secret.hash.to_vec(),
            role: input.role,
            owner_id,
            created_at: now,
            last_used_at: None,
            expires_at: Some(now + chrono::Duration::days(i64::from(input.days))),
            revoked_at: None,
        };
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.insert_token(&token).await.or_fail(self)?;
        let sentence = format!("made the token {} as {}, for {} days", token.name, token.role.words(), input.days);
        let entry = audit::Entry::done("token.make", "token", &token.name, sentence);
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)?;
        Ok(secret.shown.expose_secret().to_owned())
    }

    async fn revoke_token(&self, actor: &Actor, id: TokenId) -> Answer<()> {
        actor.may(Act::ManageTokens)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let token = tx.token(id).await.or_fail(self)?;
        let token = token.ok_or_else(|| ApiError::not_found("token", &id.to_string()))?;
        tx.revoke_token(id, self.now()).await.or_fail(self)?;
        let entry = audit::Entry::done("token.revoke", "token", &token.name, format!("ended the token {}", token.name));
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }
}
