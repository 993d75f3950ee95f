//! Starter bundles: they load, and deny what nobody has looked at.

use countersign_policy::{Bundle, BundleFiles, Claims, StarterInput, StarterTool, starter};
use proptest::prelude::*;
use serde_json::{Value, json};
use types::bundle::Server;
use types::{Digest, ServerName};

use crate::common::{Ask, load};

fn tool(name: &str, read_only: Option<bool>, destructive: Option<bool>, input_schema: Value) -> StarterTool {
    StarterTool {
        name: name.to_owned(),
        description: format!("Does `{name}`.\nAnd more."),
        read_only,
        destructive,
        idempotent: Some(name.len().is_multiple_of(2)),
        input_schema,
        output_schema: Value::Null,
        claims: Claims::default(),
        definition: Digest::plain(name.as_bytes()),
    }
}

fn input(tools: Vec<StarterTool>) -> StarterInput {
    StarterInput {
        server: "files".parse().unwrap(),
        wiring: Server {
            command: vec!["npx".into(), "server \"quoted\"".into()],
            env: ["TOKEN".to_owned()].into(),
            url: None,
            headers: std::collections::BTreeMap::new(),
            identity: Some("secure-filesystem-server 1.0".into()),
        },
        owner: "ana@example.com".parse().unwrap(),
        agent: "agent.one".parse().unwrap(),
        tools,
    }
}

fn filesystem() -> StarterInput {
    let path = json!({"type": "object", "required": ["path"], "properties": {"path": {"type": "string"}, "head": {"type": "number"}}});
    input(vec![
        tool("read_file", Some(true), None, path.clone()),
        tool("list_directory", None, None, path.clone()),
        tool(
            "write_file",
            Some(false),
            Some(false),
            json!({"type": "object", "required": ["path", "content"], "properties": {"path": {"type": "string"}, "content": {"type": "string"}}}),
        ),
        tool("frobnicate", None, None, json!({"type": "object"})),
        tool("delete_file", None, None, path),
        tool("cannot be named", None, None, json!({})),
        tool("odd\"name\\{}", None, None, json!({"properties": {"a b": {"type": "integer"}}, "required": ["a b"]})),
    ])
}

#[test]
fn reads_are_observed_writes_escalate_and_the_rest_is_denied() {
    let bundle = load(starter::generate(&filesystem()));
    for (tool, arguments, expected) in [
        ("files.read_file", json!({"path": "/x"}), "observe policy-observes starter.reads"),
        ("files.list_directory", json!({"path": "/x"}), "observe policy-observes starter.reads"),
        ("files.mcp:resources/read", json!({"uri": "file:///x"}), "observe policy-observes starter.reads"),
        ("files.mcp:resources/read", json!({}), "deny arguments-invalid schema.cedarschema"),
        ("files.write_file", json!({"path": "/x", "content": "y"}), "escalate(owner) policy-escalates starter.writes"),
        ("files.frobnicate", json!({"any": 1}), "escalate(owner) policy-escalates starter.writes"),
        (
            "files.mcp:sampling/createMessage",
            json!({"messages": []}),
            "escalate(owner) policy-escalates starter.writes",
        ),
        ("files.odd\"name\\{}", json!({"a b": 1}), "escalate(owner) policy-escalates starter.writes"),
        ("files.delete_file", json!({"path": "/x"}), "deny policy-forbids starter.destructive"),
        ("files.no_such_tool", json!({}), "deny tool-unknown catalog"),
        ("other.read_file", json!({"path": "/x"}), "deny tool-unknown catalog"),
    ] {
        assert_eq!(Ask::agent("agent.one", tool, arguments).of(&bundle), expected, "{tool}");
    }
    let admin = Ask::person("ana@example.com", "countersign.key.create", json!({}));
    assert_eq!(admin.of(&bundle), "observe policy-observes administration.owners");
}

#[test]
fn what_init_knows_is_what_the_bundle_says() {
    let input = filesystem();
    let bundle = load(starter::generate(&input));
    let data = bundle.data();
    assert_eq!(data.servers[&input.server], input.wiring);
    assert!(data.head.solo && data.head.authors.contains(&input.owner));
    assert_eq!(data.tools[&"files.read_file".parse().unwrap()].definition, Some(Digest::plain(b"read_file")));
    assert_eq!(data.tools.len(), 6 + 4 + 8, "one tool has no name a catalogue can hold");
    assert_eq!(data.registry.as_ref().map(ServerName::as_str), Some("registry"));
}

#[test]
fn the_cases_it_brings_name_its_own_tools() {
    let files = starter::generate(&filesystem());
    let tests: Value = toml::from_str(files.get("tests/starter.toml").unwrap()).unwrap();
    let cases: Vec<_> = tests["test"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| (case["tool"].as_str().unwrap(), case["expect"].as_str().unwrap()))
        .collect();
    let expected = [
        ("files.list_directory", "allow_observed"),
        ("files.frobnicate", "escalate"),
        ("files.delete_file", "deny"),
        ("files.no_such_tool", "deny"),
    ];
    assert_eq!(cases, expected);
    assert_eq!(tests["test"][0]["arguments"], json!({"path": "example"}));
    let bundle = load(files.clone());
    for case in tests["test"].as_array().unwrap() {
        let ask = Ask::agent("agent.one", case["tool"].as_str().unwrap(), case["arguments"].clone());
        assert!(ask.of(&bundle).contains(case["code"].as_str().unwrap()), "{case}");
    }
}

#[test]
fn a_server_without_tools_gets_a_bundle_too() {
    let bundle = load(starter::generate(&input(Vec::new())));
    assert_eq!(bundle.data().tools.len(), 4 + 8);
}

#[test]
fn every_file_tells_a_newcomer_what_it_is() {
    for (path, text) in starter::generate(&filesystem()).iter() {
        let first = text.chars().next();
        assert!(first == Some('#') || text.starts_with("//"), "{path} begins without a comment");
    }
}

fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        "(string|integer|boolean|number|null|array|object|odd)".prop_map(|ty| json!({"type": ty})),
        Just(json!({"$ref": "#"})),
        Just(json!({"anyOf": []})),
        Just(json!(true)),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::btree_map("\\PC{0,8}|__x|in|true", inner.clone(), 0..4)
                .prop_map(|properties| json!({"type": "object", "required": properties.keys().collect::<Vec<_>>(), "properties": properties})),
            inner.prop_map(|items| json!({"type": "array", "items": items})),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_server_lists_the_bundle_loads(
        tools in prop::collection::vec(("\\PC{0,12}|[a-z_.:/]{1,12}", any::<Option<bool>>(), any::<Option<bool>>(), schemas(), any::<String>()), 0..6),
    ) {
        let tools = tools.into_iter().map(|(name, read_only, destructive, schema, description)| {
            StarterTool { description, ..tool(&name, read_only, destructive, schema) }
        });
        let files: BundleFiles = starter::generate(&input(tools.collect()));
        let loaded = Bundle::load(files);
        prop_assert!(loaded.is_ok(), "{}", loaded.unwrap_err());
    }
}

#[test]
fn what_the_schemas_call_secret_is_proposed_and_no_policy_can_read_it() {
    let schema = json!({"type": "object", "properties": {
        "user": {"type": "string"}, "password": {"type": "string"}, "pin": {"type": "integer", "writeOnly": true},
        "keys": {"type": "array", "items": {"type": "object", "properties": {"apiKey": {"type": "string"}}}},
    }});
    let mut login = tool("login", None, None, schema);
    login.output_schema = json!({"properties": {"session": {"x-secret": true}}});
    let mut files = starter::generate(&input(vec![login]));
    let catalog = files.get("catalog/files.toml").unwrap();
    assert!(catalog.contains(r#"secret = ["/keys/*/apiKey", "/password", "/pin"]"#), "{catalog}");
    assert!(catalog.contains(r#"secret_results = ["/session"]"#), "{catalog}");
    let schema = files.get("schema.cedarschema").unwrap();
    assert!(schema.contains("user?: String") && schema.contains("// left out: \"pin\" (secret)"), "{schema}");
    assert!(!schema.contains("password?:") && !schema.contains("apiKey?:"), "{schema}");
    Bundle::load_new(files.clone()).unwrap();

    let schema = schema.replace("user?: String", "user?: String, pin?: Long");
    files.insert("schema.cedarschema", schema);
    let policies = files.get("policies/starter.cedar").unwrap().to_owned();
    let reads = "\n@id(\"reads\")\nforbid (principal, action == Action::\"files.login\", resource) when { context.input has pin && context.input.pin > 1 };\n";
    files.insert("policies/starter.cedar", policies + reads);
    let refused = Bundle::load(files).unwrap_err().to_string();
    assert!(refused.contains("`reads` reads `/pin` of `files.login`, which is secret by the catalogue"), "{refused}");
}

#[test]
fn a_policy_that_reads_what_was_redacted_denies() {
    let schema = json!({"type": "object", "required": ["user", "pin"], "properties": {
        "user": {"type": "string"}, "pin": {"type": "integer"}, "other": {"type": "integer"},
    }});
    let mut files = starter::generate(&input(vec![tool("write_login", Some(false), Some(false), schema)]));
    let mark = types::secret::mark(&Digest::plain(b"x"));
    let asked = |files: &BundleFiles, arguments: Value| {
        Ask::agent("agent.one", "files.write_login", arguments).of(&load(files.clone()))
    };
    let plain = asked(&files, json!({"user": "a", "pin": 7}));
    assert_eq!(asked(&files, json!({"user": "a", "pin": mark})), plain, "what no policy reads does not matter");
    let policies = files.get("policies/starter.cedar").unwrap().to_owned();
    let reads = "\n@id(\"reads\")\nforbid (principal, action == Action::\"files.write_login\", resource) when { context.input.pin > 9000 };\n";
    files.insert("policies/starter.cedar", policies + reads);
    assert_eq!(asked(&files, json!({"user": "a", "pin": 7})), plain);
    assert_eq!(asked(&files, json!({"user": "a", "pin": 7, "other": mark})), plain);
    assert_eq!(asked(&files, json!({"user": "a", "pin": mark})), "deny policy-error policies");
}

/// Claims of a tool what its server writes into its `_meta`.
fn claiming(mut tool: StarterTool, meta: Value) -> StarterTool {
    tool.claims = Claims::of(&json!({ "name": tool.name, "_meta": meta }));
    tool
}

#[test]
fn what_a_server_claims_is_proposed_as_far_as_it_can_stand() {
    let keyed = json!({ "argument": "path", "ttl_ms": 60_000 });
    let undo = |by: &str, seen: &str| json!({ "tool": by, "arguments": { "path": "$arguments/path", "text": "$before" }, "observe": { "tool": seen, "arguments": { "id": "$action" } } });
    let with = |meta: Value| {
        let mut all = filesystem().tools;
        let at = all.iter().position(|tool| tool.name == "write_file").unwrap();
        all[at] = claiming(all[at].clone(), meta);
        let files = starter::generate(&input(all));
        let bundle = load(files);
        bundle.data().tools[&"files.write_file".parse().unwrap()].clone()
    };
    let believed =
        with(json!({ "countersign.dev/keyed": keyed, "countersign.dev/undo": undo("write_file", "read_file") }));
    assert_eq!((believed.effect, believed.key_argument.as_deref()), (types::EffectClass::Keyed, Some("path")));
    assert_eq!((believed.key_ttl_ms, believed.reversibility), (Some(60_000), types::Reversibility::Reversible));
    assert_eq!(serde_json::to_value(believed.undo.unwrap()).unwrap(), undo("write_file", "read_file"));
    for meta in [
        json!({ "countersign.dev/keyed": { "argument": "other", "ttl_ms": 60_000 } }),
        json!({ "countersign.dev/keyed": { "argument": "path", "ttl_ms": 0 } }),
        json!({ "countersign.dev/keyed": "path" }),
        json!({ "countersign.dev/undo": undo("undo_write", "read_file") }),
        json!({ "countersign.dev/undo": undo("write_file", "delete_file") }),
        json!({ "countersign.dev/undo": undo("write_file", "read_nothing") }),
        json!({ "countersign.dev/undo": { "tool": "write_file", "arguments": { "a": "$result" }, "observe": { "tool": "read_file", "arguments": {} } } }),
        json!({ "countersign.dev/audit": true }),
    ] {
        let tool = with(meta.clone());
        assert!(tool.key_argument.is_none() && tool.undo.is_none() && !tool.audit, "{meta}");
    }
    let plan = |by: &str, amount: &str, pointer: &str| json!({ "tool": by, "arguments": { "path": "$arguments/path" }, "amounts": { amount: pointer }, "ignore": ["/id"] });
    let planned = with(json!({ "countersign.dev/plan": plan("read_file", "bytes", "/bytes") }));
    assert_eq!(serde_json::to_value(planned.plan.unwrap()).unwrap(), plan("read_file", "bytes", "/bytes"));
    let mut all = filesystem().tools;
    let at = all.iter().position(|tool| tool.name == "frobnicate").unwrap();
    all[at] = claiming(all[at].clone(), json!({ "countersign.dev/plan": plan("read_file", "parts", "/changed/a~1b") }));
    let files = starter::generate(&input(all));
    assert!(
        files.iter().any(|(_, text)| text.contains(r#"plan = { changed = { "a/b" = 1 } }"#)),
        "every amount of the sample is 1"
    );
    for wrong in [
        plan("write_file", "bytes", "/bytes"),
        plan("read_nothing", "bytes", "/bytes"),
        plan("read_file", "a.b", "/bytes"),
        plan("read_file", "bytes", "bytes"),
        json!({ "tool": "read_file", "arguments": { "path": "$action" } }),
        json!({ "tool": "read_file", "arguments": { "path": "$before" } }),
        json!({ "tool": "read_file", "arguments": {}, "take": "/a~2" }),
    ] {
        assert!(with(json!({ "countersign.dev/plan": wrong })).plan.is_none(), "{wrong}");
    }
    let mut all = filesystem().tools;
    all[0] = claiming(all[0].clone(), json!({ "countersign.dev/audit": true, "countersign.dev/keyed": keyed }));
    let files = starter::generate(&input(all));
    let read = load(files).data().tools[&"files.read_file".parse().unwrap()].clone();
    assert!(read.audit && read.key_argument.is_none(), "what reads may list what changed, and repeats anyway");
}
