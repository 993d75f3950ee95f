//! Approvals: how a case moves from open to decided, and how its one ticket is used.
//!
//! Who may vote is read from the bundle each time, so a person who has left a group has left its votes.

use std::collections::BTreeSet;

use types::bundle::{BundleData, Profile};
use types::case::{Ballot, Case, CaseState, Proxy, Vote};
use types::delegation::Delegation;
use types::mutant::{self, Mutant};
use types::{ActionProposal, CaseId, Code, Digest, Millis, PersonId, ProfileId};

use crate::escalation;
use crate::matter::{Matter, Part};
pub use crate::ticket::TicketError;
use crate::turn;

/// Says why a vote does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VoteError {
    /// The case is decided, void, withdrawn or past its time.
    #[error("the case `{case}` is {} already", .state.as_str())]
    Closed {
        /// The case.
        case: CaseId,
        /// Where it stands; a case past its time is expired, whether or not anybody has written that down.
        state: CaseState,
    },
    /// The vote names another case or another text than the one the case shows.
    #[error("the vote is about something else than the case `{0}` shows")]
    ShownMismatch(CaseId),
    /// The person proposed it, is acted for, owns the agent or wrote the bundle.
    #[error("`{0}` may not decide this case: they have a part in it")]
    HasPart(PersonId),
    /// The person is in no group that is still to decide, or is not on call.
    #[error("`{0}` is in no group that is still to decide this case, or is not on call for it")]
    NotAsked(PersonId),
    /// The person has voted on this case.
    #[error("`{0}` has voted on this case already, or somebody has for them")]
    Repeated(PersonId),
    /// A profile that asks the person counts only votes that are signed with a passkey.
    #[error("the case `{0}` is decided with passkeys alone: a key does not sign for its holder")]
    Unsigned(CaseId),
    /// The person has decided as often within an hour as a profile that asks them has room for.
    #[error("`{person}` has decided so often within the last hour that approvals wait; the next one counts from {} on, and a refusal counts now", .until.0)]
    Spent {
        /// The person.
        person: PersonId,
        /// When there is room for an approval again.
        until: Millis,
    },
    /// It approves, and a step that asks the person awaits its reviewers first.
    #[error("the case `{case}` awaits its reviewer first: an approval counts once it has answered, from {} on at the latest; a refusal counts now", .until.0)]
    Awaited {
        /// The case.
        case: CaseId,
        /// When an approval counts at the latest.
        until: Millis,
    },
    /// The owner has not confirmed that they decide alone.
    #[error("`{0}` owns what is decided here and must confirm to decide alone")]
    SoloUnconfirmed(PersonId),
}

impl VoteError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Closed { .. } => Code::CaseClosed,
            Self::ShownMismatch(_) => Code::ShownMismatch,
            Self::HasPart(_) | Self::NotAsked(_) => Code::VoterExcluded,
            Self::Repeated(_) => Code::VoteRepeated,
            Self::Unsigned(_) => Code::VoteUnsigned,
            Self::Spent { .. } => Code::ApprovalsSpent,
            Self::Awaited { .. } => Code::ReviewAwaited,
            Self::SoloUnconfirmed(_) => Code::SoloUnconfirmed,
        }
    }
}

/// Is what a counted vote has led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It counts, and others are still to decide.
    Counted(Case),
    /// It was the last that was needed.
    Approved(Case),
    /// It refuses, and one is enough.
    Denied(Case),
}

impl Step {
    /// Returns the case as it stands after the vote.
    pub fn case(&self) -> &Case {
        match self {
            Self::Counted(case) | Self::Approved(case) | Self::Denied(case) => case,
        }
    }
}

/// Is the answer to an event that closes a case from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and its case is moved out at once")]
pub enum Closing {
    /// It closes the case.
    Closed(Case),
    /// The case is closed already, and stays as it is.
    Already(CaseState),
    /// Its time has not come.
    NotYet,
}

/// Is what a case is opened with besides proposal and profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The identity of the case.
    pub id: CaseId,
    /// The digest of the exact action, see [`ActionProposal::digest`].
    pub action_digest: Digest,
    /// The digest of the bundle that asks for people.
    pub bundle: Digest,
    /// The journal index of the record that opens it.
    pub opened_in: u64,
    /// 1 for a first escalation, 2 for one that appeared when the action was decided again.
    pub round: u32,
    /// A reviewer sent this exact action back a short while ago.
    pub returned: bool,
    /// The profiles that it passes over, see [`crate::approval_budget::passed`].
    pub passed: Option<BTreeSet<ProfileId>>,
    /// When it is opened.
    pub now: Millis,
}

/// Opens a case for the profiles that an escalation names.
///
/// It expires when the first of its profiles' paths ends; a profile the bundle does not have has no time at all.
pub fn open(proposal: &ActionProposal, profiles: BTreeSet<ProfileId>, bundle: &BundleData, opening: Opening) -> Case {
    let matter = Matter::of_proposal(proposal, bundle).passing(opening.passed.as_ref());
    let ends = profiles.iter().map(|id| escalation::end(matter, id, opening.now));
    let expires = ends.min().unwrap_or(opening.now);
    let action_digest = opening.action_digest;
    Case {
        id: opening.id,
        action: proposal.id,
        action_digest,
        requester: proposal.principal.clone(),
        on_behalf_of: proposal.on_behalf_of.clone(),
        tool: proposal.tool.clone(),
        shown: Case::shown_digest(&action_digest, &profiles, &opening.bundle, expires),
        profiles,
        bundle: opening.bundle,
        opened: opening.now,
        expires,
        state: CaseState::Open,
        votes: Vec::new(),
        opened_in: opening.opened_in,
        round: opening.round,
        reviews: Vec::new(),
        returned: opening.returned,
        passed: opening.passed,
    }
}

/// Counts one vote on an open case and returns where the case stands then.
///
/// Pure: the vote's own `at` is the only time it knows, so replaying the recorded votes yields the same [`Step`]s.
/// Whether the assertion of a signed vote holds, the caller MUST have found out before.
/// The requester, the person it is done for, the agent's owner and the bundle's authors do not vote. If the
/// bundle says `solo`, the owner (of the agent, or of their own request) may all the same: an approval after a
/// second confirmation, a refusal at once; the vote is stored with `solo` set, and never otherwise. One vote
/// counts for every profile whose group the person is in, and where a profile names a schedule, only of the person who is on
/// call at the instant of the vote. One refusal closes the case; it is approved once for every
/// profile one step of its path has its number of approvals. Whoever stands on a later step votes from its beginning on.
///
/// - `vote.at`: from `case.expires` on the case is closed, since silence is refusal.
/// - `solo_confirmed`: the person has confirmed a second time that they decide alone.
///
/// # Errors
///
/// In this order: [`VoteError::ShownMismatch`] if the vote names another case or another shown digest;
/// [`VoteError::Closed`] if the case is not open or past its time; [`VoteError::Repeated`] if the person has voted,
/// or the one in whose place they vote, or somebody for one of the two;
/// [`VoteError::HasPart`] if the person is excluded; [`VoteError::NotAsked`] if no step that is asked by then, of a profile still
/// to be met, asks them; [`VoteError::Awaited`] if it approves and one of those profiles awaits its reviewers first;
/// [`VoteError::Unsigned`] if one of those steps counts signed votes alone and this is none; [`VoteError::SoloUnconfirmed`] if they approve their own without confirming. No others.
pub fn vote(case: &Case, vote: Vote, bundle: &BundleData, solo_confirmed: bool) -> Result<Step, VoteError> {
    if vote.case != case.id || vote.shown != case.shown {
        return Err(VoteError::ShownMismatch(case.id));
    }
    let Admission { solo, signed, awaits, .. } = admitted(case, &vote, bundle)?;
    if let Some(until) = awaits.filter(|_| vote.ballot == Ballot::Approve) {
        return Err(VoteError::Awaited { case: case.id, until });
    }
    if signed && vote.signed.is_none() {
        return Err(VoteError::Unsigned(case.id));
    }
    if solo && vote.ballot == Ballot::Approve && !solo_confirmed {
        return Err(VoteError::SoloUnconfirmed(vote.person.clone()));
    }
    Ok(count(case, Vote { solo, ..vote }, bundle))
}

/// Says how a person may vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// They decide their own, and must confirm an approval.
    pub solo: bool,
    /// They must sign it with a passkey.
    pub signed: bool,
    /// An approval counts only while they have decided less often than this within an hour, see [`crate::approval_budget`].
    pub budget: Option<u32>,
    /// An approval counts from here on, or once the reviewers that come first have answered.
    pub awaits: Option<Millis>,
}

/// Says how a person may vote on a case at an instant, be it in another's place.
///
/// - `delegations`: as for [`vote_or_stand_in`].
///
/// # Errors
///
/// As [`vote`], but for [`VoteError::ShownMismatch`], [`VoteError::Unsigned`] and [`VoteError::SoloUnconfirmed`], which rest on the vote
/// itself.
pub fn may_vote<'a>(
    case: &Case,
    person: &PersonId,
    bundle: &BundleData,
    now: Millis,
    delegations: impl Iterator<Item = &'a Delegation>,
) -> Result<Admission, VoteError> {
    let own = Vote {
        case: case.id,
        person: person.clone(),
        ballot: Ballot::Approve,
        reason: String::new(),
        shown: case.shown,
        solo: false,
        at: now,
        proxy: None,
        signed: None,
    };
    match admitted(case, &own, bundle) {
        Err(VoteError::NotAsked(person)) => {
            let others = proxies(&own, delegations).filter_map(|vote| admitted(case, &vote, bundle).ok());
            others.min_by_key(|admission| (admission.awaits, admission.signed)).ok_or(VoteError::NotAsked(person))
        }
        other => other,
    }
}

pub(crate) fn admitted(case: &Case, vote: &Vote, bundle: &BundleData) -> Result<Admission, VoteError> {
    is_open(case, vote.at)?;
    let person = &vote.person;
    let again = |cast: &Vote, who: &PersonId| cast.person == *who && !mutant::on(Mutant::StandInVotesAgain);
    let before = |who: &PersonId| case.votes.iter().any(|cast| again(cast, who) || cast.of() == who);
    if let Some(who) = [person, vote.of()].into_iter().find(|who| before(who))
        && !mutant::on(Mutant::VoteCountedTwice)
    {
        return Err(VoteError::Repeated(who.clone()));
    }
    let matter = Matter::of_case(case, bundle);
    if let Some(who) = excluded(matter, vote) {
        return Err(VoteError::HasPart(who.clone()));
    }
    let (asking, awaits) = turn::asking(case, vote, bundle);
    if asking.is_empty() {
        return Err(VoteError::NotAsked(person.clone()));
    }
    Ok(Admission {
        solo: matter.part(person) == Part::Solo,
        signed: asking.iter().any(|profile| profile.signed),
        budget: asking.iter().filter_map(|profile| profile.decisions_per_hour).min(),
        awaits,
    })
}

/// Counts one vote as [`vote`] does, in the place of somebody who has delegated theirs where the person has no right of their own.
///
/// - `delegations`: those that are kept; one counts if it is to this person and holds at the instant of the vote. Of several the
///   first is taken by which the vote counts.
///
/// # Errors
///
/// As [`vote`], as if there were no delegations, if the vote counts by none of them.
pub fn vote_or_stand_in<'a>(
    case: &Case,
    vote: Vote,
    bundle: &BundleData,
    solo_confirmed: bool,
    delegations: impl Iterator<Item = &'a Delegation>,
) -> Result<Step, VoteError> {
    let own = Vote { proxy: None, ..vote };
    let refused = match self::vote(case, own.clone(), bundle, solo_confirmed) {
        Err(VoteError::NotAsked(person)) => VoteError::NotAsked(person),
        other => return other,
    };
    let mut proxies = proxies(&own, delegations);
    proxies.find_map(|by_proxy| self::vote(case, by_proxy, bundle, solo_confirmed).ok()).ok_or(refused)
}

/// Returns the votes that a vote of a person's own could be in the place of others.
fn proxies<'a>(own: &Vote, delegations: impl Iterator<Item = &'a Delegation>) -> impl Iterator<Item = Vote> {
    let given = delegations.filter(|given| given.to == own.person && given.holds_at(own.at));
    given.map(|given| Vote { proxy: Some(given.proxy()), ..own.clone() })
}

/// Says whether a vote that stands in for somebody was given to who cast it by a delegation that held.
pub fn is_backed<'a>(vote: &Vote, mut delegations: impl Iterator<Item = &'a Delegation>) -> bool {
    let backs = |given: &Delegation, proxy: &Proxy| {
        given.to == vote.person && given.holds_at(vote.at) && given.proxy() == *proxy
    };
    vote.proxy.as_ref().is_none_or(|proxy| delegations.any(|given| backs(given, proxy)))
}

/// Returns the profiles of a case that are met: enough votes for it, by people who may still cast them.
///
/// It looks at the votes alone, whatever the state; whether the case still gives a ticket is for [`consume`] to say.
pub fn met(case: &Case, bundle: &BundleData) -> BTreeSet<ProfileId> {
    let matter = Matter::of_case(case, bundle);
    let has_enough = |step: escalation::Step<'_>| approvals(case, &step, matter) >= needed(step.profile);
    let is_met = |id: &&ProfileId| escalation::path(matter, id, case.opened).into_iter().any(has_enough);
    case.profiles.iter().filter(is_met).cloned().collect()
}

/// Ends a case whose time is over, whether people were still deciding or its ticket was not used.
pub fn expire(case: &Case, now: Millis) -> Closing {
    match case.state {
        CaseState::Open | CaseState::Approved if now < case.expires => Closing::NotYet,
        CaseState::Open | CaseState::Approved => Closing::Closed(Case { state: CaseState::Expired, ..case.clone() }),
        state @ (CaseState::Denied
        | CaseState::Expired
        | CaseState::Void
        | CaseState::Consumed
        | CaseState::Withdrawn
        | CaseState::Returned
        | CaseState::Decoy) => Closing::Already(state),
    }
}

/// Ends a case that nobody wants decided any longer: the call that waited for it was withdrawn.
pub fn withdraw(case: &Case) -> Closing {
    match void(case) {
        Closing::Closed(case) => Closing::Closed(Case { state: CaseState::Withdrawn, ..case }),
        other => other,
    }
}

/// Ends a case whose subject has changed: the tool, the policy or a switch.
pub fn void(case: &Case) -> Closing {
    match case.state {
        CaseState::Open | CaseState::Approved => Closing::Closed(Case { state: CaseState::Void, ..case.clone() }),
        state @ (CaseState::Denied
        | CaseState::Expired
        | CaseState::Void
        | CaseState::Consumed
        | CaseState::Withdrawn
        | CaseState::Returned
        | CaseState::Decoy) => Closing::Already(state),
    }
}

/// Uses the one ticket of an approved case for the exact action it was about.
///
/// # Errors
///
/// [`TicketError::Open`], [`TicketError::Denied`], [`TicketError::Expired`], [`TicketError::Void`],
/// [`TicketError::Consumed`], [`TicketError::Withdrawn`] or [`TicketError::Returned`] as the state says; for an approved case
/// [`TicketError::Expired`] from `case.expires` on, and [`TicketError::Void`] if action or bundle is another. No others.
pub fn consume(case: &Case, action_digest: &Digest, bundle: &Digest, now: Millis) -> Result<Case, TicketError> {
    match case.state {
        CaseState::Open => Err(TicketError::Open),
        CaseState::Denied => Err(TicketError::Denied),
        CaseState::Expired => Err(TicketError::Expired),
        CaseState::Void | CaseState::Decoy => Err(TicketError::Void),
        CaseState::Consumed => Err(TicketError::Consumed),
        CaseState::Withdrawn => Err(TicketError::Withdrawn),
        CaseState::Returned => Err(TicketError::Returned),
        CaseState::Approved if now >= case.expires && !mutant::on(Mutant::ApprovalAfterExpiry) => {
            Err(TicketError::Expired)
        }
        CaseState::Approved
            if (case.action_digest != *action_digest && !mutant::on(Mutant::ApprovalForOtherArguments))
                || (case.bundle != *bundle && !mutant::on(Mutant::ApprovalAfterPolicyChange)) =>
        {
            Err(TicketError::Void)
        }
        CaseState::Approved => Ok(Case { state: CaseState::Consumed, ..case.clone() }),
    }
}

fn is_open(case: &Case, now: Millis) -> Result<(), VoteError> {
    closed_as(case, now).map_or(Ok(()), |state| Err(VoteError::Closed { case: case.id, state }))
}

/// Returns as what a case is closed at an instant; `None` while it is open.
pub(crate) fn closed_as(case: &Case, now: Millis) -> Option<CaseState> {
    match case.state {
        CaseState::Open if now < case.expires => None,
        CaseState::Open => Some(CaseState::Expired),
        closed @ (CaseState::Approved
        | CaseState::Denied
        | CaseState::Expired
        | CaseState::Void
        | CaseState::Consumed
        | CaseState::Withdrawn
        | CaseState::Returned
        | CaseState::Decoy) => Some(closed),
    }
}

fn count(case: &Case, vote: Vote, bundle: &BundleData) -> Step {
    let refuses = vote.ballot == Ballot::Deny;
    let mut case = case.clone();
    case.votes.push(vote);
    if refuses {
        return Step::Denied(Case { state: CaseState::Denied, ..case });
    }
    let all_met = met(&case, bundle) == case.profiles;
    if all_met { Step::Approved(Case { state: CaseState::Approved, ..case }) } else { Step::Counted(case) }
}

pub(crate) fn unmet<'a>(case: &'a Case, bundle: &'a BundleData) -> Vec<escalation::Step<'a>> {
    let (met, matter) = (met(case, bundle), Matter::of_case(case, bundle));
    let unmet = case.profiles.iter().filter(|id| !met.contains(*id));
    unmet.flat_map(|id| escalation::path(matter, id, case.opened)).collect()
}

/// Returns who of a vote may not vote: whoever casts it, or in whose place it is cast. What `solo` lets an owner do they do
/// themself.
fn excluded<'a>(matter: Matter<'_>, vote: &'a Vote) -> Option<&'a PersonId> {
    let is_proxy = vote.proxy.is_some();
    let excluded = |who: &&PersonId| match matter.part(who) {
        Part::None => false,
        Part::Solo => is_proxy,
        Part::Excluded => true,
    };
    [&vote.person, vote.of()].into_iter().find(excluded)
}

/// Says whether a profile asks whose vote it is, and by a delegation to the group it was limited to.
pub(crate) fn asks(matter: Matter<'_>, profile: &Profile, vote: &Vote) -> bool {
    let limit = vote.proxy.as_ref().and_then(|proxy| proxy.group.as_ref());
    let is_known = matter.bundle.people.contains_key(&vote.person) && !matter.bundle.is_auditor(&vote.person);
    let within = limit.is_none_or(|group| profile.group.as_ref() == Some(group));
    is_known && within && matter.is_asked(profile, vote.of(), vote.at)
}

/// Counts the people who approved on a step, none of them before it was asked.
fn approvals(case: &Case, step: &escalation::Step<'_>, matter: Matter<'_>) -> usize {
    let counts = |vote: &&Vote| {
        let real = excluded(matter, vote).is_none() && (matter.part(&vote.person) != Part::Solo || vote.solo);
        let asked = vote.at >= step.from && asks(matter, step.profile, vote);
        let signed = vote.signed.is_some() || !step.profile.signed;
        real && asked && signed && vote.ballot == Ballot::Approve
    };
    let people = case.votes.iter().filter(counts).map(Vote::of);
    if mutant::on(Mutant::VoteCountedTwice) { people.count() } else { people.collect::<BTreeSet<_>>().len() }
}

/// At least one person, whatever a bundle says.
fn needed(profile: &Profile) -> usize {
    usize::try_from(profile.approvals.max(1)).unwrap_or(usize::MAX)
}
