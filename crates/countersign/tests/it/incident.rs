//! Replaying an incident: the servers are gone, the agent or the policy is another, and the record answers.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{Client, Said, run};

const DEMO: [&str; 2] = ["--dir", "countersign-demo"];

/// Plays the demo and returns its folder, in which nothing runs any more.
fn played() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["demo", "--once", "--json", "--listen", "127.0.0.1:0"]);
    assert_eq!(said.code, 0, "{}", said.err);
    folder
}

fn incident(dir: &Path, words: &[&str]) -> Said {
    run(dir, &[&DEMO[..], &["incident"], words].concat())
}

/// Is the command of the demo's agent, as `incident run` takes it.
fn agent<'a>(program: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["--", program, "demo", "--agent"][..], more].concat()
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign");

#[test]
fn the_same_agent_under_the_same_rules_differs_in_nothing_and_touches_nothing() {
    let folder = played();
    let dir = folder.path();
    let journal = || fs::read(dir.join("countersign-demo/data/journal.db")).unwrap();
    let (before, services) = (journal(), fs::read(dir.join("countersign-demo/inventory.db")).unwrap());
    // Nothing of what was called then can be reached.
    fs::remove_file(dir.join("countersign-demo/inventory.db")).unwrap();
    let said = incident(dir, &[&["run", "last", "--runs", "3", "--json"][..], &agent(PROGRAM, &[])].concat());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let told = said.json();
    assert_eq!((&told["summary"]["runs_without_difference"], &told["summary"]["same"]), (&json!(3), &json!(36)));
    assert_eq!(told["summary"]["interval_bp"], json!([4384, 10000]));
    assert!(told["gaps"].as_array().unwrap().is_empty() && told["extra"].as_array().unwrap().is_empty(), "{told}");
    assert!(!dir.join("countersign-demo/inventory.db").exists() && !services.is_empty());
    assert_eq!(before, journal(), "the journal is as it was");

    let alone = incident(dir, &["run", "last"]);
    assert!(alone.code == 0 && alone.out.starts_with("ok 1 of 1 runs"), "{}{}", alone.out, alone.err);
    assert!(alone.out.contains("facts as recorded: cases, catalogue, clock"), "{}", alone.out);
    let listed = incident(dir, &["list", "--json"]).json();
    assert_eq!((&listed["sessions"][0]["agent"], &listed["sessions"][0]["decisions"]), (&json!("sre-bot"), &json!(13)));
}

#[test]
fn an_agent_that_varies_is_told_call_by_call_with_its_spread() {
    let folder = played();
    let words = [&["run", "last", "--runs", "6", "--json"][..], &agent(PROGRAM, &["--vary"])].concat();
    let said = incident(folder.path(), &words);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let told = said.json();
    let call = |number: usize| &told["calls"][number - 1];
    // By the number of the run: 6, 8 and 12 replicas in turn, and no mail in every third.
    assert_eq!((&call(7)["arguments_differ"], &call(7)["same"]), (&json!(4), &json!(2)));
    let variants = call(7)["variants"].as_array().unwrap();
    assert_eq!(variants.len(), 2);
    assert!(variants.iter().all(|v| v["differs"] == json!(["/replicas"]) && v["runs"] == 2), "{variants:?}");
    let spread =
        json!({ "pointer": "/replicas", "recorded": "12", "min": "6", "median": "8", "max": "12", "distinct": 3 });
    assert_eq!(call(7)["numbers"], json!([spread]));
    assert_eq!((&call(3)["missing"], &call(3)["same"]), (&json!(2), &json!(4)));
    assert_eq!(told["summary"]["runs_without_difference"], 0);
    assert_eq!(told["summary"]["would_need_a_person"], 4, "another number of replicas was never put to anybody");
    assert!(call(1)["same"] == 6 && call(12)["same"] == 6, "{told}");
    let told = incident(folder.path(), &[&["run", "last", "--runs", "2"][..], &agent(PROGRAM, &["--vary"])].concat());
    assert!(
        told.out.contains("1 of 2 made it with other arguments") || told.out.contains("2 of 2 made it"),
        "{}",
        told.out
    );
    assert!(told.out.contains("/replicas: 6 to 8, median 6, recorded 12"), "{}", told.out);
}

/// Copies the demo's bundle with one text put for another.
fn new_bundle(dir: &Path, path: &str, from: &str, to: &str) {
    let copied =
        std::process::Command::new("cp").args(["-r", "countersign-demo/bundle", "new"]).current_dir(dir).status();
    assert!(copied.unwrap().success());
    let path = dir.join("new").join(path);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replace(from, to)).unwrap();
}

#[test]
fn another_bundle_is_told_by_the_code_that_made_it_differ() {
    let folder = played();
    let dir = folder.path();
    let forbid = "@id(\"no-drafts\")\nforbid (principal, action in Action::\"class:mail-draft\", resource);\n\n@id(\"mail.draft\")";
    new_bundle(dir, "policies/agents.cedar", "@id(\"mail.draft\")", forbid);
    for words in [
        vec!["run", "last", "--bundle", "new", "--json"],
        [&["run", "last", "--bundle", "new", "--json"][..], &agent(PROGRAM, &[])].concat(),
    ] {
        let said = incident(dir, &words);
        assert_eq!(said.code, 1, "{}{}", said.out, said.err);
        let told = said.json();
        assert_eq!((&told["summary"]["other_verdict"], &told["summary"]["missing"]), (&json!(1), &json!(0)), "{told}");
        let draft = &told["calls"][2];
        assert_eq!((&draft["recorded"]["verdict"], &draft["rulings"][0]["verdict"]), (&json!("allow"), &json!("deny")));
        assert_eq!(draft["rulings"][0]["code"], "policy-forbids");
    }
    let told = incident(dir, &["run", "last", "--bundle", "new"]);
    assert!(told.out.contains("recorded allow\n         it deny (policy-forbids)"), "{}", told.out);
    let active = incident(dir, &["run", "last", "--bundle", "countersign-demo/bundle"]);
    assert_eq!(active.code, 0, "{}{}", active.out, active.err);
}

#[test]
fn an_exported_session_is_replayed_elsewhere_as_far_as_it_is_shown() {
    let folder = played();
    let dir = folder.path();
    let session = incident(dir, &["list", "--json"]).json()["sessions"][0]["session"].as_str().unwrap().to_owned();
    let key = run(dir, &[&DEMO[..], &["log", "key"]].concat()).out.trim().to_owned();
    let export = |more: &[&str], file: &str| {
        let words = ["log", "export", "--session", &session, "-o", file];
        let said = run(dir, &[&DEMO[..], &words, more].concat());
        assert_eq!(said.code, 0, "{}", said.err);
    };
    export(&[], "whole.evidence");
    export(&["--withhold", "arguments"], "bare.evidence");
    export(&["--withhold", "result"], "mute.evidence");
    export(&["--without-policy"], "ruleless.evidence");
    fs::remove_dir_all(dir.join("countersign-demo")).unwrap();

    let whole = run(
        dir,
        &[&["incident", "run", "whole.evidence", "--log-key", &key, "--runs", "2"][..], &agent(PROGRAM, &[])].concat(),
    );
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    let bare = run(dir, &["incident", "run", "bare.evidence", "--json"]);
    assert!(bare.code == 4 && bare.out.contains("withheld: arguments"), "{}{}", bare.out, bare.err);
    assert!(bare.err.contains("nothing says whose it is"), "{}", bare.err);
    let mute = run(dir, &[&["incident", "run", "mute.evidence", "--json"][..], &agent(PROGRAM, &[])].concat());
    assert!(mute.code == 4 && mute.json()["summary"]["unanswered"].as_u64() >= Some(4), "{}{}", mute.out, mute.err);
    let ruleless = run(dir, &["incident", "run", "ruleless.evidence", "--json"]);
    assert_eq!((ruleless.code, &ruleless.json()["summary"]["undecided"]), (4, &json!(12)), "{}", ruleless.err);

    let other = key.replace(key.split('+').next().unwrap(), "elsewhere.example");
    let foreign = run(dir, &["incident", "run", "whole.evidence", "--log-key", &other]);
    assert_ne!(foreign.code, 0, "{}", foreign.out);
    let mut bytes = fs::read(dir.join("whole.evidence")).unwrap();
    // A byte of a record's leaf: not each byte of the container's own headers means something.
    let leaf = b"000000000003.leaf";
    let at = bytes.windows(leaf.len()).position(|piece| piece == leaf).unwrap() + leaf.len();
    bytes[at + 20] ^= 1;
    fs::write(dir.join("bent.evidence"), bytes).unwrap();
    let bent = run(dir, &["incident", "run", "bent.evidence"]);
    assert!(bent.code == 1 && bent.err.contains("evidence-broken"), "{} {}", bent.code, bent.err);
    assert_eq!(run(dir, &["incident", "run", "ses_nothing"]).code, 2);
}

/// Speaks to `incident serve` over standard input and output, one request at a time.
fn serve(dir: &Path, words: &[&str]) -> Client {
    Client::over(dir, &[&["incident", "serve"], words].concat())
}

#[test]
fn a_client_of_a_session_is_served_from_the_record_alone() {
    let folder = played();
    let dir = folder.path();
    fs::remove_file(dir.join("countersign-demo/inventory.db")).unwrap();
    let mut client = serve(dir, &["last", "--dir", "countersign-demo", "--nearest", "--report", "report.json"]);
    let hello =
        json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let hello = client.ask("initialize", &hello);
    assert_eq!(hello["result"]["serverInfo"]["name"], "countersign-demo-inventory", "{hello}");
    assert_eq!(hello["result"]["protocolVersion"], "2025-06-18");
    client.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    let tools = client.ask("tools/list", &json!({}))["result"]["tools"].clone();
    assert_eq!(tools.as_array().unwrap().len(), 9);
    let report = tools.as_array().unwrap().iter().find(|tool| tool["name"] == "weekly_report").unwrap();
    assert!(!report.to_string().contains("delete"), "as it was reviewed, not as it was poisoned later: {report}");

    let staging = json!({ "service": "checkout-staging", "reason": "memory grows without end" });
    let restarted = client.call("restart_service", &staging);
    assert!(restarted["content"].is_array() && Client::refused(&restarted).is_empty(), "{restarted}");
    let again = client.call("restart_service", &staging);
    assert_eq!(Client::refused(&again), "not-recorded", "what has an effect is not repeated: {again}");
    assert!(again["content"][0]["text"].as_str().unwrap().contains("was recorded 1 times"), "{again}");
    client.lists_services();
    client.lists_services();
    let unknown = client.call("get_service", &json!({ "service": "checkout" }));
    assert_eq!(Client::refused(&unknown), "not-recorded", "{unknown}");
    let near = client.call("scale_service", &json!({ "service": "checkout", "replicas": 13 }));
    let text = near["content"][0]["text"].as_str().unwrap();
    assert!(
        Client::refused(&near) == "not-recorded" && text.contains("the nearest is call 7, which differs in /replicas"),
        "{near}"
    );
    let denied = client.call("delete_service", &json!({ "service": "batch-worker" }));
    let text = denied["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("it was not carried out then: deny (policy-forbids)"), "{denied}");
    let resources = client.ask("resources/list", &json!({}));
    assert_eq!(resources["error"]["data"]["code"], "not-recorded", "{resources}");
    assert_eq!(client.ended(), 1, "calls that the record does not know are differences");
    let report: Value = serde_json::from_str(&fs::read_to_string(dir.join("report.json")).unwrap()).unwrap();
    assert_eq!((&report["summary"]["extra"], &report["summary"]["unanswered"]), (&json!(2), &json!(4)), "{report}");
    assert!(report["gaps"].to_string().contains("method resources/list"), "{report}");
}

#[test]
fn a_client_without_sessions_is_served_too_and_so_is_one_over_http() {
    let folder = played();
    let dir = folder.path();
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} });
    let mut client = serve(dir, &["last", "--dir", "countersign-demo", "--server", "inventory"]);
    let hello = client.ask("server/discover", &json!({ "_meta": meta }));
    assert_eq!(hello["result"]["supportedVersions"], json!(["2026-07-28"]), "{hello}");
    let tools = client.ask("tools/list", &json!({ "_meta": meta }));
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), 9, "{tools}");
    let read = client.ask("tools/call", &json!({ "name": "list_services", "arguments": {}, "_meta": meta }));
    assert!(read["result"]["content"][0]["text"].as_str().unwrap().contains("checkout"), "{read}");
    assert_eq!(client.ended(), 1, "the other calls are missing");

    let words = [&DEMO[..], &["incident", "serve", "last", "--listen", "127.0.0.1:0"]].concat();
    let mut server = crate::program::listening(dir, &words);
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } });
    let posted = std::process::Command::new("curl")
        .args(["--silent", "-H", "content-type: application/json", "-H", "accept: application/json, text/event-stream"])
        .args(["-d", &hello.to_string(), &server.line])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&posted.stdout).contains("countersign-demo-inventory"), "{posted:?}");
    assert_eq!(server.end(), 1);
    let open = run(dir, &[&DEMO[..], &["incident", "serve", "last", "--listen", "0.0.0.0:0"]].concat());
    assert!(open.code == 2 && open.err.contains("loopback"), "{}", open.err);
    let unknown = run(dir, &[&DEMO[..], &["incident", "serve", "last", "--server", "nowhere"]].concat());
    assert!(unknown.code == 2 && unknown.err.contains("not-found"), "{}", unknown.err);
}
