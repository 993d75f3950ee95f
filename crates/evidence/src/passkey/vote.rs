//! Whether a vote is what its person signed: this person, this key, this ballot.

use types::case::{SignedBallot, Vote};

use super::assertion::{Assertion, Sight, verify_assertion};
use super::error::PasskeyError;
use super::paper::{BallotPaper, PaperError};
use super::record::Passkey;
use super::registration::Attested;
use super::site::{Origins, Site};

/// Says why a vote is not signed by the person it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VoteError {
    /// Nothing is signed.
    #[error("the vote is not signed")]
    Unsigned,
    /// The ballot cannot be read.
    #[error("the ballot cannot be read: {0}")]
    Paper(#[from] PaperError),
    /// The ballot says something else than the vote; the text names what.
    #[error("the ballot that was signed is about another {0}")]
    Other(&'static str),
    /// The ballot's time was over.
    #[error("the ballot was cast after its time")]
    Late,
    /// The passkey is another person's, or another passkey.
    #[error("the passkey is not the one of the person who voted")]
    OtherKey,
    /// The enrolment of the passkey does not hold.
    #[error("the passkey's enrolment: {0}")]
    Enrolment(PasskeyError),
    /// The assertion does not hold.
    #[error("the assertion: {0}")]
    Assertion(PasskeyError),
}

/// Is a vote that its person has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What they signed.
    pub paper: BallotPaper,
    /// What the authenticator tells besides.
    pub sight: Sight,
    /// What it told when it was enrolled.
    pub attested: Attested,
}

/// Demands that a vote is one that the person has signed with a passkey, and that the ballot says what the vote says.
///
/// What the ballot says of the action is for whoever knows the action to hold against it; so is whether the passkey was
/// enrolled and not revoked when the vote was recorded.
///
/// # Errors
///
/// [`VoteError`], as described there, in that order.
pub fn check(vote: &Vote, passkey: &Passkey, origins: Origins<'_>) -> Result<Checked, VoteError> {
    let signed = vote.signed.as_ref().ok_or(VoteError::Unsigned)?;
    let paper = BallotPaper::from_bytes(&signed.ballot)?;
    agrees(&paper, vote)?;
    if vote.at >= paper.until {
        return Err(VoteError::Late);
    }
    if passkey.id != signed.passkey || passkey.person != vote.person {
        return Err(VoteError::OtherKey);
    }
    let attested = passkey.attested().map_err(VoteError::Enrolment)?;
    let enrolment = passkey.enrolment.as_ref().ok_or(VoteError::Enrolment(PasskeyError::Credential))?;
    let site = Site { rp_id: &enrolment.rp_id, origins };
    let key = (&attested.credential.key, attested.flags.backup_eligible());
    let sight = verify_assertion(&assertion(signed), &paper.challenge(), &site, key).map_err(VoteError::Assertion)?;
    Ok(Checked { paper, sight, attested })
}

fn assertion(signed: &SignedBallot) -> Assertion<'_> {
    Assertion {
        client_data: &signed.client_data,
        authenticator_data: &signed.authenticator_data,
        signature: &signed.signature,
    }
}

/// Holds a ballot against the vote that it is said to be.
fn agrees(paper: &BallotPaper, vote: &Vote) -> Result<(), VoteError> {
    let parts = [
        ("case", paper.case == vote.case),
        ("person", paper.person == vote.person),
        ("vote", paper.vote == vote.ballot),
        ("reason", paper.reason == vote.reason),
        ("action, profiles, bundle or expiry", paper.shown() == vote.shown),
        ("confirmation to decide alone", paper.solo || !vote.solo || vote.ballot == types::case::Ballot::Deny),
    ];
    match parts.into_iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(VoteError::Other(what)),
        None => Ok(()),
    }
}
