//! Checks of the decoys: those that no agent could have asked for, or that nobody would ever be shown.

use types::decoy::{DecoyTemplate, PER_100_MAX, TEMPLATES_MAX};

use super::Check;

const FILE: &str = "decoys.toml";

/// Is how the reader of TOML hands over a date where anything may stand.
const DATE: &str = "\"$__toml_private_datetime\"";

impl Check<'_> {
    /// Checks `decoys.toml`.
    pub(super) fn decoys(&mut self) {
        let decoys = &self.data.decoys;
        self.number(FILE, &["per_100"], decoys.per_100.into(), 0..=PER_100_MAX.into());
        if decoys.per_100 > 0 && decoys.templates.is_empty() && !self.report.is_broken(FILE) {
            self.report.at(FILE, &["per_100"], "there is no decoy to show: describe one as `[decoys.NAME]`");
        }
        if decoys.templates.len() > TEMPLATES_MAX {
            self.report.at(FILE, &["decoys"], format!("a bundle has {TEMPLATES_MAX} decoys at most"));
        }
        for (name, template) in &decoys.templates {
            self.decoy(name.as_str(), template);
        }
    }

    fn decoy(&mut self, name: &str, template: &DecoyTemplate) {
        let path = |key: &'static str| ["decoys", name, key];
        let agent = self.data.agents.get(&template.agent);
        self.refer(FILE, &path("agent"), "agent", template.agent.as_str(), agent.is_some(), "agents.toml");
        if let (Some(agent), Some(person)) = (agent, &template.on_behalf_of)
            && !agent.on_behalf_of.contains(person)
        {
            let message = format!("`{}` may not act for `{person}`", template.agent);
            self.report.at(FILE, &path("on_behalf_of"), message);
        }
        let (tool, home) = (template.tool.to_string(), format!("catalog/{}.toml", template.tool.server));
        self.refer(FILE, &path("tool"), "tool", &tool, self.data.tools.contains_key(&template.tool), &home);
        if let Err(error) = template.call() {
            self.report.at(FILE, &path("arguments"), format!("no call has these arguments: {error}"));
        } else if template.arguments.to_string().contains(DATE) {
            self.report.at(FILE, &path("arguments"), "JSON has no dates: write it as a text");
        }
        self.filled(FILE, &path("why"), &template.why);
    }
}
