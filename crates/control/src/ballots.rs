//! Ballots: drawn for one person and one vote, signed with their passkey, cast once.

use std::collections::BTreeMap;
use std::sync::PoisonError;

pub use evidence::passkey::BallotPaper;
use evidence::passkey::{self, ClientData, Passkey, PasskeyError, VoteError};
use stages::approval::{self, Step};
use stages::approval_budget;
use types::case::{Ballot, Case, CaseState, SignedBallot, Vote};
use types::mutant::{self, Mutant};
use types::{CaseId, Code, Digest, Millis, PersonId};

use crate::approvals::CaseView;
use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, invalid, not_found};
use crate::machine::Command;

/// Is how long a ballot can be cast, in milliseconds.
pub const BALLOT_MS: i64 = 300_000;

/// Is how many ballots one person may have out; the oldest gives way to one more.
const OUT_MAX: usize = 64;

/// Is the longest reason on a ballot, in bytes.
const REASON_BYTES_MAX: usize = 4_096;

/// Is a ballot that a browser is to have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BallotDrawn {
    /// What the person is shown.
    pub paper: BallotPaper,
    /// The challenge that commits to it.
    pub challenge: Digest,
    /// The relying-party id.
    pub rp_id: String,
    /// The ids of the person's credentials.
    pub credentials: Vec<Vec<u8>>,
    /// How long there is to sign it, in milliseconds.
    pub timeout_ms: i64,
}

/// Is what a browser hands over of an assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionAnswer {
    /// The credential's id.
    pub id: Vec<u8>,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `authenticatorData`.
    pub authenticator_data: Vec<u8>,
    /// `signature`.
    pub signature: Vec<u8>,
}

/// Keeps the ballots that are out, by challenge; those that were used stay for as long as they could come again.
#[derive(Debug, Default)]
pub(crate) struct Ballots(BTreeMap<Digest, Out>);

#[derive(Debug)]
struct Out {
    paper: BallotPaper,
    used: bool,
}

impl Ballots {
    fn draw(&mut self, paper: &BallotPaper, now: Millis) {
        self.0.retain(|_, out| now < out.paper.until.plus(BALLOT_MS));
        let own = self.0.iter().filter(|(_, out)| out.paper.person == paper.person);
        let mut own: Vec<(Millis, Digest)> = own.map(|(challenge, out)| (out.paper.until, *challenge)).collect();
        own.sort();
        for (_, challenge) in own.iter().take((own.len() + 1).saturating_sub(OUT_MAX)) {
            self.0.remove(challenge);
        }
        self.0.insert(paper.challenge(), Out { paper: paper.clone(), used: false });
    }

    /// Marks a ballot as used: the planted bug of doing so too late.
    fn mark(&mut self, challenge: &Digest) {
        if let Some(out) = self.0.get_mut(challenge) {
            out.used = true;
        }
    }

    /// Takes a ballot to be cast by a person, whatever comes of it: it is worth nothing a second time.
    fn take(&mut self, challenge: &Digest, person: &PersonId, now: Millis) -> Failure<BallotPaper> {
        let refused = |code, why: &str| Err(Refusal::plain(code, why));
        match self.0.get_mut(challenge) {
            None => refused(Code::BallotUnknown, "no ballot that was drawn here has this challenge; ask for one"),
            Some(out) if out.paper.person != *person => {
                refused(Code::PasskeyForeign, "the ballot was drawn for another person")
            }
            Some(out) if out.used => refused(Code::BallotUsed, "the ballot was used before; ask for another one"),
            Some(out) => {
                out.used = !mutant::on(Mutant::BallotMarkedLate);
                if now >= out.paper.until {
                    return refused(Code::BallotExpired, "the ballot's time is over; ask for another one");
                }
                Ok(out.paper.clone())
            }
        }
    }
}

impl Control {
    /// Draws a ballot: everything that a vote on a case commits to, with the challenge that a passkey signs.
    ///
    /// - `confirmed`: the person has confirmed a second time that they decide alone.
    ///
    /// # Errors
    ///
    /// `request-invalid` without a reason or with one beyond 4,096 bytes; `not-found` if there is no such case, or its
    /// content was erased; `passkey-unknown` if the person has no passkey; otherwise as [`Control::vote_signed`] would refuse the vote.
    pub fn draw_ballot(
        &self,
        person: &PersonId,
        case: &CaseId,
        vote: Ballot,
        reason: &str,
        confirmed: bool,
    ) -> Failure<BallotDrawn> {
        if reason.trim().is_empty() || reason.len() > REASON_BYTES_MAX {
            return Err(invalid(format!("a vote needs a reason, of {REASON_BYTES_MAX} bytes at most")));
        }
        self.may_change(person)?;
        let view = self.case(case)?;
        if view.case.state != CaseState::Open {
            return Err(self.why_closed(&view.case));
        }
        let own = self.passkeys()?.into_iter().filter(|passkey| passkey.person == *person && passkey.is_live());
        let own: Vec<Passkey> = own.collect();
        let none = || {
            let says = format!(
                "`person:{person}` has no passkey; another person invites: `countersign passkey invite {person}`"
            );
            Refusal::plain(Code::PasskeyUnknown, says)
        };
        let first = own.first().ok_or_else(none)?;
        let paper = self.paper(&view, person, vote, reason, confirmed)?;
        self.would_count(&view.case, &paper, first)?;
        self.ballots.lock().unwrap_or_else(PoisonError::into_inner).draw(&paper, self.now());
        Ok(BallotDrawn {
            challenge: paper.challenge(),
            timeout_ms: paper.until.since(self.now()),
            paper,
            rp_id: self.config.passkeys.rp_id().to_owned(),
            credentials: own.into_iter().filter_map(|passkey| Some(passkey.enrolment?.credential)).collect(),
        })
    }

    fn paper(
        &self,
        view: &CaseView,
        person: &PersonId,
        vote: Ballot,
        reason: &str,
        confirmed: bool,
    ) -> Failure<BallotPaper> {
        let case = &view.case;
        let proposal = view.proposal.as_ref().ok_or_else(|| not_found(format!("content of case {}", case.id)))?;
        let nonce: [u8; 32] = self.draw();
        Ok(BallotPaper {
            version: BallotPaper::VERSION,
            origin: self.config.place.keys.log.verifier().name().to_owned(),
            tenant: proposal.tenant.clone(),
            case: case.id,
            action: case.action,
            action_digest: case.action_digest,
            tool: case.tool.clone(),
            definition: proposal.definition,
            bundle: case.bundle,
            profiles: case.profiles.clone(),
            expires: case.expires,
            person: person.clone(),
            vote,
            reason: reason.to_owned(),
            solo: confirmed,
            until: self.now().plus(BALLOT_MS).min(case.expires),
            nonce: nonce.to_vec(),
        })
    }

    /// Refuses at once what could not count, before anybody is asked to sign it.
    fn would_count(&self, case: &Case, paper: &BallotPaper, passkey: &Passkey) -> Failure<()> {
        let signed = SignedBallot {
            passkey: passkey.id,
            ballot: paper.to_bytes(),
            client_data: Vec::new(),
            authenticator_data: Vec::new(),
            signature: Vec::new(),
        };
        let vote = cast(paper, self.now(), signed);
        let snapshot = self.snapshot();
        let delegations = snapshot.delegations.values();
        let counted = approval::vote_or_stand_in(case, vote, snapshot.bundle.data(), paper.solo, delegations);
        let has_room = |step: Step| {
            let votes = step.case().votes.last();
            let recent = self.views.recent_votes(&paper.person).into_iter();
            votes.map_or(Ok(()), |vote| approval_budget::admit(case, vote, snapshot.bundle.data(), recent))
        };
        counted.and_then(has_room).map_err(|error| Refusal::plain(error.code(), error.to_string()))
    }

    /// Counts a vote that the person has signed with a passkey.
    ///
    /// # Errors
    ///
    /// `ballot-unknown`, `ballot-used`, `ballot-expired` or `ballot-void` for a ballot that was not drawn here, was used, has
    /// ended, or was drawn under another bundle; `passkey-unknown`, `passkey-foreign` or `passkey-revoked` for the passkey;
    /// `assertion-foreign` for one of another site, and `assertion-invalid` for one that does not hold; `shown-mismatch` on
    /// another case; `killed` where a switch was set since; otherwise as for [`Control::vote`].
    pub async fn vote_signed(&self, person: &PersonId, case: CaseId, answer: AssertionAnswer) -> Failure<Case> {
        self.may_change(person)?;
        let shown = self.case(&case)?.case;
        let refused = |error: &PasskeyError| Refusal::plain(Code::AssertionInvalid, error.to_string());
        let client = ClientData::parse(&answer.client_data).map_err(|error| refused(&error))?;
        // Nothing is given out that is not 32 bytes long, so any other challenge is none of ours.
        let challenge = client.challenge().unwrap_or_default();
        let now = self.now();
        let paper = self.ballots.lock().unwrap_or_else(PoisonError::into_inner).take(&challenge, person, now)?;
        if paper.case != case {
            let says = format!("the ballot that was signed is about {}, not about {case}", paper.case);
            return Err(Refusal::plain(Code::ShownMismatch, says));
        }
        let passkey = self.signing(person, &answer.id)?;
        let signed = SignedBallot {
            passkey: passkey.id,
            ballot: paper.to_bytes(),
            client_data: answer.client_data,
            authenticator_data: answer.authenticator_data,
            signature: answer.signature,
        };
        let vote = cast(&paper, now, signed);
        passkey::check(&vote, &passkey, self.config.passkeys.site().origins).map_err(|error| unsigned(&error))?;
        if shown.state != CaseState::Open {
            return Err(self.why_closed(&shown));
        }
        let asked = self.ask(Command::Vote { vote, solo_confirmed: paper.solo }).await;
        if mutant::on(Mutant::BallotMarkedLate) {
            self.ballots.lock().unwrap_or_else(PoisonError::into_inner).mark(&challenge);
        }
        match (asked, self.board.get(&case)) {
            (Ok(_), Some(case)) => {
                self.answer_request(&case).await;
                Ok(case)
            }
            (Ok(_), None) => Err(not_found(format!("case {case}"))),
            (Err(refusal), Some(case)) if refusal.code == Code::CaseClosed => Err(self.why_closed(&case)),
            (Err(refusal), _) => Err(refusal),
        }
    }

    /// Finds the passkey that a credential is, if it is this person's and was not revoked.
    fn signing(&self, person: &PersonId, credential: &[u8]) -> Failure<Passkey> {
        let is_it = |passkey: &Passkey| passkey.enrolment.as_ref().is_some_and(|own| own.credential == credential);
        let refused = |code, why: &str| Err(Refusal::plain(code, why));
        match self.passkeys()?.into_iter().find(is_it) {
            None => refused(Code::PasskeyUnknown, "no passkey with this credential is enrolled"),
            Some(passkey) if passkey.person != *person => {
                refused(Code::PasskeyForeign, "the passkey is another person's")
            }
            Some(passkey) if passkey.revoked.is_some() => refused(Code::PasskeyRevoked, "the passkey was revoked"),
            Some(passkey) => Ok(passkey),
        }
    }

    /// Says why a case is not open any more, as exactly as somebody must know who was about to sign.
    fn why_closed(&self, case: &Case) -> Refusal {
        let snapshot = self.snapshot();
        if case.state == CaseState::Void && snapshot.bundle.digest() != case.bundle {
            let says = format!("a policy bundle was activated since, so the case `{}` is void", case.id);
            return Refusal::plain(Code::BallotVoid, says);
        }
        let class = snapshot.class_of(&case.tool);
        let switches = self.switches.read().unwrap_or_else(PoisonError::into_inner);
        let covers = |switch: &crate::state::Switch| {
            let (agent, tool) = (case.requester.agent(), Some(&case.tool));
            switch.target.covers(&self.config.tenant, agent, tool, class.as_ref())
        };
        if case.state == CaseState::Void && switches.values().any(covers) {
            let says = format!("a kill switch was set since, so the case `{}` is void", case.id);
            return Refusal::plain(Code::Killed, says);
        }
        let says = format!("the case `{}` is {} already", case.id, case.state.as_str());
        Refusal::plain(Code::CaseClosed, says)
    }
}

/// Makes the vote that a ballot is.
fn cast(paper: &BallotPaper, at: Millis, signed: SignedBallot) -> Vote {
    Vote {
        case: paper.case,
        person: paper.person.clone(),
        ballot: paper.vote,
        reason: paper.reason.clone(),
        shown: paper.shown(),
        solo: false,
        at,
        proxy: None,
        signed: Some(signed),
    }
}

fn unsigned(error: &VoteError) -> Refusal {
    let code = match error {
        VoteError::Assertion(why) if why.is_foreign() => Code::AssertionForeign,
        VoteError::Late => Code::BallotExpired,
        VoteError::Unsigned
        | VoteError::Paper(_)
        | VoteError::Other(_)
        | VoteError::OtherKey
        | VoteError::Enrolment(_)
        | VoteError::Assertion(_) => Code::AssertionInvalid,
    };
    Refusal::plain(code, error.to_string())
}
