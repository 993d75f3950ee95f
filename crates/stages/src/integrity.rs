//! Tool integrity: what is called is what was reviewed.

use types::bundle::BundleData;
use types::text::escape;
use types::{ActionProposal, Channel, Code, Facts, Finding, Stage};

use crate::mutant::{self, Mutant};
use crate::said::Said;

/// Judges the tool's definition against the one the catalogue pins, and demands a plan where the catalogue has one for it.
///
/// Reads `plan.seen` of a tool with a plan, `tool.quarantined` and `tool.pin`: `match`, `changed`, `unpinned` (listed, but never reviewed) or `unseen`
/// (nobody has listed it). An agent that executes by itself over the HTTP contract has no server that lists
/// definitions, so there, and only for a tool the catalogue pins no definition of, `unseen` is all one can have.
pub fn check(bundle: &BundleData, proposal: &ActionProposal, facts: &Facts) -> Vec<Finding> {
    let mut said = Said::by(Stage::Integrity, facts);
    let tool = &proposal.tool;
    if said.bool("tool.quarantined") == Some(true) {
        said.deny(Code::ToolChanged, format!("`{tool}` is quarantined until a person reviews it"), "tool.quarantined");
    }
    match said.text("tool.pin") {
        None | Some("match") => {}
        Some("changed") if mutant::on(Mutant::ChangedPinIgnored) => {}
        Some("changed") => {
            said.deny(Code::ToolChanged, format!("`{tool}` is not defined as it was when reviewed"), "tool.pin")
        }
        Some("unseen") if has_no_definition(bundle, proposal) => {}
        Some(_) => said.deny(Code::ToolUnpinned, format!("nobody has reviewed the definition of `{tool}`"), "tool.pin"),
    }
    let has_plan = bundle.tools.get(tool).is_some_and(|tool| tool.plan.is_some());
    if has_plan && said.bool("plan.seen") == Some(false) && !mutant::on(Mutant::UnseenPlanAllowed) {
        let why = proposal.plan.as_ref().and_then(|plan| plan.failed.as_deref()).unwrap_or("nobody was asked");
        let detail = format!("what `{tool}` would do is not known: {}", escape(why, false));
        said.deny(Code::PlanUnseen, detail, "plan.seen");
    }
    said.or_allow(Code::ToolPinned, format!("`{tool}` is as the catalogue has it"), "tool.pin")
}

fn has_no_definition(bundle: &BundleData, proposal: &ActionProposal) -> bool {
    let unpinned = bundle.tools.get(&proposal.tool).is_some_and(|tool| tool.definition.is_none());
    proposal.channel == Channel::Http && unpinned
}
