//! Identity and scope: who proposes, for whom, with which tool, on what.

use types::bundle::BundleData;
use types::{ActionProposal, Code, Facts, Finding, Principal, Stage};

use crate::said::Said;

/// Judges principal, delegator, tool, plan and resource; anything unknown is denied.
///
/// Reads `agent.known` or `person.known`; `delegator.known` and `delegator.allowed` when the proposal names
/// one; `tool.known`; `session.plan` when the session has one; `resource.mapped`, and for a mapped resource
/// `resource.known`, `resource.age_ms` and `resource.age_ms_max`. A source that never ages, such as a file of the
/// bundle, gives an age of 0.
pub fn check(_: &BundleData, proposal: &ActionProposal, facts: &Facts) -> Vec<Finding> {
    let mut said = Said::by(Stage::Identity, facts);
    principal(&mut said, proposal);
    delegator(&mut said, proposal);
    tool(&mut said, proposal);
    resource(&mut said);
    said.or_allow(
        Code::IdentityKnown,
        format!("`{}` is known and in scope", proposal.principal),
        proposal.principal.subject(),
    )
}

fn principal(said: &mut Said<'_>, proposal: &ActionProposal) {
    let (name, code) = match proposal.principal {
        Principal::Agent(_) => ("agent.known", Code::AgentUnknown),
        Principal::Person(_) => ("person.known", Code::PersonUnknown),
    };
    if said.bool(name) == Some(false) {
        said.deny(code, format!("`{}` is not in the bundle", proposal.principal), name);
    }
}

fn delegator(said: &mut Said<'_>, proposal: &ActionProposal) {
    let Some(person) = &proposal.on_behalf_of else { return };
    if said.bool("delegator.known") == Some(false) {
        said.deny(Code::PersonUnknown, format!("`person:{person}` is not in the bundle"), "delegator.known");
    }
    if said.bool("delegator.allowed") == Some(false) {
        let detail = format!("`{}` may not act for `person:{person}`", proposal.principal);
        said.deny(Code::DelegatorRefused, detail, "delegator.allowed");
    }
}

fn tool(said: &mut Said<'_>, proposal: &ActionProposal) {
    let tool = proposal.tool.to_string();
    if said.bool("tool.known") == Some(false) {
        said.deny(Code::ToolUnknown, format!("`{tool}` is not in the catalogue"), "tool.known");
    }
    if said.has("session.plan") && said.list("session.plan").is_some_and(|plan| !plan.contains(&tool)) {
        said.deny(Code::OutsidePlan, format!("the session's plan does not name `{tool}`"), "session.plan");
    }
}

fn resource(said: &mut Said<'_>) {
    if said.bool("resource.mapped") != Some(true) {
        return;
    }
    match said.bool("resource.known") {
        Some(true) => age(said),
        Some(false) => {
            said.deny(Code::ResourceUnknown, "the arguments name nothing the inventory knows", "resource.known")
        }
        None => {}
    }
}

fn age(said: &mut Said<'_>) {
    let (Some(age), Some(age_max)) = (said.int("resource.age_ms"), said.int("resource.age_ms_max")) else { return };
    if age > age_max {
        let detail = format!("what the inventory says is {age} ms old, at most {age_max} ms are accepted");
        said.deny(Code::FactStale, detail, "resource.age_ms");
    }
}
