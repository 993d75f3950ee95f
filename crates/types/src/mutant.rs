//! Planted bugs of the road: one for each rule of safety, so that the simulation proves it would notice.
//!
//! Without the feature `mutants`, which no binary that is shipped turns on, [`on`] is the constant `false` and no bug is in
//! the program. With it one bug at a time is switched on for the whole process.

/// Names one planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mutant {
    /// The request leaves before the decision is durable.
    DispatchBeforeRecord = 3,
    /// Kill switches are looked at before the sequencer only.
    KillCheckedEarly = 4,
    /// An approval stays after it was used.
    ApprovalKept = 5,
    /// An approval passes after its time.
    ApprovalAfterExpiry = 6,
    /// An approval passes after the policy has changed.
    ApprovalAfterPolicyChange = 7,
    /// An approval passes for other arguments.
    ApprovalForOtherArguments = 8,
    /// Each attempt has an idempotency key of its own.
    FreshKeyPerAttempt = 9,
    /// What nobody may repeat is sent again.
    UnsafeRetried = 10,
    /// The outcome is recorded before it is known.
    OutcomeBeforeAnswer = 11,
    /// A budget is looked at when an action is decided and charged when it ends.
    BudgetChargedLate = 12,
    /// A budget is not given back for what was never sent.
    BudgetKept = 13,
    /// A tool's definition is compared when it is listed only.
    DefinitionCheckedAtListing = 14,
    /// Whoever has a part in a case may vote on it.
    RequesterVotes = 15,
    /// Each vote counts, though one person cast two.
    VoteCountedTwice = 16,
    /// What cannot be read is allowed.
    ErrorAllows = 17,
    /// A proposal counts though the snapshot has moved on.
    EpochIgnored = 18,
    /// All records have the same salts.
    SaltReused = 21,
    /// A permit that was handed out lives on after a kill.
    PermitOutlivesKill = 22,
    /// What was used of rates and budgets changes in memory and is not stored.
    CounterNotStored = 23,
    /// A record changes what is kept twice.
    RecordTakenTwice = 24,
    /// A connection that broke off counts as one that never came about.
    ResetTakenForRefusal = 25,
    /// A call goes on though its client has withdrawn it.
    WithdrawalIgnored = 26,
    /// The journal's time waits until a wall clock that was set back has caught up.
    TimeWaits = 27,
    /// The gate looks at its switches, and lists the flight under another lock.
    GateLooksFirst = 28,
    /// What a batch changes is shown before it is durable.
    ShownBeforeSync = 29,
    /// Whoever waits for a case looks at it, and asks for changes only then.
    WaiterLooksFirst = 30,
    /// A batch is answered before it is durable.
    AnsweredBeforeSync = 31,
    /// A delegation stays after it was taken back.
    DelegationKept = 32,
    /// A delegation holds after its end.
    DelegationOutlivesEnd = 33,
    /// Whoever has voted in one person's place may vote in another's too.
    StandInVotesAgain = 34,
    /// In whose place somebody votes is looked up before the sequencer.
    StandInLookedUpEarly = 35,
    /// A vote has the time at which its person asked, not that of its record.
    VoteTimedEarly = 36,
    /// Whether a passkey was revoked is looked at before the sequencer only.
    RevocationCheckedEarly = 37,
    /// A ballot is looked at first, and marked as used once its vote is counted.
    BallotMarkedLate = 38,
}

/// Lists the planted bugs that no order of commands shows, only one of the threads' steps.
#[cfg(feature = "mutants")]
pub const RACES: &[Mutant] = &[
    Mutant::GateLooksFirst,
    Mutant::ShownBeforeSync,
    Mutant::WaiterLooksFirst,
    Mutant::AnsweredBeforeSync,
    Mutant::StandInLookedUpEarly,
    Mutant::VoteTimedEarly,
    Mutant::RevocationCheckedEarly,
    Mutant::BallotMarkedLate,
];

/// Lists the planted bugs of votes that stand in for others.
#[cfg(feature = "mutants")]
pub const STAND_INS: &[Mutant] = &[Mutant::DelegationKept, Mutant::DelegationOutlivesEnd, Mutant::StandInVotesAgain];

/// Lists every planted bug that a run without a network must notice.
#[cfg(feature = "mutants")]
pub const ALL: &[Mutant] = &[
    Mutant::DispatchBeforeRecord,
    Mutant::KillCheckedEarly,
    Mutant::ApprovalKept,
    Mutant::ApprovalAfterExpiry,
    Mutant::ApprovalAfterPolicyChange,
    Mutant::ApprovalForOtherArguments,
    Mutant::FreshKeyPerAttempt,
    Mutant::UnsafeRetried,
    Mutant::OutcomeBeforeAnswer,
    Mutant::BudgetChargedLate,
    Mutant::BudgetKept,
    Mutant::DefinitionCheckedAtListing,
    Mutant::RequesterVotes,
    Mutant::VoteCountedTwice,
    Mutant::ErrorAllows,
    Mutant::EpochIgnored,
    Mutant::SaltReused,
    Mutant::PermitOutlivesKill,
    Mutant::CounterNotStored,
    Mutant::RecordTakenTwice,
];

/// Lists the planted bugs that a network on which something goes wrong must show.
#[cfg(feature = "mutants")]
pub const NETWORK: &[Mutant] = &[
    Mutant::DispatchBeforeRecord,
    Mutant::ApprovalKept,
    Mutant::FreshKeyPerAttempt,
    Mutant::UnsafeRetried,
    Mutant::OutcomeBeforeAnswer,
    Mutant::ResetTakenForRefusal,
    Mutant::WithdrawalIgnored,
    Mutant::TimeWaits,
];

#[cfg(feature = "mutants")]
static PLANTED: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);

#[cfg(feature = "mutants")]
static LEFT_TO_OTHERS: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// Switches one planted bug on for the whole process, or all off. As long as one is on no invariant is asserted, so that
/// whoever is to notice the bug does so alone.
#[cfg(feature = "mutants")]
pub fn plant(mutant: Option<Mutant>) {
    LEFT_TO_OTHERS.store(mutant.is_some(), std::sync::atomic::Ordering::SeqCst);
    PLANTED.store(mutant.map_or(0, |mutant| mutant as u8), std::sync::atomic::Ordering::SeqCst);
}

/// Switches one planted bug on for the whole process; invariants are asserted, as they are in every other build.
#[cfg(feature = "mutants")]
pub fn plant_asserted(mutant: Mutant) {
    plant(Some(mutant));
    LEFT_TO_OTHERS.store(false, std::sync::atomic::Ordering::SeqCst);
}

/// Says whether a planted bug is on that is to be noticed by something else than an invariant.
#[cfg(feature = "mutants")]
pub fn is_left_to_others() -> bool {
    LEFT_TO_OTHERS.load(std::sync::atomic::Ordering::Relaxed)
}

/// Says whether invariants are not asserted; in a build without the feature they always are.
#[cfg(not(feature = "mutants"))]
pub const fn is_left_to_others() -> bool {
    false
}

/// Says whether a planted bug is on.
#[cfg(feature = "mutants")]
pub fn on(mutant: Mutant) -> bool {
    PLANTED.load(std::sync::atomic::Ordering::SeqCst) == mutant as u8
}

/// Says whether a planted bug is on; in a build without the feature none ever is.
#[cfg(not(feature = "mutants"))]
pub const fn on(_: Mutant) -> bool {
    false
}
