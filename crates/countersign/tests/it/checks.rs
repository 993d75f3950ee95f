//! Checks after an action: what it has led to is looked at, judged, and taken back where the bundle says so.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Client, Server, log_tail, open_case, run, run_with};
use crate::targets::{Begun, add, edit, last};

/// Is a check that takes back whatever makes the counter more than ten.
fn bounded(begun: &Begun) -> String {
    let file = begun.dir().join("orders.db");
    format!(
        "[checks.bounded]\ncovers = {{ class = \"write\" }}\nevery_ms = 100\nfor_ms = 300\nfailures = 2\nundo = true\n\
         [checks.bounded.sql]\nsqlite = \"{}\"\nquery = \"SELECT n FROM counter WHERE id = 1\"\n\
         [checks.bounded.expect]\nmost = 10\n",
        file.display()
    )
}

/// Serves a folder whose agent changes the counter by itself, under these checks.
fn served(begun: &Begun, checks: &str) -> (Server, Client) {
    std::fs::write(begun.dir().join("countersign/bundle/checks.toml"), checks).unwrap();
    let server = Server::up(begun.dir());
    begun.trust();
    let mut client = Client::wrap(begun.dir(), "orders");
    client.ask("tools/list", &json!({}));
    (server, client)
}

fn changed(dir: &Path, client: &mut Client, by: i64) -> String {
    let answer = client.call("change", &add(by));
    assert_eq!(answer["structuredContent"]["rows"], 1, "{answer}");
    last(dir)["action"].as_str().unwrap().to_owned()
}

/// Waits until so many checks of an action have ended, and so many times it was, or was not, taken back.
fn ended(dir: &Path, action: &str, checks: usize, contained: usize) -> Value {
    let count = |trace: &Value, name: &str| trace[name].as_array().unwrap().len();
    (0..400)
        .find_map(|_| {
            std::thread::sleep(Duration::from_millis(50));
            let trace = run(dir, &["trace", action, "--json"]).json();
            (count(&trace, "checks") >= checks && count(&trace, "contained") >= contained).then_some(trace)
        })
        .unwrap_or_else(|| panic!("{}", run(dir, &["trace", action]).out))
}

fn judged(trace: &Value, check: &str) -> (String, String) {
    let of = trace["checks"].as_array().unwrap().iter().find(|one| one["check"] == check);
    let of = of.unwrap_or_else(|| panic!("{check} in {trace}"));
    (of["judgement"].as_str().unwrap().to_owned(), of["why"].as_str().unwrap().to_owned())
}

#[test]
fn what_does_not_hold_is_taken_back_by_itself_and_stops_the_agent() {
    let begun = Begun::new();
    let dir = begun.dir();
    let (server, mut client) = served(&begun, &bounded(&begun));
    let fine = changed(dir, &mut client, 3);
    let trace = ended(dir, &fine, 1, 0);
    assert_eq!(judged(&trace, "bounded"), ("held".into(), "it is 3".into()));
    assert!(trace["checks"][0]["good"].as_u64().unwrap() >= 3, "{trace}");
    assert_eq!((begun.n(), trace["contained"].as_array().unwrap().len()), (3, 0));

    let wrong = changed(dir, &mut client, 20);
    let trace = ended(dir, &wrong, 1, 1);
    assert_eq!(judged(&trace, "bounded"), ("violated".into(), "it is 23, which is more than 10".into()));
    assert_eq!(trace["checks"][0]["bad"], 2, "it was not looked at any longer: {trace}");
    let contained = &trace["contained"][0];
    assert_eq!((&contained["restored"], contained["error"].as_str()), (&json!(true), None), "{trace}");
    assert_eq!(begun.n(), 3);
    let told = run(dir, &["trace", &wrong]).out;
    assert!(told.contains("violated: the check bounded") && told.contains("taken back by itself by act_"), "{told}");
    let undo = run(dir, &["trace", contained["undo"].as_str().unwrap(), "--json"]).json();
    assert_eq!(undo["proposal"]["principal"]["person"], "ana", "in the name of who answers for the agent: {undo}");
    assert_eq!(undo["proposal"]["claims"]["purpose"], "the check `bounded` of it was violated");

    let refused = client.call("change", &add(1));
    assert_eq!(Client::refused(&refused), "level-advisory", "{refused}");
    assert!(refused.to_string().contains(&wrong), "it says why: {refused}");
    let read = client.call("query", &json!({ "sql": "SELECT * FROM counter" }));
    assert!(Client::refused(&read).is_empty(), "in other classes it goes on: {read}");
    let rebuilt = run(dir, &["rebuild", "--json"]);
    assert_eq!(rebuilt.code, 0, "{}{}", rebuilt.out, rebuilt.err);
    let level = ["agent", "level", "agent", "write", "L2", "--env", "test", "--reason", "mended", "--for", "7d"];
    assert_eq!(run(dir, &level).code, 0);
    changed(dir, &mut client, 1);
    client.finish();
    server.stop();
    assert_eq!(run(dir, &["replay"]).code, 0);
}

#[test]
fn what_waits_for_people_and_what_a_crash_interrupts_is_taken_back_all_the_same() {
    let begun = Begun::new();
    let dir = begun.dir();
    let policies = dir.join("countersign/bundle/policies/starter.cedar");
    let text = std::fs::read_to_string(&policies).unwrap();
    let ask = "\n@id(\"people-take-back\")\n@escalate(\"owner\")\n\
               permit (principal, action == Action::\"countersign.action.undo\", resource)\nwhen { context.mode == Mode::\"approved\" };\n\
               @id(\"nobody-takes-back-alone\")\n\
               forbid (principal, action == Action::\"countersign.action.undo\", resource)\nwhen { context.mode != Mode::\"approved\" };\n";
    std::fs::write(&policies, text + ask).unwrap();
    let (mut server, mut client) = served(&begun, &bounded(&begun));
    let wrong = changed(dir, &mut client, 20);
    // It is killed before it could judge, and again while people are asked.
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    client.kill();
    let mut server = Server::up(dir);
    ended(dir, &wrong, 1, 0);
    let case = open_case(dir);
    let watched = run(dir, &["checks"]);
    assert!(watched.out.contains(&format!("{wrong} is being taken back")), "{}", watched.out);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert_eq!(begun.n(), 20);
    let server = Server::up(dir);
    assert_eq!(open_case(dir), case, "they are asked once");
    // Under another policy they are asked anew.
    edit(dir, "README.md", &[("bundle", "bundle, of today,")]);
    let activated = run(dir, &["policy", "activate", "--reason", "as of today"]);
    assert_eq!(activated.code, 0, "{}", activated.err);
    std::thread::sleep(Duration::from_millis(1_000));
    let (before, case) = (case, open_case(dir));
    assert_ne!(case, before);
    let shown = run(dir, &["approvals", "show", &case]);
    assert!(shown.out.contains(&wrong), "people see what they approve: {}", shown.out);
    let approved = run(dir, &["approvals", "approve", &case, "--reason", "take it back", "--solo"]);
    assert_eq!(approved.code, 0, "{}", approved.err);
    let trace = ended(dir, &wrong, 1, 1);
    assert_eq!((begun.n(), &trace["contained"][0]["restored"]), (0, &json!(true)), "{trace}");

    let level = ["agent", "level", "agent", "write", "L2", "--env", "test", "--reason", "once more", "--for", "7d"];
    assert_eq!(run(dir, &level).code, 0);
    let mut client = Client::wrap(dir, "orders");
    client.ask("tools/list", &json!({}));
    let second = changed(dir, &mut client, 30);
    ended(dir, &second, 1, 0);
    let refused = run(dir, &["approvals", "deny", &open_case(dir), "--reason", "it stays"]);
    assert_eq!(refused.code, 0, "{}", refused.err);
    let trace = ended(dir, &second, 1, 1);
    let why = trace["contained"][0]["error"].as_str().unwrap();
    assert!(begun.n() == 30 && why.contains("denied"), "{why}");
    client.finish();
    server.stop();
}

/// Answers every request: what `answer` says of how many came before, or nothing for long.
fn serves(answer: impl Fn(usize, &str) -> Option<String> + Send + Sync + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let (counted, answer) = (count.clone(), Arc::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), answer.clone());
            let number = counted.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                let read = stream.read(&mut buffer).unwrap_or(0);
                let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
                match answer(number, &request) {
                    Some(text) => drop(stream.write_all(text.as_bytes())),
                    None => std::thread::sleep(Duration::from_secs(3)),
                }
            });
        }
    });
    (at, count)
}

fn http(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn series(values: &[&str]) -> String {
    let of = |value: &&str| format!("{{\"metric\":{{}},\"value\":[1,\"{value}\"]}}");
    let all: Vec<String> = values.iter().map(of).collect();
    http(
        200,
        &format!("{{\"status\":\"success\",\"data\":{{\"resultType\":\"vector\",\"result\":[{}]}}}}", all.join(",")),
    )
}

#[test]
fn each_way_of_looking_comes_to_the_right_judgement() {
    let begun = Begun::new();
    let dir = begun.dir();
    let (well, _) = serves(|_, _| Some(http(200, "{\"ready\":1}")));
    let (slow, _) = serves(|_, _| None);
    let (flapping, _) = serves(|number, _| Some(http(if number % 2 == 0 { 503 } else { 200 }, "{}")));
    let (prometheus, _) = serves(|_, request| {
        let asks = |query: &str| request.contains(&format!("query={query}"));
        Some(if asks("fine") {
            series(&["0.25", "0.5"])
        } else if asks("high") {
            series(&["0.25", "7"])
        } else if asks("nan") {
            series(&["NaN"])
        } else {
            series(&[])
        })
    });
    let down = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let log = dir.join("app.log");
    std::fs::write(&log, "an ERROR of before\n").unwrap();
    let file = dir.join("orders.db");
    let ways: Vec<(&str, &str, String)> = vec![
        ("http-up", "held", format!("http = {{ url = \"{well}\" }}\nexpect = {{ at = \"/ready\", equals = 1 }}")),
        ("http-down", "violated", format!("http = {{ url = \"{down}\" }}")),
        ("http-slow", "violated", format!("http = {{ url = \"{slow}\" }}")),
        ("http-flapping", "violated", format!("of_last = 4\nhttp = {{ url = \"{flapping}\" }}")),
        ("http-unset", "inconclusive", format!("http = {{ url = \"{well}\", headers = {{ authorization = \"NOT_SET_HERE\" }} }}")),
        ("rate-fine", "held", format!("prometheus = {{ url = \"{prometheus}\", query = \"fine\" }}\nexpect = {{ most = 0.5 }}")),
        ("rate-high", "violated", format!("prometheus = {{ url = \"{prometheus}\", query = \"high\" }}\nexpect = {{ most = 0.5 }}")),
        ("rate-nan", "inconclusive", format!("prometheus = {{ url = \"{prometheus}\", query = \"nan\" }}\nexpect = {{ most = 0.5 }}")),
        ("rate-none", "inconclusive", format!("prometheus = {{ url = \"{prometheus}\", query = \"none\" }}\nexpect = {{ most = 0.5 }}")),
        ("rate-down", "inconclusive", format!("prometheus = {{ url = \"{down}\", query = \"fine\" }}\nexpect = {{ most = 0.5 }}")),
        ("tool-same", "held", "tool = { name = \"orders.query\", arguments = { sql = \"SELECT n FROM counter WHERE id = 1\" } }\nexpect = { at = \"/rows/0/n\", equals = \"$arguments/params/0\" }".to_owned()),
        ("tool-other", "violated", "tool = { name = \"orders.query\", arguments = { sql = \"SELECT n FROM counter WHERE id = 2\" } }\nexpect = { at = \"/rows/0/n\", equals = \"$arguments/params/0\" }".to_owned()),
        ("sql-bound", "held", format!("sql = {{ sqlite = \"{}\", query = \"SELECT n FROM counter WHERE n = CAST(?1 AS INTEGER)\", arguments = [\"$arguments/params/0\"] }}\nexpect = {{ least = 3 }}", file.display())),
        ("sql-no-row", "inconclusive", format!("sql = {{ sqlite = \"{}\", query = \"SELECT n FROM counter WHERE n = 999\" }}\nexpect = {{ least = 3 }}", file.display())),
        ("log-bad", "violated", format!("failures = 1\nlog = {{ file = \"{}\", bad = \"ERROR\" }}", log.display())),
        ("log-quiet", "inconclusive", format!("log = {{ file = \"{}\", bad = \"nothing like it\", good = \"nor this\" }}", log.display())),
        ("command-0", "held", "command = { run = [\"sh\", \"-c\", \"test -n \\\"$COUNTERSIGN_ACTION\\\"\"] }".to_owned()),
        ("command-1", "violated", "command = { run = [\"false\"] }".to_owned()),
        ("command-3", "inconclusive", "command = { run = [\"sh\", \"-c\", \"exit 3\"] }".to_owned()),
        ("command-late", "inconclusive", "command = { run = [\"sleep\", \"60\"] }".to_owned()),
    ];
    let rule = |(name, _, way): &(&str, &str, String)| {
        let times = "every_ms = 300\nfor_ms = 1200\n";
        let failures = if way.starts_with("failures") { "" } else { "failures = 2\n" };
        format!("[checks.{name}]\ncovers = {{ class = \"write\" }}\n{times}{failures}{way}\n")
    };
    let rules: String = ways.iter().map(rule).collect();
    let (server, mut client) = served(&begun, &rules);
    let action = changed(dir, &mut client, 3);
    std::thread::sleep(Duration::from_millis(400));
    std::fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(b"an ERROR of now\n").unwrap();
    let trace = ended(dir, &action, ways.len(), 0);
    for (name, judgement, _) in &ways {
        assert_eq!(&judged(&trace, name).0, judgement, "{name}: {}", judged(&trace, name).1);
    }
    assert!(judged(&trace, "http-slow").1.contains("does not answer within"), "{trace}");
    assert!(!judged(&trace, "log-bad").1.contains("of now"), "what a line says is not kept: {trace}");
    assert_eq!(trace["contained"].as_array().unwrap().len(), 0);
    assert_eq!(begun.n(), 3, "nothing but telling was asked for");
    let next = client.call("change", &add(1));
    assert!(Client::refused(&next).is_empty(), "{next}");
    client.finish();
    server.stop();
}

#[test]
fn an_agent_that_only_says_that_it_is_done_is_found_out() {
    let begun = Begun::new();
    let dir = begun.dir();
    let (server, client) = served(&begun, &bounded(&begun).replace("most = 10", "equals = \"$arguments/params/0\""));
    client.finish();
    let event = |name: &str| {
        let event = json!({
            "hook_event_name": name, "tool_name": "change", "tool_use_id": "call_1", "tool_input": add(3),
            "tool_response": "done",
        });
        let said = run_with(dir, &["hook", "--server", "orders", "--wait", "5"], event.to_string().as_bytes(), None);
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    assert!(event("PreToolUse").contains("allow"), "{}", run(dir, &["trace", "last"]).out);
    let action = last(dir)["action"].as_str().unwrap().to_owned();
    event("PostToolUse");
    let trace = ended(dir, &action, 1, 1);
    assert_eq!(trace["outcome"]["status"], "done", "so it says: {trace}");
    assert_eq!(judged(&trace, "bounded"), ("violated".into(), "it is 0, and not 3".into()));
    let why = trace["contained"][0]["error"].as_str().unwrap();
    assert!(why.starts_with("not-reversible"), "nobody saw what was before: {why}");
    assert!(log_tail(dir).contains("bounded: violated, the agent is stopped in its class"));
    server.stop();
}

#[test]
fn a_kill_holds_it_back_for_as_long_as_it_is_set_and_two_checks_take_it_back_once() {
    let begun = Begun::new();
    let dir = begun.dir();
    let twice = format!("{0}{1}", bounded(&begun), bounded(&begun).replace("checks.bounded", "checks.again"));
    let (server, mut client) = served(&begun, &twice);
    let wrong = changed(dir, &mut client, 20);
    assert_eq!(run(dir, &["kill", "--all", "--reason", "stop everything"]).code, 0);
    ended(dir, &wrong, 2, 0);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(begun.n(), 20, "nothing leaves");
    assert!(run(dir, &["checks"]).out.contains("is being taken back"));
    assert_eq!(run(dir, &["switch", "clear", "tenant:default", "--reason", "go on"]).code, 0);
    let trace = ended(dir, &wrong, 2, 2);
    let contained = trace["contained"].as_array().unwrap();
    assert!(contained.iter().all(|one| one["error"].is_null() && one["restored"] == true), "{trace}");
    assert_eq!(contained.iter().filter(|one| !one["undo"].is_null()).count(), 1, "one action took it back: {trace}");
    assert_eq!(begun.n(), 0);
    client.finish();
    server.stop();
}

#[test]
fn a_check_that_only_stops_leaves_what_was_done_and_stops_at_once() {
    let begun = Begun::new();
    let dir = begun.dir();
    let (server, mut client) = served(&begun, &bounded(&begun).replace("undo = true", "stop = true"));
    let wrong = changed(dir, &mut client, 20);
    ended(dir, &wrong, 1, 0);
    let refused = client.call("change", &add(1));
    assert_eq!(Client::refused(&refused), "level-advisory", "{refused}");
    assert_eq!(begun.n(), 20);
    assert!(run(dir, &["doctor"]).out.contains(&format!("a check of `{wrong}` was violated")));
    client.finish();
    server.stop();
}

#[test]
fn what_a_person_takes_back_is_watched_no_longer() {
    let begun = Begun::new();
    let dir = begun.dir();
    let rule = bounded(&begun)
        .replace("most = 10", "equals = \"$arguments/params/0\"")
        .replace("for_ms = 300", "for_ms = 60000");
    let (server, mut client) = served(&begun, &rule);
    let fine = changed(dir, &mut client, 3);
    assert!(run(dir, &["checks"]).out.contains(&format!("{fine} is watched")));
    assert_eq!(run(dir, &["rollback", &fine, "--reason", "not needed"]).code, 0);
    assert!(run(dir, &["checks"]).out.contains("nothing is watched now"));
    std::thread::sleep(Duration::from_millis(600));
    let trace = run(dir, &["trace", &fine, "--json"]).json();
    assert_eq!(trace["checks"].as_array().unwrap().len(), 0, "nobody blames the agent for that: {trace}");
    let next = client.call("change", &add(1));
    assert!(Client::refused(&next).is_empty(), "{next}");
    // What an agent leaves out does not decide how it is judged.
    let without = client.call("change", &json!({ "sql": "UPDATE counter SET n = 0 WHERE id = 1" }));
    assert!(Client::refused(&without).is_empty(), "{without}");
    let action = last(dir)["action"].as_str().unwrap().to_owned();
    assert_eq!(judged(&ended(dir, &action, 1, 0), "bounded").0, "violated");
    assert_eq!(run(dir, &["rebuild"]).code, 0);
    client.finish();
    server.stop();
}

#[test]
fn one_look_serves_all_that_wait_for_it() {
    let begun = Begun::new();
    let (well, asked) = serves(|_, _| Some(http(200, "{}")));
    let rule = format!(
        "[checks.up]\ncovers = {{ class = \"write\" }}\nevery_ms = 1000\nfor_ms = 3000\nhttp = {{ url = \"{well}\" }}\n"
    );
    let (server, mut client) = served(&begun, &rule);
    let actions: Vec<String> = (0..20).map(|_| changed(begun.dir(), &mut client, 1)).collect();
    for action in &actions {
        assert_eq!(judged(&ended(begun.dir(), action, 1, 0), "up").0, "held");
    }
    let asked = asked.load(Ordering::SeqCst);
    assert!(asked < 60, "20 actions with 4 looks each asked {asked} times");
    client.finish();
    server.stop();
}

#[test]
fn a_check_that_could_never_say_anything_does_not_load() {
    let begun = Begun::new();
    let dir = begun.dir();
    let good = bounded(&begun);
    for (checks, says) in [
        (good.replace("undo = true", "undo = true\nhttp = { url = \"http://a\" }"), "it looks in one way"),
        (good.replace("[checks.bounded.expect]\nmost = 10\n", ""), "`expect` does not say which is good"),
        (good.replace("failures = 2", "failures = 9\nof_last = 9"), "never come together"),
        (good.replace("class = \"write\"", "class = \"wirte\""), "there is no class `wirte`"),
        (good.replace("most = 10", "equals = \"$before/n\""), "names none of"),
        (good.replace("sqlite = ", "postgres = \"X\"\nsqlite = "), "either a file"),
    ] {
        std::fs::write(dir.join("countersign/bundle/checks.toml"), &checks).unwrap();
        let checked = run(dir, &["policy", "check"]);
        assert!(
            checked.code != 0 && format!("{}{}", checked.out, checked.err).contains(says),
            "{checks}{}",
            checked.err
        );
    }
    std::fs::write(dir.join("countersign/bundle/checks.toml"), &good).unwrap();
    assert_eq!(run(dir, &["policy", "check"]).code, 0);
    edit(dir, "catalog/orders.toml", &[("[tools.change.undo]", "[tools.change.redo]")]);
    let checked = run(dir, &["policy", "check"]);
    assert!(checked.code != 0, "what is not known is refused");
    let catalog = std::fs::read_to_string(dir.join("countersign/bundle/catalog/orders.toml")).unwrap();
    let (head, tail) = catalog.split_once("[tools.change.redo]").unwrap();
    let rest = tail.split_once("\n[").map_or("", |(_, rest)| rest);
    std::fs::write(dir.join("countersign/bundle/catalog/orders.toml"), format!("{head}\n[{rest}")).unwrap();
    let checked = run(dir, &["policy", "check"]);
    let said = format!("{}{}", checked.out, checked.err);
    assert!(checked.code != 0 && said.contains("has no `undo` in the catalogue: `orders.change`"), "{said}");
}

#[test]
fn production_is_run_alone_where_everything_guards_it_and_nowhere_else() {
    let begun = Begun::new();
    let dir = begun.dir();
    let (server, mut client) = served(&begun, "");
    edit(dir, "classes.toml", &[("routine = true", "routine = false")]);
    let activate = |why: &str| {
        let done = run(dir, &["policy", "activate", "--reason", why]);
        assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    };
    let ask = || {
        run(dir, &["agent", "level", "agent", "write", "L3", "--env", "test", "--reason", "it is good", "--for", "1d"])
    };
    activate("a change is not routine");
    let refused = ask();
    for lacking in ["a check that takes it back", "a change window", "a rollback that was tested"] {
        assert!(
            refused.code != 0 && refused.err.contains(&format!("{lacking} for `orders.change`")),
            "{}",
            refused.err
        );
    }
    for there in ["an undo", "a maximum impact"] {
        assert!(!refused.err.contains(there), "that one is there: {}", refused.err);
    }
    std::fs::write(dir.join("countersign/bundle/checks.toml"), bounded(&begun)).unwrap();
    let limits = dir.join("countersign/bundle/limits.toml");
    let text = std::fs::read_to_string(&limits).unwrap();
    let all_week =
        "days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"]\nfrom = \"00:00\"\nto = \"24:00\"\n";
    let window = format!("\n[windows.always]\ncovers = {{ class = \"write\" }}\nzone = \"UTC\"\n{all_week}");
    std::fs::write(&limits, format!("{text}{window}")).unwrap();
    activate("it is checked and timed");
    let refused = ask();
    assert!(refused.err.contains("lacking: a rollback that was tested for"), "{}", refused.err);
    assert!(!refused.err.contains("window"), "{}", refused.err);

    // Not routine, so the owner approves; then it is taken back, and seen to be.
    client.send(&json!({ "jsonrpc": "2.0", "id": "c", "method": "tools/call", "params": { "name": "change", "arguments": add(3) } }).to_string());
    let case = open_case(dir);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(run(dir, &["approvals", "approve", &case, "--reason", "a test", "--solo"]).code, 0);
    client.await_answer("c");
    let tried = last(dir)["action"].as_str().unwrap().to_owned();
    assert_eq!(run(dir, &["rollback", &tried, "--reason", "it is a test"]).code, 0);
    let given = ask();
    assert_eq!(given.code, 0, "{}", given.err);
    let event = json!({
        "hook_event_name": "PreToolUse", "tool_name": "change", "tool_use_id": "call_1", "tool_input": add(2),
    });
    let by_itself = run_with(dir, &["hook", "--server", "orders", "--wait", "1"], event.to_string().as_bytes(), None);
    assert!(!by_itself.out.contains("\"allow\""), "nobody sees what was before, so it is not alone: {}", by_itself.out);
    assert!(run(dir, &["trace", "last"]).out.contains("the gateway to carry it out"));
    let waiting = run(dir, &["approvals", "--json"]).json().to_string();
    for case in waiting.split('"').filter(|word| word.starts_with("case_")).collect::<std::collections::BTreeSet<_>>() {
        assert_eq!(run(dir, &["approvals", "deny", case, "--reason", "no"]).code, 0);
    }
    let alone = changed(dir, &mut client, 4);
    let trace = run(dir, &["trace", &alone, "--json"]).json();
    assert_eq!(trace["decisions"][0]["level"], "L3", "{trace}");
    assert_eq!(judged(&ended(dir, &alone, 1, 0), "bounded").0, "held");
    assert_eq!(run(dir, &["rebuild"]).code, 0);

    // Without one of its guards it is no better than any other level.
    std::fs::write(dir.join("countersign/bundle/checks.toml"), "").unwrap();
    activate("nobody looks any more");
    client.send(&json!({ "jsonrpc": "2.0", "id": "d", "method": "tools/call", "params": { "name": "change", "arguments": add(1) } }).to_string());
    let case = open_case(dir);
    let shown = run(dir, &["approvals", "show", &case]);
    assert!(shown.out.contains("it lacks: a check that takes it back"), "{}", shown.out);
    assert_eq!(run(dir, &["approvals", "deny", &case, "--reason", "no"]).code, 0);
    client.await_answer("d");
    // Another undo than the one that was tested is none that was.
    std::fs::write(dir.join("countersign/bundle/checks.toml"), bounded(&begun)).unwrap();
    edit(
        dir,
        "catalog/orders.toml",
        &[("arguments = { change = \"$action\" } }", "arguments = { change = \"$action\" }, take = \"/stands\" }")],
    );
    activate("it is taken back otherwise");
    let refused = ask();
    assert!(refused.err.contains("a rollback that was tested"), "{}", refused.err);
    client.finish();
    server.stop();
    assert_eq!(run(dir, &["replay"]).code, 0);
}
