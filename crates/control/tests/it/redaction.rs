//! Secrets: decided on, recorded and shown as marks, and sent as they are.

use std::sync::{Arc, Mutex};

use connectors::mcp::{Answering, Connection, Limits, Peer, definition_digest, identity_in};
use countersign_control::actions::{Decided, Wish};
use countersign_control::door::{CallOutcome, Caller, GovernedCall, McpDoor};
use countersign_control::mcp::Link;
use evidence::{Field, RecordKind};
use policy::{Bundle, BundleFiles};
use replay::{Bundles, Replayed};
use serde_json::{Value, json};
use testkit::{World, world_with};
use types::case::Ballot;
use types::jsonrpc::Frame;
use types::{Channel, Claims, Code, OutcomeStatus, Verdict};

pub const PIN: &str = "canary-pin-4711";
pub const CODE: u64 = 8_675_309_042;
pub const NAMED: &str = "canary-named-\"quoted\"";
pub const WRITTEN: &str = "canary-written";
pub const SERVED: &str = "canary-served";

const HELLO: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"sre","version":"1"}}"#;

fn definition(name: &str) -> String {
    json!({ "name": name, "inputSchema": { "type": "object", "properties": { "hidden": { "writeOnly": true } } },
        "outputSchema": { "type": "object", "properties": { "receipt": { "x-secret": true } } } })
    .to_string()
}

/// The test bundle, with what the catalogue says of the tools `restart` and `report`.
pub fn files(restart: &str) -> BundleFiles {
    let mut files = testkit::bundle();
    let pin = |name: &str| definition_digest(&identity_in(HELLO), &definition(name)).unwrap();
    let catalog = files.get("catalog/sre.toml").unwrap().to_owned();
    let catalog = catalog
        .replace("[tools.restart]", &format!("[tools.restart]\ndefinition = \"{}\"\n{restart}", pin("restart")))
        .replace("[tools.report]", &format!("[tools.report]\ndefinition = \"{}\"", pin("report")));
    files.insert("catalog/sre.toml", catalog);
    files
}

pub const SECRET: &str = r#"secret = ["/pin", "/deep/**/code"]"#;

pub fn arguments() -> Value {
    json!({ "service": "web", "pin": PIN, "deep": [{ "code": CODE, "on": 1 }], "apiKey": [NAMED], "hidden": { "w": WRITTEN } })
}

/// A server that remembers what reached it, and answers as it is told.
pub struct Server {
    sent: Mutex<Vec<String>>,
    pub answer: Mutex<Value>,
}

impl Peer for Server {
    fn call(&self, request: Frame) -> Answering {
        let id = request.id().unwrap().clone();
        let answer = if request.method() == Some("tools/list") {
            let tools: Vec<Value> =
                ["restart", "report"].iter().map(|name| serde_json::from_str(&definition(name)).unwrap()).collect();
            Frame::result(&id, &json!({ "tools": tools }).to_string())
        } else {
            self.sent.lock().unwrap().push(request.member("params").unwrap().to_owned());
            let answer = self.answer.lock().unwrap().clone();
            match answer.get("error") {
                Some(error) => Frame::error(Some(&id), -32000, error.as_str().unwrap(), None),
                None => Frame::result(&id, &answer.to_string()),
            }
        };
        Box::pin(async move { Ok(answer) })
    }
}

pub struct Scene {
    pub world: World,
    pub server: Arc<Server>,
    link: Arc<Link>,
    pub session: types::SessionId,
}

pub fn caller() -> Caller {
    Caller { agent: "sre-bot".parse().unwrap(), on_behalf_of: None, anonymous: false }
}

pub async fn scene(world: World) -> Scene {
    let server = Arc::new(Server { sent: Mutex::default(), answer: Mutex::new(json!({ "content": [] })) });
    let connection = Connection::in_memory(server.clone(), HELLO, &Limits::default());
    let link = world.control.link_over(caller(), "sre".parse().unwrap(), connection);
    let session = world.control.open_session(&caller(), &Default::default(), "test").await.unwrap();
    Scene { world, server, link, session }
}

impl Scene {
    /// Lets go of the connection.
    pub fn end(self) -> World {
        self.world
    }

    pub async fn call(&self, tool: &str, arguments: &Value, claims: Claims) -> CallOutcome {
        let (events, _kept) = tokio::sync::mpsc::channel(8);
        let call = governed(self.session, tool, arguments, claims);
        self.world.control.clone().call_here(self.link.clone(), call, events).await
    }
}

/// A call of a tool as the gateway hands it on.
pub fn governed(session: types::SessionId, tool: &str, arguments: &Value, claims: Claims) -> GovernedCall {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": arguments } });
    GovernedCall {
        caller: caller(),
        session,
        server: "sre".parse().unwrap(),
        operation: tool.to_owned(),
        arguments: arguments.to_string(),
        claims,
        request: Frame::parse(request.to_string(), 1 << 16).unwrap(),
        inputs: None,
        rest: None,
        headers: None,
    }
}

/// Everything that the journal holds, contents opened, and the rows beside it.
pub fn everything(world: &World) -> Vec<u8> {
    let history = world.control.history();
    let mut all = Vec::new();
    for entry in history.range(0, history.size().unwrap()).unwrap() {
        all.extend_from_slice(&entry.bytes);
        let Some(content) = entry.content else { continue };
        content.values.iter().for_each(|value| all.extend_from_slice(&value.bytes));
        content.findings.iter().chain(&content.facts).for_each(|bytes| all.extend_from_slice(bytes));
    }
    for kind in ["case", "flight", "session", "idempotency", "refusal"] {
        history.state(kind).unwrap().iter().for_each(|(key, value)| {
            all.extend_from_slice(key.as_bytes());
            all.extend_from_slice(value);
        });
    }
    all
}

pub fn holds(haystack: &[u8], text: &str) -> bool {
    haystack.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Demands that none of the secrets is anywhere, and that what is not secret is.
pub fn nowhere(world: &World) {
    let all = everything(world);
    let number = CODE.to_string();
    let escaped = NAMED.replace('"', "\\\"");
    for secret in [PIN, NAMED, &escaped, WRITTEN, SERVED, &number] {
        assert!(!holds(&all, secret), "{secret} is recorded");
    }
    // A number stands in no text alone: CBOR writes it in five or nine bytes.
    assert!(!all.windows(8).any(|window| window == CODE.to_be_bytes()), "the number is recorded");
    assert!(holds(&all, "\"service\":\"web\""), "what is not secret is not recorded");
}

async fn propose(world: &World, tool: &str, arguments: &Value) -> Decided {
    world.control.decide_once(crate::wish(tool, &arguments.to_string()), false).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_secret_is_sent_and_recorded_nowhere() {
    let scene = scene(world_with(files(SECRET)).await).await;
    let claims = Claims {
        purpose: Some(format!("log in with {PIN}")),
        reasoning: Some(format!("the code is {CODE}")),
        prompt_digest: Some(WRITTEN.to_owned()),
        ..Claims::default()
    };
    let CallOutcome::Held(case) = scene.call("restart", &arguments(), claims.clone()).await else { panic!("not held") };
    let view = scene.world.control.case(&case.id).unwrap();
    let shown = view.proposal.as_ref().unwrap().arguments.canonical().to_owned();
    assert!(shown.contains("\"service\":\"web\"") && shown.matches("$redacted").count() == 4, "{shown}");
    let ben = "ben".parse().unwrap();
    scene.world.control.vote(&ben, case.id, Ballot::Approve, "fine", view.case.shown, false).await.unwrap();

    *scene.server.answer.lock().unwrap() = json!({ "structuredContent": { "receipt": SERVED, "echo": PIN },
        "content": [{ "type": "text", "text": format!("{{\"receipt\":\"{SERVED}\",\"n\":{CODE}}}") },
            { "type": "text", "text": format!("in plain words: {SERVED}, {NAMED}") }], "token": SERVED });
    let CallOutcome::Answer(answer) = scene.call("restart", &arguments(), claims.clone()).await else {
        panic!("refused")
    };
    assert!(answer.text().contains(SERVED), "the client gets what the server said");
    let sent = scene.server.sent.lock().unwrap().clone();
    let sent: Value = serde_json::from_str(&sent[0]).unwrap();
    assert_eq!(sent.get("arguments"), Some(&arguments()), "the server gets what was sent");
    nowhere(&scene.world);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_echoes_what_was_secret_is_recorded_without_it() {
    let scene = scene(world_with(files(SECRET)).await).await;
    *scene.server.answer.lock().unwrap() = json!({ "error": format!("no such user: {NAMED}") });
    let call = json!({ "days": 7, "password": NAMED, "service": "web" });
    assert!(matches!(scene.call("report", &call, Claims::default()).await, CallOutcome::Answer(_)));
    nowhere(&scene.world);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_marks_is_for_these_secrets_and_survives_a_restart() {
    let world = world_with(files(SECRET)).await;
    let scene = scene(world).await;
    let CallOutcome::Held(case) = scene.call("restart", &arguments(), Claims::default()).await else {
        panic!("not held")
    };
    let Scene { world, server, link, .. } = scene;
    drop((server, link));
    let world = world.restart().await;
    let shown = world.control.case(&case.id).unwrap().case.shown;
    world.control.vote(&"ben".parse().unwrap(), case.id, Ballot::Approve, "fine", shown, false).await.unwrap();
    let scene = self::scene(world).await;
    for (pointer, other) in
        [("/pin", json!("canary-pin-4712")), ("/deep/0/code", json!(CODE + 1)), ("/apiKey", json!([]))]
    {
        let mut changed = arguments();
        *changed.pointer_mut(pointer).unwrap() = other;
        assert!(matches!(scene.call("restart", &changed, Claims::default()).await, CallOutcome::Held(_)), "{pointer}");
    }
    assert!(matches!(scene.call("restart", &arguments(), Claims::default()).await, CallOutcome::Answer(_)));
    assert_eq!(scene.server.sent.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_on_marks_come_out_the_same_again() {
    let world = world_with(files(SECRET)).await;
    let mut bundles = Bundles::new();
    bundles.add(world.control.config().bundle.files().clone());
    let scene = scene(world).await;
    for tool in ["restart", "report"] {
        scene.call(tool, &arguments(), Claims::default()).await;
    }
    let history = scene.world.control.history();
    let mut marked = 0;
    for entry in history.range(0, history.size().unwrap()).unwrap() {
        if entry.leaf.kind != RecordKind::Decided {
            continue;
        }
        let content = entry.content.unwrap();
        let proposal = evidence::bodies::proposal(&content).unwrap();
        marked += types::secret::marks(proposal.arguments.value()).len();
        let decision = evidence::bodies::decision(&content).unwrap();
        assert_eq!(decision.action_digest, proposal.digest(), "the digest is of what is recorded");
        assert_eq!(replay::record(&entry.leaf, Some(&content), &bundles), Replayed::Equal);
    }
    assert!(marked >= 6, "{marked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_secret_cannot_be_guessed_from_what_is_recorded() {
    let world = world_with(files(SECRET)).await;
    let call = json!({ "service": "web", "pin": 4711 });
    let mut first = propose(&world, "sre.report", &call).await.decision;
    let unkeyed = |pin: u64| {
        let mut wish = crate::wish("sre.report", &json!({ "service": "web", "pin": pin }).to_string());
        wish.definition = None;
        types::ActionProposal {
            id: first.action,
            tenant: "default".parse().unwrap(),
            principal: wish.principal,
            on_behalf_of: None,
            session: None,
            tool: "sre.restart".parse().unwrap(),
            definition: None,
            arguments: wish.arguments,
            claims: Claims::default(),
            channel: Channel::Http,
            at: types::Millis(0),
            plan: None,
        }
        .digest()
    };
    let guesses: Vec<_> = (0..10_000).map(unkeyed).collect();
    first = propose(&world, "sre.restart", &call).await.decision;
    assert!(!guesses.contains(&first.action_digest), "whoever tries all PINs finds it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_described_is_hidden_member_by_member() {
    let world = world_with(files(SECRET)).await;
    let decided = propose(&world, "sre.unheard", &json!({ "a": PIN, "b": [NAMED] })).await;
    assert_eq!(decided.decision.verdict, Verdict::Deny);
    let path = world.control.trace(&decided.decision.action).unwrap();
    assert_eq!(types::secret::marks(path.proposal.unwrap().arguments.value()).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_brings_a_mark_of_their_own() {
    let world = world_with(files(SECRET)).await;
    for forged in
        [json!({ "a": { "$redacted": "x" } }), json!({ "$redacted": 1 }), json!({ "a": [{ "$redacted": null }] })]
    {
        let wish = crate::wish("sre.report", &forged.to_string());
        assert_eq!(world.control.decide_once(wish, true).await.unwrap_err().code, Code::ArgumentsInvalid, "{forged}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_reports_is_redacted_too() {
    let mut files = testkit::bundle();
    let catalog = files.get("catalog/sre.toml").unwrap().to_owned();
    let results = "[tools.report]\nsecret_results = [\"/receipt\"]\nsecret = [\"/pin\"]";
    files.insert("catalog/sre.toml", catalog.replace("[tools.report]", results));
    let world = world_with(files).await;
    let wish = Wish {
        channel: Channel::Http,
        ..crate::wish("sre.report", &json!({ "pin": PIN, "service": "web" }).to_string())
    };
    let decided = world.control.decide_once(wish, true).await.unwrap();
    let result = json!({ "receipt": SERVED, "echo": PIN, "password": NAMED }).to_string();
    let error = format!("but {PIN} was wrong");
    let agent = "sre-bot".parse().unwrap();
    world
        .control
        .report(&agent, decided.decision.action, OutcomeStatus::Failed, Some(result), Some(error))
        .await
        .unwrap();
    nowhere(&world);
    let path = world.control.trace(&decided.decision.action).unwrap();
    assert_eq!(path.outcome.unwrap().error.as_deref(), Some("but [redacted] was wrong"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_reported_after_a_restart_is_hidden_until_the_schema_is_known_again() {
    let scene = scene(world_with(files(SECRET)).await).await;
    assert!(matches!(
        scene.call("report", &json!({ "service": "web" }), Claims::default()).await,
        CallOutcome::Answer(_)
    ));
    let tool = "sre.report".parse().unwrap();
    let definition = scene.world.control.definition(&tool);
    let wish = Wish { definition, ..crate::wish("sre.report", "{}") };
    let decided = scene.world.control.decide_once(wish, true).await.unwrap();
    assert!(decided.permit.is_some(), "{:?}", decided.decision.findings);
    let Scene { world, server, link, .. } = scene;
    drop((server, link));
    let world = world.restart().await;
    let result = json!({ "receipt": SERVED }).to_string();
    let agent = "sre-bot".parse().unwrap();
    world.control.report(&agent, decided.decision.action, OutcomeStatus::Done, Some(result), None).await.unwrap();
    nowhere(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_bundle_that_hides_more_asks_again_without_what_it_hides_and_one_that_hides_less_does_not_ask() {
    let world = world_with(testkit::bundle()).await;
    let dan = "dan".parse().unwrap();
    let hides = |pin: &str| {
        let mut files = testkit::bundle();
        let catalog = files.get("catalog/sre.toml").unwrap().to_owned();
        files.insert("catalog/sre.toml", catalog.replace("[tools.restart]", &format!("[tools.restart]\n{pin}")));
        files
    };
    let call = json!({ "service": "web", "pin": PIN });
    assert!(propose(&world, "sre.restart", &call).await.case.is_some());
    let more = world.control.activate(&dan, hides(SECRET), "hide pins").await.unwrap();
    assert_eq!((more.reopened, more.ended), (1, 0));
    let case = world.control.cases().into_iter().find(|case| case.state == types::case::CaseState::Open).unwrap();
    let shown = world.control.case(&case.id).unwrap().proposal.unwrap();
    assert_eq!(types::secret::marks(shown.arguments.value()), [["pin"]]);
    assert_eq!(propose(&world, "sre.restart", &call).await.case.unwrap().id, case.id, "the same call joins it");
    let less = world.control.activate(&dan, hides(""), "hide nothing").await.unwrap();
    assert_eq!((less.reopened, less.ended), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_opened_without_the_secrets_of_its_metadata_and_its_task() {
    let world = world_with(testkit::bundle()).await;
    let metadata = types::Arguments::parse(&json!({ "service": "web", "api_key": NAMED }).to_string(), 4_096).unwrap();
    let tasks = [format!("log in with {NAMED} and tidy up"), json!({ "do": "tidy up", "password": NAMED }).to_string()];
    let agent = "sre-bot".parse().unwrap();
    for task in tasks {
        let brief = countersign_control::sessions::Brief {
            task: Some(task),
            metadata: Some(metadata.clone()),
            ..Default::default()
        };
        world.control.begin_briefed_session(&agent, None, None, brief).await.unwrap();
    }
    let only = json!({ "password": NAMED }).to_string();
    let brief = countersign_control::sessions::Brief { task: Some(only), ..Default::default() };
    world.control.begin_briefed_session(&agent, None, None, brief).await.unwrap();
    nowhere(&world);
    let records = world.control.history().range(0, world.control.size()).unwrap();
    let told = records.iter().filter_map(|record| record.content.as_ref()?.get::<String>(Field::Reason).ok()?);
    let told: Vec<String> = told.filter(|task| task.contains("tidy up")).collect();
    assert_eq!(told[0], "log in with [redacted] and tidy up");
    assert!(told.len() == 2 && told[1].contains(types::secret::MARK), "{told:?}");
}

#[test]
fn a_bundle_that_reads_what_is_secret_by_name_loads_and_is_not_made_active() {
    let mut files = testkit::bundle();
    let policies = files.get("policies/starter.cedar").unwrap().to_owned();
    let reads = "\n@id(\"reads.token\")\nforbid (principal, action == Action::\"sre.restart\", resource) when { context.input has note && context.input.note == \"x\" };\n";
    let named = reads.replace("note", "token");
    let schema = files.get("schema.cedarschema").unwrap().replace("note?: String", "token?: String");
    files.insert("schema.cedarschema", schema);
    files.insert("policies/starter.cedar", policies + &named);
    Bundle::load(files.clone()).unwrap();
    let refused = countersign_control::bundles::check(files.clone()).unwrap_err();
    assert!(
        refused.message.contains("`reads.token` reads `/token` of `sre.restart`, which is secret by its name"),
        "{}",
        refused.message
    );
    let catalog =
        files.get("catalog/sre.toml").unwrap().replace("[tools.restart]", "[tools.restart]\nnot_secret = [\"/token\"]");
    files.insert("catalog/sre.toml", catalog);
    countersign_control::bundles::check(files).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "a bearer token stands in")]
async fn a_token_that_was_left_on_the_disk_is_found() {
    let world = testkit::world().await;
    std::fs::write(world.folder.path().join("data/left"), format!("before {} behind", world.token("ben"))).unwrap();
}
