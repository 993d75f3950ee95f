//! Reads the TOML files of a bundle into plain data. Unknown keys and unknown files are refused.

use std::collections::BTreeMap;

use types::bundle::{Breakers, BundleData, Decoys, Head, Inventory, Limits, Registry, RiskModel, Server, Tool};
use types::{ServerName, ToolName};

use crate::document::Document;
use crate::files::{BundleFiles, FileKind};
use crate::problem::Problem;
use crate::report::Report;

const KNOWN: &str = "a bundle has bundle.toml, agents.toml, people.toml, classes.toml, catalog/SERVER.toml, inventory.toml, \
     inventory/NAME.toml or .json, risk.toml, limits.toml, breakers.toml, checks.toml, behaviour.toml, decoys.toml, escalation.toml, schedules.toml, \
     obligations.toml, retention.toml, break_glass.toml, workflows/NAME.toml, pipelines/NAME.toml, \
     policies/NAME.cedar, schema.cedarschema, tests/NAME.toml and README.md";

/// Reads all TOML files except tests and inventory data.
///
/// What does not fit is reported and left out of the result.
pub(crate) fn parse(files: &BundleFiles, report: &mut Report) -> BundleData {
    for (path, _) in files.iter().filter(|(path, _)| FileKind::of(path).is_none()) {
        report.push(Problem::of_file(path, "no bundle has a file of this name").help(KNOWN));
    }
    for required in ["bundle.toml", "risk.toml"] {
        if files.get(required).is_none() {
            report.push_broken(Problem::of_file(required, "the file is missing"));
        }
    }
    let mut data = BundleData {
        head: whole(files, "bundle.toml", report).unwrap_or_else(Head::default),
        agents: section(files, "agents.toml", "agents", report),
        people: section(files, "people.toml", "people", report),
        classes: section(files, "classes.toml", "classes", report),
        inventory: inventory(files, report),
        risk: risk(files, report),
        limits: limits(files, report),
        breakers: breakers(files, report),
        checks: section(files, "checks.toml", "checks", report),
        baselines: section(files, "behaviour.toml", "baselines", report),
        decoys: decoys(files, report),
        profiles: section(files, "escalation.toml", "profiles", report),
        schedules: section(files, "schedules.toml", "schedules", report),
        obligations: section(files, "obligations.toml", "obligations", report),
        workflows: named(files, FileKind::Workflow, report),
        pipelines: named(files, FileKind::Pipeline, report),
        retention: whole(files, "retention.toml", report),
        break_glass: whole(files, "break_glass.toml", report),
        ..BundleData::default()
    };
    catalog(files, &mut data, report);
    data
}

fn open<'a>(files: &'a BundleFiles, file: &'a str, report: &mut Report) -> Option<Document<'a>> {
    files.get(file).map(|text| Document::open(file, text, report))
}

fn whole<T: serde::de::DeserializeOwned>(files: &BundleFiles, file: &str, report: &mut Report) -> Option<T> {
    open(files, file, report)?.rest(report)
}

fn section<K, V>(files: &BundleFiles, file: &str, section: &str, report: &mut Report) -> BTreeMap<K, V>
where
    K: std::str::FromStr<Err: std::fmt::Display> + Ord,
    V: serde::de::DeserializeOwned,
{
    let Some(mut document) = open(files, file, report) else { return BTreeMap::new() };
    let entries = document.entries(section, report);
    document.end(&[section], report);
    entries
}

fn inventory(files: &BundleFiles, report: &mut Report) -> Inventory {
    let Some(mut document) = open(files, "inventory.toml", report) else { return Inventory::default() };
    let inventory =
        Inventory { kinds: document.entries("kinds", report), sources: document.entries("sources", report) };
    document.end(&["kinds", "sources"], report);
    inventory
}

fn risk(files: &BundleFiles, report: &mut Report) -> RiskModel {
    let Some(mut document) = open(files, "risk.toml", report) else { return RiskModel::default() };
    let factors = document.entries("factors", report);
    let head: RiskModel = document.rest(report).unwrap_or_default();
    RiskModel { factors, ..head }
}

fn limits(files: &BundleFiles, report: &mut Report) -> Limits {
    let Some(mut document) = open(files, "limits.toml", report) else { return Limits::default() };
    let limits = Limits {
        rates: document.entries("rates", report),
        budgets: document.entries("budgets", report),
        windows: document.entries("windows", report),
        freezes: document.entries("freezes", report),
        impacts: document.entries("impacts", report),
    };
    document.end(&["rates", "budgets", "windows", "freezes", "impacts"], report);
    limits
}

fn breakers(files: &BundleFiles, report: &mut Report) -> Breakers {
    let Some(mut document) = open(files, "breakers.toml", report) else { return Breakers::default() };
    let breakers =
        Breakers { circuits: document.entries("circuits", report), bulks: document.entries("bulks", report) };
    document.end(&["circuits", "bulks"], report);
    breakers
}

fn decoys(files: &BundleFiles, report: &mut Report) -> Decoys {
    let Some(mut document) = open(files, "decoys.toml", report) else { return Decoys::default() };
    let templates = document.entries("decoys", report);
    let head: Decoys = document.rest(report).unwrap_or_default();
    Decoys { templates, ..head }
}

/// Reads each file of a kind as one value, by the name that it takes from its path.
fn named<T: serde::de::DeserializeOwned>(
    files: &BundleFiles,
    kind: FileKind,
    report: &mut Report,
) -> BTreeMap<String, T> {
    let found: Vec<_> = files.of_kind(kind).collect();
    let read = |(path, name, text)| Some((String::from(name), Document::open(path, text, report).rest(report)?));
    found.into_iter().filter_map(read).collect()
}

fn catalog(files: &BundleFiles, data: &mut BundleData, report: &mut Report) {
    for (path, name, text) in files.of_kind(FileKind::Catalog) {
        let mut document = Document::open(path, text, report);
        let server: Option<Server> = document.section("server", report);
        let registry: Option<Registry> = document.section("registry", report);
        let tools: BTreeMap<String, Tool> = document.entries("tools", report);
        document.end(&["server", "registry", "tools"], report);
        let Some(name) = server_name(path, name, report) else { continue };
        match (server, registry) {
            (Some(server), None) => {
                data.servers.insert(name.clone(), server);
            }
            (None, Some(Registry {})) => match data.registry.replace(name.clone()) {
                None => {}
                Some(other) => report.push_broken(Problem::of_file(
                    path,
                    format!(
                        "`catalog/{other}.toml` has the table `[registry]` already: there is one registry of models"
                    ),
                )),
            },
            (Some(_), Some(_)) => {
                report.push_broken(Problem::of_file(
                    path,
                    "a catalogue has either `[server]` or `[registry]`, and not both",
                ));
            }
            (None, None) if report.is_broken(path) => {}
            (None, None) => report.push_broken(Problem::of_file(path, "the table `[server]` is missing")),
        }
        add_tools(path, &name, tools, data, report);
    }
}

/// Checks the name a catalogue file gives its server: it becomes part of tool names on the wire.
fn server_name(path: &str, name: &str, report: &mut Report) -> Option<ServerName> {
    let refusal = match ServerName::new(name) {
        Err(error) => error.to_string(),
        Ok(_) if name.contains('.') || name.contains("__") => {
            format!(
                "`{name}` cannot name a server: the name must hold no `.` and no `__`, which separate it from its tools"
            )
        }
        Ok(_) if name == crate::schema::ADMIN_SERVER => {
            format!("`{name}` cannot name a server: it is the name of the built-in administration")
        }
        Ok(server) => return Some(server),
    };
    report.push_broken(Problem::of_file(path, refusal));
    None
}

fn add_tools(
    path: &str,
    server: &ServerName,
    tools: BTreeMap<String, Tool>,
    data: &mut BundleData,
    report: &mut Report,
) {
    for (operation, tool) in tools {
        match ToolName::new(server.clone(), operation.as_str()) {
            Ok(name) => {
                data.tools.insert(name, tool);
            }
            Err(error) => report.at(path, &["tools", &operation], error.to_string()),
        }
    }
}
