//! Whether the records of a bundle are those it says it is about, and whether they are all of them.

use std::collections::BTreeSet;

use types::attestation::{
    ANCHORED, Anchored, DATA_CHECKED, EVALUATED, Evaluated, INCIDENT, OBSERVED, Observed, PIPELINE_STEPPED,
};
use types::case::Vote;
use types::data_check::DataChecked;
use types::incident::Incident;
use types::pipeline::PipelineStepped;
use types::seal::{SEALED, Sealed};
use types::{ActionId, Principal, Session, SessionId};

use crate::about::About;
use crate::authority;
use crate::claims::{Read, openers};
use crate::content::Field;
use crate::erasure::Scope;
use crate::heartbeat;
use crate::leaf::RecordKind;
use crate::passkey::Passkey;
use crate::verify::{Check, Standing, check};
use crate::walk::is_intent;

/// Holds what the bundle says it is about against its records.
pub(crate) fn checks(about: &About, records: &[Read<'_>]) -> Vec<Check> {
    let subject = check(format!("the records are about {about}"), belonging(about, records), None);
    let mut checks = vec![subject.unless_holds("subject-mismatch")];
    match about {
        About::Session(session) => checks.push(whole(*session, records)),
        About::Records { from, to } => checks.push(gapless(*from, *to, records)),
        About::Actions(_) | About::Agent(_) | About::Version { .. } => {}
    }
    checks
}

fn belonging(about: &About, records: &[Read<'_>]) -> Standing {
    let told = records.iter().filter(|record| !erases(record, records));
    let own: Vec<(&Read<'_>, Standing)> = told.map(|record| (record, owns(about, record))).collect();
    let ours: Vec<&Read<'_>> = own.iter().filter(|(_, how)| *how != Standing::Broken).map(|(r, _)| *r).collect();
    let votes: Vec<&Read<'_>> = own.iter().map(|(r, _)| *r).filter(|r| r.leaf.kind == RecordKind::Vote).collect();
    let follows = |(record, how): &(&Read<'_>, Standing)| match how {
        Standing::Broken if record.leaf.kind == RecordKind::Key => signs(record, &votes),
        Standing::Broken => belongs(record, &ours),
        how => *how,
    };
    let standing = own.iter().map(follows).fold(Standing::Holds, Standing::and);
    if is_there(about, &ours) { standing } else { Standing::Broken }
}

/// Says whether a record is of the subject itself.
fn owns(about: &About, record: &Read<'_>) -> Standing {
    let holds_if = |is: bool| if is { Standing::Holds } else { Standing::Broken };
    match about {
        About::Version { .. } if record.leaf.kind == RecordKind::Model => of_version(about, record),
        About::Actions(actions) | About::Version { actions, .. } => {
            holds_if(record.leaf.action.is_some_and(|action| actions.contains(&action)))
        }
        About::Session(session) => holds_if(in_session(record, *session)),
        About::Records { from, to } => holds_if((*from..*to).contains(&record.index)),
        About::Agent(agent) if record.leaf.kind == RecordKind::Decided => {
            let by_agent = |by: &Principal| holds_if(by.agent() == Some(agent));
            record.value::<Principal>(Field::Principal).map_or_else(|unknown| unknown, |by| by_agent(&by))
        }
        About::Agent(_) => Standing::Broken,
    }
}

/// Says whether what is recorded of models is of the version that a bundle is about.
fn of_version(about: &About, record: &Read<'_>) -> Standing {
    let About::Version { model, version, logged_model, run, .. } = about else { return Standing::Broken };
    let said = match record.leaf.status {
        Some(SEALED) => record.value::<Sealed>(Field::Body).map(|sealed| Some(&sealed.model) == logged_model.as_ref()),
        Some(ANCHORED) => record.value::<Anchored>(Field::Body).map(|anchored| Some(&anchored.run) == run.as_ref()),
        Some(EVALUATED) => {
            let is_of_it = |found: Evaluated| found.model == *model && found.version == *version;
            record.value::<Evaluated>(Field::Body).map(is_of_it)
        }
        Some(OBSERVED) => {
            let names = |found: &Observed| {
                let others = found.others.as_ref().is_some_and(|others| others.contains(version));
                found.version == Some(*version) || found.declared == Some(*version) || others
            };
            record
                .value::<Observed>(Field::Body)
                .map(|found| found.model == *model && names(&found) && heartbeat::holds(&found))
        }
        Some(INCIDENT) => {
            record.value::<Incident>(Field::Body).map(|found| found.model == *model && found.names(*version))
        }
        Some(DATA_CHECKED) => {
            let names = |found: &DataChecked| found.run.is_some() && found.run == *run;
            record.value::<DataChecked>(Field::Body).map(|found| names(&found))
        }
        Some(PIPELINE_STEPPED) => {
            let is_of_it = |found: PipelineStepped| found.model == *model && found.version == *version;
            record.value::<PipelineStepped>(Field::Body).map(is_of_it)
        }
        _ => Ok(false),
    };
    said.map_or_else(|unknown| unknown, |is_of_it| if is_of_it { Standing::Holds } else { Standing::Broken })
}

fn in_session(record: &Read<'_>, session: SessionId) -> bool {
    record.leaf.session.as_ref().is_some_and(|place| place.session == session)
}

/// Says whether something of the subject is here at all: of actions, the decision of each, since what became of an action
/// says nothing of how it was let through.
fn is_there(about: &About, ours: &[&Read<'_>]) -> bool {
    match about {
        About::Actions(actions) => !actions.is_empty() && actions.is_subset(&decided(ours)),
        About::Version { actions, .. } => !ours.is_empty() && actions.is_subset(&decided(ours)),
        About::Session(_) | About::Agent(_) | About::Records { .. } => !ours.is_empty(),
    }
}

/// Returns the actions whose decisions are among records.
fn decided(records: &[&Read<'_>]) -> BTreeSet<ActionId> {
    records.iter().filter(|record| is_decided(record)).filter_map(|record| record.leaf.action).collect()
}

/// Says whether a record decides its action: a decoy's, which seems to ask, is decided when it is shown.
fn is_decided(record: &Read<'_>) -> bool {
    let is_decoy = record.leaf.kind == RecordKind::Decoy && record.leaf.verdict.is_some();
    is_decoy || record.leaf.kind == RecordKind::Decided
}

/// Says whether a record that is not of the subject itself belongs to it: what became of one of its actions does, and a
/// vote on a case that one of them ran on or a review of it, and the level that one of them was decided at.
fn belongs(other: &Read<'_>, own: &[&Read<'_>]) -> Standing {
    if other.leaf.kind == RecordKind::Grant {
        return authority::belongs(other, own);
    }
    let Some(action) = other.leaf.action else { return Standing::Broken };
    let decisions = || own.iter().filter(|r| r.leaf.kind == RecordKind::Decided);
    if decisions().any(|decision| decision.leaf.action == Some(action)) {
        return Standing::Holds;
    }
    if !matches!(other.leaf.kind, RecordKind::Vote | RecordKind::Review) {
        return Standing::Broken;
    }
    let mut standings: Vec<_> = decisions().map(|r| ran_on(r, &action)).collect();
    if standings.contains(&Standing::Holds) {
        return Standing::Holds;
    }
    // Where a decision does not show what it ran on, nobody can say that it was not this.
    standings.retain(|standing| *standing != Standing::Broken);
    standings.into_iter().reduce(Standing::and).unwrap_or(Standing::Broken)
}

/// Says whether a record is of a passkey with which one of the votes here is signed.
fn signs(key: &Read<'_>, votes: &[&Read<'_>]) -> Standing {
    let passkey = match key.value::<Passkey>(Field::Body) {
        Ok(passkey) => passkey.id,
        Err(standing) => return standing,
    };
    let signed =
        |vote: &&Read<'_>| vote.value::<Vote>(Field::Body).map(|vote| vote.signed.map(|signed| signed.passkey));
    let mut unread = None;
    for vote in votes.iter().map(signed) {
        match vote {
            Ok(named) if named == Some(passkey) => return Standing::Holds,
            Ok(_) | Err(Standing::Broken) => {}
            Err(standing) => unread = Some(standing),
        }
    }
    // Where a vote does not show by what it is signed, nobody can say that it was not by this.
    unread.unwrap_or(Standing::Broken)
}

/// Says whether a record tells by which erasure one of the others lost its values.
fn erases(other: &Read<'_>, all: &[Read<'_>]) -> bool {
    let scope = other.shown.as_ref().and_then(|shown| Scope::shown_by(&other.leaf, shown));
    scope.is_some_and(|scope| all.iter().any(|record| record.erased && scope.covers(record.index)))
}

fn ran_on(decision: &Read<'_>, opener: &ActionId) -> Standing {
    let Some(shown) = &decision.shown else { return decision.without_values() };
    let openers = shown.content.facts().ok().and_then(|facts| openers(&facts));
    match openers {
        Some(openers) if openers.contains(opener) => Standing::Holds,
        Some(openers) if openers.is_empty() && shown.withheld_grounds > 0 => Standing::Withheld,
        _ => Standing::Broken,
    }
}

/// Demands every record of a session from its opening to its end, and the counts it was closed with.
fn whole(session: SessionId, records: &[Read<'_>]) -> Check {
    let claim = format!("{session} is whole, from its opening to its end");
    let own: Vec<&Read<'_>> = records.iter().filter(|record| in_session(record, session)).collect();
    let places = own.iter().filter_map(|record| Some(record.leaf.session.as_ref()?.seq));
    if let Some((expected, found)) = (0..).zip(places).find(|(expected, found)| expected != found) {
        let detail = format!("number {found} stands where number {expected} should");
        return check(claim, Standing::Missing, Some(detail)).because("session-incomplete");
    }
    let Some(last) = own.last().filter(|last| last.leaf.kind == RecordKind::SessionClose) else {
        let detail = "its end is not here".to_owned();
        return check(claim, Standing::Missing, Some(detail)).because("session-incomplete");
    };
    match last.value::<Session>(Field::Body) {
        Err(standing) => check(claim, standing, None).unless_holds("content-missing"),
        Ok(closed) => {
            let decided = own.iter().filter(|record| record.leaf.kind == RecordKind::Decided).count() as u64;
            let permitted = own.iter().filter(|record| is_intent(&record.leaf)).count() as u64;
            let counts = (closed.proposed, closed.permitted) == (decided, permitted);
            let standing = if counts { Standing::Holds } else { Standing::Broken };
            let detail = format!("closed after {} proposals, {} permitted", closed.proposed, closed.permitted);
            check(claim, standing, Some(detail)).unless_holds("session-counts-differ")
        }
    }
}

fn gapless(from: u64, to: u64, records: &[Read<'_>]) -> Check {
    let claim = format!("every record from {from} up to {to} is here");
    let there = records.iter().map(|record| record.index).filter(|index| (from..to).contains(index)).eq(from..to);
    check(claim, if there { Standing::Holds } else { Standing::Missing }, None).unless_holds("records-missing")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::tests::{Put, action, approved, record, vote};
    use crate::content::Content;
    use crate::leaf::InSession;

    fn stands(about: &About, records: &[Read<'_>]) -> Standing {
        checks(about, records)[0].standing
    }

    #[test]
    fn only_votes_that_it_ran_on_belong_to_an_action() {
        let about = About::action(action(1));
        let two = || Put { openers: vec![action(2).to_string()], ..approved() };
        let stands = |records: &[Read<'_>]| stands(&about, records);
        assert_eq!(stands(&[vote(3, 2), two().record(&[])]), Standing::Holds);
        assert_eq!(stands(&[vote(3, 2), approved().record(&[])]), Standing::Broken);
        assert_eq!(stands(&[vote(3, 2), two().record(&["fact"])]), Standing::Withheld);
        assert_eq!(stands(&[vote(3, 2)]), Standing::Broken);
        assert_eq!(stands(&[vote(3, 2), vote(4, 1)]), Standing::Broken);
        let other = record(4, RecordKind::Outcome, 2, &Content::default(), &[]);
        assert_eq!(stands(&[other, two().record(&[])]), Standing::Broken);
        let erased = Read { shown: None, erased: true, ..two().record(&[]) };
        assert_eq!(stands(&[vote(3, 2), erased]), Standing::Erased);
    }

    #[test]
    fn a_bundle_holds_the_decision_of_each_action_it_names() {
        let both = About::Actions([action(1), action(2)].into());
        assert_eq!(stands(&both, &[approved().record(&[])]), Standing::Broken);
        let other = |kind| record(4, kind, 2, &Content::default(), &[]);
        assert_eq!(stands(&both, &[other(RecordKind::Decided), approved().record(&[])]), Standing::Holds);
        let (outcome, vote) = (other(RecordKind::Outcome), other(RecordKind::Vote));
        assert_eq!(
            stands(&both, &[outcome, vote, approved().record(&[])]),
            Standing::Broken,
            "its decision is not here"
        );
        assert_eq!(stands(&About::Actions([].into()), &[]), Standing::Broken);
    }

    #[test]
    fn an_agent_owns_what_it_proposed_and_what_became_of_it() {
        let about = About::Agent("a".parse().unwrap());
        let by = |name: &str| {
            let principal = Principal::Agent(name.parse().unwrap());
            record(5, RecordKind::Decided, 1, &Content::default().with(Field::Principal, &principal), &[])
        };
        let outcome = || record(6, RecordKind::Outcome, 1, &Content::default(), &[]);
        assert_eq!(stands(&about, &[by("a"), outcome()]), Standing::Holds);
        assert_eq!(stands(&about, &[by("b"), outcome()]), Standing::Broken);
        assert_eq!(stands(&about, &[outcome()]), Standing::Broken);
        let hidden = record(5, RecordKind::Decided, 1, &Content::default(), &["principal"]);
        assert_eq!(stands(&about, &[hidden]), Standing::Withheld);
    }

    #[test]
    fn a_version_owns_what_is_recorded_of_it_and_what_moved_it() {
        let about = |actions: &[u8]| About::Version {
            model: "fraud".into(),
            version: 2,
            logged_model: Some("m-2".into()),
            run: Some("r2".into()),
            actions: actions.iter().map(|n| action(*n)).collect(),
        };
        let of = |index: u8, status: u8, content: Content| {
            let mut one = record(index, RecordKind::Model, 1, &content, &[]);
            (one.leaf.action, one.leaf.status) = (None, Some(status));
            one
        };
        let seal = |model: &str| {
            let body = Sealed { model: model.into(), digest: types::Digest([1; 32]), files: 1, bytes: 1, at: 1 };
            of(1, SEALED, Content::default().with(Field::Body, &body))
        };
        let run = |run: &str| {
            let body = Anchored { run: run.into(), status: "FINISHED".into(), parts: vec![], points: 0, at: 1 };
            of(2, ANCHORED, Content::default().with(Field::Body, &body))
        };
        let evaluation = |model: &str, version| {
            let (model, suite) = (model.to_owned(), "s".to_owned());
            let body = Evaluated {
                model,
                version,
                suite,
                passed: true,
                checks: vec![],
                seal: None,
                run: None,
                dataset: None,
                at: 1,
            };
            of(3, EVALUATED, Content::default().with(Field::Body, &body))
        };
        let seen = |version, declared| {
            let (model, target, state) = ("fraud".to_owned(), "eu".to_owned(), "as-declared".to_owned());
            let body = Observed { model, target, version, declared, state, at: 1, ..Observed::default() };
            of(4, OBSERVED, Content::default().with(Field::Body, &body))
        };
        let checked = |run: Option<&str>| {
            let digest = types::Digest([1; 32]);
            let body = DataChecked {
                dataset: "d".into(),
                run: run.map(str::to_owned),
                digest,
                bytes: 1,
                rows: 1,
                expectations: digest,
                passed: true,
                findings: vec![],
                as_of: 1,
                at: 1,
            };
            of(5, DATA_CHECKED, Content::default().with(Field::Body, &body))
        };
        let stepped = |model: &str, version| {
            let body = PipelineStepped {
                model: model.into(),
                version,
                pipeline: "p".into(),
                definition: types::Digest([1; 32]),
                step: types::pipeline::Step::Validate,
                state: types::pipeline::StepState::Done,
                why: None,
                action: None,
                at: 1,
            };
            of(6, PIPELINE_STEPPED, Content::default().with(Field::Body, &body))
        };
        assert_eq!(stands(&about(&[]), &[seal("m-2"), run("r2"), evaluation("fraud", 2)]), Standing::Holds);
        assert_eq!(stands(&about(&[]), &[seen(Some(2), None), seen(Some(1), Some(2))]), Standing::Holds);
        assert_eq!(stands(&about(&[]), &[checked(Some("r2")), stepped("fraud", 2)]), Standing::Holds);
        let incident = |model: &str, observed: &str| {
            let [thing, model, name, wrong] = ["alias", model, "champion", "alias-around-the-road"].map(str::to_owned);
            let observed = Some(observed.to_owned());
            let (declared, means, ended) = (Some("1".to_owned()), None, None);
            let body = Incident { thing, model, name, wrong, declared, observed, means, since: 1, ended, at: 1 };
            of(6, INCIDENT, Content::default().with(Field::Body, &body))
        };
        assert_eq!(stands(&about(&[]), &[incident("fraud", "2")]), Standing::Holds);
        for other in [incident("fraud", "3"), incident("spam", "2")] {
            assert_eq!(stands(&about(&[]), &[seal("m-2"), other]), Standing::Broken);
        }
        let moved = approved();
        assert_eq!(stands(&about(&[1]), &[seal("m-2"), moved.record(&[])]), Standing::Holds);
        assert_eq!(stands(&about(&[1]), &[seal("m-2")]), Standing::Broken, "the decision is not here");
        assert_eq!(stands(&about(&[]), &[seal("m-2"), moved.record(&[])]), Standing::Broken, "a decision of others");
        assert_eq!(stands(&about(&[]), &[]), Standing::Broken, "there is nothing");
        let others = [
            seal("m-1"),
            run("r1"),
            evaluation("fraud", 1),
            evaluation("spam", 2),
            seen(Some(1), None),
            checked(Some("r1")),
            checked(None),
            stepped("fraud", 1),
            stepped("spam", 2),
        ];
        for other in others {
            assert_eq!(stands(&about(&[]), &[seal("m-2"), other]), Standing::Broken);
        }
        let refused = of(5, 0, Content::default());
        assert_eq!(stands(&about(&[]), &[seal("m-2"), refused]), Standing::Broken);
    }

    #[test]
    fn a_part_of_the_log_has_no_gap() {
        let at = |index| record(index, RecordKind::Heartbeat, 1, &Content::default(), &[]);
        let gap = |records: &[Read<'_>]| checks(&About::Records { from: 3, to: 5 }, records)[1].standing;
        assert_eq!(gap(&[at(3), at(4)]), Standing::Holds);
        assert_eq!(gap(&[at(3)]), Standing::Missing);
        assert_eq!(gap(&[at(4)]), Standing::Missing);
    }

    fn session(counts: (u64, u64), places: &[(u64, RecordKind)]) -> Standing {
        let id = SessionId::draw(types::Millis(1), [1; 10]);
        let body = Session {
            id,
            agent: "a".parse().unwrap(),
            on_behalf_of: None,
            plan: None,
            opened: types::Millis(1),
            proposed: counts.0,
            permitted: counts.1,
            seen: types::Millis(1),
            attached: false,
            runs: None,
            epoch: None,
        };
        let records = places.iter().map(|(seq, kind)| {
            let mut one =
                record(u8::try_from(*seq).unwrap(), *kind, 1, &Content::default().with(Field::Body, &body), &[]);
            one.leaf.session = Some(InSession { session: id, seq: *seq, previous: None });
            one.leaf.verdict = (*kind == RecordKind::Decided).then_some(0);
            one
        });
        checks(&About::Session(id), &records.collect::<Vec<_>>())[1].standing
    }

    #[test]
    fn a_session_is_whole_only_with_its_end_and_its_counts() {
        use RecordKind::{Decided, SessionClose, SessionOpen};
        let all = [(0, SessionOpen), (1, Decided), (2, SessionClose)];
        assert_eq!(session((1, 1), &all), Standing::Holds);
        assert_eq!(session((2, 1), &all), Standing::Broken);
        assert_eq!(session((1, 0), &all), Standing::Broken);
        assert_eq!(session((1, 1), &all[..2]), Standing::Missing);
        assert_eq!(session((1, 1), &all[1..]), Standing::Missing);
        assert_eq!(session((0, 0), &[all[0], all[2]]), Standing::Missing);
    }
}
