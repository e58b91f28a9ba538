//! Commits into real repositories behind a real Git host.

use domain::{
    git::{Carries, CommitHash, CommitMark, GitField, GitPlace, GitPlan, GitWritten},
    ids::PromotionId,
    image::Image,
    version::VersionImage,
};
use outgoing::{Judge, Repositories};
use ports::{GitChange, GitCredentials, GitError, GitRepositories};
use secrecy::SecretString;
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use crate::{
    git_host::{GitHost, Stop, TOKEN, commit_files, git},
    stand_in::{Answer, StandIn},
};

const FILE: &str = "apps/cart/kustomization.yaml";

/// What people write: comments, odd spaces, Windows' line endings, no line break at the end.
const BEFORE: &str = "# cart, in production\r\nresources: [ ../base ]   # shared\r\nimages:\r\n- {name: pay, newTag: '7'}\r\n- name: cart\r\n  newTag:   1.0.0     # set by Slipway\r\n  \"x\": {a: 1}";

fn repositories() -> Repositories {
    Repositories::new(Judge::new(vec!["127.0.0.1".parse().unwrap()]), "slipway.example")
}

fn plan(host: &GitHost, label: &str, fields: &[&str]) -> GitPlan {
    let place = GitPlace {
        repository: domain::git::RepositoryAddress::parse(&host.url()).unwrap(),
        branch: domain::git::BranchName::parse("main").unwrap(),
        file: domain::git::FilePath::parse(FILE).unwrap(),
        fields: fields.iter().map(|field| GitField::parse(field).unwrap()).collect(),
    };
    let image = Image::parse(&format!("r.test/cart:{label}"), None).unwrap();
    GitPlan::make(&place, label, &[VersionImage { component: None, image }]).unwrap()
}

fn change(host: &GitHost, label: &str, generation: u32, over: &str) -> GitChange {
    let plan = plan(host, label, &["images[name=cart].newTag"]);
    GitChange {
        over: vec![vec![over.to_owned(), label.to_owned()]],
        plan,
        mark: mark(generation),
        shuts_out_earlier: false,
        message: format!("cart {label} to production\n\nPromotion 7, asked by Theo Lind: -- why $(not) --amend"),
    }
}

fn mark(generation: u32) -> CommitMark {
    CommitMark { promotion: PromotionId::new(uuid::Uuid::from_u128(7)), generation }
}

fn token(text: &str) -> GitCredentials {
    GitCredentials::Token { user: "slipway".to_owned(), token: SecretString::from(text) }
}

/// From now on the host takes no push.
fn refuse_pushes(host: &GitHost) {
    let hook = host.bare().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho 'main is protected'\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

fn is_made(written: &GitWritten) -> bool {
    matches!(written, GitWritten::Committed { is_ours: true, .. })
}

#[tokio::test]
async fn one_field_is_set_by_one_commit_and_every_other_byte_stays() {
    let host = GitHost::with(&[(FILE, BEFORE), ("README.md", "shop\n"), ("apps/pay/a.yaml", "a: 1\n")]).await;
    let repositories = repositories();
    let change = change(&host, "2.0.0", 1, "1.0.0");
    assert_eq!(repositories.read(&change.plan, &token(TOKEN)).await.unwrap(), ["1.0.0"]);
    let written = repositories.commit(&change, &token(TOKEN)).await.unwrap();
    let GitWritten::Committed { generation: 1, hash, is_ours: true } = &written else { panic!("{written:?}") };
    assert_eq!(host.file(FILE), BEFORE.replace("1.0.0 ", "2.0.0 "));
    let log = host.log("%H|%an <%ae>|%s|%(trailers:key=Slipway-Promotion,valueonly,separator=)");
    assert_eq!(log[0], format!("{hash}|Slipway <slipway@slipway.example>|cart 2.0.0 to production|{}", mark(1)));
    assert_eq!(log.len(), 2);
    let changed = git(&host.bare(), &["diff", "--name-only", "main~1", "main"]);
    assert_eq!(String::from_utf8_lossy(&changed.stdout).trim(), FILE, "no other file is touched");
    // The same again finds the commit and makes none.
    assert_eq!(repositories.commit(&change, &token(TOKEN)).await.unwrap(), written);
    assert_eq!(host.log("%H").len(), 2);
}

#[tokio::test]
async fn what_says_it_already_gets_no_commit_and_what_others_set_stays() {
    let host = GitHost::with(&[(FILE, BEFORE)]).await;
    let repositories = repositories();
    let same = repositories.commit(&change(&host, "1.0.0", 1, "0.9.0"), &token(TOKEN)).await.unwrap();
    assert!(matches!(same, GitWritten::Committed { is_ours: false, .. }), "{same:?}");
    let other = repositories.commit(&change(&host, "2.0.0", 1, "0.9.0"), &token(TOKEN)).await.unwrap();
    assert_eq!(other, GitWritten::ChangedByOthers { generation: 1, values: vec!["1.0.0".to_owned()] });
    assert_eq!(host.log("%H").len(), 1);
}

#[tokio::test]
async fn a_branch_that_moves_under_a_commit_keeps_what_came() {
    let host = GitHost::with(&[(FILE, BEFORE)]).await;
    host.before_push(|bare| commit_files(bare, "main", &[("apps/pay/new.yaml", "b: 2\n")], "Meanwhile"));
    let written = repositories().commit(&change(&host, "2.0.0", 1, "1.0.0"), &token(TOKEN)).await.unwrap();
    assert!(is_made(&written), "{written:?}");
    assert_eq!(host.log("%s"), ["cart 2.0.0 to production", "Meanwhile", "The first"]);
    assert_eq!(host.file("apps/pay/new.yaml"), "b: 2\n");
    // One that changes the field itself is not written over.
    let theirs = BEFORE.replace("1.0.0", "1.5.0");
    let host = GitHost::with(&[(FILE, BEFORE)]).await;
    host.before_push(move |bare| commit_files(bare, "main", &[(FILE, &theirs)], "Theirs"));
    let written = repositories().commit(&change(&host, "2.0.0", 1, "1.0.0"), &token(TOKEN)).await.unwrap();
    assert_eq!(written, GitWritten::ChangedByOthers { generation: 1, values: vec!["1.5.0".to_owned()] });
    assert_eq!(host.log("%s"), ["Theirs", "The first"]);
}

#[tokio::test]
async fn a_branch_that_was_wound_back_does_not_get_back_what_was_taken_out() {
    let host = GitHost::with(&[(FILE, BEFORE)]).await;
    commit_files(&host.bare(), "main", &[("leak.txt", "oops\n")], "To be taken out");
    host.before_push(|bare| drop(git(bare, &["update-ref", "refs/heads/main", "main~1"])));
    let written = repositories().commit(&change(&host, "2.0.0", 1, "1.0.0"), &token(TOKEN)).await.unwrap();
    assert!(is_made(&written), "{written:?}");
    assert_eq!(host.log("%s"), ["cart 2.0.0 to production", "The first"]);
}

#[tokio::test]
async fn stopped_at_any_request_there_is_never_a_second_commit_for_one_generation() {
    let host = GitHost::with(&[(FILE, BEFORE)]).await;
    repositories().commit(&change(&host, "1.0.1", 1, "1.0.0"), &token(TOKEN)).await.unwrap();
    let requests = host.requests();
    assert!(requests >= 4, "a commit takes {requests} requests");
    let (mut generation, mut commits) = (1, 2);
    let mut last = "1.0.1".to_owned();
    for at in 1..=requests {
        for stop in [Stop::Before, Stop::After] {
            generation += 1;
            commits += 1;
            let label = format!("1.1.{generation}");
            let change = change(&host, &label, generation, &last);
            host.stop_at(at, stop);
            let (wanted, secret) = (change.clone(), token(TOKEN));
            let first = tokio::spawn(async move { repositories().commit(&wanted, &secret).await });
            host.stopped().await;
            // Slipway is killed here.
            first.abort();
            host.go_on();
            let written = repositories().commit(&change, &token(TOKEN)).await.unwrap();
            assert!(is_made(&written), "request {at}, {stop:?}: {written:?}");
            assert_eq!(host.log("%H").len(), commits, "request {at}, {stop:?}");
            assert!(host.file(FILE).contains(&label));
            last = label;
        }
    }
}

#[tokio::test]
async fn a_push_that_comes_late_finds_that_the_branch_has_moved() {
    for (shuts_out_earlier, version) in [(true, "1.0.0 "), (false, "2.0.0 ")] {
        let host = GitHost::with(&[(FILE, BEFORE)]).await;
        host.hold_push();
        let wanted = change(&host, "2.0.0", 1, "1.0.0");
        let first = tokio::spawn(async move { repositories().commit(&wanted, &token(TOKEN)).await });
        host.stopped().await;
        first.abort();
        // The host has it, and nobody knows: the way back finds the file as it was.
        let back = GitChange { shuts_out_earlier, ..change(&host, "1.0.0", 2, "2.0.0") };
        let written = repositories().commit(&back, &token(TOKEN)).await.unwrap();
        assert_eq!(is_made(&written), shuts_out_earlier, "{written:?}");
        host.take_held_push().await;
        assert!(host.file(FILE).contains(version), "{shuts_out_earlier}: {}", host.file(FILE));
        assert_eq!(host.log("%H").len(), 2, "{:?}", host.log("%s"));
    }
}

#[tokio::test]
async fn where_no_commit_is_taken_there_is_none_to_shut_out() {
    let host = GitHost::with(&[(FILE, BEFORE)]).await;
    refuse_pushes(&host);
    let head = CommitHash::parse(&host.log("%H")[0]).unwrap();
    let back = GitChange { shuts_out_earlier: true, ..change(&host, "1.0.0", 2, "2.0.0") };
    let written = repositories().commit(&back, &token(TOKEN)).await.unwrap();
    assert_eq!(written, GitWritten::Committed { generation: 2, hash: head, is_ours: false });
}

/// The processes whose command line names this address.
fn processes_at(address: &str) -> usize {
    let lines = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let line = std::fs::read(entry.unwrap().path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).into_owned())
    });
    lines.filter(|line| line.contains(address)).count()
}

#[tokio::test]
async fn who_gives_up_on_a_host_leaves_no_process_that_still_talks_to_it() {
    let host = GitHost::with(&[(FILE, BEFORE)]).await;
    host.stop_at(1, Stop::Before);
    let change = change(&host, "2.0.0", 1, "1.0.0");
    let first = tokio::spawn(async move { repositories().commit(&change, &token(TOKEN)).await });
    host.stopped().await;
    assert!(processes_at(&host.url()) > 0, "git talks through a process of its own");
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let gone = async {
        while processes_at(&host.url()) > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let ended = tokio::time::timeout(std::time::Duration::from_secs(10), gone).await;
    assert!(ended.is_ok(), "a process goes on talking");
    host.go_on();
}

#[tokio::test]
async fn a_late_worker_does_not_commit_after_what_came_later() {
    let host = GitHost::with(&[(FILE, BEFORE)]).await;
    repositories().commit(&change(&host, "2.0.0", 2, "1.0.0"), &token(TOKEN)).await.unwrap();
    let late = repositories().commit(&change(&host, "1.0.0", 1, "2.0.0"), &token(TOKEN)).await;
    assert!(matches!(late, Err(GitError::Unreachable(_))), "{late:?}");
    assert_eq!(host.log("%H").len(), 2);
}

#[tokio::test]
async fn what_a_commit_builds_on_is_told() {
    let host = GitHost::with(&[(FILE, BEFORE)]).await;
    let change = change(&host, "2.0.0", 1, "1.0.0");
    let before = domain::git::CommitHash::parse(&host.log("%H")[0]).unwrap();
    let written = repositories().commit(&change, &token(TOKEN)).await.unwrap();
    let GitWritten::Committed { hash, .. } = written else { panic!("{written:?}") };
    commit_files(&host.bare(), "main", &[("x.yaml", "x: 1\n")], "Later");
    let later = domain::git::CommitHash::parse(&host.log("%H")[0]).unwrap();
    // Another field of the same file.
    let others = BEFORE.replace("1.0.0", "2.0.0") + "\r\nother: 1\r\n";
    commit_files(&host.bare(), "main", &[(FILE, &others)], "Beside it");
    let beside = domain::git::CommitHash::parse(&host.log("%H")[0]).unwrap();
    commit_files(&host.bare(), "main", &[(FILE, BEFORE)], "Revert it");
    let reverted = domain::git::CommitHash::parse(&host.log("%H")[0]).unwrap();
    commit_files(&host.bare(), "main", &[(FILE, "image: {}\n")], "Remove it");
    let removed = domain::git::CommitHash::parse(&host.log("%H")[0]).unwrap();
    let unknown = domain::git::CommitHash::parse(&"ab".repeat(20)).unwrap();
    let asked = [&before, &hash, &later, &beside, &reverted, &removed, &unknown].map(Clone::clone);
    let told = repositories().carries(&change.plan, &token(TOKEN), &hash, &asked).await.unwrap();
    let wanted = [
        (before, Carries::Nothing),
        (hash, Carries::TheFields),
        (later, Carries::TheFields),
        (beside, Carries::TheFields),
        (reverted, Carries::WrittenOver(vec!["1.0.0".to_owned()])),
        (removed, Carries::WrittenOver(Vec::new())),
    ];
    assert_eq!(told, wanted, "nobody knows the last of those that were asked about");
}

#[tokio::test]
async fn a_commit_is_found_behind_very_many_of_others_and_what_cannot_be_told_is_left_out() {
    let host = GitHost::with(&[(FILE, BEFORE)]).await;
    let change = change(&host, "2.0.0", 1, "1.0.0");
    let before = domain::git::CommitHash::parse(&host.log("%H")[0]).unwrap();
    let written = repositories().commit(&change, &token(TOKEN)).await.unwrap();
    let GitWritten::Committed { hash, .. } = written else { panic!("{written:?}") };
    host.commit_many(250);
    let later = domain::git::CommitHash::parse(&host.log("%H")[0]).unwrap();
    let asked = [before.clone(), later.clone()];
    let told = repositories().carries(&change.plan, &token(TOKEN), &hash, &asked).await.unwrap();
    assert_eq!(told, [(before.clone(), Carries::Nothing), (later.clone(), Carries::TheFields)]);
    // The way from the newest to ours is longer than anybody looks.
    host.commit_many(2_100);
    let newest = domain::git::CommitHash::parse(&host.log("%H")[0]).unwrap();
    let asked = [newest.clone(), before.clone()];
    let repositories = repositories();
    let told = repositories.carries(&change.plan, &token(TOKEN), &hash, &asked).await.unwrap();
    assert_eq!(told, [(before, Carries::Nothing)]);
    // The host is not asked the same again at once.
    let requests = host.requests();
    assert_eq!(repositories.carries(&change.plan, &token(TOKEN), &hash, &[newest]).await.unwrap(), []);
    assert_eq!(host.requests(), requests);
}

#[tokio::test]
async fn a_host_that_says_no_is_told_of_plainly_and_without_the_token() {
    let host = GitHost::with(&[(FILE, BEFORE)]).await;
    let repositories = repositories();
    let good = change(&host, "2.0.0", 1, "1.0.0");
    let refused = repositories.commit(&good, &token("wrong-secret")).await.unwrap_err();
    let GitError::Refused(words) = &refused else { panic!("{refused:?}") };
    assert!(
        words.starts_with("127.0.0.1 does not accept the token (") && words.contains("on the target's page"),
        "{words}"
    );
    assert!(!words.contains("wrong-secret"), "{words}");

    // A branch that is protected.
    refuse_pushes(&host);
    let refused = repositories.commit(&good, &token(TOKEN)).await.unwrap_err();
    let GitError::Refused(words) = &refused else { panic!("{refused:?}") };
    assert!(words.contains("does not take a commit on main") && words.contains("main is protected"), "{words}");
    assert_eq!(host.log("%H").len(), 1);

    // What is not there.
    let mut elsewhere = good.clone();
    elsewhere.plan.branch = domain::git::BranchName::parse("release/eu").unwrap();
    let words = repositories.commit(&elsewhere, &token(TOKEN)).await.unwrap_err();
    assert!(
        matches!(&words, GitError::Unfit(words) if words.starts_with("the branch release/eu is not there")),
        "{words:?}"
    );
    let mut elsewhere = good.clone();
    elsewhere.plan.file = domain::git::FilePath::parse("apps/gone.yaml").unwrap();
    let words = repositories.commit(&elsewhere, &token(TOKEN)).await.unwrap_err();
    assert!(
        matches!(&words, GitError::Unfit(words) if words.starts_with("apps/gone.yaml is not on the branch")),
        "{words:?}"
    );
    let mut elsewhere = good.clone();
    elsewhere.plan.writes[0].field = domain::git::FieldPath::parse("images[name=gone].newTag").unwrap();
    let words = repositories.commit(&elsewhere, &token(TOKEN)).await.unwrap_err();
    assert!(
        matches!(&words, GitError::Unfit(words) if words.contains("has no field images[name=gone].newTag")),
        "{words:?}"
    );
    let mut elsewhere = good;
    elsewhere.plan.repository = domain::git::RepositoryAddress::parse(&host.url().replace("deploy", "gone")).unwrap();
    let words = repositories.commit(&elsewhere, &token(TOKEN)).await.unwrap_err();
    assert!(matches!(&words, GitError::Refused(words) if words.contains("has no such repository")), "{words:?}");
}

#[tokio::test]
async fn attack_22_a_repository_inside_is_not_called() {
    let host = GitHost::with(&[(FILE, BEFORE)]).await;
    let strict = Repositories::new(Judge::default(), "slipway.example");
    let plan = plan(&host, "2.0.0", &["images[name=cart].newTag"]);
    assert!(strict.look_at(&plan.repository).is_err());
    let refused = strict.read(&plan, &token(TOKEN)).await.unwrap_err();
    assert!(matches!(&refused, GitError::Refused(words) if words.contains("127.0.0.1")), "{refused:?}");
    // A name is judged by where it leads.
    let mut named = plan;
    let url = host.url().replace("http://127.0.0.1", "https://localhost");
    named.repository = domain::git::RepositoryAddress::parse(&url).unwrap();
    let refused = strict.read(&named, &token(TOKEN)).await.unwrap_err();
    assert!(matches!(&refused, GitError::Refused(words) if words.contains("which calls may not go to")), "{refused:?}");
    assert_eq!(host.requests(), 0);
}

#[tokio::test]
async fn attack_36_a_link_in_the_place_of_the_file_is_not_followed() {
    let host = GitHost::with(&[("real.yaml", "a: 1\n")]).await;
    let clone = tempfile::tempdir().unwrap();
    git(clone.path(), &["clone", "--quiet", &host.bare().display().to_string(), "."]);
    std::fs::create_dir_all(clone.path().join("apps/cart")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", clone.path().join(FILE)).unwrap();
    git(clone.path(), &["add", "--all"]);
    git(clone.path(), &["commit", "--quiet", "--message", "A link"]);
    git(clone.path(), &["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    let refused = repositories().commit(&change(&host, "2.0.0", 1, "1.0.0"), &token(TOKEN)).await.unwrap_err();
    assert!(matches!(&refused, GitError::Unfit(words) if words.contains("is no file but")), "{refused:?}");
}

/// Where `path` lies on a host that is none of Git.
fn plan_at(base: &str) -> GitPlan {
    let place = GitPlace {
        repository: domain::git::RepositoryAddress::parse(&format!("{base}/shop/deploy.git")).unwrap(),
        branch: domain::git::BranchName::parse("main").unwrap(),
        file: domain::git::FilePath::parse(FILE).unwrap(),
        fields: vec![GitField::parse("images[name=cart].newTag").unwrap()],
    };
    let image = Image::parse("r.test/cart:2.0.0", None).unwrap();
    GitPlan::make(&place, "2.0.0", &[VersionImage { component: None, image }]).unwrap()
}

#[tokio::test]
async fn a_host_that_sends_on_is_a_refusal_with_what_to_do() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = vec![("location", "http://127.0.0.1:9/shop/deploy.git/info/refs".to_owned())];
        let host = StandIn::start(vec![Answer::Raw(status, elsewhere, String::new())]).await;
        let told = repositories().read(&plan_at(&host.base), &token(TOKEN)).await.unwrap_err();
        let GitError::Refused(words) = &told else { panic!("{status}: {told:?}") };
        assert!(
            words.ends_with("sends on to another address, which is not followed; give that one on the target's page")
        );
    }
}

#[tokio::test]
async fn a_host_that_answers_without_end_does_not_get_all_memory() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    // More than git may take, but not so much that a test could eat a machine.
    let taken = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut said = connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let mut megabytes = 0;
        while said.is_ok() && megabytes < 1300 {
            said = connection.write_all(&vec![b'7'; 1024 * 1024]).await;
            megabytes += 1;
        }
        megabytes
    });
    let told = repositories().read(&plan_at(&base), &token(TOKEN)).await.unwrap_err();
    let GitError::Refused(words) = &told else { panic!("{told:?}") };
    assert!(words.contains("more than the 1 GB that Slipway takes of a repository"), "{words}");
    assert!(taken.await.unwrap() < 1100, "git was ended before");
}
