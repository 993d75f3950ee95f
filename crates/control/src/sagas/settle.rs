//! Whether a step whose answer was lost has taken effect.

use std::sync::Arc;
use std::time::Duration;

use types::{ActionId, Code, Millis};

use crate::control::Control;
use crate::door::UpstreamLink as _;
use crate::error::Failure;
use crate::reversals::{changed_nothing, never_left};

/// Is how long after its decision an action counts as one that has not taken effect, in milliseconds: whoever was carrying it out may wait for a lock still.
const SETTLED_MS: i64 = 10_000;

impl Control {
    /// Says whether an action in doubt has taken effect; nothing if its state is not seen by its own id, so that nobody can tell.
    ///
    /// # Errors
    ///
    /// What its server and the journal say.
    pub(super) async fn has_taken_effect(self: &Arc<Self>, action: &ActionId) -> Failure<Option<bool>> {
        let path = self.trace(action)?;
        let decided = path.decision().map_or(Millis(0), |decision| decision.at);
        let rest = SETTLED_MS.saturating_sub(self.now().since(decided)).clamp(0, SETTLED_MS);
        let rest = Duration::from_millis(rest.unsigned_abs());
        let snapshot = self.snapshot();
        let tool = path.proposal.as_ref().and_then(|proposal| snapshot.bundle.data().tools.get(&proposal.tool));
        if !tool.and_then(|tool| tool.undo.as_ref()).is_some_and(|undo| undo.observe.arguments.names_action()) {
            return Ok(None);
        }
        if never_left(&path, &snapshot) {
            return Ok(Some(false));
        }
        if changed_nothing(&path) {
            tokio::time::sleep(rest).await;
            return Ok(Some(false));
        }
        let undoing = match self.undoing(action) {
            Ok(undoing) => undoing,
            Err(refusal) if refusal.code == Code::NotReversible => return Ok(None),
            Err(refusal) => return Err(refusal),
        };
        if undoing.plan.after.is_some() {
            return Ok(Some(true));
        }
        let link = self.link_to_undo(&undoing).await?;
        // What has not taken effect may do so still, so that is not recorded before its time.
        if self.look(&snapshot, &link, &link.handle(), &undoing.watched).await.as_ref() == Ok(&undoing.plan.before) {
            tokio::time::sleep(rest).await;
        }
        let stands = self.still_stands(&link, &undoing).await;
        link.close().await;
        match stands {
            Ok(()) => Ok(Some(true)),
            Err(refusal) if refusal.code == Code::NotReversible => Ok(Some(false)),
            Err(refusal) => Err(refusal),
        }
    }
}
