//! The one search.

use domain::{actor::Role, ids::PersonId};
use store::{Found, Store};

use crate::{
    sample::{CART, company, person, promotion, uuid, version_id},
    support::on_both_databases,
};

on_both_databases!(one_search_finds_everything, a_search_for_nothing_or_wildcards_finds_nothing);

async fn one_search_finds_everything(store: Store) {
    company(&store).await;
    let mut tx = store.begin().await.unwrap();
    tx.insert_promotion(&promotion(1042, version_id(CART, 2)), None).await.unwrap();
    let mut gone = person(PersonId::new(uuid(52)), "Dagmar", Role::Viewer);
    gone.is_active = false;
    tx.insert_person(&gone).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = store.read().await.unwrap();

    let found = read.search("CART", 5).await.unwrap();
    assert_eq!(found.services.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["cart"]);
    let found = read.search("a", 5).await.unwrap();
    assert_eq!(found.services.len(), 2);
    assert_eq!(found.people.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["Dana"]);
    assert_eq!(found.commits, [], "one digit finds too many");
    assert_eq!(read.search("a", 1).await.unwrap().services.len(), 1);

    let found = read.search("1.0.2", 5).await.unwrap();
    assert_eq!(found.versions.len(), 2);
    let found = read.search("cart 1.0", 5).await.unwrap();
    let versions: Vec<_> = found.versions.iter().map(|v| (v.service.as_str(), v.label.as_str())).collect();
    assert_eq!(versions, [("cart", "1.0.3"), ("cart", "1.0.2"), ("cart", "1.0.1")]);

    let found = read.search("A210", 5).await.unwrap();
    assert_eq!(found.commits.iter().map(|c| (c.service.as_str(), c.ordinal)).collect::<Vec<_>>(), [("cart", 2)]);
    for text in ["1042", "#1042", "promotion 1042"] {
        let found = read.search(text, 5).await.unwrap();
        assert_eq!(found.promotions.iter().map(|p| p.number).collect::<Vec<_>>(), [1042], "{text}");
    }
    let promotion = &read.search("1042", 5).await.unwrap().promotions[0];
    assert_eq!((promotion.service.as_str(), promotion.version.as_str()), ("cart", "1.0.2"));
    assert_eq!(promotion.words, "waits for 1 approval");
}

async fn a_search_for_nothing_or_wildcards_finds_nothing(store: Store) {
    company(&store).await;
    let mut read = store.read().await.unwrap();
    for text in ["", "   ", "%", "_", "\\", "'; DROP TABLE people; --", "99999999999999999999999", "🛒"] {
        assert_eq!(read.search(text, 5).await.unwrap(), Found::default(), "{text:?}");
    }
}
