//! Finding out what an action would do, before anything is decided.

use connectors::mcp::Connection;
use executor::Flight;
use stages::facts;
use types::planning::{Plan, Planning};
use types::reversal::Known;
use types::{ActionProposal, Arguments, ClassId, Code, Restriction, Stage, ToolName};

use super::Link;
use super::states::state_in;
use crate::actions::{ARGUMENTS_BYTES_MAX, Proposed, Way, Wish};
use crate::control::Control;
use crate::door::{Caller, UpstreamLink as _};
use crate::error::Failure;
use crate::gather::prepare;
use crate::snapshot::Snapshot;

/// Is how much of what a server says of its failure is told, in characters.
const WHY_CHARS_MAX: usize = 500;

/// Are the stages whose denial no plan changes: what they deny is not even planned.
const DECIDED_BEFORE: [Stage; 4] = [Stage::Identity, Stage::Policy, Stage::Autonomy, Stage::Integrity];

impl Control {
    /// Decides what an agent is to carry out by itself, over a connection of our own if it is planned.
    ///
    /// - `key`: the agent's own key against doing it twice.
    ///
    /// # Errors
    ///
    /// As [`Control::propose`].
    pub async fn propose_alone(self: &std::sync::Arc<Self>, wish: Wish, key: Option<String>) -> Failure<Proposed> {
        let proposal = self.proposal(wish);
        let link = match (&proposal.principal.agent(), self.planning(&self.snapshot(), &proposal.tool)) {
            (Some(agent), Some(_)) => {
                let on_behalf_of = proposal.on_behalf_of.clone();
                let caller = Caller { agent: (*agent).clone(), on_behalf_of, anonymous: false };
                // A server that cannot be reached plans nothing, and what is not planned is denied.
                crate::door::McpDoor::connect(self, &caller, &proposal.tool.server, None, "{}").await.ok()
            }
            _ => None,
        };
        let handle = link.as_ref().map(|link| link.handle());
        let over = link.as_deref().zip(handle.as_deref());
        let proposed = self.decide(proposal, Way { reported: true, key, over, ..Way::default() }).await;
        if let Some(link) = &link {
            link.close().await;
        }
        proposed
    }

    /// Returns how a tool is planned, if the catalogue says so.
    fn planning(&self, snapshot: &Snapshot, tool: &ToolName) -> Option<Planning> {
        snapshot.bundle.data().tools.get(tool)?.plan.clone()
    }

    /// Finds out what an action would do; `None` if its tool is not planned, or nobody was asked.
    ///
    /// What is denied whatever it would do is not planned: who may not propose it makes no server work.
    pub(crate) async fn foresee(
        &self,
        proposal: &ActionProposal,
        over: Option<(&Link, &Connection)>,
    ) -> Failure<Option<Plan>> {
        let snapshot = self.snapshot();
        let Some(planning) = self.planning(&snapshot, &proposal.tool) else { return Ok(None) };
        let Some((link, connection)) = over else { return Ok(None) };
        let mut recorded = proposal.clone();
        let Some(original) = self.original(proposal)? else { return Ok(None) };
        let hidden = original.redact(&snapshot.bundle, &mut recorded)?;
        let Some(class) = self.may_plan(&snapshot, &recorded) else { return Ok(None) };
        let flight = Flight {
            action: proposal.id,
            tenant: proposal.tenant.clone(),
            agent: proposal.principal.agent().cloned(),
            tool: proposal.tool.clone(),
            class,
            since: self.now(),
        };
        let asked = self.plan_told(&snapshot, (link, connection), proposal, &planning, flight).await;
        let told = asked.and_then(|told| {
            Arguments::parse(&hidden.scrub(&told), ARGUMENTS_BYTES_MAX)
                .map_err(|error| format!("it told no plan: {error}"))
        });
        Ok(Some(match told {
            Ok(told) => planning.plan(told),
            Err(why) => Plan::failed(hidden.scrub(&why).chars().take(WHY_CHARS_MAX).collect()),
        }))
    }

    /// Asks the tool that plans.
    async fn plan_told(
        &self,
        snapshot: &Snapshot,
        (link, connection): (&Link, &Connection),
        proposal: &ActionProposal,
        planning: &Planning,
        flight: Flight,
    ) -> Result<String, String> {
        let tool = ToolName::new(proposal.tool.server.clone(), planning.tool.clone()).map_err(|e| e.to_string())?;
        let known = Known { action: &proposal.id, arguments: proposal.arguments.value(), before: None };
        let arguments = planning.arguments.fill(known).map_err(|error| error.to_string())?;
        let read = self.read_reviewed(snapshot, (link, connection), flight, &tool, &arguments).await;
        // Whoever may ask for the action may hear why nobody can say what it would do.
        let result = read.map_err(|unread| match &unread.told {
            Some(told) => format!("{}: {told}", unread.why),
            None => unread.why,
        })?;
        let recorded = self.redacted_result(&snapshot.bundle, &tool, snapshot.pinned(&tool), &result);
        state_in(&recorded.ok_or("its result could not be redacted")?, &planning.take)
    }

    /// Returns the class of an action that may be planned: nothing denies it already.
    fn may_plan(&self, snapshot: &Snapshot, proposal: &ActionProposal) -> Option<ClassId> {
        let early = prepare(&self.views, snapshot, proposal, self.stated_in(proposal).as_deref()).early;
        let denied = early.findings().iter().any(|finding| {
            finding.restriction == Restriction::Deny
                && DECIDED_BEFORE.contains(&finding.stage)
                && finding.code != Code::PlanUnseen
        });
        let class = early.facts().text("tool.class").and_then(|class| ClassId::new(class).ok())?;
        (!denied && proposal.tool.server.as_str() != facts::ADMIN_SERVER).then_some(class)
    }
}
