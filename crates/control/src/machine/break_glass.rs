//! Break-glass: each key turned after a decision, ended at once, by time, a kill, a freeze or another bundle, and reviewed.

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use replay::fold::Event;
use stages::break_glass::{self, BreakGlassError, Wish};
use types::break_glass::{BreakGlass, End, Ended, Extent, Phase, Review, Turned, status};
use types::{Code, GlassId, PersonId, Principal};

use super::{Decider, Reply};

/// Is a step that a person takes once it was decided.
#[derive(Debug, Clone)]
pub enum GlassStep {
    /// The first key.
    Ask(Wish),
    /// The second key.
    Confirm(GlassId),
    /// The review, with what was found.
    Review(GlassId, String),
}

impl Decider {
    pub(super) fn step_glass(&mut self, step: GlassStep, by: &Principal, reason: &str, turn: &mut Turn<'_>) -> Reply {
        let Principal::Person(person) = by else {
            return Reply::refused(Code::KeyExcluded, "an agent turns no key and reviews nothing");
        };
        let (status, taken) = match self.take_step(step, person, reason, turn) {
            Ok(taken) => taken,
            Err(refused) => return refused,
        };
        match taken {
            Ok(glass) => self.tell_glass(glass, status, Some((by, reason)), turn),
            Err(error) => return Reply::refused(error.code(), error.to_string()),
        }
        Reply::done()
    }

    fn take_step(
        &self,
        step: GlassStep,
        person: &PersonId,
        reason: &str,
        turn: &Turn<'_>,
    ) -> Result<(u8, Result<BreakGlass, BreakGlassError>), Reply> {
        let (data, now) = (self.bundle().data(), turn.now);
        let key = Turned { by: person.clone(), at: now };
        let kept = self.books.break_glass();
        let known = |id: &GlassId| {
            kept.get(id).ok_or_else(|| Reply::refused(Code::NotFound, format!("there is no break-glass `{id}`")))
        };
        Ok(match step {
            GlassStep::Ask(wish) => {
                let wish = Wish { bundle: self.bundle().digest(), reason: reason.to_owned(), ..wish };
                let unstopped = self.unstopped(&wish.extent, turn);
                (
                    status::ASKED,
                    break_glass::ask(wish, key, data, kept.values()).and_then(|glass| unstopped.map(|()| glass)),
                )
            }
            GlassStep::Confirm(id) => {
                let glass = known(&id)?;
                let unstopped = self.unstopped(&glass.extent, turn);
                (status::CONFIRMED, break_glass::confirm(glass, key, data).and_then(|glass| unstopped.map(|()| glass)))
            }
            GlassStep::Review(id, findings) => {
                let review = Review { by: person.clone(), at: now, findings };
                (status::REVIEWED, break_glass::review(known(&id)?, review, data))
            }
        })
    }

    /// A freeze or a kill outranks it: no key is turned while one covers some of it.
    fn unstopped(&self, extent: &Extent, turn: &Turn<'_>) -> Result<(), BreakGlassError> {
        let data = self.bundle().data();
        let mut targets = self.books.switches().values().map(|switch| &switch.target);
        let killed = targets.find(|target| break_glass::is_killed(extent, target, &self.tenant, data));
        if let Some(target) = killed {
            let why = format!("the kill switch `{}` is set, which outranks every approval", target.key());
            return Err(BreakGlassError::Unsupported(why));
        }
        let frozen = break_glass::frozen(extent, data, turn.now);
        let why = |id| format!("the freeze `{id}` is on, which outranks every approval");
        frozen.map_or(Ok(()), |id| Err(BreakGlassError::Unsupported(why(id))))
    }

    /// Ends one by a person's hand.
    pub(super) fn end_glass(&mut self, id: GlassId, by: &PersonId, reason: &str, turn: &mut Turn<'_>) -> Reply {
        let Some(glass) = self.books.break_glass().get(&id) else {
            return Reply::refused(Code::NotFound, format!("there is no break-glass `{id}`"));
        };
        match break_glass::end(glass, Ended { how: End::Person, by: Some(by.clone()), at: turn.now }) {
            Ok(glass) => {
                let by = Principal::Person(by.clone());
                self.tell_glass(glass, status::ENDED, Some((&by, reason)), turn);
                Reply::done()
            }
            Err(error) => Reply::refused(error.code(), error.to_string()),
        }
    }

    /// Ends those that await the second key or are in force, and for which `which` says so.
    pub(super) fn end_glasses(
        &mut self,
        how: End,
        by: Option<(&Principal, &str)>,
        which: impl Fn(&Extent) -> bool,
        turn: &mut Turn<'_>,
    ) {
        let now = turn.now;
        let is_live = |glass: &&BreakGlass| matches!(glass.phase(now), Phase::Asked | Phase::InForce);
        let live = self.books.break_glass().values().filter(is_live).filter(|glass| which(&glass.extent));
        let person = match by {
            Some((Principal::Person(person), _)) => Some(person.clone()),
            _ => None,
        };
        let ended = live.filter_map(|glass| break_glass::end(glass, Ended { how, by: person.clone(), at: now }).ok());
        for glass in ended.collect::<Vec<_>>() {
            self.tell_glass(glass, status::ENDED, by, turn);
        }
    }

    /// Records the end of those whose time is over, and ends those that a freeze has come to cover.
    pub(super) fn end_due_glasses(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let due =
            |glass: &&BreakGlass| glass.ended.is_none() && matches!(glass.phase(now), Phase::Lapsed | Phase::Ended);
        let due = self.books.break_glass().values().filter(due);
        let ended = due.filter_map(|glass| break_glass::end(glass, Ended { how: End::Time, by: None, at: now }).ok());
        for glass in ended.collect::<Vec<_>>() {
            self.tell_glass(glass, status::ENDED, None, turn);
        }
        if !self.books.break_glass().is_empty() {
            let bundle = self.snapshot.bundle.clone();
            self.end_glasses(End::Freeze, None, |of| break_glass::frozen(of, bundle.data(), now).is_some(), turn);
        }
    }

    /// Records how one stands, about everybody who had a hand in it and the agent that it is for.
    pub(super) fn tell_glass(
        &mut self,
        glass: BreakGlass,
        status: u8,
        by: Option<(&Principal, &str)>,
        turn: &mut Turn<'_>,
    ) {
        let people = glass.people().into_iter().map(|person| Principal::Person(person.clone()).subject());
        let agent = Principal::Agent(glass.extent.agent.clone()).subject();
        let mut subjects: Vec<String> = people.chain([agent]).chain(by.map(|(by, _)| by.subject())).collect();
        subjects.sort();
        subjects.dedup();
        let content = Content::about(subjects).with(Field::Body, &glass);
        let draft = match by {
            Some((by, reason)) => self.note(RecordKind::Grant, by, reason, content, Some(status)),
            None => {
                let bundle = Some(self.bundle().digest());
                Draft { bundle, status: Some(status), ..Draft::new(RecordKind::Grant, content) }
            }
        };
        let told = status == status::TOLD;
        let glass = Box::new(glass);
        self.append(draft, if told { Event::GlassTold(glass) } else { Event::Glass(glass) }, turn);
    }
}
