//! Versions that live in Git: a promotion commits, Argo CD brings it, and what is taken back is a commit too.
//! The host is away, loses answers or is slow to put a commit on the branch; others commit in between.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use domain::{
    git::{BranchName, CommitMark, FilePath, GitField, GitPlace, GitPlan, GitSight, RepositoryAddress},
    image::Image,
    observation::{Manager, WorkloadKind},
    promotion::{DesiredCommit, Input, Phase, Sight, desired, revisions_to_ask},
    version::VersionImage,
};
use ports::{Cluster as _, GitChange, GitCredentials, GitError, GitRepositories as _};
use practice::{Meets, MockClock, NewDeployment, PracticeCluster, PracticeRepositories, Writer};

use super::{
    Run, Way,
    argo_cd::{ArgoCd, BRANCH, FIELD, FILE, URL, application},
    chance::Dice,
    field::Field,
    people,
    request::{BEFORE, Request, cart, image, namespace},
    rollouts::{self, LetGo},
};

pub struct Git {
    field: Field,
    repositories: PracticeRepositories,
    argo_cd: ArgoCd,
    /// The steps, where it is a Rollout that Argo CD writes.
    steps: Option<LetGo>,
    /// What was heard at some time before: a worker that hung tells it now.
    stale: Option<GitSight>,
    /// Whether all was back when somebody was asked to look.
    was_back: bool,
}

fn credentials() -> GitCredentials {
    GitCredentials::Token { user: "slipway".to_owned(), token: "secret".into() }
}

fn plan(tag: &str) -> GitPlan {
    let place = GitPlace {
        repository: RepositoryAddress::parse(URL).unwrap(),
        branch: BranchName::parse(BRANCH).unwrap(),
        file: FilePath::parse(FILE).unwrap(),
        fields: vec![GitField::parse(FIELD).unwrap()],
    };
    let image = Image::parse(&image(tag).image, None).unwrap();
    GitPlan::make(&place, tag, &[VersionImage { component: None, image }]).unwrap()
}

impl Way for Git {
    const RUNS: u64 = 900;

    fn begin(dice: &mut Dice, clock: &MockClock) -> (Self, Request) {
        let cluster = PracticeCluster::for_tests(Arc::new(clock.clone()));
        let repositories = PracticeRepositories::new();
        repositories.set(URL, BRANCH, FILE, FIELD, BEFORE).unwrap();
        let kind = dice.pick(&[WorkloadKind::Deployment, WorkloadKind::Rollout, WorkloadKind::Application]);
        let steps = (kind == WorkloadKind::Rollout).then(|| rollouts::make(dice, &cluster));
        let written = steps.as_ref().map_or_else(
            || cluster.create_deployment(&NewDeployment::new(namespace(), cart(), 3, vec![image(BEFORE)])).unwrap(),
            |steps| steps.workload().clone(),
        );
        cluster.set_manager(&written, Some(Manager::ArgoCd { application: "cart".to_owned() })).unwrap();
        clock.advance(Duration::from_secs(30));
        // One whose Application is looked at says whether it must be asked to begin.
        let is_automatic = kind != WorkloadKind::Application || dice.one_in(2);
        let argo_cd = ArgoCd::of(written.clone(), is_automatic, &cluster, &repositories);
        let tag = rollouts::tag(dice);
        let looked_at = if kind == WorkloadKind::Application { application() } else { written };
        let watch_seconds = dice.pick(&[0, 0, 60]);
        let request = Request { git: Some(plan(tag)), watch_seconds, ..Request::of(Some(looked_at), tag) };
        (Self { field: Field::of(cluster), repositories, argo_cd, steps, stale: None, was_back: false }, request)
    }

    async fn pass(&mut self, run: &mut Run) {
        run.give(Input::Clock);
        if run.is_at_rest() {
            return;
        }
        let Some((heard, unheard)) = self.hear(run).await else { return };
        let Some(unasked) = self.ask_tools(run).await else { return };
        let Some(sight) = self.field.work(run, |_| {}).await else { return };
        let trouble = unasked.or(unheard).or(sight.trouble.clone());
        let mut sight = Sight { git: self.lag(run, heard), trouble, ..sight };
        self.see_application(&mut sight);
        self.ask_of_revisions(run, &mut sight).await;
        if run.dies() {
            return;
        }
        run.give(Input::Observed(sight));
        // What the tool does afterwards nobody could know.
        self.was_back = run.is_left_to_people() && self.argo_cd.has_brought();
        self.check(run);
    }

    fn meanwhile(&mut self, run: &mut Run) {
        match run.dice.roll(people::DEEDS) {
            people::DISTURBS..=44 => self.disturb(run),
            // What others write elsewhere moves the branch, and is no concern of this promotion.
            45..=60 => drop(self.repositories.set(URL, BRANCH, "README.md", "words", "more").unwrap()),
            // Whoever sees that the host does not answer may lose patience.
            61..=100 if run.promotion.trouble.is_some() => drop(people::act(run, 0)),
            deed => {
                let let_go = people::act(run, deed);
                self.steps.iter_mut().for_each(|steps| steps.note(let_go.clone()));
            }
        }
        if run.dice.one_in(20) {
            self.repositories.late_ones_come().unwrap();
        }
        self.argo_cd.works(&mut run.dice);
    }

    async fn at_the_end(&mut self, run: &mut Run) {
        if run.is_left_to_people() && !run.is_disturbed {
            assert!(!self.was_back, "all is back, and a person is asked");
        }
        self.each_commit_once(run);
        self.how_it_ended(run);
        self.repositories.late_ones_come().unwrap();
        self.each_commit_once(run);
        self.how_it_ended(run);
        let journal = self.field.cluster.journal().unwrap();
        assert!(journal.iter().all(|write| write.by == Writer::Other), "the object is the tool's");
    }
}

impl Git {
    /// Reads or writes what the promotion wants of its repository. `None` when Slipway died.
    async fn hear(&mut self, run: &mut Run) -> Option<(Option<GitSight>, Option<String>)> {
        let plan = run.promotion.git().unwrap().clone();
        let commit = desired(&run.promotion).and_then(|desired| desired.commit);
        let is_start = matches!(run.promotion.phase, Phase::Starting { .. });
        if commit.is_none() && !is_start {
            return Some((None, None));
        }
        self.trouble_ahead(run);
        let gave = match commit {
            Some(commit) if !is_start => self.commit(commit).await,
            Some(_) | None => self.read(&plan).await,
        };
        if run.dies() {
            return None;
        }
        Some(match gave {
            Ok(sight) => (Some(sight), None),
            Err(error) => (None, Some(error.to_string())),
        })
    }

    async fn read(&self, plan: &GitPlan) -> Result<GitSight, GitError> {
        match self.repositories.read(plan, &credentials()).await {
            Ok(values) => Ok(GitSight { values: Some(values), ..GitSight::default() }),
            Err(GitError::Unfit(why)) => Ok(GitSight { unfit: Some(why), ..GitSight::default() }),
            Err(error) => Err(error),
        }
    }

    async fn commit(&self, commit: DesiredCommit) -> Result<GitSight, GitError> {
        let DesiredCommit { plan, mark, over, shuts_out_earlier, .. } = commit;
        let change = GitChange { plan, mark, over, shuts_out_earlier, message: "cart".to_owned() };
        let written = self.repositories.commit(&change, &credentials()).await?;
        Ok(GitSight { written: Some(written), ..GitSight::default() })
    }

    /// Asks tools what is to be asked, and answers what went wrong. `None` when Slipway died.
    async fn ask_tools(&mut self, run: &mut Run) -> Option<Option<String>> {
        let mut trouble = None;
        let wanted = desired(&run.promotion).filter(|_| !run.promotion.is_all_told());
        for asked in wanted.into_iter().flat_map(|desired| desired.nudges) {
            if run.dies() {
                return None;
            }
            match self.field.cluster.nudge(&asked.placed.workload, asked.nudge).await {
                Ok(_) => self.argo_cd.is_asked(asked.nudge),
                Err(error) => trouble = Some(error.to_string()),
            }
            self.check(run);
        }
        Some(trouble)
    }

    /// What was heard, or was at some time before.
    fn lag(&mut self, run: &mut Run, heard: Option<GitSight>) -> Option<GitSight> {
        if self.stale.is_some() && run.dice.one_in(3) {
            return self.stale.take();
        }
        if heard.is_some() && run.dice.one_in(5) {
            self.stale.clone_from(&heard);
        }
        heard
    }

    /// The practice cluster has no Applications.
    fn see_application(&self, sight: &mut Sight) {
        let is_it = |kind| kind == WorkloadKind::Application;
        for (_, seen) in sight.workloads.iter_mut().filter(|(placed, _)| is_it(placed.workload.kind)) {
            *seen = self.argo_cd.application();
        }
    }

    async fn ask_of_revisions(&self, run: &Run, sight: &mut Sight) {
        let Some((commit, open)) = revisions_to_ask(&run.promotion, &sight.workloads) else { return };
        let plan = run.promotion.git().unwrap();
        match self.repositories.carries(plan, &credentials(), &commit, &open).await {
            Ok(named) => sight.git.get_or_insert_default().named = named,
            Err(error) => sight.trouble = Some(error.to_string()),
        }
    }

    /// What goes wrong with the next calls of the host.
    fn trouble_ahead(&self, run: &mut Run) {
        let away = || Meets::Error(GitError::Unreachable("no answer".to_owned()));
        match run.dice.roll(20) {
            0 => self.repositories.next_meets(away()),
            1 => (0..run.dice.roll(10)).for_each(|_| self.repositories.next_meets(away())),
            2 => self.repositories.next_meets(Meets::LostAnswer),
            3 | 4 => self.repositories.next_meets(Meets::ComesLate),
            5 => self.repositories.next_meets(Meets::Error(GitError::Refused("the token has ended".to_owned()))),
            _ => {}
        }
    }

    fn disturb(&self, run: &mut Run) {
        run.is_disturbed = true;
        let (cluster, workload) = (&self.field.cluster, self.argo_cd.workload().clone());
        let version = run.promotion.git().unwrap().values().pop().unwrap();
        let set = |value: &str| drop(self.repositories.set(URL, BRANCH, FILE, FIELD, value).unwrap());
        // What is not there cannot be disturbed.
        let _absent = match run.dice.roll(7) {
            0 => return set("9.9"),
            1 => return set(BEFORE),
            2 => return set(&version),
            3 => cluster.set_image_by_other(&workload, "app", "r.test/cart:9.9"),
            4 => cluster.delete(&workload),
            5 => cluster.scale(&workload, 2),
            _ => return self.steps.iter().for_each(|steps| steps.disturb(run)),
        };
    }

    /// Nobody lets a step of a Rollout go but people.
    fn check(&self, run: &Run) {
        self.steps.iter().for_each(|steps| steps.check(run));
    }

    fn each_commit_once(&self, run: &Run) {
        let log = self.argo_cd.log();
        let said = |at: usize| log[at].values[&format!("{FILE}: {FIELD}")].clone();
        let mut known = run.promotion.git().unwrap().values();
        known.extend(run.promotion.git_run().iter().flat_map(|git| git.before.clone()));
        let mut marks = BTreeSet::new();
        for (at, mark) in log.iter().enumerate().filter_map(|(at, commit)| Some((at, commit.mark.as_ref()?))) {
            assert!(marks.insert(mark), "committed twice: {mark}");
            assert!(known.contains(&said(at - 1)), "{} of somebody else is written over", said(at - 1));
        }
        let promotion = run.promotion.id;
        let possible = [1, 2].map(|generation| CommitMark { promotion, generation }.to_string());
        assert!(marks.iter().all(|mark| possible.contains(mark)), "{marks:?}");
    }

    /// The branch says what it should, and in the end Argo CD has brought it.
    fn how_it_ended(&mut self, run: &Run) {
        if run.is_disturbed {
            return;
        }
        let phase = run.promotion.phase_word();
        let planned = &run.promotion.plan.workloads[0];
        let expected = match &run.promotion.phase {
            Phase::Succeeded { .. } => planned.images.clone(),
            _ => vec![image(BEFORE)],
        };
        let said = self.argo_cd.log().pop().unwrap().values[&format!("{FILE}: {FIELD}")].clone();
        assert_eq!(vec![image(&said)], expected, "{phase}: the branch");
        // Only an Application says which commit it has brought: elsewhere what ran before may be seen before the
        // version has come and goes again.
        let is_certain = planned.placed.workload.kind == WorkloadKind::Application && !run.is_left_to_people();
        if is_certain || matches!(run.promotion.phase, Phase::Succeeded { .. }) {
            assert_eq!(self.argo_cd.image_now(), expected.first().cloned(), "{phase}: the cluster");
        }
        self.argo_cd.settle();
        assert_eq!(self.argo_cd.image_now(), expected.first().cloned(), "{phase}: the cluster in the end");
    }
}
