//! Problems: one case per kind of mistake, its message and place kept in `tests/fixtures/problems/*.txt`.
//!
//! Run with `UPDATE_EXPECT=1` to accept new texts, and read the difference.

use std::fmt::Write as _;
use std::path::Path;

use countersign_policy::{Bundle, BundleFiles};

use crate::common::sre;

/// Is the sample with one mistake, described in a line.
pub struct Case {
    mistake: String,
    files: BundleFiles,
}

/// Loads and writes every problem, with its help, one a line.
fn problems(files: BundleFiles) -> String {
    let Err(error) = Bundle::load(files) else { return "no problems\n".to_owned() };
    assert_eq!(error.code(), types::Code::BundleInvalid);
    error.problems().iter().fold(String::new(), |mut out, problem| {
        let _ = writeln!(out, "{problem}");
        if let Some(help) = &problem.help {
            let _ = writeln!(out, "    help: {help}");
        }
        out
    })
}

pub fn case(mistake: impl Into<String>, change: impl FnOnce(&mut BundleFiles)) -> Case {
    let mut files = sre();
    change(&mut files);
    Case { mistake: mistake.into(), files }
}

pub fn replace(files: &mut BundleFiles, file: &str, from: &str, to: &str) {
    let text = files.get(file).unwrap().to_owned();
    assert_eq!(text.matches(from).count(), 1, "`{from}` in {file}");
    files.insert(file, text.replacen(from, to, 1));
}

/// Replaces a text that stands once in a file of the sample.
fn with(file: &str, from: &str, to: &str) -> Case {
    let mistake = format!("in {file}: {} becomes {}", from.trim().escape_debug(), to.trim().escape_debug());
    case(mistake, |files| replace(files, file, from, to))
}

/// Adds to the end of a file of the sample, or writes a new one.
pub fn plus(file: &str, more: &str) -> Case {
    case(format!("at the end of {file}: {}", more.trim().escape_debug()), |files| {
        let text = files.get(file).unwrap_or_default().to_owned();
        files.insert(file, text + more);
    })
}

/// Compares all cases of one topic with the text that is kept.
pub fn check(topic: &str, cases: Vec<Case>) {
    let mut found = String::new();
    for case in cases {
        let _ = writeln!(found, "# {}\n{}", case.mistake, problems(case.files));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/problems/{topic}.txt"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    for (kept, found) in kept.split("\n\n").zip(found.split("\n\n")) {
        assert!(kept == found, "kept:\n{kept}\n\nfound:\n{found}");
    }
    assert_eq!(kept, found);
}

#[test]
fn the_sample_has_none() {
    assert_eq!(problems(sre()), "no problems\n");
}

#[test]
fn files_and_toml() {
    let gone = case("bundle.toml, risk.toml and schema.cedarschema are gone", |files| {
        for file in ["bundle.toml", "risk.toml", "schema.cedarschema"] {
            files.0.remove(file);
        }
    });
    check(
        "files_and_toml",
        vec![
            gone,
            plus("agent.toml", ""),
            with("bundle.toml", "name = \"sre\"", "nome = \"sre\""),
            with("bundle.toml", "name = \"sre\"", "name = "),
            with("bundle.toml", "name = \"sre\"", "name = \" \""),
            with("people.toml", "[people.dan]", "[person.dan]"),
            with("people.toml", "[people.dan]", "[people.\"d n\"]"),
            plus("agents.toml", "[agents.x]\nteams = []\n"),
            plus("limits.toml", "[rate.x]\n"),
            with("catalog/sre.toml", "effect = \"read\"", "effect = \"reed\""),
        ],
    );
}

#[test]
fn several() {
    check(
        "several",
        vec![
            case("mistakes in four files", |files| {
                replace(files, "agents.toml", "owner = \"ana\"", "owner = \"nobody\"");
                files.insert("policies/broken.cedar", "permit (principal, action, resource");
                files.insert("limits.toml", "[rates.a]\nburst = 0\nrefill_ms = 0\n[rates.b]\nburst = \"x\"\nrefill_ms = 1\n[rates.c]\nburst = 1\n");
                files.insert("policies/two.cedar", "@id(\"x\") permit (principal, action, resource) when { 1 };\n@id(\"y\") permit (principal, action, resource) when { \"a\" };");
            }),
            // A file that is read only in part makes no noise about what it lacks.
            with("classes.toml", "[classes.report]", "[classes.report"),
            with("people.toml", "groups = [\"sre-db\"]", "groups = sre-db"),
        ],
    );
}

#[test]
fn people_and_profiles() {
    check(
        "people_and_profiles",
        vec![
            with("bundle.toml", "authors = [\"dan\"]", "authors = [\"zoe\"]"),
            with("bundle.toml", "profile = \"sre-on-call\"", "profile = \"x\""),
            with("bundle.toml", "[review]\n", "[review]\nconfidence_below_bp = 10001\n"),
            with("bundle.toml", "\"/replicas\"", "\"replicas\""),
            with("bundle.toml", "\"sre.scale\"", "\"sre.scail\""),
            with("bundle.toml", "[review]\n", "[review]\nplans = [{ amount = \"rows\", tool = \"no.*\" }]\n"),
            plus("bundle.toml", "[hold]\nopen_cases_max = 0\n"),
            with("agents.toml", "on_behalf_of = [\"cleo\"]", "on_behalf_of = [\"zoe\"]"),
            with("escalation.toml", "timeout_ms = 600000\n", "timeout_ms = 999\n"),
            with("escalation.toml", "approvals = 1", "approvals = 0"),
            with("escalation.toml", "approvals = 1", "approvals = 1\ndecisions_per_hour = 0"),
            with("escalation.toml", "approvals = 1", "approvals = 1\ndecisions_per_hour = 1001"),
            with("escalation.toml", "approvals = 1", "approvals = 1\npast_budget = \"deny\""),
            with("escalation.toml", "approvals = 1", "approvals = 1\ndecisions_per_hour = 9\npast_budget = \"next\""),
            with("escalation.toml", "approvals = 1", "approvals = 1\ndecisions_per_hour = 9\npast_budget = \"later\""),
            with(
                "escalation.toml",
                "approvals = 1",
                "approvals = 1\nsigned = true\notherwise = \"sre-db\"\ndecisions_per_hour = 9\npast_budget = \"next\"",
            ),
            with(
                "escalation.toml",
                "approvals = 2",
                "approvals = 2\notherwise = \"sre-on-call\"\ndecisions_per_hour = 9\npast_budget = \"next\"",
            ),
            with("escalation.toml", "timeout_ms = 600000\n", "timeout_ms = 600000\notherwise = \"nobody\"\n"),
            with("escalation.toml", "timeout_ms = 600000\n", "timeout_ms = 600000\notherwise = \"sre-on-call\"\n"),
            with("escalation.toml", "timeout_ms = 600000\n", "timeout_ms = 2592000000\notherwise = \"sre-db\"\n"),
            case("two profiles of escalation.toml that answer for each other", |files| {
                replace(
                    files,
                    "escalation.toml",
                    "timeout_ms = 600000\n",
                    "timeout_ms = 600000\notherwise = \"sre-db\"\n",
                );
                replace(
                    files,
                    "escalation.toml",
                    "timeout_ms = 3600000\n",
                    "timeout_ms = 3600000\notherwise = \"sre-on-call\"\n",
                );
            }),
            with("escalation.toml", "group = \"sre\"", "group = \"sre-x\""),
            with("escalation.toml", "approvals = 1", "approvals = 3"),
            case("3 approvals in escalation.toml, and `solo` in bundle.toml", |files| {
                replace(files, "escalation.toml", "approvals = 1", "approvals = 3");
                replace(files, "bundle.toml", "authors", "solo = true\nauthors");
            }),
            plus("people.toml", "[people.zoe]\nrole = \"auditor\"\n"),
            plus("people.toml", "[people.zoe]\nrole = \"auditor\"\ngroups = [\"sre\"]\n"),
            plus("people.toml", "[people.zoe]\nrole = \"reader\"\n"),
            case("an auditor in people.toml, who is an author, an owner and acted for", |files| {
                files.insert(
                    "people.toml",
                    format!("{}[people.zoe]\nrole = \"auditor\"\n", files.get("people.toml").unwrap()),
                );
                replace(files, "bundle.toml", "authors = [\"dan\"]", "authors = [\"zoe\"]");
                replace(files, "agents.toml", "owner = \"ana\"", "owner = \"zoe\"");
                replace(files, "agents.toml", "on_behalf_of = [\"cleo\"]", "on_behalf_of = [\"zoe\"]");
            }),
            with("workflows/reliability.toml", "owner = \"ana\"", "owner = \"zoe\""),
            with("workflows/reliability.toml", "review_days = 30", "review_days = 0"),
            with("workflows/reliability.toml", "\"scale\"", "\"scail\""),
        ],
    );
}

#[test]
fn catalogue() {
    let named = |name: &str| plus(&format!("catalog/{name}.toml"), "[server]\nurl = \"https://example.com/mcp\"\n");
    let registry = |name: &str, text: &str| plus(&format!("catalog/{name}.toml"), text);
    let server =
        |text: &str| with("catalog/sre.toml", "command = [\"sre-server\", \"--stdio\"]\nenv = [\"SRE_TOKEN\"]\n", text);
    check(
        "catalogue",
        vec![
            named("other"),
            named("a.b"),
            named("a__b"),
            named("countersign"),
            named("-a"),
            registry("models", "[registry]\n"),
            registry("registry", "[registry]\n[server]\nurl = \"https://a\"\n"),
            registry("registry", "[registry]\nname = \"models\"\n"),
            registry(
                "registry",
                "[registry]\n\n[tools.register]\nclass = \"scale\"\neffect = \"unsafe\"\nreversibility = \"irreversible\"\n",
            ),
            server(""),
            server("command = [\"a\"]\nurl = \"https://a\"\n"),
            server("url = \"ftp://a\"\n"),
            server("command = [\"a\"]\nheaders = { A = \"B\" }\n"),
            server("url = \"https://a\"\nenv = [\"A\"]\n"),
            with("catalog/sre.toml", "[server]\n", "[sorver]\n"),
            with("catalog/sre.toml", "class = \"scale\"", "class = \"scail\""),
            plus(
                "catalog/sre.toml",
                "\n[tools.scale.undo]\ntool = \"unscale\"\narguments = { n = \"$result/n\" }\n\
                 observe = { tool = \"restart\", arguments = { n = \"$before\" }, take = \"n\" }\n",
            ),
            plus(
                "catalog/sre.toml",
                "\n[tools.report.undo]\ntool = \"scale\"\narguments = {}\nobserve = { tool = \"report\", arguments = {} }\n",
            ),
            plus(
                "catalog/sre.toml",
                "\n[tools.scale.plan]\ntool = \"restart\"\narguments = { n = \"$before\" }\ntake = \"n\"\n\
                 amounts = { seen = \"/n\", \"a.b\" = \"n\" }\nignore = [\"x\"]\n",
            ),
            plus("catalog/sre.toml", "\n[tools.scale.plan]\ntool = \"report\"\narguments = { n = \"$action\" }\n"),
            plus("catalog/sre.toml", "\n[tools.report.plan]\ntool = \"report\"\narguments = {}\n"),
            with("catalog/sre.toml", "effect = \"read\"", "effect = \"unsafe\""),
            with("catalog/sre.toml", "effect = \"reconcilable\"", "effect = \"read\""),
            with("catalog/sre.toml", "key_argument = \"request_id\"\n", ""),
            with("catalog/sre.toml", "key_ttl_ms = 3600000", "key_ttl_ms = 0"),
            with("catalog/sre.toml", "effect = \"keyed\"", "effect = \"unsafe\""),
            with("catalog/sre.toml", "\"/database\"", "\"database\""),
            with("catalog/sre.toml", "[\"/tables\"]", "[\"tables\"]"),
            with("catalog/sre.toml", "\"Database\"", "\"Databose\""),
            with("catalog/sre.toml", "[tools.mail_send]", "[tools.\"mail send\"]"),
            with("classes.toml", "impact = 60", "impact = -1"),
            with("classes.toml", "impact = 10\nroutine = true\nprofile = \"sre-on-call\"", "profile = \"x\""),
        ],
    );
}

#[test]
fn secrets() {
    let scale = |lines: &str| {
        let from = "effect = \"reconcilable\"";
        with("catalog/sre.toml", from, &format!("{from}\n{lines}"))
    };
    check(
        "secrets",
        vec![
            scale("secret = [\"/pin\", \"/users/*/key\", \"/**/ssn\"]\nnot_secret_results = [\"/token\"]\n"),
            scale("secret = [\"/a\", \"pin\"]\n"),
            scale("secret = [\"/a~2\"]\n"),
            scale("secret = \"/pin\"\n"),
            scale("secret_results = [\"\"]\n"),
            scale("secret = [\"/service\"]\n"),
            scale("secret = [\"/**\"]\n"),
            scale("secret = [\"/pin\"]\nnot_secret = [\"/pin\"]\n"),
            scale("secrets = [\"/pin\"]\n"),
            with("catalog/sre.toml", "touches = [\"/tables\"]", "touches = [\"/tables\"]\nsecret = [\"/tables\"]"),
        ],
    );
}

#[test]
fn inventory() {
    let json = |text: &str| {
        case(format!("inventory/services.json is {text}"), |files| {
            replace(files, "inventory.toml", "inventory/services.toml", "inventory/services.json");
            files.0.remove("inventory/services.toml");
            files.insert("inventory/services.json", text);
        })
    };
    let kind = |name: &str| plus("inventory.toml", &format!("[kinds.{name}.attributes]\n"));
    check(
        "inventory",
        vec![
            kind("Agent"),
            kind("\"a b\""),
            kind("Queue"),
            with("inventory.toml", "tier = \"long\"", "id = \"long\""),
            with("inventory.toml", "sensitive = \"bool\"", "sensitive = \"string\""),
            with("inventory.toml", "file = \"inventory/services.toml\"", "file = \"services.toml\""),
            with("inventory.toml", "sqlite = \"databases.db\"\n", ""),
            with(
                "inventory.toml",
                "queries = { Database = \"select name as id, env, sensitive from databases\" }\n",
                "",
            ),
            with("inventory.toml", "queries = { Database", "queries = { Databose"),
            with("inventory.toml", "age_ms_max = 60000", "age_ms_max = 0"),
            with("inventory/services.toml", "id = \"ledger\"", "id = \"web\""),
            with("inventory/services.toml", "id = \"ledger\"\n", ""),
            with("inventory/services.toml", "tier = 2", "tier = \"2\""),
            plus("inventory/services.toml", "[[Sorvice]]\nid = \"x\"\n"),
            plus("inventory/services.toml", "]"),
            plus("inventory.toml", "[sources.again]\nfile = \"inventory/services.toml\"\n"),
            case("inventory/more.toml has a service of inventory/services.toml", |files| {
                files.insert(
                    "inventory/more.toml",
                    "[[Service]]\nid = \"web\"\nenv = \"prod\"\nstateless = true\ntier = 1\n",
                );
                let sources = files.get("inventory.toml").unwrap().to_owned();
                files.insert(
                    "inventory.toml",
                    sources + "[sources.more]\nfile = \"inventory/more.toml\"\nage_ms_max = 60000\n",
                );
            }),
            json(r#"{"Service": [{"id": "web", "env": "prod", "stateless": true, "tier": 1}]}"#),
            json(r#"{"Service": [], "Service": []}"#),
            json(r#"{"Service": {}}"#),
            json("[]"),
        ],
    );
}

#[test]
fn risk_and_obligations() {
    check(
        "risk_and_obligations",
        vec![
            with("risk.toml", "observe_from = 30", "observe_from = -1"),
            with("risk.toml", "escalate_from = 70", "escalate_from = 29"),
            with("risk.toml", "profile = \"sre-on-call\"", "profile = \"x\""),
            with("risk.toml", "prod = 30", "prod = 31"),
            with("risk.toml", "unknown = 30", "unknown = 31"),
            with("risk.toml", "max = 30", "max = -1"),
            with("risk.toml", "fact = \"resource.env\"", "fact = \"\""),
            with("obligations.toml", "deadline_ms = 60000", "deadline_ms = 0"),
            with("obligations.toml", "result_bytes_max = 1048576", "result_bytes_max = 0"),
        ],
    );
}

#[test]
fn limits() {
    check(
        "limits",
        vec![
            with("limits.toml", "{ class = \"restart-stateless\" }", "{ class = \"restrat\" }"),
            with("limits.toml", "{ class = \"restart-stateless\" }", "{ agent = \"x\" }"),
            with("limits.toml", "\"sre.db_change\"", "\"sre.x\""),
            with("limits.toml", "max = 100", "max = -1"),
            with("limits.toml", "period_ms = 86400000", "period_ms = 0"),
            with("limits.toml", "max = 100\n", "max = 100\namount = \"x\"\n"),
            with("limits.toml", "Europe/Berlin", "Europe/Berlyn"),
            with("limits.toml", "\"mon\", ", "\"monday\", "),
            with("limits.toml", "days = [\"mon\", \"tue\", \"wed\", \"thu\"]", "days = []"),
            with("limits.toml", "09:00", "9:00"),
            with("limits.toml", "16:00", "24:00"),
            with("limits.toml", "16:00", "24:01"),
            with("limits.toml", "09:00", "24:00"),
            with("limits.toml", "max = 100", "max = 9007199254740991"),
            with("limits.toml", "max = 100", "max = 9007199254740992"),
            with("limits.toml", "max = 100", "max = 9223372036854775807"),
            with("limits.toml", "touches_max = 3", "touches_max = 9223372036854775807"),
            with("limits.toml", "touches_max = 3", "amount = \"/n\"\namount_max = 9223372036854775807"),
            with("limits.toml", "touches_max = 3", "amount = \"/n\"\namount_max = -1"),
            with("limits.toml", "[budgets.mail]", "[budgets.\"mail.asked\"]"),
            with("limits.toml", "[freezes.year-end]", "[freezes.\"year.end\"]"),
            with("limits.toml", "16:00", "09:00"),
            with("limits.toml", "outside = \"sre-db\"", "outside = \"x\""),
            with("limits.toml", "2026-12-20T00:00:00Z", "2026-12-20"),
            with("limits.toml", "2027-01-04", "2026-01-04"),
            with("limits.toml", "\"Year-end freeze\"", "\"\""),
            with("limits.toml", "touches_max = 3", "amount_max = 3"),
            with("limits.toml", "touches_max = 3", "plan = \"rows\"\nplan_max = 3"),
            with("limits.toml", "touches_max = 3", "plan_max = -1"),
            with("limits.toml", "touches_max = 3\n", ""),
            with("limits.toml", "touches_max = 3", "touches_max = -3"),
        ],
    );
}

#[test]
fn policies() {
    let policy = |text: &str| plus("policies/x.cedar", &format!("// A comment.\n{text}"));
    let plain = "permit (principal, action in Action::\"read\", resource)";
    check(
        "policies",
        vec![
            policy(&format!("@id(\"x\") {plain};")),
            policy(&format!("{plain};")),
            policy(&format!("@id(\"a b\") {plain};")),
            policy(&format!("@id(\"report.observed\") {plain};")),
            policy(&format!("@id(\"x\") @escalates(\"y\") {plain};")),
            policy(&format!("@id(\"x\") @obligations(\"restart-std, y\") {plain};")),
            policy(&format!("@id(\"x\") @escalate(\"y\") {plain} when {{ context.mode == Mode::\"approved\" }};")),
            policy(&format!("@id(\"x\") @escalate(\"\") {plain};")),
            policy(&format!("@id(\"x\") @escalate(\"sre-db\") {plain};")),
            policy(&format!("@id(\"x\") @obligations(\"restart-std\") {};", plain.replace("permit", "forbid"))),
            policy("@id(\"x\") permit (principal == ?principal, action, resource);"),
            policy(&format!("@id(\"x\") {plain} when {{ context.rusk < 3 }};")),
            policy("@id(\"x\") permit (principal, action == Action::\"sre.restert\", resource);"),
            policy("@id(\"x\") permit (principal is Team, action, resource);"),
            policy(&format!("@id(\"x\") {plain} when {{ context.mode == Mode::\"autonomos\" }};")),
            policy(
                "@id(\"x\") permit (principal, action == Action::\"sre.restart\", resource) when { resource.env == 3 };",
            ),
            policy(
                "@id(\"x\") permit (principal, action == Action::\"sre.report\", resource) when { context.input.service == \"x\" };",
            ),
            policy("@id(\"x\") permit (principal, action == Action::\"sre.report\", resource is Service);"),
            policy("@id(\"x\") permit (principal, action, resource) when { false };"),
            policy("@id(\"x\") permit (principal, action, resource) when { \"\u{202e}\" == \"x\" };"),
        ],
    );
}

#[test]
fn schema() {
    let schema = |from: &str, to: &str| with("schema.cedarschema", from, to);
    check(
        "schema",
        vec![
            schema(
                "entity Mode enum [\"autonomous\", \"monitored\", \"approved\"];",
                "entity Mode enum [\"autonomous\", \"approved\"];",
            ),
            schema("entity Team;", "entity Team"),
            schema("entity Team;", ""),
            schema("action \"countersign.tool.pin\"", "action \"countersign.tool.pon\""),
            schema("action \"sre.report\"", "action \"sre.rapport\""),
            schema("action \"sre.report\" in [\"class:report\", ", "action \"sre.report\" in [\"class:mail\", "),
            schema("entity Service { env: String, ", "entity Service { env: String, owner: String, "),
            schema("entity Agent in [Team] { owner: Person };", "entity Agent in [Team] { owner: Person, age: Long };"),
            schema("entity Agent in [Team] { owner: Person };", "entity Agent in [Team];"),
            schema("      days?: Long,", "      days?: Agent,"),
            schema("      days?: Long,", "      days?: decimal,"),
        ],
    );
}

/// A rotation of two who may vote, asked by a profile of its own.
const ROTATION: &str = "[schedules.primary]\nzone = \"Europe/Berlin\"\npeople = [\"ana\", \"ben\"]\n\
     start = \"2026-01-05T09:00\"\nturn = \"1w\"\n";
const DUTY: &str = "[profiles.duty]\non_call = \"primary\"\napprovals = 1\ntimeout_ms = 600000\n";

/// Changes one thing about the rotation or the profile, each once.
fn on_call(mistake: &str, (file, from, to): (&str, &str, &str)) -> Case {
    case(mistake, |files| {
        files.insert("schedules.toml", ROTATION);
        let profiles = files.get("escalation.toml").unwrap().to_owned();
        files.insert("escalation.toml", format!("{profiles}\n{DUTY}"));
        replace(files, file, from, to);
    })
}

#[test]
fn schedules() {
    const ROTA: &str = "schedules.toml";
    const ASKS: &str = "escalation.toml";
    let after_turn = |more: &str| format!("turn = \"1w\"\n{more}");
    let over = |from: &str, to: &str| {
        format!("\n[[schedules.primary.overrides]]\nperson = \"dan\"\nfrom = \"{from}\"\nto = \"{to}\"\n")
    };
    let one = over("2026-12-24T09:00", "2026-12-25T09:00");
    let turn = |mistake: &str, more: &str| on_call(mistake, (ROTA, "turn = \"1w\"\n", &after_turn(more)));
    let duty = |mistake: &str, to: &str| on_call(mistake, (ASKS, "on_call = \"primary\"\n", to));
    check(
        "schedules",
        vec![
            on_call("nothing is wrong", (ROTA, "\"ben\"", "\"ben\"")),
            on_call("another zone", (ROTA, "Europe/Berlin", "Europe/Munich")),
            on_call("a stranger takes turns", (ROTA, "\"ben\"", "\"zoe\"")),
            on_call("nobody takes turns", (ROTA, "[\"ana\", \"ben\"]", "[]")),
            on_call("a start with an offset", (ROTA, "T09:00", "T09:00+01:00")),
            on_call("a start on no day", (ROTA, "2026-01-05", "2026-02-30")),
            on_call("a turn of minutes", (ROTA, "1w", "30m")),
            turn("an unknown key", "every = \"week\"\n"),
            turn("a beginning without an end", "from = \"09:00\"\n"),
            turn("hours that are none", "from = \"24:00\"\nto = \"24:01\"\n"),
            turn("a day that is none, which leaves a gap", "days = [\"monday\"]\n"),
            turn("hours that leave a gap", "from = \"09:00\"\nto = \"17:00\"\n"),
            turn("all hours of all days", "from = \"00:00\"\nto = \"24:00\"\n"),
            turn("an override by an author, who does not vote", &one),
            turn("an override that ends before it begins", &over("2026-12-25T09:00", "2026-12-24T09:00")),
            turn("an override at no time", &over("christmas", "2026-12-24T09:00")),
            turn("two at the same time", &format!("{one}{}", over("2026-12-25T07:59:59Z", "2026-12-26T09:00"))),
            turn("one after the other", &format!("{one}{}", over("2026-12-25T08:00:00Z", "2026-12-26T09:00"))),
            duty("neither a group nor a schedule", ""),
            duty("no such schedule", "on_call = \"secondary\"\n"),
            duty("a group beside it that one of them is not in", "on_call = \"primary\"\ngroup = \"sre-db\"\n"),
            duty("and others who answer then", "on_call = \"primary\"\ngroup = \"sre-db\"\notherwise = \"sre-db\"\n"),
            on_call("two approvals of one person", (ASKS, "\"primary\"\napprovals = 1", "\"primary\"\napprovals = 2")),
            on_call("authors alone take turns", ("bundle.toml", "authors = [\"dan\"]", "authors = [\"ana\", \"ben\"]")),
        ],
    );
}
