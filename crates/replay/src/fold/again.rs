//! Counting a journal again: its records taken one by one, by the function that took them when they were made.

use std::collections::{BTreeMap, BTreeSet};

use evidence::bodies::RunBody;
use evidence::erasure::Scope;
use evidence::listing::LISTED;
use evidence::{Content, Field, Leaf, RecordKind};
use policy::Bundle;
use serde::Serialize;
use stages::break_glass::BreakGlassError;
use types::break_glass::status::is_of_glass;
use types::breaker::RESET;
use types::case::{Ballot, Case, CaseState};
use types::check::Judgement;
use types::decoy;
use types::delegation::GIVEN;
use types::drill::TOLD;
use types::permission::PERMITTED;
use types::reviewing::Advice;
use types::{ActionId, AgentId, CaseId, ClassId, Digest, Millis, PersonId};

use super::event::{is_of_passkey, status};
use super::facts::Past;
use super::{Books, Decided, Event, FoldError, Ops, Place, Said};
use crate::bundles::Bundles;
use crate::state::{Conduct, KeptHour, RecentVote, kind};

/// Is how many records are taken between two looks at what has ended by itself.
const SWEEP_EVERY: u64 = 512;

/// Is a record that does not follow upon those before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its index.
    pub index: u64,
    /// What is wrong.
    pub why: String,
}

/// Counts a journal again, from its beginning or from rows that are given.
#[derive(Debug, Clone, Default)]
pub struct Again {
    books: Books,
    rows: BTreeMap<(String, String), Vec<u8>>,
    doubts: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// The kinds that a record said something of whose content was erased, by its index.
    erased: BTreeMap<u64, &'static [&'static str]>,
    /// The records without content for which no erasure was seen yet.
    unexplained: BTreeSet<u64>,
    /// The actions of the records without content, by their index.
    without: BTreeMap<u64, ActionId>,
    /// Actions of which nothing is known but that they were decided.
    gone: BTreeSet<ActionId>,
    /// How the conduct of each agent in each class grew.
    past: BTreeMap<(AgentId, ClassId), Past>,
    problems: Vec<Problem>,
    records: u64,
    /// It began with rows that are not at hand.
    cut: bool,
    /// The rows that its own records have made or removed.
    touched: BTreeSet<(String, String)>,
}

/// Is what the records make of everything that is kept.
#[derive(Debug, Clone, Default)]
pub struct Rebuilt {
    /// The rows by kind and key, in canonical bytes.
    pub rows: BTreeMap<(String, String), Vec<u8>>,
    /// The kinds that cannot be told wholly, each with how many records do not say enough, by the reason.
    pub doubts: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// The records that do not follow upon those before them.
    pub problems: Vec<Problem>,
    /// The bundles that were ever active.
    pub bundles: BTreeSet<Digest>,
    /// How many records were taken.
    pub records: u64,
    /// The journal began with rows that are not at hand.
    pub cut: bool,
    /// The rows that its own records have made or removed.
    pub touched: BTreeSet<(String, String)>,
}

/// Says that what a journal began with is not at hand.
pub const CARRIED: &str = "the log began with them, and the closed log they come from no longer tells them";

/// Are the kinds whose rows are counted on from what they were.
const COUNTED_ON: [&str; 7] =
    [kind::METER, kind::CIRCUIT, kind::BULK, kind::HOUR, kind::CONDUCT, kind::RECENT_VOTE, kind::PERMISSION];

const ERASED: &str = "records they rest on were erased";

/// Are the kinds of which an erased record may have taken a row away that others had made, which nobody tells again.
pub(super) const TAKEN_AWAY: [&str; 4] = [kind::SWITCH, kind::GRANT, kind::DELEGATION, kind::PERMISSION];

/// Are the kinds of which a decision may say something.
const DECIDED: [&str; 12] = [
    kind::METER,
    kind::CIRCUIT,
    kind::BULK,
    kind::HOUR,
    kind::FLIGHT,
    kind::WATCH,
    kind::CASE,
    kind::IDEMPOTENCY,
    kind::SESSION,
    kind::REFUSAL,
    kind::PERMISSION,
    kind::BREAK_GLASS,
];

const OLD: &str = "records of an earlier version do not say it";

const NO_BUNDLE: &str = "the policy bundle is not at hand";

impl Again {
    /// Starts from rows that are given, by kind and key; without any it is a journal that has not begun.
    ///
    /// # Errors
    ///
    /// A sentence saying which value cannot be read.
    pub fn from(rows: BTreeMap<(String, String), Vec<u8>>) -> Result<Self, String> {
        let of = |kind: &str| {
            let own = rows.iter().filter(|((of, _), _)| of == kind);
            Ok(own.map(|((_, key), value)| (key.clone(), value.clone())).collect())
        };
        let books = Books::load(&of)?;
        let past = books.conduct().iter().map(|(key, conduct)| (key.clone(), Past::from(*conduct))).collect();
        Ok(Self { books, rows, past, ..Self::default() })
    }

    /// Starts without the rows that the journal began with: what is made by its own records comes out as it is, and of no
    /// other row anything is said.
    pub fn cut() -> Self {
        Self { cut: true, ..Self::default() }
    }

    /// Returns everything that is kept, as of the records taken so far.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Says whether rows of a kind cannot be told wholly.
    pub fn doubts(&self, kind: &str) -> bool {
        self.cut || self.doubts.contains_key(kind) || self.erased.values().any(|kinds| kinds.contains(&kind))
    }

    pub(super) fn past(&self, agent: &AgentId, class: &ClassId) -> Option<&Past> {
        self.past.get(&(agent.clone(), class.clone()))
    }

    /// Takes the next record.
    ///
    /// - `content`: everything the record says; `None` once it is erased.
    pub fn take(&mut self, index: u64, leaf: &Leaf, content: Option<&Content>, bundles: &Bundles) {
        self.records += 1;
        let bundle = leaf.bundle.ok_or_else(|| "it names no policy bundle".to_owned());
        let bundle = bundle.and_then(|digest| bundles.get(&digest));
        let bundle = bundle.as_ref().map(|bundle| Bundle::data(bundle)).map_err(String::as_str);
        let place = Place { index, now: leaf.at, bundle };
        if leaf.kind == RecordKind::Outcome && place.bundle.is_err() {
            self.doubt(&[kind::CIRCUIT], NO_BUNDLE);
        }
        let taken = match content {
            Some(content) => self.read(leaf, content, &place),
            None => {
                self.unexplained.insert(index);
                self.unread(leaf, &place)
            }
        };
        if let Err(error) = taken {
            self.unfit(leaf, index, &error);
        }
        if self.records.is_multiple_of(SWEEP_EVERY) {
            let mut ops = Ops::default();
            self.books.sweep(leaf.at, &mut ops);
            self.store(ops);
        }
    }

    fn read(&mut self, leaf: &Leaf, content: &Content, place: &Place<'_>) -> Result<(), FoldError> {
        self.explain(leaf, content);
        match Said::read(leaf, content)? {
            Said::Decided(said) => {
                let (proposal, decision, run) = &*said;
                if run.is_none() && decision.verdict.permits() {
                    self.doubt(&[kind::FLIGHT, kind::CONDUCT, kind::IDEMPOTENCY], OLD);
                }
                let old = RunBody::default();
                let run = run.as_ref().unwrap_or(&old);
                self.change(Event::Decided(Decided { proposal, decision, run }), place)
            }
            Said::Other(Event::Nothing) if leaf.kind == RecordKind::Erasure => {
                self.doubt(&[kind::ERASED], OLD);
                Ok(())
            }
            Said::Other(event) => {
                if matches!(event, Event::Erased(..)) && leaf.log.is_none() {
                    self.told_again(content)?;
                }
                self.tells_glass(&event)?;
                self.change(event, place)
            }
        }
    }

    /// Says whether a record lost its content and no erasure was seen that covers it.
    pub fn has_unexplained(&self) -> bool {
        !self.unexplained.is_empty()
    }

    /// Takes note of which records an erasure covers, without taking it: it may come later than what is counted.
    pub fn explain(&mut self, leaf: &Leaf, content: &Content) {
        // One that reaches into a closed log erases nothing here.
        let own = leaf.kind == RecordKind::Erasure && leaf.log.is_none();
        let scope = own.then(|| content.get::<Scope>(Field::Body).ok().flatten());
        for index in scope.flatten().iter().flat_map(Scope::indices) {
            self.unexplained.remove(&index);
        }
    }

    /// What follows from the records that an erasure covers was summed up with it, but for what it took away; and it took along
    /// what stood for their actions, though other records of these may be left.
    fn told_again(&mut self, content: &Content) -> Result<(), FoldError> {
        let scope: Option<Scope> = content.get(Field::Body).map_err(|_| FoldError::Unreadable)?;
        let actions: BTreeSet<ActionId> =
            scope.iter().flat_map(Scope::indices).filter_map(|index| self.without.remove(&index)).collect();
        let mut ops = Ops::default();
        self.books.refusals.remove_of(&actions, &mut ops);
        self.books.returns.remove_of(&actions, &mut ops);
        self.books.repeats.remove_of(&actions, &mut ops);
        self.store(ops);
        for index in scope.iter().flat_map(Scope::indices) {
            let kinds = self.erased.remove(&index).unwrap_or_default();
            // What a decision noted under a break-glass is told again; the steps of one that named the subject are not.
            let glass = *kinds == [kind::BREAK_GLASS];
            let taken_away = kinds.iter().filter(|kind| TAKEN_AWAY.contains(kind) || glass);
            taken_away.for_each(|kind| self.doubt(&[kind], ERASED));
        }
        Ok(())
    }

    /// A break-glass is told again where records that it rests on are gone, and otherwise it is as they say already.
    fn tells_glass(&self, event: &Event<'_>) -> Result<(), FoldError> {
        let Event::GlassTold(told) = event else { return Ok(()) };
        if self.doubts(kind::BREAK_GLASS) || self.books.break_glass().get(&told.id) == Some(&**told) {
            return Ok(());
        }
        Err(BreakGlassError::Over(told.id, told.phase(told.first.at)).into())
    }

    /// Takes what the leaf alone still says of a record whose content was erased.
    fn unread(&mut self, leaf: &Leaf, place: &Place<'_>) -> Result<(), FoldError> {
        self.without.extend(leaf.action.map(|action| (place.index, action)));
        match leaf.kind {
            RecordKind::Decided => {
                self.gone.extend(leaf.action);
                let permitted = leaf.verdict.is_some_and(|rank| rank < 2);
                // Each decision may have stopped its agent, and each permit took from what it has.
                let taken: &[_] = &[kind::METER, kind::CIRCUIT, kind::BULK, kind::HOUR, kind::BREAK_GLASS];
                self.erased.insert(place.index, if permitted { taken } else { &[kind::BULK] });
                let session = leaf.session.as_ref().map(|place| place.session);
                session.map_or(Ok(()), |session| self.change(Event::Counted(session, permitted), place))
            }
            RecordKind::Outcome => match leaf.action.filter(|action| self.books.flights().get(action).is_some()) {
                Some(action) => self.change(Event::Landed(action, status(leaf)?), place),
                None => {
                    self.erased.insert(place.index, &[kind::CONDUCT, kind::CIRCUIT, kind::HOUR]);
                    Ok(())
                }
            },
            RecordKind::Review => {
                // What votes make of the case from here on rests on it.
                self.gone.extend(leaf.action);
                match status::<Advice>(leaf)? {
                    Advice::On => Ok(()),
                    Advice::Back => self.end_case(leaf, CaseState::Returned, place),
                }
            }
            RecordKind::Decoy => self.unread_decoy(leaf, place),
            RecordKind::Vote if status::<Ballot>(leaf)? == Ballot::Approve => Ok(()),
            RecordKind::Vote => self.end_case(leaf, CaseState::Denied, place),
            RecordKind::CaseEnded => self.end_case(leaf, status(leaf)?, place),
            RecordKind::SessionClose => {
                let session = leaf.session.as_ref().ok_or(FoldError::Unreadable)?.session;
                self.change(Event::SessionClosed(session), place)
            }
            RecordKind::Bundle => self.change(Event::Activated(leaf.bundle.ok_or(FoldError::Unreadable)?), place),
            other => {
                self.erased.insert(place.index, named_by(other, leaf.status));
                Ok(())
            }
        }
    }

    /// Whatever a decoy's record says after the one that shows it, the decoy is over.
    fn unread_decoy(&mut self, leaf: &Leaf, place: &Place<'_>) -> Result<(), FoldError> {
        if leaf.status == Some(decoy::status::SHOWN) {
            self.gone.extend(leaf.action);
            return Ok(());
        }
        let mut cases = self.books.decoys().values().map(|decoy| &decoy.case);
        let id = cases.find(|case| Some(case.action) == leaf.action).map(|case| case.id);
        id.map_or(Ok(()), |id| self.change(Event::DecoyEnded(id, CaseState::Void), place))
    }

    fn end_case(&mut self, leaf: &Leaf, state: CaseState, place: &Place<'_>) -> Result<(), FoldError> {
        let about = |case: &&Case| Some(case.action) == leaf.action;
        let id: Option<CaseId> = self.books.cases().values().find(about).map(|case| case.id);
        id.map_or(Ok(()), |id| self.change(Event::CaseEnded(id, state), place))
    }

    fn change(&mut self, event: Event<'_>, place: &Place<'_>) -> Result<(), FoldError> {
        if let Event::Summed(summed) = &event {
            let agent = summed.principal.agent();
            let known = agent.iter().flat_map(|agent| summed.conduct.iter().map(|(class, now)| (*agent, class, now)));
            for (agent, class, now) in known {
                self.past.insert((agent.clone(), class.clone()), Past::from(*now));
            }
        }
        let counted = self.counted_by(&event);
        let mut ops = Ops::default();
        self.books.take(event, place, &mut ops)?;
        self.store(ops);
        if let Some((key, before)) = counted {
            let after = self.books.conduct().get(&key).copied().unwrap_or_default();
            self.past.entry(key).or_insert_with(|| Past::from(before)).grow(after, place.now);
        }
        Ok(())
    }

    /// Returns whose conduct an ending counts in, and how it stands before.
    fn counted_by(&self, event: &Event<'_>) -> Option<((AgentId, ClassId), Conduct)> {
        let Event::Landed(action, _) = event else { return None };
        let flight = self.books.flights().get(action)?;
        let key = (flight.principal.agent()?.clone(), flight.class.clone());
        let before = self.books.conduct().get(&key).copied().unwrap_or_default();
        Some((key, before))
    }

    fn store(&mut self, ops: Ops) {
        for op in ops {
            let place = (op.kind.to_owned(), op.key);
            self.touched.insert(place.clone());
            match op.value {
                Some(value) => self.rows.insert(place, value),
                None => self.rows.remove(&place),
            };
        }
    }

    fn doubt(&mut self, kinds: &[&'static str], why: &'static str) {
        for kind in kinds {
            *self.doubts.entry(kind).or_default().entry(why).or_default() += 1;
        }
    }

    /// Tells a record that does not fit from one that only rests on what is not here.
    fn unfit(&mut self, leaf: &Leaf, index: u64, error: &FoldError) {
        let rests_on_gone = leaf.action.is_some_and(|action| self.gone.contains(&action));
        match (error, leaf.kind) {
            (FoldError::NoBundle(_), RecordKind::Decided) => {
                self.gone.extend(leaf.action);
                self.doubt(&DECIDED, NO_BUNDLE);
            }
            (FoldError::NoBundle(_), RecordKind::Vote | RecordKind::Review) => {
                self.gone.extend(leaf.action);
                self.doubt(&[kind::CASE, kind::REFUSAL, kind::RETURN, kind::RECENT_VOTE], NO_BUNDLE);
            }
            (FoldError::NoBundle(_), RecordKind::Decoy) => {
                self.gone.extend(leaf.action);
                self.doubt(&[kind::DECOY, kind::RECENT_VOTE], NO_BUNDLE);
            }
            (FoldError::NoBundle(_), RecordKind::Grant) => self.doubt(&[kind::BREAK_GLASS], NO_BUNDLE),
            (FoldError::BreakGlass(_), _) if self.doubts(kind::BREAK_GLASS) => {}
            (FoldError::NoSaga(_), _) if self.doubts(kind::SAGA) || self.cut => {}
            (FoldError::NoFlight(_), _) if rests_on_gone => {
                self.erased.insert(index, &[kind::CONDUCT, kind::METER, kind::CIRCUIT, kind::HOUR]);
            }
            (FoldError::NoCase(_) | FoldError::Vote(_) | FoldError::Review(_), _) if rests_on_gone => {}
            (FoldError::NoCase(_) | FoldError::NoFlight(_) | FoldError::Vote(_) | FoldError::Review(_), _)
                if self.cut => {}
            _ => self.problems.push(Problem { index, why: error.to_string() }),
        }
    }

    /// Ends the counting at the last record.
    ///
    /// - `bundles`: gives the files of the bundles that were ever active, as far as it has them.
    pub fn end(mut self, bundles: &Bundles) -> Rebuilt {
        for digest in self.books.bundles() {
            if let Some(files) = bundles.files(digest) {
                let files: Vec<(&String, &String)> = files.iter().collect();
                let bytes = types::cbor::encode(&files);
                self.rows.insert((kind::BUNDLE.to_owned(), digest.to_string()), bytes);
            }
        }
        if self.cut {
            self.doubt(&kind::ALL, CARRIED);
        }
        for kinds in std::mem::take(&mut self.erased).into_values() {
            self.doubt(kinds, ERASED);
        }
        for index in std::mem::take(&mut self.unexplained) {
            let why = "its content cannot be read, and no erasure says that it is gone".to_owned();
            self.problems.push(Problem { index, why });
        }
        let Self { books, rows, doubts, problems, records, cut, touched, .. } = self;
        Rebuilt { rows, doubts, problems, bundles: books.bundles().clone(), records, cut, touched }
    }
}

impl Rebuilt {
    /// Says whether a row cannot be told.
    ///
    /// - `gone`: the records make it, and it is not stored; of some kinds that alone is in doubt.
    pub(super) fn doubts(&self, place: &(String, String), gone: bool) -> bool {
        let kind = place.0.as_str();
        let Some(reasons) = self.doubts.get(kind) else { return false };
        let carried_alone = reasons.keys().all(|why| *why == CARRIED);
        if carried_alone && self.makes(place) {
            return false;
        }
        gone || self.cut || !TAKEN_AWAY.contains(&kind)
    }

    /// Says whether the journal's own records alone say what becomes of a row, whatever it began with.
    fn makes(&self, place: &(String, String)) -> bool {
        self.touched.contains(place) && !COUNTED_ON.contains(&place.0.as_str())
    }

    /// Says whether a row holds the files of a bundle that was ever active, which are proved by its digest alone.
    pub(super) fn is_of_bundle(&self, (kind, key): &(String, String)) -> bool {
        kind == kind::BUNDLE && Digest::from_hex(key).is_some_and(|digest| self.bundles.contains(&digest))
    }
}

/// Names the kinds of rows of which a record of a kind may have said something.
fn named_by(record: RecordKind, status: Option<u8>) -> &'static [&'static str] {
    match record {
        RecordKind::Switch if status == Some(RESET) => &[kind::CIRCUIT, kind::BULK],
        RecordKind::Switch if status != Some(TOLD) => &[kind::SWITCH],
        RecordKind::Grant if status.is_some_and(is_of_glass) => &[kind::BREAK_GLASS],
        RecordKind::Grant if status.is_some_and(|status| status >= PERMITTED) => &[kind::PERMISSION],
        RecordKind::Grant if status.is_some_and(|status| status >= GIVEN) => &[kind::DELEGATION],
        RecordKind::Grant => &[kind::GRANT],
        RecordKind::Identity => &[kind::IDENTITY],
        RecordKind::Reconciliation => &[kind::RECONCILIATION],
        RecordKind::Check if status == Some(Judgement::Violated as u8) => &[kind::WATCH, kind::GRANT],
        RecordKind::Check => &[kind::WATCH],
        RecordKind::State => &[kind::TESTED, kind::WATCH],
        RecordKind::Saga => &[kind::SAGA, kind::WATCH],
        RecordKind::Key if status.is_some_and(is_of_passkey) => &[kind::PASSKEY],
        RecordKind::Key => &[kind::KEY],
        RecordKind::Tool if status != Some(LISTED) => &[kind::PIN, kind::QUARANTINE],
        _ => &[],
    }
}

/// Returns when a row ends by itself, if rows of its kind do.
pub(super) fn end_of(kind: &str, value: &[u8]) -> Option<Millis> {
    match kind {
        kind::IDEMPOTENCY => types::cbor::decode::<(ActionId, Digest, Millis)>(value).ok().map(|(_, _, end)| end),
        kind::RECENT_VOTE => {
            let votes = types::cbor::decode::<(PersonId, Vec<RecentVote>)>(value).ok()?.1;
            super::recent_votes::end(&votes)
        }
        kind::HOUR => types::cbor::decode::<KeptHour>(value).ok().map(|kept| super::behaviour::end(kept.hour)),
        kind::REFUSAL | kind::RETURN => {
            types::cbor::decode::<crate::state::Refused>(value).ok().map(|refused| refused.end)
        }
        _ => None,
    }
}
