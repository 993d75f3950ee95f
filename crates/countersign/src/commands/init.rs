//! `countersign init`: from a server's command to a governed server, in under a minute.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connectors::mcp::{
    ConnectError, Connection, Era, Limits, ORDINARY, Wiring, connect_stateful, connect_stateless, definition_digest,
    list_all, probe,
};
use control::levels::LevelWish;
use ledger::Clock as _;
use policy::{BundleFiles, Claims, StarterInput, StarterTool, starter};
use serde_json::{Value, json};
use types::bundle::Server;
use types::{AutonomyLevel, ClassId, Code, PersonId, Principal, ServerName};

use super::Done;
use super::span::after;
use crate::cli::Init;
use crate::error::{CliError, Exit};
use crate::folder::{Folders, load_bundle, write_bundle};
use crate::machine::{SystemClock, user, variable};
use crate::output::{self, BOLD, FAINT, GOOD, NOTE, paint};
use crate::serve::{Options, Server as Running, first_key};

/// Is how long the levels of a starter bundle hold.
const FIRST_LEVELS: &str = "90d";

/// Names the variables by which programs find their way out of a guarded network. No server is given them unasked: a proxy's address
/// may hold a password.
const WAYS_OUT: [&str; 9] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
];

/// Runs the command.
pub async fn run(folders: &Folders, args: &Init, as_json: bool) -> Done {
    let input = prepare(folders, args).await?;
    report(folders, args, &input, as_json)
}

/// Connects, pins, writes the starter bundle and starts the journal; says on standard error what it is doing.
///
/// # Errors
///
/// What the server, the folders or the journal say.
pub async fn prepare(folders: &Folders, args: &Init) -> Result<StarterInput, CliError> {
    refuse_to_replace(folders, args.force)?;
    let step = |text: &str| output::tell(paint(FAINT, text));
    step("connecting to the server…");
    let server = server_of(args)?;
    let wiring = Wiring::of(&server, variable).map_err(|e| CliError::usage(e.to_string()))?;
    let connection = connect(&wiring).await?;
    let listed =
        list_all(&connection, "tools/list").await.map_err(|e| CliError::new(Exit::Failed, e.code(), e.to_string()))?;
    let owner = owner(args)?;
    step("reading its tools and writing a starter bundle…");
    let input = StarterInput {
        server: name_of(args, &connection)?,
        wiring: Server { identity: Some(connection.identity().to_owned()), ..server },
        owner: owner.clone(),
        agent: args.agent.clone(),
        tools: listed.iter().map(|json| tool(connection.identity(), json)).collect::<Result<_, _>>()?,
    };
    connection.close().await;
    let files = starter::generate(&input);
    load_bundle(files.clone())?;
    if let Some(aside) = put_aside(&folders.bundle)? {
        output::tell(format!("the bundle that was there is kept as {}", aside.display()));
    }
    write_bundle(&folders.bundle, &files)?;
    keep_out_of_version_control(folders)?;
    step("starting the journal and giving the agent its first level…");
    first_records(folders, args, &owner, &files).await?;
    Ok(input)
}

fn refuse_to_replace(folders: &Folders, force: bool) -> Result<(), CliError> {
    if is_filled(&folders.bundle) && !force {
        let message = format!("`{}` holds a bundle already", folders.bundle.display());
        return Err(CliError::usage(message).hint(
            "use another --dir, or --force to replace it; what is there is kept beside it, and the journal stays",
        ));
    }
    Ok(())
}

fn server_of(args: &Init) -> Result<Server, CliError> {
    let first = args.server.first().ok_or_else(|| CliError::usage("name the server's command or URL behind `--`"))?;
    let is_url = first.starts_with("http://") || first.starts_with("https://");
    let env: BTreeSet<String> = args.env.iter().cloned().collect();
    Ok(Server {
        command: if is_url { Vec::new() } else { command(&args.server) },
        env,
        url: is_url.then(|| first.clone()),
        headers: BTreeMap::new(),
        identity: None,
    })
}

/// Returns the command so that it starts from every working directory: a path to a program becomes absolute.
fn command(words: &[String]) -> Vec<String> {
    let mut command = words.to_vec();
    if let Some(program) = command.first_mut().filter(|program| program.contains('/')) {
        *program = absolute(Path::new(program.as_str())).display().to_string();
    }
    command
}

/// Returns what a server is asked for at first: nothing but its tools.
pub fn hello(client: &str) -> String {
    let client = json!({ "name": client, "version": env!("CARGO_PKG_VERSION") });
    json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client }).to_string()
}

/// Connects with `initialize`, which most servers know, and else to one on which every request stands for itself.
async fn connect(wiring: &Wiring) -> Result<Connection, CliError> {
    let limits = Limits::default();
    let connected = match connect_stateful(wiring, &hello("countersign-init"), &limits).await {
        Err(error) if is_worth_asking(&error) && probe(wiring, &limits).await == Ok(Era::Stateless) => {
            connect_stateless(wiring, &limits).await
        }
        other => other,
    };
    connected.map_err(|error| unreachable_because(wiring, &error))
}

fn unreachable_because(wiring: &Wiring, error: &ConnectError) -> CliError {
    let mut message = error.to_string();
    for line in error.detail().lines() {
        message.push_str("\n  ");
        message.push_str(line);
    }
    let hint = match wiring.url {
        Some(_) => "does a server listen at this URL, and does it ask for a credential?".to_owned(),
        None => format!(
            "does the command run by itself? It is given {} and no other variable; --env NAME adds one{}",
            ORDINARY.join(", "),
            withheld(wiring)
        ),
    };
    CliError::new(Exit::Failed, error.code(), message).hint(hint)
}

/// Names those of the ways out that are set here and that the server is not given.
fn withheld(wiring: &Wiring) -> String {
    let wanted = |name: &&str| variable(name).is_some() && !wiring.env.contains_key(*name);
    let options: Vec<String> = WAYS_OUT.into_iter().filter(wanted).map(|name| format!("--env {name}")).collect();
    if options.is_empty() {
        return String::new();
    }
    format!(". Set here, and maybe what it lacks: {}", options.join(" "))
}

/// A server that cannot be started, or says nothing, would say nothing to another question either.
fn is_worth_asking(error: &ConnectError) -> bool {
    !matches!(error, ConnectError::Wiring(_) | ConnectError::Timeout { .. })
}

/// Takes the server's name from the option, or from what it calls itself.
fn name_of(args: &Init, connection: &Connection) -> Result<ServerName, CliError> {
    if let Some(name) = &args.name {
        return Ok(name.clone());
    }
    let own = connection.identity().split('/').next().unwrap_or_default();
    let words: String = own.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let parts: Vec<&str> =
        words.split('-').filter(|w| !w.is_empty() && !["mcp", "server", "example", "secure"].contains(w)).collect();
    let name = if parts.is_empty() { "server".to_owned() } else { parts.join("-") };
    ServerName::new(name.chars().take(40).collect::<String>())
        .map_err(|e| CliError::usage(e.to_string()).hint("name it with --name"))
}

fn owner(args: &Init) -> Result<PersonId, CliError> {
    if let Some(owner) = &args.owner {
        return Ok(owner.clone());
    }
    let user = user().unwrap_or_else(|| "owner".into());
    PersonId::new(user).map_err(|e| CliError::usage(e.to_string()).hint("name the owner with --owner"))
}

fn tool(identity: &str, json: &str) -> Result<StarterTool, CliError> {
    let unusable = |why: String| {
        CliError::new(
            Exit::Failed,
            Code::UpstreamInvalid,
            format!("the server lists a tool that cannot be read: {why}"),
        )
    };
    let definition = definition_digest(identity, json).map_err(|e| unusable(e.to_string()))?;
    let value: Value = serde_json::from_str(json).map_err(|e| unusable(e.to_string()))?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let hint = |name: &str| value.get("annotations").and_then(|a| a.get(name)).and_then(Value::as_bool);
    Ok(StarterTool {
        name: text("name"),
        description: text("description"),
        read_only: hint("readOnlyHint"),
        destructive: hint("destructiveHint"),
        idempotent: hint("idempotentHint"),
        input_schema: value.get("inputSchema").cloned().unwrap_or_else(|| json!({ "type": "object" })),
        output_schema: value.get("outputSchema").cloned().unwrap_or_default(),
        claims: Claims::of(&value),
        definition,
    })
}

/// Puts a bundle that is replaced aside, whole: what is left of it would be read together with the new one.
fn put_aside(folder: &Path) -> Result<Option<PathBuf>, CliError> {
    if !is_filled(folder) {
        return Ok(None);
    }
    let now = jiff::Timestamp::from_millisecond(SystemClock.wall().0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(now.strftime(".before-%Y%m%dT%H%M%S%.3fZ").to_string());
    let aside = folder.with_file_name(name);
    // Where something of that name is there already and is not empty, the system refuses.
    fs::rename(folder, &aside)
        .map_err(|e| CliError::machine(format!("`{}` cannot be renamed: {e}", folder.display())))?;
    Ok(Some(aside))
}

fn is_filled(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Adds to the folder's `.gitignore` what it lacks; it may be the project's own.
fn keep_out_of_version_control(folders: &Folders) -> Result<(), CliError> {
    let Some(parent) = folders.data.parent() else { return Ok(()) };
    let path = parent.join(".gitignore");
    let failed = |e: std::io::Error| CliError::machine(format!("`{}` cannot be written: {e}", path.display()));
    let before = match fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let named = |name: &str| before.lines().any(|line| line.trim().trim_matches('/') == name);
    let missing: String =
        ["data", "keys"].iter().filter(|name| !named(name)).map(|name| format!("/{name}/\n")).collect();
    let gap = if missing.is_empty() || before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let mut file = fs::OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
    file.write_all(format!("{gap}{missing}").as_bytes()).map_err(failed)
}

/// Starts the journal: the bundle, the first key, and L1 for what the starter bundle lets the agent do.
async fn first_records(folders: &Folders, args: &Init, owner: &PersonId, files: &BundleFiles) -> Result<(), CliError> {
    let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let tenant = types::TenantId::new("default").map_err(|e| CliError::usage(e.to_string()))?;
    let server = Running::start(folders, Options::local(loopback, tenant)).await?;
    if server.started.bundle_differs {
        let bundle = Arc::new(load_bundle(files.clone())?);
        server.control.activate_first(owner, bundle, "countersign init").await?;
    }
    for class in server.control.snapshot().bundle.data().classes.keys().cloned().collect::<Vec<ClassId>>() {
        let wish = LevelWish {
            epoch: None,
            agent: args.agent.clone(),
            class,
            level: AutonomyLevel::L1,
            environments: BTreeSet::new(),
            reason: "countersign init: reads run, writes need a person".into(),
            expires: types::Millis(after(FIRST_LEVELS)?),
        };
        server.control.give_first_level(owner, wish).await?;
    }
    let agent = Principal::Agent(args.agent.clone());
    let file = format!("agent-{}.key", args.agent);
    first_key(folders, &server.control, &file, (owner, agent), "countersign init").await?;
    server.stop().await;
    Ok(())
}

fn report(folders: &Folders, args: &Init, input: &StarterInput, as_json: bool) -> Done {
    let name = &input.server;
    let dir = absolute(folders.bundle.parent().unwrap_or(Path::new(".")));
    let entry = client_entry(&dir, &args.agent, Some(name));
    let bundle = load_bundle(folders.bundle_files()?)?;
    let tools = &bundle.data().tools;
    if as_json {
        output::say_json(
            &json!({ "server": name, "tools": tools.len(), "bundle": folders.bundle, "client": { (name.as_str()): entry } }),
        );
        return Ok(Exit::Done);
    }
    output::say(format!(
        "\n{} `{name}` is governed: {} tools pinned, agent `{}`, owner `{}`",
        paint(GOOD, "ok"),
        input.tools.len(),
        args.agent,
        input.owner
    ));
    let rows = tools.iter().filter(|(tool, _)| !tool.operation.starts_with("mcp:")).map(|(tool, entry)| {
        let (word, style) = match entry.class.as_str() {
            "read" => ("runs, observed", GOOD),
            "destructive" => ("is denied", output::BAD),
            _ => ("asks you first", NOTE),
        };
        vec![format!("  {}", tool.operation), entry.class.to_string(), paint(style, word)]
    });
    output::table(&rows.collect::<Vec<_>>());
    output::say(format!(
        "\nThe policy is yours to change: {}",
        folders.bundle.join("policies/starter.cedar").display()
    ));
    output::say(format!("\n{}", paint(BOLD, "Put this into your MCP client's config, in place of the server:")));
    output::say(format!("  {}", json!({ (name.as_str()): entry })));
    output::say(paint(FAINT, "  or let `countersign connect claude-code | cursor | vscode` do it, with a backup"));
    Ok(Exit::Done)
}

/// Returns what a client's config says to start a governed server.
pub fn client_entry(dir: &Path, agent: &types::AgentId, server: Option<&ServerName>) -> Value {
    let program =
        std::env::current_exe().ok().map_or_else(|| "countersign".to_owned(), |path| path.display().to_string());
    let mut words =
        vec!["wrap".to_owned(), "--dir".into(), dir.display().to_string(), "--agent".into(), agent.to_string()];
    if let Some(server) = server {
        words.extend(["--server".to_owned(), server.to_string()]);
    }
    json!({ "command": program, "args": words })
}

/// Returns a path that holds from every working directory.
pub fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
