//! Demands that nothing a bundle reads is secret: a decision rests on recorded values, and secrets are not recorded.

use types::ToolName;
use types::bundle::{BundleData, Tool};
use types::secret::{Listed, Pattern, Why};

use crate::actions::Actions;
use crate::index::Compiled;
use crate::problem::{Place, Problem};
use crate::report::Report;

/// Says which secrets a bundle may not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Those that its own catalogue lists.
    Listed,
    /// Those too that are secret by their names.
    Named,
}

impl Strictness {
    fn covers(self, why: Why) -> bool {
        why == Why::Catalogue || self == Self::Named
    }
}

const HELP: &str = "a decision reads nothing that is secret; if it is none, name it in the tool's `not_secret`";

/// Checks what the TOML files read of the arguments, and that no pattern contradicts another.
pub(crate) fn check(data: &BundleData, strictness: Strictness, report: &mut Report) {
    let mut check = Check { data, strictness, report };
    check.review();
    check.limits();
    for (name, tool) in &data.tools {
        check.tool(name, tool);
    }
}

struct Check<'a> {
    data: &'a BundleData,
    strictness: Strictness,
    report: &'a mut Report,
}

impl Check<'_> {
    fn tool(&mut self, name: &ToolName, tool: &Tool) {
        let file = format!("catalog/{}.toml", name.server);
        let operation = name.operation.as_str();
        if let Some(id) = tool.resource.as_ref().and_then(|resource| resource.id.as_ref()) {
            self.read(&file, &["tools", operation, "resource", "id"], id, name, tool);
        }
        for pointer in &tool.touches {
            self.read(&file, &["tools", operation, "touches"], pointer, name, tool);
        }
        self.once(&file, operation, ["secret", "not_secret"], &tool.secret, &tool.not_secret);
        let results = ["secret_results", "not_secret_results"];
        self.once(&file, operation, results, &tool.secret_results, &tool.not_secret_results);
    }

    /// Demands that no pattern is on both lists.
    fn once(&mut self, file: &str, operation: &str, keys: [&str; 2], secret: &[Pattern], not: &[Pattern]) {
        let [listed, lifted] = keys;
        for pattern in not.iter().filter(|pattern| secret.contains(pattern)) {
            let message = format!("`{pattern}` stands in `{listed}` too, and `{lifted}` lifts names alone");
            self.report.at(file, &["tools", operation, lifted], message);
        }
    }

    /// Demands that a pointer of the bundle reads nothing secret of a tool.
    fn read(&mut self, file: &str, path: &[&str], pointer: &str, name: &ToolName, tool: &Tool) {
        let why = Listed::arguments(tool).why_at(pointer).filter(|why| self.strictness.covers(*why));
        if let Some(why) = why {
            let message = format!("`{pointer}` of `{name}` is secret, by {}", by(why));
            self.report.at_with_help(file, path, message, HELP);
        }
    }

    fn review(&mut self) {
        let data = self.data;
        for amount in &data.head.review.amounts {
            let covered = data.tools.iter().filter(|(name, _)| amount.tool.matches(&name.to_string()));
            for (name, tool) in covered {
                self.read("bundle.toml", &["review", "amounts"], &amount.pointer, name, tool);
            }
        }
    }

    fn limits(&mut self) {
        let limits = &self.data.limits;
        let budgets = limits.budgets.iter().map(|(id, budget)| ("budgets", id, &budget.covers, &budget.amount));
        let impacts = limits.impacts.iter().map(|(id, impact)| ("impacts", id, &impact.covers, &impact.amount));
        for (section, id, covers, amount) in budgets.chain(impacts) {
            let Some(amount) = amount else { continue };
            let covered = self.data.tools.iter().filter(|(name, _)| covers.tool.matches(&name.to_string()));
            for (name, tool) in covered {
                self.read("limits.toml", &[section, id.as_str(), "amount"], amount, name, tool);
            }
        }
    }
}

fn by(why: Why) -> &'static str {
    match why {
        Why::Catalogue => "the catalogue",
        Why::Schema => "its schema",
        Why::Name => "its name",
    }
}

/// Demands that a policy reads nothing secret of the tools that it can apply to.
pub(crate) fn policy(
    policy: &Compiled,
    at: (&str, Option<Place>),
    data: &BundleData,
    actions: &Actions,
    strictness: Strictness,
    report: &mut Report,
) {
    for (name, tool) in &data.tools {
        if !actions.get(name).is_some_and(|action| policy.covers(action)) {
            continue;
        }
        for path in policy.reads.paths().iter().filter(|path| !path.is_empty()) {
            let pointer = types::secret::pointer(path);
            let why = Listed::arguments(tool).why_at(&pointer).filter(|why| strictness.covers(*why));
            let Some(why) = why else { continue };
            let message = format!("`{}` reads `{pointer}` of `{name}`, which is secret by {}", policy.id, by(why));
            report.push(Problem::at(at.0, at.1, message).help(HELP));
        }
    }
}
