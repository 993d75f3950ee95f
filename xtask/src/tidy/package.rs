//! The workspace's packages and what they depend on, as `cargo metadata` tells it.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::error::TidyError;

const COMMAND: &str = "cargo metadata";
const PREFIX: &str = "countersign-";

/// Holds the workspace.
#[derive(Debug)]
pub struct Workspace {
    /// The folder of the root manifest.
    pub root: PathBuf,
    /// Every member.
    pub packages: Vec<Package>,
}

/// Holds one member of the workspace.
#[derive(Debug, Clone)]
pub struct Package {
    /// The name without the prefix `countersign-`.
    pub name: String,
    /// The manifest's path from the root of the repository.
    pub manifest: String,
    /// What it declares to depend on, of ours and of others.
    pub dependencies: Vec<Dependency>,
    /// True if cargo runs the tests that stand in its sources.
    pub runs_unit_tests: bool,
}

/// Holds one declared dependency.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// The package's name, for ours without the prefix.
    pub name: String,
    /// The name the manifest calls it by.
    pub alias: String,
    /// True if it is a member of the workspace.
    pub ours: bool,
    /// True if only tests, benches and examples see it.
    pub dev: bool,
}

/// Asks cargo for the workspace; neither the network nor a lock is needed.
///
/// # Errors
///
/// [`TidyError::Start`] or [`TidyError::Failed`] if cargo cannot answer; [`TidyError::Answer`] if the answer lacks
/// what the rules need. No others.
pub fn workspace() -> Result<Workspace, TidyError> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let output = cargo.output().map_err(|cause| TidyError::Start { command: COMMAND, cause })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(TidyError::Failed { command: COMMAND, said });
    }
    let answer = serde_json::from_slice(&output.stdout)
        .map_err(|cause| TidyError::Answer { command: COMMAND, cause: cause.to_string() })?;
    read(&answer).ok_or_else(|| TidyError::Answer { command: COMMAND, cause: "a field is missing".to_owned() })
}

fn read(answer: &Value) -> Option<Workspace> {
    let root = text(answer, "workspace_root")?;
    let packages = answer.get("packages")?.as_array()?.iter().map(|package| read_package(package, &root));
    Some(Workspace { packages: packages.collect::<Option<_>>()?, root: root.into() })
}

fn read_package(package: &Value, root: &str) -> Option<Package> {
    let manifest = text(package, "manifest_path")?;
    let manifest = manifest.strip_prefix(root).unwrap_or(&manifest).trim_start_matches('/').to_owned();
    let dependencies = package.get("dependencies")?.as_array()?.iter().map(read_dependency);
    let runs_unit_tests = package.get("targets")?.as_array()?.iter().any(is_tested);
    let name = short(&text(package, "name")?);
    Some(Package { name, manifest, dependencies: dependencies.collect::<Option<_>>()?, runs_unit_tests })
}

fn is_tested(target: &Value) -> bool {
    let kinds = target.get("kind").and_then(Value::as_array).into_iter().flatten();
    let is_source = kinds.filter_map(Value::as_str).any(|kind| kind == "lib" || kind == "bin");
    is_source && target.get("test") == Some(&Value::Bool(true))
}

fn read_dependency(dependency: &Value) -> Option<Dependency> {
    let full = text(dependency, "name")?;
    let ours = text(dependency, "path").is_some();
    let name = if ours { short(&full) } else { full.clone() };
    let alias = text(dependency, "rename").unwrap_or(full);
    Some(Dependency { name, alias, ours, dev: text(dependency, "kind").as_deref() == Some("dev") })
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn short(name: &str) -> String {
    name.strip_prefix(PREFIX).unwrap_or(name).to_owned()
}

#[cfg(test)]
pub mod planted {
    //! Packages that tests plant violations in.

    use super::{Dependency, Package};

    /// Returns a package of ours; a dependency is ours if it starts with `+`, for tests alone if it starts with `~`.
    pub fn package(name: &str, dependencies: &[&str]) -> Package {
        let dependencies = dependencies.iter().map(|text| {
            let name = text.trim_start_matches(['+', '~']).to_owned();
            Dependency { alias: name.clone(), name, ours: text.contains('+'), dev: text.starts_with('~') }
        });
        Package {
            name: name.to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            dependencies: dependencies.collect(),
            runs_unit_tests: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read() {
        let answer = serde_json::json!({
            "workspace_root": "/r",
            "packages": [{
                "name": "countersign-tlog",
                "manifest_path": "/r/crates/tlog/Cargo.toml",
                "dependencies": [
                    {"name": "countersign-types", "rename": "types", "kind": null, "path": "/r/crates/types"},
                    {"name": "proptest", "rename": null, "kind": "dev"},
                ],
                "targets": [{"kind": ["lib"], "test": false}, {"kind": ["test"], "test": true}],
            }],
        });
        let workspace = read(&answer).unwrap();
        let package = workspace.packages.first().unwrap();
        assert_eq!((package.name.as_str(), package.manifest.as_str()), ("tlog", "crates/tlog/Cargo.toml"));
        let seen: Vec<_> = package.dependencies.iter().map(|d| (d.name.as_str(), d.ours, d.dev)).collect();
        assert_eq!(seen, [("types", true, false), ("proptest", false, true)]);
        assert!(!package.runs_unit_tests);
    }
}
