//! Rule: no file of the repository names a path of somebody's machine or the host of a package registry; lock files
//! alone may.

use super::scan;
use super::tree::{File, Tree};
use super::violation::Violation;

// In parts, so that this file passes its own rule.
const ROOTS: [&str; 3] = ["work", "root", "home"];
const HOSTS: [[&str; 2]; 6] = [
    ["crates", "io"],
    ["npmjs", "org"],
    ["npmjs", "com"],
    ["pypi", "org"],
    ["pythonhosted", "org"],
    ["proxy.golang", "org"],
];

/// Finds paths and hosts that mean nothing to a reader elsewhere.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let files = tree.files.iter().filter(|file| !file.path.ends_with(".lock"));
    files.flat_map(|file| paths(file).into_iter().chain(hosts(file))).collect()
}

fn paths(file: &File) -> Vec<Violation> {
    let text = file.text.as_str();
    let mut found = Vec::new();
    for root in ROOTS.map(|root| format!("/{root}/")) {
        let starts = text.match_indices(&root).map(|(at, _)| at).filter(|at| opens_path(text, *at));
        found.extend(
            starts.map(|at| {
                Violation::new(&file.path, scan::line(text, at), format!("`{root}` is a path of one machine"))
            }),
        );
    }
    found
}

/// Returns true if no path or variable ends right before the slash.
fn opens_path(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|head| head.chars().next_back());
    !before.is_some_and(|c| scan::in_word(c) || ".-~})*>$@".contains(c))
}

fn hosts(file: &File) -> Vec<Violation> {
    let text = file.text.as_str();
    let mut found = Vec::new();
    for host in HOSTS.map(|parts| parts.join(".")) {
        let message = format!("`{host}` is the host of a package registry");
        found.extend(
            scan::words(text, &host).map(|at| Violation::new(&file.path, scan::line(text, at), message.clone())),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted::tree;
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&tree(&[(path, text)])).len()
    }

    #[test]
    fn machine_paths_are_found() {
        for root in ROOTS {
            assert_eq!(found("a.md", &format!("see \"/{root}/me\" and file:///{root}/b")), 2, "{root}");
        }
    }

    #[test]
    fn folders_of_that_name_may_be() {
        let root = ROOTS.join("/");
        assert_eq!(found("a.md", &format!("docs/{root}/a ~/{root}/b ${{HOME}}/{root}/c")), 0);
    }

    #[test]
    fn registry_hosts_are_found() {
        for host in HOSTS.map(|parts| parts.join(".")) {
            assert_eq!(found("a.toml", &format!("url = \"https://index.{host}/a\"")), 1, "{host}");
            assert_eq!(found("Cargo.lock", &host), 0);
        }
    }
}
