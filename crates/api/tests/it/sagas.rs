//! `/v1/sagas`: what is no plan is refused, and an agent sees its own alone.

use serde_json::{Value, json};
use types::saga::{Plan, PlannedStep, Saga, SagaState, SagaStep};
use types::{Claims, Millis};

use crate::auditor::world;

fn step(tool: &str) -> Value {
    json!({ "tool": tool, "arguments": { "service": "web" } })
}

#[tokio::test]
async fn what_is_no_plan_is_refused_and_leaves_nothing() {
    let api = world().await;
    let size = api.world.control.size();
    let begin = async |body: Value| api.post("sre-bot", "/v1/sagas", body).await;
    begin(json!({ "steps": [] })).await.problem(400, "request-invalid");
    begin(json!({ "steps": vec![step("sre.list"); 51] })).await.problem(400, "request-invalid");
    begin(json!({ "steps": [step("sre.nothing")] })).await.problem(422, "tool-unknown");
    begin(json!({ "steps": [step("sre.mcp:resources/read")] })).await.problem(422, "tool-unknown");
    begin(json!({ "steps": [{ "tool": "sre.list", "arguments": [] }] })).await.problem(400, "request-invalid");
    begin(json!({ "steps": [step("sre.list")], "more": 1 })).await.problem(400, "request-invalid");
    begin(json!({ "steps": [step("sre.list")], "confidence": 2 })).await.problem(400, "request-invalid");
    begin(json!({ "steps": [step("sre.list")], "idempotency_key": "" })).await.problem(400, "request-invalid");
    begin(json!({ "steps": [step("sre.restart"), step("sre.scale")] })).await.problem(422, "saga-irreversible");
    // Its server is away, so nobody can tell whether its tools are those that were reviewed.
    begin(json!({ "steps": [step("sre.list")] })).await.problem(502, "upstream-unavailable");
    assert_eq!(api.world.control.size(), size, "no session was opened for them");
    api.post("ana", "/v1/sagas", json!({ "steps": [step("sre.list")] })).await.problem(403, "forbidden");
}

#[tokio::test]
async fn an_agent_sees_its_own_sagas_alone() {
    let api = world().await;
    let control = &api.world.control;
    let agent: types::AgentId = "sre-bot".parse().unwrap();
    let session = control.begin_session(&agent, None, None).await.unwrap();
    let planned = PlannedStep { tool: "sre.list".parse().unwrap(), arguments: json!({ "page": 3 }), check: None };
    let steps = vec![SagaStep { tool: planned.tool.clone(), check: None, actions: Vec::new() }];
    let (plan, digest) = Plan { steps: vec![planned] }.write(1 << 20).unwrap();
    let (key, state, at) = (Some("once".to_owned()), SagaState::Asked, Millis(0));
    let saga = Saga { session, agent, on_behalf_of: None, key, digest, steps, begun: at, state, since: at };
    control.record_saga(saga.clone(), plan.clone(), Claims::default()).await.unwrap();
    let twice = control.record_saga(saga, plan, Claims::default()).await.unwrap_err();
    assert_eq!(twice.code, types::Code::StateConflict, "the machine knows the key too");

    let path = format!("/v1/sagas/{session}");
    let own = api.get("sre-bot", &path).await.is(200);
    assert_eq!((&own["saga"], &own["steps"][0]["arguments"]), (&json!(session), &json!({ "page": 3 })), "{own}");
    assert_eq!(api.get("zoe", &path).await.is(200)["agent"], "sre-bot", "an auditor reads it");
    api.get("report-bot", &path).await.problem(403, "forbidden");
    api.get("sre-bot", "/v1/sagas").await.problem(403, "forbidden");
    let listed = api.get("ben", "/v1/sagas").await.is(200);
    assert_eq!((listed["sagas"].as_array().unwrap().len(), listed["sagas"][0].get("why")), (1, None), "{listed}");
    assert_eq!(listed["sagas"][0]["steps"][0].get("arguments"), None, "what it is called with is told of one alone");
    api.get("ben", "/v1/sagas/ses_0190a6a1e00070008000000000000000").await.problem(404, "not-found");
}
