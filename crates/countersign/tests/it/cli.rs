//! Exit codes with meaning, and errors with a stable code.

use crate::program::{Client, begun, init, log_tail, run, up};

#[test]
fn what_is_wrong_is_said_with_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    for (words, code, says) in [
        (&["nonsense"][..], 2, "unrecognized subcommand"),
        (&["explain", "no-such-code"], 2, "usage-invalid"),
        (&["log", "tail"], 2, "not-found"),
        (&["up"], 2, "bundle-missing"),
        (&["policy", "check"], 2, "bundle-missing"),
        (&["doctor"], 1, "upstream-unavailable"),
        (&["init", "--", "/no/such/program"], 1, "upstream-unavailable"),
        (&["agent", "level", "a", "b", "L9", "--reason", "x"], 2, "L0, L1, L2 or L3"),
        (&["connect", "cursor", "--undo"], 2, "no backup"),
    ] {
        let said = run(dir, words);
        assert_eq!(said.code, code, "{words:?}: {}", said.err);
        assert!(said.err.contains(says), "{words:?}: {}", said.err);
        assert_eq!(said.out, "", "{words:?}");
    }
}

#[test]
fn every_code_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let listed = run(folder.path(), &["explain"]);
    let codes: Vec<&str> = listed.out.lines().collect();
    assert_eq!(codes.len(), types::Code::ALL.len());
    let page = run(folder.path(), &["explain", "level-unsupported"]);
    assert!(page.code == 0 && page.out.contains("## What to do"), "{}", page.out);
}

#[test]
fn a_bundle_with_problems_names_all_of_them_with_their_places() {
    let folder = begun();
    let dir = folder.path();
    let good = run(dir, &["policy", "test"]);
    assert_eq!(good.code, 0, "{}", good.out);
    let path = dir.join("countersign/bundle/policies/starter.cedar");
    let policies = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, policies.replace("context.mode == Mode::\"monitored\"", "context.mood == 3")).unwrap();
    let agents = dir.join("countersign/bundle/agents.toml");
    let text = std::fs::read_to_string(&agents).unwrap();
    std::fs::write(&agents, format!("{text}\n[agents.stray]\nowner = \"nobody\"\n")).unwrap();
    let bad = run(dir, &["policy", "check"]);
    assert_eq!(bad.code, 2);
    assert!(
        bad.err.contains("bundle-invalid") && bad.err.contains("starter.cedar:") && bad.err.contains("agents.toml:"),
        "{}",
        bad.err
    );
}

#[test]
fn a_missing_key_and_an_old_journal_are_told_apart() {
    let folder = begun();
    let dir = folder.path();
    let keys = dir.join("countersign/keys");
    std::fs::rename(keys.join("tenant.key"), keys.join("aside")).unwrap();
    assert!(run(dir, &["log", "tail"]).err.contains("keys-unusable"));
    std::fs::rename(keys.join("aside"), keys.join("tenant.key")).unwrap();
    let journal = dir.join("countersign/data/journal.db");
    std::fs::write(&journal, b"this is no journal, but it is long enough to be read as one by somebody careless")
        .unwrap();
    let torn = up(dir);
    assert!(torn.code == 1 && torn.err.contains("journal-torn"), "{}", torn.err);
}

#[test]
fn a_key_that_was_put_away_does_not_begin_everything_anew() {
    let folder = begun();
    let dir = folder.path();
    std::fs::remove_file(dir.join("countersign/keys/admin.key")).unwrap();
    let bundle = dir.join("countersign/bundle/bundle.toml");
    let text = std::fs::read_to_string(&bundle).unwrap();
    std::fs::write(&bundle, format!("# edited behind everybody's back\n{text}")).unwrap();
    Client::wrap(dir, "inventory").finish();
    let tail = log_tail(dir);
    assert_eq!(tail.matches(r#""kind":"bundle""#).count(), 1, "{tail}");
    assert!(!dir.join("countersign/keys/admin.key").exists());
}

#[test]
fn a_bundle_that_is_replaced_is_kept_whole_and_nothing_of_it_is_read_again() {
    let folder = begun();
    let dir = folder.path();
    let stray = "policies/stray.cedar";
    std::fs::write(dir.join("countersign/bundle").join(stray), "// mine\n").unwrap();
    let refused = init(dir);
    assert_eq!((refused.code, refused.err.contains("holds a bundle already")), (2, true), "{}", refused.err);
    let db = dir.join("inventory.db").display().to_string();
    let program = env!("CARGO_BIN_EXE_countersign");
    let server = ["--name", "inventory", "--owner", "ana", "--", program, "demo", "--serve", &db];
    let forced = run(dir, &[&["init", "--force"][..], &server].concat());
    assert_eq!(forced.code, 0, "{}", forced.err);
    assert!(!dir.join("countersign/bundle").join(stray).exists());
    let names =
        std::fs::read_dir(dir.join("countersign")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let kept: Vec<String> = names.filter(|name| name.starts_with("bundle.before-")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(forced.err.contains(&kept[0]), "{}", forced.err);
    let text = std::fs::read_to_string(dir.join("countersign").join(&kept[0]).join(stray)).unwrap();
    assert_eq!(text, "// mine\n");
}

#[test]
fn a_projects_own_gitignore_keeps_every_line() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let path = dir.join(".gitignore");
    demo::inventory::seed(&dir.join("inventory.db")).unwrap();
    let db = dir.join("inventory.db").display().to_string();
    let init = || {
        let server = ["--owner", "ana", "--", env!("CARGO_BIN_EXE_countersign"), "demo", "--serve", &db];
        let said = run(dir, &[&["init", "--dir", ".", "--force"][..], &server].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        std::fs::read_to_string(&path).unwrap()
    };
    std::fs::write(&path, "target/\nkeys/").unwrap();
    assert_eq!(init(), "target/\nkeys/\n/data/\n");
    assert_eq!(init(), "target/\nkeys/\n/data/\n", "what is there is not added again");
}

#[test]
fn a_tool_with_a_slash_in_its_name_is_switched_off_and_on() {
    let folder = begun();
    let dir = folder.path();
    let client = Client::wrap(dir, "inventory");
    let tool = "inventory.mcp:resources/read";
    let killed = run(dir, &["kill", "--tool", tool, "--reason", "test"]);
    assert_eq!(killed.code, 0, "{}{}", killed.out, killed.err);
    let too_long = run(dir, &["kill", "--tool", tool, "--reason", "test", "--wait", "61"]);
    assert_eq!((too_long.code, too_long.err.contains("0..=60")), (2, true), "{}", too_long.err);
    let key = format!("tool:{tool}");
    assert!(run(dir, &["switch", "list"]).out.contains(&key));
    let cleared = run(dir, &["switch", "clear", &key, "--reason", "over"]);
    // `ana` decides alone about her own agents only where the bundle lets her; either way the switch was found.
    assert!(!cleared.err.contains("not-found"), "{}", cleared.err);
    assert_eq!(cleared.code, 0, "{}", cleared.err);
    assert!(!run(dir, &["switch", "list"]).out.contains(&key));
    client.finish();
}

#[test]
fn a_drill_of_a_kill_is_told_recorded_and_lifted() {
    let folder = begun();
    let dir = folder.path();
    let client = Client::wrap(dir, "inventory");
    let drill = ["drill", "kill", "--agent", "agent", "--reason", "monthly", "--hold", "10"];
    let told = run(dir, &drill);
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    for says in ["armed after ", "drained after ", "0 left in the ", "the switch is lifted", "recorded in "] {
        assert!(told.out.contains(says), "{says}: {}", told.out);
    }
    let all = run(dir, &["drill", "kill", "--all", "--reason", "all of it", "--hold", "10", "--json"]);
    assert_eq!((all.code, all.json()["passed"].as_bool()), (0, Some(true)), "{}{}", all.out, all.err);
    let neither = run(dir, &["drill", "kill", "--reason", "monthly"]);
    assert_eq!(neither.code, 2, "{}", neither.err);
    assert_eq!(run(dir, &["kill", "--agent", "agent", "--reason", "in earnest"]).code, 0);
    let conflict = run(dir, &drill);
    assert!(conflict.err.contains("drill-conflict"), "{}", conflict.err);
    let tail = run(dir, &["log", "tail", "--json"]);
    assert!(tail.out.contains("agent:agent drilled: armed in "), "{}", tail.out);
    client.finish();
    for check in [&["log", "check"][..], &["rebuild"]] {
        let said = run(dir, check);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    }
}

#[test]
fn breakers_are_listed_and_one_that_has_seen_nothing_is_not_reset() {
    let folder = begun();
    let dir = folder.path();
    let client = Client::wrap(dir, "inventory");
    let listed = run(dir, &["breakers", "list"]);
    assert_eq!((listed.code, listed.out.as_str()), (0, ""), "{}", listed.err);
    assert!(listed.err.contains("No breaker has seen anything."), "{}", listed.err);
    let told = run(dir, &["breakers", "list", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&told["circuits"], &told["bulks"]), (&serde_json::json!([]), &serde_json::json!([])));
    let reset = ["breakers", "reset", "tools", "--agent", "agent", "--tool", "inventory.restart", "--reason", "r"];
    let refused = run(dir, &reset);
    assert!(refused.code != 0 && refused.err.contains("not-found"), "{}: {}", refused.code, refused.err);
    let learned = run(dir, &["agent", "baseline", "agent"]);
    assert_eq!((learned.code, learned.out.as_str()), (0, ""), "{}", learned.err);
    assert!(learned.err.contains("Nothing was learned"), "{}", learned.err);
    let nameless = run(dir, &["breakers", "reset", "tools", "--reason", "r"]);
    assert_eq!((nameless.code, nameless.err.contains("--agent")), (2, true), "{}", nameless.err);
    client.finish();
}

#[test]
fn the_reference_is_the_one_that_is_checked_in() {
    let folder = tempfile::tempdir().unwrap();
    let now = run(folder.path(), &["reference"]).out;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/cli.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == now, "docs/reference/cli.md is stale: UPDATE=1 cargo test -p countersign reference");
}

const SCHEDULES: &str = r#"
[schedules.primary]
zone = "Europe/Berlin"
people = ["me", "me", "you"]
start = "2026-01-05T09:00"
turn = "1w"
overrides = [{ person = "you", from = "2026-01-07T12:00", to = "2026-01-07T14:00" }]

[schedules.secondary]
zone = "UTC"
people = ["you"]
start = "2026-06-01T00:00"
turn = "1d"
"#;

#[test]
fn who_is_on_call_is_told_with_who_is_next() {
    let folder = begun();
    let dir = folder.path();
    let bundle = dir.join("countersign/bundle");
    let people = std::fs::read_to_string(bundle.join("people.toml")).unwrap();
    std::fs::write(bundle.join("people.toml"), format!("{people}\n[people.you]\n")).unwrap();
    let owner = people.lines().find_map(|line| line.strip_prefix("[people.")?.strip_suffix(']')).unwrap();
    std::fs::write(bundle.join("schedules.toml"), SCHEDULES.replace("\"me\"", &format!("\"{owner}\""))).unwrap();
    let told = run(dir, &["policy", "on-call", "--at", "2026-01-07T10:00:00Z"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let expected = format!(
        "primary  Europe/Berlin\n  now   {owner} until Wed 2026-01-07 12:00 +01:00\n  next  you from Wed 2026-01-07 12:00 +01:00 until \
         Wed 2026-01-07 14:00 +01:00\n  asked by no profile\nsecondary  UTC\n  now   nobody\n  next  you from Mon 2026-06-01 00:00 +00:00\n  \
         asked by no profile\n"
    );
    assert_eq!(told.out, expected);
    let one = run(dir, &["policy", "on-call", "secondary", "--at", "2026-06-01T00:00:00Z", "--json"]);
    let one: serde_json::Value = serde_json::from_str(&one.out).unwrap();
    assert_eq!(one["schedules"].as_array().unwrap().len(), 1);
    assert_eq!(one["schedules"][0]["now"]["person"], "you");
    for (words, says) in [
        (&["policy", "on-call", "third"][..], "not-found"),
        (&["policy", "on-call", "--at", "noon"], "usage-invalid"),
        (&["policy", "on-call", "--active", "--at", "2026-01-07T10:00:00Z"], "cannot be used with"),
    ] {
        let said = run(dir, words);
        assert!(said.code == 2 && said.err.contains(says), "{words:?}: {}", said.err);
    }
}

#[test]
fn a_schedule_goes_out_as_a_calendar_and_comes_in_as_overrides() {
    let folder = begun();
    let dir = folder.path();
    let bundle = dir.join("countersign/bundle");
    let people = std::fs::read_to_string(bundle.join("people.toml")).unwrap();
    std::fs::write(bundle.join("people.toml"), format!("{people}\n[people.you]\n")).unwrap();
    let rota = "[schedules.a]\nzone = \"Europe/Berlin\"\npeople = [\"you\"]\nstart = \"2026-01-05T09:00\"\nturn = \"1d\"\ndays = [\"mon\"]\n";
    std::fs::write(bundle.join("schedules.toml"), rota).unwrap();
    let span = ["--from", "2026-01-05T00:00:00Z", "--to", "2026-01-19T00:00:00Z"];
    let calendar = run(dir, &[&["policy", "on-call", "a", "--ics"][..], &span].concat());
    assert_eq!(calendar.code, 0, "{}", calendar.err);
    let starts: Vec<&str> = calendar.out.lines().filter_map(|line| line.trim_end().strip_prefix("DTSTART:")).collect();
    assert_eq!(starts, ["20260105T080000Z", "20260111T230000Z", "20260118T230000Z"]);
    let file = dir.join("calendar.ics");
    let import = |text: &str, more: &[&str]| {
        std::fs::write(&file, text).unwrap();
        run(dir, &[&["policy", "on-call", "a", "--import", file.to_str().unwrap()][..], more].concat())
    };
    let taken = import(&calendar.out, &[]);
    assert_eq!(taken.code, 0, "{}", taken.err);
    assert!(
        taken
            .out
            .starts_with("[[schedules.\"a\".overrides]]\nperson = \"you\"\nfrom = \"2026-01-05T08:00:00Z\"\nto = "),
        "{}",
        taken.out
    );
    std::fs::write(bundle.join("schedules.toml"), format!("{rota}\n{}", taken.out)).unwrap();
    assert_eq!(run(dir, &["policy", "check"]).code, 0);
    let again = run(dir, &[&["policy", "on-call", "a", "--ics"][..], &span].concat());
    let without_stamp =
        |text: &str| text.lines().filter(|line| !line.starts_with("DTSTAMP")).collect::<Vec<_>>().join("\n");
    assert_eq!(without_stamp(&again.out), without_stamp(&calendar.out), "the overrides say what the turns said");

    let named = calendar.out.replace("SUMMARY:you", "ATTENDEE;CN=Y. Ou:mailto:y.ou@example.com");
    assert!(import(&named, &[]).err.contains("person-unknown"));
    assert_eq!(import(&named, &["--person", "y. ou=you"]).code, 0);
    assert_eq!(import(&named, &["--person", "Y.Ou@example.com=you"]).code, 0);
    let overlapping = calendar.out.replace("20260111T230000Z", "20260105T100000Z");
    let repeating = calendar.out.replacen("SUMMARY:you", "RRULE:FREQ=WEEKLY", 1);
    for (text, more, says) in [
        ("BEGIN:VCALENDAR", &[][..], "calendar-invalid"),
        (overlapping.as_str(), &[], "calendar-unsupported"),
        (repeating.as_str(), &[], "calendar-unsupported"),
        (calendar.out.as_str(), &["--person", "you"], "usage-invalid"),
    ] {
        let said = import(text, more);
        assert!(said.code != 0 && said.out.is_empty() && said.err.contains(says), "{says}: {}", said.err);
    }
    assert!(run(dir, &["policy", "on-call", "--ics"]).code == 2);
}
