//! Levels, bundles and pins.

use serde_json::{Value, json};
use testkit::bundle;

use crate::call::{Api, found};

fn level(api: &Api, level: &str, class: &str) -> Value {
    let expires_at = api.world.control.now().0 + 86_400_000;
    json!({ "agent": "report-bot", "class": class, "level": level, "reason": "a trial", "expires_at": expires_at })
}

#[tokio::test]
async fn a_level_is_given_listed_and_ends() {
    let api = Api::new().await;
    let given = api.post("dan", "/v1/levels", level(&api, "L1", "read")).await.is(201);
    assert_eq!((&given["level"], &given["by"], &given["expired"]), (&json!("L1"), &json!("person:dan"), &json!(false)));
    let report = json!({ "tool": "sre.report", "arguments": {} });
    assert_eq!(api.post("report-bot", "/v1/actions", report.clone()).await.is(200)["verdict"], "allow");
    api.world.clock.advance(86_400_000);
    let denied = api.post("report-bot", "/v1/actions", report).await.is(200);
    assert!(denied["verdict"] == "deny" && found(&denied, "level-advisory"), "{denied}");
    let levels = api.get("ana", "/v1/levels").await.is(200);
    let listed = levels["levels"].as_array().unwrap().iter().find(|l| l["agent"] == "report-bot").unwrap();
    assert_eq!(listed["expired"], true);
}

#[tokio::test]
async fn levels_that_nothing_supports_are_refused() {
    let api = Api::new().await;
    let problem = api.post("dan", "/v1/levels", level(&api, "L3", "write")).await.problem(422, "level-unsupported");
    assert!(problem["detail"].as_str().unwrap().contains("only for named environments"), "{problem}");
    api.post("dan", "/v1/levels", level(&api, "L2", "write")).await.problem(422, "level-unsupported");
    api.post("dan", "/v1/levels", level(&api, "L1", "no-such-class")).await.problem(422, "level-unsupported");
    api.post("dan", "/v1/levels", level(&api, "L9", "read")).await.problem(400, "request-invalid");
}

#[tokio::test]
async fn a_bundle_that_does_not_hold_leaves_the_last_good_one() {
    let api = Api::new().await;
    let before = api.get("ana", "/v1/bundles/active").await.is(200);
    assert_eq!(before["name"], "small");
    assert!(before["files"].as_array().unwrap().contains(&json!("policies/starter.cedar")));
    let mut broken = bundle();
    broken.insert("policies/starter.cedar", "permit (principal, action, resource) when { context.nonsense };");
    let problem = api
        .post("dan", "/v1/bundles", json!({ "files": broken.0, "reason": "try" }))
        .await
        .problem(422, "bundle-invalid");
    assert!(problem["detail"].as_str().unwrap().contains("starter.cedar"), "{problem}");
    let mut failing = bundle();
    failing.insert("tests/mine.toml", "[[test]]\nname = \"no\"\nagent = \"sre-bot\"\ntool = \"sre.delete\"\narguments = { service = \"a\" }\nlevel = \"L1\"\nexpect = \"allow\"\n");
    api.post("dan", "/v1/bundles", json!({ "files": failing.0, "reason": "try" }))
        .await
        .problem(422, "bundle-tests-failed");
    api.post("dan", "/v1/bundles", json!({ "files": {}, "reason": "try" })).await.problem(422, "bundle-invalid");
    api.post("dan", "/v1/bundles", json!({ "files": { "a": 1 }, "reason": "try" }))
        .await
        .problem(400, "request-invalid");
    assert_eq!(api.get("ana", "/v1/bundles/active").await.is(200), before);
    assert_eq!(api.propose("sre.report", json!({})).await["verdict"], "allow");
}

#[tokio::test]
async fn an_activation_reopens_open_cases_and_says_how_many() {
    let api = Api::new().await;
    let kept = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    api.case("sre.scale", json!({ "service": "web", "replicas": 2 }), "ben").await;
    let mut files = bundle();
    let policies = files.get("policies/starter.cedar").unwrap().replace("@escalate(\"pair\")\n", "").replace(
        "action == Action::\"sre.scale\", resource)\nwhen { context.mode == Mode::\"approved\" };",
        "action == Action::\"sre.scale\", resource)\nwhen { context.mode == Mode::\"approved\" && context.input.service == \"none\" };",
    );
    files.insert("policies/starter.cedar", policies);
    api.post("eve", "/v1/bundles", json!({ "files": files.0, "reason": "mine" })).await.problem(403, "policy-denies");
    let done = api.post("dan", "/v1/bundles", json!({ "files": files.0, "reason": "no scaling" })).await.is(200);
    assert_eq!((&done["reopened"], &done["ended"]), (&json!(1), &json!(1)), "{done}");
    assert_eq!(done["bundle"], files.digest().to_string());
    assert_eq!(api.get("ana", "/v1/bundles/active").await.is(200)["digest"], done["bundle"]);
    api.vote("ben", &kept, "approve").await.problem(409, "case-closed");
    let again = api.propose("sre.restart", json!({ "service": "web" })).await;
    assert_ne!(again["approval"]["id"], kept["id"]);
    assert_eq!(api.get("ben", "/v1/approvals?state=open").await.is(200)["approvals"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_history_holds_each_bundle_its_tests_and_what_it_changed() {
    let api = Api::new().await;
    let before = api.get("ana", "/v1/bundles/active").await.is(200)["digest"].clone();
    let mut files = bundle();
    let head = files.get("bundle.toml").unwrap().replace("\"small\"", "\"smaller\"");
    files.insert("bundle.toml", head);
    files.insert(
        "tests/mine.toml",
        "[[test]]\nname = \"mine\"\nagent = \"sre-bot\"\ntool = \"sre.report\"\nexpect = \"deny\"\n",
    );
    api.post("dan", "/v1/bundles", json!({ "files": files.0, "reason": "a\u{202e} name" })).await.is(200);
    let after = files.digest().to_string();

    let listed = api.get("ana", "/v1/bundles").await.is(200);
    let [latest, first] = listed["activations"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!((&latest["bundle"], &latest["by"]), (&json!(after), &json!("person:dan")));
    assert_eq!((&latest["reason"], &first["bundle"]), (&json!("a\\u{202e} name"), &before));
    assert!(latest["record"].as_u64() > first["record"].as_u64());

    let kept = api.get("ana", &format!("/v1/bundles/{after}")).await.is(200);
    assert_eq!((&kept["name"], kept["files"].as_object().unwrap().len()), (&json!("smaller"), files.0.len()));
    let mine = json!({ "name": "mine", "passed": true, "verdict": "deny" });
    assert!(kept["tests"].as_array().unwrap().contains(&mine), "{kept}");

    let path = format!("/v1/bundles/{after}/difference?from={}", before.as_str().unwrap());
    let differs = api.get("ana", &path).await.is(200)["files"].clone();
    assert_eq!((&differs[0]["path"], &differs[0]["became"]), (&json!("bundle.toml"), &json!("changed")));
    let lines = differs[0]["hunks"][0].as_array().unwrap();
    let sides: Vec<_> =
        lines.iter().filter(|line| line["side"] != "both").map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(sides, ["name = \"small\"", "name = \"smaller\""]);
    assert_eq!((&differs[1]["path"], &differs[1]["became"]), (&json!("tests/mine.toml"), &json!("added")));
    assert_eq!(differs.as_array().unwrap().len(), 2);

    let never = "0".repeat(64);
    api.get("ana", &format!("/v1/bundles/{never}")).await.problem(404, "not-found");
    api.get("ana", &format!("/v1/bundles/{after}/difference?from={never}")).await.problem(404, "not-found");
    api.get("ana", "/v1/bundles/small").await.problem(404, "not-found");
    api.get("ana", &format!("/v1/bundles/{after}/difference")).await.problem(400, "request-invalid");
    api.get("sre-bot", "/v1/bundles").await.problem(403, "forbidden");
}

async fn list_report(api: &Api, description: &str) -> String {
    let definition = format!(r#"{{"name":"report","description":"{description}","inputSchema":{{"type":"object"}}}}"#);
    let tools = [definition.clone(), r#"{"name":"stranger","inputSchema":{"type":"object"}}"#.to_owned()];
    api.world.control.observe(&"sre".parse().unwrap(), "sre-server 1.0", &tools).await.unwrap();
    definition
}

#[tokio::test]
async fn only_a_tool_that_was_listed_can_be_pinned() {
    let api = Api::new().await;
    let review = |digest: &Value| json!({ "definition": digest, "reason": "read it" });
    let never = json!("11".repeat(32));
    api.post("dan", "/v1/tools/sre.report/pin", review(&never)).await.problem(404, "not-found");
    api.post("dan", "/v1/tools/sre.stranger/pin", review(&never)).await.problem(422, "tool-unknown");
    list_report(&api, "Does report").await;
    let listed = api.get("ben", "/v1/tools/sre.report").await.is(200)["listed"].clone();
    api.post("eve", "/v1/tools/sre.report/pin", review(&listed)).await.problem(403, "policy-denies");
    let pinned = api.post("dan", "/v1/tools/sre.report/pin", review(&listed)).await.is(200);
    assert_eq!((&pinned["tool"], &pinned["definition"]), (&json!("sre.report"), &listed));
    api.post("dan", "/v1/tools/sre%2Freport/pin", review(&listed)).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_definition_that_was_not_reviewed_is_not_pinned() {
    let api = Api::new().await;
    let review = |digest: &Value| json!({ "definition": digest, "reason": "read it" });
    let text = list_report(&api, "Does report").await;
    let read = api.get("ben", "/v1/tools/sre.report").await.is(200);
    assert_eq!((&read["definition"], &read["reviewed"]), (&json!(text), &Value::Null));
    list_report(&api, "Does report, and mails it").await;
    api.post("dan", "/v1/tools/sre.report/pin", review(&read["listed"])).await.problem(422, "tool-changed");
    assert_eq!(api.get("ben", "/v1/tools/sre.report").await.is(200)["reviewed"], Value::Null);
    let now = api.get("ben", "/v1/tools/sre.report").await.is(200)["listed"].clone();
    api.post("dan", "/v1/tools/sre.report/pin", review(&now)).await.is(200);
    list_report(&api, "Does report").await;
    let changed = api.get("ben", "/v1/tools/sre.report").await.is(200);
    assert_eq!((&changed["reviewed"], &changed["quarantined"]), (&now, &json!(true)));
    assert_ne!(changed["listed"], now);
    let doctor = api.get("ben", "/v1/doctor").await.is(200).to_string();
    assert!(doctor.contains(changed["listed"].as_str().unwrap()), "{doctor}");
}

#[tokio::test]
async fn the_tools_are_listed_with_the_digests_to_review() {
    let api = Api::new().await;
    list_report(&api, "Does report").await;
    let listed = api.get("sre-bot", "/v1/tools").await.is(200);
    let tools: Vec<&str> = listed["tools"].as_array().unwrap().iter().map(|t| t["tool"].as_str().unwrap()).collect();
    assert_eq!(tools, ["sre.delete", "sre.list", "sre.report", "sre.restart", "sre.scale"]);
    let shown = api.get("sre-bot", "/v1/tools/sre.report").await.is(200);
    assert_eq!((&listed["tools"][2]["listed"], shown["listed"].as_str().unwrap().len()), (&shown["listed"], 64));
    assert_eq!(listed["tools"][0]["listed"], Value::Null);
    api.get("ben", "/v1/tools/sre.stranger").await.problem(422, "tool-unknown");
}

#[tokio::test]
async fn who_may_do_and_decide_what_follows_the_bundle_and_the_levels() {
    let api = Api::new().await;
    let authority = api.get("eve", "/v1/authority").await.is(200);
    let agents = authority["agents"].as_array().unwrap();
    let bot = agents.iter().find(|agent| agent["agent"] == "sre-bot").unwrap();
    assert_eq!((&bot["owner"], &bot["on_behalf_of"]), (&json!("ana"), &json!(["cleo"])));
    let level = |agent: &Value, class: &str| {
        let classes = agent["classes"].as_array().unwrap();
        classes.iter().find(|standing| standing["class"] == class).unwrap()["level"].clone()
    };
    assert_eq!(level(bot, "write"), "L1");
    let other = agents.iter().find(|agent| agent["agent"] == "report-bot").unwrap();
    assert_eq!(level(other, "write"), "L0", "nobody gave it one");
    let pair = authority["profiles"].as_array().unwrap().iter().find(|one| one["profile"] == "pair").unwrap().clone();
    assert_eq!((&pair["approvals"], &pair["people"]), (&json!(2), &json!(["ana", "ben", "cleo", "dan"])));
    assert_eq!((&authority["authors"], &authority["solo"]), (&json!(["dan"]), &json!(false)));
    api.get("sre-bot", "/v1/authority").await.problem(403, "forbidden");
    // A level that has ended is none.
    api.world.clock.advance(31 * 86_400_000);
    let later = api.get("eve", "/v1/authority").await.is(200);
    let bot = later["agents"].as_array().unwrap().iter().find(|agent| agent["agent"] == "sre-bot").unwrap().clone();
    assert_eq!(level(&bot, "write"), "L0");
}
