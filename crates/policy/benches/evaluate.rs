//! Times one evaluation: the first rung, and all three, over 10, 100 and 1,000 policies.
//!
//! At most 30 policies match the scope of the question, as in the workload of the whole product; their conditions
//! run. The others name another team or another action. Run with
//! `cargo bench -p countersign-policy --bench evaluate`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a benchmark has nobody to report to")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use countersign_policy::{Bundle, BundleFiles, Question, Resource, schema};
use serde_json::json;
use types::bundle::BundleData;
use types::decision::Semantics;
use types::{Arguments, AutonomyLevel, FactValue, Millis, Principal, ToolName};

const AGENTS: usize = 64;
const TOOLS: usize = 20;
const ROUNDS: usize = 20_000;

fn main() {
    println!(
        "{:>9} {:>9} {:>12} {:>12} {:>12} {:>12}",
        "policies", "in scope", "1 rung p50", "p99", "3 rungs p50", "p99"
    );
    for policies in [10, 100, 1_000] {
        let matching = policies.min(30);
        let bundle = bundle(policies, matching);
        let first = time(&bundle, 10);
        let third = time(&bundle, 60);
        println!("{policies:>9} {matching:>9} {:>12?} {:>12?} {:>12?} {:>12?}", first.0, first.1, third.0, third.1);
    }
}

/// Times a question; a low risk is permitted on the first rung, a high one on the third.
fn time(bundle: &Bundle, risk: i64) -> (Duration, Duration) {
    let principal = Principal::Agent("agent7".parse().unwrap());
    let tool: ToolName = "sre.tool3".parse().unwrap();
    let arguments =
        Arguments::parse(&json!({"service": "web", "count": 3, "reason": "slow answers"}).to_string(), 1_000).unwrap();
    let ask = |now: i64| {
        let attributes: BTreeMap<String, FactValue> =
            [("env", "prod".into()), ("stateless", true.into()), ("tier", 2.into()), ("team", "core".into())]
                .into_iter()
                .map(|(name, value): (&str, FactValue)| (name.to_owned(), value))
                .collect();
        let question = Question {
            principal: &principal,
            delegator: None,
            tool: &tool,
            resource: Some(Resource { kind: "Service".into(), id: "web".into(), attributes }),
            arguments: &arguments,
            now: Millis(now),
            level: AutonomyLevel::L2,
            risk,
            touches: 1,
            confidence_bp: Some(9_000),
            semantics: Semantics::LATEST,
        };
        elapsed(|| bundle.evaluate(black_box(&question)))
    };
    let mut times: Vec<Duration> = (0..ROUNDS as i64).map(|n| ask(1_763_546_400_000 + n)).collect();
    times.sort();
    (times[ROUNDS / 2], times[ROUNDS * 99 / 100])
}

fn elapsed<T>(work: impl FnOnce() -> T) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
    let start = std::time::Instant::now();
    black_box(work());
    start.elapsed()
}

fn bundle(policies: usize, matching: usize) -> Bundle {
    let mut files = BundleFiles::default();
    files.insert("bundle.toml", "name = \"bench\"\nsolo = true\n");
    files.insert("people.toml", "[people.ana]\ngroups = [\"sre\"]\n");
    files.insert("risk.toml", "observe_from = 10\nescalate_from = 20\n");
    files.insert("escalation.toml", "[profiles.sre]\ngroup = \"sre\"\napprovals = 1\ntimeout_ms = 60000\n");
    files.insert("classes.toml", "[classes.write]\ndescription = \"w\"\nwrites = true\nprofile = \"sre\"\n");
    let attributes =
        "[kinds.Service.attributes]\nenv = \"string\"\nstateless = \"bool\"\ntier = \"long\"\nteam = \"string\"\n";
    files.insert("inventory.toml", attributes);
    let mut agents = String::new();
    for n in 0..AGENTS {
        let _ = writeln!(agents, "[agents.agent{n}]\nowner = \"ana\"\nteams = [\"all\", \"team{n}\"]");
    }
    files.insert("agents.toml", agents);
    let mut tools = "[server]\nurl = \"https://example.com\"\n".to_owned();
    for n in 0..TOOLS {
        let resource = "resource = { kind = \"Service\", id = \"/service\" }";
        let _ = writeln!(
            tools,
            "[tools.tool{n}]\nclass = \"write\"\neffect = \"unsafe\"\nreversibility = \"irreversible\"\n{resource}"
        );
    }
    files.insert("catalog/sre.toml", tools);
    files.insert("policies/all.cedar", policies_text(policies, matching));
    files.insert("schema.cedarschema", schema_text());
    Bundle::load(files).unwrap_or_else(|error| panic!("{error}"))
}

fn schema_text() -> String {
    let mut data = BundleData::default();
    data.classes.insert("write".parse().unwrap(), class());
    let kind =
        toml::from_str("attributes = { env = \"string\", stateless = \"bool\", tier = \"long\", team = \"string\" }")
            .unwrap();
    data.inventory.kinds.insert("Service".into(), kind);
    let string = json!({"type": "string"});
    let input = json!({"type": "object", "required": ["service"], "properties": {"service": string, "count": {"type": "integer"}, "reason": string}});
    let tool = "class = \"write\"\neffect = \"unsafe\"\nreversibility = \"irreversible\"\nresource = { kind = \"Service\", id = \"/service\" }\n";
    let mut inputs = BTreeMap::new();
    for n in 0..TOOLS {
        let name: ToolName = format!("sre.tool{n}").parse().unwrap();
        data.tools.insert(name.clone(), toml::from_str(tool).unwrap());
        inputs.insert(name, input.clone());
    }
    schema::generate(&data, &inputs)
}

fn class() -> types::bundle::Class {
    toml::from_str("description = \"w\"\nwrites = true\nprofile = \"sre\"\n").unwrap()
}

fn policies_text(policies: usize, matching: usize) -> String {
    let mut text = String::new();
    for n in 0..policies {
        let (principal, action) = if n < matching {
            ("principal in Team::\"all\"".to_owned(), "action in Action::\"write\"".to_owned())
        } else if n % 2 == 0 {
            (format!("principal in Team::\"team{}\"", 8 + n % (AGENTS - 8)), "action".to_owned())
        } else {
            ("principal in Team::\"all\"".to_owned(), format!("action == Action::\"sre.tool{}\"", 4 + n % (TOOLS - 4)))
        };
        let (effect, condition) = match n {
            0 => ("permit", "context.risk < 40 && resource.stateless".to_owned()),
            1 => ("permit", "context.mode == Mode::\"approved\"".to_owned()),
            _ if n % 3 == 0 => ("forbid", format!("resource.env == \"frozen{n}\" && context.level < 2")),
            _ => (
                "permit",
                format!(
                    "resource.stateless && context.level >= 2 && context.risk < 40 && context.input.service == \"svc{n}\""
                ),
            ),
        };
        let _ = writeln!(text, "@id(\"p{n:04}\")\n{effect} ({principal}, {action}, resource)\nwhen {{ {condition} }};");
    }
    text
}
