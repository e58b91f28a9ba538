//! Each way in which a version takes over, and how it must end.

use super::{End, Kind, Way, survives};

const GOOD: End = End {
    phase: "succeeded",
    image: "r.example/cart:2.0",
    writes: 1,
    told: "done",
    jobs: &[],
    said: &[],
    candidate: &[&[]],
    commits: &[],
    webhooks: &[],
};
const BAD: End = End {
    phase: "failed",
    image: "r.example/cart:1.0",
    writes: 2,
    told: "taken back",
    jobs: &[],
    said: &[],
    candidate: &[&[]],
    commits: &[],
    webhooks: &[],
};

#[tokio::test]
async fn a_good_promotion_survives_being_killed_anywhere_on_sqlite() {
    survives(Kind::Sqlite, "good", "2.0", Way::Rolling, GOOD).await;
}

#[tokio::test]
async fn a_good_promotion_survives_being_killed_anywhere_on_postgres() {
    survives(Kind::Postgres, "good", "2.0", Way::Rolling, GOOD).await;
}

#[tokio::test]
async fn taking_back_survives_being_killed_anywhere_on_sqlite() {
    survives(Kind::Sqlite, "bad", "2.0-crash", Way::Rolling, BAD).await;
}

#[tokio::test]
async fn taking_back_survives_being_killed_anywhere_on_postgres() {
    survives(Kind::Postgres, "bad", "2.0-crash", Way::Rolling, BAD).await;
}

const GOOD_CANARY: End = End {
    candidate: &[&["make with 2", "weight 50 %", "scale to 3", "weight 100 %", "weight 0 %", "remove"]],
    jobs: &["start the job", "remove the job"],
    said: &["half of it is there"],
    ..GOOD
};
/// A version that is ready for some seconds and then crashes.
pub(super) const BAD_LABEL: &str = "2.0-latecrash";

/// What crashes while nobody looks gets no traffic at all.
const BAD_CANARY: End = End {
    writes: 0,
    candidate: &[&["make with 2", "weight 50 %", "weight 0 %", "remove"], &["make with 2", "remove"]],
    ..BAD
};

#[tokio::test]
async fn a_good_canary_survives_being_killed_anywhere_on_sqlite() {
    let way = Way::Canary("50%, notify:\"half of it is there\", job:smoke");
    survives(Kind::Sqlite, "good_canary", "2.0", way, GOOD_CANARY).await;
}

#[tokio::test]
async fn a_bad_canary_survives_being_killed_anywhere_on_postgres() {
    survives(Kind::Postgres, "bad_canary", BAD_LABEL, Way::Canary("50%, 10m"), BAD_CANARY).await;
}

const GOOD_BLUE_GREEN: End = End { candidate: &[&["make with 3", "weight 100 %", "weight 0 %", "remove"]], ..GOOD };
const BAD_BLUE_GREEN: End = End {
    writes: 0,
    candidate: &[&["make with 3", "weight 100 %", "weight 0 %", "remove"], &["make with 3", "remove"]],
    ..BAD
};

#[tokio::test]
async fn a_blue_green_switch_survives_being_killed_anywhere_on_sqlite() {
    survives(Kind::Sqlite, "good_blue_green", "2.0", Way::BlueGreen("100%, 10s"), GOOD_BLUE_GREEN).await;
}

#[tokio::test]
async fn a_blue_green_way_back_survives_being_killed_anywhere_on_sqlite() {
    survives(Kind::Sqlite, "bad_blue_green", BAD_LABEL, Way::BlueGreen("100%, 10m"), BAD_BLUE_GREEN).await;
}

#[tokio::test]
async fn a_rollout_survives_being_killed_anywhere_on_sqlite() {
    survives(Kind::Sqlite, "good_rollout", "2.0", Way::Rollout, GOOD).await;
}

#[tokio::test]
async fn a_rollout_that_is_taken_back_survives_being_killed_anywhere_on_sqlite() {
    survives(Kind::Sqlite, "bad_rollout", "2.0-crash", Way::Rollout, BAD).await;
}

/// Nothing is written into the cluster: Argo CD brings it.
const GOOD_COMMIT: End = End { writes: 0, commits: &["1.0", "2.0"], ..GOOD };
const BAD_COMMIT: End = End { writes: 0, commits: &["1.0", "2.0-crash", "1.0"], ..BAD };

#[tokio::test]
async fn a_commit_survives_being_killed_anywhere_on_sqlite() {
    survives(Kind::Sqlite, "good_commit", "2.0", Way::Git, GOOD_COMMIT).await;
}

#[tokio::test]
async fn a_commit_that_is_set_back_survives_being_killed_anywhere_on_sqlite() {
    survives(Kind::Sqlite, "bad_commit", "2.0-crash", Way::Git, BAD_COMMIT).await;
}

const GOOD_PODS: End = End { candidate: &[&["make with 1", "scale to 3", "remove"]], ..GOOD };
const BAD_PODS: End = End { writes: 0, candidate: &[&["make with 1", "remove"]], ..BAD };

#[tokio::test]
async fn a_canary_by_the_number_of_pods_survives_being_killed_anywhere_on_sqlite() {
    survives(Kind::Sqlite, "good_pods", "2.0", Way::Pods("25%, 50%"), GOOD_PODS).await;
}

#[tokio::test]
async fn a_bad_canary_by_the_number_of_pods_survives_being_killed_anywhere_on_sqlite() {
    survives(Kind::Sqlite, "bad_pods", BAD_LABEL, Way::Pods("25%, 10m"), BAD_PODS).await;
}

/// The cluster has nothing to do with it, and stays as it is.
const GOOD_OUTSIDE: End = End { image: "r.example/cart:1.0", writes: 0, webhooks: &["deployment.start"], ..GOOD };
const BAD_OUTSIDE: End = End { writes: 0, webhooks: &["deployment.start", "deployment.abort"], ..BAD };

#[tokio::test]
async fn a_deployer_that_succeeds_is_told_once_wherever_slipway_is_killed_on_sqlite() {
    survives(Kind::Sqlite, "good_outside", "2.0", Way::Outside, GOOD_OUTSIDE).await;
}

#[tokio::test]
async fn a_deployer_that_fails_is_told_once_to_bring_back_wherever_slipway_is_killed_on_postgres() {
    survives(Kind::Postgres, "bad_outside", "2.0-crash", Way::Outside, BAD_OUTSIDE).await;
}
