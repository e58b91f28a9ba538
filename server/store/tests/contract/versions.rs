//! Versions, their images, checks and commits.

use domain::{
    ids::{ServiceId, VersionId},
    image::{Image, TagAlone},
    names::ContainerName,
    version::{Check, CheckCounts, Commit, Verdict, VersionFlags, VersionImage, VersionLabel, WebLink},
};
use store::{Paging, Store, StoreError, Unique};

use crate::{
    sample::{CART, PAY, commit, company, day, hash, uuid, version, version_id},
    support::on_both_databases,
};

on_both_databases!(
    a_version_is_read_as_it_was_registered,
    versions_count_up_within_their_service,
    the_same_label_twice_is_told,
    two_registrations_at_once_get_two_places,
    a_check_of_the_same_name_is_replaced,
    versions_are_listed_newest_first_with_their_checks,
    commits_between_two_versions_are_united_without_doubles,
    hundreds_of_commits_are_inserted_at_once,
    a_commit_is_found_by_the_beginning_of_its_hash,
    a_version_is_found_by_what_runs,
);

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn check(name: &str, verdict: Verdict) -> Check {
    Check { name: name.into(), verdict, link: None, counts: CheckCounts::default() }
}

async fn a_version_is_read_as_it_was_registered(store: Store) {
    company(&store).await;
    let mut new = version(CART, 9, vec![commit("c91", day(8)), commit("c90", day(7)), commit("c91", day(8))]);
    new.label = VersionLabel::parse("v2.0.0-RC.1+Build").unwrap();
    new.commit = Some(hash("c91"));
    new.flags = VersionFlags { is_hotfix: true, has_irreversible_migration: true };
    let image = |reference: &str, digest| Image::parse(reference, digest).unwrap();
    let component = |name: &str| Some(ContainerName::parse(name).unwrap());
    new.images = vec![
        VersionImage { component: component("worker"), image: image("r.example:5000/cart-worker:2.0.0", None) },
        VersionImage { component: component("api"), image: image("r.example:5000/cart:2.0.0", Some(DIGEST)) },
        VersionImage { component: component("side"), image: image("r.example/side", Some(DIGEST)) },
    ];
    let counts = CheckCounts { tests_run: Some(412), tests_failed: Some(0), high: Some(2), ..CheckCounts::default() };
    let link = Some(WebLink::parse("https://ci.example/1").unwrap());
    new.checks = vec![Check { name: "unit tests".into(), verdict: Verdict::Passed, link, counts }];
    let mut tx = store.begin().await.unwrap();
    let written = tx.insert_version(&new).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((written.ordinal, written.commits_new, written.commits_total), (4, 2, 8));
    let mut read = store.read().await.unwrap();
    assert_eq!(read.version(new.id).await.unwrap(), Some(written.clone()));
    assert_eq!(read.version_by_label(CART, &new.label).await.unwrap(), Some(written));
    assert_eq!(read.version_by_label(PAY, &new.label).await.unwrap(), None);
    assert_eq!(read.version(VersionId::new(uuid(1))).await.unwrap(), None);
    assert_eq!(read.version_images(new.id).await.unwrap(), new.images);
    assert_eq!(read.version_checks(new.id).await.unwrap(), new.checks);
    let commits: Vec<_> = read.version_commits(new.id, 10).await.unwrap().into_iter().map(Commit::from).collect();
    assert_eq!(commits, new.commits[..2]);
}

async fn versions_count_up_within_their_service(store: Store) {
    company(&store).await;
    let mut read = store.read().await.unwrap();
    for service in [CART, PAY] {
        for number in 1..=3 {
            let version = read.version(version_id(service, number)).await.unwrap().unwrap();
            assert_eq!((version.ordinal, version.commits_new, version.commits_total), (number, 2, number * 2));
        }
    }
}

async fn the_same_label_twice_is_told(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let mut again = version(CART, 1, vec![]);
    again.id = VersionId::new(uuid(1));
    let taken = tx.insert_version(&again).await;
    assert!(matches!(taken, Err(StoreError::Unique { what: Unique::VersionLabel })), "{taken:?}");
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    let nowhere = tx.insert_version(&version(ServiceId::new(uuid(99)), 1, vec![])).await;
    assert!(matches!(nowhere, Err(StoreError::ForeignKey)), "{nowhere:?}");
}

async fn two_registrations_at_once_get_two_places(store: Store) {
    company(&store).await;
    let register = |number: i64| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            assert!(tx.lock_service(CART).await.unwrap());
            let shared = commit("cafe01", day(3));
            let written = tx.insert_version(&version(CART, number, vec![shared])).await.unwrap();
            tx.commit().await.unwrap();
            (written.ordinal, written.commits_new)
        })
    };
    let tasks = (10..18).map(register).collect::<Vec<_>>();
    let mut places = vec![];
    for task in tasks {
        places.push(task.await.unwrap());
    }
    places.sort_unstable();
    // The first one brings the commit, whoever that is.
    assert_eq!(places, [(4, 1), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 0)]);
    let mut tx = store.begin().await.unwrap();
    assert!(!tx.lock_service(ServiceId::new(uuid(99))).await.unwrap());
}

async fn a_check_of_the_same_name_is_replaced(store: Store) {
    company(&store).await;
    let id = version_id(CART, 1);
    let mut tx = store.begin().await.unwrap();
    tx.put_check(id, &check("scan", Verdict::Running)).await.unwrap();
    tx.put_check(id, &check("scan", Verdict::Failed)).await.unwrap();
    tx.put_check(id, &check("lint", Verdict::Skipped)).await.unwrap();
    tx.commit().await.unwrap();
    let expected = [check("lint", Verdict::Skipped), check("scan", Verdict::Failed)];
    assert_eq!(store.read().await.unwrap().version_checks(id).await.unwrap(), expected);
    let mut tx = store.begin().await.unwrap();
    let refused = tx.put_check(VersionId::new(uuid(1)), &check("scan", Verdict::Passed)).await;
    assert!(matches!(refused, Err(StoreError::ForeignKey)), "{refused:?}");
}

async fn versions_are_listed_newest_first_with_their_checks(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    for number in 1..=3 {
        tx.put_check(version_id(CART, number), &check("tests", Verdict::Passed)).await.unwrap();
    }
    tx.put_check(version_id(CART, 2), &check("scan", Verdict::Failed)).await.unwrap();
    tx.put_check(version_id(PAY, 2), &check("scan", Verdict::Failed)).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    let page = read.versions_of_service(CART, Paging { limit: 2, offset: 0 }).await.unwrap();
    assert_eq!(page.total, 3);
    assert_eq!(page.rows.iter().map(|r| r.version.id).collect::<Vec<_>>(), [version_id(CART, 3), version_id(CART, 2)]);
    assert_eq!(page.rows.iter().map(|r| r.checks.len()).collect::<Vec<_>>(), [1, 2]);
    let rest = read.versions_of_service(CART, Paging::page(2, 2)).await.unwrap();
    assert_eq!(rest.rows.iter().map(|r| r.version.ordinal).collect::<Vec<_>>(), [1]);
    let none = read.versions_of_service(ServiceId::new(uuid(99)), Paging::first(5)).await.unwrap();
    assert_eq!((none.rows.len(), none.total), (0, 0));
    let between = read.versions_between(CART, 1, 3, 10).await.unwrap();
    assert_eq!(between.iter().map(|v| v.ordinal).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(read.versions_between(CART, 0, 3, 1).await.unwrap().len(), 1);
}

async fn commits_between_two_versions_are_united_without_doubles(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    // A pipeline that reports the commits since it last deployed repeats some.
    let commits = vec![commit("a42", day(4)), commit("a32", day(2)), commit("a12", day(0))];
    let fourth = tx.insert_version(&version(CART, 4, commits)).await.unwrap();
    assert_eq!((fourth.commits_new, fourth.commits_total), (1, 7));
    // Another service may have the same commit: it counts there too.
    let elsewhere = tx.insert_version(&version(PAY, 4, vec![commit("a42", day(4))])).await.unwrap();
    assert_eq!(elsewhere.commits_new, 1);
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    let between = read.commits_between(CART, 2, 4, 10).await.unwrap();
    let hashes = |rows: &[store::CommitRow]| rows.iter().map(|c| c.hash.short()[..3].to_owned()).collect::<Vec<_>>();
    assert_eq!(hashes(&between.commits), ["a42", "a32", "a31"]);
    assert_eq!(between.total, 3);
    assert_eq!(between.commits[0].label.as_str(), "1.0.4");
    assert_eq!(between.commits[1].committed_at, day(2));
    let cut = read.commits_between(CART, 0, 4, 2).await.unwrap();
    assert_eq!((cut.commits.len(), cut.total), (2, 7));
    assert_eq!(read.commits_between(CART, 4, 2, 10).await.unwrap().total, 0);
}

async fn hundreds_of_commits_are_inserted_at_once(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let commits: Vec<_> = (0..700).map(|n| commit(&format!("{n:06x}d"), day(n))).collect();
    let written = tx.insert_version(&version(CART, 9, commits.clone())).await.unwrap();
    assert_eq!(written.commits_new, 700);
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    let rows: Vec<_> = read.version_commits(written.id, 1000).await.unwrap().into_iter().map(Commit::from).collect();
    assert_eq!(rows, commits);
}

async fn a_commit_is_found_by_the_beginning_of_its_hash(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let mut fourth = version(CART, 4, vec![commit("a22", day(1))]);
    fourth.commit = Some(hash("beef42"));
    tx.insert_version(&fourth).await.unwrap();
    let mut fifth = version(CART, 5, vec![]);
    fifth.commit = Some(hash("beef42"));
    tx.insert_version(&fifth).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    let places = read.commit_places("a2", 10).await.unwrap();
    let found: Vec<_> = places.iter().map(|p| (&p.hash.as_str()[..3], p.service.as_str(), p.ordinal)).collect();
    assert_eq!(found, [("a21", "cart", 2), ("a22", "cart", 2)]);
    assert_eq!(places[1].title.as_deref(), Some("Change a22"));
    // The commit that a version was built from is in it, named in its list or not.
    let places = read.commit_places("BEEF", 10).await.unwrap();
    assert_eq!(places.iter().map(|p| (p.ordinal, p.label.as_str())).collect::<Vec<_>>(), [(4, "1.0.4")]);
    assert_eq!(places[0].title, None);
    assert_eq!(read.commit_places("fff", 10).await.unwrap(), []);
    assert_eq!(read.commit_places("", 10).await.unwrap(), []);
    assert_eq!(read.commit_places("a", 1).await.unwrap().len(), 1);
}

async fn a_version_is_found_by_what_runs(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    let mut pinned = version(CART, 7, vec![]);
    pinned.images[0].image = Image::parse("r.example/cart:7", Some(DIGEST)).unwrap();
    tx.insert_version(&pinned).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    assert_eq!(read.unpinned_versions(CART, 2, 4).await.unwrap(), [version_id(CART, 2), version_id(CART, 3)]);
    let other = DIGEST.replace('0', "9");
    let cases = [
        // A digest says it all, whatever the name.
        ("mirror.example/x/cart@".to_owned() + DIGEST, vec![pinned.id]),
        // A tag alone is believed.
        ("r.example/cart:7".to_owned(), vec![pinned.id]),
        // The same tag with another digest is another image.
        (format!("r.example/cart:7@{other}"), vec![]),
        // Slipway knows no digest, the cluster does: the tag decides.
        (format!("registry.example/11:1.0.2@{other}"), vec![version_id(CART, 2)]),
        ("registry.example/11:1.0.2".to_owned(), vec![version_id(CART, 2)]),
        // It is the image of another service.
        ("registry.example/12:1.0.2".to_owned(), vec![]),
    ];
    for (reference, expected) in cases {
        let image = Image::parse(&reference, None).unwrap();
        let found: Vec<_> = read.versions_by_image(CART, &image).await.unwrap().into_iter().map(|v| v.id).collect();
        assert_eq!(found, expected, "{reference}");
    }
    let alone = [
        (":7".to_owned(), vec![pinned.id]),
        (format!(":7@{DIGEST}"), vec![pinned.id]),
        (format!(":7@{other}"), vec![]),
        (":1.0.2".to_owned(), vec![version_id(CART, 2)]),
        (":nothing".to_owned(), vec![]),
    ];
    for (said, expected) in alone {
        let said = TagAlone::parse(&said).unwrap();
        let found: Vec<_> = read.versions_by_tag(CART, &said, None).await.unwrap().into_iter().map(|v| v.id).collect();
        assert_eq!(found, expected, "{said:?}");
    }
    // What another part of the service has is no sign of this one.
    let mut tx = store.begin().await.unwrap();
    let of = |component: &str, tag: &str| VersionImage {
        component: Some(ContainerName::parse(component).unwrap()),
        image: Image::parse(&format!("r.example/{component}:{tag}"), None).unwrap(),
    };
    let mut ids = Vec::new();
    for (number, images) in
        [(8, vec![of("api", "1.4"), of("web", "two")]), (9, vec![of("api", "two"), of("web", "2.1")])]
    {
        let mut both = version(CART, number, vec![]);
        both.images = images;
        tx.insert_version(&both).await.unwrap();
        ids.push(both.id);
    }
    tx.commit().await.unwrap();
    let (mut read, said) = (store.read().await.unwrap(), TagAlone::parse(":two").unwrap());
    for (component, expected) in
        [(Some("web"), vec![ids[0]]), (Some("api"), vec![ids[1]]), (None, vec![ids[1], ids[0]])]
    {
        let component = component.map(|name| ContainerName::parse(name).unwrap());
        let found = read.versions_by_tag(CART, &said, component.as_ref()).await.unwrap();
        assert_eq!(found.into_iter().map(|v| v.id).collect::<Vec<_>>(), expected, "{component:?}");
    }
}
