//! Facts about who proposes, for whom, and what they say of themselves.

use types::{AgentId, PersonId, Principal};

use super::{Gathered, list};

/// Is the most a confidence can be, in basis points.
const CERTAIN_BP: u32 = 10_000;

impl Gathered<'_> {
    /// Gathers `agent.*` or `person.*`, and `delegator.*` if the proposal names one.
    pub(super) fn who(&mut self) {
        match &self.proposal.principal {
            Principal::Agent(agent) => self.agent(agent),
            Principal::Person(person) => {
                let known = self.bundle.people.get(person);
                self.by_bundle("person.known", known.is_some());
                if let Some(person) = known {
                    self.by_bundle("person.groups", list(&person.groups));
                }
            }
        }
        if let Some(delegator) = &self.proposal.on_behalf_of {
            self.delegator(delegator);
        }
    }

    fn agent(&mut self, agent: &AgentId) {
        let known = self.bundle.agents.get(agent);
        self.by_bundle("agent.known", known.is_some());
        if let Some(agent) = known {
            self.by_bundle("agent.owner", agent.owner.as_str());
            self.by_bundle("agent.teams", list(&agent.teams));
        }
    }

    /// An agent acts for the people its entry lists, a person for nobody but themself.
    fn delegator(&mut self, delegator: &PersonId) {
        let known = self.bundle.people.get(delegator);
        let allowed = match &self.proposal.principal {
            Principal::Agent(agent) => {
                self.bundle.agents.get(agent).is_some_and(|a| a.on_behalf_of.contains(delegator))
            }
            Principal::Person(person) => person == delegator,
        };
        self.by_bundle("delegator.known", known.is_some());
        self.by_bundle("delegator.allowed", allowed);
        if let Some(person) = known {
            self.by_bundle("delegator.groups", list(&person.groups));
        }
    }

    /// Gathers `claim.*`; a blank text is no claim, and a confidence beyond certainty is worth nothing.
    pub(super) fn claims(&mut self) {
        let claims = &self.proposal.claims;
        let made = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
        self.by_proposal("claim.purpose", made(&claims.purpose));
        self.by_proposal("claim.reasoning", made(&claims.reasoning));
        if let Some(confidence) = claims.confidence_bp {
            let worth = if confidence > CERTAIN_BP { 0 } else { i64::from(confidence) };
            self.by_proposal("claim.confidence_bp", worth);
        }
    }
}
