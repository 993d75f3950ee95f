//! Every planted bug that a race can show is noticed within so many schedules, for what it is.

use countersign_races::scenes::SCENES;
use countersign_races::scenes::Scene::{self, Ballot, Deputy, Kill, Policy, Timeout, Votes};
use countersign_races::schedules::run_all;
use types::mutant::{self, Mutant};

/// Within how many schedules a planted bug must show.
const SCHEDULES: u64 = 2_000;

/// Says for each planted bug which race shows it and by what: parts of what is told, one of which is enough. The first
/// are bugs of logic that some order of whole commands shows too; the others need two threads in the midst of something.
const PLANTED: [(Mutant, Scene, &[&str]); 19] = [
    (Mutant::DispatchBeforeRecord, Votes, &["left before a permit was durable", "left more than once"]),
    (Mutant::ApprovalKept, Votes, &["its approval was used before"]),
    (Mutant::ApprovalAfterExpiry, Timeout, &["its approval has expired"]),
    (Mutant::ApprovalAfterPolicyChange, Policy, &["the policy has changed since"]),
    (Mutant::VoteCountedTwice, Votes, &["voted twice"]),
    (Mutant::PermitOutlivesKill, Kill, &["alive after a kill"]),
    (Mutant::KillCheckedEarly, Kill, &["after the kill was", "under a kill switch"]),
    (Mutant::EpochIgnored, Policy, &["without the approvals it needs", "not the active one"]),
    (Mutant::DelegationKept, Deputy, &["who has not given them their vote"]),
    (Mutant::DelegationOutlivesEnd, Deputy, &["after the end of it"]),
    (Mutant::StandInVotesAgain, Deputy, &["eve voted twice"]),
    (Mutant::GateLooksFirst, Kill, &["after the kill was"]),
    (Mutant::ShownBeforeSync, Timeout, &["told before it was durable"]),
    (Mutant::WaiterLooksFirst, Votes, &["deadlock"]),
    (Mutant::AnsweredBeforeSync, Policy, &["was not durable", "before the vote was durable"]),
    (Mutant::StandInLookedUpEarly, Deputy, &["who has not given them their vote", "after the end of it"]),
    (Mutant::VoteTimedEarly, Deputy, &["ben may not vote", "after the end of it"]),
    (Mutant::RevocationCheckedEarly, Ballot, &["a passkey that is not theirs any more"]),
    (Mutant::BallotMarkedLate, Ballot, &["was looked at 2 times"]),
];

#[test]
fn every_planted_bug_is_noticed() {
    let _alone = crate::alone();
    // What is there before a race is made once, and without a bug.
    for scene in SCENES {
        run_all(scene, 1, 2, 1).unwrap();
    }
    let mut survived = Vec::new();
    for (planted, scene, signs) in PLANTED {
        mutant::plant(Some(planted));
        let ran = run_all(scene, 1, 1 + SCHEDULES, 1);
        mutant::plant(None);
        match ran {
            Err(wrong) if signs.iter().any(|sign| wrong.what.contains(sign)) => {
                let what = wrong.what.lines().next().unwrap_or_default().to_owned();
                println!("({}) {planted:?}: {} schedule {}: {what}", planted as u8, scene.name(), wrong.seed);
            }
            other => survived.push(format!("({}) {planted:?}: {other:?}", planted as u8)),
        }
    }
    assert!(survived.is_empty(), "{}", survived.join("\n"));
}

#[test]
fn every_bug_that_only_a_race_shows_is_planted_here() {
    for race in mutant::RACES.iter().chain(mutant::STAND_INS) {
        assert!(PLANTED.iter().any(|(planted, ..)| planted == race), "{race:?}");
    }
}
