//! One step of a strategy, and what each kind of step asks for: a share, something beside it, or only
//! that something is waited for, looked at or said while everything stays as it is.

use serde::{Deserialize, Serialize};

use super::{CandidateSettings, StepsError};
use crate::{
    actor::Role,
    aside::{Aside, TesterMatch},
    duration_words,
    names::WorkloadName,
    readable,
    traffic::{TrafficLayer, Weight},
};

/// One step of a strategy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The candidate is there in full, without traffic.
    Preview,
    /// The candidate gets this share of the traffic, once it has the pods for it.
    Weight {
        /// The share.
        weight: Weight,
    },
    /// Testers reach the candidate from here on, whatever its share.
    Testers {
        /// How they are known.
        testers: TesterMatch,
    },
    /// A share of the requests is copied to the candidate, until the next weight; nobody sees its
    /// answers.
    Mirror {
        /// The share.
        share: Weight,
    },
    /// Nothing changes for a while.
    Pause {
        /// How long.
        seconds: u32,
    },
    /// Nothing changes until a person says so.
    Ask {
        /// Which persons can.
        #[serde(default, skip_serializing_if = "Asked::is_usual")]
        asked: Asked,
    },
    /// Nothing changes while the rules judge the version as it is now.
    Analysis {
        /// How long.
        length: AnalysisLength,
    },
    /// People in the channel are told something, and it goes on.
    Notify {
        /// What.
        notice: Notice,
    },
    /// A Job runs beside the candidate, and must succeed.
    Job {
        /// The CronJob in the same namespace from which it is made.
        template: WorkloadName,
        /// How long it may take.
        seconds: u32,
    },
    /// All workloads get the version's images and are followed until every pod is available; where
    /// there is a candidate, its traffic then goes to them, and it is removed.
    Rollout,
}

/// Who is asked by a step: people of a role, and those who are trusted with more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Who approves promotions.
    Approver,
    /// Who runs releases.
    #[default]
    ReleaseManager,
    /// Who may do everything.
    Admin,
}

impl Asked {
    /// Everybody who can be asked, least trusted first.
    pub const ALL: [Self; 3] = [Self::Approver, Self::ReleaseManager, Self::Admin];

    /// The role.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Approver => Role::Approver,
            Self::ReleaseManager => Role::ReleaseManager,
            Self::Admin => Role::Admin,
        }
    }

    /// One of them, in a sentence: `an approver`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Approver => "an approver",
            Self::ReleaseManager => "a release manager",
            Self::Admin => "an admin",
        }
    }

    /// Whether it is who runs releases, whom a step asks that says nothing else.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// How long an analysis looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnalysisLength {
    /// For so many seconds.
    Seconds(u32),
    /// For so many measurements of each rule.
    Measurements(u32),
}

impl AnalysisLength {
    /// The most measurements that can be asked for.
    pub const MOST_MEASUREMENTS: u32 = 1_000;

    /// In words: `10 min`, `5 measurements`.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Seconds(seconds) => duration_words::exact(i64::from(seconds)),
            Self::Measurements(1) => "1 measurement".to_owned(),
            Self::Measurements(count) => format!("{count} measurements"),
        }
    }

    const fn is_possible(self) -> bool {
        match self {
            Self::Seconds(seconds) => seconds >= 1 && seconds <= CandidateSettings::MAX_PAUSE_SECONDS,
            Self::Measurements(count) => count >= 1 && count <= Self::MOST_MEASUREMENTS,
        }
    }
}

/// What a person wants the channel to be told: one line without quotation marks, which stand around it
/// where steps are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Notice(String);

impl Notice {
    /// The most characters.
    pub const LENGTH: usize = 200;

    /// A line of a person's words.
    ///
    /// # Errors
    /// Says what is possible.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let is_line = !text.is_empty() && text.chars().count() <= Self::LENGTH;
        if !is_line || text.chars().any(|c| readable::misleads(c) || c == '"') {
            return Err(format!(
                "a message is one line of 1 to {} characters without quotation marks in it",
                Self::LENGTH
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Notice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::new(&text)
    }
}

impl From<Notice> for String {
    fn from(notice: Notice) -> Self {
        notice.0
    }
}

impl Step {
    /// The step that asks who runs releases.
    #[must_use]
    pub const fn ask() -> Self {
        Self::Ask { asked: Asked::ReleaseManager }
    }

    /// Whom it asks; `None` for a step that does not.
    #[must_use]
    pub const fn asked(&self) -> Option<Asked> {
        match self {
            Self::Ask { asked } => Some(*asked),
            Self::Preview
            | Self::Weight { .. }
            | Self::Testers { .. }
            | Self::Mirror { .. }
            | Self::Pause { .. }
            | Self::Analysis { .. }
            | Self::Notify { .. }
            | Self::Job { .. }
            | Self::Rollout => None,
        }
    }

    /// The step in a few words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Preview => "Preview".to_owned(),
            Self::Weight { weight } => weight.to_string(),
            Self::Testers { testers } => format!("Testers: {}", testers.words()),
            Self::Mirror { share } => format!("Copies of {share}"),
            Self::Pause { seconds } => format!("Pause {}", duration_words::exact(i64::from(*seconds))),
            Self::Ask { asked } if asked.is_usual() => "Go on?".to_owned(),
            Self::Ask { asked } => format!("Go on? ({})", asked.role().words()),
            Self::Analysis { length } => format!("Analysis {}", length.words()),
            Self::Notify { notice } => format!("Message “{}”", notice.as_str()),
            Self::Job { template, .. } => format!("Job {template}"),
            Self::Rollout => "Rollout".to_owned(),
        }
    }

    /// The share that it sets; `None` where the share stays as it is.
    #[must_use]
    pub const fn weight(&self) -> Option<Weight> {
        match self {
            Self::Weight { weight } => Some(*weight),
            Self::Preview
            | Self::Testers { .. }
            | Self::Mirror { .. }
            | Self::Pause { .. }
            | Self::Ask { .. }
            | Self::Analysis { .. }
            | Self::Notify { .. }
            | Self::Job { .. }
            | Self::Rollout => None,
        }
    }

    /// What the candidate gets beside its share from this step on: the last testers, and copies until the
    /// next weight.
    #[must_use]
    pub fn aside_after(&self, before: Aside) -> Aside {
        match self {
            Self::Testers { testers } => Aside { testers: Some(testers.clone()), ..before },
            Self::Mirror { share } => Aside { mirror: *share, ..before },
            Self::Weight { .. } => Aside { mirror: Weight::NONE, ..before },
            Self::Preview
            | Self::Pause { .. }
            | Self::Ask { .. }
            | Self::Analysis { .. }
            | Self::Notify { .. }
            | Self::Job { .. }
            | Self::Rollout => before,
        }
    }

    /// Whether the share and what runs stay as they are: beside the step before it is no place of its own.
    #[must_use]
    pub const fn stays(&self) -> bool {
        match self {
            Self::Mirror { .. }
            | Self::Pause { .. }
            | Self::Ask { .. }
            | Self::Analysis { .. }
            | Self::Notify { .. }
            | Self::Job { .. } => true,
            Self::Preview | Self::Weight { .. } | Self::Testers { .. } | Self::Rollout => false,
        }
    }

    /// Whether it gives the version more than it had: the rules are asked before.
    #[must_use]
    pub const fn leads_to_more(&self) -> bool {
        matches!(self, Self::Weight { .. } | Self::Rollout)
    }

    /// Whether something of the version runs from this step on.
    const fn brings_candidate(&self) -> bool {
        matches!(self, Self::Preview | Self::Weight { .. } | Self::Testers { .. } | Self::Mirror { .. })
    }

    /// Whether it can be had as the step of this number, from 1, after those `before`, by this layer.
    pub(super) fn check(&self, number: usize, before: &[Self], layer: &TrafficLayer) -> Result<(), StepsError> {
        let by_layer = |why: Option<String>| match why {
            Some(why) => Err(StepsError::NotByThisLayer { number, why }),
            None => Ok(()),
        };
        match self {
            Self::Weight { weight } => {
                let so_far = before.iter().filter_map(Self::weight).next_back().unwrap_or(Weight::NONE);
                if *weight <= so_far {
                    return Err(StepsError::NotRising { number, weight: *weight, before: so_far });
                }
                if !layer.is_gradual() && *weight != Weight::ALL {
                    return Err(StepsError::NotGradual { number, weight: *weight, layer: layer.words() });
                }
                Ok(())
            }
            Self::Preview if !layer.has_route() => Err(StepsError::NoPreview { number, layer: layer.words() }),
            Self::Pause { seconds } if !(1..=CandidateSettings::MAX_PAUSE_SECONDS).contains(seconds) => {
                Err(StepsError::Pause { number, seconds: *seconds })
            }
            Self::Testers { testers } => by_layer(layer.cannot_match(testers)),
            Self::Mirror { share } => {
                by_layer(layer.cannot_mirror())?;
                if *share == Weight::NONE { Err(StepsError::MirrorsNothing { number }) } else { Ok(()) }
            }
            Self::Analysis { length } if !length.is_possible() => Err(StepsError::Analysis { number }),
            Self::Analysis { .. } if !before.iter().any(Self::brings_candidate) => {
                Err(StepsError::JudgesNothing { number })
            }
            Self::Job { seconds, .. } if !(1..=CandidateSettings::MAX_JOB_SECONDS).contains(seconds) => {
                Err(StepsError::Job { number, seconds: *seconds })
            }
            Self::Rollout => Err(StepsError::Rollout { number }),
            Self::Preview
            | Self::Pause { .. }
            | Self::Ask { .. }
            | Self::Analysis { .. }
            | Self::Notify { .. }
            | Self::Job { .. } => Ok(()),
        }
    }
}
