//! The decider under test, asked in the words of the reference.

use countersign_stages::decision::{self, Finished, Late, PERMIT_MS, PolicyAnswer};
use spec::{Mode, Rung};
use types::bundle::BundleData;
use types::decision::Risk;
use types::{ActionProposal, CaseId, Code, Digest, Facts, Finding, Millis, Principal, Restriction, Stage};

/// Decides one action, with a case at hand whose approvals the facts list.
pub fn decide(
    proposal: &ActionProposal,
    facts: &Facts,
    bundle: &BundleData,
    permits: &dyn Fn(&Principal, Mode) -> Rung,
) -> Finished {
    let answer = PolicyAnswer { findings: policy(proposal, permits), ..PolicyAnswer::default() };
    let early = decision::pre(bundle, proposal, facts.clone(), Risk::default(), answer);
    let case = Some(CaseId::draw(Millis(0), [7; 10]));
    let late = Late { facts: Facts::new(), bundle: Digest([9; 32]), case, permit_ms: PERMIT_MS };
    decision::finish(bundle, proposal, early, late)
}

/// Says what a policy engine finds that climbs the ladder for the principal and for the delegator.
pub fn policy(proposal: &ActionProposal, permits: &dyn Fn(&Principal, Mode) -> Rung) -> Vec<Finding> {
    let delegator = proposal.on_behalf_of.clone().map(Principal::Person);
    let askers = std::iter::once(proposal.principal.clone()).chain(delegator);
    askers.flat_map(|asker| climb(&|mode| permits(&asker, mode))).collect()
}

fn climb(permits: &dyn Fn(Mode) -> Rung) -> Vec<Finding> {
    let said = |restriction, code| vec![Finding::new(Stage::Policy, restriction, code, "", "policy")];
    for mode in [Mode::Autonomous, Mode::Monitored, Mode::Approved] {
        match (mode, permits(mode)) {
            (_, Rung::Error) => return said(Restriction::Deny, Code::PolicyError),
            (_, Rung::No) => {}
            (Mode::Autonomous, Rung::Yes(_)) => return said(Restriction::Allow, Code::PolicyPermits),
            (Mode::Monitored, Rung::Yes(_)) => return said(Restriction::AllowObserved, Code::PolicyObserves),
            (Mode::Approved, Rung::Yes(people)) if people.is_empty() => {
                return said(Restriction::Deny, Code::PolicyError);
            }
            (Mode::Approved, Rung::Yes(people)) => {
                return people
                    .into_iter()
                    .flat_map(|p| said(Restriction::Escalate(p), Code::PolicyEscalates))
                    .collect();
            }
        }
    }
    said(Restriction::Deny, Code::PolicyDenies)
}
