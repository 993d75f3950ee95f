//! Each invariant with something planted that breaks it. Those of permits are broken by planted bugs in the simulation of
//! the whole road, which proves that they stop it.

use std::collections::BTreeSet;
use std::sync::Arc;

use evidence::{Content, LogEvent, LogEventKind, RecordKind};
use ledger::standing::Closing;
use ledger::{Draft, Machine as _, Standing, StateSource, Turn};
use minicbor::Encode;
use stages::approval::VoteError;
use stages::break_glass::BreakGlassError;
use stages::limits::{Meter, Reservation, Spend};
use testkit::Counting;
use types::break_glass::{BreakGlass, End, Ended, Extent, Turned, Used, What};
use types::bundle::{Budget, Limits, Rate, Scope};
use types::case::{Ballot, CaseState, Vote};
use types::{ActionId, CaseId, Digest, LimitId, OutcomeStatus, cbor};

use super::super::{Decider, Seed};
use super::permit::carries;
use super::*;
use crate::board::Board;
use crate::state::{OpenFlight, kind};

const NOW: Millis = Millis(1_000);

fn name(held: Result<(), Broken>) -> Option<&'static str> {
    held.err().map(|broken| broken.invariant.as_str())
}

/// Is one principal's counters as they are stored.
#[derive(Encode)]
#[cbor(map)]
struct Stored {
    #[n(0)]
    buckets: Vec<(LimitId, i64, i64, Millis)>,
    #[n(1)]
    spends: Vec<(LimitId, Millis, i64)>,
}

pub(in crate::machine) type Row = (String, Vec<u8>);

fn books(rows: &[(&'static str, Row)]) -> Books {
    let of = |wanted: &str| rows.iter().filter(|(kind, _)| *kind == wanted).map(|(_, row)| row.clone()).collect();
    Books::load(&|kind| Ok(of(kind))).unwrap()
}

fn action() -> ActionId {
    ActionId::draw(Millis(1), [1; 10])
}

fn flight() -> (&'static str, Row) {
    let flight = OpenFlight {
        principal: types::Principal::from_subject("agent:a").unwrap(),
        on_behalf_of: None,
        tool: "s.x".parse().unwrap(),
        class: "write".parse().unwrap(),
        session: None,
        reported: false,
        since: Millis(10),
        expires: Millis(40_000),
        charged: vec![("sent".to_owned(), 4)],
        circuits: None,
        watched: None,
        checks: None,
    };
    (kind::FLIGHT, (action().to_string(), cbor::encode(&(action(), flight))))
}

fn spent(spent: i64) -> (&'static str, Row) {
    let stored = Stored { buckets: Vec::new(), spends: vec![("sent".parse().unwrap(), Millis(0), spent)] };
    (kind::METER, ("agent:a".to_owned(), minicbor::to_vec(&stored).unwrap()))
}

#[test]
fn an_action_ends_once_and_only_if_it_was_in_flight() {
    let (flying, over) = (books(&[flight(), spent(9)]), books(&[spent(9)]));
    let ends = |before: &Books, after: &Books| Ending::of(before, action(), OutcomeStatus::Done).assert(after);
    assert_eq!(name(ends(&flying, &over)), None);
    for (before, after) in [(&over, &over), (&flying, &flying), (&over, &flying)] {
        assert_eq!(name(ends(before, after)), Some("flight-once"));
    }
}

#[test]
fn what_comes_back_of_a_budget_is_what_was_taken_at_most() {
    let ends = |status: OutcomeStatus, before: i64, after: i64| {
        let ending = Ending::of(&books(&[flight(), spent(before)]), action(), status);
        name(ending.assert(&books(&[spent(after)])))
    };
    let back = |before, after| ends(OutcomeStatus::NotDispatched, before, after);
    // What its period has forgotten does not come back.
    assert_eq!((back(9, 5), back(9, 9), back(2, 0)), (None, None, None));
    assert_eq!((back(9, 4), back(9, 10), back(2, -2)), (Some("refund-fits"), Some("refund-fits"), Some("refund-fits")));
    assert_eq!(back(-5, 0), Some("refund-fits"));
    assert_eq!((ends(OutcomeStatus::Failed, 9, 9), ends(OutcomeStatus::Failed, 9, 5)), (None, Some("refund-fits")));
    let gone = Ending::of(&books(&[flight(), spent(9)]), action(), OutcomeStatus::Done).assert(&books(&[]));
    assert_eq!(name(gone), Some("refund-fits"));
}

#[test]
fn what_runs_without_approvals_is_carried_by_two_keys_in_time() {
    let turned = |by: &str, at: i64| Turned { by: by.parse().unwrap(), at: Millis(at) };
    let used = |action: ActionId| Used { action, tool: "s.x".parse().unwrap(), at: NOW, index: 7 };
    let agent = "a".parse().unwrap();
    let good = BreakGlass {
        id: types::GlassId::draw(Millis(1), [1; 10]),
        extent: Extent { agent, what: What::Class("write".parse().unwrap()), environment: None },
        reason: "nobody answers".into(),
        first: turned("ana", 0),
        life_ms: 900,
        actions_max: 1,
        review_ms: 1,
        bundle: Digest([1; 32]),
        second: Some(turned("ben", 101)),
        ended: None,
        actions: vec![used(action())],
        review: None,
        owner: "ana".parse().unwrap(),
    };
    let carries = |glass: &BreakGlass, agent: &str| carries(glass, action(), agent.parse().ok().as_ref(), NOW);
    assert!(carries(&good, "a") && !carries(&good, "b"));
    let ended = Some(Ended { how: End::Person, by: None, at: Millis(500) });
    for bad in [
        BreakGlass { second: None, ..good.clone() },
        BreakGlass { second: Some(turned("ana", 101)), ..good.clone() },
        BreakGlass { second: Some(turned("ben", 100)), ..good.clone() },
        BreakGlass { ended, ..good.clone() },
        BreakGlass { actions: Vec::new(), ..good.clone() },
        BreakGlass { actions_max: 0, ..good.clone() },
    ] {
        assert!(!carries(&bad, "a"), "{bad:?}");
    }
}

fn sent() -> LimitId {
    "sent".parse().unwrap()
}

fn limits_of(max: i64) -> Limits {
    let budget = Budget { covers: Scope::default(), amount: None, max, period_ms: 3_600_000 };
    let rate = Rate { covers: Scope::default(), burst: 2, refill_ms: 1_000_000 };
    let (budgets, rates) = ([(sent(), budget)].into(), [("calls".parse().unwrap(), rate)].into());
    Limits { rates, budgets, ..Limits::default() }
}

fn meter(spent: i64) -> Meter {
    let mut meter = Meter::default();
    meter.spends.insert(sent(), Spend { from: Millis(0), spent });
    meter
}

#[test]
fn a_permit_takes_what_it_asks_for_and_only_what_is_left() {
    let budgets = vec![(sent(), 4)];
    let asked = Reservation { budgets, ..Reservation::default() };
    let took = |before, after, max| name(limits::assert(&limits_of(max), &asked, (&meter(before), &meter(after)), NOW));
    assert_eq!((took(0, 4, 10), took(6, 10, 10)), (None, None));
    for (before, after) in [(0, 0), (0, 8), (7, 11), (10, 10), (-9, -5)] {
        assert_eq!(took(before, after, 10), Some("limit-holds"), "{before} to {after}");
    }
}

#[test]
fn a_permit_takes_one_token_of_each_rate() {
    let calls: LimitId = "calls".parse().unwrap();
    let (limits, asked) = (limits_of(1), Reservation { rates: vec![calls.clone()], ..Reservation::default() });
    let rate = &limits.rates[&calls];
    let after = |tokens: usize| {
        let mut meter = Meter::default();
        let full = stages::limits::Bucket::full(rate, NOW);
        meter.buckets.insert(calls.clone(), (0..tokens).fold(full, |bucket, _| bucket.take(rate, NOW)));
        meter
    };
    let took = |from, to| name(limits::assert(&limits, &asked, (&after(from), &after(to)), NOW));
    assert_eq!((took(0, 1), took(1, 2)), (None, None));
    assert_eq!(name(limits::assert(&limits, &asked, (&Meter::default(), &after(1)), NOW)), None);
    for (from, to) in [(0, 0), (0, 2), (2, 3)] {
        assert_eq!(took(from, to), Some("limit-holds"), "{from} to {to}");
    }
}

fn vote(person: &str) -> Vote {
    let (case, person, shown) = (case_id(), person.parse().unwrap(), Digest::plain(b"shown"));
    Vote {
        case,
        person,
        ballot: Ballot::Approve,
        reason: String::new(),
        shown,
        solo: false,
        at: NOW,
        proxy: None,
        signed: None,
    }
}

fn case_id() -> CaseId {
    CaseId::draw(Millis(1), [2; 10])
}

fn case(state: CaseState, voters: &[&str]) -> Case {
    Case {
        id: case_id(),
        action: action(),
        action_digest: Digest::plain(b"action"),
        requester: types::Principal::from_subject("agent:a").unwrap(),
        on_behalf_of: None,
        tool: "s.x".parse().unwrap(),
        profiles: BTreeSet::new(),
        bundle: Digest::plain(b"bundle"),
        opened: Millis(0),
        expires: Millis(2_000),
        shown: Digest::plain(b"shown"),
        state,
        votes: voters.iter().map(|voter| vote(voter)).collect(),
        opened_in: 0,
        round: 1,
        reviews: Vec::new(),
        returned: false,
        passed: None,
    }
}

/// What is kept where a case stands like that: only live ones are.
fn kept(case: &Case) -> Books {
    let is_live = matches!(case.state, CaseState::Open | CaseState::Approved);
    let row = (kind::CASE, (case.id.to_string(), cbor::encode(case)));
    books(if is_live { std::slice::from_ref(&row) } else { &[] })
}

fn voted(before: &Case, after: &Case, now: Millis) -> Option<&'static str> {
    name(Voting::by_vote(&kept(before), &vote("ben")).assert(&kept(after), std::slice::from_ref(after), now))
}

#[test]
fn a_vote_moves_an_open_case_and_a_person_has_one() {
    let open = case(CaseState::Open, &["ana"]);
    for to in [CaseState::Open, CaseState::Approved, CaseState::Denied] {
        assert_eq!(voted(&open, &case(to, &["ana", "ben"]), NOW), None);
    }
    for after in [case(CaseState::Open, &["ana", "ana"]), case(CaseState::Open, &["ana"])] {
        assert_eq!(voted(&open, &after, NOW), Some("vote-once"));
    }
    for to in [CaseState::Consumed, CaseState::Expired, CaseState::Void, CaseState::Withdrawn, CaseState::Returned] {
        assert_eq!(voted(&open, &case(to, &["ana", "ben"]), NOW), Some("case-moves"));
    }
    assert_eq!(voted(&open, &case(CaseState::Open, &["ana", "ben"]), Millis(2_000)), Some("case-moves"));
    let approved = case(CaseState::Approved, &["ana"]);
    assert_eq!(voted(&approved, &case(CaseState::Denied, &["ana", "ben"]), NOW), Some("case-moves"));
    let gone = Voting::by_vote(&books(&[]), &vote("ben")).assert(&kept(&open), std::slice::from_ref(&open), NOW);
    assert_eq!(name(gone), Some("case-moves"));
}

#[test]
fn a_case_ends_as_the_state_machine_has_it_and_not_before_its_time() {
    let ends = |from: CaseState, to: CaseState, now: Millis| {
        let (before, after) = (case(from, &["ana"]), case(to, &["ana"]));
        let voting = Voting::by_end(&kept(&before), case_id(), to);
        name(voting.assert(&kept(&after), &[after], now))
    };
    for from in [CaseState::Open, CaseState::Approved] {
        for to in [CaseState::Void, CaseState::Withdrawn] {
            assert_eq!(ends(from, to, NOW), None);
        }
        assert_eq!(
            (ends(from, CaseState::Expired, Millis(2_000)), ends(from, CaseState::Consumed, NOW)),
            (None, Some("case-moves"))
        );
        assert_eq!(ends(from, CaseState::Expired, Millis(1_999)), Some("case-moves"));
    }
    assert_eq!(ends(CaseState::Void, CaseState::Withdrawn, NOW), Some("case-moves"));
    // It is over, and is kept all the same.
    let (open, void) = (case(CaseState::Open, &[]), case(CaseState::Void, &[]));
    let stays = Voting::by_end(&kept(&open), case_id(), CaseState::Void).assert(&kept(&open), &[void], NOW);
    assert_eq!(name(stays), Some("case-moves"));
}

#[test]
fn a_log_that_is_to_be_silent_records_only_what_it_may() {
    let random = Counting::default();
    let says = |frozen: bool, closing: Option<Closing>, kind: RecordKind, event: Option<LogEventKind>| {
        let log = Standing { signers: Vec::new(), frozen, ended: Vec::new(), closing };
        let mut turn = Turn::new(NOW, false, 0, &random);
        let log_event = event.map(|event| LogEvent::of(event, Vec::new(), Vec::new()));
        turn.record(Draft { log: log_event, ..Draft::new(kind, Content::default()) });
        name(Quiet::of(&log).assert(&turn))
    };
    let draining = Some(Closing::Draining(None));
    let (silent, continued) = (Some("log-silent"), Some(LogEventKind::Continued));
    assert_eq!(says(false, None, RecordKind::Decided, None), None);
    assert_eq!(says(false, draining, RecordKind::Outcome, None), None);
    for begins in [RecordKind::Decided, RecordKind::SessionOpen] {
        assert_eq!(says(false, draining, begins, None), silent);
    }
    assert_eq!(says(true, None, RecordKind::Epoch, continued), None);
    assert_eq!(says(true, None, RecordKind::KeyEvent, Some(LogEventKind::Rotated)), silent);
    assert_eq!(says(true, draining, RecordKind::Outcome, None), silent);
    assert_eq!(says(true, Some(Closing::Closed), RecordKind::Epoch, continued), silent);
    assert_eq!(says(false, Some(Closing::Closed), RecordKind::Heartbeat, None), silent);
}

#[test]
fn a_record_that_does_not_follow_is_told_by_what_it_breaks() {
    let person = "ana".parse().unwrap();
    for (error, told) in [
        (FoldError::NoFlight(action()), "flight-once"),
        (FoldError::NoCase(case_id()), "case-moves"),
        (FoldError::Vote(VoteError::Repeated(person)), "vote-once"),
        (FoldError::BreakGlass(BreakGlassError::Unsupported(String::new())), "glass-holds"),
        (FoldError::NoBundle("it is gone".into()), "record-follows"),
        (FoldError::NoSaga(types::SessionId::draw(types::Millis(1), [1; 10])), "record-follows"),
        (FoldError::Unreadable, "record-follows"),
    ] {
        assert_eq!(name(follows(7, &error)), Some(told));
    }
}

struct Rows(Vec<(&'static str, Row)>);

impl StateSource for Rows {
    fn all(&self, wanted: &str) -> Result<Vec<Row>, String> {
        Ok(self.0.iter().filter(|(kind, _)| *kind == wanted).map(|(_, row)| row.clone()).collect())
    }
}

/// The machine that is run, on what is stored.
pub(in crate::machine) fn machine(rows: Vec<(&'static str, Row)>) -> Decider {
    let bundle = Arc::new(policy::Bundle::load(testkit::bundle()).unwrap());
    let log = Standing { signers: Vec::new(), frozen: false, ended: Vec::new(), closing: None };
    let (tenant, board) = ("default".parse().unwrap(), Arc::new(Board::default()));
    let seed = Seed { tenant, bundle, entities: Arc::default(), log, views: Arc::default(), board };
    Decider::load(&seed, &Rows(rows)).unwrap()
}

/// Lets the machine record what it never should, and says what stops that.
fn recording(rows: Vec<(&'static str, Row)>, event: Event<'_>) -> Option<&'static str> {
    let random = Counting::default();
    let mut turn = Turn::new(NOW, false, 0, &random);
    let draft = Draft::new(RecordKind::Heartbeat, Content::default());
    machine(rows).append(draft, event, &mut turn);
    turn.broken().map(|broken| broken.invariant.as_str())
}

#[test]
fn the_machine_stops_at_a_record_that_should_not_be() {
    let row = |case: &Case| vec![(kind::CASE, (case.id.to_string(), cbor::encode(case)))];
    let open = row(&case(CaseState::Open, &[]));
    let ended = |state| Event::CaseEnded(case_id(), state);
    assert_eq!(recording(open.clone(), ended(CaseState::Void)), None);
    assert_eq!(recording(open.clone(), ended(CaseState::Consumed)), Some("case-moves"));
    assert_eq!(recording(open.clone(), ended(CaseState::Expired)), Some("case-moves"));
    assert_eq!(recording(Vec::new(), ended(CaseState::Void)), Some("case-moves"));
    assert_eq!(recording(open, Event::Voted(vote("nobody"))), Some("vote-once"));
    let landed = || Event::Landed(action(), OutcomeStatus::NotDispatched);
    assert_eq!(recording(vec![flight(), spent(9)], landed()), None);
    assert_eq!(recording(vec![spent(9)], landed()), Some("flight-once"));
    // What was spent of it is less than nothing, as no charge leaves it.
    assert_eq!(recording(vec![flight(), spent(-9)], landed()), Some("refund-fits"));
}
