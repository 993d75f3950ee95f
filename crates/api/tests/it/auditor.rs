//! The auditor: reads everything, changes nothing. Every route of the document has its line here.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::call::{Api, request};

/// Says what an auditor's key does at a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    /// It reads, as any person's key does.
    Reads,
    /// It is refused, before anything of the request is looked at.
    Refused,
    /// No key is needed.
    Open,
    /// No key is needed, and the token of an invitation is.
    ByToken,
    /// It concerns the caller's own login and nothing that is recorded.
    Own,
}

use Right::{ByToken, Open, Own, Reads, Refused};

/// Is every route, with a path on which it can be called. A new one MUST be put here, with a decision.
const ROUTES: [(&str, &str, &str, Right); 126] = [
    ("get", "/log/checkpoint", "/log/checkpoint", Reads),
    ("get", "/log/tile/{path}", "/log/tile/0/000.p/SIZE", Reads),
    ("get", "/v1/actions/{id}", "/v1/actions/ACTION", Reads),
    ("get", "/v1/approvals", "/v1/approvals", Reads),
    ("get", "/v1/approvals/{id}", "/v1/approvals/CASE", Reads),
    ("get", "/v1/authority", "/v1/authority", Reads),
    ("get", "/v1/bundles", "/v1/bundles", Reads),
    ("get", "/v1/authority/review", "/v1/authority/review", Reads),
    ("get", "/v1/baselines", "/v1/baselines?agent=sre-bot", Reads),
    ("get", "/v1/breakers", "/v1/breakers", Reads),
    ("get", "/v1/break-glass", "/v1/break-glass", Reads),
    ("get", "/v1/bundles/active", "/v1/bundles/active", Reads),
    ("get", "/v1/bundles/{digest}", "/v1/bundles/BUNDLE", Reads),
    ("get", "/v1/bundles/{digest}/difference", "/v1/bundles/BUNDLE/difference?from=BUNDLE", Reads),
    ("get", "/v1/delegations", "/v1/delegations", Reads),
    ("get", "/v1/deployments", "/v1/deployments", Reads),
    ("get", "/v1/doctor", "/v1/doctor", Reads),
    ("get", "/v1/events", "/v1/events", Reads),
    ("get", "/v1/export", "/v1/export?action=ACTION", Reads),
    ("get", "/v1/features", "/v1/features", Reads),
    ("get", "/v1/features/{name}", "/v1/features/age", Reads),
    ("get", "/v1/health", "/v1/health", Open),
    ("get", "/v1/imports", "/v1/imports", Reads),
    ("get", "/v1/imports/{id}", "/v1/imports/IMPORT", Reads),
    ("get", "/v1/keys", "/v1/keys", Reads),
    ("get", "/v1/levels", "/v1/levels", Reads),
    ("get", "/v1/log", "/v1/log", Reads),
    ("get", "/v1/login", "/v1/login", Own),
    ("get", "/v1/login/oidc/callback", "/v1/login/oidc/callback", Own),
    ("get", "/v1/login/ways", "/v1/login/ways", Open),
    ("get", "/v1/logs", "/v1/logs", Reads),
    ("get", "/v1/logs/{name}", "/v1/logs/1", Reads),
    ("get", "/v1/logs/{name}/records", "/v1/logs/1/records", Reads),
    ("get", "/v1/models/{name}/compare", "/v1/models/fraud/compare?from=1&to=1", Reads),
    ("get", "/v1/models/{name}/versions/{version}/pipeline", "/v1/models/fraud/versions/1/pipeline", Reads),
    ("get", "/v1/host-keys", "/v1/host-keys", Reads),
    ("get", "/v1/agents/{agent}/epochs", "/v1/agents/sre-bot/epochs", Reads),
    ("get", "/v1/actions/{id}/undo", "/v1/actions/ACTION/undo", Reads),
    ("get", "/v1/models/incidents", "/v1/models/incidents", Reads),
    ("get", "/v1/models/{name}/history", "/v1/models/fraud/history", Reads),
    ("get", "/v1/models/{name}/versions/{version}", "/v1/models/fraud/versions/1", Reads),
    ("get", "/v1/models/{name}/versions/{version}/evidence", "/v1/models/fraud/versions/1/evidence", Reads),
    ("get", "/v1/models/{name}/versions/{version}/recipe", "/v1/models/fraud/versions/1/recipe", Reads),
    ("get", "/v1/notifications", "/v1/notifications", Reads),
    ("get", "/v1/on-call", "/v1/on-call", Reads),
    ("get", "/v1/oversight", "/v1/oversight", Reads),
    ("get", "/v1/passkeys", "/v1/passkeys", Reads),
    ("get", "/v1/permissions", "/v1/permissions", Reads),
    ("get", "/v1/permissions/{id}", "/v1/permissions/PERMISSION", Reads),
    ("get", "/v1/records", "/v1/records", Reads),
    ("get", "/v1/reviews", "/v1/reviews", Reads),
    ("get", "/v1/reviews/{id}", "/v1/reviews/CASE", Reads),
    ("get", "/v1/rollbacks", "/v1/rollbacks?agent=sre-bot&since=0", Reads),
    ("get", "/v1/sagas", "/v1/sagas", Reads),
    ("get", "/v1/sagas/{id}", "/v1/sagas/ses_0190a6a1e00070008000000000000000", Reads),
    ("get", "/v1/runs/{run}/diagnosis", "/v1/runs/RUN/diagnosis", Reads),
    ("get", "/v1/runs/{run}/features", "/v1/runs/RUN/features", Reads),
    ("get", "/v1/seals", "/v1/seals", Reads),
    ("get", "/v1/seals/{model}/signature", "/v1/seals/MODEL/signature", Reads),
    ("get", "/v1/skew", "/v1/skew", Reads),
    ("get", "/v1/switches", "/v1/switches", Reads),
    ("get", "/v1/systems", "/v1/systems", Reads),
    ("get", "/v1/checks", "/v1/checks", Reads),
    ("get", "/v1/tools", "/v1/tools", Reads),
    ("get", "/v1/tools/{tool}", "/v1/tools/sre.report", Reads),
    ("post", "/v1/actions", "/v1/actions", Refused),
    ("post", "/v1/actions/{id}/outcome", "/v1/actions/ACTION/outcome", Refused),
    ("post", "/v1/approvals/{id}/ballot", "/v1/approvals/CASE/ballot", Refused),
    ("post", "/v1/approvals/{id}/votes", "/v1/approvals/CASE/votes", Refused),
    ("post", "/v1/breakers/reset", "/v1/breakers/reset", Refused),
    ("post", "/v1/break-glass", "/v1/break-glass", Refused),
    (
        "post",
        "/v1/break-glass/{glass}/confirm",
        "/v1/break-glass/glass_0190a6a1e00070008000000000000000/confirm",
        Refused,
    ),
    ("post", "/v1/break-glass/{glass}/end", "/v1/break-glass/glass_0190a6a1e00070008000000000000000/end", Refused),
    (
        "post",
        "/v1/break-glass/{glass}/review",
        "/v1/break-glass/glass_0190a6a1e00070008000000000000000/review",
        Refused,
    ),
    ("post", "/v1/bundles", "/v1/bundles", Refused),
    ("post", "/v1/delegations", "/v1/delegations", Refused),
    ("post", "/v1/delegations/end", "/v1/delegations/end", Refused),
    ("post", "/v1/drills", "/v1/drills", Refused),
    ("post", "/v1/erasures", "/v1/erasures", Refused),
    ("post", "/v1/data-checks", "/v1/data-checks", Refused),
    ("post", "/v1/features", "/v1/features", Refused),
    ("post", "/v1/features/{name}/values", "/v1/features/age/values", Refused),
    ("post", "/v1/imports", "/v1/imports", Refused),
    ("post", "/v1/imports/{id}/end", "/v1/imports/1/end", Refused),
    ("post", "/v1/imports/{id}/items", "/v1/imports/1/items", Refused),
    ("post", "/v1/host-keys", "/v1/host-keys", Refused),
    ("post", "/v1/keys", "/v1/keys", Refused),
    ("post", "/v1/levels", "/v1/levels", Refused),
    ("post", "/v1/log/close", "/v1/log/close", Refused),
    ("post", "/v1/log/freeze", "/v1/log/freeze", Refused),
    ("post", "/v1/log/retire-key", "/v1/log/retire-key", Refused),
    ("post", "/v1/log/rotate-key", "/v1/log/rotate-key", Refused),
    ("post", "/v1/login", "/v1/login", Own),
    ("post", "/v1/login/links", "/v1/login/links", Own),
    ("post", "/v1/login/oidc", "/v1/login/oidc", Own),
    ("post", "/v1/login/passkey", "/v1/login/passkey", Own),
    ("post", "/v1/login/passkey/options", "/v1/login/passkey/options", Own),
    ("post", "/v1/logs/{name}/archive", "/v1/logs/1/archive", Refused),
    ("post", "/v1/logs/{name}/delete", "/v1/logs/1/delete", Refused),
    ("post", "/v1/models/{name}/aliases/{alias}/rollback", "/v1/models/fraud/aliases/champion/rollback", Refused),
    ("post", "/v1/models/{name}/deployments/{target}/observed", "/v1/models/fraud/deployments/eu/observed", Refused),
    ("post", "/v1/models/{name}/deployments/{target}/undeploy", "/v1/models/fraud/deployments/eu/undeploy", Refused),
    ("post", "/v1/models/{name}/versions/{version}/evaluations", "/v1/models/fraud/versions/1/evaluations", Refused),
    ("post", "/v1/passkeys", "/v1/passkeys", ByToken),
    ("post", "/v1/passkeys/invitations", "/v1/passkeys/invitations", Refused),
    ("post", "/v1/passkeys/options", "/v1/passkeys/options", ByToken),
    ("post", "/v1/permission-requests", "/v1/permission-requests", Refused),
    ("post", "/v1/reviews/{id}", "/v1/reviews/CASE", Refused),
    ("post", "/v1/sagas", "/v1/sagas", Refused),
    ("post", "/v1/rollbacks", "/v1/rollbacks", Refused),
    ("post", "/v1/runs/{run}/features", "/v1/runs/RUN/features", Refused),
    ("post", "/v1/sessions", "/v1/sessions", Refused),
    ("post", "/v1/actions/{id}/undo", "/v1/actions/ACTION/undo", Refused),
    ("post", "/v1/switches", "/v1/switches", Refused),
    ("post", "/v1/systems/{server}/reconciliation", "/v1/systems/files/reconciliation", Refused),
    ("post", "/v1/tools/{tool}/pin", "/v1/tools/sre.report/pin", Refused),
    ("put", "/v1/imports/{id}/files", "/v1/imports/1/files?run=RUN&path=a", Refused),
    ("put", "/v1/models/{name}/aliases/{alias}", "/v1/models/fraud/aliases/champion", Refused),
    ("put", "/v1/models/{name}/deployments/{target}", "/v1/models/fraud/deployments/eu", Refused),
    ("delete", "/v1/host-keys/{id}", "/v1/host-keys/host_0", Refused),
    ("delete", "/v1/keys/{id}", "/v1/keys/key_0190a6a1e00070008000000000000000", Refused),
    ("delete", "/v1/login", "/v1/login", Own),
    ("delete", "/v1/passkeys/{id}", "/v1/passkeys/pk_0190a6a1e00070008000000000000000", Refused),
    ("delete", "/v1/permissions/{id}", "/v1/permissions/PERMISSION", Refused),
    ("delete", "/v1/sessions/{id}", "/v1/sessions/ses_0190a6a1e00070008000000000000000", Refused),
    ("delete", "/v1/switches/{key}", "/v1/switches/agent:sre-bot", Refused),
];

pub(crate) async fn world() -> Api {
    let mut files = testkit::permitting_bundle();
    let people = files.get("people.toml").unwrap().to_owned();
    files.insert("people.toml", format!("{people}\n[people.zoe]\nrole = \"auditor\"\n"));
    Api::over(testkit::world_with(files).await)
}

#[test]
fn every_route_of_the_document_has_its_line() {
    let document: Value = serde_json::from_str(&countersign_api::document().to_json().unwrap()).unwrap();
    let mut served = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        served.extend(operations.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())));
    }
    let listed: BTreeSet<_> =
        ROUTES.iter().map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(listed, served, "each route needs a decision here: may an auditor call it?");
    for (method, path, _, right) in ROUTES {
        assert!(right == Own || matches!(right, Refused | ByToken) == (method != "get"), "{method} {path}");
    }
}

#[tokio::test]
async fn an_auditor_reads_everything_and_changes_nothing() {
    let api = world().await;
    let case = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    let asked = json!({
        "tool": "sre.restart", "arguments": { "service": "api" }, "minutes": 30, "uses": 2, "purpose": "a rollout",
    });
    let pending = api.post("sre-bot", "/v1/permission-requests", asked.clone()).await.problem(202, "permission-asked");
    let shown = api.get("ben", &format!("/v1/approvals/{}", pending["approval"]["id"].as_str().unwrap())).await.is(200);
    api.vote("ben", &shown, "approve").await.is(200);
    let permission = api.post("sre-bot", "/v1/permission-requests", asked).await.is(201);
    api.post("dan", "/api/2.0/mlflow/registered-models/create", json!({ "name": "fraud" })).await.is(200);
    let (model, _) = crate::artifacts::ready(&api, &[("MLmodel", b"flavors: {}")]).await;
    let version = json!({ "name": "fraud", "source": format!("models:/{model}"), "model_id": model });
    api.post("dan", "/api/2.0/mlflow/model-versions/create", version).await.is(200);
    let run = crate::tracking::make_run(&api, "dan").await;
    crate::features::register(&api, "age", "age in years", "date_diff('year', born, now)").await;
    let import = api.post("dan", "/v1/imports", json!({ "source": "http://mlflow.example" })).await.is(200);
    let size = api.world.control.publish().unwrap();
    let bundle = api.world.control.snapshot().bundle.digest().to_string();
    let filled = |path: &str| {
        let path = path
            .replace("MODEL", &model)
            .replace("IMPORT", import["import"]["id"].as_str().unwrap())
            .replace("RUN", &run)
            .replace("SIZE", &size.to_string())
            .replace("BUNDLE", &bundle);
        let path = path.replace("PERMISSION", permission["id"].as_str().unwrap());
        path.replace("ACTION", case["action"].as_str().unwrap()).replace("CASE", case["id"].as_str().unwrap())
    };
    for (method, _, path, right) in ROUTES {
        let path = filled(path);
        if path == "/v1/events" {
            // It does not end by itself.
            assert_eq!(api.begin("zoe", &path).await, 200);
            continue;
        }
        let credential = json!({ "rawId": "", "response": { "clientDataJSON": "", "attestationObject": "" } });
        let body = (method != "get").then(|| match (right, path.as_str()) {
            (ByToken, "/v1/passkeys") => json!({ "token": "csi_0", "credential": credential }),
            (ByToken, _) => json!({ "token": "csi_0" }),
            _ => json!({}),
        });
        let answer = api.call("zoe", &method.to_uppercase(), &path, body).await;
        match right {
            // Nothing says of any tool here how it is taken back, and no saga was begun, which an auditor is told as anybody is.
            Reads if path.ends_with("/undo") => drop(answer.problem(409, "not-reversible")),
            Reads if path.starts_with("/v1/sagas/") => drop(answer.problem(404, "not-found")),
            Reads => answer.succeeds(&path),
            Refused => drop(answer.problem(403, "forbidden")),
            ByToken => drop(answer.problem(403, "invitation-invalid")),
            Own if path.ends_with("/links") => drop(answer.is(201)),
            Own => assert!(answer.status.is_client_error(), "{method} {path}"),
            Open => drop(api.send(request("GET", &path, None, None)).await.is(200)),
        }
    }
    assert_eq!(api.world.control.size(), size, "something was recorded for an auditor");
}

#[tokio::test]
async fn whole_requests_of_an_auditor_are_refused_too() {
    let api = world().await;
    let shown = api.case("sre.restart", json!({ "service": "web" }), "ben").await;
    let kill = json!({ "target": { "agent": "sre-bot" }, "reason": "it misbehaves" });
    api.post("zoe", "/v1/switches", kill.clone()).await.problem(403, "forbidden");
    api.vote("zoe", &shown, "deny").await.problem(403, "forbidden");
    api.post("zoe", "/v1/keys", json!({ "person": "zoe", "reason": "more" })).await.problem(403, "forbidden");
    // Anybody else may stop things, whatever policy says.
    api.post("eve", "/v1/switches", kill).await.is(200);
}
