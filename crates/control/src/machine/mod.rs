//! The machine the ledger runs: everything that is decided in order.
//!
//! Each command is one turn. Stored state is written in the same transaction as the records of the turn,
//! and [`Machine::load`] reads it back, at a start as after a failed batch.

mod admin;
mod break_glass;
mod breakers;
mod cases;
mod checks;
mod closing;
mod command;
mod decoys;
mod delegate;
mod drill;
mod erase;
mod invariants;
mod log_keys;
mod outcome;
mod passkeys;
mod permissions;
mod propose;
mod reconciliations;
mod reversals;
mod reviews;
mod sagas;
mod seals;
mod session;
mod tick;
mod tickets;

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::inventory::Entities;
use ledger::{ClosedLog, Draft, Machine, Standing, StateSource, Turn, closed, standing};
use policy::{Bundle, BundleFiles};
use replay::fold::{Books, Event, Ops, Place};
use stages::decision::Permit;
use types::case::Case;
use types::mutant::{self, Mutant};
use types::{Digest, TenantId, cbor};

pub use break_glass::GlassStep;
pub use closing::says_deleted;
pub use command::{Change, Changes, Command, Propose, Reach, Reply};
pub use decoys::DecoyDue;
pub use log_keys::LogChange;
pub use replay::fold::{KEY_MS, KEYS_MAX, REPORTED_PERMIT_MS, SESSION_IDLE_MS, UNREPORTED_MS};
pub use sagas::SagaMove;
pub use session::SESSIONS_MAX;

use crate::board::Board;
use crate::snapshot::{Snapshot, Views};
use crate::state::kind;

use invariants::{Before, Quiet};

/// Is what a machine is loaded with besides the stored state.
#[derive(Clone)]
pub struct Seed {
    /// The tenant.
    pub tenant: TenantId,
    /// The bundle that is active until one is recorded as activated.
    pub bundle: Arc<Bundle>,
    /// The inventory's entities at the start.
    pub entities: Arc<Entities>,
    /// How the log stands until a change of its keys is recorded.
    pub log: Standing,
    /// Where the machine shows its snapshot; set at the first load.
    pub views: Arc<std::sync::OnceLock<Arc<Views>>>,
    /// Where changed cases are shown.
    pub board: Arc<Board>,
}

/// Decides commands in order.
pub struct Decider {
    tenant: TenantId,
    views: Arc<Views>,
    snapshot: Snapshot,
    /// Everything that is kept; it changes with records alone, see [`Decider::append`].
    books: Books,
    denials: tick::Denials,
    decoys: decoys::Waiting,
    log: Standing,
    closed: BTreeMap<u64, ClosedLog>,
}

/// Returns the active bundle.
///
/// - `at_hand`: taken instead of reading the stored files once more, if its digest is the active one's.
fn active_bundle(books: &Books, source: &dyn StateSource, at_hand: &Arc<Bundle>) -> Result<Arc<Bundle>, String> {
    let Some(active) = books.active().filter(|active| *active != at_hand.digest()) else { return Ok(at_hand.clone()) };
    let (rows, name) = (source.all(kind::BUNDLE)?, active.to_string());
    let files = rows.iter().find(|(key, _)| *key == name).ok_or("the active bundle's files are missing")?;
    let files: Vec<(String, String)> =
        cbor::decode(&files.1).map_err(|e| format!("the active bundle's files are {e}"))?;
    let bundle =
        Bundle::load(BundleFiles(files.into_iter().collect())).map_err(|e| format!("the active bundle: {e}"))?;
    Ok(Arc::new(bundle))
}

/// Returns how the log stands as stored, if a change of its keys was recorded.
fn stored_standing(source: &dyn StateSource) -> Result<Option<Standing>, String> {
    let rows = source.all(standing::KIND)?;
    let decode = |(key, bytes): &(String, Vec<u8>)| {
        cbor::decode(bytes).map_err(|e| format!("stored {} `{key}` is {e}", standing::KIND))
    };
    rows.first().map(decode).transpose()
}

/// Returns what is known of the closed logs, by number.
fn closed_logs(source: &dyn StateSource) -> Result<BTreeMap<u64, ClosedLog>, String> {
    let logs = ClosedLog::of_rows(&source.all(closed::KIND)?)?;
    Ok(logs.into_iter().map(|log| (log.number, log)).collect())
}

impl Machine for Decider {
    type Command = Command;
    type Reply = Reply;
    type Authority = Permit;
    type Seed = Seed;

    fn load(seed: &Seed, source: &dyn StateSource) -> Result<Self, String> {
        let books = Books::load(&|kind| source.all(kind))?;
        let snapshot = Snapshot {
            epoch: seed.views.get().map_or(1, |views| views.snapshot().epoch + 1),
            bundle: active_bundle(&books, source, &seed.bundle)?,
            entities: seed.views.get().map_or_else(|| seed.entities.clone(), |views| views.snapshot().entities.clone()),
            grants: books.grants().clone(),
            delegations: books.delegations().clone(),
            quarantine: books.quarantine().clone(),
            identities: books.identities().clone(),
            pins: books.pins().clone(),
            tested: books.tested().clone(),
        };
        let views = seed.views.get_or_init(|| Arc::new(Views::new(snapshot.clone()))).clone();
        views.forget_conduct();
        for ((agent, class), conduct) in books.conduct() {
            views.set_conduct(agent, class, *conduct);
        }
        let machine = Self {
            tenant: seed.tenant.clone(),
            views,
            snapshot: snapshot.clone(),
            books,
            denials: tick::Denials::default(),
            decoys: decoys::Waiting::default(),
            log: stored_standing(source)?.unwrap_or_else(|| seed.log.clone()),
            closed: closed_logs(source)?,
        };
        machine.views.publish(snapshot);
        machine.show_recent_votes();
        Ok(machine)
    }

    fn apply(&mut self, command: Command, turn: &mut Turn<'_>) -> (Reply, Option<Permit>) {
        let quiet = Quiet::of(&self.log);
        let answered = self.answer(command, turn);
        turn.assert(quiet.assert(turn));
        answered
    }

    fn is_alone(command: &Command) -> bool {
        let change = match command {
            Command::Propose(propose) => propose.change.as_ref(),
            Command::Local { change, .. } => Some(change),
            _ => None,
        };
        matches!(change, Some(Change::Erase { .. }))
    }

    fn committed(seed: &Seed, reply: &Reply) {
        seed.board.put(reply.cases());
        if let Some(subject) = reply.gone() {
            seed.board.forget(subject);
        }
    }
}

impl Decider {
    fn answer(&mut self, command: Command, turn: &mut Turn<'_>) -> (Reply, Option<Permit>) {
        self.views.saw(turn.now);
        if let Some(refused) = self.frozen(&command).or_else(|| self.complete(&command)) {
            return (refused, None);
        }
        match command {
            Command::Propose(propose) => self.propose(*propose, turn),
            Command::Outcome(outcome) => (self.outcome(&outcome, turn), None),
            Command::Vote { vote, solo_confirmed } => (self.vote(vote, solo_confirmed, turn), None),
            Command::Review(review) => (self.review(review, turn), None),
            Command::TakeDecoys => (Reply::Decoys(self.due_decoys(turn.now)), None),
            Command::Decoy(due) => (self.show_decoy(*due, turn), None),
            Command::Withdraw(case) => (self.withdraw(&case, turn), None),
            Command::Tick => (self.tick(turn), None),
            Command::SumUp => (self.sum_up_all(turn), None),
            Command::OpenSession(session, brief) => (self.open_session(*session, &brief, turn), None),
            Command::CloseSession(session) => (self.close_session(session, turn), None),
            Command::TakeBack { key, by, reason } => (self.take_back(&key, by, &reason, turn), None),
            Command::RevokePermission { id, by, reason } => (self.revoke_permission(id, by, &reason, turn), None),
            Command::Kill(switch) => {
                let conflict = self.drill_conflict(&switch);
                (conflict.unwrap_or_else(|| self.kill(switch, turn)), None)
            }
            Command::Drilled(drill, reason) => (self.drilled(&drill, &reason, turn), None),
            Command::Attested(what, by) => (self.attested(&what, by.as_ref(), turn), None),
            Command::Sealed(sealed, by) => (self.sealed(&sealed, &by, turn), None),
            Command::Checked(checked) => (self.checked(*checked, turn), None),
            Command::Contained(contained) => (self.contained(*contained, turn), None),
            Command::Saga(what) => (self.saga(what, turn), None),
            Command::Reconciled(found) => (self.reconciled(*found, turn), None),
            Command::StateSeen(seen, state, whom) => (self.state_seen(&seen, state.as_ref(), &whom, turn), None),
            Command::WriteRefused(write, by) => (self.write_refused(&write, &by, turn), None),
            Command::EndGlass { id, by, reason } => (self.end_glass(id, &by, &reason, turn), None),
            Command::Observe { server, seen } => (self.observe(&server, &seen, turn), None),
            Command::Offered(session, listing) => (self.offered(session, &listing, turn), None),
            Command::Inventory { bundle, entities } => (self.inventory(bundle, entities), None),
            Command::Local { change, by, reason } => (self.change(change, &by, &reason, None, turn), None),
            Command::Reached(key) => {
                turn.delete(kind::REACHING, key);
                (Reply::done(), None)
            }
            Command::Recover => (self.recover(turn), None),
        }
    }

    /// Records something and lets it change what is kept, by the function that counts a journal again: nothing else
    /// changes anything kept because of a record. Returns the cases that it changed.
    fn append(&mut self, draft: Draft, event: Event<'_>, turn: &mut Turn<'_>) -> Vec<Case> {
        let index = turn.record(draft);
        self.take(event, index, turn)
    }

    /// Lets a record of this turn change what is kept.
    fn take(&mut self, event: Event<'_>, index: u64, turn: &mut Turn<'_>) -> Vec<Case> {
        let bundle = self.snapshot.bundle.clone();
        let place = Place { index, now: turn.now, bundle: Ok(bundle.data()) };
        let mut ops = Ops::default();
        if mutant::on(Mutant::RecordTakenTwice) {
            let _ = self.books.take(event.clone(), &place, &mut ops);
        }
        let before = Before::of(&self.books, &event);
        let taken = self.books.take(event, &place, &mut ops);
        turn.assert(match &taken {
            Ok(changed) => before.assert(&self.books, changed, turn.now),
            Err(error) => invariants::follows(index, error),
        });
        let changed = taken.unwrap_or_default();
        store(ops, turn);
        changed
    }

    /// Shows the changed snapshot under a new number.
    fn publish(&mut self) {
        self.snapshot.epoch += 1;
        self.snapshot.grants = self.books.grants().clone();
        self.snapshot.identities = self.books.identities().clone();
        self.snapshot.delegations = self.books.delegations().clone();
        self.snapshot.quarantine = self.books.quarantine().clone();
        self.snapshot.pins = self.books.pins().clone();
        self.snapshot.tested = self.books.tested().clone();
        self.views.publish(self.snapshot.clone());
    }

    /// Shows when people have voted of late, to whoever says in front of the sequencer whether an approval has room.
    fn show_recent_votes(&self) {
        let all = self.books.recent_votes().all();
        self.views.set_recent_votes(all.map(|(person, votes)| (person.clone(), votes)).collect());
    }

    /// Returns the active bundle.
    fn bundle(&self) -> &Bundle {
        &self.snapshot.bundle
    }

    fn inventory(&mut self, bundle: Digest, entities: Arc<Entities>) -> Reply {
        if bundle == self.bundle().digest() {
            self.snapshot.entities = entities;
            self.publish();
        }
        Reply::done()
    }
}

/// Stores changes with the turn's records.
fn store(ops: Ops, turn: &mut Turn<'_>) {
    for op in ops.into_iter().filter(|op| op.kind != kind::METER || !mutant::on(Mutant::CounterNotStored)) {
        turn.change(op.kind, op.key, op.value);
    }
}
