//! What a candidate gets beside its share of the traffic: testers, who are known by a header or a cookie
//! and always reach it, and copies of requests whose answers nobody sees.

use serde::{Deserialize, Serialize};

use crate::traffic::Weight;

/// How testers are known. Names are in lower case, and neither name nor value has a character that
/// means something in a regular expression or in a line of steps, but dots.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "UncheckedMatch")]
pub struct TesterMatch {
    by: MatchBy,
    name: String,
    value: String,
}

/// What of a request is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchBy {
    /// A header that is exactly this.
    Header,
    /// A cookie that is exactly this, among others.
    Cookie,
}

#[derive(Deserialize)]
struct UncheckedMatch {
    by: MatchBy,
    name: String,
    value: String,
}

impl TryFrom<UncheckedMatch> for TesterMatch {
    type Error = String;

    fn try_from(unchecked: UncheckedMatch) -> Result<Self, String> {
        Self::new(unchecked.by, &unchecked.name, &unchecked.value)
    }
}

/// The longest name and the longest value.
const LENGTH: usize = 64;

/// What stands before and after a cookie among others, for engines that look for a whole match and for
/// those that look anywhere.
const COOKIE: (&str, &str) = ("^(.*;\\s*)?", "(;.*)?$");

impl TesterMatch {
    /// Testers whose header or cookie `name` is `value`.
    ///
    /// # Errors
    /// Says which characters are possible.
    pub fn new(by: MatchBy, name: &str, value: &str) -> Result<Self, String> {
        let name = if by == MatchBy::Header { name.to_ascii_lowercase() } else { name.to_owned() };
        let is_plain = |text: &str, others: &str| {
            (1..=LENGTH).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
        };
        if !is_plain(&name, "-_") || !is_plain(value, "-_.") {
            return Err(format!(
                "'{name}={value}' cannot be looked for: letters, digits, hyphens and underscores, in values dots too, \
                 at most {LENGTH} of them"
            ));
        }
        Ok(Self { by, name, value: value.to_owned() })
    }

    /// The testers' usual header.
    #[must_use]
    pub fn usual() -> Self {
        Self { by: MatchBy::Header, name: "canary".to_owned(), value: "true".to_owned() }
    }

    /// What is looked at.
    #[must_use]
    pub const fn by(&self) -> MatchBy {
        self.by
    }

    /// The header's or the cookie's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// In words: `header canary: true`.
    #[must_use]
    pub fn words(&self) -> String {
        match self.by {
            MatchBy::Header => format!("header {}: {}", self.name, self.value),
            MatchBy::Cookie => format!("cookie {}={}", self.name, self.value),
        }
    }

    /// The header that a proxy compares, and the value or, for a cookie, the regular expression.
    #[must_use]
    pub fn compared(&self) -> Compared {
        match self.by {
            MatchBy::Header => Compared::Exact { header: self.name.clone(), value: self.value.clone() },
            MatchBy::Cookie => {
                let value = self.value.replace('.', "\\.");
                let (before, after) = COOKIE;
                Compared::Regex {
                    header: "cookie".to_owned(),
                    pattern: format!("{before}{}={value}{after}", self.name),
                }
            }
        }
    }

    /// The testers that a comparison was written for; `None` when it is no such.
    #[must_use]
    pub fn of(compared: &Compared) -> Option<Self> {
        match compared {
            Compared::Exact { header, value } => Self::new(MatchBy::Header, header, value).ok(),
            Compared::Regex { header, pattern } if header.eq_ignore_ascii_case("cookie") => {
                let (before, after) = COOKIE;
                let (name, value) = pattern.strip_prefix(before)?.strip_suffix(after)?.split_once('=')?;
                let found = Self::new(MatchBy::Cookie, name, &value.replace("\\.", ".")).ok()?;
                (found.compared() == *compared).then_some(found)
            }
            Compared::Regex { .. } => None,
        }
    }
}

/// What a proxy compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// A header that is exactly this.
    Exact {
        /// Its name.
        header: String,
        /// Its value.
        value: String,
    },
    /// A header that matches this as a whole.
    Regex {
        /// Its name.
        header: String,
        /// An RE2 pattern.
        pattern: String,
    },
}

/// What a candidate gets beside its share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Aside {
    /// Who always reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub testers: Option<TesterMatch>,
    /// The share of the requests that are copied to it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub mirror: Weight,
}

fn is_none(weight: &Weight) -> bool {
    *weight == Weight::NONE
}

impl Aside {
    /// Nothing beside the share.
    pub const NOTHING: Self = Self { testers: None, mirror: Weight::NONE };

    /// Whether it is nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::NOTHING
    }

    /// In words: `testers by header canary: true, 10 % mirrored`.
    #[must_use]
    pub fn words(&self) -> String {
        let testers = self.testers.as_ref().map(|testers| format!("testers by {}", testers.words()));
        let mirror = (self.mirror > Weight::NONE).then(|| format!("{} mirrored", self.mirror));
        testers.into_iter().chain(mirror).collect::<Vec<_>>().join(", ")
    }

    /// The share of the load that comes with it, for the size of a candidate that has `share` of the
    /// traffic: testers are few, and need a pod.
    #[must_use]
    pub fn load_with(&self, share: Weight) -> Weight {
        let mirrored = u16::from(share.as_percent()) + u16::from(self.mirror.as_percent());
        let least = u16::from(self.testers.is_some());
        Weight::at_most(u8::try_from(mirrored.max(least)).unwrap_or(100))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_would_mean_something_else_is_refused() {
        for (name, value) in
            [("", "x"), ("x", ""), ("a b", "x"), ("x", "a,b"), ("x", "a|b"), ("x", ".*("), ("x:y", "z"), ("x", "a\nb")]
        {
            for by in [MatchBy::Header, MatchBy::Cookie] {
                assert!(TesterMatch::new(by, name, value).is_err(), "{name}={value}");
            }
        }
        serde_json::from_str::<TesterMatch>(r#"{"by":"cookie","name":"a","value":".*"}"#).unwrap_err();
        assert_eq!(TesterMatch::new(MatchBy::Header, "X-Beta", "1").unwrap().name(), "x-beta");
        assert_eq!(TesterMatch::usual().words(), "header canary: true");
    }

    #[test]
    fn a_cookie_is_looked_for_among_others_and_as_a_whole() {
        let Compared::Regex { pattern, .. } = TesterMatch::new(MatchBy::Cookie, "beta", "v1.0").unwrap().compared()
        else {
            unreachable!("a cookie is compared by a pattern")
        };
        assert_eq!(pattern, "^(.*;\\s*)?beta=v1\\.0(;.*)?$");
    }

    #[test]
    fn a_candidate_with_testers_alone_has_a_pod_and_copies_are_load() {
        let weight = |percent| Weight::percent(percent).unwrap();
        let testers = Some(TesterMatch::usual());
        let table = [
            (Aside::NOTHING, 0, 0),
            (Aside { testers: testers.clone(), mirror: Weight::NONE }, 0, 1),
            (Aside { testers, mirror: weight(20) }, 10, 30),
            (Aside { testers: None, mirror: weight(80) }, 50, 100),
        ];
        for (aside, share, load) in table {
            assert_eq!(aside.load_with(weight(share)), weight(load), "{aside:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_compared_says_for_whom(name in "[a-z0-9_-]{1,20}", value in "[A-Za-z0-9_.-]{1,20}", is_cookie: bool) {
            let by = if is_cookie { MatchBy::Cookie } else { MatchBy::Header };
            let testers = TesterMatch::new(by, &name, &value).unwrap();
            prop_assert_eq!(TesterMatch::of(&testers.compared()), Some(testers));
        }
    }
}
