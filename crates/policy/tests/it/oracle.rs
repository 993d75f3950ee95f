//! The oracle: Cedar's own authorizer over all policies, with requests it parses from JSON by itself.
//!
//! The bundle leaves policies out by its index, builds requests natively and evaluates conditions one by
//! one. None of that may show: for generated policies and questions both must say the same.

use std::str::FromStr;
use std::sync::LazyLock;

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, EntityUid, Policy, PolicyId, PolicySet, Request,
    Schema,
};
use countersign_policy::{Bundle, BundleFiles};
use proptest::prelude::*;
use serde_json::{Value, json};
use types::{AutonomyLevel, Code, Millis, Principal};

use crate::common::{Ask, WEDNESDAY_10, sre};

const PRINCIPALS: [&str; 9] = [
    "principal",
    "principal == Agent::\"sre-bot\"",
    "principal == Person::\"ben\"",
    "principal in Team::\"sre-agents\"",
    "principal in Group::\"sre\"",
    "principal is Agent",
    "principal is Person in Group::\"sre-db\"",
    "principal is Agent in Team::\"reporters\"",
    "principal in Agent::\"report-bot\"",
];
const ACTIONS: [&str; 7] = [
    "action",
    "action == Action::\"sre.restart\"",
    "action == Action::\"sre.report\"",
    "action in Action::\"write\"",
    "action in Action::\"class:scale\"",
    "action in [Action::\"server:sre\", Action::\"admin\"]",
    "action in [Action::\"sre.restart\", Action::\"class:report\"]",
];
const CONDITIONS: [&str; 13] = [
    "",
    "when { context.mode == Mode::\"autonomous\" }",
    "when { context.mode == Mode::\"monitored\" }",
    "when { context.mode == Mode::\"approved\" }",
    "when { context.risk < 30 }",
    "when { context has confidence && context.confidence > 8000 }",
    "unless { context.level > 1 }",
    "when { context.weekday == 3 && context.minute < 660 }",
    "when { context.now > datetime(\"2025-11-19T11:00:00Z\") }",
    "when { context.delegated || context.touches > 2 }",
    "when { context.risk * 9223372036854775807 < 7 }",
    "when { Person::\"ben\" in Group::\"sre-db\" && Agent::\"sre-bot\".owner in Group::\"sre\" }",
    "when { principal is Agent && principal.owner == Person::\"ana\" }",
];

fn policies() -> impl Strategy<Value = Vec<(bool, usize, usize, usize)>> {
    prop::collection::vec(
        (prop::bool::weighted(0.7), 0..PRINCIPALS.len(), 0..ACTIONS.len(), 0..CONDITIONS.len()),
        0..14,
    )
}

/// Writes the policies that the schema accepts; Cedar's validator refuses scopes that can never hold.
fn write(policies: &[(bool, usize, usize, usize)]) -> BundleFiles {
    let mut files = sre();
    files.0.retain(|path, _| !path.starts_with("policies/"));
    let mut lines = Vec::new();
    for (n, (permit, principal, action, condition)) in policies.iter().enumerate() {
        let effect = if *permit { "permit" } else { "forbid" };
        let (principal, action, condition) = (PRINCIPALS[*principal], ACTIONS[*action], CONDITIONS[*condition]);
        lines.push(format!("@id(\"p{n:02}\") {effect} ({principal}, {action}, resource) {condition};"));
    }
    files.insert("policies/x.cedar", lines.join("\n"));
    if let Err(error) = Bundle::load(files.clone()) {
        let refused: Vec<usize> = error.problems().iter().map(|problem| problem.line.unwrap()).collect();
        let kept = lines.iter().zip(1..).filter(|(_, line)| !refused.contains(line));
        files.insert("policies/x.cedar", kept.fold(String::new(), |all, (one, _)| all + one + "\n"));
    }
    files
}

fn asks() -> impl Strategy<Value = Ask> {
    let principal =
        prop_oneof![Just("agent:sre-bot"), Just("agent:report-bot"), Just("person:ben"), Just("person:ana")];
    let tool = prop_oneof![Just("sre.restart"), Just("sre.report"), Just("sre.scale")];
    let situation =
        (0i64..4, 0i64..60, 0i64..4, any::<bool>(), prop::option::of(7_000u32..9_000), -1_000i64..20_000_000_000);
    (principal, tool, situation).prop_map(
        |(principal, tool, (level, risk, touches, delegated, confidence_bp, later))| {
            let (kind, name) = principal.split_once(':').unwrap();
            let ask = match tool {
                "sre.report" => Ask::agent("x", tool, json!({"days": 3})),
                "sre.scale" => {
                    Ask::agent("x", tool, json!({"service": "web", "replicas": 3})).service("web", "prod", true)
                }
                _ => Ask::agent("x", tool, json!({"service": "web"})).service("web", "prod", true),
            };
            Ask {
                principal: match kind {
                    "agent" => Principal::Agent(name.parse().unwrap()),
                    _ => Principal::Person(name.parse().unwrap()),
                },
                // Nobody denies everything, so that only the first principal's answer counts.
                delegator: delegated.then(|| "nobody".parse().unwrap()),
                now: Millis(WEDNESDAY_10 + later),
                level: AutonomyLevel::from_rank(level),
                risk,
                touches,
                confidence_bp,
                ..ask
            }
        },
    )
}

/// Everything the bundle knows, as JSON for Cedar's own parser.
fn entities(ask: &Ask, schema: &Schema) -> Entities {
    let entity = |ty: &str, id: &str, attrs: Value, parents: &[(&str, &str)]| {
        let parents: Vec<Value> = parents.iter().map(|(ty, id)| json!({"type": ty, "id": id})).collect();
        json!({"uid": {"type": ty, "id": id}, "attrs": attrs, "parents": parents})
    };
    let owner = |id: &str| json!({"owner": {"type": "Person", "id": id}});
    let mut all = vec![
        entity("Person", "ana", json!({}), &[("Group", "sre")]),
        entity("Person", "ben", json!({}), &[("Group", "sre"), ("Group", "sre-db")]),
        entity("Person", "cleo", json!({}), &[("Group", "sre-db")]),
        entity("Person", "dan", json!({}), &[("Group", "sre")]),
        entity("Agent", "sre-bot", owner("ana"), &[("Team", "sre-agents")]),
        entity("Agent", "report-bot", owner("ben"), &[("Team", "reporters")]),
    ];
    if ask.resource.is_some() {
        all.push(entity("Service", "web", json!({"env": "prod", "stateless": true, "tier": 1}), &[]));
    }
    Entities::from_json_value(Value::Array(all), Some(schema)).unwrap()
}

fn request(ask: &Ask, mode: &str, schema: &Schema) -> Request {
    let ms = ask.now.0;
    let mut context = json!({
        "mode": {"type": "Mode", "id": mode},
        "now": {"__extn": {"fn": "offset", "args": [
            {"__extn": {"fn": "datetime", "arg": "1970-01-01"}}, {"__extn": {"fn": "duration", "arg": format!("{ms}ms")}}]}},
        "weekday": (ms.div_euclid(86_400_000) + 3).rem_euclid(7) + 1,
        "minute": ms.rem_euclid(86_400_000) / 60_000,
        "level": ask.level.rank(),
        "risk": ask.risk,
        "delegated": ask.delegator.is_some(),
        "touches": ask.touches,
        "input": ask.arguments.value(),
    });
    if let Some(confidence) = ask.confidence_bp {
        context["confidence"] = json!(confidence);
    }
    let uid = |text: String| EntityUid::from_str(&text).unwrap();
    let principal = match &ask.principal {
        Principal::Agent(agent) => uid(format!("Agent::\"{agent}\"")),
        Principal::Person(person) => uid(format!("Person::\"{person}\"")),
    };
    let action = uid(format!("Action::\"{}\"", ask.tool));
    let resource = if ask.resource.is_some() { "Service::\"web\"" } else { "Server::\"sre\"" };
    let context = Context::from_json_value(context, Some((schema, &action))).unwrap();
    Request::new(principal, action, uid(resource.to_owned()), context, Some(schema)).unwrap()
}

fn id(error: &AuthorizationError) -> String {
    match error {
        AuthorizationError::PolicyEvaluationError(error) => error.policy_id().to_string(),
    }
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let files = sre();
    Schema::from_cedarschema_str(files.get("schema.cedarschema").unwrap()).unwrap().0
});

/// Parses all policies of a bundle, each under its `@id`.
fn parse(bundle: &Bundle) -> PolicySet {
    let texts = bundle.policy_texts().map(|(_, text)| PolicySet::from_str(text).unwrap());
    let policies: Vec<Policy> = texts.flat_map(|set| set.policies().cloned().collect::<Vec<_>>()).collect();
    let named = policies.iter().map(|policy| policy.new_id(PolicyId::new(policy.annotation("id").unwrap())));
    PolicySet::from_policies(named).unwrap()
}

/// Climbs the ladder with Cedar's authorizer: the code that must be found, and the policies behind it.
fn expected(set: &PolicySet, ask: &Ask) -> (Code, Vec<String>) {
    let entities = entities(ask, &SCHEMA);
    let sorted = |ids: Vec<String>| {
        let mut ids = ids;
        ids.sort();
        ids
    };
    let mut last = (Code::PolicyDenies, Vec::new());
    for (mode, code) in
        [("autonomous", Code::PolicyPermits), ("monitored", Code::PolicyObserves), ("approved", Code::PolicyEscalates)]
    {
        let response = Authorizer::new().is_authorized(&request(ask, mode, &SCHEMA), set, &entities);
        let errors: Vec<String> = response.diagnostics().errors().map(id).collect();
        if !errors.is_empty() {
            return (Code::PolicyError, sorted(errors));
        }
        let reasons = sorted(response.diagnostics().reason().map(ToString::to_string).collect());
        if response.decision() == Decision::Allow {
            return (code, reasons);
        }
        last = (if reasons.is_empty() { Code::PolicyDenies } else { Code::PolicyForbids }, reasons);
    }
    last
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_bundle_answers_as_cedars_own_authorizer(policies in policies(), asks in prop::collection::vec(asks(), 8)) {
        let bundle = Bundle::load(write(&policies)).unwrap();
        let set = parse(&bundle);
        for ask in &asks {
            let (code, policies) = expected(&set, ask);
            let answer = bundle.evaluate(&ask.question());
            let first = &answer.findings[0];
            // No profile is named in generated policies, so the class of the tool must name one.
            let code = if code == Code::PolicyEscalates && ask.tool.operation == "report" { Code::PolicyError } else { code };
            prop_assert_eq!(first.code, code, "{:?}", first);
            prop_assert_eq!(&answer.policies, &policies);
            // A second time the candidates come from the cache.
            prop_assert_eq!(bundle.evaluate(&ask.question()), answer);
        }
    }
}
