//! Where in which repository a version lives. Each part is of a form that no program can take for
//! something else: an option, a shell's word, a way out of the repository.

use serde::{Deserialize, Serialize};

use super::{CommitHash, GitField};
use crate::readable;

/// Why a part of a place was refused. The text says what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Not an address of a repository.
    #[error("{0}")]
    Repository(&'static str),
    /// Not a branch.
    #[error("a branch has letters, digits and . _ - / inside, such as main or release/eu")]
    Branch,
    /// Not a file of a repository.
    #[error("{0}")]
    File(&'static str),
    /// Not one to twenty fields.
    #[error("give the field that says the version, one on each line, at most 20")]
    Fields,
}

/// How a repository is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `https://`, with a token; `http://` only where the operator allows the host.
    Http,
    /// `ssh://`, with a deploy key.
    Ssh,
}

/// The address of a repository: `https://host/path`, `ssh://user@host/path`, or `user@host:path`, which is
/// kept as the second. Carries no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryAddress(String);

/// Web hosts whose commits have pages of a known form: how the host begins, and what stands before the hash.
const WEB_HOSTS: [(&str, &str); 6] = [
    ("github.", "/commit/"),
    ("gitlab.", "/-/commit/"),
    ("bitbucket.org", "/commits/"),
    ("codeberg.org", "/commit/"),
    ("gitea.", "/commit/"),
    ("forgejo.", "/commit/"),
];

impl RepositoryAddress {
    /// The host of the stand-in in the demo; a name that nobody can have (RFC 6761).
    pub const PRACTICE_HOST: &str = "git.practice.invalid";

    /// The longest address.
    pub const AT_MOST: usize = 500;

    /// Reads an address.
    ///
    /// # Errors
    /// [`PlaceError::Repository`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let wrong = |why| Err(PlaceError::Repository(why));
        let text = text.trim();
        if text.len() > Self::AT_MOST {
            return wrong("the address is longer than 500 characters");
        }
        let whole = match text.split_once("://") {
            Some(_) => text.to_owned(),
            None => match text.split_once(':') {
                Some((host, path)) if host.contains('@') && !path.is_empty() => {
                    format!("ssh://{host}/{}", path.trim_start_matches('/'))
                }
                _ => return wrong("an address begins with https:// or ssh://, or is like git@host:path"),
            },
        };
        let Some((scheme, rest)) = whole.split_once("://") else { return wrong("an address names a host and a path") };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = match (scheme, authority.split_once('@')) {
            ("https" | "http", None) => authority,
            ("https" | "http", Some(_)) => {
                return wrong("leave user name and token out of the address; they have fields of their own");
            }
            ("ssh", Some((user, host))) if is_word(user) => host,
            ("ssh", _) => return wrong("an ssh address names the user, such as git@"),
            _ => return wrong("an address begins with https:// or ssh://"),
        };
        if !is_host_and_port(host) {
            return wrong(
                "the host of the address has letters, digits, dots and hyphens, and a port where it needs one",
            );
        }
        let is_path = |c: char| c.is_ascii_alphanumeric() || "._-/~%+".contains(c);
        let is_plain = path.split('/').all(|part| !part.starts_with('-') && part != "..");
        if path.trim_matches('/').is_empty() || !path.chars().all(is_path) || !is_plain {
            return wrong("the address ends in the path of a repository, such as /shop/deploy.git");
        }
        Ok(Self(whole))
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the stand-in of the demo.
    #[must_use]
    pub fn is_practice(&self) -> bool {
        self.host() == Self::PRACTICE_HOST
    }

    /// How it is reached.
    #[must_use]
    pub fn transport(&self) -> Transport {
        if self.0.starts_with("ssh://") { Transport::Ssh } else { Transport::Http }
    }

    /// Whether it is reached without encryption.
    #[must_use]
    pub fn is_plain_http(&self) -> bool {
        self.0.starts_with("http://")
    }

    fn parts(&self) -> (&str, &str) {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        (authority.rsplit('@').next().unwrap_or(authority), path)
    }

    /// The host, without a port.
    #[must_use]
    pub fn host(&self) -> &str {
        let (host, _) = self.parts();
        host.rsplit_once(':').map_or(host, |(host, _)| host)
    }

    /// The port: the one that the address names, or the usual one.
    #[must_use]
    pub fn port(&self) -> u16 {
        let named = self.parts().0.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let usual = match self.transport() {
            Transport::Ssh => 22,
            Transport::Http if self.is_plain_http() => 80,
            Transport::Http => 443,
        };
        named.unwrap_or(usual)
    }

    /// Host and path, for people: `github.com/shop/deploy`.
    #[must_use]
    pub fn shown(&self) -> String {
        let (host, path) = self.parts();
        format!("{host}/{}", path.trim_matches('/').trim_end_matches(".git"))
    }

    /// The page of a commit, where the host is one whose pages are known.
    #[must_use]
    pub fn web_link(&self, commit: &CommitHash) -> Option<String> {
        let host = self.host();
        let (_, infix) = WEB_HOSTS.iter().find(|(begins, _)| host.starts_with(begins))?;
        let path = self.parts().1.trim_matches('/').trim_end_matches(".git");
        Some(format!("https://{host}/{path}{infix}{commit}"))
    }
}

fn is_word(text: &str) -> bool {
    let is_inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric() || first == b'_')
        && text.bytes().all(is_inside)
}

fn is_host_and_port(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let is_host = is_word(host) && !host.contains('_') && host.len() <= 253;
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// A branch, without `refs/heads/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);

impl BranchName {
    /// Reads the name of a branch: a part of what `git check-ref-format` allows.
    ///
    /// # Errors
    /// [`PlaceError::Branch`].
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let text = text.trim();
        let is_part =
            |part: &str| is_word(part) && !part.ends_with('.') && !part.ends_with(".lock") && !part.contains("..");
        if text.len() <= 200 && text.split('/').all(is_part) && !text.starts_with("refs/") {
            Ok(Self(text.to_owned()))
        } else {
            Err(PlaceError::Branch)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A file of a repository, YAML or JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilePath(String);

impl FilePath {
    /// Reads a path from the top of the repository.
    ///
    /// # Errors
    /// [`PlaceError::File`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let text = text.trim();
        let is_part = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && !part.eq_ignore_ascii_case(".git")
                && !part.starts_with('-')
        };
        let is_inside = |c: char| !readable::is_hidden(c) && !"\\\"'*?[]:".contains(c);
        if text.len() > 500 || !text.split('/').all(is_part) || !text.chars().all(is_inside) {
            return Err(PlaceError::File(
                "give the path from the top of the repository, such as apps/cart/kustomization.yaml",
            ));
        }
        let ending = text.rsplit_once('.').map_or("", |(_, ending)| ending);
        if !["yaml", "yml", "json"].contains(&ending) {
            return Err(PlaceError::File("only YAML and JSON files can be changed: .yaml, .yml, .json"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.0.rsplit_once('.').is_some_and(|(_, ending)| ending == "json")
    }
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = PlaceError;

            fn try_from(text: String) -> Result<Self, PlaceError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(part: $name) -> String {
                part.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

as_text!(RepositoryAddress, BranchName, FilePath);

/// Where a target's version lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitPlace {
    /// The repository.
    pub repository: RepositoryAddress,
    /// The branch that the tool in charge reads.
    pub branch: BranchName,
    /// The file.
    pub file: FilePath,
    /// The fields that say the version.
    pub fields: Vec<GitField>,
}

impl GitPlace {
    /// The most fields.
    const MOST_FIELDS: usize = 20;

    /// Reads fields, one on each line; empty lines are left out.
    ///
    /// # Errors
    /// The line's own, or [`PlaceError::Fields`], in words.
    pub fn parse_fields(text: &str) -> Result<Vec<GitField>, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let fields: Vec<_> =
            lines.map(|line| GitField::parse(line).map_err(|error| error.to_string())).collect::<Result<_, _>>()?;
        if fields.is_empty() || fields.len() > Self::MOST_FIELDS {
            return Err(PlaceError::Fields.to_string());
        }
        if let Some((at, twice)) =
            fields.iter().enumerate().find(|(at, one)| fields.iter().take(*at).any(|other| other.path == one.path))
        {
            return Err(format!("line {}: the field {} is given twice", at + 1, twice.path));
        }
        Ok(fields)
    }
}
