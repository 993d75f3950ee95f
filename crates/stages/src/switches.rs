//! Kill switches: of the tenant, of an agent, of a tool, of an action class.

use types::bundle::BundleData;
use types::{ActionProposal, Code, Facts, Finding, Principal, Stage};

use crate::mutant::{self, Mutant};
use crate::said::Said;

/// Is the administration tool that lifts a switch, and so the one tool a switch does not hold back.
pub const CLEAR: &str = "countersign.switch.clear";

/// Judges the four switches that may cover an action.
///
/// Reads `switch.tenant`, `switch.agent`, `switch.tool` and `switch.class`. The action that lifts a switch,
/// [`CLEAR`], is held back by none of the last three, and by the switch of the tenant only when an agent
/// proposes it: a person must be able to end every stop. It needs policy, level and people all the same.
pub fn check(_: &BundleData, proposal: &ActionProposal, facts: &Facts) -> Vec<Finding> {
    let mut said = Said::by(Stage::Switches, facts);
    for (name, of) in COVERED {
        let set = said.bool(name).unwrap_or_default();
        if set && !lifts(proposal, of) && !(of == "agent" && mutant::on(Mutant::AgentSwitchIgnored)) {
            said.deny(Code::Killed, format!("the kill switch of the {of} is set"), name);
        }
    }
    said.or_allow(Code::SwitchesClear, "no kill switch covers it", "switches")
}

const COVERED: [(&str, &str); 4] =
    [("switch.tenant", "tenant"), ("switch.agent", "agent"), ("switch.tool", "tool"), ("switch.class", "action class")];

fn lifts(proposal: &ActionProposal, of: &str) -> bool {
    let by_person = matches!(proposal.principal, Principal::Person(_));
    proposal.tool.to_string() == CLEAR && (of != "tenant" || by_person)
}
