//! Checks of what can be called and on what: classes, servers, tools, inventory.

use std::collections::BTreeMap;

use types::bundle::{AttributeType, REGISTRY_TOOLS, Server, Source, Tool};
use types::planning::Planning;
use types::reversal::Undo;
use types::{EffectClass, Reversibility, ToolName};

use super::Check;
use crate::files::FileKind;
use crate::inventory::{self, Entity};
use crate::names;

impl Check<'_> {
    /// Checks `classes.toml`.
    pub(super) fn classes(&mut self) {
        for (name, class) in &self.data.classes {
            let path = ["classes", name.as_str()];
            self.profile("classes.toml", &[path[0], path[1], "profile"], class.profile.as_ref());
            self.number("classes.toml", &[path[0], path[1], "impact"], class.impact, 0..=i64::MAX);
        }
    }

    /// Checks `[server]` of `catalog/*.toml`.
    pub(super) fn servers(&mut self) {
        for (name, server) in &self.data.servers {
            self.server(&format!("catalog/{name}.toml"), server);
        }
    }

    fn server(&mut self, file: &str, server: &Server) {
        match (server.command.first(), &server.url) {
            (Some(_), Some(_)) | (None, None) => {
                self.report.at(file, &["server"], "a server has either `command` or `url`, and not both");
            }
            (Some(program), None) => {
                self.filled(file, &["server", "command"], program);
                if !server.headers.is_empty() {
                    self.report.at(
                        file,
                        &["server", "headers"],
                        "`headers` go to a server with a `url`, this one has a `command`",
                    );
                }
            }
            (None, Some(url)) => {
                if !url.starts_with("https://") && !url.starts_with("http://") {
                    let message = format!("`{url}` is not an address: it must start with `https://` or `http://`");
                    self.report.at(file, &["server", "url"], message);
                }
                if !server.env.is_empty() {
                    self.report.at(
                        file,
                        &["server", "env"],
                        "`env` goes to a server with a `command`, this one has a `url`",
                    );
                }
            }
        }
    }

    /// Checks `[tools.*]` of `catalog/*.toml`.
    pub(super) fn tools(&mut self) {
        for (name, tool) in &self.data.tools {
            self.tool(&format!("catalog/{}.toml", name.server), name, tool);
        }
    }

    fn tool(&mut self, file: &str, name: &ToolName, tool: &Tool) {
        let path = |key: &'static str| ["tools", name.operation.as_str(), key];
        self.of_registry(file, name, tool);
        self.class(file, &path("class"), &tool.class);
        self.effect(file, name, tool);
        self.idempotency_key(file, name, tool);
        if let Some(resource) = &tool.resource {
            self.kind(file, &["tools", &name.operation, "resource", "kind"], &resource.kind);
            match (&resource.id, &resource.is) {
                (Some(id), None) => self.pointer(file, &["tools", &name.operation, "resource", "id"], id),
                (None, Some(_)) => {}
                _ => {
                    let message =
                        format!("`{name}` names what it is about either by an argument, `id`, or once for all, `is`");
                    self.report.at(file, &["tools", &name.operation, "resource"], message);
                }
            }
        }
        for pointer in &tool.touches {
            self.pointer(file, &path("touches"), pointer);
        }
        if tool.audit && tool.effect != EffectClass::Read {
            let message = format!("`{name}` may change something, so it cannot list what changed");
            self.report.at(file, &path("audit"), message);
        }
        if let Some(undo) = &tool.undo {
            self.undo(file, name, tool, undo);
        }
        if let Some(planning) = &tool.plan {
            self.planning(file, name, tool, planning);
        }
    }

    /// Demands that what a tool would do is told by one that only reads, from the arguments of the action alone.
    fn planning(&mut self, file: &str, name: &ToolName, tool: &Tool, planning: &Planning) {
        let at = |key: &'static str| ["tools", name.operation.as_str(), "plan", key];
        if tool.effect == EffectClass::Read {
            let message = format!("`{name}` changes nothing, so it has no `plan`");
            self.report.at(file, &["tools", &name.operation, "plan"], message);
        }
        let by = ToolName::new(name.server.clone(), planning.tool.clone()).ok();
        let by = by.and_then(|by| self.data.tools.get(&by));
        if by.map(|by| by.effect) != Some(EffectClass::Read) {
            let message = format!("the catalogue has no tool `{}` of this server that only reads", planning.tool);
            self.report.at(file, &at("tool"), message);
        }
        if let Err(error) = planning.arguments.check(false) {
            self.report.at(file, &at("arguments"), error.to_string());
        } else if planning.arguments.names_action() {
            self.report.at(file, &at("arguments"), "what is planned is no action yet, so `$action` names nothing");
        }
        if !planning.take.is_empty() {
            self.pointer(file, &at("take"), &planning.take);
        }
        for pointer in &planning.ignore {
            self.pointer(file, &at("ignore"), pointer);
        }
        for (amount, pointer) in &planning.amounts {
            let path = ["tools", name.operation.as_str(), "plan", "amounts", amount.as_str()];
            self.pointer(file, &path, pointer);
            if amount.contains('.') || amount == "seen" {
                self.report.at(file, &path, format!("`{amount}` cannot name an amount"));
            }
        }
    }

    /// Demands that some plan of the catalogue tells an amount: a misspelt bound would bound nothing.
    pub(super) fn planned(&mut self, file: &str, path: &[&str], amount: &str) {
        let mut plans = self.data.tools.values().filter_map(|tool| tool.plan.as_ref());
        if !plans.any(|planning| planning.amounts.contains_key(amount)) {
            self.report.at(file, path, format!("no `plan` of the catalogue tells `{amount}`"));
        }
    }

    /// Demands that what is done can be taken back by a tool that is there, and its state be seen by one that only reads.
    fn undo(&mut self, file: &str, name: &ToolName, tool: &Tool, undo: &Undo) {
        let at = |key: &'static str| ["tools", name.operation.as_str(), "undo", key];
        if tool.effect == EffectClass::Read || tool.reversibility == Reversibility::Irreversible {
            let message = format!("`{name}` changes nothing, or nothing that can be taken back, so it has no `undo`");
            self.report.at(file, &["tools", &name.operation, "undo"], message);
        }
        let known = |operation: &str| {
            let tool = ToolName::new(name.server.clone(), operation).ok()?;
            self.data.tools.get(&tool)
        };
        let (by, seen) = (known(&undo.tool).is_some(), known(&undo.observe.tool).map(|tool| tool.effect));
        if !by {
            self.report.at(file, &at("tool"), format!("the catalogue has no tool `{}` of this server", undo.tool));
        }
        if seen != Some(EffectClass::Read) {
            let message = format!("the catalogue has no tool `{}` of this server that only reads", undo.observe.tool);
            self.report.at(file, &at("observe"), message);
        }
        if let Err(error) = undo.arguments.check(true) {
            self.report.at(file, &at("arguments"), error.to_string());
        }
        if let Err(error) = undo.observe.arguments.check(false) {
            self.report.at(file, &at("observe"), error.to_string());
        }
        if !undo.observe.take.is_empty() {
            self.pointer(file, &["tools", &name.operation, "undo", "observe", "take"], &undo.observe.take);
        }
    }

    /// Demands that what is to be moved in the registry of models is something that it can move.
    fn of_registry(&mut self, file: &str, name: &ToolName, tool: &Tool) {
        if self.data.registry.as_ref() != Some(&name.server) {
            return;
        }
        if !REGISTRY_TOOLS.contains(&name.operation.as_str()) {
            let message = format!("the registry of models has {}, and nothing else", REGISTRY_TOOLS.join(", "));
            self.report.at(file, &["tools", &name.operation], message);
        }
        if tool.definition.is_some() {
            let message = "what the registry of models does is part of the program: there is no definition to pin";
            self.report.at(file, &["tools", &name.operation, "definition"], message);
        }
    }

    /// Demands that the class and the effect agree on whether the tool changes something.
    fn effect(&mut self, file: &str, name: &ToolName, tool: &Tool) {
        let Some(class) = self.data.classes.get(&tool.class) else { return };
        let reads = tool.effect == EffectClass::Read;
        if reads != class.writes {
            return;
        }
        let (what, must) = if reads { ("only reads", "false") } else { ("may change something", "true") };
        let message = format!("`{name}` {what}, but its class `{}` does not have `writes = {must}`", tool.class);
        self.report.at(file, &["tools", &name.operation, "effect"], message);
    }

    fn idempotency_key(&mut self, file: &str, name: &ToolName, tool: &Tool) {
        let path = |key: &'static str| ["tools", name.operation.as_str(), key];
        let keyed = tool.effect == EffectClass::Keyed;
        for (key, given) in [("key_argument", tool.key_argument.is_some()), ("key_ttl_ms", tool.key_ttl_ms.is_some())] {
            if keyed && !given {
                self.report.at(file, &path("effect"), format!("`{name}` is `keyed`, so it needs `{key}`"));
            } else if given && !keyed {
                self.report.at(file, &path(key), format!("`{key}` means something for a `keyed` tool only"));
            }
        }
        if let Some(ttl) = tool.key_ttl_ms {
            self.number(file, &path("key_ttl_ms"), ttl, 1..=i64::MAX);
        }
    }

    /// Checks `inventory.toml` and the data files it names.
    pub(super) fn inventory(&mut self) {
        for (name, kind) in &self.data.inventory.kinds {
            if let Some(refusal) = names::refuse_kind(name) {
                self.report.at("inventory.toml", &["kinds", name], refusal);
            }
            for (attribute, _) in kind.attributes.iter().filter(|(a, _)| names::is_reserved_attribute(a)) {
                let message = format!("`{attribute}` cannot name an attribute");
                self.report.at("inventory.toml", &["kinds", name, "attributes", attribute], message);
            }
            if kind.attributes.get("env").is_some_and(|found| *found != AttributeType::String) {
                let message = "`env` names the environment that limits cover, so it must be a `string`";
                self.report.at("inventory.toml", &["kinds", name, "attributes", "env"], message);
            }
        }
        for (name, source) in &self.data.inventory.sources {
            self.source(name, source);
        }
        self.inventory_data();
    }

    fn source(&mut self, name: &str, source: &Source) {
        let file = "inventory.toml";
        match (&source.file, &source.sqlite) {
            (Some(data), None) => self.source_file(name, source, data),
            (None, Some(_)) if source.queries.is_empty() => {
                self.report.at(file, &["sources", name], "a `sqlite` source needs `queries`, one per kind");
            }
            (None, Some(_)) => {}
            _ => self.report.at(file, &["sources", name], "a source has either `file` or `sqlite`, and not both"),
        }
        for kind in source.queries.keys() {
            self.kind(file, &["sources", name, "queries", kind], kind);
        }
        self.number(file, &["sources", name, "age_ms_max"], source.age_ms_max, 1..=i64::MAX);
    }

    fn source_file(&mut self, name: &str, source: &Source, data: &str) {
        let file = "inventory.toml";
        let is_data = FileKind::of(data).is_some_and(|(kind, _)| kind == FileKind::InventoryData);
        if !is_data || self.files.get(data).is_none() {
            let message = format!("`{data}` is not a file of the bundle's `inventory` folder");
            self.report.at(file, &["sources", name, "file"], message);
        }
        if !source.queries.is_empty() {
            self.report.at(file, &["sources", name, "queries"], "`queries` belong to a `sqlite` source");
        }
    }

    fn inventory_data(&mut self) {
        if self.report.is_broken("inventory.toml") {
            return;
        }
        let mut seen = BTreeMap::new();
        for (path, _, text) in self.files.of_kind(FileKind::InventoryData) {
            let named = self.data.inventory.sources.values().filter(|source| source.file.as_deref() == Some(path));
            let refusal = match named.count() {
                0 => Some(format!("no source of `inventory.toml` names `{path}`")),
                1 => None,
                _ => Some(format!("more than one source of `inventory.toml` names `{path}`")),
            };
            if let Some(message) = refusal {
                self.report.push(crate::problem::Problem::of_file(path, message));
            }
            match inventory::read(path, text, &self.data.inventory) {
                Ok(entities) => entities.into_iter().for_each(|entity| self.once(&mut seen, path, entity)),
                Err(problems) => problems.into_iter().for_each(|problem| self.report.push(problem)),
            }
        }
    }

    /// Demands that no other file has an entity of this kind and id: the inventory would not load.
    fn once<'f>(&mut self, seen: &mut BTreeMap<(String, String), &'f str>, path: &'f str, entity: Entity) {
        let Entity { kind, id, .. } = entity;
        if let Some(other) = seen.get(&(kind.clone(), id.clone())) {
            let message = format!("`{kind}` has `{id}` here and in `{other}`");
            self.report.push(crate::problem::Problem::of_file(path, message));
        } else {
            seen.insert((kind, id), path);
        }
    }
}
