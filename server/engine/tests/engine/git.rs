//! A version that lives in Git: the promotion commits it, another tool brings it into the cluster, and it is
//! taken back by a commit too. The tool's part is played by the test.

use contract::{
    ErrorKind,
    git::{CommitView, GitBackend, GitInput},
    promotions::{PromotionsBackend, RequestRollback},
};
use domain::{
    observation::{Manager, Observed},
    state::Mark,
};
use ports::GitError;
use practice::{Meets, PracticeCluster, PracticeRepositories};

use crate::{
    both::on_both_databases,
    world::{World, viewer, workload},
};

pub const URL: &str = "https://github.com/shop/deploy.git";
pub const FILE: &str = "apps/cart/kustomization.yaml";
pub const FIELD: &str = "images[name=cart].newTag";
const TOKEN: &str = "ghp_very-secret";

on_both_databases!(
    a_version_is_committed_brought_and_done,
    a_version_that_crashes_is_taken_back_by_a_commit,
    a_rollback_is_a_commit_too,
    a_lost_answer_makes_no_second_commit,
    a_commit_that_comes_after_the_abort_finds_the_branch_moved,
    a_commit_that_others_wrote_over_is_not_waited_for,
    who_is_not_let_in_is_told_and_mended,
    what_somebody_else_committed_stays,
    a_file_without_the_field_does_not_start,
    a_secret_is_kept_for_its_repository_alone,
);

fn input() -> GitInput {
    GitInput {
        repository: URL.to_owned(),
        branch: "main".to_owned(),
        file: FILE.to_owned(),
        fields: FIELD.to_owned(),
        token: TOKEN.to_owned(),
        ..GitInput::default()
    }
}

/// `cart` runs 1.0, which Argo CD brought from Git; 2.0 is built.
async fn prepare(world: &World) {
    world.service("cart").await;
    world.repositories.ask_for(TOKEN);
    world.repositories.set(URL, "main", FILE, FIELD, "1.0").unwrap();
    put(world).await;
    world.version("cart", "2.0").await;
}

/// The version of `cart` in production lives in Git from now on.
pub async fn put(world: &World) {
    let manager = Manager::ArgoCd { application: "cart".to_owned() };
    world.practice.set_manager(&workload("cart"), Some(manager)).unwrap();
    world.engine.set_git_place(&world.rosa, "cart", "production", input()).await.unwrap();
}

fn bring(world: &World) {
    sync(&world.repositories, &world.practice);
}

/// Argo CD brings what the branch says, where there is one and that is not there already.
pub fn sync(repositories: &PracticeRepositories, practice: &PracticeCluster) {
    let Some(tag) = said_in(repositories).pop() else { return };
    let (wanted, cart) = (format!("r.example/cart:{tag}"), workload("cart"));
    let Observed::Present(now) = practice.peek(&cart).unwrap() else { return };
    if now.images[0].image != wanted {
        practice.set_image_by_other(&cart, "app", &wanted).unwrap();
    }
}

fn said(world: &World) -> Vec<String> {
    said_in(&world.repositories)
}

/// What the commits of the branch say, oldest first.
pub fn said_in(repositories: &PracticeRepositories) -> Vec<String> {
    let log = repositories.log(URL, "main");
    log.iter().map(|commit| commit.values[&format!("{FILE}: {FIELD}")].clone()).collect()
}

async fn commits(world: &World, number: i64) -> Vec<CommitView> {
    world.engine.promotion(&world.rosa, number).await.unwrap().git.unwrap().commits
}

async fn until(world: &World, number: i64, words: &str) {
    for _ in 0..200 {
        if world.status(number).await.words.contains(words) {
            return;
        }
        world.pass(1).await;
    }
    panic!("'{words}' is never said, only '{}'", world.status(number).await.words);
}

async fn a_version_is_committed_brought_and_done(world: &World) {
    prepare(world).await;
    let by_git = "by Git: a commit on main of github.com/shop/deploy sets images[name=cart].newTag to 2.0 in";
    let ask = world.engine.promote_view(&world.rosa, "cart", "production", Some("2.0")).await.unwrap();
    assert!(ask.strategy.starts_with(by_git), "{}", ask.strategy);
    let number = world.ask("cart", "2.0").await;
    let asked = world.engine.promotion(&world.rosa, number).await.unwrap();
    assert!(asked.strategy == "by Git" && asked.how.starts_with(by_git), "{}: {}", asked.strategy, asked.how);
    until(world, number, "waits for Argo CD to bring commit").await;
    assert_eq!(said(world), ["1.0", "2.0"]);
    let made = world.repositories.log(URL, "main").pop().unwrap();
    assert!(made.message.starts_with("Put cart 2.0 into production\n\n"), "{}", made.message);
    for part in
        [&format!("Promotion {number}, asked by Theo Lind: Stops double refunds"), &format!("/promotions/{number}")]
    {
        assert!(made.message.contains(part.as_str()), "{}", made.message);
    }
    let view = world.engine.promotion(&world.rosa, number).await.unwrap().git.unwrap();
    assert_eq!(view.place, format!("{FILE} on main of github.com/shop/deploy"));
    assert_eq!((view.fields[0].before.as_deref(), view.fields[0].wanted.as_str()), (Some("1.0"), "2.0"));
    let link = format!("https://github.com/shop/deploy/commit/{}", made.hash);
    assert_eq!((view.commits[0].link.as_deref(), view.commits[0].words.as_str()), (Some(link.as_str()), "sets 2.0"));
    assert_eq!(world.writes("cart"), 0, "the object is the tool's");
    bring(world);
    assert_eq!(world.finish(number).await.phase, "succeeded");
    assert_eq!((said(world).len(), world.writes("cart")), (2, 0));
}

async fn a_version_that_crashes_is_taken_back_by_a_commit(world: &World) {
    prepare(world).await;
    world.version("cart", "2.0-crash").await;
    let number = world.ask("cart", "2.0-crash").await;
    until(world, number, "waits for Argo CD to bring commit").await;
    bring(world);
    until(world, number, "taking back").await;
    world.pass(3).await;
    assert_eq!(said(world), ["1.0", "2.0-crash", "1.0"]);
    bring(world);
    let status = world.finish(number).await;
    assert_eq!(status.phase, "failed");
    assert!(status.words.contains("exit code 1"), "{}", status.words);
    let commits = commits(world, number).await;
    let words: Vec<_> = commits.iter().map(|commit| (commit.mark, commit.words.as_str())).collect();
    assert_eq!(words, [(Mark::Done, "sets 2.0-crash"), (Mark::Waiting, "sets back 1.0")]);
    let back = world.repositories.log(URL, "main").pop().unwrap();
    assert!(back.message.starts_with("Take cart 2.0-crash back from production"), "{}", back.message);
    assert_eq!(world.image_of("cart").await, "r.example/cart:1.0");
}

async fn a_rollback_is_a_commit_too(world: &World) {
    prepare(world).await;
    let number = world.ask("cart", "2.0").await;
    until(world, number, "waits for Argo CD").await;
    bring(world);
    world.finish(number).await;
    world.see().await;
    world.clock.advance(std::time::Duration::from_secs(60));
    let request = RequestRollback {
        service: "cart".to_owned(),
        environment: "production".to_owned(),
        version: None,
        whole_templates: false,
        reason: "Refunds twice".to_owned(),
    };
    let whole = RequestRollback { whole_templates: true, ..request.clone() };
    let refused = world.engine.roll_back(&world.rosa, whole).await.unwrap_err();
    assert!(refused.message.starts_with("the version lives in a Git repository"), "{refused}");
    let shown = world.engine.rollback_view(&world.rosa, "cart", "production", None).await.unwrap();
    assert!(shown.changed_since.is_empty(), "{:?}", shown.changed_since);
    assert!(shown.not_brought_back[0].starts_with("Only the fields that hold the version come back in Git"));
    let back = world.engine.roll_back(&world.rosa, request).await.unwrap();
    until(world, back, "waits for Argo CD").await;
    assert_eq!(said(world), ["1.0", "2.0", "1.0"]);
    bring(world);
    assert_eq!(world.finish(back).await.phase, "succeeded");
    assert_eq!(commits(world, back).await.len(), 1);
}

async fn a_lost_answer_makes_no_second_commit(world: &World) {
    prepare(world).await;
    world.repositories.next_meets(Meets::LostAnswer);
    let number = world.ask("cart", "2.0").await;
    until(world, number, "the connection broke").await;
    until(world, number, "waits for Argo CD").await;
    assert_eq!(said(world), ["1.0", "2.0"]);
    // An abort is one commit as well, though its answer is lost.
    world.repositories.next_meets(Meets::LostAnswer);
    world.engine.abort(&world.rosa, number, "The graphs look odd".to_owned()).await.unwrap();
    world.pass(10).await;
    assert_eq!(said(world), ["1.0", "2.0", "1.0"]);
    let status = world.finish(number).await;
    assert_eq!((status.phase.as_str(), status.words.as_str()), ("aborted", "aborted by Rosa Mint"));
    assert_eq!(said(world).len(), 3);
}

async fn a_commit_that_comes_after_the_abort_finds_the_branch_moved(world: &World) {
    prepare(world).await;
    // The host takes the commit, and is slow to put it on the branch.
    world.repositories.next_meets(Meets::ComesLate);
    let number = world.ask("cart", "2.0").await;
    until(world, number, "the connection broke").await;
    world.engine.abort(&world.rosa, number, "It takes too long".to_owned()).await.unwrap();
    let status = world.finish(number).await;
    assert_eq!((status.phase.as_str(), status.words.as_str()), ("aborted", "aborted by Rosa Mint"));
    world.repositories.late_ones_come().unwrap();
    assert_eq!(said(world), ["1.0", "1.0"], "what was aborted does not come after all");
}

async fn a_commit_that_others_wrote_over_is_not_waited_for(world: &World) {
    prepare(world).await;
    let number = world.ask("cart", "2.0").await;
    until(world, number, "waits for Argo CD").await;
    world.repositories.set(URL, "main", FILE, FIELD, "1.5").unwrap();
    bring(world);
    let status = world.finish(number).await;
    assert_eq!(status.phase, "failed");
    assert!(status.words.contains("changed by someone else"), "{}", status.words);
    assert_eq!(said(world), ["1.0", "2.0", "1.5"]);
}

async fn who_is_not_let_in_is_told_and_mended(world: &World) {
    prepare(world).await;
    world.repositories.ask_for("another");
    let number = world.ask("cart", "2.0").await;
    world.pass(3).await;
    let words = world.status(number).await.words;
    assert!(words.contains("does not accept the token; give a new one on the target's page"), "{words}");
    assert_eq!(said(world), ["1.0"]);
    let renewed = GitInput { token: "another".to_owned(), ..input() };
    world.engine.set_git_place(&world.rosa, "cart", "production", renewed).await.unwrap();
    until(world, number, "waits for Argo CD").await;
    bring(world);
    assert_eq!(world.finish(number).await.phase, "succeeded");
}

async fn what_somebody_else_committed_stays(world: &World) {
    prepare(world).await;
    let number = world.ask("cart", "2.0").await;
    until(world, number, "waits for Argo CD").await;
    world.repositories.set(URL, "main", FILE, FIELD, "1.5").unwrap();
    world.engine.abort(&world.rosa, number, "Theirs is newer".to_owned()).await.unwrap();
    let status = world.finish(number).await;
    assert_eq!(status.phase, "aborted");
    assert!(status.words.contains("was changed by someone else to 1.5"), "{}", status.words);
    assert_eq!(said(world), ["1.0", "2.0", "1.5"]);
}

async fn a_file_without_the_field_does_not_start(world: &World) {
    prepare(world).await;
    let fields = format!("{FIELD}\nspec.values.image.tag");
    let wrong = GitInput { fields, token: String::new(), ..input() };
    world.engine.set_git_place(&world.rosa, "cart", "production", wrong).await.unwrap();
    let number = world.ask("cart", "2.0").await;
    let status = world.finish(number).await;
    assert_eq!(status.phase, "failed");
    assert!(
        status.words.contains("has no field apps/cart/kustomization.yaml: spec.values.image.tag"),
        "{}",
        status.words
    );
    let test = world.engine.test_git_place(&world.rosa, "cart", "production").await.unwrap();
    assert!(!test.is_good && test.words.contains("has no field"), "{}", test.words);
    // Without the place the version would be set in the cluster, which Argo CD would undo.
    world.engine.clear_git_place(&world.rosa, "cart", "production").await.unwrap();
    let number = world.ask("cart", "2.0").await;
    let words = world.finish(number).await.words;
    assert!(words.contains("belongs to Argo CD (application cart), which would undo this change"), "{words}");
}

async fn a_secret_is_kept_for_its_repository_alone(world: &World) {
    prepare(world).await;
    let shown = world.engine.git_place(&world.rosa, "cart", "production").await.unwrap().unwrap();
    assert_eq!((shown.fields.as_str(), shown.user.as_str(), shown.is_by_key), (FIELD, "slipway", false));
    assert!(!serde_json::to_string(&shown).unwrap().contains(TOKEN));
    let set = |input: GitInput| world.engine.set_git_place(&world.rosa, "cart", "production", input);
    let same = GitInput { token: String::new(), branch: "release".to_owned(), ..input() };
    set(same).await.unwrap();
    for elsewhere in ["https://evil.example/shop/deploy.git", "https://github.com/evil/deploy.git"] {
        let moved = GitInput { token: String::new(), repository: elsewhere.to_owned(), ..input() };
        let refused = set(moved).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Invalid { field: "token".to_owned() }, "{refused:?}");
    }
    for (wrong, field) in [
        (GitInput { repository: "https://user:pass@github.com/a/b".to_owned(), ..input() }, "repository"),
        (GitInput { repository: "ext::sh -c reboot".to_owned(), ..input() }, "repository"),
        (GitInput { branch: "--upload-pack=x".to_owned(), ..input() }, "branch"),
        (GitInput { file: "../../etc/passwd.yaml".to_owned(), ..input() }, "file"),
        (GitInput { fields: "a..b".to_owned(), ..input() }, "fields"),
        (GitInput { repository: "git@github.com:shop/deploy.git".to_owned(), ..input() }, "known_hosts"),
    ] {
        let refused = set(wrong).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Invalid { field: field.to_owned() }, "{refused:?}");
    }
    let by_viewer = world.engine.set_git_place(&viewer(), "cart", "production", input()).await.unwrap_err();
    assert_eq!(by_viewer.kind, ErrorKind::Refused);
    // A promotion that was asked for with the former repository does not show the new token to it.
    let number = world.ask("cart", "2.0").await;
    world.repositories.next_meets(Meets::Error(GitError::Unreachable("it is away".to_owned())));
    world.pass(1).await;
    let moved = GitInput { repository: "https://gitlab.com/shop/deploy.git".to_owned(), ..input() };
    set(moved).await.unwrap();
    until(world, number, "the target's repository is not github.com/shop/deploy any more").await;
}
