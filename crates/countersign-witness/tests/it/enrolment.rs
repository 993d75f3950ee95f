//! Making a witness and enrolling logs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tlog::{Algorithm, CosignerKey, SignerKey};

use crate::program::{Home, Log, NAME, run};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_witness_has_two_keys_that_only_its_owner_reads() {
    let home = Home::new();
    let algorithms: Vec<_> = home.keys.iter().map(|key| (key.name(), key.algorithm())).collect();
    assert_eq!(algorithms, [(NAME, Algorithm::CosignatureV1), (NAME, Algorithm::MlDsa44)]);
    assert_eq!(mode(&home.dir), 0o700);
    for (file, key) in ["ed25519.key", "ml-dsa-44.key"].iter().zip(&home.keys) {
        let path = home.dir.join(file);
        assert_eq!(mode(&path), 0o600);
        let secret = CosignerKey::from_secret_text(fs::read_to_string(path).unwrap().trim_end()).unwrap();
        assert_eq!(secret.verifier(), key);
    }
    for file in ["keys", "checkpoint"] {
        assert_eq!(mode(&home.log_folder().join(file)), 0o600, "{file}");
    }
    let again = home.run(&["keys", "DIR"]);
    let printed: String = home.keys.iter().map(|key| format!("{key}\n")).collect();
    assert_eq!((again.exit, again.out), (0, printed));
}

#[test]
fn a_witness_is_not_made_twice() {
    let home = Home::new();
    let before = fs::read(home.dir.join("ed25519.key")).unwrap();
    let again = home.run(&["init", "DIR", "--name", "another"]);
    assert_eq!((again.exit, again.out.as_str()), (1, ""));
    assert!(
        again.err.contains("holds a witness already") && again.err.contains(" code: state-conflict"),
        "{}",
        again.err
    );
    assert_eq!(fs::read(home.dir.join("ed25519.key")).unwrap(), before);
}

#[test]
fn wrong_command_lines_end_with_2() {
    let home = Home::new();
    let ed25519 = home.keys[0].to_string();
    let cases: [(&[&str], &str); 7] = [
        (&["init", "DIR", "--name", "a b"], "the name `a b` cannot be used"),
        (&["init", "DIR"], "--name"),
        (&["add-log", "DIR", "no key"], "the key cannot be used"),
        (&["add-log", "DIR", &ed25519], "signature type 0x04 is not one that logs sign with"),
        (&["serve", "DIR", "--listen", "nowhere"], "--listen"),
        (&["serve", "DIR", "--timeout", "0"], "--timeout"),
        (&["cosign", "DIR"], "<REQUEST>"),
    ];
    for (args, said) in cases {
        let ended = home.run(args);
        assert_eq!((ended.exit, ended.out.as_str()), (2, ""), "{args:?}: {}", ended.err);
        assert!(ended.err.contains(said), "{args:?}: {}", ended.err);
    }
    let long = SignerKey::ed25519(&"n".repeat(256), &[1; 32]).unwrap();
    let ended = home.run(&["add-log", "DIR", &long.verifier().to_string()]);
    assert!(ended.exit == 2 && ended.err.contains("code: usage-invalid"), "{}", ended.err);
    for help in ["--help", "--version"] {
        assert_eq!(run(&[help]).exit, 0);
    }
}

#[test]
fn there_must_be_a_witness() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    for args in [
        &["keys", dir][..],
        &["serve", dir],
        &["cosign", dir, "request"],
        &["add-log", dir, &Log::new("a").key.verifier().to_string()],
    ] {
        let ended = run(args);
        assert_eq!(ended.exit, 2, "{args:?}");
        assert!(ended.err.contains("holds no witness") && ended.err.contains("code: not-found"), "{}", ended.err);
    }
    assert_eq!(fs::read_dir(dir).unwrap().count(), 0, "looking makes nothing");
    let below = folder.path().join("missing/witness");
    let ended = run(&["init", below.to_str().unwrap(), "--name", NAME]);
    assert!(ended.exit == 1 && ended.err.contains("code: file-unusable"), "{}", ended.err);
}

#[test]
fn enrolling_again_changes_nothing_and_never_resets() {
    let home = Home::new();
    let key = home.log.key.verifier().to_string();
    assert_eq!(home.cosign(home.log.grown(0, 7)).exit, 0);
    let again = home.run(&["add-log", "DIR", &key]);
    assert!(again.exit == 0 && again.err.contains("is enrolled with this key already"), "{}", again.err);
    let refused = home.cosign(home.log.grown(0, 9));
    assert!(refused.exit == 1 && refused.err.contains("has size 7"), "{}", refused.err);
    assert_eq!(home.cosign(home.log.grown(7, 9)).exit, 0);
}

#[test]
fn a_log_gets_a_second_key() {
    let home = Home::new();
    assert_eq!(home.cosign(home.log.grown(0, 7)).exit, 0);
    let next = Log::with_seed("log.example", 2);
    assert_eq!(home.cosign(next.grown(7, 8)).exit, 1, "its key is unknown so far");
    let added = home.run(&["add-log", "DIR", &next.key.verifier().to_string()]);
    assert!(added.exit == 0 && added.err.contains("has one more key"), "{}", added.err);
    for (log, old, size) in [(&next, 7, 8), (&home.log, 8, 9), (&next, 9, 9)] {
        let ended = home.cosign(log.grown(old, size));
        assert_eq!(ended.exit, 0, "{}", ended.err);
        home.check(&log.note(size), &ended.out);
    }
}

#[test]
fn two_keys_that_nobody_could_tell_apart_are_refused() {
    let home = Home::new();
    // Key IDs have only 32 bits: these two of the first 60,000 seeds collide.
    let [one, two] = [11_324u64, 51_932].map(|number| {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        SignerKey::ed25519("log", &seed).unwrap().verifier().to_string()
    });
    assert_eq!(home.run(&["add-log", "DIR", &one]).exit, 0);
    let ended = home.run(&["add-log", "DIR", &two]);
    assert!(ended.exit == 2 && ended.err.contains("another key of `log` has the ID"), "{}", ended.err);
}

#[test]
fn what_a_crash_leaves_of_an_enrolment_is_no_log() {
    let home = Home::new();
    let folder = home.log_folder();
    let half = folder.with_extension("writing");
    fs::rename(&folder, &half).unwrap();
    fs::remove_file(half.join("checkpoint")).unwrap();
    let refused = home.cosign(home.log.grown(0, 7));
    assert!(refused.exit == 1 && refused.err.contains("code: not-found"), "{}", refused.err);
    assert_eq!(home.run(&["add-log", "DIR", &home.log.key.verifier().to_string()]).exit, 0);
    assert_eq!(home.cosign(home.log.grown(0, 7)).exit, 0);
}
