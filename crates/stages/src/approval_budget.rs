//! Approval budgets: how many decisions a person may make in an hour before their approvals wait.
//!
//! A person who is asked too often stops looking. A profile with a budget counts no more approvals of somebody who has decided so
//! often within the last hour; the case waits, or another person answers, and in the end silence is refusal. A refusal never waits.

use types::Millis;
use types::bundle::BundleData;
use types::case::{Ballot, Case, Vote};

use crate::approval::{VoteError, admitted};

/// Is the time within which a person's decisions count against their budget, in milliseconds: one hour, which slides.
pub const WINDOW_MS: i64 = 3_600_000;

/// Refuses an approval by somebody whose budget is spent.
///
/// - `case`: as it stands before the vote, which MUST count on it otherwise.
/// - `recent`: when the person has cast votes, for and against, on any case, in order of time.
///
/// # Errors
///
/// [`VoteError::Spent`] if the vote is an approval and, of the budgets of the profiles that ask for it, the smallest is spent at
/// its instant. No others.
pub fn admit(
    case: &Case,
    vote: &Vote,
    bundle: &BundleData,
    recent: impl Iterator<Item = Millis>,
) -> Result<(), VoteError> {
    let until = match vote.ballot {
        Ballot::Approve => {
            admitted(case, vote, bundle).ok().and_then(|admission| room_from(admission.budget?, vote.at, recent))
        }
        Ballot::Deny => None,
    };
    until.map_or(Ok(()), |until| Err(VoteError::Spent { person: vote.person.clone(), until }))
}

/// Returns the instant from which there is room for one more decision; `None` if there is now.
///
/// - `budget`: how many decisions there is room for in [`WINDOW_MS`]; 0 counts as 1.
/// - `recent`: when the person has voted, in order of time.
pub fn room_from(budget: u32, now: Millis, recent: impl Iterator<Item = Millis>) -> Option<Millis> {
    let within: Vec<Millis> = recent.filter(|at| at.plus(WINDOW_MS) > now).collect();
    let over = within.len().checked_sub(usize::try_from(budget.max(1)).unwrap_or(usize::MAX))?;
    within.get(over).map(|oldest| oldest.plus(WINDOW_MS))
}
