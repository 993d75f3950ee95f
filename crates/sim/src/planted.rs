//! The planted bugs: the 22 that must be noticed, each with its number, and by what each is noticed.
//!
//! A bug counts as noticed only by its sign: a run that is wrong for another reason shows nothing about it.

use store::mutant::Mutant as Durability;
use types::mutant::Mutant as Road;

/// Is a switch of a planted bug, named after the simulation that notices it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// The road from proposal to outcome.
    Road(Road),
    /// The loss of power under ledger and store.
    PowerLoss(Durability),
}

impl Switch {
    /// Returns what the bug must be noticed by: parts of what is told, one of which is enough.
    pub fn signs(self) -> &'static [&'static str] {
        match self {
            Self::Road(planted) => on_the_road(planted),
            Self::PowerLoss(planted) => at_a_loss_of_power(planted),
        }
    }
}

/// Are the 22 bugs that must be noticed: the number of each, what it is, and its switch.
pub const ISSUE: [(u8, &str, Switch); 22] = [
    (1, "no sync before an acknowledgement", Switch::PowerLoss(Durability::NoSync)),
    (2, "no sync of a folder", Switch::PowerLoss(Durability::NoFolderSync)),
    (3, "dispatch before the record", Switch::Road(Road::DispatchBeforeRecord)),
    (4, "a kill checked before the sequencer only", Switch::Road(Road::KillCheckedEarly)),
    (5, "an approval consumed twice", Switch::Road(Road::ApprovalKept)),
    (6, "an approval honoured after its end", Switch::Road(Road::ApprovalAfterExpiry)),
    (7, "an approval honoured after a change of policy", Switch::Road(Road::ApprovalAfterPolicyChange)),
    (8, "an approval honoured for changed arguments", Switch::Road(Road::ApprovalForOtherArguments)),
    (9, "a retry with a fresh key", Switch::Road(Road::FreshKeyPerAttempt)),
    (10, "a retry of what is unsafe", Switch::Road(Road::UnsafeRetried)),
    (11, "an outcome recorded before it is known", Switch::Road(Road::OutcomeBeforeAnswer)),
    (12, "a limit checked and reserved in two steps", Switch::Road(Road::BudgetChargedLate)),
    (13, "a budget not returned on failure", Switch::Road(Road::BudgetKept)),
    (14, "a tool's hash checked at listing only", Switch::Road(Road::DefinitionCheckedAtListing)),
    (15, "the requester may vote", Switch::Road(Road::RequesterVotes)),
    (16, "one vote counted twice", Switch::Road(Road::VoteCountedTwice)),
    (17, "a denial on error turned to allow", Switch::Road(Road::ErrorAllows)),
    (18, "the snapshot's epoch ignored", Switch::Road(Road::EpochIgnored)),
    (19, "the head's compare-and-set dropped", Switch::PowerLoss(Durability::HeadNotCompared)),
    (20, "a recovery that trusts the tail", Switch::PowerLoss(Durability::TailNotSettled)),
    (21, "a salt reused", Switch::Road(Road::SaltReused)),
    (22, "a permit that outlives a kill", Switch::Road(Road::PermitOutlivesKill)),
];

/// Returns the number of a bug among the 22, if it is one of them.
pub fn number(switch: Switch) -> Option<u8> {
    ISSUE.iter().find(|(_, _, planted)| *planted == switch).map(|(number, ..)| *number)
}

fn on_the_road(planted: Road) -> &'static [&'static str] {
    match planted {
        Road::DispatchBeforeRecord => &["it left before a permit was durable"],
        Road::KillCheckedEarly => &["after the kill of", "under the kill switch"],
        Road::ApprovalKept => &["they were used before"],
        Road::ApprovalAfterExpiry => &["they have expired"],
        Road::ApprovalAfterPolicyChange => &["the policy has changed since"],
        Road::ApprovalForOtherArguments => &["about something else"],
        Road::FreshKeyPerAttempt => &["it left with the key"],
        Road::UnsafeRetried => &["it left 2 times", "it left 3 times"],
        Road::OutcomeBeforeAnswer => &["it left after its outcome was recorded"],
        Road::BudgetChargedLate | Road::BudgetKept => &["of the budget"],
        Road::DefinitionCheckedAtListing => &["is not defined as it was reviewed"],
        Road::RequesterVotes => &["voted and has a part in it"],
        Road::VoteCountedTwice => &["voted twice"],
        Road::ErrorAllows => &["its amount cannot be read"],
        Road::EpochIgnored => {
            &["at that moment", "ran alone", "not the active one", "is not what the records before make it"]
        }
        Road::SaltReused => &["its commitments were seen before"],
        Road::PermitOutlivesKill => &["is alive after a kill"],
        Road::CounterNotStored => &["the stored rate `"],
        Road::RecordTakenTwice => &["the stored rate `", "the stored session `"],
        // The network shows the first three, and races the others.
        Road::ResetTakenForRefusal
        | Road::WithdrawalIgnored
        | Road::TimeWaits
        | Road::GateLooksFirst
        | Road::ShownBeforeSync
        | Road::WaiterLooksFirst
        | Road::AnsweredBeforeSync
        | Road::DelegationKept
        | Road::DelegationOutlivesEnd
        | Road::StandInVotesAgain
        | Road::StandInLookedUpEarly
        | Road::VoteTimedEarly
        | Road::RevocationCheckedEarly
        | Road::BallotMarkedLate => &[],
    }
}

fn at_a_loss_of_power(planted: Durability) -> &'static [&'static str] {
    match planted {
        Durability::NoSync => &["is lost or changed", "are lost", "the state ends at command"],
        Durability::NoFolderSync => {
            &["is lost or changed", "are lost", "that a checkpoint covers", "the signed checkpoint"]
        }
        Durability::HeadNotCompared => &["was acknowledged by a journal that had stopped, by another writer"],
        Durability::TailNotSettled => &["is lost or changed", "are lost", "but its head file has seen"],
        Durability::RecordsNotCompared => &["was edited: it is believed"],
        Durability::MarkedBeforeSync => &["a start was refused: the journal ends at"],
        Durability::MarkIgnored => &["it is believed, though it changes its end"],
        Durability::CommitsNotCompared => &["it is believed, though it changes its end, its state;"],
        Durability::SumsNotCompared => &["it is believed, though it changes its state"],
    }
}
