//! Which actions a limit covers.

use types::bundle::Scope;
use types::glob::Glob;
use types::{ActionProposal, Facts, Principal, ToolName};

use crate::mutant::{self, Mutant};

/// Is what a scope's patterns are held against: agent, class, tool and environment of one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covered<'a> {
    principal: &'a Principal,
    class: &'a str,
    tool: &'a ToolName,
    environment: Option<&'a str>,
}

impl<'a> Covered<'a> {
    /// Takes the names from proposal and facts; `None` if the class is not known, since then nobody can say.
    ///
    /// An agent is matched by its name, a person by `person:NAME`. The environment is the text `resource.env`.
    pub fn by(proposal: &'a ActionProposal, facts: &'a Facts) -> Option<Self> {
        let (class, environment) = (facts.text("tool.class")?, facts.text("resource.env"));
        Some(Self { principal: &proposal.principal, class, tool: &proposal.tool, environment })
    }

    /// Names an action class, a tool and an environment for a principal.
    pub fn of(principal: &'a Principal, class: &'a str, tool: &'a ToolName, environment: Option<&'a str>) -> Self {
        Self { principal, class, tool, environment }
    }

    /// Says whether every pattern of the scope matches; an unknown environment matches every pattern.
    pub fn matches(&self, scope: &Scope) -> bool {
        self.principal_matches(&scope.agent)
            && scope.class.matches(self.class)
            && (scope.tool.is_any() || scope.tool.matches(&self.tool.to_string()))
            && self.environment.map_or_else(|| unknown_matches(scope), |environment| scope.env.matches(environment))
    }

    fn principal_matches(&self, pattern: &Glob) -> bool {
        pattern.is_any()
            || match self.principal {
                Principal::Agent(agent) => pattern.matches(agent.as_str()),
                Principal::Person(_) => pattern.matches(&self.principal.subject()),
            }
    }
}

fn unknown_matches(scope: &Scope) -> bool {
    !mutant::on(Mutant::UnknownEnvironmentNotCovered) || scope.env.matches("")
}
