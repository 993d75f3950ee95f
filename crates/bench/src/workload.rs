//! The workload, written out: the bundle, the agents, the proposals.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use control::actions::Wish;
use control::keys::NewKey;
use control::levels::LevelWish;
use control::snapshot::{Snapshot, Views};
use control::state::Grant;
use control::{Config, Control};
use evidence::TenantKey;
use ledger::LogKeys;
use ledger::recover::Place;
use policy::{Bundle, BundleFiles};
use tlog::key::SignerKey;
use types::{
    ActionId, ActionProposal, AgentId, Arguments, AutonomyLevel, Channel, Claims, ClassId, Digest, GrantId, Millis,
    PersonId, Principal, TenantId, ToolName,
};

use crate::machine::{SystemClock, SystemRandom};
use crate::mcp;
use crate::measure;

/// Is how many policies the bundle has.
pub const POLICIES: usize = 1_000;

/// Says what of the bundle is not always the same.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// How many policies it has, at least 31.
    pub policies: usize,
    /// Whether a baseline covers every call.
    pub watched: bool,
}

/// Is what is measured if nothing else is said.
pub const PLAIN: Kind = Kind { policies: POLICIES, watched: false };

/// Is how many agents there are.
pub const AGENTS: u32 = 64;

/// Is the tenant key, which guards nothing.
const TENANT: [u8; 32] = [1; 32];

fn pin() -> Digest {
    Digest::plain(b"bench")
}

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Writes the bundle's files: 30 policies match every request, the others name other classes or teams.
///
/// - `server`: the address of the MCP server behind the tool `call_item`.
fn files(server: SocketAddr, kind: Kind) -> Result<BundleFiles, String> {
    let mut files = BundleFiles(BTreeMap::new());
    files.insert("bundle.toml", "name = \"bench\"\nauthors = [\"ana\"]\nsolo = true\n");
    files.insert("people.toml", "[people.ana]\ngroups = [\"owners\"]\n");
    let mut agents = String::new();
    for n in 0..AGENTS {
        let _ = write!(agents, "[agents.agent-{n}]\nowner = \"ana\"\nteams = [\"bench\", \"team-{}\"]\n\n", n % 8);
    }
    files.insert("agents.toml", agents);
    files.insert(
        "classes.toml",
        "[classes.look]\ndescription = \"reads\"\nwrites = false\n\n[classes.change]\ndescription = \"writes\"\nwrites = true\nprofile = \"owner\"\n",
    );
    let mut catalog = format!("[server]\nurl = \"http://{server}/mcp\"\n\n");
    // What agents carry out by themselves is listed by no server, so it has no definition to pin.
    catalog.push_str("[tools.look_item]\nclass = \"look\"\neffect = \"read\"\nreversibility = \"reversible\"\nresource = { kind = \"Item\", id = \"/item\" }\n\n");
    let tool = |name: &str, class: &str, effect: &str, definition: Digest| {
        format!(
            "[tools.{name}]\nclass = \"{class}\"\neffect = \"{effect}\"\nreversibility = \"reversible\"\ndefinition = \"{definition}\"\nresource = {{ kind = \"Item\", id = \"/item\" }}\n\n"
        )
    };
    let listed = connectors::mcp::definition_digest(mcp::IDENTITY, mcp::TOOL).map_err(text)?;
    catalog.push_str(&tool("read_item", "look", "read", pin()));
    catalog.push_str(&tool("write_item", "change", "unsafe", pin()));
    catalog.push_str(&tool("call_item", "look", "read", listed));
    files.insert("catalog/bench.toml", catalog);
    files.insert(
        "inventory.toml",
        "[kinds.Item.attributes]\nenv = \"string\"\ntier = \"long\"\nsensitivity = \"long\"\n\n[sources.items]\nfile = \"inventory/items.toml\"\n",
    );
    let mut items = String::new();
    for n in 0..100 {
        let _ = write!(items, "[[Item]]\nid = \"item-{n}\"\nenv = \"prod\"\ntier = {}\nsensitivity = 2\n\n", n % 4);
    }
    files.insert("inventory/items.toml", items);
    files.insert("risk.toml", "observe_from = 500\nescalate_from = 900\nprofile = \"owner\"\n\n[factors.tier]\nfact = \"resource.tier\"\nper_unit = 10\nmax = 40\n");
    files.insert("limits.toml", "[rates.calls]\nburst = 1000000000\nrefill_ms = 1000\n");
    files.insert("escalation.toml", "[profiles.owner]\ngroup = \"owners\"\napprovals = 1\ntimeout_ms = 600000\n");
    files.insert("obligations.toml", "[obligations.plain]\n");
    if kind.watched {
        files.insert("behaviour.toml", "[baselines.usual]\n");
    }
    files.insert("policies/bench.cedar", policies(kind.policies));
    let schema = schema(&files)?;
    files.insert("schema.cedarschema", schema);
    Ok(files)
}

fn policies(count: usize) -> String {
    let mut all = String::new();
    let _ = writeln!(
        all,
        "@id(\"look\") permit (principal in Team::\"bench\", action in Action::\"class:look\", resource) when {{ resource.sensitivity < 3 }};"
    );
    let _ = writeln!(
        all,
        "@id(\"change\") @escalate(\"owner\") permit (principal in Team::\"bench\", action in Action::\"class:change\", resource) when {{ context.mode == Mode::\"approved\" }};"
    );
    for n in 0..29 {
        let _ = writeln!(
            all,
            "@id(\"hot-{n}\") forbid (principal in Team::\"bench\", action in [Action::\"class:look\", Action::\"class:change\"], resource) when {{ resource.tier > {} && context.risk > {} }};",
            100 + n,
            900 + n
        );
    }
    for n in 31..count {
        let _ = writeln!(
            all,
            "@id(\"cold-{n}\") permit (principal in Team::\"other-{}\", action in Action::\"class:change\", resource) when {{ context.risk < {n} }};",
            n % 97
        );
    }
    all
}

fn schema(files: &BundleFiles) -> Result<String, String> {
    let data = Bundle::read(files).map_err(text)?;
    let input = serde_json::json!({ "type": "object", "required": ["item"], "properties": { "item": { "type": "string" }, "note": { "type": "string" } } });
    let tools = ["bench.read_item", "bench.write_item", "bench.look_item", "bench.call_item"]
        .map(|name| name.parse::<ToolName>().map(|tool| (tool, input.clone())));
    let inputs: BTreeMap<ToolName, serde_json::Value> = tools.into_iter().collect::<Result<_, _>>().map_err(text)?;
    Ok(policy::schema::generate(&data, &inputs))
}

fn bundle(server: SocketAddr, kind: Kind) -> Result<Arc<Bundle>, String> {
    Ok(Arc::new(Bundle::load(files(server, kind)?).map_err(text)?))
}

fn agent(n: u32) -> Result<AgentId, String> {
    AgentId::new(format!("agent-{n}")).map_err(text)
}

fn classes() -> Result<[ClassId; 2], String> {
    Ok([ClassId::new("look").map_err(text)?, ClassId::new("change").map_err(text)?])
}

/// Builds a snapshot without a journal, for measuring a decision alone.
///
/// # Errors
///
/// What the bundle's own check says.
pub fn views(server: SocketAddr) -> Result<(Views, Arc<Snapshot>), String> {
    let bundle = bundle(server, PLAIN)?;
    let entities = control::bundles::inventory(&bundle, Millis(0)).map_err(|r| r.message)?;
    let owner = Principal::Person(PersonId::new("ana").map_err(text)?);
    let mut grants = BTreeMap::new();
    for n in 0..AGENTS {
        for class in classes()? {
            let grant = Grant {
                id: GrantId::draw(Millis(1), [1; 10]),
                agent: agent(n)?,
                class: class.clone(),
                level: AutonomyLevel::L1,
                environments: BTreeSet::new(),
                reason: "bench".into(),
                by: owner.clone(),
                at: Millis(0),
                expires: Millis(i64::MAX),
                epoch: None,
                stopped: None,
            };
            grants.insert((agent(n)?, class), grant);
        }
    }
    let snapshot = Snapshot {
        epoch: 1,
        bundle,
        entities: Arc::new(entities),
        grants: Arc::new(grants),
        quarantine: Arc::default(),
        identities: Arc::default(),
        pins: Arc::default(),
        tested: std::sync::Arc::default(),
        delegations: Arc::default(),
    };
    let views = Views::new(snapshot);
    let snapshot = views.snapshot();
    Ok((views, snapshot))
}

fn arguments(n: u32) -> Result<Arguments, String> {
    let json = format!("{{\"item\":\"item-{}\",\"note\":\"a note of about forty characters, {n}\"}}", n % 100);
    Arguments::parse(&json, 4_096).map_err(text)
}

/// Builds a proposal of one agent.
pub fn proposal(n: u32, tool: &str) -> Result<ActionProposal, String> {
    Ok(ActionProposal {
        id: ActionId::draw(Millis(1), [2; 10]),
        tenant: TenantId::new("default").map_err(text)?,
        principal: Principal::Agent(agent(n)?),
        on_behalf_of: None,
        session: None,
        tool: tool.parse().map_err(text)?,
        definition: Some(pin()),
        arguments: arguments(n)?,
        claims: Claims { purpose: Some("measure".into()), confidence_bp: Some(9_900), ..Claims::default() },
        channel: Channel::Mcp,
        at: Millis(1_700_000_000_000),
        plan: None,
    })
}

/// Builds what one agent wants.
pub fn wish(n: u32, tool: &str) -> Result<Wish, String> {
    let proposal = proposal(n, tool)?;
    Ok(Wish {
        principal: proposal.principal,
        on_behalf_of: None,
        session: None,
        tool: proposal.tool,
        definition: proposal.definition,
        arguments: proposal.arguments,
        claims: proposal.claims,
        channel: Channel::Mcp,
    })
}

/// Makes a key for an agent, by the hand of the workload's owner.
///
/// # Errors
///
/// What the journal says.
pub async fn key(control: &Control, agent: AgentId) -> Result<NewKey, String> {
    let owner = PersonId::new("ana").map_err(text)?;
    control.create_first_key(&owner, Principal::Agent(agent), None, "bench").await.map_err(|r| r.message)
}

fn log_key() -> Result<SignerKey, String> {
    SignerKey::ed25519("bench.example/log", &[2; 32]).map_err(text)
}

/// Writes the workload's keys where the `countersign` program looks for them.
///
/// # Errors
///
/// What the machine says.
pub fn write_keys(folder: &Path) -> Result<(), String> {
    let keys = folder.join("keys");
    std::fs::create_dir_all(&keys).map_err(text)?;
    let tenant = TENANT.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    std::fs::write(keys.join("tenant.key"), tenant).map_err(text)?;
    std::fs::write(keys.join("log.key"), log_key()?.to_secret_text().as_bytes()).map_err(text)
}

/// Says where a journal in a folder is, and by which keys and clock it is written.
///
/// # Errors
///
/// A text if the log's key has no such name.
pub fn place(folder: &Path) -> Result<Place, String> {
    Ok(Place {
        data: folder.join("data"),
        head: folder.join("keys/head"),
        journal_bytes_max: None,
        keys: LogKeys { tenant: TenantKey::from_bytes(TENANT), log: log_key()?.into() },
        clock: Arc::new(SystemClock(measure::now())),
        random: Arc::new(SystemRandom),
    })
}

/// Starts an application on the workload, with a journal in a folder.
///
/// # Errors
///
/// What the bundle's own check or the journal says.
pub async fn control(folder: &Path, server: SocketAddr, kind: Kind) -> Result<Arc<Control>, String> {
    let control = Control::open(Config {
        tenant: TenantId::new("default").map_err(text)?,
        url: "http://127.0.0.1".into(),
        place: place(folder)?,
        bundle: bundle(server, kind)?,
        anonymous: None,
        passkeys: control::passkeys::PasskeyConfig::local(7717),
        witnesses: None,
        timestamps: None,
        bucket: None,
        model_key: None,
        model_signers: Arc::default(),
        notifications: None,
        probes: None,
        oidc: None,
        environment: Arc::new(|_| None),
        receipt_wait: control::RECEIPT_WAIT,
    })
    .map_err(text)?;
    control.start().await.map_err(|r| r.message)?;
    let ana = PersonId::new("ana").map_err(text)?;
    control.activate_first(&ana, control.config().bundle.clone(), "bench").await.map_err(|r| r.message)?;
    for n in 0..AGENTS {
        for class in classes()? {
            let wish = LevelWish {
                epoch: None,
                agent: agent(n)?,
                class,
                level: AutonomyLevel::L1,
                environments: BTreeSet::new(),
                reason: "bench".into(),
                expires: control.now().plus(86_400_000),
            };
            control.give_first_level(&ana, wish).await.map_err(|r| r.message)?;
        }
    }
    Ok(control)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Speed is measured by hand and now and then; that there is something to measure is seen each time.
    #[test]
    fn the_workload_loads() {
        let server = SocketAddr::from(([127, 0, 0, 1], 9));
        for watched in [false, true] {
            assert_eq!(bundle(server, Kind { watched, ..PLAIN }).map(drop), Ok(()), "watched={watched}");
        }
    }
}
