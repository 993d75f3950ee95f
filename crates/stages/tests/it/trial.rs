//! A bundle's own tests, run as a bundle's author runs them.

use countersign_stages::decision::PolicyAnswer;
use countersign_stages::trial::{self, Report, Stage, TrialError};
use serde_json::json;
use types::{ActionProposal, Code, Digest, Facts, Finding, Restriction};

use crate::world::changed;

fn permits(_: &ActionProposal, _: &Facts) -> PolicyAnswer {
    let permits = Finding::new(types::Stage::Policy, Restriction::Allow, Code::PolicyPermits, "", "p");
    PolicyAnswer { findings: vec![permits], ..PolicyAnswer::default() }
}

fn run(text: &str) -> Result<Vec<Report>, TrialError> {
    let case = changed(&json!({}));
    let stage =
        Stage { bundle: &case.bundle, digest: Digest([9; 32]), policy: &permits, admin: &["countersign.key.create"] };
    trial::parse(text)?.iter().map(|trial| stage.run(trial)).collect()
}

const RESTART: &str = r#"
[[test]]
name = "t"
agent = "sre-bot"
tool = "ops.restart"
arguments = { service = "cart", amount = 5 }
level = "L2"
environments = ["dev"]
resource = { kind = "Service", id = "cart", attributes = { env = "dev" } }
"#;

fn restart(more: &str) -> Report {
    run(&format!("{RESTART}{more}")).unwrap().remove(0)
}

#[test]
fn a_test_passes_when_verdict_and_code_are_as_expected() {
    for (more, passed) in [
        ("expect = 'allow'", true),
        ("expect = 'allow_observed'", false),
        ("expect = 'escalate'", false),
        ("expect = 'deny'", false),
        ("expect = 'allow'\ncode = 'level-allows'", true),
        ("expect = 'allow'\ncode = 'level-escalates'", false),
    ] {
        let report = restart(more);
        assert_eq!(report.passed, passed, "{more}: {report:#?}");
    }
}

#[test]
fn every_setting_reaches_the_stages() {
    let without = |line: &str| RESTART.lines().filter(|l| !l.starts_with(line)).collect::<Vec<_>>().join("\n");
    let cases = [
        (RESTART.to_owned(), "allow", "level-allows"),
        (without("level"), "deny", "level-advisory"),
        (RESTART.replace("L2", "L1"), "escalate", "level-escalates"),
        (RESTART.replace("L2", "L3"), "allow", "level-allows"),
        (without("environments"), "escalate", "level-escalates"),
        (RESTART.replace("L2", "L1") + "approved = ['sre']", "allow_observed", "level-escalates"),
        (RESTART.replace("L2", "L1") + "approved = ['lead']", "escalate", "level-escalates"),
        (without("resource"), "deny", "resource-unknown"),
        (RESTART.replace("id = \"cart\"", "id = \"web\""), "deny", "resource-unknown"),
        (RESTART.replace("kind = \"Service\"", "kind = \"Database\""), "deny", "resource-unknown"),
        (RESTART.to_owned() + "confidence_bp = 100", "escalate", "review-needed"),
        (RESTART.to_owned() + "on_behalf_of = 'bob'", "allow", "identity-known"),
        (RESTART.to_owned() + "on_behalf_of = 'cyd'", "deny", "delegator-refused"),
        (RESTART.to_owned() + "at = '2026-01-04T10:00:00Z'", "escalate", "outside-window"),
        (RESTART.to_owned() + "at = '2026-12-24T10:00:00Z'", "deny", "change-frozen"),
        (RESTART.replace("amount = 5", "amount = 101"), "deny", "budget-exceeded"),
        (RESTART.replace("sre-bot", "nobody"), "deny", "agent-unknown"),
        (RESTART.replace("agent = \"sre-bot\"", "person = \"bob\""), "allow", "level-allows"),
        (without("tool") + "\ntool = 'ops.unheard'", "deny", "tool-unknown"),
        (without("tool") + "\ntool = 'shell.run'", "deny", "tool-unpinned"),
    ];
    for (text, verdict, code) in cases {
        let text = text + &format!("\nexpect = '{verdict}'\ncode = '{code}'");
        let report = run(&text).unwrap().remove(0);
        assert!(report.passed, "{text}\n{:?}\n{:#?}", report.verdict, report.findings);
    }
}

#[test]
fn claims_and_history_reach_the_stages() {
    let shell = r#"
        [[test]]
        name = "t"
        person = "bob"
        tool = "shell.run"
        channel = "http"
        at = "2026-01-04T02:00:00Z"
    "#;
    let said = "purpose = 'p'\nreasoning = 'r'\nconfidence_bp = 9000\n";
    for text in
        [format!("{shell}{said}expect = 'allow'"), format!("{shell}expect = 'escalate'\ncode = 'review-needed'")]
    {
        let report = run(&text).unwrap().remove(0);
        assert!(report.passed, "{report:#?}");
    }
    let factor = json!({ "fact": "history.runs", "per_unit": 100, "max": 100 });
    let case = changed(&json!({ "bundle": { "risk": { "factors": { "runs": factor } } } }));
    let stage = Stage { bundle: &case.bundle, digest: Digest([9; 32]), policy: &permits, admin: &[] };
    let trials =
        trial::parse(&format!("{RESTART}history = {{ runs = 1 }}\nexpect = 'escalate'\ncode = 'risk-high'")).unwrap();
    assert!(stage.run(&trials[0]).unwrap().passed);
}

#[test]
fn a_policy_that_denies_is_heard() {
    let case = changed(&json!({}));
    let stage =
        Stage { bundle: &case.bundle, digest: Digest([9; 32]), policy: &|_, _| PolicyAnswer::default(), admin: &[] };
    let trials = trial::parse(&format!("{RESTART}expect = 'deny'\ncode = 'policy-denies'")).unwrap();
    assert!(stage.run(&trials[0]).unwrap().passed);
}

#[test]
fn what_is_no_test_is_refused() {
    for (text, message) in [
        ("tests = []", "not a list of tests"),
        ("[[test]]\nname = 'x'", "not a list of tests"),
        (&*format!("{RESTART}expect = 'maybe'"), "not a list of tests"),
        (&*format!("{RESTART}expect = 'allow'\nwhatever = 1"), "not a list of tests"),
        (&*format!("{RESTART}expect = 'allow'\nat = 'Monday'"), "the test `t` plays at `Monday`, which is no instant"),
        (&*format!("{RESTART}expect = 'allow'\nperson = 'bob'"), "the test `t` must name either an agent or a person"),
        (
            "[[test]]\nname = 't'\nperson = 'bob'\ntool = 'a.b'\narguments = { n = 9007199254740992 }\nexpect = 'deny'",
            "the arguments of the test `t` are refused",
        ),
    ] {
        let error = run(text).unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert_eq!(error.code(), Code::BundleInvalid);
    }
}
