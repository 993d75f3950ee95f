//! Approvals: what people see of a case, and their votes.

use std::collections::{BTreeMap, BTreeSet};

use evidence::bodies;
use stages::approval;
pub use stages::approval::Admission;
use stages::approval_budget::room_from;
use stages::escalation;
pub use stages::facts::RESERVED_ATTRIBUTES;
use stages::matter::Matter;
use types::bundle::{BundleData, Person, Profile, RiskModel};
use types::case::{Ballot, Case, CaseState, Vote};
use types::mutant::{self, Mutant};
use types::permission::REQUEST_TOOL;
use types::point;
use types::reviewing::Advice;
use types::{ActionProposal, AgentId, CaseId, ClassId, Code, Decision, Digest, Millis, PersonId, ProfileId};

use crate::control::Control;
use crate::door::{CaseEnd, CaseRef, Refusal};
use crate::error::{Failure, not_found};
use crate::machine::Command;
use crate::on_call::{self, Duty};
use crate::state::Conduct;

/// Is a case as a reviewer sees it: the exact action as data, and apart from it what the agent says.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseView {
    /// The case.
    pub case: Case,
    /// The proposal that opened it; absent once its content was erased.
    pub proposal: Option<ActionProposal>,
    /// The decision that opened it.
    pub decision: Option<Decision>,
    /// For each of its profiles, who is asked and who if they stay silent; none if the active bundle has no such profile.
    pub paths: BTreeMap<ProfileId, Vec<Asked>>,
    /// The agent's record in the action's class; none for what a person proposes.
    pub conduct: Option<(ClassId, Conduct)>,
    /// What its risk score is held against; none if another bundle is active by now.
    pub risk_model: Option<RiskModel>,
    /// Where it is decided.
    pub url: String,
}

/// Is one step on a path of escalation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The profile of this step.
    pub profile: ProfileId,
    /// The group of people who may vote; absent where anybody on call may.
    pub group: Option<String>,
    /// The schedule whose person on call may vote, with who that is now.
    pub on_call: Option<Duty>,
    /// The people who are asked: those of the group, or of them whoever is on call now.
    pub people: BTreeSet<PersonId>,
    /// How many of them must approve.
    pub approvals: u32,
    /// Votes count only if they are signed with a passkey.
    pub signed: bool,
    /// The agents that review the case as this step begins, those of them that may.
    pub reviewers: Vec<AgentId>,
    /// Until when these are asked.
    pub reviewed_to: Millis,
    /// When the step begins: from then on people may refuse.
    pub begins: Millis,
    /// From when on people may approve; sooner once the reviewers have answered, where they come first.
    pub from: Millis,
    /// When the next step is asked too, or silence is refusal.
    pub to: Millis,
}

/// Says whether somebody may vote on a case now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Voter {
    /// They may, as it says; an approval not before the instant, where there is one.
    May(Admission, Option<Millis>),
    /// Their vote would not count.
    MayNot(Code, String),
}

/// Lists the people whom a profile asks at an instant: of its group, of them whoever is on call where it names a schedule,
/// and no auditor.
pub(crate) fn voters(bundle: &BundleData, profile: &Profile, at: Millis) -> BTreeSet<PersonId> {
    let on_call = |name| bundle.schedules.get(name).and_then(|rota| stages::on_call::who(rota, at));
    let duty = profile.on_call.as_ref().map(on_call);
    let is_asked = |(id, person): &(&PersonId, &Person)| {
        let in_group = profile.group.as_ref().map_or(duty.is_some(), |group| person.groups.contains(group));
        in_group && duty.is_none_or(|who| who == Some(*id)) && !bundle.is_auditor(id)
    };
    bundle.people.iter().filter(is_asked).map(|(id, _)| id.clone()).collect()
}

impl Asked {
    fn of(matter: Matter<'_>, step: escalation::Step<'_>, now: Millis) -> Self {
        let bundle = matter.bundle;
        let on_call = step.profile.on_call.as_ref().and_then(|name| on_call::duty(bundle, name, now));
        let people = voters(bundle, step.profile, now);
        let (group, approvals, signed) = (step.profile.group.clone(), step.profile.approvals, step.profile.signed);
        let (profile, reviewers) = (step.id.clone(), matter.reviewers(step.profile).cloned().collect());
        let escalation::Step { begins, reviewed_to, from, to, .. } = step;
        Self { profile, group, on_call, people, approvals, signed, reviewers, reviewed_to, begins, from, to }
    }
}

impl Control {
    pub(crate) fn case_ref(&self, case: &Case) -> CaseRef {
        let gives = self.snapshot().bundle.data().head.permissions.gives();
        let may_ask = gives && case.requester.agent().is_some() && case.tool.to_string() != REQUEST_TOOL;
        CaseRef { id: case.id, url: self.case_url(&case.id).into(), expires: case.expires, may_ask }
    }

    fn case_url(&self, id: &CaseId) -> String {
        self.case_url_under(&self.config.url, id)
    }

    /// Returns where a case is decided, for whoever reaches this server under another address than its own.
    pub(crate) fn case_url_under(&self, base: &str, id: &CaseId) -> String {
        format!("{base}/inbox/{id}")
    }

    /// Returns the cases on the board, in order of opening.
    pub fn cases(&self) -> Vec<Case> {
        self.board.all()
    }

    /// Returns a case with everything a reviewer needs.
    ///
    /// # Errors
    ///
    /// `not-found` if there is no such case on the board, or what the journal says.
    pub fn case(&self, id: &CaseId) -> Failure<CaseView> {
        let case = self.board.get(id).ok_or_else(|| not_found(format!("case {id}")))?;
        let content = self.history.record(case.opened_in)?.and_then(|entry| entry.content);
        let proposal = content.as_ref().and_then(bodies::proposal);
        let decision = content.as_ref().and_then(bodies::decision);
        let snapshot = self.snapshot();
        let is_active = snapshot.bundle.digest() == case.bundle;
        let class = case.requester.agent().zip(snapshot.class_of(&case.tool));
        Ok(CaseView {
            url: self.case_url(id),
            paths: self.paths(&case),
            conduct: class.map(|(agent, class)| (class.clone(), self.views.conduct(agent, &class))),
            risk_model: is_active.then(|| snapshot.bundle.data().risk.clone()),
            case,
            proposal,
            decision,
        })
    }

    pub(crate) fn paths(&self, case: &Case) -> BTreeMap<ProfileId, Vec<Asked>> {
        let (snapshot, now) = (self.snapshot(), self.now());
        let bundle = snapshot.bundle.data();
        let path = |id: &ProfileId| {
            let matter = Matter::of_case(case, bundle);
            escalation::path(matter, id, case.opened).into_iter().map(|step| Asked::of(matter, step, now)).collect()
        };
        case.profiles.iter().map(|id| (id.clone(), path(id))).collect()
    }

    /// Says whether a person may vote on a case now.
    pub fn voter(&self, person: &PersonId, case: &Case) -> Voter {
        if let Err(refusal) = self.may_change(person) {
            return Voter::MayNot(refusal.code, refusal.message);
        }
        let (snapshot, now) = (self.snapshot(), self.now());
        let delegations = snapshot.delegations.values();
        match approval::may_vote(case, person, snapshot.bundle.data(), now, delegations) {
            Ok(admission) => {
                let recent = self.views.recent_votes(person).into_iter();
                let room = admission.budget.and_then(|budget| room_from(budget, now, recent));
                Voter::May(admission, room.max(admission.awaits))
            }
            Err(error) => Voter::MayNot(error.code(), error.to_string()),
        }
    }

    /// Counts a person's vote on what they were shown.
    ///
    /// - `confirmed`: the person has confirmed a second time that they decide alone.
    ///
    /// # Errors
    ///
    /// `request-invalid` without a reason, `forbidden` for an auditor; otherwise as the approval rules say: `voter-excluded`, `vote-repeated`,
    /// `shown-mismatch`, `case-closed`, `vote-unsigned`, `solo-unconfirmed`, `approvals-spent`,
    /// `review-awaited`.
    pub async fn vote(
        &self,
        person: &PersonId,
        case: CaseId,
        ballot: Ballot,
        reason: &str,
        shown: Digest,
        confirmed: bool,
    ) -> Failure<Case> {
        if reason.trim().is_empty() {
            return Err(crate::error::invalid("a vote needs a reason"));
        }
        self.may_change(person)?;
        let vote = Vote {
            case,
            person: person.clone(),
            ballot,
            reason: reason.to_owned(),
            shown,
            solo: false,
            at: self.now(),
            proxy: None,
            signed: None,
        };
        if let Some(ended) = self.board.get(&case).filter(|case| !matches!(case.state, CaseState::Open)) {
            let message = format!("the case `{case}` is {} already", ended.state.as_str());
            return Err(Refusal::plain(Code::CaseClosed, message));
        }
        let vote = if mutant::on(Mutant::StandInLookedUpEarly) { self.looked_up(vote, confirmed) } else { vote };
        point::at("vote", self.ask(Command::Vote { vote, solo_confirmed: confirmed })).await?;
        let voted = self.board.get(&case).ok_or_else(|| not_found(format!("case {case}")))?;
        self.answer_request(&voted).await;
        Ok(voted)
    }

    /// Says early in whose place a vote is cast: the planted bug of looking before the sequencer.
    fn looked_up(&self, vote: Vote, confirmed: bool) -> Vote {
        let (snapshot, case) = (self.snapshot(), self.board.get(&vote.case));
        let (bundle, delegations) = (snapshot.bundle.data(), snapshot.delegations.values());
        let counted =
            case.and_then(|case| approval::vote_or_stand_in(&case, vote.clone(), bundle, confirmed, delegations).ok());
        counted.and_then(|step| step.case().votes.last().cloned()).unwrap_or(vote)
    }

    /// Waits until a case is decided, or `wait_ms` have passed.
    pub async fn await_decision(&self, id: CaseId, wait_ms: i64) -> CaseEnd {
        let wait = std::time::Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
        match tokio::time::timeout(wait, self.board.decided(&id)).await {
            Err(_) => CaseEnd::StillOpen,
            Ok(None) => CaseEnd::Refused(not_found(format!("case {id}"))),
            Ok(Some(case)) => self.case_end(&case),
        }
    }

    /// Ends a case because the call that waited for it was withdrawn. It goes on as long as another call waits for it.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub async fn withdraw(&self, id: CaseId) -> Failure<()> {
        if self.board.is_awaited(&id) {
            return Ok(());
        }
        self.ask(Command::Withdraw(id)).await.map(drop)
    }

    fn case_end(&self, case: &Case) -> CaseEnd {
        let refused = |code, message: String| {
            let mut refusal = Refusal::plain(code, message);
            refusal.action = Some(case.action);
            refusal.case = Some(self.case_ref(case));
            CaseEnd::Refused(refusal)
        };
        match case.state {
            CaseState::Open => CaseEnd::StillOpen,
            CaseState::Approved | CaseState::Consumed => CaseEnd::Approved,
            CaseState::Denied => {
                let by = case.votes.iter().rev().find(|vote| vote.ballot == Ballot::Deny);
                let who = by.map_or_else(String::new, |vote| {
                    format!(" by {}: {}", vote.person, types::text::escape(&vote.reason, false))
                });
                refused(Code::ApprovalDenied, format!("it was refused{who}"))
            }
            CaseState::Expired => refused(Code::ApprovalExpired, "nobody decided in time, which is a refusal".into()),
            // Nobody waits for a decoy; whoever did would get nothing.
            CaseState::Void | CaseState::Decoy => {
                refused(Code::ApprovalVoid, "what it was about has changed since; propose it again".into())
            }
            CaseState::Returned => {
                let by = case.reviews.iter().rev().find(|review| review.advice == Advice::Back);
                let says = by.map_or_else(String::new, |review| {
                    format!(" by agent:{}: {}", review.reviewer, types::text::escape(&review.reason, false))
                });
                refused(
                    Code::ReviewReturned,
                    format!("it was sent back{says}; proposed again as it is, it goes to people"),
                )
            }
            CaseState::Withdrawn => {
                refused(Code::ApprovalVoid, "the call that it waited for was withdrawn; propose it again".into())
            }
        }
    }
}
