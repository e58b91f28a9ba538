//! People: signing in, roles, one-time links.

use async_trait::async_trait;
use contract::{
    Answer, ApiError,
    people::{LinkPurpose, PeopleBackend, PersonInput, PersonView},
};
use domain::{
    actor::{Act, Actor, Identity, Role},
    ids::PersonId,
};
use secrecy::{ExposeSecret, SecretString};
use store::{Held, LinkPurpose as LinkKind, OneTimeLink, Paging, Person, Tx};

use crate::{
    Engine, audit,
    credentials::{self, PASSWORD_AT_LEAST, PASSWORD_AT_MOST},
    edge,
    error::OrFail,
};

/// How long a link for a password works.
const PASSWORD_LINK_DAYS: i64 = 3;

/// How long the first administrator's link works; a restart prints a new one.
const FIRST_LINK_DAYS: i64 = 1;

/// People are few beside services: a page holds them all, up to this many.
pub(crate) const EVERYBODY: Paging = Paging { limit: 2_000, offset: 0 };

/// What a sign-in that fails says, whatever was wrong with it.
const WRONG: &str = "e-mail address or password is wrong";

impl Engine {
    /// Checks a password. Takes as long for an account that is not there. Either way it is in the audit.
    ///
    /// # Errors
    /// Refused, with the same words whatever was wrong.
    pub async fn authenticate_password(
        &self,
        email: &str,
        password: &SecretString,
        from: Option<String>,
    ) -> Answer<PersonId> {
        let email = email.trim().to_lowercase();
        let person = {
            let mut read = self.store().read().await.or_fail(self)?;
            read.person_by_email(&email).await.or_fail(self)?
        };
        let is_long = password.expose_secret().len() > 4 * PASSWORD_AT_MOST;
        let hash = person.as_ref().filter(|p| p.is_active && !is_long).and_then(|p| p.password_hash.clone());
        let fits = self.passwords().fits(password, hash).await.map_err(|e| self.defect(&e))?;
        let Some(person) = person.as_ref().filter(|_| fits) else {
            self.note_refused_sign_in(&email, person.as_ref(), from).await?;
            return Err(ApiError::refused(WRONG));
        };
        self.note_sign_in(person, from, "signed in").await?;
        Ok(person.id)
    }

    async fn note_sign_in(&self, person: &Person, from: Option<String>, sentence: &str) -> Answer<()> {
        let actor = actor_of(person, from);
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.person_seen(person.id, self.now(), self.now()).await.or_fail(self)?;
        let entry = audit::Entry::done("person.sign_in", "person", &person.name, sentence);
        audit::record(&mut tx, self, &actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }

    /// Who a person is at this moment: the role is read anew for each request.
    ///
    /// # Errors
    /// Unauthenticated when the person is gone or kept out.
    pub async fn actor_of_person(&self, id: PersonId, from: Option<String>) -> Answer<Actor> {
        let mut read = self.store().read().await.or_fail(self)?;
        let person = read.person(id).await.or_fail(self)?.filter(|p| p.is_active);
        person.map(|p| actor_of(&p, from)).ok_or_else(ApiError::unauthenticated)
    }

    /// While nobody can administer: a new one-time link for the first administrator, as a path. A
    /// link printed before stops working.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn first_link(&self) -> Answer<Option<String>> {
        let mut tx = self.store().begin().await.or_fail(self)?;
        if self.has_administrator(&mut tx).await? {
            return Ok(None);
        }
        tx.revoke_links(LinkKind::FirstAdministrator).await.or_fail(self)?;
        let path = self.insert_link(&mut tx, LinkKind::FirstAdministrator, None, FIRST_LINK_DAYS).await?;
        tx.commit().await.or_fail(self)?;
        Ok(Some(path))
    }

    /// A link that signs `person` in at once; may be used again and again while it lasts. For the
    /// demo only.
    ///
    /// # Errors
    /// The store's trouble.
    pub async fn sign_in_link(&self, person: PersonId, days: i64) -> Answer<String> {
        let mut tx = self.store().begin().await.or_fail(self)?;
        let path = self.insert_link(&mut tx, LinkKind::SignIn, Some(person), days).await?;
        tx.commit().await.or_fail(self)?;
        Ok(path)
    }

    async fn insert_link(&self, tx: &mut Tx, kind: LinkKind, person: Option<PersonId>, days: i64) -> Answer<String> {
        let secret = credentials::new_link(&*self.parts.randomness);
        let now = self.now();
        let expires_at = now + chrono::Duration::days(days);
        let token_hash = secret.hash.to_vec();
        let link = OneTimeLink { token_hash, purpose: kind, person_id: person, created_at: now, expires_at };
        tx.insert_link(&link).await.or_fail(self)?;
        Ok(format!("/link/{}", secret.shown.expose_secret()))
    }

    /// What a link is for.
    ///
    /// # Errors
    /// Not found when it was used, has expired or never was.
    pub async fn look_at_link(&self, token: &str) -> Answer<LinkPurpose> {
        let mut read = self.store().read().await.or_fail(self)?;
        let link = read.link(&credentials::secret_hash(token), self.now()).await.or_fail(self)?;
        let link = link.ok_or_else(link_is_spent)?;
        let person = match link.person_id {
            Some(id) => read.person(id).await.or_fail(self)?.filter(|p| p.is_active),
            None => None,
        };
        match (link.purpose, person) {
            (LinkKind::FirstAdministrator, _) => Ok(LinkPurpose::FirstAdministrator),
            (LinkKind::SetPassword, Some(p)) => Ok(LinkPurpose::SetPassword { name: p.name, email: p.email }),
            (LinkKind::SignIn, Some(p)) => Ok(LinkPurpose::SignIn { name: p.name }),
            (LinkKind::SetPassword | LinkKind::SignIn, None) => Err(link_is_spent()),
        }
    }

    /// Makes the first administrator; the link is spent with it.
    ///
    /// # Errors
    /// Invalid fields (the link stays good), or a spent link.
    pub async fn use_link_first_administrator(
        &self,
        token: &str,
        name: &str,
        email: &str,
        password: &SecretString,
        from: Option<String>,
    ) -> Answer<PersonId> {
        let name = edge::some_line("name", name, edge::NAME_AT_MOST)?;
        let email = email_address(email)?;
        let hash = self.new_password_hash(password).await?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.hold(Held::People).await.or_fail(self)?;
        self.spend(&mut tx, token, LinkKind::FirstAdministrator).await?;
        if self.has_administrator(&mut tx).await? {
            return Err(link_is_spent());
        }
        let person = self.new_person(name, email, Role::Admin, Some(hash));
        tx.insert_person(&person).await.or_fail(self)?;
        let actor = actor_of(&person, from);
        let sentence = format!("became the first administrator ({})", person.email);
        let entry = audit::Entry::done("person.first_administrator", "person", &person.name, sentence);
        audit::record(&mut tx, self, &actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)?;
        Ok(person.id)
    }

    /// Sets the password of the person that the link is for; ends their sessions.
    ///
    /// # Errors
    /// Invalid password (the link stays good), or a spent link.
    pub async fn use_link_set_password(
        &self,
        token: &str,
        password: &SecretString,
        from: Option<String>,
    ) -> Answer<PersonId> {
        let hash = self.new_password_hash(password).await?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.hold(Held::People).await.or_fail(self)?;
        let id = self.spend(&mut tx, token, LinkKind::SetPassword).await?.ok_or_else(link_is_spent)?;
        let person = tx.person(id).await.or_fail(self)?.filter(|p| p.is_active).ok_or_else(link_is_spent)?;
        let changed = Person { password_hash: Some(hash), ..person.clone() };
        tx.update_person(&changed).await.or_fail(self)?;
        tx.delete_sessions_of(id).await.or_fail(self)?;
        let entry = audit::Entry::done("person.set_password", "person", &person.name, "set their password");
        audit::record(&mut tx, self, &actor_of(&person, from), entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)?;
        Ok(id)
    }

    /// The person whom a sign-in link signs in.
    ///
    /// # Errors
    /// A link that has expired or is not one for signing in.
    pub async fn use_link_sign_in(&self, token: &str, from: Option<String>) -> Answer<PersonId> {
        let mut read = self.store().read().await.or_fail(self)?;
        let link = read.link(&credentials::secret_hash(token), self.now()).await.or_fail(self)?;
        let id = link.filter(|l| l.purpose == LinkKind::SignIn).and_then(|l| l.person_id).ok_or_else(link_is_spent)?;
        let person = read.person(id).await.or_fail(self)?.filter(|p| p.is_active).ok_or_else(link_is_spent)?;
        drop(read);
        self.note_sign_in(&person, from, "signed in by a demo link").await?;
        Ok(id)
    }

    async fn spend(&self, tx: &mut Tx, token: &str, kind: LinkKind) -> Answer<Option<PersonId>> {
        let spent = tx.consume_link(&credentials::secret_hash(token), kind, self.now()).await.or_fail(self)?;
        spent.map(|link| link.person_id).ok_or_else(link_is_spent)
    }

    async fn new_password_hash(&self, password: &SecretString) -> Answer<String> {
        let length = password.expose_secret().chars().count();
        if length < PASSWORD_AT_LEAST {
            let message = format!("at least {PASSWORD_AT_LEAST} characters; four words are good");
            return Err(ApiError::invalid("password", message));
        }
        if length > PASSWORD_AT_MOST {
            return Err(ApiError::invalid("password", format!("at most {PASSWORD_AT_MOST} characters")));
        }
        self.passwords().hash(&*self.parts.randomness, password).await.map_err(|e| self.defect(&e))
    }

    fn new_person(&self, name: String, email: String, role: Role, password_hash: Option<String>) -> Person {
        let (id, created_at) = (PersonId::new(self.uuid()), self.now());
        Person { id, name, email, password_hash, role, is_active: true, created_at, last_seen_at: None }
    }
}

fn link_is_spent() -> ApiError {
    let message = "this link was used, has expired, or never was; ask an administrator for a new one";
    ApiError { message: message.to_owned(), ..ApiError::not_found("link", "") }
}

fn actor_of(person: &Person, from: Option<String>) -> Actor {
    let identity = Identity::Person { id: person.id, name: person.name.clone() };
    Actor { identity, role: person.role, from }
}

/// An e-mail address, lower-cased: something before an @ and something with a dot or `localhost`
/// after it. Whether it is theirs shows when they get the link.
fn email_address(text: &str) -> Answer<String> {
    let email = edge::some_line("email", text, edge::NAME_AT_MOST)?.to_lowercase();
    let good = email.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty() && !host.is_empty() && !host.contains('@') && !email.contains(char::is_whitespace)
    });
    if good && email.len() <= 254 {
        Ok(email)
    } else {
        Err(ApiError::invalid("email", "this is not an e-mail address"))
    }
}

/// Some roles are for tokens alone.
fn role_of_people(role: Role) -> Answer<()> {
    if Role::ALL.contains(&role) { Ok(()) } else { Err(ApiError::invalid("role", "this role is for API tokens")) }
}

#[async_trait]
impl PeopleBackend for Engine {
    async fn people(&self, actor: &Actor) -> Answer<Vec<PersonView>> {
        actor.may(Act::ManagePeople)?;
        let mut read = self.store().read().await.or_fail(self)?;
        let people = read.people(None, EVERYBODY).await.or_fail(self)?.rows;
        let view = |p: Person| PersonView {
            id: p.id,
            name: p.name,
            email: p.email,
            role: p.role,
            is_active: p.is_active,
            has_password: p.password_hash.is_some(),
            last_seen_at: p.last_seen_at,
        };
        Ok(people.into_iter().map(view).collect())
    }

    async fn invite(&self, actor: &Actor, input: PersonInput) -> Answer<String> {
        actor.may(Act::ManagePeople)?;
        role_of_people(input.role)?;
        let person = self.new_person(
            edge::some_line("name", &input.name, edge::NAME_AT_MOST)?,
            email_address(&input.email)?,
            input.role,
            None,
        );
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.insert_person(&person).await.map_err(|error| match error {
            store::StoreError::Unique { .. } => ApiError::invalid("email", "someone with this address is here already"),
            error => self.store_failed(error),
        })?;
        let path = self.insert_link(&mut tx, LinkKind::SetPassword, Some(person.id), PASSWORD_LINK_DAYS).await?;
        let sentence = format!("invited {} as {}", person.name, person.role.words());
        let entry = audit::Entry::done("person.invite", "person", &person.name, sentence);
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)?;
        Ok(path)
    }

    async fn set_role(&self, actor: &Actor, person: PersonId, role: Role) -> Answer<()> {
        actor.may(Act::ManagePeople)?;
        role_of_people(role)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.hold(Held::People).await.or_fail(self)?;
        let found = self.someone(&mut tx, person).await?;
        tx.update_person(&Person { role, ..found.clone() }).await.or_fail(self)?;
        self.keep_an_administrator(&mut tx).await?;
        let sentence = format!("made {} {} (was {})", found.name, role.words(), found.role.words());
        let entry = audit::Entry::done("person.set_role", "person", &found.name, sentence);
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }

    async fn set_active(&self, actor: &Actor, person: PersonId, is_active: bool) -> Answer<()> {
        actor.may(Act::ManagePeople)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        tx.hold(Held::People).await.or_fail(self)?;
        let found = self.someone(&mut tx, person).await?;
        tx.update_person(&Person { is_active, ..found.clone() }).await.or_fail(self)?;
        if !is_active {
            tx.delete_sessions_of(person).await.or_fail(self)?;
        }
        self.keep_an_administrator(&mut tx).await?;
        let sentence =
            if is_active { format!("let {} in again", found.name) } else { format!("keeps {} out", found.name) };
        let entry = audit::Entry::done("person.set_active", "person", &found.name, sentence);
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)
    }

    async fn reset_password(&self, actor: &Actor, person: PersonId) -> Answer<String> {
        actor.may(Act::ManagePeople)?;
        let mut tx = self.store().begin().await.or_fail(self)?;
        let found = self.someone(&mut tx, person).await?;
        tx.revoke_links_of(person).await.or_fail(self)?;
        let path = self.insert_link(&mut tx, LinkKind::SetPassword, Some(person), PASSWORD_LINK_DAYS).await?;
        let sentence = format!("made a link for a new password of {}", found.name);
        let entry = audit::Entry::done("person.reset_password", "person", &found.name, sentence);
        audit::record(&mut tx, self, actor, entry).await.or_fail(self)?;
        tx.commit().await.or_fail(self)?;
        Ok(path)
    }
}

impl Engine {
    async fn someone(&self, tx: &mut Tx, id: PersonId) -> Answer<Person> {
        let found = tx.person(id).await.or_fail(self)?;
        found.ok_or_else(|| ApiError::not_found("person", &id.to_string()))
    }

    async fn has_administrator(&self, tx: &mut Tx) -> Answer<bool> {
        Ok(tx.active_people_with(Role::Admin).await.or_fail(self)? > 0)
    }

    /// The last administrator cannot lock everybody out.
    async fn keep_an_administrator(&self, tx: &mut Tx) -> Answer<()> {
        if self.has_administrator(tx).await? {
            Ok(())
        } else {
            Err(ApiError::conflict("someone must stay administrator; make another one first"))
        }
    }
}
