//! A call that awaits people: the client learns where, and waits as long as its protocol lets it.
//!
//! Whatever the client answers here is no vote. People decide elsewhere, with their own credential.

use std::sync::Arc;

use control::door::{CaseEnd, CaseRef, Era, McpDoor};
use serde_json::json;
use types::CaseId;
use types::jsonrpc::{Frame, RpcId};

use super::calls::{APPROVAL_KEY, Prepared};
use super::{Ask, Session};
use crate::fault::{Fault, pending};

/// Is the time between two signs of life to a client, in milliseconds.
const BEAT_MS: i64 = 5_000;

/// Says how a wait on the wire ended, unless in a refusal.
pub(super) enum Waited {
    /// People approved: call again.
    Approved,
    /// The client shall show its user where people decide, and come back.
    Round(Frame),
    /// Nobody has decided yet.
    StillOpen(CaseRef),
}

impl<D: McpDoor> Session<D> {
    /// Waits for people, as the client's era and abilities allow.
    pub(super) async fn hold(self: &Arc<Self>, ask: &Ask, prepared: &Prepared, case: CaseRef) -> Result<Waited, Fault> {
        match (self.era, prepared.shown.as_deref()) {
            (Era::Stateless, Some("accept")) => self.wait(ask, case).await,
            (Era::Stateless, Some(_)) => Ok(Waited::StillOpen(case)),
            (Era::Stateless, None) if may_ask(ask, prepared) => Ok(Waited::Round(round(&ask.id, &case))),
            (Era::Stateless, None) => self.wait(ask, case).await,
            (Era::Stateful, _) if ask.client.elicits_url() => self.wait_showing(ask, case).await,
            (Era::Stateful, _) => self.wait(ask, case).await,
        }
    }

    /// Waits for people; a wait that is dropped before its end withdraws the case.
    async fn wait(&self, ask: &Ask, case: CaseRef) -> Result<Waited, Fault> {
        let mut withdraw = WithdrawCase { door: &self.door, case: Some(case.id) };
        let waited = self.wait_beating(ask, case).await;
        withdraw.case = None;
        waited
    }

    /// Waits for at most the door's limit, with a sign of life at every beat.
    async fn wait_beating(&self, ask: &Ask, case: CaseRef) -> Result<Waited, Fault> {
        let token = ask.token();
        let mut left_ms = self.door.wait_ms_max();
        let mut beat = 0_u32;
        while left_ms > 0 {
            beat += 1;
            if let Some(token) = &token {
                // A client that is gone hears nothing more.
                let _ = ask.out.send(progress(token, beat, &case)).await;
            }
            let slice_ms = left_ms.min(BEAT_MS);
            match self.door.await_case(case.id, slice_ms).await {
                CaseEnd::Approved => return Ok(Waited::Approved),
                CaseEnd::Refused(refusal) => return Err(refusal.into()),
                CaseEnd::StillOpen => left_ms -= slice_ms,
            }
        }
        Ok(Waited::StillOpen(case))
    }

    /// Waits while the client shows its user where people decide; the answer to that changes nothing.
    async fn wait_showing(self: &Arc<Self>, ask: &Ask, case: CaseRef) -> Result<Waited, Fault> {
        let id = self.own_id();
        let Some(_answer) = self.outward.ask(&id) else { return Err(super::session_busy().into()) };
        let params = json!({
            "mode": "url",
            "elicitationId": case.id.to_string(),
            "url": case.url,
            "message": sentence(&case),
        });
        let _ = ask.out.send(Frame::request(&id, "elicitation/create", Some(&params.to_string()))).await;
        let _forget = Forget { session: self, id: &id };
        let ended = self.wait(ask, case.clone()).await;
        let done = json!({ "elicitationId": case.id.to_string() }).to_string();
        let _ = ask.out.send(Frame::notification("notifications/elicitation/complete", Some(&done))).await;
        ended
    }
}

/// Withdraws a case when dropped, unless the wait for it has ended: the client no longer wants the call.
pub(super) struct WithdrawCase<'a, D: McpDoor> {
    /// The door.
    pub(super) door: &'a Arc<D>,
    /// The case; take it out to let it go on.
    pub(super) case: Option<CaseId>,
}

impl<D: McpDoor> Drop for WithdrawCase<'_, D> {
    fn drop(&mut self) {
        let Some(case) = self.case.take() else { return };
        let door = Arc::clone(self.door);
        tokio::spawn(async move { door.withdraw_case(case).await });
    }
}

/// Forgets a question once the wait is over, also when it is withdrawn.
struct Forget<'a, D: McpDoor> {
    session: &'a Arc<Session<D>>,
    id: &'a RpcId,
}

impl<D: McpDoor> Drop for Forget<'_, D> {
    fn drop(&mut self) {
        self.session.outward.forget(self.id);
    }
}

/// Says whether the client can be asked to show a page: it declared so, the method takes answers, and there are none of
/// the server's own round that ours would displace.
fn may_ask(ask: &Ask, prepared: &Prepared) -> bool {
    let takes_answers = matches!(ask.method.as_str(), "tools/call" | "resources/read");
    takes_answers && ask.client.elicits_url() && prepared.call.inputs.is_none()
}

fn round(id: &RpcId, case: &CaseRef) -> Frame {
    let params = json!({ "mode": "url", "url": case.url, "message": sentence(case) });
    let result = json!({
        "resultType": "input_required",
        "inputRequests": { APPROVAL_KEY: { "method": "elicitation/create", "params": params } },
        "_meta": { crate::fault::REFUSAL_KEY: crate::fault::machine(&pending(case.clone())) },
    });
    Frame::result(id, &result.to_string())
}

/// Writes a sign of life. The steps are so small that the server's own progress on the same token still rises.
fn progress(token: &str, beat: u32, case: &CaseRef) -> Frame {
    let message = crate::raw::quote(&format!("waiting for approval: {}", case.url));
    let params = format!(r#"{{"progressToken":{token},"progress":{},"message":{message}}}"#, f64::from(beat) / 1e6);
    Frame::notification("notifications/progress", Some(&params))
}

fn sentence(case: &CaseRef) -> String {
    format!("This action needs approval (case {}). The page shows where it stands.", case.id)
}
