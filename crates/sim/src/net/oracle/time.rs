//! Authority ends by the time that truly passed, whatever the wall clock says.

use std::collections::BTreeMap;

use types::{ActionProposal, CaseId, Restriction, Verdict};

use crate::net::oracle::Run;
use crate::road::journal::decided;
use crate::road::rules;

/// Is how much later than its end an approval may be used: steps, the time between a record and its being seen, and what the
/// journal's time may lag behind.
const SLACK_MS: i64 = 2_000 + rules::CASE_MS / 100;

fn exact(proposal: &ActionProposal) -> String {
    let (principal, behalf) = (&proposal.principal, &proposal.on_behalf_of);
    format!("{principal:?} {behalf:?} {} {}", proposal.tool, proposal.arguments.canonical())
}

/// Judges when approvals were used. How long the gateway was down it cannot know where the wall clock was
/// set back meanwhile, so that time is allowed for.
pub fn judge(run: &Run, wrong: &mut Vec<String>) {
    let mut opened: BTreeMap<String, BTreeMap<CaseId, i64>> = BTreeMap::new();
    for entry in &run.entries {
        let at = run.at(entry.index);
        if at == i64::MAX {
            break;
        }
        let Some((proposal, decision)) = decided(entry) else { continue };
        let exact = exact(&proposal);
        match decision.verdict {
            // Who joins a case later makes it last no longer.
            Verdict::Escalate(_) => {
                if let Some(case) = decision.case {
                    opened.entry(exact).or_default().entry(case).or_insert(at);
                }
            }
            Verdict::Allow | Verdict::AllowObserved => {
                let escalates = decision.findings.iter().any(|f| matches!(f.restriction, Restriction::Escalate(_)));
                let since = opened.remove(&exact).unwrap_or_default();
                let lasting = since.values().map(|since| at - since).min();
                if escalates && lasting.is_none_or(|ms| ms > rules::CASE_MS + SLACK_MS + run.down_ms) {
                    wrong.push(format!(
                        "record {}: an approval was used {lasting:?} ms after it was asked for",
                        entry.index
                    ));
                }
            }
            Verdict::Deny => {}
        }
    }
}
