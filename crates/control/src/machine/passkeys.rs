//! Passkeys: invited, enrolled, revoked, and what a signed vote must still find as its ballot shows it.

use evidence::passkey::{BallotPaper, ENROLLED, INVITED, Passkey, REVOKED};
use evidence::{Content, Field, RecordKind};
use ledger::Turn;
use replay::fold::Event;
use types::case::{Case, Vote};
use types::mutant::{self, Mutant};
use types::{Code, Millis, PasskeyId, Principal};

use super::{Decider, Reply};

impl Decider {
    pub(super) fn invite(&mut self, passkey: Passkey, reason: &str, turn: &mut Turn<'_>) -> Reply {
        // Its time runs from when it is recorded, however long people took to approve it.
        let life = passkey.until.since(passkey.at);
        let passkey = Passkey { at: turn.now, until: turn.now.plus(life), ..passkey };
        let by = passkey.by.clone();
        self.tell_passkey(passkey, (INVITED, &by, reason), turn);
        Reply::done()
    }

    pub(super) fn enrol(&mut self, passkey: Passkey, by: &Principal, reason: &str, turn: &mut Turn<'_>) -> Reply {
        let known = self.books.passkeys().get(&passkey.id);
        let invited = known.filter(|known| is_invitation(known, turn.now) && known.person == passkey.person);
        let (Some(invited), Some(mut enrolment)) = (invited.cloned(), passkey.enrolment) else {
            return Reply::refused(Code::InvitationInvalid, "the invitation has ended or was used");
        };
        let mut others = self.books.passkeys().values().filter_map(|other| other.enrolment.as_ref());
        if others.any(|other| other.credential == enrolment.credential) {
            return Reply::refused(Code::RegistrationInvalid, "this credential is enrolled already");
        }
        enrolment.at = turn.now;
        let passkey = Passkey { enrolment: Some(enrolment), ..invited };
        self.tell_passkey(passkey, (ENROLLED, by, reason), turn);
        Reply::done()
    }

    pub(super) fn revoke_passkey(&mut self, id: PasskeyId, by: &Principal, reason: &str, turn: &mut Turn<'_>) -> Reply {
        let Some(passkey) = self.books.passkeys().get(&id).cloned() else {
            return Reply::refused(Code::NotFound, format!("there is no passkey {id}"));
        };
        let passkey = Passkey { revoked: Some(passkey.revoked.unwrap_or(turn.now)), ..passkey };
        self.tell_passkey(passkey, (REVOKED, by, reason), turn);
        Reply::done()
    }

    fn tell_passkey(&mut self, passkey: Passkey, (state, by, reason): (u8, &Principal, &str), turn: &mut Turn<'_>) {
        let subjects = passkey.subjects().into_iter().chain([by.subject()]).collect();
        let content = Content::about(subjects).with(Field::Body, &passkey);
        let draft = self.note(RecordKind::Key, by, reason, content, Some(state));
        self.append(draft, Event::Enrolled(Box::new(passkey)), turn);
    }

    /// Tells an enrolment again in front of the first votes of a log that began after it, so that the log proves them alone.
    pub(super) fn tell_enrolment(&mut self, vote: &Vote, turn: &mut Turn<'_>) {
        let Some(signed) = &vote.signed else { return };
        let passkey = self.books.passkeys().get(&signed.passkey);
        let Some(passkey) = passkey.filter(|passkey| self.is_of_an_earlier_log(passkey)) else { return };
        let (passkey, by) = (passkey.clone(), passkey.by.clone());
        self.tell_passkey(passkey, (ENROLLED, &by, "enrolled in an earlier log"), turn);
    }

    fn is_of_an_earlier_log(&self, passkey: &Passkey) -> bool {
        let enrolled = passkey.enrolment.as_ref().map(|enrolment| enrolment.at);
        self.closed.values().next_back().is_some_and(|log| enrolled.is_some_and(|at| at <= log.last))
    }

    /// Refuses a signed vote whose ballot shows what is no longer so, or whose passkey no longer signs; whether the
    /// signature holds was found out beside the sequencer, and depends on nothing that changes.
    pub(super) fn refuses_signed(&self, vote: &Vote, turn: &Turn<'_>) -> Option<Reply> {
        let signed = vote.signed.as_ref()?;
        let refused = |code, message: &str| Some(Reply::refused(code, message));
        let Ok(paper) = BallotPaper::from_bytes(&signed.ballot) else {
            return refused(Code::AssertionInvalid, "the ballot cannot be read");
        };
        match self.books.passkeys().get(&signed.passkey) {
            None => return refused(Code::PasskeyUnknown, "no such passkey is enrolled"),
            Some(passkey) if passkey.revoked.is_some() && !mutant::on(Mutant::RevocationCheckedEarly) => {
                return refused(Code::PasskeyRevoked, "the passkey was revoked");
            }
            Some(passkey) if passkey.person != vote.person => {
                return refused(Code::PasskeyForeign, "the passkey is another person's");
            }
            Some(_) => {}
        }
        if turn.now >= paper.until {
            return refused(Code::BallotExpired, "the ballot's time is over; ask for another one");
        }
        if paper.bundle != self.bundle().digest() {
            return refused(Code::BallotVoid, "a policy bundle was activated since the ballot was drawn");
        }
        let (case, _) = self.books.asked_of_people(&vote.case)?;
        if !shows(&paper, case) {
            return refused(Code::ShownMismatch, "the ballot is about something else than the case shows");
        }
        None
    }
}

/// Says whether an invitation can still be taken up.
fn is_invitation(passkey: &Passkey, now: Millis) -> bool {
    passkey.enrolment.is_none() && passkey.revoked.is_none() && now < passkey.until
}

/// Says whether a ballot is about a case as it stands.
fn shows(paper: &BallotPaper, case: &Case) -> bool {
    paper.case == case.id && paper.action == case.action && paper.tool == case.tool && paper.shown() == case.shown
}
