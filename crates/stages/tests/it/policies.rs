//! The whole decider against the whole reference: compiled, indexed policies here, Cedar's plain library there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use countersign_stages::decision::{Finished, Late, PERMIT_MS, PolicyAnswer, finish, pre};
use countersign_stages::facts::{self, Entity, Level};
use countersign_stages::limits::Meter;
use policy::{ADMIN_TOOLS, Bundle, BundleFiles, Question, Resource};
use serde_json::{Value, json};
use spec::cedar::Policies;
use types::decision::{Risk, Semantics};
use types::{
    ActionId, ActionProposal, Arguments, AutonomyLevel, CaseId, Channel, Claims, FactName, FactValue, Facts, Finding,
    Millis, Principal, Verdict,
};

use crate::fast::policy;
use crate::generate::{self, Dice};

const CASES: u64 = 1_000;
/// Days at ten and at eight in the evening, UTC: a Wednesday, a Friday, a Saturday, one in 2019, one in the freeze.
const INSTANTS: [i64; 8] = [
    1_763_546_400_000,
    1_763_546_400_000,
    1_763_546_400_000,
    1_763_582_400_000,
    1_763_719_200_000,
    1_763_805_600_000,
    1_571_220_000_000,
    1_798_192_800_000,
];

/// Reads the sample bundle that the tests of the policies use.
fn sample() -> BundleFiles {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy/tests/fixtures/sre");
    let mut files = BundleFiles::default();
    collect(&root, &root, &mut files);
    files
}

fn collect(root: &Path, folder: &Path, files: &mut BundleFiles) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn proposal(dice: &mut Dice<'_>) -> ActionProposal {
    let operation = dice.pick(&[
        "report",
        "restart",
        "restart",
        "restart",
        "scale",
        "db_change",
        "db_change",
        "db_change",
        "delete",
        "mail_send",
    ]);
    let admin = dice.once_in(16);
    let tool = if admin { "countersign.policy.activate".to_owned() } else { format!("sre.{operation}") };
    let agent = Principal::Agent(
        dice.pick(&["sre-bot", "sre-bot", "sre-bot", "sre-bot", "sre-bot", "sre-bot", "report-bot", "nobody"])
            .parse()
            .unwrap(),
    );
    let person = Principal::Person(dice.pick(&["ana", "ben", "ben", "cleo", "cleo", "dan", "zoe"]).parse().unwrap());
    let at = Millis(dice.pick(&INSTANTS) + i64::from(dice.below(60)) * 60_000);
    ActionProposal {
        id: ActionId::draw(at, [3; 10]),
        tenant: "t".parse().unwrap(),
        principal: if admin || dice.once_in(6) { person } else { agent },
        on_behalf_of: dice.once_in(8).then(|| dice.pick(&["cleo", "cleo", "cleo", "ben"]).parse().unwrap()),
        session: None,
        tool: tool.parse().unwrap(),
        definition: None,
        arguments: Arguments::parse(&arguments(dice, operation, admin).to_string(), 1 << 20).unwrap(),
        claims: Claims {
            confidence_bp: dice.pick(&[None, Some(9_500), Some(9_000), Some(8_999), Some(8_000)]),
            ..Claims::default()
        },
        channel: Channel::Http,
        at,
        plan: None,
    }
}

fn arguments(dice: &mut Dice<'_>, operation: &str, admin: bool) -> Value {
    let service = dice.pick(&["web", "web", "web", "web", "ledger", "ledger", "ledger", "unheard"]);
    let mut arguments = match operation {
        _ if admin => json!({ "bundle": "x" }),
        "db_change" => json!({
            "database": "main",
            "statement": dice.pick(&["alter table x", "alter table x", "alter table x", "select password", "production"]),
            "tables": dice.pick(&[Some(0), Some(1), Some(3), Some(4), None]).map(|n| vec!["x"; n]),
        }),
        "scale" => json!({ "service": service, "replicas": dice.pick(&[3.0, 20.0, 21.0, 50.0, 51.0, 2.5]) }),
        "mail_send" => json!({ "to": "x@example.com" }),
        "report" => json!({ "days": 3 }),
        _ => json!({ "service": service, "force": dice.once_in(2) }),
    };
    let object = arguments.as_object_mut().unwrap();
    object.retain(|_, value| !value.is_null());
    match dice.below(40) {
        0 => drop(object.insert("undeclared".to_owned(), json!({ "deep": [1.5, null] }))),
        1 => drop(object.insert("service".to_owned(), json!(["not", "a", "text"]))),
        2 => drop(object.insert("days".to_owned(), json!("three"))),
        _ => {}
    }
    arguments
}

/// Gathers everything a quiet server would, with a few things at random.
fn gather(dice: &mut Dice<'_>, bundle: &Bundle, proposal: &ActionProposal) -> (Facts, Risk) {
    let (data, at) = (bundle.data(), proposal.at);
    let mut all = facts::of_proposal(data, proposal, &ADMIN_TOOLS);
    if all.bool("resource.mapped") == Some(true) {
        let attributes = attributes(dice, all.text("resource.kind").unwrap());
        let entity = Entity { attributes: &attributes, source: "inventory", age_ms: 0, age_ms_max: i64::MAX };
        let known = all.text("resource.id").is_some_and(|id| id != "unheard");
        all.extend(facts::of_entity(known.then_some(&entity), at));
    }
    let level = dice.pick(&[AutonomyLevel::L2, AutonomyLevel::L2, AutonomyLevel::L2, AutonomyLevel::L1]);
    let expires_at = if dice.once_in(10) { at } else { at.plus(1_000) };
    let level = Level { level, expires_at, environments: vec!["dev".to_owned(), "prod".to_owned()] };
    all.extend(facts::of_level(data, proposal, &all, Some(&level), at));
    let (risk, scored) = facts::of_risk(data, &all, at);
    all.extend(scored);
    all.extend(facts::of_time(data, proposal, &all, at));
    all.extend(Meter::default().peek(data, proposal, &all, at));
    let met = dice.pick(&[&[][..], &["sre-on-call"], &["sre-db", "sre-on-call"]]);
    let mut put = |name: &'static str, value: FactValue| all.set(FactName::known(name), value, "test", at);
    for name in [
        "tool.quarantined",
        "switch.tenant",
        "switch.agent",
        "switch.tool",
        "switch.class",
        "clock.jumped",
        "denials.flooding",
        "approval.refused",
    ] {
        put(name, false.into());
    }
    put("approval.met", FactValue::List(met.iter().map(|s| (*s).to_owned()).collect()));
    put("approval.round", i64::from(!met.is_empty()).into());
    put("cases.open", 0.into());
    put("now", at.0.into());
    (all, risk)
}

fn attributes(dice: &mut Dice<'_>, kind: &str) -> BTreeMap<String, FactValue> {
    let mut attributes = BTreeMap::from([("env".to_owned(), FactValue::from(dice.pick(&["dev", "prod"])))]);
    if kind == "Service" {
        attributes.insert("stateless".to_owned(), (!dice.once_in(4)).into());
        attributes.insert("tier".to_owned(), 1.into());
    } else {
        attributes.insert("sensitive".to_owned(), dice.once_in(2).into());
    }
    match dice.below(40) {
        0 => drop(attributes.remove("env")),
        1 => drop(attributes.insert("env".to_owned(), 7.into())),
        2 => drop(attributes.insert("undeclared".to_owned(), "x".into())),
        _ => {}
    }
    attributes
}

fn ask(bundle: &Bundle, proposal: &ActionProposal, facts: &Facts) -> PolicyAnswer {
    let attributes = facts.under("resource.").filter_map(|fact| {
        let name = fact.name.as_str().strip_prefix("resource.")?;
        (!facts::RESERVED_ATTRIBUTES.contains(&name)).then(|| (name.to_owned(), fact.value.clone()))
    });
    let resource = facts.text("resource.kind").zip(facts.text("resource.id"));
    let resource =
        resource.map(|(kind, id)| Resource { kind: kind.into(), id: id.into(), attributes: attributes.collect() });
    let answer = bundle.evaluate(&Question {
        principal: &proposal.principal,
        delegator: proposal.on_behalf_of.as_ref(),
        tool: &proposal.tool,
        resource,
        arguments: &proposal.arguments,
        now: proposal.at,
        level: in_force(proposal, facts),
        risk: facts.int("risk.score").unwrap(),
        touches: facts.int("touches.count").unwrap(),
        confidence_bp: proposal.claims.confidence_bp,
        semantics: Semantics::LATEST,
    });
    let obligations = answer.obligations.into_iter().collect();
    PolicyAnswer { findings: answer.findings, policies: answer.policies, obligations }
}

fn in_force(proposal: &ActionProposal, facts: &Facts) -> AutonomyLevel {
    let holds = proposal.principal.agent().is_some() && proposal.at.0 < facts.int("level.expires_at").unwrap();
    if holds { AutonomyLevel::from_rank(facts.int("level.rank").unwrap()) } else { AutonomyLevel::L0 }
}

fn fast(bundle: &Bundle, proposal: &ActionProposal, facts: &Facts, risk: Risk, answer: PolicyAnswer) -> Finished {
    let case = Some(CaseId::draw(proposal.at, [0; 10]));
    let late = Late { facts: Facts::new(), bundle: bundle.digest(), case, permit_ms: PERMIT_MS };
    finish(bundle.data(), proposal, pre(bundle.data(), proposal, facts.clone(), risk, answer), late)
}

fn join(findings: &[Finding]) -> Verdict {
    Verdict::join(findings.iter().map(|finding| &finding.restriction))
}

#[test]
fn the_whole_decider_equals_the_whole_reference() {
    let bundle = Bundle::load(sample()).unwrap_or_else(|error| panic!("{error}"));
    let texts: Vec<&str> = bundle.policy_texts().map(|(_, text)| text).collect();
    let policies = Policies::read(&texts.join("\n"), bundle.schema_text()).unwrap();
    let (mut verdicts, mut codes, mut deciding) = (BTreeMap::<&str, u64>::new(), BTreeSet::new(), BTreeSet::new());
    for seed in 0..CASES {
        let mut bytes = generate::bytes(seed);
        let mut dice = Dice(&mut bytes);
        let proposal = proposal(&mut dice);
        let (facts, risk) = gather(&mut dice, &bundle, &proposal);
        let permits = |asker: &Principal, mode| policies.answer(&proposal, &facts, bundle.data(), asker, mode);
        let answer = ask(&bundle, &proposal, &facts);
        assert_eq!(join(&answer.findings), join(&policy(&proposal, &permits)), "seed={seed} {proposal:#?} {facts:#?}");
        let decision = fast(&bundle, &proposal, &facts, risk, answer).decision;
        let expected = spec::decide(&proposal, &facts, bundle.data(), &permits);
        assert_eq!(decision.verdict, expected, "seed={seed} {proposal:#?} {:#?}", decision.findings);
        deciding.extend(decision.policies.iter().cloned());
        *verdicts.entry(decision.verdict.as_str()).or_default() += 1;
        codes.extend(decision.findings.iter().map(|finding| finding.code.as_str()));
    }
    for verdict in ["allow", "allow_observed", "escalate", "deny"] {
        assert!(verdicts.get(verdict).is_some_and(|n| *n >= CASES / 50), "{verdicts:?}");
    }
    let policy = [
        "policy-permits",
        "policy-observes",
        "policy-escalates",
        "policy-denies",
        "policy-forbids",
        "arguments-invalid",
    ];
    assert!(policy.iter().all(|code| codes.contains(code)), "{codes:?}");
    assert!(deciding.len() >= 12, "only these policies ever decided: {deciding:?}");
}
