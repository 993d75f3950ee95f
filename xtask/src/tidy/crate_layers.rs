//! Rule: a crate depends only on crates above it (DESIGN §5, with the "never" list 2, 3, 4 and 7).

use super::package::{Dependency, Package};
use super::scan;
use super::tree::Tree;
use super::violation::Violation;

/// The crates that ship, innermost first; each may use those before it.
const ORDER: [&str; 23] = [
    "types",
    "tlog",
    "evidence",
    "policy",
    "stages",
    "models",
    "lineage",
    "replay",
    "store",
    "ledger",
    "executor",
    "connectors",
    "prover",
    "monitor",
    "notify",
    "control",
    "gateway",
    "api",
    "demo",
    "targets",
    "countersign",
    "verify",
    "witness",
];

/// The crates that only test the others: they may use all of them, and are used by tests alone.
const TESTING: [&str; 9] = ["spec", "tamper", "sim", "races", "testkit", "parsers", "bench", "torture", "xtask"];

/// The crates whose inner dependencies are fewer than the order allows.
const ONLY: [(&str, &[&str]); 8] = [
    ("notify", &["store", "types"]),
    ("gateway", &["control", "types"]),
    ("api", &["control", "models", "types"]),
    ("demo", &["types"]),
    ("targets", &["types"]),
    ("verify", &["types", "tlog", "evidence", "policy", "stages", "replay"]),
    ("witness", &["types", "tlog"]),
    ("spec", &["types"]),
];

/// The dependencies that the order allows and the design forbids.
const NEVER: [(&str, &str); 1] = [("executor", "policy")];

/// The database drivers, and who may use them: targets are servers over databases of others, or keep what they need beside files, and the demo's own
/// server keeps its inventory in a database.
const DATABASES: [&str; 3] = ["rusqlite", "postgres", "tokio-postgres"];
const DATABASE_USERS: [&str; 4] = ["store", "targets", "demo", "testkit"];

/// Finds every dependency that points the wrong way.
pub fn check(tree: &Tree) -> Vec<Violation> {
    tree.packages.iter().flat_map(|package| check_package(tree, package)).collect()
}

fn check_package(tree: &Tree, package: &Package) -> Vec<Violation> {
    if !is_known(&package.name) {
        let message =
            format!("the crate `{}` has no place in the order of the layers; give it one in tidy", package.name);
        return vec![Violation::new(&package.manifest, 1, message)];
    }
    let wrong = |dependency: &Dependency| {
        let message = objection(&package.name, dependency)?;
        Some(Violation::new(&package.manifest, line(tree, package, dependency), message))
    };
    package.dependencies.iter().filter_map(wrong).collect()
}

fn is_known(name: &str) -> bool {
    ORDER.contains(&name) || TESTING.contains(&name)
}

fn objection(from: &str, dependency: &Dependency) -> Option<String> {
    let to = dependency.name.as_str();
    if DATABASES.contains(&to) && !dependency.dev && !DATABASE_USERS.contains(&from) {
        return Some(format!("`{from}` depends on `{to}`; only `store` speaks to a database"));
    }
    if !dependency.ours {
        return None;
    }
    if TESTING.contains(&to) {
        let allowed = dependency.dev || TESTING.contains(&from);
        return (!allowed).then(|| format!("`{from}` ships and depends on `{to}`, which is for tests alone"));
    }
    if NEVER.contains(&(from, to)) {
        return Some(format!("`{from}` must not depend on `{to}`"));
    }
    if !dependency.dev
        && let Some((_, allowed)) = ONLY.iter().find(|(name, _)| *name == from)
    {
        let message = || format!("`{from}` depends on `{to}`; of ours it may use only {}", allowed.join(", "));
        return (!allowed.contains(&to)).then(message);
    }
    (position(to) >= position(from)).then(|| format!("`{from}` depends on `{to}`, which is not above it"))
}

/// Returns the place in the order; the testing crates stand after all others.
fn position(name: &str) -> usize {
    ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len())
}

/// Returns the line of the manifest that declares the dependency, or the first.
pub fn line(tree: &Tree, package: &Package, dependency: &Dependency) -> usize {
    let text = tree.file(&package.manifest).map_or("", |file| file.text.as_str());
    let declares = |line: &str| {
        let rest = line.strip_prefix(&dependency.alias);
        rest.is_some_and(|rest| !rest.starts_with(|c| scan::in_word(c) || c == '-'))
    };
    text.lines().position(declares).map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::super::package::planted::package;
    use super::super::tree::{File, Tree};
    use super::*;

    fn found(name: &str, dependency: &str) -> Vec<String> {
        let tree = Tree::new(Vec::new(), vec![package(name, &[dependency])]);
        check(&tree).into_iter().map(|violation| violation.message).collect()
    }

    fn is_refused(name: &str, dependency: &str) -> bool {
        !found(name, dependency).is_empty()
    }

    #[test]
    fn a_crate_uses_those_above_it() {
        assert!(!is_refused("ledger", "+store"));
        assert!(is_refused("store", "+ledger"));
        assert!(is_refused("tlog", "~+evidence"));
        assert!(is_refused("store", "+store"));
    }

    #[test]
    fn pure_stages_do_not_see_the_shell() {
        for shell in ["+store", "+ledger", "+executor", "+connectors", "+monitor"] {
            assert!(is_refused("policy", shell) && is_refused("stages", shell), "{shell}");
        }
    }

    #[test]
    fn the_edge_reaches_only_control() {
        assert!(!is_refused("gateway", "+control"));
        for (name, dependency) in [("gateway", "+store"), ("api", "+gateway"), ("api", "+connectors")] {
            assert!(is_refused(name, dependency), "{name} {dependency}");
        }
        assert!(!is_refused("gateway", "~+policy"));
    }

    #[test]
    fn doing_and_deciding_are_apart() {
        assert!(is_refused("executor", "+policy") && is_refused("executor", "~+policy"));
        assert!(!is_refused("executor", "+stages"));
    }

    #[test]
    fn the_verifier_needs_neither_shell_nor_edge() {
        assert!(!is_refused("verify", "+replay"));
        assert!(is_refused("verify", "+store") && is_refused("verify", "+models") && is_refused("verify", "+control"));
    }

    #[test]
    fn the_witness_needs_the_foundation_alone() {
        assert!(!is_refused("witness", "+tlog") && !is_refused("witness", "+types"));
        assert!(is_refused("witness", "+evidence") && is_refused("witness", "+ledger"));
    }

    #[test]
    fn testing_crates_are_used_by_tests_alone() {
        assert!(!is_refused("stages", "~+spec"));
        assert!(!is_refused("testkit", "+control") && !is_refused("sim", "+testkit"));
        assert!(is_refused("stages", "+testkit") && is_refused("spec", "+stages"));
    }

    #[test]
    fn only_the_store_speaks_to_a_database() {
        assert!(!is_refused("store", "rusqlite") && !is_refused("ledger", "~rusqlite"));
        assert!(is_refused("ledger", "rusqlite") && is_refused("control", "tokio-postgres"));
    }

    #[test]
    fn an_unknown_crate_needs_a_place() {
        assert!(is_refused("novel", "serde"));
    }

    #[test]
    fn the_line_of_the_manifest_is_named() {
        let manifest = b"[dependencies]\nledger-extra = \"1\"\nledger.workspace = true\n".to_vec();
        let file = File::new("crates/store/Cargo.toml", manifest);
        let tree = Tree::new(vec![file], vec![package("store", &["+ledger"])]);
        assert_eq!(check(&tree).first().unwrap().line, 3);
    }
}
