//! The sample bundle and questions about it.

use std::collections::BTreeMap;
use std::path::Path;

use countersign_policy::{Bundle, BundleFiles, Question, Resource};
use serde_json::{Value, json};
use types::decision::Semantics;
use types::{Arguments, AutonomyLevel, FactValue, Millis, PersonId, Principal, ToolName};

/// A Wednesday, 10:00 UTC.
pub const WEDNESDAY_10: i64 = 1_763_546_400_000;
/// The same day, 20:00 UTC.
pub const WEDNESDAY_20: i64 = WEDNESDAY_10 + 36_000_000;

/// Reads the files of the sample bundle.
pub fn sre() -> BundleFiles {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sre");
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
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// Loads a bundle, or shows what is wrong with it.
pub fn load(files: BundleFiles) -> Bundle {
    Bundle::load(files).unwrap_or_else(|error| panic!("{error}"))
}

/// The JSON Schemas of the sample's tools.
pub fn inputs() -> BTreeMap<ToolName, Value> {
    let string = json!({"type": "string"});
    let object =
        |required: Value, properties: Value| json!({"type": "object", "required": required, "properties": properties});
    let tools = [
        ("sre.report", object(json!([]), json!({"service": string, "days": {"type": "integer"}}))),
        ("sre.restart", object(json!(["service"]), json!({"service": string, "force": {"type": "boolean"}}))),
        (
            "sre.scale",
            object(
                json!(["service", "replicas"]),
                json!({"service": string, "replicas": {"type": "integer"}, "ratio": {"type": "number"}}),
            ),
        ),
        (
            "sre.db_change",
            object(
                json!(["database", "statement"]),
                json!({"database": string, "statement": string, "tables": {"type": "array", "items": string}}),
            ),
        ),
        ("sre.delete", object(json!(["service"]), json!({"service": string}))),
        ("sre.mail_draft", object(json!(["to"]), json!({"to": string, "body": string}))),
        ("sre.mail_send", object(json!(["to"]), json!({"to": string, "body": string}))),
    ];
    tools.into_iter().map(|(name, schema)| (name.parse().unwrap(), schema)).collect()
}

/// Is a question in few words, everything else at its plainest.
#[derive(Debug, Clone)]
pub struct Ask {
    pub principal: Principal,
    pub delegator: Option<PersonId>,
    pub tool: ToolName,
    pub resource: Option<Resource>,
    pub arguments: Arguments,
    pub now: Millis,
    pub level: AutonomyLevel,
    pub risk: i64,
    pub touches: i64,
    pub confidence_bp: Option<u32>,
}

impl Ask {
    pub fn agent(agent: &str, tool: &str, arguments: Value) -> Self {
        Self {
            principal: Principal::Agent(agent.parse().unwrap()),
            delegator: None,
            tool: tool.parse().unwrap(),
            resource: None,
            arguments: Arguments::parse(&arguments.to_string(), 1 << 20).unwrap(),
            now: Millis(WEDNESDAY_10),
            level: AutonomyLevel::L2,
            risk: 10,
            touches: 1,
            confidence_bp: None,
        }
    }

    pub fn person(person: &str, tool: &str, arguments: Value) -> Self {
        Self { principal: Principal::Person(person.parse().unwrap()), ..Self::agent("x", tool, arguments) }
    }

    pub fn service(self, id: &str, env: &str, stateless: bool) -> Self {
        let attributes: [(&str, FactValue); 3] =
            [("env", env.into()), ("stateless", stateless.into()), ("tier", 1.into())];
        self.on("Service", id, &attributes)
    }

    pub fn database(self, id: &str, sensitive: bool) -> Self {
        self.on("Database", id, &[("env", "prod".into()), ("sensitive", sensitive.into())])
    }

    pub fn on(self, kind: &str, id: &str, attributes: &[(&str, FactValue)]) -> Self {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Self { resource: Some(Resource { kind: kind.to_owned(), id: id.to_owned(), attributes }), ..self }
    }

    pub fn question(&self) -> Question<'_> {
        Question {
            principal: &self.principal,
            delegator: self.delegator.as_ref(),
            tool: &self.tool,
            resource: self.resource.clone(),
            arguments: &self.arguments,
            now: self.now,
            level: self.level,
            risk: self.risk,
            touches: self.touches,
            confidence_bp: self.confidence_bp,
            semantics: Semantics::LATEST,
        }
    }

    /// Asks, and writes the findings as `restriction code source`, one a line.
    pub fn of(&self, bundle: &Bundle) -> String {
        let answer = bundle.evaluate(&self.question());
        let lines = answer.findings.iter().map(|finding| {
            let restriction = match &finding.restriction {
                types::Restriction::Allow => "allow".to_owned(),
                types::Restriction::AllowObserved => "observe".to_owned(),
                types::Restriction::Escalate(profile) => format!("escalate({profile})"),
                types::Restriction::Deny => "deny".to_owned(),
            };
            format!("{restriction} {} {}", finding.code, finding.source)
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}
