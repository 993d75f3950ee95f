//! The ladder over the sample bundle: what each question gets, and why.

use std::collections::BTreeSet;

use countersign_policy::BundleFiles;
use serde_json::json;
use types::{AutonomyLevel, FactValue, Millis};

use crate::common::{Ask, WEDNESDAY_20, load, sre};

fn restart() -> Ask {
    Ask::agent("sre-bot", "sre.restart", json!({"service": "web"})).service("web", "prod", true)
}

fn scale(replicas: i64) -> Ask {
    Ask::agent("sre-bot", "sre.scale", json!({"service": "web", "replicas": replicas, "ratio": 0.5}))
        .service("web", "prod", true)
}

fn change(statement: &str) -> Ask {
    Ask::agent("sre-bot", "sre.db_change", json!({"database": "orders", "statement": statement}))
        .database("orders", false)
}

#[test]
fn every_outcome_of_the_sample() {
    let delete = |env: &str| Ask::agent("sre-bot", "sre.delete", json!({"service": "web"})).service("web", env, true);
    let sure = |bp: u32| Ask { confidence_bp: Some(bp), ..change("alter") };
    let table: Vec<(&str, Ask, &str)> = vec![
        (
            "a read is observed",
            Ask::agent("sre-bot", "sre.report", json!({})),
            "observe policy-observes report.observed",
        ),
        ("within office hours", restart(), "allow policy-permits restart.autonomous"),
        ("in the evening", Ask { now: Millis(WEDNESDAY_20), ..restart() }, "observe policy-observes restart.observed"),
        ("at a lower level", Ask { level: AutonomyLevel::L1, ..restart() }, "observe policy-observes restart.observed"),
        ("at a high risk", Ask { risk: 40, ..restart() }, "observe policy-observes restart.observed"),
        (
            "a stateful service",
            restart().service("db", "prod", false),
            "escalate(sre-on-call) policy-escalates restart.approved",
        ),
        ("the profile of the class", scale(10), "escalate(sre-on-call) policy-escalates scale.approved"),
        ("too many replicas", scale(51), "deny policy-denies policies"),
        (
            "two profiles, both named",
            change("alter"),
            "escalate(sre-db) policy-escalates db-change.a-both\nescalate(sre-on-call) policy-escalates db-change.a-both",
        ),
        ("the permit that asks the fewest", sure(9_000), "escalate(sre-db) policy-escalates db-change.b-careful"),
        (
            "not sure enough",
            sure(8_999),
            "escalate(sre-db) policy-escalates db-change.a-both\nescalate(sre-on-call) policy-escalates db-change.a-both",
        ),
        ("touches too many tables", Ask { touches: 4, ..change("alter") }, "deny policy-denies policies"),
        ("a forbid looks at the arguments", change("set password = 1"), "deny policy-forbids guard.secrets"),
        ("never in production", delete("prod"), "deny policy-forbids guard.prod-delete"),
        ("nobody is named who could approve", delete("dev"), "deny policy-error delete.dev"),
        (
            "mail is never sent",
            Ask::agent("sre-bot", "sre.mail_send", json!({"to": "x"})),
            "deny policy-forbids guard.mail-send",
        ),
        (
            "an obligation nobody can carry out",
            Ask::agent("sre-bot", "sre.mail_draft", json!({"to": "x"})),
            "allow policy-permits mail.draft\ndeny obligation-unsupported draft-only",
        ),
        (
            "another team",
            Ask { principal: types::Principal::Agent("report-bot".parse().unwrap()), ..restart() },
            "deny policy-denies policies",
        ),
        (
            "a person",
            Ask::person("ben", "sre.restart", json!({"service": "web"})).service("web", "prod", true),
            "allow policy-permits people.restart",
        ),
        (
            "administration",
            Ask::person("ana", "countersign.policy.activate", json!({"bundle": "x"})),
            "escalate(sre-on-call) policy-escalates admin.activate",
        ),
        (
            "administration by an agent",
            Ask::agent("sre-bot", "countersign.policy.activate", json!({})),
            "deny policy-denies schema.cedarschema",
        ),
        (
            "administration nobody permits",
            Ask::person("ana", "countersign.key.create", json!({})),
            "deny policy-denies policies",
        ),
    ];
    let bundle = load(sre());
    for (name, ask, expected) in table {
        assert_eq!(ask.of(&bundle), expected, "{name}");
    }
}

#[test]
fn a_change_to_the_system_itself_cannot_wait_for_a_receipt() {
    let mut files = sre();
    files.insert(
        "obligations.toml",
        files.get("obligations.toml").unwrap().to_owned() + "[obligations.seen]\nreceipt = \"witnessed\"\n",
    );
    let policies = files.get("policies/sre.cedar").unwrap();
    let policies = policies.replace("@id(\"admin.activate\")", "@id(\"admin.activate\")\n@obligations(\"seen\")");
    files.insert("policies/sre.cedar", policies.replace("@obligations(\"draft-only\")", "@obligations(\"seen\")"));
    let bundle = load(files);
    let draft = Ask::agent("sre-bot", "sre.mail_draft", json!({"to": "x"}));
    assert_eq!(draft.of(&bundle), "allow policy-permits mail.draft");
    let activate = Ask::person("ana", "countersign.policy.activate", json!({"bundle": "x"}));
    assert_eq!(
        activate.of(&bundle),
        "escalate(sre-on-call) policy-escalates admin.activate\ndeny obligation-unsupported seen"
    );
}

#[test]
fn what_cannot_be_asked_is_denied_with_its_own_code() {
    let on = |attributes: &[(&str, FactValue)]| restart().on("Service", "web", attributes);
    let env = ("env", FactValue::from("prod"));
    let stateless = ("stateless", FactValue::from(true));
    let table: Vec<(Ask, &str)> = vec![
        (Ask::agent("sre-bot", "sre.nothing", json!({})), "deny tool-unknown catalog"),
        (Ask::agent("sre-bot", "countersign.nothing", json!({})), "deny tool-unknown catalog"),
        (Ask::agent("nobody", "sre.report", json!({})), "deny agent-unknown agents.toml"),
        (Ask::person("nobody", "sre.report", json!({})), "deny person-unknown people.toml"),
        (Ask::agent("sre-bot", "sre.report", json!({"days": "7"})), "deny arguments-invalid schema.cedarschema"),
        (Ask::agent("sre-bot", "sre.mail_send", json!({})), "deny arguments-invalid schema.cedarschema"),
        (Ask { resource: None, ..restart() }, "deny fact-missing inventory"),
        (on(&[env.clone(), stateless.clone()]), "deny fact-missing inventory"),
        (on(&[env.clone(), stateless.clone(), ("tier", "1".into())]), "deny fact-missing inventory"),
        (restart().database("orders", true), "deny fact-missing schema.cedarschema"),
        (restart().on("Nothing", "x", &[]), "deny fact-missing schema.cedarschema"),
    ];
    let bundle = load(sre());
    for (ask, expected) in table {
        assert_eq!(ask.of(&bundle), expected);
    }
}

#[test]
fn of_a_kind_whose_entities_the_schema_lists_no_other_is_acted_on() {
    let mut files = sre();
    let change = |file: &str, from: &str, to: &str, files: &mut BundleFiles| {
        let text = files.0[file].replacen(from, to, 1);
        assert_ne!(text, files.0[file], "{file}");
        files.insert(file, text);
    };
    change("inventory.toml", "[kinds.Service", "[kinds.Region.attributes]\n\n[kinds.Service", &mut files);
    let mapped = "[tools.report]\nresource = { kind = \"Region\", id = \"/service\" }";
    change("catalog/sre.toml", "[tools.report]", mapped, &mut files);
    let schema = files.0["schema.cedarschema"].clone();
    let at = schema.find("action \"sre.report\"").unwrap();
    let (before, after) = schema.split_at(at);
    let after = after.replacen("resource: [Server]", "resource: [Region]", 1);
    files.insert("schema.cedarschema", format!("entity Region enum [\"eu\"];\n{before}{after}"));
    let bundle = load(files);
    let ask = |region| Ask::agent("sre-bot", "sre.report", json!({})).on("Region", region, &[]).of(&bundle);
    assert_eq!(ask("eu"), "observe policy-observes report.observed");
    assert_eq!(ask("us"), "deny fact-missing schema.cedarschema");
}

#[test]
fn undeclared_arguments_and_attributes_do_not_reach_cedar() {
    let bundle = load(sre());
    let odd = json!({"days": 7.0, "other": {"deep": [1.5, null]}});
    assert_eq!(Ask::agent("sre-bot", "sre.report", odd).of(&bundle), "observe policy-observes report.observed");
    let attributes: [(&str, FactValue); 4] =
        [("env", "prod".into()), ("stateless", true.into()), ("tier", 1.into()), ("rack", "b7".into())];
    assert_eq!(restart().on("Service", "web", &attributes).of(&bundle), "allow policy-permits restart.autonomous");
}

#[test]
fn acting_for_somebody_takes_the_rights_of_both() {
    let bundle = load(sre());
    let for_cleo = |ask: Ask| Ask { delegator: Some("cleo".parse().unwrap()), ..ask };
    assert_eq!(
        for_cleo(restart()).of(&bundle),
        "allow policy-permits restart.autonomous\nallow policy-permits people.restart"
    );
    assert_eq!(
        for_cleo(scale(10)).of(&bundle),
        "escalate(sre-on-call) policy-escalates scale.approved\ndeny policy-denies policies"
    );
    let for_nobody = Ask { delegator: Some("nobody".parse().unwrap()), ..restart() };
    assert_eq!(for_nobody.of(&bundle), "allow policy-permits restart.autonomous\ndeny person-unknown people.toml");
}

#[test]
fn the_answer_names_policies_obligations_and_reasons() {
    let bundle = load(sre());
    let answer = bundle.evaluate(&restart().question());
    assert_eq!(answer.policies, ["restart.autonomous"]);
    assert_eq!(answer.obligations, BTreeSet::from(["restart-std".parse().unwrap()]));
    assert_eq!(answer.findings[0].detail, "`restart.autonomous` permits it to `agent:sre-bot`");

    let mail = Ask::agent("sre-bot", "sre.mail_send", json!({"to": "x"}));
    let answer = bundle.evaluate(&mail.question());
    assert_eq!(answer.policies, ["guard.mail-send"]);
    let expected = "`guard.mail-send` forbids it to `agent:sre-bot`: people send customer mail; the agent drafts";
    assert_eq!(answer.findings[0].detail, expected);

    let answer = bundle.evaluate(&change("alter").question());
    assert_eq!(answer.obligations, BTreeSet::from(["db-change".parse().unwrap()]));
}

#[test]
fn a_forbid_that_cannot_be_evaluated_denies() {
    let mut files = sre();
    // Strict validation cannot rule out an overflow; Cedar would skip the policy and let the permit stand.
    let guard = "@id(\"guard.overflow\")\nforbid (principal, action == Action::\"sre.restart\", resource)\n\
                 when { context.risk * 9223372036854775807 > 5 && resource.env == \"dev\" };";
    files.insert("policies/overflow.cedar", guard);
    let bundle = load(files);
    let ask = Ask { risk: 2, ..restart() };
    assert_eq!(ask.of(&bundle), "deny policy-error guard.overflow");
    assert!(bundle.evaluate(&ask.question()).findings[0].detail.contains("overflow"));
    assert_eq!(Ask { risk: 1, ..restart() }.of(&bundle), "allow policy-permits restart.autonomous");
    // A permit that fails denies just as well: nobody can tell what it would have said.
    let mut files = sre();
    files.insert("policies/overflow.cedar", guard.replacen("forbid", "permit", 1));
    assert_eq!(ask.of(&load(files)), "deny policy-error guard.overflow");
}

#[test]
fn a_rung_that_is_not_asked_cannot_fail() {
    let mut files = sre();
    files.insert(
        "policies/overflow.cedar",
        "@id(\"late\")\nforbid (principal, action == Action::\"sre.restart\", resource)\n\
         when { context.mode == Mode::\"approved\" && context.risk * 9223372036854775807 > 5 };",
    );
    let bundle = load(files);
    assert_eq!(Ask { risk: 2, ..restart() }.of(&bundle), "allow policy-permits restart.autonomous");
    assert_eq!(Ask { risk: 2, ..restart() }.service("db", "prod", false).of(&bundle), "deny policy-error late");
}

#[test]
fn the_class_of_the_administration_names_who_approves() {
    let mut files = sre();
    let classes = files.get("classes.toml").unwrap().to_owned()
        + "\n[classes.\"countersign.admin\"]\ndescription = \"Administration\"\nwrites = true\nprofile = \"sre-db\"\n";
    files.insert("classes.toml", classes);
    files.insert(
        "policies/admin.cedar",
        "@id(\"admin.keys\")\npermit (principal in Group::\"sre\", action == Action::\"countersign.key.create\", resource)\n\
         when { context.mode == Mode::\"approved\" };",
    );
    let ask = Ask::person("ana", "countersign.key.create", json!({}));
    assert_eq!(ask.of(&load(files)), "escalate(sre-db) policy-escalates admin.keys");
}
