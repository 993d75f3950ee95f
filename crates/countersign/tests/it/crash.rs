//! The process dies: what was acknowledged is there, and nothing is done twice.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::program::{Client, init, program, run};

#[test]
fn a_killed_server_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    assert_eq!(init(dir).code, 0);
    let mut answered = 0;
    for _ in 0..3 {
        let mut client = Client::start(dir, &["wrap", "--server=inventory"]);
        client.ask("tools/list", &json!({}));
        for _ in 0..20 {
            let read = client.call("list_services", &json!({}));
            assert_eq!(Client::refused(&read), "", "{read}");
            answered += 1;
        }
        client.child.kill().unwrap();
        client.child.wait().unwrap();
    }
    let tail = run(dir, &["log", "tail", "-n", "1000", "--json"]);
    let outcomes = tail.out.lines().filter(|line| line.contains(r#""kind":"outcome""#)).count();
    assert_eq!(outcomes, answered);
}

#[test]
fn two_servers_on_one_data_folder_do_not_both_run() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    assert_eq!(init(dir).code, 0);
    let mut first = Command::new(program())
        .args(["up", "--listen", "127.0.0.1:0", "--json"])
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let refused = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        dir.join("countersign/keys/server.json").exists().then(|| run(dir, &["doctor"])).filter(|d| d.code == 0)?;
        Some(run(dir, &["up", "--listen", "127.0.0.1:0"]))
    });
    first.kill().unwrap();
    first.wait().unwrap();
    let refused = refused.expect("the first server answers");
    assert!(refused.code == 1 && refused.err.contains("data-folder-busy"), "{}", refused.err);
}
