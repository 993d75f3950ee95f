//! The process dies: what was acknowledged is there, and nothing is done twice.

use std::time::Duration;

use serde_json::json;

use crate::program::{Client, begun, log_tail, run, serve, up};

#[test]
fn a_killed_server_loses_nothing_that_was_answered() {
    let folder = begun();
    let dir = folder.path();
    let mut answered = 0;
    for _ in 0..3 {
        let mut client = Client::wrap(dir, "inventory");
        client.ask("tools/list", &json!({}));
        for _ in 0..20 {
            client.lists_services();
            answered += 1;
        }
        client.kill();
    }
    let outcomes = log_tail(dir).matches(r#""kind":"outcome""#).count();
    assert_eq!(outcomes, answered);
}

#[test]
fn two_servers_on_one_data_folder_do_not_both_run() {
    let folder = begun();
    let dir = folder.path();
    let mut first = serve(dir);
    let refused = (0..600).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        dir.join("countersign/keys/server.json").exists().then(|| run(dir, &["doctor"])).filter(|d| d.code == 0)?;
        Some(up(dir))
    });
    first.kill().unwrap();
    first.wait().unwrap();
    let refused = refused.expect("the first server answers");
    assert!(refused.code == 1 && refused.err.contains("data-folder-busy"), "{}", refused.err);
}
