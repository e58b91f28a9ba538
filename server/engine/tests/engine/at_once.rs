//! Two changes of one thing at the same time: the second starts from the first, and neither is lost.

use contract::{
    deployers::{DeployerInput, DeployersBackend as _},
    environments::{EnvironmentInput, EnvironmentsBackend as _},
    git::{GitBackend as _, GitInput},
    judging::{JudgingBackend as _, JudgingPlace, PolicyInput, RuleInput},
    people::PeopleBackend as _,
    services::{ServicesBackend as _, TargetInput},
    slack::{SlackBackend as _, SlackInput},
};
use domain::{actor::Role, analysis::LateBreach, environment::EnvironmentKind, names::ServiceName};

use crate::{
    both::on_both_databases,
    git::{FIELD, FILE, URL},
    world::World,
};

on_both_databases!(
    rules_and_policy_of_a_target_are_all_kept,
    somebody_stays_administrator,
    a_role_and_keeping_out_are_both_kept,
    environments_keep_their_order_and_make_no_circle,
    a_token_of_slack_is_kept_when_the_channel_changes,
    a_token_of_a_repository_is_kept_when_the_branch_changes,
    the_secret_before_the_last_stays_valid_for_a_deployer,
);

/// The first time one of the two may be done before the other has a connection to the database.
const ROUNDS: u32 = 5;

async fn rules_and_policy_of_a_target_are_all_kept(world: &World) {
    world.service("cart").await;
    let (engine, rosa) = (&world.engine, &world.rosa);
    let place = || JudgingPlace {
        service: Some("cart".to_owned()),
        environment: Some("production".to_owned()),
        ..JudgingPlace::default()
    };
    let off = |rule: &str| RuleInput { rule: rule.to_owned(), is_off: true, ..RuleInput::default() };
    let policy = PolicyInput { late_breach: Some(LateBreach::RollBack), ..PolicyInput::default() };
    let (first, second, third) = tokio::join!(
        engine.set_rule(rosa, place(), off("restarts")),
        engine.set_rule(rosa, place(), off("not-ready")),
        engine.set_judging_policy(rosa, place(), policy),
    );
    for answer in [first, second, third] {
        answer.unwrap();
    }
    let view = engine.judging(rosa, "cart", "production").await.unwrap();
    assert_eq!(view.levels[0].rules.len(), 2, "{:?}", view.levels[0]);
    assert_eq!(view.levels[0].policy.late_breach, Some(LateBreach::RollBack));
}

async fn somebody_stays_administrator(world: &World) {
    let (engine, admin) = (&world.engine, &world.admin);
    let (first, second) = (admin.identity.person().unwrap(), world.theo.identity.person().unwrap());
    for _ in 0..ROUNDS {
        for one in [first, second] {
            engine.set_role(admin, one, Role::Admin).await.unwrap();
        }
        let (one, other) =
            tokio::join!(engine.set_role(admin, first, Role::Viewer), engine.set_role(admin, second, Role::Viewer));
        assert_ne!(one.is_ok(), other.is_ok(), "{one:?} {other:?}");
    }
}

async fn a_role_and_keeping_out_are_both_kept(world: &World) {
    let (engine, admin, ines) = (&world.engine, &world.admin, world.ines.identity.person().unwrap());
    for _ in 0..ROUNDS {
        engine.set_role(admin, ines, Role::ReleaseManager).await.unwrap();
        engine.set_active(admin, ines, true).await.unwrap();
        let (out, role) =
            tokio::join!(engine.set_active(admin, ines, false), engine.set_role(admin, ines, Role::Viewer));
        out.unwrap();
        role.unwrap();
        let found = engine.people(admin).await.unwrap().into_iter().find(|one| one.id == ines).unwrap();
        assert_eq!((found.role, found.is_active), (Role::Viewer, false));
    }
}

async fn environments_keep_their_order_and_make_no_circle(world: &World) {
    world.add_environment("staging", EnvironmentKind::Staging, 0, "").await;
    let (engine, admin) = (&world.engine, &world.admin);
    let named = |name: &str, title: &str, healthy_in: &str| EnvironmentInput {
        name: name.to_owned(),
        title: title.to_owned(),
        healthy_in: healthy_in.to_owned(),
        ..world.environment()
    };
    for round in 0..ROUNDS {
        let (last, title) = (engine.environments(admin).await.unwrap().pop().unwrap().name, format!("title {round}"));
        let (moved, changed) = tokio::join!(
            engine.move_environment_up(admin, &last),
            engine.change_environment(admin, named(&last, &title, "")),
        );
        moved.unwrap();
        changed.unwrap();
        let first = engine.environments(admin).await.unwrap().remove(0);
        assert_eq!((first.name, first.title), (last, title));
    }
    let (one, other) = tokio::join!(
        engine.change_environment(admin, named("staging", "staging", "production")),
        engine.change_environment(admin, named("production", "production", "staging")),
    );
    assert_ne!(one.is_ok(), other.is_ok(), "{one:?} {other:?}");
}

async fn a_token_of_slack_is_kept_when_the_channel_changes(world: &World) {
    let (engine, admin) = (&world.engine, &world.admin);
    let input = |token: &str, channel: &str| SlackInput { token: token.to_owned(), channel: channel.to_owned() };
    let (token, channel) =
        tokio::join!(engine.set_slack(admin, input("xoxb-1", "releases")), engine.set_slack(admin, input("", "ops")));
    token.unwrap();
    channel.unwrap();
    assert!(engine.slack(admin).await.unwrap().has_token);
}

async fn a_token_of_a_repository_is_kept_when_the_branch_changes(world: &World) {
    world.service("cart").await;
    for branch in ["main", "release"] {
        world.repositories.set(URL, branch, FILE, FIELD, "1.0").unwrap();
    }
    let set = |branch: &str, token: &str| {
        let input = GitInput {
            repository: URL.to_owned(),
            branch: branch.to_owned(),
            file: FILE.to_owned(),
            fields: FIELD.to_owned(),
            token: token.to_owned(),
            ..GitInput::default()
        };
        world.engine.set_git_place(&world.rosa, "cart", "production", input)
    };
    set("main", "token-first").await.unwrap();
    for round in 0..ROUNDS {
        let token = format!("token-{round}");
        world.repositories.ask_for(&token);
        let (renewed, changed) = tokio::join!(set("main", &token), set("release", ""));
        renewed.unwrap();
        changed.unwrap();
        let found = world.engine.test_git_place(&world.rosa, "cart", "production").await.unwrap();
        assert!(found.is_good, "{found:?}");
    }
}

async fn the_secret_before_the_last_stays_valid_for_a_deployer(world: &World) {
    world.service("cart").await;
    let (engine, rosa) = (&world.engine, &world.rosa);
    let deployer = DeployerInput {
        start: "https://deploy.example/start".to_owned(),
        deadline: "10".to_owned(),
        ..DeployerInput::default()
    };
    let emptied = TargetInput { leaves: true, ..TargetInput::default() };
    engine.set_target(rosa, "cart", "production", emptied).await.unwrap();
    engine.set_deployer(rosa, "cart", "production", deployer).await.unwrap();
    let store = engine.store();
    let mut read = store.read().await.unwrap();
    let cart = read.service_by_name(&ServiceName::parse("cart").unwrap()).await.unwrap().unwrap();
    let target = read.targets_of_service(cart.id).await.unwrap().remove(0).id;
    drop(read);
    for _ in 0..ROUNDS {
        let before = store.read().await.unwrap().deployer_secret(target).await.unwrap().unwrap();
        let (first, second) = tokio::join!(
            engine.new_deployer_secret(rosa, "cart", "production"),
            engine.new_deployer_secret(rosa, "cart", "production"),
        );
        assert_ne!(first.unwrap(), second.unwrap());
        let after = store.read().await.unwrap().deployer_secret(target).await.unwrap().unwrap();
        assert_ne!(after.former, Some(before.sealed), "the one that was made in between");
    }
}
