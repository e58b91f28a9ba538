//! People, links that work once, sessions, tokens.

use chrono::Duration;
use domain::{
    actor::Role,
    ids::{PersonId, TokenId},
};
use store::{LinkPurpose, OneTimeLink, Paging, Session, Store, StoreError, Token, Unique};

use crate::{
    sample::{DANA, company, day, person, uuid},
    support::on_both_databases,
};

on_both_databases!(
    a_person_is_found_by_address_in_any_case,
    an_address_is_taken_in_any_case,
    people_are_searched_and_paged_by_name,
    being_seen_is_written_seldom,
    a_link_works_once,
    of_two_who_use_a_link_at_once_one_gets_in,
    sessions_are_created_saved_and_end,
    a_token_works_until_it_ends_or_is_revoked,
);

async fn a_person_is_found_by_address_in_any_case(store: Store) {
    let mut tx = store.begin().await.unwrap();
    let mut written = person(DANA, "Dana", Role::Approver);
    written.email = " Dana@Shop.Example ".into();
    written.password_hash = Some("$argon2id$…".into());
    tx.insert_person(&written).await.unwrap();
    written.email = "dana@shop.example".into();
    assert_eq!(tx.person(DANA).await.unwrap(), Some(written.clone()));
    assert_eq!(tx.person_by_email("DANA@shop.example ").await.unwrap(), Some(written.clone()));
    written.role = Role::Admin;
    written.is_active = false;
    written.name = "Dana D.".into();
    assert!(tx.update_person(&written).await.unwrap());
    assert_eq!(tx.person(DANA).await.unwrap(), Some(written.clone()));
    assert_eq!(tx.active_people_with(Role::Admin).await.unwrap(), 0);
    assert_eq!(tx.names_with(Role::Admin, 5).await.unwrap(), []);
    written.is_active = true;
    tx.update_person(&written).await.unwrap();
    assert_eq!(tx.active_people_with(Role::Admin).await.unwrap(), 1);
    assert_eq!(tx.names_with(Role::Admin, 5).await.unwrap(), [(DANA, "Dana D.".to_owned())]);
    assert_eq!(tx.names_with(Role::Admin, 0).await.unwrap(), []);
    written.id = PersonId::new(uuid(99));
    written.email = "x@shop.example".into();
    assert!(!tx.update_person(&written).await.unwrap());
}

async fn an_address_is_taken_in_any_case(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let mut again = person(PersonId::new(uuid(52)), "Dana", Role::Viewer);
    again.email = "DANA@SHOP.EXAMPLE".into();
    let taken = tx.insert_person(&again).await;
    assert!(matches!(taken, Err(StoreError::Unique { what: Unique::Email })), "{taken:?}");
}

async fn people_are_searched_and_paged_by_name(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    for (number, name) in [(52, "Özlem"), (53, "Anna"), (54, "Bo")] {
        tx.insert_person(&person(PersonId::new(uuid(number)), name, Role::Viewer)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    let page = read.people(None, Paging { limit: 2, offset: 1 }).await.unwrap();
    assert_eq!(page.rows.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["Bo", "Dana"]);
    assert_eq!(page.total, 4);
    assert_eq!(read.people(Some("özl"), Paging::first(9)).await.unwrap().rows[0].name, "Özlem");
    assert_eq!(read.people(Some("@shop"), Paging::first(9)).await.unwrap().total, 4);
}

async fn being_seen_is_written_seldom(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let minutes = Duration::minutes(5);
    tx.person_seen(DANA, day(1), day(1) - minutes).await.unwrap();
    tx.person_seen(DANA, day(1) + Duration::minutes(1), day(1) - minutes).await.unwrap();
    assert_eq!(tx.person(DANA).await.unwrap().unwrap().last_seen_at, Some(day(1)));
    tx.person_seen(DANA, day(2), day(2) - minutes).await.unwrap();
    assert_eq!(tx.person(DANA).await.unwrap().unwrap().last_seen_at, Some(day(2)));
}

fn link(first: u8, purpose: LinkPurpose, person_id: Option<PersonId>) -> OneTimeLink {
    OneTimeLink { token_hash: vec![first; 32], purpose, person_id, created_at: day(1), expires_at: day(2) }
}

async fn a_link_works_once(store: Store) {
    company(&store).await;
    let sign_in = link(1, LinkPurpose::SignIn, Some(DANA));
    let first = link(2, LinkPurpose::FirstAdministrator, None);
    let mut tx = store.begin().await.unwrap();
    tx.insert_link(&sign_in).await.unwrap();
    tx.insert_link(&first).await.unwrap();
    let at = day(1) + Duration::hours(1);
    assert_eq!(tx.link(&sign_in.token_hash, at).await.unwrap(), Some(sign_in.clone()));
    assert_eq!(tx.consume_link(&sign_in.token_hash, LinkPurpose::SetPassword, at).await.unwrap(), None);
    assert_eq!(tx.consume_link(&[9; 32], LinkPurpose::SignIn, at).await.unwrap(), None);
    assert_eq!(tx.consume_link(&first.token_hash, first.purpose, day(2)).await.unwrap(), None, "it has ended");
    assert_eq!(tx.consume_link(&sign_in.token_hash, sign_in.purpose, at).await.unwrap(), Some(sign_in.clone()));
    assert_eq!(tx.consume_link(&sign_in.token_hash, sign_in.purpose, at).await.unwrap(), None);
    assert_eq!(tx.link(&sign_in.token_hash, at).await.unwrap(), None);
    assert_eq!(tx.revoke_links(LinkPurpose::SignIn).await.unwrap(), 0);
    let another = link(3, LinkPurpose::SetPassword, Some(DANA));
    tx.insert_link(&another).await.unwrap();
    assert_eq!(tx.revoke_links_of(DANA).await.unwrap(), 1, "what was used stays as it was");
    assert_eq!(tx.link(&another.token_hash, at).await.unwrap(), None);
    assert_eq!(tx.revoke_links(LinkPurpose::FirstAdministrator).await.unwrap(), 1);
    assert_eq!(tx.consume_link(&first.token_hash, first.purpose, at).await.unwrap(), None);
    assert_eq!(tx.delete_expired_links(at).await.unwrap(), 0);
    assert_eq!(tx.delete_expired_links(day(2)).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn of_two_who_use_a_link_at_once_one_gets_in(store: Store) {
    let first = link(2, LinkPurpose::FirstAdministrator, None);
    let mut tx = store.begin().await.unwrap();
    tx.insert_link(&first).await.unwrap();
    tx.commit().await.unwrap();
    let consume = |_| {
        let (store, hash) = (store.clone(), first.token_hash.clone());
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let got = tx.consume_link(&hash, LinkPurpose::FirstAdministrator, day(1)).await.unwrap();
            tx.commit().await.unwrap();
            got.is_some()
        })
    };
    let tasks: Vec<_> = (0..6).map(consume).collect();
    let mut got_in = 0;
    for task in tasks {
        got_in += u32::from(task.await.unwrap());
    }
    assert_eq!(got_in, 1);
}

async fn sessions_are_created_saved_and_end(store: Store) {
    company(&store).await;
    let session = |first: u8, person_id, expires_at| Session {
        id: vec![first; 32],
        data: vec![0, first, 255],
        person_id,
        expires_at,
    };
    let mut mine = session(1, Some(DANA), 1000);
    let mut tx = store.begin().await.unwrap();
    assert!(tx.create_session(&mine).await.unwrap());
    assert!(!tx.create_session(&session(1, None, 2000)).await.unwrap(), "a session is never taken over");
    assert_eq!(tx.session(&mine.id, 999).await.unwrap(), Some(mine.clone()));
    assert_eq!(tx.session(&mine.id, 1000).await.unwrap(), None);
    mine.data = vec![7; 5000];
    mine.expires_at = 3000;
    tx.save_session(&mine).await.unwrap();
    assert_eq!(tx.session(&mine.id, 2999).await.unwrap(), Some(mine.clone()));
    for (first, person) in [(2, Some(DANA)), (3, None), (4, None)] {
        tx.save_session(&session(first, person, 1000 * i64::from(first))).await.unwrap();
    }
    tx.delete_session(&[3; 32]).await.unwrap();
    assert_eq!(tx.session(&[3; 32], 0).await.unwrap(), None);
    assert_eq!(tx.delete_sessions_of(DANA).await.unwrap(), 2);
    assert_eq!(tx.delete_expired_sessions(3999).await.unwrap(), 0);
    assert_eq!(tx.delete_expired_sessions(4000).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn a_token_works_until_it_ends_or_is_revoked(store: Store) {
    company(&store).await;
    let token = |number: u8, expires_at| Token {
        id: TokenId::new(uuid(u128::from(number))),
        name: format!("ci-{number}"),
        secret_hash: vec![number; 32],
        role: Role::Developer,
        owner_id: DANA,
        created_at: day(1),
        last_used_at: None,
        expires_at,
        revoked_at: None,
    };
    let (lasting, ending) = (token(1, None), token(2, Some(day(3))));
    let mut tx = store.begin().await.unwrap();
    for one in [&ending, &lasting] {
        tx.insert_token(one).await.unwrap();
    }
    assert_eq!(tx.usable_token(&[1; 32], day(9)).await.unwrap(), Some(lasting.clone()));
    assert_eq!(tx.usable_token(&[2; 32], day(2)).await.unwrap(), Some(ending.clone()));
    assert_eq!(tx.usable_token(&[2; 32], day(3)).await.unwrap(), None);
    assert_eq!(tx.usable_token(&[3; 32], day(1)).await.unwrap(), None);
    tx.token_used(lasting.id, day(2), day(1)).await.unwrap();
    tx.token_used(lasting.id, day(3), day(2)).await.unwrap();
    assert_eq!(tx.token(lasting.id).await.unwrap().unwrap().last_used_at, Some(day(2)));
    assert!(tx.revoke_token(lasting.id, day(4)).await.unwrap());
    assert!(!tx.revoke_token(lasting.id, day(5)).await.unwrap());
    assert_eq!(tx.usable_token(&[1; 32], day(1)).await.unwrap(), None);
    let listed: Vec<_> = tx.tokens().await.unwrap().into_iter().map(|t| (t.name, t.revoked_at)).collect();
    assert_eq!(listed, [("ci-1".to_owned(), Some(day(4))), ("ci-2".to_owned(), None)]);
    let mut orphan = token(3, None);
    orphan.owner_id = PersonId::new(uuid(999));
    let refused = tx.insert_token(&orphan).await;
    assert!(matches!(refused, Err(StoreError::ForeignKey)), "{refused:?}");
}
