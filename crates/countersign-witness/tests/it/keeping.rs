//! What is kept: across kills, beside a second process, after damage, and when the disk refuses.

use std::fs;

use tlog::Note;

use crate::program::{Home, Log, Running};

/// The size that the witness says it has cosigned last.
fn told(running: &Running, log: &Log) -> u64 {
    let conflict = running.ask(log.grown(399, 400));
    assert_eq!(conflict.status, 409, "{conflict:?}");
    conflict.body.trim().parse().unwrap()
}

#[test]
fn a_kill_between_requests_loses_nothing_that_was_cosigned() {
    let home = Home::new();
    let mut latest = 0;
    for round in 0..20 {
        let running = home.serve();
        assert_eq!(told(&running, &home.log), latest, "round {round}");
        for _ in 0..3 {
            assert_eq!(running.ask(home.log.grown(latest, latest + 2)).status, 200);
            latest += 2;
        }
        running.kill();
    }
}

#[test]
fn a_kill_during_a_request_leaves_the_old_tree_or_the_new_one() {
    let home = Home::new();
    let mut latest = 0;
    for round in 0..40u64 {
        let running = home.serve();
        assert_eq!(running.ask(home.log.grown(latest, latest + 1)).status, 200);
        latest += 1;
        let stream = running.send(home.log.grown(latest, latest + 3));
        // Half of the rounds kill at once, the others a little later each time.
        (0..(round / 2) * (round % 2) * 2_000).for_each(|_| std::hint::spin_loop());
        running.kill();
        drop(stream);
        let again = home.serve();
        let now = told(&again, &home.log);
        assert!(now == latest || now == latest + 3, "round {round}: {latest}, then {now}");
        latest = now;
    }
}

#[test]
fn what_a_crash_has_left_beside_the_state_does_not_matter() {
    let home = Home::new();
    assert_eq!(home.cosign(home.log.grown(0, 7)).exit, 0);
    fs::write(home.log_folder().join("checkpoint.writing"), "half a checkp").unwrap();
    assert_eq!(home.cosign(home.log.grown(7, 9)).exit, 0);
    assert!(!home.log_folder().join("checkpoint.writing").exists());
}

#[test]
fn two_processes_do_not_share_a_witness() {
    let home = Home::new();
    let running = home.serve();
    let key = Log::new("new.example").key.verifier().to_string();
    let commands: [&[&str]; 3] =
        [&["serve", "DIR", "--listen", "127.0.0.1:0"], &["cosign", "DIR", "none"], &["add-log", "DIR", &key]];
    for args in commands {
        let ended = home.run(args);
        assert_eq!((ended.exit, ended.out.as_str()), (1, ""), "{args:?}");
        assert!(
            ended.err.contains("another process has the witness") && ended.err.contains("code: data-folder-busy"),
            "{}",
            ended.err
        );
    }
    assert_eq!(home.run(&["keys", "DIR"]).exit, 0, "whoever writes a policy needs the keys of a witness that runs");
    assert_eq!(running.ask(home.log.grown(0, 7)).status, 200);
    running.kill();
    assert_eq!(home.cosign(home.log.grown(7, 9)).exit, 0, "a killed process holds no lock");
}

#[test]
fn a_missing_state_is_never_taken_for_a_new_log() {
    for file in ["checkpoint", "keys"] {
        let home = Home::new();
        assert_eq!(home.cosign(home.log.grown(0, 7)).exit, 0);
        let path = home.log_folder().join(file);
        let aside = home.dir.join("aside");
        fs::rename(&path, &aside).unwrap();
        let key = home.log.key.verifier().to_string();
        for args in [&["serve", "DIR", "--listen", "127.0.0.1:0"][..], &["add-log", "DIR", &key]] {
            let ended = home.run(args);
            assert!(ended.exit == 1 && ended.err.contains("code: evidence-missing"), "{args:?}: {}", ended.err);
        }
        let refused = home.cosign(home.log.fork().grown(0, 9));
        assert!(refused.exit == 1 && refused.err.contains("is missing") && refused.out.is_empty(), "{}", refused.err);
        fs::rename(&aside, &path).unwrap();
        assert_eq!(home.cosign(home.log.grown(7, 9)).exit, 0);
    }
}

#[test]
fn an_altered_state_is_refused() {
    let home = Home::new();
    assert_eq!(home.cosign(home.log.grown(0, 7)).exit, 0);
    let (checkpoint, keys) = (home.log_folder().join("checkpoint"), home.log_folder().join("keys"));
    let state = fs::read_to_string(&checkpoint).unwrap();
    let other = Log::new("other.example").note(3).to_string();
    let unsigned = state.split_inclusive("\n\n").next().unwrap().replacen("\n7\n", "\n0\n", 1);
    let altered =
        [String::new(), state.replacen("\n7\n", "\n6\n", 1), other, unsigned, state[..state.len() - 9].to_owned()];
    for text in altered {
        fs::write(&checkpoint, &text).unwrap();
        let ended = home.run(&["serve", "DIR", "--listen", "127.0.0.1:0"]);
        assert!(
            ended.exit == 1 && ended.err.contains("was altered") && ended.err.contains("code: evidence-broken"),
            "{text}: {}",
            ended.err
        );
    }
    fs::write(&checkpoint, &state).unwrap();
    for text in ["", "no key\n", &format!("{}\n", Log::new("other.example").key.verifier())] {
        let there = fs::read_to_string(&keys).unwrap();
        fs::write(&keys, text).unwrap();
        let ended = home.cosign(home.log.grown(7, 9));
        assert!(ended.exit == 1 && ended.err.contains("code: evidence-broken"), "{text}: {}", ended.err);
        fs::write(&keys, there).unwrap();
    }
    assert_eq!(home.cosign(home.log.grown(7, 9)).exit, 0);
}

#[test]
fn a_log_in_anothers_folder_is_refused() {
    let home = Home::new();
    let folder = home.log_folder();
    fs::rename(&folder, folder.with_file_name("0".repeat(64))).unwrap();
    let ended = home.cosign(home.log.grown(0, 7));
    assert!(ended.exit == 1 && ended.err.contains("code: evidence-broken"), "{}", ended.err);
}

#[test]
fn a_state_that_cannot_be_stored_stops_its_log_and_no_other() {
    let home = Home::new();
    let other = Log::new("other.example");
    let folder = home.log_folder();
    assert_eq!(home.run(&["add-log", "DIR", &other.key.verifier().to_string()]).exit, 0);
    let running = home.serve();
    assert_eq!(running.ask(home.log.grown(0, 7)).status, 200);
    // Where the file is to be written first stands a folder.
    let obstacle = folder.join("checkpoint.writing");
    fs::create_dir(&obstacle).unwrap();
    let answer = running.ask(home.log.grown(7, 9));
    assert!(answer.is(503, "journal-stopped") && !answer.body.contains("witness.example"), "{answer:?}");
    fs::remove_dir(&obstacle).unwrap();
    for request in [home.log.grown(7, 9), home.log.grown(7, 7)] {
        assert!(running.ask(request).is(503, "journal-stopped"), "it stays stopped, though the disk would do");
    }
    assert_eq!(running.ask(other.grown(0, 3)).status, 200);
    running.kill();
    let stored = Note::parse(&fs::read(folder.join("checkpoint")).unwrap()).unwrap();
    assert_eq!(stored, home.log.note(7));
    assert_eq!(home.serve().ask(home.log.grown(7, 9)).status, 200);
}

#[test]
fn keys_that_cannot_be_used_stop_the_start() {
    let home = Home::new();
    for file in ["ed25519.key", "ml-dsa-44.key"] {
        let path = home.dir.join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..40]).unwrap();
        let ended = home.run(&["serve", "DIR", "--listen", "127.0.0.1:0"]);
        assert!(ended.exit == 1 && ended.err.contains("code: keys-unusable"), "{}", ended.err);
        assert!(!ended.err.contains(&text[20..40]), "no part of a key is shown: {}", ended.err);
        fs::write(&path, text).unwrap();
    }
    fs::remove_file(home.dir.join("ml-dsa-44.key")).unwrap();
    let ended = home.run(&["keys", "DIR"]);
    assert!(ended.exit == 1 && ended.err.contains("code: keys-unusable"), "{}", ended.err);
}
