//! The table of stories. A line says: verdict; images; updated of wanted; ready; the reason of the
//! condition Progressing; revision; Slipway's mark; and whether the template is as it was saved. `*`
//! stands for anything, as for the reason of Progressing just after a start: it depends on whether
//! the controller noted the new replica set before or after its first pod.

use domain::{
    image::ContainerImage,
    names::{ContainerName, Namespace, WorkloadName},
    observation::Manager,
};

use super::{
    Disturbance::{Delete, Pause, Restart, Resume, Scale, SetImage},
    Mark,
    Step::{Create, Disturb, Look, Race, Restore, SaveTemplate, SetImages, Wait},
    Story,
    Until::{Complete, Failed, Missing, Moving, Paused, Restarts, Trouble},
    candidate_table,
};
use crate::seed::NewDeployment;

const V1: &str = "registry.test/shop/cart:1.0";
pub(super) const V2: &str = "registry.test/shop/cart:2.0";
pub(super) const V3: &str = "registry.test/shop/cart:3.0";
pub(super) const CRASHES: &str = "registry.test/shop/cart:2.0-crash";
const NO_PULL: &str = "registry.test/shop/cart:2.0-nopull";
const OUT_OF_MEMORY: &str = "registry.test/shop/cart:2.0-oom";
const NEVER_READY: &str = "registry.test/shop/cart:2.0-neverready";
const FLAPS: &str = "registry.test/shop/cart:2.0-flapping";
const PROXY_V2: &str = "registry.test/shop/proxy:2.0";
const PROXY_CRASHES: &str = "registry.test/shop/proxy:2.0-crash";

pub(super) const STARTED: (super::Step, &str) =
    (Wait(Complete), "complete 3/3; app=cart:1.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 1; no mark");

const ONE_STARTED: &str =
    "complete 1/1; app=cart:1.0; 1/1 updated; 1 ready; NewReplicaSetAvailable; revision 1; no mark";

#[expect(clippy::expect_used, reason = "the names stand in this file, and every test that plays a story parses them")]
fn cart(namespace: Namespace, replicas: u32, containers: &[(&str, &str)]) -> NewDeployment {
    let name = WorkloadName::parse("cart").expect("a name");
    let container = |(name, image): &(&str, &str)| ContainerImage {
        container: ContainerName::parse(name).expect("a name"),
        image: (*image).to_owned(),
    };
    let mut new = NewDeployment::new(namespace, name, replicas, containers.iter().map(container).collect());
    new.labels.insert("app.kubernetes.io/name".to_owned(), "cart".to_owned());
    new
}

pub(super) fn three(namespace: Namespace) -> NewDeployment {
    cart(namespace, 3, &[("app", V1)])
}

fn one(namespace: Namespace) -> NewDeployment {
    cart(namespace, 1, &[("app", V1)])
}

fn impatient(namespace: Namespace) -> NewDeployment {
    NewDeployment { progress_deadline_seconds: 4, ..three(namespace) }
}

fn with_proxy(namespace: Namespace) -> NewDeployment {
    cart(namespace, 3, &[("app", V1), ("proxy", "registry.test/shop/proxy:1.0")])
}

fn managed(namespace: Namespace, manager: Manager) -> NewDeployment {
    NewDeployment { manager: Some(manager), ..one(namespace) }
}

/// Every story.
#[must_use]
pub fn stories() -> Vec<Story> {
    [good_stories(), bad_versions(), with_others(), marks(), owned_by_other_tools(), candidate_table::stories()]
        .concat()
}

fn good_stories() -> Vec<Story> {
    vec![
        Story {
            name: "a version rolls out and is taken back by its saved template",
            deployment: three,
            steps: vec![
                (Create, "made"),
                STARTED,
                (SaveTemplate, "saved"),
                (SetImages(Mark(1, 0), &[("app", V2)]), "written"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:2.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 2; mark 1.0",
                ),
                (SetImages(Mark(1, 0), &[("app", V2)]), "unchanged"),
                (Restore(Mark(1, 1)), "written"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:1.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 3; mark 1.1; template as saved",
                ),
                (Restore(Mark(1, 1)), "unchanged"),
            ],
        },
        Story {
            name: "two containers roll together, and one that is not there is refused",
            deployment: with_proxy,
            steps: vec![
                (Create, "made"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:1.0 proxy=proxy:1.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 1; no mark",
                ),
                (SetImages(Mark(1, 0), &[("app", V2), ("proxy", PROXY_V2)]), "written"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:2.0 proxy=proxy:2.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 2; mark 1.0",
                ),
                (
                    SetImages(Mark(2, 0), &[("worker", V2)]),
                    "refused: cart has no container 'worker'; it has app, proxy",
                ),
                (SetImages(Mark(2, 0), &[("proxy", PROXY_CRASHES)]), "written"),
                (
                    Wait(Failed),
                    "failed CrashLoopBackOff, exit code 1 in proxy; app=cart:2.0 proxy=proxy:2.0-crash; 1/3 updated; 3 ready; *; revision 3; mark 2.0",
                ),
            ],
        },
        Story {
            name: "a version that is already there gets the mark and nothing moves",
            deployment: three,
            steps: vec![
                (Create, "made"),
                STARTED,
                (SetImages(Mark(1, 0), &[("app", V1)]), "written"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:1.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 1; mark 1.0",
                ),
                (SetImages(Mark(1, 0), &[("app", V1)]), "unchanged"),
            ],
        },
    ]
}

fn bad_versions() -> Vec<Story> {
    vec![
        Story {
            name: "a version that crashes is noticed at once, counts its restarts, and is taken back",
            deployment: three,
            steps: vec![
                (Create, "made"),
                STARTED,
                (SaveTemplate, "saved"),
                (SetImages(Mark(1, 0), &[("app", CRASHES)]), "written"),
                (
                    Wait(Failed),
                    "failed CrashLoopBackOff, exit code 1 in app; app=cart:2.0-crash; 1/3 updated; 3 ready; *; revision 2; mark 1.0",
                ),
                (
                    Wait(Restarts(2)),
                    "failed *, exit code 1 in app; app=cart:2.0-crash; 1/3 updated; 3 ready; *; revision 2; mark 1.0",
                ),
                (Restore(Mark(1, 1)), "written"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:1.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 3; mark 1.1; template as saved",
                ),
            ],
        },
        Story {
            name: "an image that cannot be pulled is noticed",
            deployment: three,
            steps: vec![
                (Create, "made"),
                STARTED,
                (SetImages(Mark(1, 0), &[("app", NO_PULL)]), "written"),
                (
                    Wait(Failed),
                    "failed ImagePullBackOff in app; app=cart:2.0-nopull; 1/3 updated; 3 ready; *; revision 2; mark 1.0",
                ),
            ],
        },
        Story {
            name: "a version that runs out of memory is noticed",
            deployment: three,
            steps: vec![
                (Create, "made"),
                STARTED,
                (SetImages(Mark(1, 0), &[("app", OUT_OF_MEMORY)]), "written"),
                (Wait(Trouble("OOMKilled")), "*"),
                (
                    Wait(Restarts(2)),
                    "failed OOMKilled, exit code 137 in app; app=cart:2.0-oom; 1/3 updated; 3 ready; *; revision 2; mark 1.0",
                ),
            ],
        },
        Story {
            name: "a version that never gets ready passes the progress deadline, and is taken back",
            deployment: impatient,
            steps: vec![
                (Create, "made"),
                STARTED,
                (SaveTemplate, "saved"),
                (SetImages(Mark(1, 0), &[("app", NEVER_READY)]), "written"),
                (
                    Wait(Failed),
                    "failed: no progress for 4 s, 0 of 3 pods available (ProgressDeadlineExceeded); app=cart:2.0-neverready; 1/3 updated; 3 ready; ProgressDeadlineExceeded; revision 2; mark 1.0",
                ),
                (Restore(Mark(1, 1)), "written"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:1.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 3; mark 1.1; template as saved",
                ),
            ],
        },
        Story {
            name: "a version that flaps completes, loses its pods and completes again",
            deployment: one,
            steps: vec![
                (Create, "made"),
                (Wait(Complete), ONE_STARTED),
                (SetImages(Mark(1, 0), &[("app", FLAPS)]), "written"),
                (
                    Wait(Complete),
                    "complete 1/1; app=cart:2.0-flapping; 1/1 updated; 1 ready; NewReplicaSetAvailable; revision 2; mark 1.0",
                ),
                (
                    Wait(Moving),
                    "moving; app=cart:2.0-flapping; 1/1 updated; 0 ready; NewReplicaSetAvailable; revision 2; mark 1.0",
                ),
                (
                    Wait(Complete),
                    "complete 1/1; app=cart:2.0-flapping; 1/1 updated; 1 ready; NewReplicaSetAvailable; revision 2; mark 1.0",
                ),
            ],
        },
    ]
}

fn with_others() -> Vec<Story> {
    vec![
        Story {
            name: "somebody changes the image in the middle: nothing is written over it unless asked anew",
            deployment: three,
            steps: vec![
                (Create, "made"),
                STARTED,
                (SaveTemplate, "saved"),
                (SetImages(Mark(1, 0), &[("app", V2)]), "written"),
                (Wait(Moving), "moving; app=cart:2.0; */3 updated; *; revision 2; mark 1.0"),
                (Disturb(SetImage("app", V3)), "done by others"),
                (SetImages(Mark(1, 0), &[("app", V2)]), "changed by others"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:3.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 3; mark 1.0",
                ),
                (Restore(Mark(1, 1)), "written"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:1.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 4; mark 1.1; template as saved",
                ),
            ],
        },
        Story {
            name: "a restart and a scaling by others are no change of version",
            deployment: three,
            steps: vec![
                (Create, "made"),
                STARTED,
                (SetImages(Mark(1, 0), &[("app", V2)]), "written"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:2.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 2; mark 1.0",
                ),
                (Disturb(Restart), "done by others"),
                (SetImages(Mark(1, 0), &[("app", V2)]), "unchanged"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:2.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 3; mark 1.0",
                ),
                (Disturb(Scale(5)), "done by others"),
                (SetImages(Mark(1, 0), &[("app", V2)]), "unchanged"),
                (
                    Wait(Complete),
                    "complete 5/5; app=cart:2.0; 5/5 updated; 5 ready; NewReplicaSetAvailable; revision 3; mark 1.0",
                ),
            ],
        },
        Story {
            name: "the object is deleted in the middle and made again by others",
            deployment: three,
            steps: vec![
                (Look, "missing"),
                (SetImages(Mark(1, 0), &[("app", V2)]), "missing"),
                (Create, "made"),
                STARTED,
                (SetImages(Mark(1, 0), &[("app", V2)]), "written"),
                (Disturb(Delete), "done by others"),
                (Wait(Missing), "missing"),
                (SetImages(Mark(1, 0), &[("app", V2)]), "missing"),
                (Create, "made"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:1.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 1; no mark; another object",
                ),
            ],
        },
        Story {
            name: "a paused Deployment takes the image and waits until somebody resumes it",
            deployment: three,
            steps: vec![
                (Create, "made"),
                STARTED,
                (Disturb(Pause), "done by others"),
                (Wait(Paused), "paused; app=cart:1.0; 3/3 updated; 3 ready; DeploymentPaused; revision 1; no mark"),
                (SetImages(Mark(1, 0), &[("app", V2)]), "written"),
                (Wait(Paused), "paused; app=cart:2.0; 0/3 updated; 3 ready; DeploymentPaused; revision 1; mark 1.0"),
                (Disturb(Resume), "done by others"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:2.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 2; mark 1.0",
                ),
            ],
        },
    ]
}

fn marks() -> Vec<Story> {
    vec![
        Story {
            name: "a late worker is stopped by a later mark",
            deployment: three,
            steps: vec![
                (Create, "made"),
                STARTED,
                (SetImages(Mark(2, 1), &[("app", V2)]), "written"),
                (SetImages(Mark(2, 0), &[("app", V3)]), "overtaken by 2.1"),
                (SetImages(Mark(1, 7), &[("app", V3)]), "overtaken by 2.1"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:2.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 2; mark 2.1",
                ),
                (SetImages(Mark(3, 0), &[("app", V3)]), "written"),
                (
                    Wait(Complete),
                    "complete 3/3; app=cart:3.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 3; mark 3.0",
                ),
            ],
        },
        Story {
            name: "two workers that write at the same time leave the later mark",
            deployment: one,
            steps: vec![
                (Create, "made"),
                (Race([(Mark(4, 0), V2), (Mark(5, 0), V3)]), "raced"),
                (Race([(Mark(5, 0), V3), (Mark(5, 0), V3)]), "raced"),
                (Look, "*; app=cart:3.0; *; mark 5.0"),
                (Race([(Mark(7, 0), V1), (Mark(6, 0), V2)]), "raced"),
                (Look, "*; app=cart:1.0; *; mark 7.0"),
            ],
        },
    ]
}

fn owned_by_other_tools() -> Vec<Story> {
    vec![
        owned(
            "an object of Argo CD is refused",
            |namespace| managed(namespace, Manager::ArgoCd { application: "shop".to_owned() }),
            "managed by Argo CD (application shop)",
        ),
        owned(
            "an object of a Flux Kustomization is refused",
            |namespace| managed(namespace, Manager::FluxKustomization { name: "shop".to_owned() }),
            "managed by Flux (Kustomization shop)",
        ),
        owned(
            "an object of a Flux HelmRelease is refused",
            |namespace| managed(namespace, Manager::FluxHelmRelease { name: "shop".to_owned() }),
            "managed by Flux (HelmRelease shop)",
        ),
        owned(
            "an object of Helm is refused",
            |namespace| managed(namespace, Manager::Helm { release: "shop".to_owned() }),
            "managed by Helm (release shop)",
        ),
        owned(
            "an object of another controller is refused",
            |namespace| {
                // A kind that every cluster has: the garbage collector deletes what has no owner.
                let manager = Manager::Controller { kind: "ConfigMap".to_owned(), name: "owner".to_owned() };
                managed(namespace, manager)
            },
            "managed by ConfigMap owner",
        ),
    ]
}

fn owned(name: &'static str, deployment: fn(Namespace) -> NewDeployment, answer: &'static str) -> Story {
    Story {
        name,
        deployment,
        steps: vec![(Create, "made"), (SetImages(Mark(1, 0), &[("app", V2)]), answer), (Wait(Complete), ONE_STARTED)],
    }
}
