//! What the audit keeps of sign-ins that were refused.

use contract::{
    ErrorKind,
    audit::{AuditBackend, AuditLine, AuditQuery},
    people::PeopleBackend,
};
use secrecy::SecretString;

use crate::{both::on_both_databases, world::World};

on_both_databases!(a_refused_sign_in_is_in_the_audit_without_the_password);

async fn refused(world: &World, email: &str, password: &str) {
    let password = SecretString::from(password);
    let answer = world.engine.authenticate_password(email, &password, Some("192.0.2.9".to_owned())).await;
    let error = answer.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Refused, "e-mail address or password is wrong"));
}

async fn rows(world: &World) -> Vec<AuditLine> {
    let query = AuditQuery { act: Some("person.sign_in_refused".to_owned()), ..AuditQuery::default() };
    world.engine.audit(&world.rosa, query).await.unwrap().rows
}

async fn a_refused_sign_in_is_in_the_audit_without_the_password(world: &World) {
    let theo = world.theo.identity.person().unwrap();
    let everybody = world.engine.people(&world.admin).await.unwrap();
    let email = everybody.into_iter().find(|p| p.id == theo).unwrap().email;
    refused(world, "Nobody@Shop.Test", "canary-1").await;
    refused(world, &email, "canary-2").await;
    world.engine.set_active(&world.admin, theo, false).await.unwrap();
    refused(world, &email, "canary-3").await;
    refused(world, "canary-4", "canary-4").await;
    refused(world, "bidi\u{202e}@shop.test", "canary-5").await;
    let rows = rows(world).await;
    let mut said: Vec<_> = rows.iter().map(|row| row.sentence.clone()).collect();
    said.sort();
    assert_eq!(
        said,
        [
            "refused a sign-in as nobody@shop.test: there is no such account".to_owned(),
            "refused a sign-in as something that is no e-mail address: there is no such account".to_owned(),
            "refused a sign-in as something that is no e-mail address: there is no such account".to_owned(),
            format!("refused a sign-in as {email}: the account has no password"),
            format!("refused a sign-in as {email}: the account is kept out"),
        ]
    );
    assert!(!format!("{rows:?}").contains("canary"), "{rows:?}");
    for row in &rows {
        assert_eq!((row.actor.as_str(), row.from.as_deref(), row.is_done), ("rule: sign-in", Some("192.0.2.9"), false));
    }
}

#[tokio::test]
async fn attack_44_a_flood_of_refused_sign_ins_does_not_fill_the_audit() {
    let world = World::new(0).await;
    for n in 0..30 {
        refused(&world, &format!("n{n}@shop.test"), "x").await;
    }
    assert_eq!(rows(&world).await.len(), 20);
    world.clock.advance(std::time::Duration::from_secs(61));
    refused(&world, "later@shop.test", "x").await;
    let newest = rows(&world).await.remove(0);
    let words = "there is no such account; 10 more were refused before it and are not listed";
    assert!(newest.sentence.ends_with(words), "{}", newest.sentence);
}
