//! Writes that fail and processes that end at any moment: a change of files is there whole or not at all, or said to be there by half.

use std::fs;
use std::io::{BufRead as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::json;
use targets::files::Fault;

use crate::faults::{At, How};
use crate::files::{Folder, Server, Tree, every_kind};

/// Demands that a tree is one of two, that a retry ends after, and that taking it back ends before.
fn settles(folder: &Folder, before: &Tree, after: &Tree, what: &str) {
    let mut server = folder.server();
    let found = folder.tree();
    assert!(found == *before || found == *after, "{what}: neither before nor after");
    let applied = found == *after;
    assert_eq!(server.standing("k")["applied"], json!(applied), "{what}");
    let undo = found == *before && server.call("list_changes", json!({})).unwrap().to_string().contains("undo-k");
    if !undo {
        server.change("k", &every_kind()).unwrap();
        assert_eq!(folder.tree(), *after, "{what}: a retry");
    }
    server.undo("k").unwrap();
    assert_eq!(folder.tree(), *before, "{what}: taken back");
    let entries = server.entries();
    assert!(entries.iter().all(|(key, _)| key.is_some()), "{what}: nothing is taken for somebody else's: {entries:?}");
}

fn each_step_fails(undo: bool) {
    for how in [How::Failed, How::Persisted, How::Dead] {
        for at in 0.. {
            let folder = Folder::new();
            let before = folder.tree();
            let fault = At::new(at, how);
            let mut server = folder.faulty(fault.clone());
            if undo {
                server.change("k", &every_kind()).unwrap();
            } else {
                fault.arm();
            }
            let made = server.change("k", &every_kind());
            let after = after(&folder);
            let done = match undo {
                true => {
                    fault.arm();
                    server.undo("k")
                }
                false => made,
            };
            let steps = fault.steps();
            let what = format!("{how:?} at {at} of {steps}, undo {undo}: {done:?}");
            match &done {
                Ok(_) => assert_eq!(folder.tree(), if undo { before.clone() } else { after.clone() }, "{what}"),
                Err((code, _)) if code == "in-doubt" => {}
                // It says that nothing was done, so nothing is.
                Err(_) => assert_eq!(folder.tree(), if undo { after.clone() } else { before.clone() }, "{what}"),
            }
            drop(server);
            settles(&folder, &before, &after, &what);
            if steps <= at {
                assert!(at > 20, "{at} steps");
                break;
            }
        }
    }
}

/// Returns what the tree of a new folder is after the change.
fn after(folder: &Folder) -> Tree {
    let model = Folder::new();
    model.server().change("k", &every_kind()).unwrap();
    let there = |path: std::path::PathBuf| folder.root().join(path.strip_prefix(model.root()).unwrap());
    model.tree().into_iter().map(|(path, is)| (there(path), is)).collect()
}

/// Notes every step.
#[derive(Debug, Default)]
struct Noted(Mutex<Vec<String>>);

impl Fault for Noted {
    fn after(&self, step: &str) -> std::io::Result<()> {
        self.0.lock().unwrap().push(step.to_owned());
        Ok(())
    }
}

#[test]
fn what_is_to_last_is_synced_before_what_follows_from_it() {
    let folder = Folder::new();
    let noted = Arc::<Noted>::default();
    let mut server = folder.faulty(noted.clone());
    let mut steps = |act: &dyn Fn(&mut Server)| {
        noted.0.lock().unwrap().clear();
        act(&mut server);
        noted.0.lock().unwrap().join(" ")
    };
    let edits = json!([{ "path": "new/a", "write": "x" }, { "path": "bytes", "delete": true }]);
    let change = steps(&|server| drop(server.change("k", &edits).unwrap()));
    assert_eq!(
        change,
        "prepare make-folder sync-folder write-file sync-file rename-file sync-folder remove-file sync-folder done"
    );
    let undo = steps(&|server| drop(server.undo("k").unwrap()));
    assert_eq!(
        undo,
        "prepare write-file sync-file rename-file sync-folder remove-file sync-folder remove-folder sync-folder done"
    );
    assert_eq!(steps(&|server| drop(server.standing("k"))), "");
    assert_eq!(steps(&|server| drop(server.call("plan", json!({ "edits": edits })).unwrap())), "");
}

#[test]
fn each_step_of_a_change_may_fail() {
    each_step_fails(false);
}

#[test]
fn each_step_of_taking_back_may_fail() {
    each_step_fails(true);
}

#[test]
fn what_somebody_wrote_over_a_half_is_not_overwritten_and_the_half_is_told() {
    for undo in [false, true] {
        let (mut stuck, mut steps) = (0, 0);
        for at in 0..200 {
            let folder = Folder::new();
            let before = folder.tree();
            let fault = At::new(at, How::Dead);
            let mut server = folder.faulty(fault.clone());
            if undo {
                server.change("k", &every_kind()).unwrap();
            }
            fault.arm();
            let done = if undo { server.undo("k") } else { server.change("k", &every_kind()) };
            drop(server);
            if done.is_ok() {
                break;
            }
            steps += 1;
            let were = fs::read(folder.root().join("a.txt")).unwrap();
            folder.write("a.txt", "theirs");
            let between = folder.tree();
            let mut server = folder.server();
            let standing = server.standing("k");
            assert_eq!(fs::read(folder.root().join("a.txt")).unwrap(), b"theirs", "{at}");
            if standing["applied"] == false {
                continue;
            }
            let whole = undo && server.undo("k").unwrap_err().0 == "reversal-conflict";
            assert_eq!((&standing["stands"], whole), (&json!(false), undo), "{at}: {standing}");
            let named: Vec<_> = folder.tree().into_keys().collect();
            assert!(
                between.keys().all(|path| named.contains(path) || path.to_string_lossy().contains(".countersign-"))
            );
            if !undo {
                stuck += 1;
                assert_eq!(server.change("k", &every_kind()).unwrap_err().0, "in-doubt");
                assert_eq!(server.undo("k").unwrap_err().0, "reversal-conflict");
            }
            // Once the file is as it was found, what is there of the change is taken back.
            fs::write(folder.root().join("a.txt"), were).unwrap();
            server.undo("k").unwrap();
            assert_eq!(folder.tree(), before, "{at}");
            assert_eq!(server.standing("k"), json!({ "applied": false }));
        }
        assert!(steps > 20 && (undo || stuck > 20), "{steps} steps, {stuck} stuck");
    }
}

#[test]
fn a_process_that_is_killed_leaves_a_change_whole_or_not_at_all() {
    let (mut halves, mut ended) = (0, 0);
    for round in 0..100u64 {
        let folder = Folder::new();
        let before = folder.tree();
        let after = after(&folder);
        let undo = round % 2 == 1;
        if undo {
            folder.server().change("k", &every_kind()).unwrap();
        }
        drop(folder.server());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["files_lost::is_killed", "--exact", "--nocapture"])
            .env(TO_BE_KILLED, format!("{}\n{}\n{undo}", folder.root().display(), folder.store().display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        while !said.next().unwrap().unwrap().contains("begins") {}
        // Instants spread over the time that a change takes, and a little more.
        std::thread::sleep(std::time::Duration::from_micros(round * 7_919 % 100 * 120));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = folder.tree();
        halves += usize::from(found != before && found != after);
        ended += usize::from(found == if undo { before.clone() } else { after.clone() });
        let what = format!("round {round}");
        drop(folder.server());
        settles(&folder, &before, &after, &what);
    }
    println!("{halves} halves were found and {ended} had ended");
    assert!(halves > 0, "{halves} halves were found, {ended} had ended");
}

/// Names the variable that tells a process what it is to be killed over.
const TO_BE_KILLED: &str = "COUNTERSIGN_TEST_KILLED";

/// Is the process that is killed: the test above starts it, with what it is to do.
#[test]
fn is_killed() {
    let Some(told) = std::env::var_os(TO_BE_KILLED) else { return };
    let lines: Vec<_> = told.to_str().unwrap().lines().collect();
    let [root, store, undo] = lines.as_slice() else { panic!("{lines:?}") };
    let mut server = Server::open((*root).as_ref(), (*store).as_ref());
    println!("begins");
    std::io::stdout().flush().unwrap();
    let done = if *undo == "true" { server.undo("k") } else { server.change("k", &every_kind()) };
    done.unwrap();
    std::thread::sleep(std::time::Duration::from_secs(60));
}
