//! How the pods of a version behave, decided by the end of the image's tag, and what a container
//! shows at a moment of its life: a pure function of the time since its pod was made.

use serde::{Deserialize, Serialize};

/// How pods of a version behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Ready after a while, for ever.
    Ready,
    /// Ready after a long while, for ever. Tag ends in `-slow`.
    Slow,
    /// Exits with 1 soon after each start. Tag ends in `-crash`.
    Crash,
    /// Ready for some seconds, then as `Crash`. Tag ends in `-latecrash`.
    LateCrash,
    /// Is killed for its memory soon after each start. Tag ends in `-oom`.
    OutOfMemory,
    /// Its image is not to be had. Tag ends in `-nopull`.
    ImageMissing,
    /// Runs, but never gets ready. Tag ends in `-neverready`.
    NeverReady,
    /// Ready and not ready by turns. Tag ends in `-flapping`.
    Flapping,
    /// Ready for a minute, then not any more, and it never ends. Tag ends in `-fading`.
    Fading,
    /// Ready, but answers one request in eight with an error. Tag ends in `-errors`.
    Errors,
    /// Ready, but answers one request in fifty with an error. Tag ends in `-fewerrors`.
    FewErrors,
    /// Ready, but takes ten times as long for its answers. Tag ends in `-slowanswers`.
    SlowAnswers,
}

/// How pods answer requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Answers {
    /// Answers with an error, in percent.
    pub(crate) error_percent: f64,
    /// Within this time 95 of a hundred are answered, in milliseconds.
    pub(crate) p95_ms: f64,
}

impl Answers {
    /// What a request meets that goes through all of these.
    pub(crate) fn worst(all: impl Iterator<Item = Self>) -> Self {
        all.fold(Self { error_percent: 0.0, p95_ms: 0.0 }, |worst, next| Self {
            error_percent: worst.error_percent.max(next.error_percent),
            p95_ms: worst.p95_ms.max(next.p95_ms),
        })
    }
}

impl Behaviour {
    /// By the end of a tag, and by the begin of a digest for versions that have nothing else.
    const WORDS: [(&str, &str, Self); 11] = [
        ("-crash", "bad1", Self::Crash),
        ("-latecrash", "bad2", Self::LateCrash),
        ("-oom", "bad3", Self::OutOfMemory),
        ("-nopull", "bad4", Self::ImageMissing),
        ("-neverready", "bad5", Self::NeverReady),
        ("-flapping", "bad6", Self::Flapping),
        ("-slow", "bad7", Self::Slow),
        ("-errors", "bad8", Self::Errors),
        ("-fewerrors", "bad9", Self::FewErrors),
        ("-slowanswers", "bada", Self::SlowAnswers),
        ("-fading", "badb", Self::Fading),
    ];

    /// What an image reference asks for, by its tag or its digest; `Ready` when it asks for nothing.
    #[must_use]
    pub fn of_image(reference: &str) -> Self {
        let (name, digest) = reference.split_once("@sha256:").unwrap_or((reference, ""));
        let last = name.rsplit('/').next().unwrap_or_default();
        let tag = last.split_once(':').map(|(_, tag)| tag).unwrap_or_default();
        let found = Self::WORDS.iter().find(|(end, begin, _)| tag.ends_with(end) || digest.starts_with(begin));
        found.map_or(Self::Ready, |(_, _, behaviour)| *behaviour)
    }
}

/// How long a container that fades is ready: long enough for a rollout to end meanwhile.
const FADES_AFTER_MS: i64 = 60_000;

/// How long the things that containers do take, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// How long a crashing container runs before it ends.
    pub(crate) run_ms: i64,
    /// The first wait between restarts; it doubles with each.
    pub(crate) back_off_ms: i64,
    /// The longest wait between restarts.
    pub(crate) back_off_cap_ms: i64,
    /// How long a flapping container is ready at a time.
    pub(crate) up_ms: i64,
    /// How long a flapping container is not ready at a time.
    pub(crate) down_ms: i64,
}

/// A container of a pod: what it runs and how long its start takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) behaviour: Behaviour,
    pub(crate) start_ms: i64,
}

/// What a container shows at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContainerView {
    pub(crate) is_ready: bool,
    pub(crate) restarts: u32,
    pub(crate) trouble: Option<Trouble>,
    /// Rises with every change of what is shown.
    pub(crate) changes: u64,
}

/// Why a container does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) reason: &'static str,
    pub(crate) exit_code: Option<i32>,
    pub(crate) message: Option<String>,
}

/// How a container ends: Kubernetes' reasons when it has just ended and while it waits to start again.
struct Death {
    ended: &'static str,
    waiting: &'static str,
    exit_code: i32,
}

const EXITS: Death = Death { ended: "Error", waiting: "CrashLoopBackOff", exit_code: 1 };

/// 137 is 128 + SIGKILL, by which the kernel ends what takes too much memory.
const RUNS_OUT_OF_MEMORY: Death = Death { ended: "OOMKilled", waiting: "OOMKilled", exit_code: 137 };

/// The first run of a container that crashes.
#[derive(Clone, Copy)]
struct Run {
    starts_ms: i64,
    lasts_ms: i64,
}

/// Where a crashing container is in its life.
struct Crash {
    restarts: u32,
    waits_ms: Option<i64>,
    changes: u64,
}

impl Container {
    /// What it shows `elapsed_ms` after its pod was made.
    pub(crate) fn view(&self, elapsed_ms: i64, timing: &Timing) -> ContainerView {
        match self.behaviour {
            Behaviour::Ready | Behaviour::Slow | Behaviour::Errors | Behaviour::FewErrors | Behaviour::SlowAnswers => {
                quiet(elapsed_ms >= self.start_ms, u64::from(elapsed_ms >= self.start_ms))
            }
            Behaviour::NeverReady => quiet(false, u64::from(elapsed_ms >= self.start_ms)),
            Behaviour::Flapping => self.flapping(elapsed_ms, timing),
            Behaviour::Fading => {
                let (begins, ends) = (elapsed_ms >= self.start_ms, elapsed_ms >= self.start_ms + FADES_AFTER_MS);
                quiet(begins && !ends, u64::from(begins) + u64::from(ends))
            }
            Behaviour::ImageMissing => self.image_missing(elapsed_ms),
            Behaviour::Crash => self.crashing(elapsed_ms, timing, &EXITS),
            Behaviour::LateCrash => self.crashing_late(elapsed_ms, timing),
            Behaviour::OutOfMemory => self.crashing(elapsed_ms, timing, &RUNS_OUT_OF_MEMORY),
        }
    }

    /// When its readiness changes next after `elapsed_ms`, if ever.
    pub(crate) fn next_ready_change_ms(&self, elapsed_ms: i64, timing: &Timing) -> Option<i64> {
        match self.behaviour {
            _ if self.behaviour.never_gets_ready() => None,
            _ if elapsed_ms < self.start_ms => Some(self.start_ms),
            Behaviour::LateCrash => Some(self.start_ms + timing.up_ms).filter(|end_ms| *end_ms > elapsed_ms),
            Behaviour::Fading => Some(self.start_ms + FADES_AFTER_MS).filter(|end_ms| *end_ms > elapsed_ms),
            Behaviour::Flapping => {
                let round = timing.up_ms + timing.down_ms;
                let since = elapsed_ms - self.start_ms;
                let in_round = since % round;
                let next = if in_round < timing.up_ms { timing.up_ms } else { round };
                Some(elapsed_ms - in_round + next)
            }
            _ => None,
        }
    }

    fn flapping(&self, elapsed_ms: i64, timing: &Timing) -> ContainerView {
        if elapsed_ms < self.start_ms {
            return quiet(false, 0);
        }
        let round = timing.up_ms + timing.down_ms;
        let since = elapsed_ms - self.start_ms;
        let is_up = since % round < timing.up_ms;
        let rounds = u64::try_from(since / round).unwrap_or(0);
        quiet(is_up, rounds * 2 + if is_up { 1 } else { 2 })
    }

    fn image_missing(&self, elapsed_ms: i64) -> ContainerView {
        // The first try fails after a moment, the kubelet backs off, and says so from then on.
        let (first_ms, second_ms) = (self.start_ms / 4, self.start_ms / 2);
        if elapsed_ms < first_ms {
            return quiet(false, 0);
        }
        let (reason, message, changes) = if elapsed_ms < second_ms {
            ("ErrImagePull", format!("failed to pull image \"{0}\": {0}: not found", self.image), 1)
        } else {
            ("ImagePullBackOff", format!("Back-off pulling image \"{}\"", self.image), 2)
        };
        let trouble = Some(Trouble { reason, exit_code: None, message: Some(message) });
        ContainerView { is_ready: false, restarts: 0, trouble, changes }
    }

    fn crashing(&self, elapsed_ms: i64, timing: &Timing, death: &Death) -> ContainerView {
        let run = Run { starts_ms: self.start_ms / 4, lasts_ms: timing.run_ms };
        match crash(elapsed_ms, run, timing) {
            Some(crash) => self.crashed(&crash, death),
            None => quiet(false, 0),
        }
    }

    fn crashing_late(&self, elapsed_ms: i64, timing: &Timing) -> ContainerView {
        let run = Run { starts_ms: self.start_ms, lasts_ms: timing.up_ms };
        match crash(elapsed_ms, run, timing) {
            Some(crash) if crash.restarts > 0 => self.crashed(&crash, &EXITS),
            Some(crash) => quiet(true, crash.changes),
            None => quiet(false, 0),
        }
    }

    fn crashed(&self, crash: &Crash, death: &Death) -> ContainerView {
        let exit_code = Some(death.exit_code);
        let trouble = match crash.waits_ms {
            Some(ms) => {
                let message = format!("back-off {}s restarting failed container={}", ms.max(1000) / 1000, self.name);
                Some(Trouble { reason: death.waiting, exit_code, message: Some(message) })
            }
            None if crash.restarts > 0 => Some(Trouble { reason: death.ended, exit_code, message: None }),
            None => None,
        };
        ContainerView { is_ready: false, restarts: crash.restarts, trouble, changes: crash.changes }
    }
}

/// The first restart comes at once, each further one after a wait that doubles up to the cap.
fn crash(elapsed_ms: i64, first: Run, timing: &Timing) -> Option<Crash> {
    let mut starts_at = first.starts_ms;
    if elapsed_ms < starts_at {
        return None;
    }
    let (mut restarts, mut wait_ms) = (0_u32, 0_i64);
    while wait_ms < timing.back_off_cap_ms {
        let ends_at = starts_at + if restarts == 0 { first.lasts_ms } else { timing.run_ms };
        let next_at = ends_at + wait_ms;
        if elapsed_ms < next_at {
            return Some(at_round(restarts, elapsed_ms >= ends_at, wait_ms));
        }
        starts_at = next_at;
        restarts += 1;
        wait_ms = (wait_ms * 2).max(timing.back_off_ms).min(timing.back_off_cap_ms);
    }
    let since = elapsed_ms - starts_at;
    let round = timing.run_ms + timing.back_off_cap_ms;
    restarts = restarts.saturating_add(u32::try_from(since / round).unwrap_or(u32::MAX));
    Some(at_round(restarts, since % round >= timing.run_ms, timing.back_off_cap_ms))
}

impl Behaviour {
    const fn never_gets_ready(self) -> bool {
        match self {
            Self::Crash | Self::OutOfMemory | Self::ImageMissing | Self::NeverReady => true,
            Self::Ready
            | Self::Slow
            | Self::Flapping
            | Self::Fading
            | Self::LateCrash
            | Self::Errors
            | Self::FewErrors
            | Self::SlowAnswers => false,
        }
    }

    /// How its pods answer once they are ready.
    pub(crate) const fn answers(self) -> Answers {
        let (error_percent, p95_ms) = match self {
            Self::Errors => (12.5, 310.0),
            Self::FewErrors => (2.0, 310.0),
            Self::SlowAnswers => (0.2, 3_100.0),
            Self::Ready
            | Self::Slow
            | Self::Crash
            | Self::LateCrash
            | Self::OutOfMemory
            | Self::ImageMissing
            | Self::NeverReady
            | Self::Fading
            | Self::Flapping => (0.2, 310.0),
        };
        Answers { error_percent, p95_ms }
    }
}

fn at_round(restarts: u32, is_waiting: bool, wait_ms: i64) -> Crash {
    let changes = u64::from(restarts) * 2 + 1 + u64::from(is_waiting);
    Crash { restarts, waits_ms: is_waiting.then_some(wait_ms), changes }
}

fn quiet(is_ready: bool, changes: u64) -> ContainerView {
    ContainerView { is_ready, restarts: 0, trouble: None, changes }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing { run_ms: 300, back_off_ms: 1000, back_off_cap_ms: 8000, up_ms: 3000, down_ms: 2000 };

    fn container(behaviour: Behaviour) -> Container {
        Container { name: "app".into(), image: "cart:1".into(), behaviour, start_ms: 2000 }
    }

    #[test]
    fn the_tag_decides_and_a_digest_does_not_hide_it() {
        let digest = format!("@sha256:{}", "0".repeat(64));
        for (reference, behaviour) in [
            ("cart:1.0", Behaviour::Ready),
            ("r.example:5000/cart", Behaviour::Ready),
            ("r.example:5000/a-crash/cart:1", Behaviour::Ready),
            ("r.example:5000/cart:1.0-crash", Behaviour::Crash),
            ("cart:1-oom", Behaviour::OutOfMemory),
            ("cart:1-nopull", Behaviour::ImageMissing),
            ("cart:1-neverready", Behaviour::NeverReady),
            ("cart:1-flapping", Behaviour::Flapping),
            ("cart:1-fading", Behaviour::Fading),
            ("cart:1-slow", Behaviour::Slow),
            ("cart:1-latecrash", Behaviour::LateCrash),
            ("cart:1-errors", Behaviour::Errors),
            ("cart:1-fewerrors", Behaviour::FewErrors),
            ("cart:1-slowanswers", Behaviour::SlowAnswers),
            ("cart:1-crash.2", Behaviour::Ready),
        ] {
            assert_eq!(Behaviour::of_image(reference), behaviour, "{reference}");
            assert_eq!(Behaviour::of_image(&format!("{reference}{digest}")), behaviour, "{reference} with digest");
        }
        assert_eq!(Behaviour::of_image(&format!("cart@sha256:bad4{}", "0".repeat(60))), Behaviour::ImageMissing);
    }

    #[test]
    fn a_crash_loop_backs_off_and_counts_up() {
        let crash = container(Behaviour::Crash);
        let seen = |ms| {
            let view = crash.view(ms, &TIMING);
            (view.restarts, view.trouble.map(|t| t.reason))
        };
        assert_eq!(seen(499), (0, None));
        assert_eq!(seen(799), (0, None));
        assert_eq!(seen(800), (1, Some("Error")));
        assert_eq!(seen(1100), (1, Some("CrashLoopBackOff")));
        assert_eq!(seen(2100), (2, Some("Error")));
        assert_eq!(seen(2400), (2, Some("CrashLoopBackOff")));
        assert_eq!(seen(4400), (3, Some("Error")));
        // Forty days later it still answers at once, and the number has grown steadily.
        let day = 86_400_000;
        let (first, second) = (seen(39 * day).0, seen(40 * day).0);
        assert!((10_300..10_500).contains(&(second - first)), "{first} {second}");
    }

    #[test]
    fn changes_rise_whenever_what_is_shown_changes() {
        for behaviour in [
            Behaviour::Ready,
            Behaviour::Slow,
            Behaviour::Crash,
            Behaviour::LateCrash,
            Behaviour::OutOfMemory,
            Behaviour::ImageMissing,
            Behaviour::NeverReady,
            Behaviour::Flapping,
            Behaviour::Fading,
            Behaviour::Errors,
        ] {
            let container = container(behaviour);
            let views: Vec<_> = (0..70_000).step_by(50).map(|ms| container.view(ms, &TIMING)).collect();
            for pair in views.windows(2) {
                let is_same = (pair[0].is_ready, pair[0].restarts, &pair[0].trouble)
                    == (pair[1].is_ready, pair[1].restarts, &pair[1].trouble);
                assert!(pair[0].changes <= pair[1].changes, "{behaviour:?}");
                assert!(is_same || pair[0].changes < pair[1].changes, "{behaviour:?} {pair:?}");
            }
        }
    }

    #[test]
    fn readiness_changes_exactly_when_foretold() {
        for behaviour in [
            Behaviour::Ready,
            Behaviour::Slow,
            Behaviour::Flapping,
            Behaviour::Fading,
            Behaviour::Crash,
            Behaviour::NeverReady,
        ] {
            let container = container(behaviour);
            let mut at = 0;
            for ms in 1..70_000 {
                let foretold = container.next_ready_change_ms(at, &TIMING);
                let changed = container.view(ms, &TIMING).is_ready != container.view(ms - 1, &TIMING).is_ready;
                assert_eq!(changed, foretold == Some(ms), "{behaviour:?} at {ms} ms, foretold {foretold:?}");
                if changed {
                    at = ms;
                }
            }
        }
    }
}
