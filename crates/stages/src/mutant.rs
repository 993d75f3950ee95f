//! Planted bugs: one for each rule that must never break, so that the tests prove they would notice.
//!
//! Without the feature `mutants` no bug can be switched on and [`on`] is the constant `false`.

/// Names one planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// A missing fact allows.
    MissingFactAllows,
    /// An expired level counts as if it were in force.
    ExpiredLevelHonoured,
    /// The sequencer does not look at the level's expiry again.
    ExpiryNotCheckedAgain,
    /// The kill switch of the agent is not looked at.
    AgentSwitchIgnored,
    /// An approval of any profile passes for every profile.
    ForeignApprovalAccepted,
    /// What people refused is put to them again.
    RefusalForgotten,
    /// A second round opens a third, and so on.
    RoundsNeverEnd,
    /// People are asked though nobody is on call who may answer.
    UnattendedProfileAsked,
    /// People are asked though none of them has room for another decision, and the bundle denies then.
    SpentProfileAsked,
    /// An open window is taken for closed, and a closed one for open.
    WindowInverted,
    /// An unknown environment is covered by no limit that names one.
    UnknownEnvironmentNotCovered,
    /// A confidence just at the threshold escalates.
    ConfidenceOffByOne,
    /// A budget that would be used up exactly is refused.
    BudgetOffByOne,
    /// A changed tool definition passes.
    ChangedPinIgnored,
    /// A risk score just at the threshold passes.
    RiskOffByOne,
    /// An open circuit is not looked at.
    CircuitIgnored,
    /// A bulk breaker that is full or has stopped the agent is not looked at.
    BulkIgnored,
    /// What is not usual is not looked at.
    UnusualIgnored,
    /// An hour counts as usual while it lasts.
    HourTeachesItself,
    /// What was seen in a single hour counts as usual.
    SeenOnceIsUsual,
    /// A permission given in advance stands for whoever looks at what is not usual.
    PermissionForUnusual,
    /// A circuit that is being tried lets one probe more through than its rule says.
    ProbeTooMany,
    /// An agent's own word that all went well closes a circuit.
    ReportedEndingBelieved,
    /// A failure counts for one millisecond longer than the circuit's rule says.
    CircuitWindowOffByOne,
    /// A permit counts for one millisecond less than the bulk breaker's rule says.
    BulkWindowOffByOne,
    /// A bulk breaker forgets that it has stopped somebody as soon as there is room again.
    BulkNeverHolds,
    /// A permission that has ended stands for people.
    PermissionAfterExpiry,
    /// A permission without a use left stands for people once more.
    PermissionUsesOffByOne,
    /// A permission stands for people who have not approved it.
    PermissionForOthers,
    /// A permission stands for a mandatory review.
    PermissionForReview,
    /// A plan that would do too much is not looked at.
    PlanNotLookedAt,
    /// A tool whose plan nobody has seen runs without.
    UnseenPlanAllowed,
    /// A permission stands for whoever looks at what a plan tells.
    PermissionForPlan,
    /// A permission stands for whom a bulk breaker asks.
    PermissionForBreaker,
    /// A permission or a break-glass stands for whom administration asks.
    AdministrationStoodFor,
    /// One person turns both keys of a break-glass.
    OneTurnsBothKeys,
    /// Two people who both have a part in what an agent does break the glass for it.
    OwnersBreakTheGlass,
    /// A break-glass lifts approvals after its time.
    GlassOutlivesItsTime,
    /// A break-glass lifts a denial.
    GlassLiftsDenials,
    /// A break-glass lifts the escalation of a bulk breaker.
    GlassLiftsBreakers,
    /// A permit lives on after the break-glass under which it was given.
    PermitOutlivesTheGlass,
    /// The second key is turned after its time.
    SecondKeyLate,
    /// Another glass is broken before the last one was reviewed.
    ReviewNotDemanded,
    /// Whoever turned a key reviews it.
    KeyHolderReviews,
}

/// Lists every planted bug in a decision.
#[cfg(feature = "mutants")]
pub const ALL: &[Mutant] = &[
    Mutant::MissingFactAllows,
    Mutant::ExpiredLevelHonoured,
    Mutant::ExpiryNotCheckedAgain,
    Mutant::AgentSwitchIgnored,
    Mutant::ForeignApprovalAccepted,
    Mutant::RefusalForgotten,
    Mutant::RoundsNeverEnd,
    Mutant::UnattendedProfileAsked,
    Mutant::SpentProfileAsked,
    Mutant::WindowInverted,
    Mutant::UnknownEnvironmentNotCovered,
    Mutant::ConfidenceOffByOne,
    Mutant::BudgetOffByOne,
    Mutant::ChangedPinIgnored,
    Mutant::RiskOffByOne,
    Mutant::CircuitIgnored,
    Mutant::BulkIgnored,
    Mutant::PermissionAfterExpiry,
    Mutant::PermissionUsesOffByOne,
    Mutant::PermissionForOthers,
    Mutant::PermissionForReview,
    Mutant::PlanNotLookedAt,
    Mutant::UnseenPlanAllowed,
    Mutant::PermissionForPlan,
    Mutant::PermissionForBreaker,
    Mutant::AdministrationStoodFor,
    Mutant::OneTurnsBothKeys,
    Mutant::OwnersBreakTheGlass,
    Mutant::GlassOutlivesItsTime,
    Mutant::GlassLiftsDenials,
    Mutant::GlassLiftsBreakers,
    Mutant::UnusualIgnored,
    Mutant::PermissionForUnusual,
];

/// Lists the planted bugs in what breakers keep from one action to the next.
#[cfg(feature = "mutants")]
pub const BREAKERS: &[Mutant] = &[
    Mutant::ProbeTooMany,
    Mutant::ReportedEndingBelieved,
    Mutant::CircuitWindowOffByOne,
    Mutant::BulkWindowOffByOne,
    Mutant::BulkNeverHolds,
];

/// Lists the planted bugs in what baselines learn.
#[cfg(feature = "mutants")]
pub const LEARNING: &[Mutant] = &[Mutant::HourTeachesItself, Mutant::SeenOnceIsUsual];

/// Lists the planted bugs that no single decision shows, only the steps that lead to one.
#[cfg(feature = "mutants")]
pub const STEPS: &[Mutant] =
    &[Mutant::OneTurnsBothKeys, Mutant::SecondKeyLate, Mutant::ReviewNotDemanded, Mutant::KeyHolderReviews];

#[cfg(feature = "mutants")]
std::thread_local! {
    static PLANTED: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Switches one planted bug on for the current thread, or all off.
#[cfg(feature = "mutants")]
pub fn plant(mutant: Option<Mutant>) {
    PLANTED.set(mutant);
}

/// Says whether a planted bug is on in the current thread.
#[cfg(feature = "mutants")]
pub(crate) fn on(mutant: Mutant) -> bool {
    PLANTED.get() == Some(mutant)
}

/// Says whether a planted bug is on; in a build without the feature none ever is.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn on(_: Mutant) -> bool {
    false
}
