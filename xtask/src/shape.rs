//! The shape of the code: which crate must not see which other, asserted from `cargo metadata`.
//!
//! The table is the column 'must not see' of the crate table in the README. It is judged with all
//! features on, over everything a crate reaches by normal dependencies, so that neither an optional
//! dependency nor a detour hides a sight. Dev-dependencies may see what they want.

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use anyhow::{Context as _, Result};
    use serde_json::Value;

    use crate::paths;

    /// Crates, and what they must not reach at all.
    const MUST_NOT_SEE: &[(&str, &[&str])] = &[
        ("contract", &["leptos", "sqlx", "kube", "axum", "tokio", "store", "engine", "ports"]),
        ("store", &["contract", "kube", "axum", "leptos", "engine", "ports"]),
        ("cluster", &["sqlx", "axum", "contract", "leptos", "store", "engine"]),
        ("practice", &["kube", "sqlx", "axum", "contract", "leptos", "store"]),
        ("outgoing", &["sqlx", "kube", "axum", "contract", "leptos", "store"]),
        ("engine", &["axum", "leptos", "kube", "reqwest", "cluster", "practice", "outgoing"]),
        ("app", &["store", "engine", "cluster", "sqlx", "kube", "outgoing", "practice"]),
        ("frontend", &["store", "engine", "cluster", "sqlx", "kube"]),
    ];

    /// Crates that must not see anything but this, and what these need themselves.
    const MAY_SEE_ONLY: &[(&str, &[&str])] = &[
        ("domain", &["chrono", "chrono-tz", "rrule", "semver", "serde", "serde_json", "thiserror", "uuid"]),
        (
            "ports",
            &["async-trait", "chrono", "domain", "futures-core", "secrecy", "serde", "serde_json", "thiserror", "uuid"],
        ),
        ("manifest", &["domain", "granit-parser", "serde_json", "thiserror"]),
    ];

    /// What is as good as an async runtime or a framework, wherever it comes from.
    const NEVER_IN_RULES: &[&str] = &["tokio", "async-std", "sqlx", "kube", "leptos", "axum"];

    /// Names of packages, and which each reaches directly by normal dependencies.
    struct Graph {
        reaches: BTreeMap<String, BTreeSet<String>>,
        /// Direct dependencies as written, optional ones included.
        written: BTreeMap<String, BTreeSet<String>>,
    }

    impl Graph {
        fn read() -> Result<Self> {
            let metadata = paths::metadata(&["--all-features"])?;
            let packages = metadata["packages"].as_array().context("no packages")?;
            let names: BTreeMap<&str, &str> = packages
                .iter()
                .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
                .collect();
            let written = packages
                .iter()
                .filter_map(|package| {
                    let dependencies = package["dependencies"].as_array()?;
                    let normal = dependencies.iter().filter(|one| one["kind"].is_null());
                    let normal = normal.filter_map(|one| one["name"].as_str().map(str::to_owned));
                    Some((package["name"].as_str()?.to_owned(), normal.collect()))
                })
                .collect();
            let mut reaches: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for node in metadata["resolve"]["nodes"].as_array().context("no nodes")? {
                let name = names.get(node["id"].as_str().unwrap_or_default()).context("no name")?;
                let found = reaches.entry((*name).to_owned()).or_default();
                for dependency in node["deps"].as_array().context("no deps")? {
                    let id = dependency["pkg"].as_str().unwrap_or_default();
                    if is_normal(dependency) {
                        found.insert((*names.get(id).context("no name")?).to_owned());
                    }
                }
            }
            Ok(Self { reaches, written })
        }

        /// Everything below a crate, with the way that leads there.
        fn below(&self, name: &str) -> BTreeMap<&str, String> {
            let mut found = BTreeMap::new();
            let mut waiting = vec![(name, name.to_owned())];
            while let Some((current, way)) = waiting.pop() {
                for next in self.reaches.get(current).into_iter().flatten() {
                    if !found.contains_key(next.as_str()) {
                        let way = format!("{way} -> {next}");
                        found.insert(next.as_str(), way.clone());
                        waiting.push((next, way));
                    }
                }
            }
            found
        }
    }

    fn is_normal(dependency: &Value) -> bool {
        dependency["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    }

    #[test]
    fn no_crate_sees_what_the_design_hides_from_it() -> Result<()> {
        let graph = Graph::read()?;
        let mut wrong = Vec::new();
        for (name, hidden) in MUST_NOT_SEE {
            let written = graph.written.get(*name).context("unknown crate")?;
            let below = graph.below(name);
            for hidden in *hidden {
                if let Some(way) = below.get(hidden) {
                    wrong.push(way.clone());
                } else if written.contains(*hidden) {
                    wrong.push(format!("{name} -> {hidden} (optional)"));
                }
            }
        }
        assert!(wrong.is_empty(), "these sights are not allowed:\n{}", wrong.join("\n"));
        Ok(())
    }

    #[test]
    fn the_rules_and_the_ports_use_nothing_but_their_list() -> Result<()> {
        let graph = Graph::read()?;
        for (name, allowed) in MAY_SEE_ONLY {
            let written = graph.written.get(*name).context("unknown crate")?;
            let others: Vec<_> = written.iter().filter(|one| !allowed.contains(&one.as_str())).collect();
            assert!(others.is_empty(), "{name} uses {others:?}");
            let below = graph.below(name);
            for hidden in NEVER_IN_RULES {
                assert_eq!(below.get(hidden), None, "{name} reaches {hidden}");
            }
        }
        Ok(())
    }

    #[test]
    fn the_graph_reaches_what_it_should() -> Result<()> {
        // Or the tests above would pass on an empty graph.
        let graph = Graph::read()?;
        for (name, reached) in [("server", "kube"), ("engine", "sqlx"), ("app", "leptos")] {
            assert!(graph.below(name).contains_key(reached), "{name} does not reach {reached}");
        }
        Ok(())
    }
}
