//! The demo is a test: every scene is held against what the inventory says afterwards.

use crate::program::run;

#[test]
fn every_scene_comes_out_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["demo", "--once", "--json", "--listen", "127.0.0.1:0"]);
    let told = said.json();
    let other: Vec<&serde_json::Value> =
        told["scenes"].as_array().unwrap().iter().filter(|scene| scene["as_told"] != true).collect();
    assert!(other.is_empty(), "{other:#?}\n{}", said.err);
    assert_eq!((said.code, told["scenes"].as_array().unwrap().len()), (0, 12));

    let dir = ["--dir", "countersign-demo"];
    let check = run(folder.path(), &[&dir[..], &["log", "check", "--json"]].concat());
    assert_eq!(check.code, 0, "{}", check.err);
    assert_eq!(check.json()["walk"]["open_intents"].as_object().unwrap().len(), 0);
}
