//! Receipts that a policy demands of a decision's record before anything comes of it.
//!
//! That the record is durable is waited for always. An obligation may ask for more: a signed checkpoint that covers it,
//! or one that a quorum of witnesses has cosigned.

use std::time::Duration;

use types::Code;
use types::obligation::Receipt;

use crate::actions::Decided;
use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;

/// Is how long a permit waits for its receipt; a permit for a call through the gateway lives for 30 s.
const WAIT: Duration = Duration::from_secs(20);

fn missing(message: &str) -> Refusal {
    Refusal::plain(Code::ReceiptMissing, message)
}

impl Control {
    /// Waits until the record of a permit has the receipt that its obligations demand.
    ///
    /// # Errors
    ///
    /// `receipt-missing` if it does not come in time, or cannot; `state-conflict` if the policy changed meanwhile.
    pub(crate) async fn await_receipt(&self, decided: &Decided) -> Failure<()> {
        let (Some(demanded), Some(index)) = (self.demanded(decided)?, decided.receipt) else { return Ok(()) };
        let covered = async {
            self.hurry.notify_one();
            // Whoever holds the other end is borrowed here, so each wait ends by its condition alone.
            let _ = self.published.subscribe().wait_for(|size| *size > index).await;
            if let (Receipt::Witnessed, Some(witnesses)) = (demanded, &self.witnesses) {
                witnesses.cosigned(index.saturating_add(1)).await;
            }
        };
        if demanded >= Receipt::Witnessed && self.witnesses.is_none() {
            return Err(missing("the policy demands that witnesses have seen the record, and none are configured"));
        }
        tokio::time::timeout(WAIT, covered).await.map_err(|_| {
            missing(match demanded {
                Receipt::Signed => "no signed checkpoint covers the record in time",
                Receipt::Witnessed => "no quorum of witnesses has seen the record in time",
            })
        })
    }

    /// Returns the most that the obligations of a permit demand.
    fn demanded(&self, decided: &Decided) -> Failure<Option<Receipt>> {
        let Some(permit) = &decided.permit else { return Ok(None) };
        let (permit, snapshot) = (permit.get(), self.snapshot());
        if permit.obligations().is_empty() {
            return Ok(None);
        }
        if permit.bundle() != snapshot.bundle.digest() {
            return Err(Refusal::plain(Code::StateConflict, "the policy changed before it was dispatched"));
        }
        let data = snapshot.bundle.data();
        Ok(permit.obligations().iter().filter_map(|id| data.obligations.get(id)?.receipt).max())
    }
}
