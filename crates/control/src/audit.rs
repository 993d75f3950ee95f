//! Answering an auditor: the evidence of the decisions that they drew, and of no others.

use evidence::archive::{Archive, Custody};
use ledger::History;
use replay::audit::Request;
use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;
use types::Code;

use crate::door::Refusal;
use crate::error::Failure;
use crate::export::{Order, Wanted, when_published};

/// Makes the evidence that a request asks for, with the policy bundles that decided.
///
/// # Errors
///
/// `evidence-broken` if the request was drawn from another log than this one; otherwise as [`when_published`].
pub async fn answer(history: &History, key: &VerifierKey, request: &Request, custody: Custody) -> Failure<Archive> {
    is_ours(history, key, request)?;
    let wanted = Wanted::Actions(request.actions().collect());
    when_published(history, key, &Order { wanted, with_policy: true, custody }).await
}

/// Demands that a request was drawn from this log: its checkpoint is ours, and so is each record it names.
fn is_ours(history: &History, key: &VerifierKey, request: &Request) -> Failure<()> {
    let foreign =
        |why: String| Refusal::plain(Code::EvidenceBroken, format!("the request is not about this log: {why}"));
    Checkpoint::open(request.checkpoint.as_bytes(), key).map_err(|e| foreign(e.to_string()))?;
    for pick in &request.picks {
        let entry = history.record(pick.index)?;
        let ours = entry.map(|entry| (evidence::Leaf::hash_of(&entry.bytes), entry.leaf.action));
        if ours != Some((pick.leaf, pick.action)) {
            return Err(foreign(format!("record {} is another one here", pick.index)));
        }
    }
    Ok(())
}
