//! No binary that is shipped has planted bugs in it, nor a race test's scheduler or its journal in memory.

use std::process::Command;

/// Lists the packages that a package is built from, each with its features.
fn features(arguments: &[&str]) -> String {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--manifest-path", manifest, "-e", "normal,build", "-f", "{p} [{f}]"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_shipped_has_no_planted_bugs() {
    for shipped in ["countersign", "countersign-verify"] {
        let tree = features(&["-p", shipped]);
        assert!(
            tree.contains("countersign-types") && !tree.contains("mutants") && !tree.contains("points"),
            "{shipped}: {tree}"
        );
        assert!(!tree.contains("shuttle") && !tree.contains("[memory]"), "{shipped}: {tree}");
    }
    let raced = features(&["-p", "countersign-races", "--features", "shuttle"]);
    assert!(raced.contains("shuttle v0") && raced.contains("[memory]"), "{raced}");
    let planted = features(&["-p", "countersign-sim", "--features", "mutants"]);
    assert!(planted.contains("mutants"), "{planted}");
}
