//! Keys on the command line: which are good still, and who is sent one.

use crate::program::{Client, begun, run};
use crate::wrap::impostor;

#[test]
fn a_key_that_has_expired_is_not_listed_as_live() {
    let folder = begun();
    let dir = folder.path();
    let client = Client::wrap(dir, "inventory");
    assert_eq!(run(dir, &["key", "create", "--agent", "agent", "--for", "1s"]).code, 0);
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let listed = run(dir, &["key", "list"]).out;
    let last = listed.lines().last().unwrap();
    assert!(last.contains("agent:agent") && last.ends_with("expired"), "{listed}");
    assert_eq!(listed.matches("expired").count(), 1, "{listed}");
    client.finish();
}

#[test]
fn a_server_that_does_not_run_on_the_data_folder_is_sent_no_key_of_it() {
    let folder = begun();
    let dir = folder.path();
    let client = Client::wrap(dir, "inventory");
    let text = std::fs::read_to_string(dir.join("countersign/keys/server.json")).unwrap();
    let running: serde_json::Value = serde_json::from_str(&text).unwrap();
    let url = running["url"].as_str().unwrap();
    assert_eq!(run(dir, &["approvals", "--url", &format!("{url}/")]).code, 0, "it is this folder's own");
    let elsewhere = tempfile::tempdir().unwrap();
    let other = run(elsewhere.path(), &["approvals", "--url", url]);
    assert_eq!((other.code, other.err.contains("--key")), (3, true), "{}", other.err);
    // The same server under another name is another one, as far as anybody can tell.
    let renamed = run(dir, &["approvals", "--url", &url.replace("127.0.0.1", "localhost")]);
    assert_ne!(renamed.code, 0);

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heard = impostor(listener);
    run(dir, &["approvals", "--url", &format!("http://{address}")]);
    let heard = heard.lock().unwrap().to_lowercase();
    assert!(heard.contains("get /v1/approvals") && !heard.contains("authorization"), "{heard}");
    client.finish();
}
