//! Facts that proposal and bundle alone decide: computed once more and held against what was recorded.

use policy::{ADMIN_TOOLS, Bundle};
use stages::behaviour::{self, Hours};
use stages::facts;
use stages::limits::Meter;
use types::{ActionProposal, Fact, Facts, Millis};

/// Are the sources of facts that anybody can compute who holds the proposal and the bundle.
const COMPUTED: [&str; 4] = ["bundle", "proposal", "risk", "calendar"];

/// Are the facts for which somebody who knows more may stand in for the proposal and the bundle: the pin a person set
/// by hand, and what the inventory says of a resource.
const REPLACEABLE: [&str; 2] = ["tool.pin", "resource.known"];

/// Says whether a fact follows from proposal and bundle; any other one was told by somebody.
pub fn is_computed(fact: &Fact) -> bool {
    COMPUTED.contains(&fact.source.as_ref())
}

/// Names the recorded facts that are not what proposal and bundle make them, and those that should be there and are not.
///
/// - `now`: the instant of the decision.
pub fn differences(bundle: &Bundle, proposal: &ActionProposal, recorded: &Facts, now: Millis) -> Vec<String> {
    let computed = compute(bundle, proposal, recorded, now);
    let wrong = computed.iter().filter(|fact| !agrees(fact, recorded.get(fact.name.as_str())));
    let invented = recorded.iter().filter(|fact| is_computed(fact) && computed.get(fact.name.as_str()).is_none());
    wrong.chain(invented).map(|fact| fact.name.as_str().to_owned()).collect()
}

fn agrees(computed: &Fact, recorded: Option<&Fact>) -> bool {
    recorded.is_some_and(|recorded| {
        let replaced = !is_computed(recorded) && REPLACEABLE.contains(&recorded.name.as_str());
        replaced || recorded == computed
    })
}

/// Gathers as the gateway does, and keeps what needs nobody's word.
fn compute(bundle: &Bundle, proposal: &ActionProposal, recorded: &Facts, now: Millis) -> Facts {
    let (data, agent) = (bundle.data(), proposal.principal.agent().is_some());
    let mut all = facts::of_proposal(data, proposal, &ADMIN_TOOLS);
    if agent {
        all.extend(facts::of_level(data, proposal, recorded, None, proposal.at));
    }
    all.extend(facts::of_risk(data, recorded, proposal.at).1);
    all.extend(facts::of_time(data, proposal, recorded, now));
    all.extend(Meter::default().peek(data, proposal, recorded, now));
    all.extend(behaviour::peek(data, proposal, recorded, &Hours::new(), now));
    let mut kept = Facts::new();
    for fact in all.iter().filter(|fact| is_computed(fact)) {
        kept.set(fact.name.clone(), fact.value.clone(), fact.source.clone(), fact.at);
    }
    kept
}
