//! Processes that end at any moment, and others who write at any moment: what a server holds is never a half, and nobody's change is lost.

use std::io::{BufRead as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::http::{A, Target, limit};
use crate::http_double::Double;

#[test]
fn a_process_that_is_killed_leaves_what_was_or_what_was_wanted() {
    let mut ended = 0;
    for round in 0..60u64 {
        let (double, store) = (Double::start(true), tempfile::tempdir().unwrap());
        double.put(A, json!({ "limit": 1 }));
        let undo = round % 2 == 1;
        let mut target = Target::open(&double, &store);
        if undo {
            target.limit("k", 5).unwrap();
        }
        drop(target);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["http_lost::is_killed", "--exact", "--nocapture"])
            .env(TO_BE_KILLED, format!("{}\n{}\n{undo}", double.at, store.path().display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        while !said.next().unwrap().unwrap().contains("begins") {}
        // Instants spread over the time that a change takes, and a little more.
        std::thread::sleep(Duration::from_micros(round * 7_919 % 60 * 250));
        child.kill().unwrap();
        child.wait().unwrap();
        // What the server has taken in by then it does.
        std::thread::sleep(Duration::from_millis(20));
        let mut target = Target::open(&double, &store);
        let found = limit(&double).unwrap();
        assert!(found == 1 || found == 5, "round {round}: {found}");
        ended += usize::from(found == if undo { 1 } else { 5 });
        assert_eq!(target.standing("k")["applied"], json!(found == 5), "round {round}");
        if !undo {
            target.limit("k", 5).unwrap();
        }
        target.undo("k").unwrap();
        assert_eq!(limit(&double), Some(1), "round {round}");
        assert!(target.entries().iter().all(Option::is_some), "round {round}");
    }
    println!("{ended} of 60 had ended");
    assert!((1..60).contains(&ended), "{ended} of 60 had ended");
}

/// Names the variable that tells a process what it is to be killed over.
const TO_BE_KILLED: &str = "COUNTERSIGN_TEST_HTTP_KILLED";

/// Is the process that is killed: the test above starts it, with what it is to do.
#[test]
fn is_killed() {
    let Some(told) = std::env::var_os(TO_BE_KILLED) else { return };
    let lines: Vec<_> = told.to_str().unwrap().lines().collect();
    let [at, store, undo] = lines.as_slice() else { panic!("{lines:?}") };
    let mut target = Target::at(at, store.as_ref());
    println!("begins");
    std::io::stdout().flush().unwrap();
    let done = if *undo == "true" { target.undo("k") } else { target.limit("k", 5) };
    done.unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn nobodys_change_is_lost_among_a_thousand() {
    let (double, store) = (Double::start(true), tempfile::tempdir().unwrap());
    double.put(A, json!({ "limit": 1, "theirs": 0 }));
    let over = Arc::new(AtomicBool::new(false));
    // Somebody else counts up in the same resource, by its version, as fast as it can.
    let (others, ends) = (double.clone(), over.clone());
    let theirs = std::thread::spawn(move || {
        let mut written = 0;
        while !ends.load(Ordering::SeqCst) {
            written += i64::from(others.counts_up(A));
            std::thread::sleep(Duration::from_millis(2 + written.unsigned_abs() % 9));
        }
        written
    });
    let mut target = Target::open(&double, &store);
    let (mut made, mut refused, mut back, mut conflicts) = (0, 0, 0, 0);
    for number in 0..1_000 {
        let key = format!("k{number}");
        // What takes it back puts the whole resource in place, theirs with it.
        match target.call("enable_queue", json!({ "queue": "a", "change": key })) {
            Ok(_) => made += 1,
            Err((code, why)) => {
                assert_eq!(code, "state-conflict", "{why}");
                refused += 1;
                continue;
            }
        }
        match target.undo(&key) {
            Ok(_) => back += 1,
            Err((code, why)) => {
                assert!(code == "reversal-conflict" || code == "state-conflict", "{code}: {why}");
                conflicts += 1;
            }
        }
    }
    over.store(true, Ordering::SeqCst);
    let written = theirs.join().unwrap();
    assert_eq!(double.get(A).unwrap()["theirs"], json!(written), "each of theirs is there");
    println!("{made} made, {refused} refused, {back} taken back, {conflicts} conflicts, {written} of others");
    assert!(written > 100 && made > 0 && refused + conflicts > 0, "{made} {refused} {back} {conflicts} {written}");
}
