//! Problems: one fixture per kind, each with the text and the place it is reported at.

use countersign_policy::{Bundle, BundleFiles};

use crate::common::sre;

/// Loads and writes every problem, with its help, one a line.
fn problems(files: BundleFiles) -> String {
    let Err(error) = Bundle::load(files) else { return "no problems".to_owned() };
    assert_eq!(error.code(), types::Code::BundleInvalid);
    let lines = error.problems().iter().map(|problem| match &problem.help {
        Some(help) => format!("{problem} [{help}]"),
        None => problem.to_string(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Replaces a text that stands once in a file of the sample.
fn with(file: &str, from: &str, to: &str) -> BundleFiles {
    let mut files = sre();
    let text = files.get(file).unwrap().to_owned();
    assert_eq!(text.matches(from).count(), 1, "`{from}` in {file}");
    files.insert(file, text.replacen(from, to, 1));
    files
}

/// Adds to the end of a file of the sample.
fn plus(file: &str, more: &str) -> BundleFiles {
    let mut files = sre();
    let text = files.get(file).unwrap_or_default().to_owned();
    files.insert(file, text + more);
    files
}

fn check(table: Vec<(BundleFiles, &str)>) {
    for (files, expected) in table {
        let found = problems(files);
        assert!(found == expected, "expected\n{expected}\nfound\n{found}\n");
    }
}

#[test]
fn the_sample_has_none() {
    assert_eq!(problems(sre()), "no problems");
}

#[test]
fn files_and_toml() {
    let mut gone = sre();
    gone.0.remove("bundle.toml");
    gone.0.remove("risk.toml");
    gone.0.remove("schema.cedarschema");
    check(vec![
        (
            gone,
            "bundle.toml: the file is missing\nrisk.toml: the file is missing\nschema.cedarschema: the file is missing [`countersign init` \
             writes one from the tools' own schemas]",
        ),
        (
            with("bundle.toml", "name = \"sre\"", "nome = \"sre\""),
            "bundle.toml:1:1: unknown field `nome`, expected one of `name`, `authors`, `solo`, `review`, `hold`",
        ),
        (
            with("bundle.toml", "name = \"sre\"", "name = "),
            "bundle.toml:1:8: string values must be quoted, expected literal string",
        ),
        (with("bundle.toml", "name = \"sre\"", "name = \" \""), "bundle.toml:1:8: `name` is empty"),
        (
            with("people.toml", "[people.dan]", "[person.dan]"),
            "people.toml:10:2: unknown key `person`, expected `people`",
        ),
        (
            with("people.toml", "[people.dan]", "[people.\"d n\"]"),
            "people.toml:10:9: `d n` is not a name: use 1 to 64 of a-z A-Z 0-9 . _ @ - and start with a letter or digit",
        ),
        (plus("agents.toml", "[agents.x]\nteams = []\n"), "agents.toml:9:1: missing field `owner`"),
        (
            plus("limits.toml", "[rate.x]\n"),
            "limits.toml:28:2: unknown key `rate`, expected `rates`, `budgets`, `windows`, `freezes`, `impacts`",
        ),
        (
            with("catalog/sre.toml", "effect = \"read\"", "effect = \"reed\""),
            "catalog/sre.toml:7:10: unknown variant `reed`, expected one of `read`, `keyed`, `reconcilable`, `unsafe`",
        ),
    ]);
    let found = problems(plus("agent.toml", ""));
    assert!(
        found.starts_with("agent.toml: no bundle has a file of this name [a bundle has bundle.toml, agents.toml,"),
        "{found}"
    );
}

#[test]
fn all_problems_come_at_once() {
    let mut files = with("agents.toml", "owner = \"ana\"", "owner = \"nobody\"");
    files.insert("policies/broken.cedar", "permit (principal, action, resource");
    files.insert(
        "limits.toml",
        "[rates.a]\nburst = 0\nrefill_ms = 0\n[rates.b]\nburst = \"x\"\nrefill_ms = 1\n[rates.c]\nburst = 1\n",
    );
    check(vec![(
        files,
        "agents.toml:2:9: `nobody` is not a person of `people.toml`\n\
         limits.toml:2:9: `burst` is 0, it must be at least 1\n\
         limits.toml:3:13: `refill_ms` is 0, it must be at least 1\n\
         limits.toml:5:9: invalid type: string \"x\", expected i64\n\
         limits.toml:7:1: missing field `refill_ms`\n\
         policies/broken.cedar:1:36: unexpected end of input [expected `)`, `,`, or identifier]",
    )]);
}

#[test]
fn a_broken_file_makes_no_noise_about_what_it_lacks() {
    check(vec![(
        with("classes.toml", "[classes.report]", "[classes.report"),
        "classes.toml:1:16: unclosed table, expected `]`",
    )]);
}

#[test]
fn people_and_profiles() {
    check(vec![
        (
            with("bundle.toml", "authors = [\"dan\"]", "authors = [\"zoe\"]"),
            "bundle.toml:2:1: `zoe` is not a person of `people.toml`",
        ),
        (
            with("bundle.toml", "profile = \"sre-on-call\"", "profile = \"x\""),
            "bundle.toml:5:11: `x` is not a profile of `escalation.toml`",
        ),
        (
            with("bundle.toml", "[review]\n", "[review]\nconfidence_below_bp = 10001\n"),
            "bundle.toml:5:23: `confidence_below_bp` is 10001, it must be 0 to 10000",
        ),
        (
            with("bundle.toml", "\"/replicas\"", "\"replicas\""),
            "bundle.toml:7:49: `replicas` is not a JSON Pointer into the arguments, which starts with `/`",
        ),
        (
            with("bundle.toml", "\"sre.scale\"", "\"sre.scail\""),
            "bundle.toml:7:22: `sre.scail` is not a tool of `catalog/sre.toml`",
        ),
        (
            plus("bundle.toml", "[hold]\nopen_cases_max = 0\n"),
            "bundle.toml:9:18: `open_cases_max` is 0, it must be 1 to 4294967295",
        ),
        (
            with("agents.toml", "on_behalf_of = [\"cleo\"]", "on_behalf_of = [\"zoe\"]"),
            "agents.toml:4:1: `zoe` is not a person of `people.toml`",
        ),
        (
            with("escalation.toml", "timeout_ms = 600000\n", "timeout_ms = 999\n"),
            "escalation.toml:4:14: `timeout_ms` is 999, it must be 1000 to 2592000000",
        ),
        (
            with("escalation.toml", "approvals = 1", "approvals = 0"),
            "escalation.toml:3:13: `approvals` is 0, it must be at least 1",
        ),
        (
            with("escalation.toml", "group = \"sre\"", "group = \"sre-x\""),
            "escalation.toml:2:9: nobody in `people.toml` is in the group `sre-x`",
        ),
        (
            with("escalation.toml", "approvals = 1", "approvals = 3"),
            "escalation.toml:2:9: nobody could ever approve: `sre-on-call` asks for 3 approvals, but only 2 of the group `sre` may vote [authors \
             of the bundle do not vote; add people to the group, or set `solo = true` in bundle.toml]",
        ),
        (
            with("workflows/reliability.toml", "owner = \"ana\"", "owner = \"zoe\""),
            "workflows/reliability.toml:2:9: `zoe` is not a person of `people.toml`",
        ),
        (
            with("workflows/reliability.toml", "review_days = 30", "review_days = 0"),
            "workflows/reliability.toml:5:15: `review_days` is 0, it must be at least 1",
        ),
        (
            with("workflows/reliability.toml", "\"scale\"", "\"scail\""),
            "workflows/reliability.toml:3:1: `scail` is not a class of `classes.toml`",
        ),
    ]);
    let mut solo = with("escalation.toml", "approvals = 1", "approvals = 3");
    solo.insert("bundle.toml", solo.get("bundle.toml").unwrap().replacen("authors", "solo = true\nauthors", 1));
    assert_eq!(problems(solo), "no problems");
}

#[test]
fn catalogue() {
    let named = |name: &str| {
        let mut files = sre();
        let text = "[server]\nurl = \"https://example.com/mcp\"\n".to_owned();
        files.insert(format!("catalog/{name}.toml"), text);
        files
    };
    let server =
        |text: &str| with("catalog/sre.toml", "command = [\"sre-server\", \"--stdio\"]\nenv = [\"SRE_TOKEN\"]\n", text);
    check(vec![
        (named("other"), "no problems"),
        (
            named("a.b"),
            "catalog/a.b.toml: `a.b` cannot name a server: the name must hold no `.` and no `__`, which separate it from its tools",
        ),
        (
            named("a__b"),
            "catalog/a__b.toml: `a__b` cannot name a server: the name must hold no `.` and no `__`, which separate it from its tools",
        ),
        (
            named("countersign"),
            "catalog/countersign.toml: `countersign` cannot name a server: it is the name of the built-in administration",
        ),
        (
            named("-a"),
            "catalog/-a.toml: `-a` is not a name: use 1 to 64 of a-z A-Z 0-9 . _ @ - and start with a letter or digit",
        ),
        (server(""), "catalog/sre.toml:1:2: a server has either `command` or `url`, and not both"),
        (
            server("command = [\"a\"]\nurl = \"https://a\"\n"),
            "catalog/sre.toml:1:2: a server has either `command` or `url`, and not both",
        ),
        (
            server("url = \"ftp://a\"\n"),
            "catalog/sre.toml:2:7: `ftp://a` is not an address: it must start with `https://` or `http://`",
        ),
        (
            server("command = [\"a\"]\nheaders = { A = \"B\" }\n"),
            "catalog/sre.toml:3:1: `headers` go to a server with a `url`, this one has a `command`",
        ),
        (
            server("url = \"https://a\"\nenv = [\"A\"]\n"),
            "catalog/sre.toml:3:1: `env` goes to a server with a `command`, this one has a `url`",
        ),
        (
            with("catalog/sre.toml", "[server]\n", "[sorver]\n"),
            "catalog/sre.toml:1:2: unknown key `sorver`, expected `server`, `tools`",
        ),
        (
            with("catalog/sre.toml", "class = \"scale\"", "class = \"scail\""),
            "catalog/sre.toml:19:9: `scail` is not a class of `classes.toml`\nschema.cedarschema:95:8: action \"sre.scale\" must be `in [\"class:scail\"]`",
        ),
        (
            with("catalog/sre.toml", "effect = \"read\"", "effect = \"unsafe\""),
            "catalog/sre.toml:7:10: `sre.report` may change something, but its class `report` does not have `writes = true`",
        ),
        (
            with("catalog/sre.toml", "effect = \"reconcilable\"", "effect = \"read\""),
            "catalog/sre.toml:20:10: `sre.scale` only reads, but its class `scale` does not have `writes = false`",
        ),
        (
            with("catalog/sre.toml", "key_argument = \"request_id\"\n", ""),
            "catalog/sre.toml:12:10: `sre.restart` is `keyed`, so it needs `key_argument`",
        ),
        (
            with("catalog/sre.toml", "key_ttl_ms = 3600000", "key_ttl_ms = 0"),
            "catalog/sre.toml:16:14: `key_ttl_ms` is 0, it must be at least 1",
        ),
        (
            with("catalog/sre.toml", "effect = \"keyed\"", "effect = \"unsafe\""),
            "catalog/sre.toml:15:16: `key_argument` means something for a `keyed` tool only\ncatalog/sre.toml:16:14: `key_ttl_ms` means something for a `keyed` tool only",
        ),
        (
            with("catalog/sre.toml", "\"/database\"", "\"database\""),
            "catalog/sre.toml:28:38: `database` is not a JSON Pointer into the arguments, which starts with `/`",
        ),
        (
            with("catalog/sre.toml", "[\"/tables\"]", "[\"tables\"]"),
            "catalog/sre.toml:29:1: `tables` is not a JSON Pointer into the arguments, which starts with `/`",
        ),
        (
            with("catalog/sre.toml", "\"Database\"", "\"Databose\""),
            "catalog/sre.toml:28:21: `Databose` is not a kind of `inventory.toml`",
        ),
        (
            with("catalog/sre.toml", "[tools.mail_send]", "[tools.\"mail send\"]"),
            "catalog/sre.toml:41:8: `sre.mail send` is not a tool name: write `server.tool`",
        ),
        (
            with("classes.toml", "impact = 60", "impact = -1"),
            "classes.toml:26:10: `impact` is -1, it must be at least 0",
        ),
        (
            with("classes.toml", "impact = 10\nroutine = true\nprofile = \"sre-on-call\"", "profile = \"x\""),
            "classes.toml:8:11: `x` is not a profile of `escalation.toml`",
        ),
    ]);
}

#[test]
fn inventory() {
    let kind = |name: &str| plus("inventory.toml", &format!("[kinds.{name}.attributes]\n"));
    check(vec![
        (kind("Agent"), "inventory.toml:17:8: `Agent` cannot name a kind: Cedar or Countersign uses the name already"),
        (
            kind("\"a b\""),
            "inventory.toml:17:8: `a b` cannot name a kind: use letters, digits and `_`, first a letter, as in `Service`",
        ),
        (kind("Queue"), "inventory.toml:17:8: `schema.cedarschema` has no entity `Queue`"),
        (
            with("inventory.toml", "tier = \"long\"", "id = \"long\""),
            "inventory.toml:1:8: `schema.cedarschema` wants `tier` of `Service` to be a `Long`, the kind does not have it\ninventory.toml:4:6: `id` cannot name an attribute\ninventory/services.toml: `Service` `ledger` has `tier`, which the kind does not declare\ninventory/services.toml: `Service` `ledger` needs `id`, a `long`\ninventory/services.toml: `Service` `web` has `tier`, which the kind does not declare\ninventory/services.toml: `Service` `web` needs `id`, a `long`",
        ),
        (
            with("inventory.toml", "sensitive = \"bool\"", "sensitive = \"string\""),
            "inventory.toml:8:13: `schema.cedarschema` wants `sensitive` of `Database` to be a `Bool`, the kind has a `String`",
        ),
        (
            with("inventory.toml", "file = \"inventory/services.toml\"", "file = \"services.toml\""),
            "inventory.toml:11:8: `services.toml` is not a file of the bundle's `inventory` folder\ninventory/services.toml: no source of `inventory.toml` names `inventory/services.toml`",
        ),
        (
            with("inventory.toml", "sqlite = \"databases.db\"\n", ""),
            "inventory.toml:13:10: a source has either `file` or `sqlite`, and not both",
        ),
        (
            with(
                "inventory.toml",
                "queries = { Database = \"select name as id, env, sensitive from databases\" }\n",
                "",
            ),
            "inventory.toml:13:10: a `sqlite` source needs `queries`, one per kind",
        ),
        (
            with("inventory.toml", "queries = { Database", "queries = { Databose"),
            "inventory.toml:15:13: `Databose` is not a kind of `inventory.toml`",
        ),
        (
            with("inventory.toml", "age_ms_max = 60000", "age_ms_max = 0"),
            "inventory.toml:16:14: `age_ms_max` is 0, it must be at least 1",
        ),
        (
            with("inventory/services.toml", "id = \"ledger\"", "id = \"web\""),
            "inventory/services.toml: `Service` has `web` twice",
        ),
        (
            with("inventory/services.toml", "id = \"ledger\"\n", ""),
            "inventory/services.toml: number 2 of `Service` has no `id`, which must be a text",
        ),
        (
            with("inventory/services.toml", "tier = 2", "tier = \"2\""),
            "inventory/services.toml: `Service` `web` needs `tier`, a `long`",
        ),
        (
            plus("inventory/services.toml", "[[Sorvice]]\nid = \"x\"\n"),
            "inventory/services.toml: `Sorvice` is not a kind of `inventory.toml`",
        ),
        (plus("inventory/services.toml", "]"), "inventory/services.toml:12:1: extra `]`, expected nothing"),
    ]);
    let mut json = with("inventory.toml", "inventory/services.toml", "inventory/services.json");
    json.0.remove("inventory/services.toml");
    json.insert(
        "inventory/services.json",
        r#"{"Service": [{"id": "web", "env": "prod", "stateless": true, "tier": 1}]}"#,
    );
    assert_eq!(problems(json.clone()), "no problems");
    json.insert("inventory/services.json", r#"{"Service": [], "Service": []}"#);
    assert_eq!(problems(json), "inventory/services.json: the key `Service` appears twice in one object");
}

#[test]
fn risk_and_obligations() {
    check(vec![
        (
            with("risk.toml", "observe_from = 30", "observe_from = -1"),
            "risk.toml:1:16: `observe_from` is -1, it must be at least 0",
        ),
        (
            with("risk.toml", "escalate_from = 70", "escalate_from = 29"),
            "risk.toml:2:17: `escalate_from` is 29, it must not be below `observe_from`",
        ),
        (
            with("risk.toml", "profile = \"sre-on-call\"", "profile = \"x\""),
            "risk.toml:3:11: `x` is not a profile of `escalation.toml`",
        ),
        (with("risk.toml", "prod = 30", "prod = 31"), "risk.toml:7:28: `prod` is 31, it must be 0 to 30"),
        (with("risk.toml", "unknown = 30", "unknown = 31"), "risk.toml:8:11: `unknown` is 31, it must be 0 to 30"),
        (with("risk.toml", "max = 30", "max = -1"), "risk.toml:9:7: `max` is -1, it must be at least 0"),
        (with("risk.toml", "fact = \"resource.env\"", "fact = \"\""), "risk.toml:6:8: `fact` is empty"),
        (
            with("obligations.toml", "deadline_ms = 60000", "deadline_ms = 0"),
            "obligations.toml:3:15: `deadline_ms` is 0, it must be at least 1",
        ),
        (
            with("obligations.toml", "result_bytes_max = 1048576", "result_bytes_max = 0"),
            "obligations.toml:6:20: `result_bytes_max` is 0, it must be at least 1",
        ),
    ]);
}

#[test]
fn limits() {
    check(vec![
        (
            with("limits.toml", "{ class = \"restart-stateless\" }", "{ class = \"restrat\" }"),
            "limits.toml:2:20: `restrat` is not a class of `classes.toml`",
        ),
        (
            with("limits.toml", "{ class = \"restart-stateless\" }", "{ agent = \"x\" }"),
            "limits.toml:2:20: `x` is not a agent of `agents.toml`",
        ),
        (
            with("limits.toml", "\"sre.db_change\"", "\"sre.x\""),
            "limits.toml:26:21: `sre.x` is not a tool of `catalog/sre.toml`",
        ),
        (with("limits.toml", "max = 100", "max = -1"), "limits.toml:8:7: `max` is -1, it must be at least 0"),
        (
            with("limits.toml", "period_ms = 86400000", "period_ms = 0"),
            "limits.toml:9:13: `period_ms` is 0, it must be at least 1",
        ),
        (
            with("limits.toml", "max = 100\n", "max = 100\namount = \"x\"\n"),
            "limits.toml:9:10: `x` is not a JSON Pointer into the arguments, which starts with `/`",
        ),
        (
            with("limits.toml", "Europe/Berlin", "Europe/Berlyn"),
            "limits.toml:13:8: `Europe/Berlyn` is not a time zone such as `Europe/Berlin`",
        ),
        (
            with("limits.toml", "\"mon\", ", "\"monday\", "),
            "limits.toml:14:1: `monday` is not a day: write mon, tue, wed, thu, fri, sat, sun",
        ),
        (
            with("limits.toml", "days = [\"mon\", \"tue\", \"wed\", \"thu\"]", "days = []"),
            "limits.toml:14:1: a window needs at least one day",
        ),
        (with("limits.toml", "09:00", "9:00"), "limits.toml:15:8: `9:00` is not a time of day, `HH:MM`"),
        (with("limits.toml", "16:00", "24:00"), "limits.toml:16:6: `24:00` is not a time of day, `HH:MM`"),
        (
            with("limits.toml", "16:00", "09:00"),
            "limits.toml:16:6: the window closes at 09:00 before it opens at 09:00",
        ),
        (
            with("limits.toml", "outside = \"sre-db\"", "outside = \"x\""),
            "limits.toml:17:11: `x` is not a profile of `escalation.toml`",
        ),
        (
            with("limits.toml", "2026-12-20T00:00:00Z", "2026-12-20"),
            "limits.toml:20:8: `2026-12-20` is not an instant such as `2026-12-20T00:00:00Z`",
        ),
        (
            with("limits.toml", "2027-01-04", "2026-01-04"),
            "limits.toml:21:6: the freeze ends at 2026-01-04T00:00:00Z before it begins",
        ),
        (with("limits.toml", "\"Year-end freeze\"", "\"\""), "limits.toml:22:10: `reason` is empty"),
        (
            with("limits.toml", "touches_max = 3", "amount_max = 3"),
            "limits.toml:24:10: `amount` and `amount_max` belong together",
        ),
        (
            with("limits.toml", "touches_max = 3\n", ""),
            "limits.toml:24:10: an impact limit needs `touches_max`, or `amount` with `amount_max`",
        ),
        (
            with("limits.toml", "touches_max = 3", "touches_max = -3"),
            "limits.toml:26:15: `touches_max` is -3, it must be at least 0",
        ),
    ]);
}

#[test]
fn policies() {
    let policy = |text: &str| {
        let mut files = sre();
        files.insert("policies/x.cedar", format!("// A comment.\n{text}"));
        files
    };
    let plain = "permit (principal, action in Action::\"read\", resource)";
    check(vec![
        (policy(&format!("@id(\"x\") {plain};")), "no problems"),
        (policy(&format!("{plain};")), "policies/x.cedar:2:1: a policy needs a name: put `@id(\"…\")` in front of it"),
        (
            policy(&format!("@id(\"a b\") {plain};")),
            "policies/x.cedar:2:1: `a b` is not a policy name: use 1 to 128 of a-z A-Z 0-9 . _ - / :",
        ),
        (
            policy(&format!("@id(\"report.observed\") {plain};")),
            "policies/x.cedar:2:1: `report.observed` names another policy already, in policies/sre.cedar:1",
        ),
        (
            policy(&format!("@id(\"x\") @escalates(\"y\") {plain};")),
            "policies/x.cedar:2:1: unknown annotation `@escalates`, expected one of `@id`, `@reason`, `@escalate`, `@obligations`, `@doc`",
        ),
        (
            policy(&format!("@id(\"x\") @obligations(\"restart-std, y\") {plain};")),
            "policies/x.cedar:2:1: `@obligations` names `y`, which is not a obligation of `obligations.toml`",
        ),
        (
            policy(&format!("@id(\"x\") @escalate(\"y\") {plain} when {{ context.mode == Mode::\"approved\" }};")),
            "policies/x.cedar:2:1: `@escalate` names `y`, which is not a profile of `escalation.toml`",
        ),
        (
            policy(&format!("@id(\"x\") @escalate(\"\") {plain};")),
            "policies/x.cedar:2:1: in `@escalate`: `` is not a name: use 1 to 64 of a-z A-Z 0-9 . _ @ - and start with a letter or digit",
        ),
        (
            policy(&format!("@id(\"x\") @escalate(\"sre-db\") {plain};")),
            "policies/x.cedar:2:1: `x` has `@escalate` but never looks at `context.mode`, so it permits without asking anybody [add `when { context.mode == Mode::\"approved\" }`]",
        ),
        (
            policy(&format!("@id(\"x\") @obligations(\"restart-std\") {};", plain.replace("permit", "forbid"))),
            "policies/x.cedar:2:1: `x` forbids, so its `@obligations` does nothing [put the annotation on the policy that permits]",
        ),
        (
            policy("@id(\"x\") permit (principal == ?principal, action, resource);"),
            "policies/x.cedar:2:1: templates are not supported: write the policy out for each case",
        ),
        (policy(&format!("@id(\"x\") {plain} when {{ context.rusk < 3 }};")), ""),
        (policy("@id(\"x\") permit (principal, action == Action::\"sre.restert\", resource);"), ""),
        (policy("@id(\"x\") permit (principal is Team, action, resource);"), ""),
        (policy(&format!("@id(\"x\") {plain} when {{ context.mode == Mode::\"autonomos\" }};")), ""),
        (
            policy(
                "@id(\"x\") permit (principal, action == Action::\"sre.restart\", resource) when { resource.env == 3 };",
            ),
            "",
        ),
        (
            policy(
                "@id(\"x\") permit (principal, action == Action::\"sre.report\", resource) when { context.input.service == \"x\" };",
            ),
            "",
        ),
        (policy("@id(\"x\") permit (principal, action == Action::\"sre.report\", resource is Service);"), ""),
        (policy("@id(\"x\") permit (principal, action, resource) when { false };"), ""),
        (policy("@id(\"x\") permit (principal, action, resource) when { \"\u{202e}\" == \"x\" };"), ""),
    ]);
}

#[test]
fn schema() {
    let schema = |from: &str, to: &str| with("schema.cedarschema", from, to);
    check(vec![
        (
            schema(
                "entity Mode enum [\"autonomous\", \"monitored\", \"approved\"];",
                "entity Mode enum [\"autonomous\", \"approved\"];",
            ),
            "",
        ),
        (schema("entity Team;", "entity Team"), ""),
        (schema("entity Team;", ""), ""),
        (schema("action \"countersign.tool.pin\"", "action \"countersign.tool.pon\""), ""),
        (schema("action \"sre.report\"", "action \"sre.rapport\""), ""),
        (schema("action \"sre.report\" in [\"class:report\", ", "action \"sre.report\" in [\"class:mail\", "), ""),
        (schema("entity Service { env: String, ", "entity Service { env: String, owner: String, "), ""),
        (
            schema("entity Agent in [Team] { owner: Person };", "entity Agent in [Team] { owner: Person, age: Long };"),
            "",
        ),
        (schema("entity Agent in [Team] { owner: Person };", "entity Agent in [Team];"), ""),
        (schema("      days?: Long,", "      days?: Agent,"), ""),
    ]);
}
