//! Names that people give to things, parsed once at the edge. A parsed name is canonical: two names
//! that look alike (case, spaces, confusable letters) cannot both exist, because only lower-case
//! ASCII letters, digits and inner hyphens are accepted.

use serde::{Deserialize, Serialize};

/// Why a name was refused. The text says what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a name is needed")]
    Empty,
    /// More characters than allowed.
    #[error("at most {max} characters are allowed")]
    TooLong {
        /// The largest number of characters.
        max: usize,
    },
    /// A character outside the allowed set.
    #[error("only a to z, 0 to 9 and hyphens inside are allowed; '{found}' is not")]
    Character {
        /// The first character that was refused.
        found: char,
    },
}

fn check_slug(text: &str, max: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.chars().count() > max {
        return Err(NameError::TooLong { max });
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if let Some(found) = text.chars().find(|c| !allowed(*c)) {
        return Err(NameError::Character { found });
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err(NameError::Character { found: '-' });
    }
    Ok(())
}

macro_rules! slug_types {
    ($($(#[$doc:meta])* $name:ident max $max:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses a name; surrounding white space is dropped, everything else must be canonical.
            ///
            /// # Errors
            /// [`NameError`] says which rule the text breaks.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let text = text.trim();
                check_slug(text, $max)?;
                Ok(Self(text.to_owned()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

slug_types! {
    /// The name of a service, as it stands in addresses: `cart`, `payment-api`.
    ServiceName max 60,
    /// The name of an environment: `staging`, `production-eu`.
    EnvironmentName max 40,
    /// The name of a team: `checkout`.
    TeamName max 40,
    /// The name of a connected cluster: `eu-1`.
    ClusterName max 40,
    /// A Kubernetes namespace (an RFC 1123 label).
    Namespace max 63,
    /// The name of a container in a pod template (an RFC 1123 label).
    ContainerName max 63,
}

/// The name of a workload object in Kubernetes: an RFC 1123 subdomain of at most 253 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkloadName(String);

impl WorkloadName {
    /// Parses the name of a Kubernetes object.
    ///
    /// # Errors
    /// [`NameError`] when it is not an RFC 1123 subdomain.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        if text.len() > 253 {
            return Err(NameError::TooLong { max: 253 });
        }
        for part in text.split('.') {
            check_slug(part, 253)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WorkloadName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<WorkloadName> for String {
    fn from(name: WorkloadName) -> String {
        name.0
    }
}

impl std::fmt::Display for WorkloadName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of any other object of Kubernetes (a Service, a route): the same rule.
pub type ObjectName = WorkloadName;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_name_that_only_looks_like_another_is_refused() {
        for text in ["Prod", "prod uction", "prod%2f", "prоd", "-prod", "prod-", "", "prod.eu"] {
            assert!(EnvironmentName::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(EnvironmentName::parse(" prod ").unwrap().as_str(), "prod");
    }

    #[test]
    fn a_workload_name_may_have_dots() {
        assert!(WorkloadName::parse("cart.v2").is_ok());
        assert!(WorkloadName::parse("cart..v2").is_err());
    }
}
