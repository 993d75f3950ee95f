//! Which actions a limit covers.

use types::bundle::Scope;
use types::{ActionProposal, Facts, Principal};

use crate::mutant::{self, Mutant};

/// Is what a scope's patterns are held against: the four names of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered<'a> {
    agent: String,
    class: &'a str,
    tool: String,
    environment: Option<&'a str>,
}

impl<'a> Covered<'a> {
    /// Takes the names from proposal and facts; `None` if the class is not known, since then nobody can say.
    ///
    /// An agent is matched by its name, a person by `person:NAME`. The environment is the text `resource.env`.
    pub fn by(proposal: &ActionProposal, facts: &'a Facts) -> Option<Self> {
        let agent = match &proposal.principal {
            Principal::Agent(agent) => agent.to_string(),
            Principal::Person(_) => proposal.principal.subject(),
        };
        let (class, environment) = (facts.text("tool.class")?, facts.text("resource.env"));
        Some(Self { agent, class, tool: proposal.tool.to_string(), environment })
    }

    /// Says whether every pattern of the scope matches; an unknown environment matches every pattern.
    pub fn matches(&self, scope: &Scope) -> bool {
        scope.agent.matches(&self.agent)
            && scope.class.matches(self.class)
            && scope.tool.matches(&self.tool)
            && self.environment.map_or_else(|| unknown_matches(scope), |environment| scope.env.matches(environment))
    }
}

fn unknown_matches(scope: &Scope) -> bool {
    !mutant::on(Mutant::UnknownEnvironmentNotCovered) || scope.env.matches("")
}
