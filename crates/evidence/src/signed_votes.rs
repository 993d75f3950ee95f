//! Who signed the votes of a bundle: this person, with this key, for this exact action, or nobody but a bearer key.

use serde::Serialize;
use types::case::Vote;
use types::{ActionProposal, Decision, Millis, PasskeyId, PersonId, Verdict};

use crate::bodies;
use crate::claims::{Read, openers};
use crate::content::Field;
use crate::leaf::RecordKind;
use crate::passkey::{self, BallotPaper, Checked, ENROLLED, Origins, Passkey, REVOKED};
use crate::verify::{Check, Standing, check};

/// Says who stands behind a recorded vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "signed", rename_all = "snake_case")]
pub enum VoteVerdict {
    /// The person has signed it.
    Yes(Box<SignedBy>),
    /// A bearer key alone stands for the person.
    No {
        /// The person.
        person: PersonId,
    },
    /// It is said to be signed, and that does not hold or cannot be told.
    Fails {
        /// How it stands.
        standing: Standing,
        /// The stable word for why.
        reason: &'static str,
        /// Why, for people.
        why: String,
    },
}

/// Is with what a vote was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedBy {
    /// Who voted.
    pub person: PersonId,
    /// Their passkey.
    pub passkey: PasskeyId,
    /// Who had invited them to enrol it.
    pub invited_by: String,
    /// The record of its enrolment.
    pub enrolled_in: u64,
    /// When it was enrolled.
    pub enrolled: Millis,
    /// The algorithm of its key.
    pub algorithm: &'static str,
    /// The origin of the page on which they signed.
    pub origin: String,
    /// How often the authenticator had signed, as it says itself.
    pub sign_count: u32,
    /// The key is copied to other devices, as the authenticator says.
    pub backed_up: bool,
    /// The bundle shows the action, and it is the one that was signed.
    pub is_compared: bool,
    /// The record by which it was revoked later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_in: Option<u64>,
}

impl VoteVerdict {
    fn fails(standing: Standing, reason: &'static str, why: impl Into<String>) -> Self {
        let reason = match standing {
            Standing::Withheld => "withheld",
            Standing::Erased => "erased",
            Standing::Holds | Standing::Broken | Standing::Missing => reason,
        };
        Self::Fails { standing, reason, why: why.into() }
    }

    fn broken(reason: &'static str, why: impl Into<String>) -> Self {
        Self::fails(Standing::Broken, reason, why)
    }
}

/// Judges every vote of a bundle.
///
/// - `log`: the name of the log, once its checkpoint could be opened.
pub(crate) fn checks(log: Option<&str>, records: &[Read<'_>]) -> Vec<Check> {
    let votes = records.iter().filter(|record| record.leaf.kind == RecordKind::Vote);
    votes.filter_map(|record| told(record, verdict(record, records, log)?)).collect()
}

fn told(record: &Read<'_>, verdict: VoteVerdict) -> Option<Check> {
    let index = record.index;
    Some(match verdict {
        VoteVerdict::Yes(by) => {
            let on = if by.is_compared { " on this exact action" } else { "; the action it is on is not here" };
            let (person, passkey, enrolled) = (&by.person, by.passkey, by.enrolled_in);
            let claim = format!(
                "record {index}: person:{person} signed this vote with {passkey}, enrolled in record {enrolled}{on}"
            );
            check(claim, Standing::Holds, by.revoked_in.map(|record| format!("revoked later, in record {record}")))
        }
        VoteVerdict::No { .. } => return None,
        VoteVerdict::Fails { standing, reason, why } => {
            let claim = format!("record {index}: the person who voted signed this vote on this exact action");
            check(claim, standing, Some(why)).because(reason)
        }
    })
}

/// Says who stands behind the vote of a record; `None` if the record does not show its vote.
///
/// - `records`: the records of the bundle, that of the vote among them.
/// - `log`: the name of the log, where it is known.
pub fn verdict(record: &Read<'_>, records: &[Read<'_>], log: Option<&str>) -> Option<VoteVerdict> {
    let vote: Vote = record.value(Field::Body).ok()?;
    let Some(signed) = &vote.signed else { return Some(VoteVerdict::No { person: vote.person }) };
    let (enrolled_in, passkey) = match enrolment(record.index, &signed.passkey, records) {
        Ok(found) => found,
        Err(verdict) => return Some(verdict),
    };
    let checked = match passkey::check(&vote, &passkey, Origins::OfRelyingParty) {
        Ok(checked) => checked,
        Err(error) => return Some(VoteVerdict::broken(reason(&error), error.to_string())),
    };
    let is_compared = match held(&checked.paper, record, records, log) {
        Ok(is_compared) => is_compared,
        Err(what) => {
            let why = format!("the ballot that was signed is about another {what}");
            return Some(VoteVerdict::broken("vote-ballot-mismatch", why));
        }
    };
    let revoked = revocation(&signed.passkey, records);
    if let Some(at) = revoked.filter(|at| *at < record.index) {
        return Some(VoteVerdict::broken("vote-key-revoked", format!("the passkey was revoked in record {at}")));
    }
    let by = signed_by(&vote, &passkey, checked, enrolled_in);
    Some(VoteVerdict::Yes(Box::new(SignedBy { is_compared, revoked_in: revoked, ..by })))
}

fn signed_by(vote: &Vote, passkey: &Passkey, checked: Checked, enrolled_in: u64) -> SignedBy {
    SignedBy {
        person: vote.person.clone(),
        passkey: passkey.id,
        invited_by: passkey.by.to_string(),
        enrolled_in,
        enrolled: passkey.enrolment.as_ref().map(|enrolment| enrolment.at).unwrap_or_default(),
        algorithm: checked.attested.credential.key.algorithm().as_str(),
        origin: checked.sight.origin,
        sign_count: checked.sight.sign_count,
        backed_up: checked.sight.flags.backed_up(),
        is_compared: false,
        revoked_in: None,
    }
}

fn reason(error: &passkey::VoteError) -> &'static str {
    match error {
        passkey::VoteError::Unsigned => "vote-unsigned",
        passkey::VoteError::Paper(_) | passkey::VoteError::Other(_) | passkey::VoteError::Late => {
            "vote-ballot-mismatch"
        }
        passkey::VoteError::OtherKey | passkey::VoteError::Enrolment(_) => "vote-key-unknown",
        passkey::VoteError::Assertion(_) => "vote-signature-invalid",
    }
}

/// Says whether a record is one of a passkey, in a state.
fn reports(record: &Read<'_>, state: u8) -> bool {
    record.leaf.kind == RecordKind::Key && record.leaf.status == Some(state)
}

/// Finds the passkey as it was enrolled in front of a record, and in which record that was.
fn enrolment(before: u64, id: &PasskeyId, records: &[Read<'_>]) -> Result<(u64, Passkey), VoteVerdict> {
    let mut unread = None;
    let mut late = false;
    for record in records.iter().filter(|record| reports(record, ENROLLED)) {
        match record.value::<Passkey>(Field::Body) {
            Ok(passkey) if passkey.id == *id && record.index < before => return Ok((record.index, passkey)),
            Ok(passkey) => late |= passkey.id == *id,
            Err(standing) => unread = Some(standing),
        }
    }
    let why = format!("{id} was not enrolled in front of the vote");
    Err(match unread {
        _ if late => VoteVerdict::broken("vote-key-unknown", why),
        Some(standing) => VoteVerdict::fails(standing, "vote-key-unknown", "an enrolment shows no values"),
        None => VoteVerdict::fails(Standing::Missing, "vote-key-missing", format!("the enrolment of {id} is not here")),
    })
}

/// Finds the first record by which a passkey was revoked.
fn revocation(id: &PasskeyId, records: &[Read<'_>]) -> Option<u64> {
    let revoked = records.iter().filter(|record| reports(record, REVOKED));
    let own = revoked.filter(|record| record.value::<Passkey>(Field::Body).is_ok_and(|passkey| passkey.id == *id));
    own.map(|record| record.index).min()
}

/// Holds a ballot against the records: the log, the leaf of the vote, the decision that asked for it, and each decision that
/// ran on it. Says whether one of those is here.
///
/// # Errors
///
/// What the ballot says otherwise.
fn held(paper: &BallotPaper, vote: &Read<'_>, records: &[Read<'_>], log: Option<&str>) -> Result<bool, &'static str> {
    let parts = [
        ("log", log.is_none_or(|log| stem(log) == stem(&paper.origin))),
        ("action", vote.leaf.action == Some(paper.action)),
        ("bundle", vote.leaf.bundle.is_none_or(|bundle| bundle == paper.bundle)),
        ("vote", vote.leaf.status == Some(paper.vote as u8)),
    ];
    same(parts)?;
    let decided = records.iter().filter(|record| record.leaf.kind == RecordKind::Decided);
    let told: Vec<_> = decided.filter_map(|record| Some((record.index, decision(record)?))).collect();
    // A case that a new bundle has voided was put to people again, under the same action and another number.
    let asked: Vec<_> = told.iter().filter(|(index, told)| *index < vote.index && asks(paper, told)).collect();
    if !asked.is_empty() && !asked.iter().any(|(_, (_, decision))| opened(paper, decision)) {
        return Err("case, bundle or profile");
    }
    let ran: Vec<_> = told.iter().filter(|(index, (_, told))| *index > vote.index && ran_on(paper, told)).collect();
    for (_, (proposal, _)) in asked.iter().chain(&ran) {
        differs(paper, proposal)?;
    }
    Ok(!asked.is_empty() || !ran.is_empty())
}

/// Names the first part that is not the same.
fn same<const N: usize>(parts: [(&'static str, bool); N]) -> Result<(), &'static str> {
    parts.into_iter().find(|(_, same)| !same).map_or(Ok(()), |(what, _)| Err(what))
}

fn asks(paper: &BallotPaper, (proposal, decision): &(ActionProposal, Decision)) -> bool {
    proposal.id == paper.action && matches!(decision.verdict, Verdict::Escalate(_))
}

fn decision(record: &Read<'_>) -> Option<(ActionProposal, Decision)> {
    let content = &record.shown.as_ref()?.content;
    Some((bodies::proposal(content)?, bodies::decision(content)?))
}

fn opened(paper: &BallotPaper, decision: &Decision) -> bool {
    let profiles = matches!(&decision.verdict, Verdict::Escalate(profiles) if *profiles == paper.profiles);
    profiles && decision.case == Some(paper.case) && decision.bundle == paper.bundle
}

fn ran_on(paper: &BallotPaper, decision: &Decision) -> bool {
    let named = openers(&decision.facts).is_some_and(|openers| openers.contains(&paper.action));
    named && decision.bundle == paper.bundle
}

/// Holds a ballot against a proposal: the digest commits to all of it, and the rest is what people read.
fn differs(paper: &BallotPaper, proposal: &ActionProposal) -> Result<(), &'static str> {
    same([
        ("action", paper.action_digest == proposal.digest()),
        ("tenant", paper.tenant == proposal.tenant),
        ("tool", paper.tool == proposal.tool),
        ("tool definition", paper.definition == proposal.definition),
    ])
}

/// Returns a log's name without the number that a later epoch or a later log has.
fn stem(origin: &str) -> &str {
    match origin.rsplit_once('/') {
        Some((stem, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => stem,
        _ => origin,
    }
}
