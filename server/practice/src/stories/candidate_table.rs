//! The stories of candidates. Lines of workloads and candidates are as in the other table; a line of
//! shares says: the candidate's share, the addresses of its own Service, and Slipway's mark.

use super::{
    Candidate,
    Disturbance::{Delete, Restart, SetImage},
    Mark,
    Step::{
        Candidate as Make, Create, CreateService, DisturbCandidate, Look, SaveRoute, SetImages, Share, Wait,
        WaitCandidate, WaitShare,
    },
    Story,
    Until::{Complete, Failed, Missing},
    table::{CRASHES, STARTED, V2, V3, three},
};

const fn switched(pods: u32, images: &'static [(&'static str, &'static str)]) -> Candidate {
    Candidate { pods, images, is_behind_same_service: false }
}

const fn beside(pods: u32, images: &'static [(&'static str, &'static str)]) -> Candidate {
    Candidate { pods, images, is_behind_same_service: true }
}

const TO_V2: &[(&str, &str)] = &[("app", V2)];
const TO_V3: &[(&str, &str)] = &[("app", V3)];
const TO_CRASHES: &[(&str, &str)] = &[("app", CRASHES)];

/// Every story of a candidate.
pub(super) fn stories() -> Vec<Story> {
    vec![blue_green(), by_numbers(), bad_candidate(), with_others()]
}

fn blue_green() -> Story {
    Story {
        name: "a candidate gets all traffic by a Service's selector, and gives it back",
        deployment: three,
        steps: vec![
            (Create, "made"),
            STARTED,
            (SaveRoute, "missing"),
            (CreateService, "made"),
            (WaitShare(0, None), "0 % to the candidate; no Service; no mark"),
            (SaveRoute, "0 % to the candidate; no Service; no mark"),
            (WaitCandidate(Missing), "missing"),
            (Make(Mark(1, 1), switched(0, TO_V2)), "unchanged"),
            (Make(Mark(1, 1), switched(2, TO_V2)), "written"),
            (
                WaitCandidate(Complete),
                "complete 2/2; app=cart:2.0; 2/2 updated; 2 ready; NewReplicaSetAvailable; revision 1; mark 1.1",
            ),
            (Make(Mark(1, 1), switched(2, TO_V2)), "unchanged"),
            (WaitShare(0, Some(2)), "0 % to the candidate; 2 addresses; no mark"),
            (Make(Mark(1, 2), switched(3, TO_V2)), "written"),
            (
                WaitCandidate(Complete),
                "complete 3/3; app=cart:2.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 1; mark 1.2",
            ),
            (WaitShare(0, Some(3)), "0 % to the candidate; 3 addresses; no mark"),
            (Share(Mark(1, 3), 100), "written"),
            (WaitShare(100, Some(3)), "100 % to the candidate; 3 addresses; mark 1.3"),
            (Share(Mark(1, 3), 100), "unchanged"),
            (Share(Mark(1, 2), 0), "overtaken by 1.3"),
            // The workload itself is as it was.
            STARTED,
            (SetImages(Mark(1, 4), TO_V2), "written"),
            (
                Wait(Complete),
                "complete 3/3; app=cart:2.0; 3/3 updated; 3 ready; NewReplicaSetAvailable; revision 2; mark 1.4",
            ),
            (Share(Mark(1, 5), 0), "written"),
            (WaitShare(0, Some(3)), "0 % to the candidate; 3 addresses; mark 1.5"),
            (Make(Mark(1, 6), switched(0, TO_V2)), "written"),
            (WaitCandidate(Missing), "missing"),
            (Make(Mark(1, 6), switched(0, TO_V2)), "unchanged"),
            (WaitShare(0, None), "0 % to the candidate; no Service; mark 1.5"),
        ],
    }
}

fn by_numbers() -> Story {
    Story {
        name: "a candidate stands beside the workload behind the same Service",
        deployment: three,
        steps: vec![
            (Make(Mark(1, 1), beside(1, TO_V2)), "refused: cart is not there to make a candidate of"),
            (Create, "made"),
            STARTED,
            (Make(Mark(1, 1), beside(1, &[("worker", V2)])), "refused: cart has no container 'worker'; it has app"),
            (Make(Mark(1, 1), beside(1, TO_V2)), "written"),
            (
                WaitCandidate(Complete),
                "complete 1/1; app=cart:2.0; 1/1 updated; 1 ready; NewReplicaSetAvailable; revision 1; mark 1.1",
            ),
            // A restart by others is no change of version.
            (DisturbCandidate(Restart), "done by others"),
            (Make(Mark(1, 1), beside(1, TO_V2)), "unchanged"),
            (
                WaitCandidate(Complete),
                "complete 1/1; app=cart:2.0; 1/1 updated; 1 ready; NewReplicaSetAvailable; revision 2; mark 1.1",
            ),
            STARTED,
            (Make(Mark(1, 2), beside(0, TO_V2)), "written"),
            (WaitCandidate(Missing), "missing"),
            STARTED,
        ],
    }
}

fn bad_candidate() -> Story {
    Story {
        name: "a candidate that crashes is noticed, and the workload never knew of it",
        deployment: three,
        steps: vec![
            (Create, "made"),
            STARTED,
            (Make(Mark(1, 1), beside(2, TO_CRASHES)), "written"),
            (
                WaitCandidate(Failed),
                "failed CrashLoopBackOff, exit code 1 in app; app=cart:2.0-crash; 2/2 updated; 0 ready; *; revision 1; mark 1.1",
            ),
            STARTED,
            (Make(Mark(1, 2), beside(0, TO_CRASHES)), "written"),
            (WaitCandidate(Missing), "missing"),
        ],
    }
}

fn with_others() -> Story {
    Story {
        name: "what others do to a candidate is left, and one that is gone is made again",
        deployment: three,
        steps: vec![
            (Create, "made"),
            STARTED,
            (Make(Mark(2, 1), beside(1, TO_V2)), "written"),
            (Make(Mark(1, 9), beside(0, TO_V2)), "overtaken by 2.1"),
            (WaitCandidate(Complete), "complete 1/1; app=cart:2.0; *; mark 2.1"),
            (DisturbCandidate(SetImage("app", V3)), "done by others"),
            (Make(Mark(2, 1), beside(1, TO_V2)), "changed by others"),
            (WaitCandidate(Complete), "complete 1/1; app=cart:3.0; *; mark 2.1"),
            (DisturbCandidate(Delete), "done by others"),
            (WaitCandidate(Missing), "missing"),
            (Make(Mark(3, 1), beside(1, TO_V3)), "written"),
            (WaitCandidate(Complete), "complete 1/1; app=cart:3.0; *; revision 1; mark 3.1"),
            (Look, "complete 3/3; app=cart:1.0; *; no mark"),
            (Make(Mark(3, 2), beside(0, TO_V3)), "written"),
        ],
    }
}
