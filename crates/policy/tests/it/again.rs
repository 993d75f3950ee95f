//! One policy file read anew on the ground of a loaded bundle: judged as in a whole load, and nothing else is touched.

use countersign_policy::Bundle;
use serde_json::json;

use crate::common::{Ask, load, sre};

const GUARDS: &str = "policies/guards.cedar";

fn report(bundle: &Bundle) -> String {
    Ask::agent("sre-bot", "sre.report", json!({})).of(bundle)
}

#[test]
fn a_policy_file_read_anew_is_judged_as_in_a_whole_load() {
    let bundle = load(sre());
    let guards = bundle.files().get(GUARDS).unwrap().to_owned();
    let none = "@id(\"none\") forbid (principal, action == Action::\"sre.report\", resource);";
    for text in [
        format!("{guards}\n{none}"),
        none.to_owned(),
        String::new(),
        "forbid (principal".to_owned(),
        "forbid (principal, action, resource);".to_owned(),
        format!("{none}\n{none}"),
        "@id(\"x\") forbid (principal, action, resource) when { context.mood == 3 };".to_owned(),
        format!("@id(\"x\") forbid (principal, action, resource) when {{ {}true{} }};", "(".repeat(40), ")".repeat(40)),
    ] {
        let mut files = bundle.files().clone();
        files.insert(GUARDS, text.as_str());
        match (bundle.with_policies(GUARDS, &text), Bundle::load(files)) {
            (Ok(again), Ok(whole)) => {
                assert_eq!((again.digest(), report(&again)), (whole.digest(), report(&whole)), "{text}");
            }
            (Err(again), Err(whole)) => assert_eq!(again.problems(), whole.problems(), "{text}"),
            (again, whole) => panic!("{text}: {:?} and {:?}", again.err(), whole.err()),
        }
    }
    let forbidden = bundle.with_policies("policies/none.cedar", none).unwrap();
    assert_eq!(report(&forbidden), "deny policy-forbids none");
    assert_eq!(report(&bundle), "observe policy-observes report.observed", "the bundle itself is as it was");
}

#[test]
fn only_a_policy_file_can_be_read_anew() {
    let bundle = load(sre());
    for path in ["schema.cedarschema", "people.toml", "policies/a/b.cedar", "policies/a.toml", "../a.cedar", ""] {
        let error = bundle.with_policies(path, "").unwrap_err();
        assert!(error.to_string().contains("policies stand in `policies/NAME.cedar`"), "{error}");
    }
}

#[test]
fn what_was_perhaps_meant_is_the_same_in_every_load() {
    let bundle = load(sre());
    let schema = bundle.files().get("schema.cedarschema").unwrap();
    let more = (0..40).map(|n| format!("action \"zz.{n:02}\";\n")).collect::<String>();
    let mut files = bundle.files().clone();
    files.insert("schema.cedarschema", format!("{schema}\n{more}"));
    files.insert("policies/near.cedar", "@id(\"near\") forbid (principal, action == Action::\"zz.\", resource);");
    for _ in 0..5 {
        let error = Bundle::load(files.clone()).unwrap_err();
        let helps: Vec<&str> = error.problems().iter().filter_map(|problem| problem.help.as_deref()).collect();
        assert_eq!(helps, ["did you mean `Action::\"zz.00\"`?"]);
    }
}
