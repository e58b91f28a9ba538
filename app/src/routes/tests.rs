//! What is read from an address is what was written into it.

use super::*;

fn query_of(address: &str) -> ParamsMap {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        // The map itself decodes what is put into it.
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn filters_of_the_board_come_back_from_the_address() {
    for state in BOARD_STATES {
        for sort in BOARD_SORTS {
            let query = BoardQuery {
                team: Some("check & out".to_owned()),
                tier: Some(2),
                state: Some(state),
                text: Some("ü?#=%41".to_owned()),
                only_differences: true,
                sort,
                page: PageRequest::new(3, 25),
            };
            assert_eq!(read_board(&query_of(&board(&query))), query);
        }
    }
    let usual = BoardQuery { page: BOARD_PAGE, ..BoardQuery::default() };
    assert_eq!(board(&usual), "/");
    assert_eq!(read_board(&query_of("/")), usual);
}

#[test]
fn filters_of_lists_come_back_from_the_address() {
    let deployments_query = DeploymentsQuery {
        service: Some("cart".to_owned()),
        team: Some("checkout".to_owned()),
        environment: Some("production".to_owned()),
        cause: Some(Cause::Rollback),
        outcome: Some(Outcome::Aborted),
        from: read_day("2026-02-28"),
        to: read_day("2026-03-01"),
        page: PageRequest::new(2, 50),
    };
    assert!(deployments_query.from.is_some());
    assert_eq!(read_deployments(&query_of(&deployments(&deployments_query))), deployments_query);
    let audit_query = AuditQuery {
        actor: Some("Rosa Mint".to_owned()),
        act: Some("promotion.approve".to_owned()),
        on: Some("cart/2".to_owned()),
        page: PageRequest::new(1, 50),
    };
    assert_eq!(read_audit(&query_of(&audit(&audit_query))), audit_query);
    let promotions_query = PromotionsQuery {
        service: Some("cart".to_owned()),
        environment: None,
        state: Some("live".to_owned()),
        page: PageRequest::new(9, 50),
    };
    assert_eq!(read_promotions(&query_of(&promotions(&promotions_query))), promotions_query);
    let services_query = ServicesQuery { text: Some("c".to_owned()), team: None, page: PageRequest::new(1, 20) };
    assert_eq!(read_services(&query_of(&services(&services_query))), services_query);
    for days in [None, Some(30), Some(365)] {
        let query = InsightsQuery { days, team: Some("x".to_owned()), service: None };
        assert_eq!(read_insights(&query_of(&insights(&query))), query);
    }
}

#[test]
fn nonsense_in_an_address_is_read_as_nothing() {
    let query = query_of("/?tier=9&state=gone&sort=x&page=-1&size=100000&differences=yes&q=%20");
    assert_eq!(read_board(&query), BoardQuery { page: PageRequest { page: 1, size: 200 }, ..BoardQuery::default() });
}

#[test]
fn names_cannot_leave_their_place_in_an_address() {
    assert_eq!(service("../a?b#c"), "/services/..%2Fa%3Fb%23c");
    assert_eq!(version("cart", "2.30.4+build"), "/services/cart/versions/2.30.4%2Bbuild");
    assert_eq!(compare("cart", None, "2"), "/services/cart/compare?to=2");
    assert_eq!(promote(None, None, None), "/promote");
    assert_eq!(sign_in("/"), "/sign-in");
    assert_eq!(sign_in("/promotions/7"), "/sign-in?next=%2Fpromotions%2F7");
}
