//! An operator's policy bundle: its files, its Cedar texts, its own tests, and what it makes of arguments.

use std::sync::OnceLock;

use policy::{Bundle, BundleFiles, LoadError};
use stages::trial::{self, Stage};
use types::{ActionId, ActionProposal, Arguments, Channel, Claims, FactName, Facts, Millis, Principal};

use crate::base::texts;

const PATHS: [&str; 19] = [
    "bundle.toml",
    "agents.toml",
    "people.toml",
    "classes.toml",
    "catalog/sre.toml",
    "inventory.toml",
    "inventory/data.json",
    "risk.toml",
    "limits.toml",
    "escalation.toml",
    "obligations.toml",
    "workflows/w.toml",
    "tests/t.toml",
    "schema.cedarschema",
    "policies/p.cedar",
    "breakers.toml",
    "behaviour.toml",
    "decoys.toml",
    "checks.toml",
];

/// A bundle's files without its Cedar texts: each reading of them is the same, and what is wrong is said in one line each.
///
/// The input is a list of files: a byte that names one, its text, a zero byte.
pub fn bundle(bytes: &[u8]) {
    let mut files = BundleFiles::default();
    for text in texts(bytes) {
        let mut chars = text.chars();
        let Some(path) = chars.next() else { continue };
        let path = match PATHS.get((u32::from(path) as usize).wrapping_sub(usize::from(b'a'))) {
            Some(path) => (*path).to_owned(),
            None => chars.by_ref().take_while(|c| *c != '\n').collect(),
        };
        files.insert(path, chars.as_str());
    }
    let read = Bundle::read(&files);
    match (&read, Bundle::read(&files)) {
        (Ok(data), Ok(again)) => assert_eq!(*data, again),
        (Err(error), Err(again)) => {
            assert!(!error.0.is_empty());
            assert_eq!(error.to_string(), again.to_string());
        }
        _ => panic!("two readings differ"),
    }
    assert_eq!(files.digest(), files.clone().digest());
}

/// Cedar texts: policies that are taken ask and answer, the same each time; what is not taken says why.
///
/// The input is the policies, then a zero byte and a schema. The policies are read against a schema that was read once.
/// One input in 32, told by the sum of its bytes, is loaded whole as well, with its own schema if it has one.
pub fn cedar(bytes: &[u8]) {
    let texts = texts(bytes);
    let read = ground().with_policies(POLICIES, &texts[0]);
    judged(&read);
    if bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) % 32 != 0 {
        return;
    }
    let mut files = ground().files().clone();
    files.insert(POLICIES, texts[0].as_str());
    let Some(schema) = texts.get(1).filter(|schema| !schema.is_empty()) else {
        let whole = Bundle::load(files).map(|bundle| bundle.digest());
        assert_eq!(whole.map_err(|error| error.0), read.map(|bundle| bundle.digest()).map_err(|error| error.0));
        return;
    };
    files.insert("schema.cedarschema", schema.as_str());
    judged(&Bundle::load(files));
}

fn judged(read: &Result<Bundle, LoadError>) {
    match read {
        Ok(bundle) => {
            let facts = asked();
            let answer = replay::judge::ask_policy(bundle, proposed(), facts);
            assert!(!answer.findings.is_empty());
            assert_eq!(replay::judge::ask_policy(bundle, proposed(), facts), answer);
        }
        Err(error) => assert!(!error.0.is_empty() && !error.to_string().is_empty()),
    }
}

const POLICIES: &str = "policies/p.cedar";

fn proposed() -> &'static ActionProposal {
    static PROPOSED: OnceLock<ActionProposal> = OnceLock::new();
    PROPOSED.get_or_init(|| proposal(Arguments::parse(r#"{"service":"web","replicas":3}"#, 64).unwrap()))
}

fn asked() -> &'static Facts {
    static ASKED: OnceLock<Facts> = OnceLock::new();
    ASKED.get_or_init(|| stages::facts::of_proposal(ground().data(), proposed(), &policy::ADMIN_TOOLS))
}

/// A bundle with people, agents and tools, and no policy.
fn ground() -> &'static Bundle {
    static GROUND: OnceLock<Bundle> = OnceLock::new();
    GROUND.get_or_init(|| {
        let mut files = testkit::bundle();
        files.0.retain(|path, _| !path.starts_with("policies/"));
        Bundle::load(files).unwrap()
    })
}

fn small() -> &'static Bundle {
    static SMALL: OnceLock<Bundle> = OnceLock::new();
    SMALL.get_or_init(|| {
        let mut files = testkit::bundle();
        let catalog = files.get("catalog/sre.toml").unwrap().replace("touches = []", "");
        files.insert("catalog/sre.toml", catalog);
        Bundle::load(files).unwrap()
    })
}

/// A bundle's own tests: every test that reads runs to a verdict, and to the same one each time.
pub fn trials(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(trials) = trial::parse(text) else { return };
    let bundle = small();
    let policy = |proposal: &ActionProposal, facts: &Facts| replay::judge::ask_policy(bundle, proposal, facts);
    let stage = Stage { bundle: bundle.data(), digest: bundle.digest(), policy: &policy, admin: &policy::ADMIN_TOOLS };
    for trial in trials.iter().take(4) {
        let report = stage.run(trial);
        assert_eq!(stage.run(trial), report);
        if let Ok(report) = report {
            assert!(!report.findings.is_empty());
        }
    }
}

fn proposal(arguments: Arguments) -> ActionProposal {
    ActionProposal {
        id: ActionId::draw(Millis(1), [1; 10]),
        tenant: "default".parse().unwrap(),
        principal: Principal::Agent("sre-bot".parse().unwrap()),
        on_behalf_of: None,
        session: None,
        tool: "sre.scale".parse().unwrap(),
        definition: None,
        arguments,
        claims: Claims::default(),
        channel: Channel::Mcp,
        at: Millis(1),
        plan: None,
    }
}

/// What a decision reads of arguments: the facts and the policies' answer are those of the canonical form that is sent, and
/// an amount is never below what stands there.
///
/// The input is the arguments, then after zero bytes the pointers of a mapping.
pub fn facts(bytes: &[u8]) {
    let texts = texts(bytes);
    let Ok(arguments) = Arguments::parse(&texts[0], 1 << 16) else { return };
    let sent = Arguments::parse(arguments.canonical(), usize::MAX).unwrap();
    let mut data = small().data().clone();
    let pointers = &texts[1..texts.len().min(4)];
    for tool in data.tools.values_mut() {
        tool.touches = pointers.to_vec();
        tool.resource = pointers.first().map(|id| types::bundle::ResourceMap {
            kind: "k".to_owned(),
            id: Some(id.clone()),
            is: None,
        });
    }
    for pointer in pointers {
        let amount = stages::facts::amount(&arguments, pointer);
        assert_eq!(amount, stages::facts::amount(&sent, pointer));
        let stands = arguments.at(pointer).and_then(serde_json::Value::as_f64);
        #[expect(clippy::cast_precision_loss, reason = "an amount is at most 2^53")]
        let covers = amount.is_none_or(|amount| stands.is_some_and(|stands| stands <= amount as f64));
        assert!(covers, "{amount:?} for {stands:?}");
    }
    let (decided, executed) = (proposal(arguments), proposal(sent));
    assert_eq!(decided.digest(), executed.digest());
    let facts = stages::facts::of_proposal(&data, &decided, &policy::ADMIN_TOOLS);
    assert_eq!(facts, stages::facts::of_proposal(&data, &executed, &policy::ADMIN_TOOLS));
    let (mut all, level) = (facts, FactName::known("level.rank"));
    all.set(level, 1, "test", Millis(1));
    let ask = |proposal| replay::judge::ask_policy(small(), proposal, &all);
    assert_eq!(ask(&decided), ask(&executed));
}
