//! Whether votes are signed where the policy bundle counts signed ones alone.

use std::collections::BTreeSet;

use evidence::claims::Read;
use evidence::signed_votes::{VoteVerdict, verdict};
use evidence::verify::Check;
use evidence::{Field, RecordKind, Standing, bodies};
use stages::escalation;
use types::case::{Ballot, Vote};
use types::{ActionId, Decision, PersonId, ProfileId};

use crate::bundles::Bundles;

/// Checks, for a decision that ran on approvals, that enough people have signed where its bundle demands that; `None` where
/// it does not, or the bundle is not at hand.
///
/// - `log`: the name of the log, where it is known.
pub(crate) fn demanded(record: &Read<'_>, records: &[Read<'_>], bundles: &Bundles, log: Option<&str>) -> Option<Check> {
    let content = &record.shown.as_ref().filter(|_| record.leaf.kind == RecordKind::Decided)?.content;
    let decision = bodies::decision(content)?;
    let needed = needed(&decision, bundles)?;
    let claim = format!("record {}: {needed} people signed what was lifted, as its profile demands", record.index);
    let (signed, unread) = signers(&decision, record.index, records, log);
    let standing = match unread {
        _ if signed.len() >= needed => Standing::Holds,
        Some(standing) => standing,
        None => Standing::Broken,
    };
    let detail = (standing != Standing::Holds).then(|| format!("{} did", signed.len()));
    let reason = (standing != Standing::Holds).then_some("vote-unsigned");
    Some(Check { claim, standing, detail, reason })
}

/// Returns how many people must have signed for the profiles that were met, all of whose steps count signed votes alone.
fn needed(decision: &Decision, bundles: &Bundles) -> Option<usize> {
    let bundle = bundles.get(&decision.bundle).ok()?;
    let met = decision.facts.list("approval.met").unwrap_or_default();
    let of_profile = |name: &String| {
        let id: ProfileId = name.parse().ok()?;
        let steps = escalation::profiles(bundle.data(), &id);
        let fewest = steps.iter().map(|(_, profile)| profile.approvals.max(1)).min()?;
        steps.iter().all(|(_, profile)| profile.signed).then_some(fewest)
    };
    let most = met.iter().filter_map(of_profile).max()?;
    usize::try_from(most).ok()
}

/// Returns who has signed an approval that a decision ran on, and how a vote stands that cannot be read.
fn signers(
    decision: &Decision,
    before: u64,
    records: &[Read<'_>],
    log: Option<&str>,
) -> (BTreeSet<PersonId>, Option<Standing>) {
    let named = decision.facts.list("approval.opened_by").unwrap_or_default();
    let openers: BTreeSet<ActionId> = named.iter().filter_map(|id| id.parse().ok()).collect();
    let is_due = |record: &&Read<'_>| {
        record.leaf.kind == RecordKind::Vote
            && record.index < before
            && record.leaf.status == Some(Ballot::Approve as u8)
            && record.leaf.action.is_some_and(|action| openers.contains(&action))
    };
    let (mut signed, mut unread) = (BTreeSet::new(), None);
    for record in records.iter().filter(is_due) {
        match verdict(record, records, log) {
            Some(VoteVerdict::Yes(by)) => drop(signed.insert(by.person)),
            Some(VoteVerdict::Fails { standing, .. }) if standing != Standing::Broken => unread = Some(standing),
            Some(VoteVerdict::No { .. } | VoteVerdict::Fails { .. }) => {}
            None => unread = record.value::<Vote>(Field::Body).err(),
        }
    }
    (signed, unread)
}
