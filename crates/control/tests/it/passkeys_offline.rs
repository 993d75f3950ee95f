//! Signed votes as whoever has the evidence checks them, without a server: this person, this key, this exact action.

use countersign_control::export::{Order, Wanted, custody, when_published};
use evidence::passkey::{self, Origins, Passkey};
use evidence::signed_votes::{VoteVerdict, verdict};
use evidence::{Archive, Content, Field, Leaf, RecordKey, RecordKind, Standing, SubjectKey, Trust, commit, verify};
use replay::audit::{Basis, reconstruct};
use replay::{Bundles, Report};
use testkit::authenticator::Authenticator;
use testkit::passkeys::signed;
use testkit::{World, log_key, world};
use tlog::Frontier;
use tlog::checkpoint::Checkpoint;
use tlog::hash::{Hash, leaf_hash};
use tlog::prove::prove_inclusion;
use types::case::{Ballot, SignedBallot, Vote};
use types::{ActionId, CaseId, Millis, OutcomeStatus};

use crate::passkeys::{SERVICE, asked, person};
use crate::try_propose;

/// Runs what was approved, and reports that it went well.
async fn run(world: &World) -> ActionId {
    let decided = try_propose(world, "sre.restart", SERVICE, true).await.unwrap();
    let action = decided.decision.action;
    let bot = "sre-bot".parse().unwrap();
    world.control.report(&bot, action, OutcomeStatus::Done, None, None).await.unwrap();
    action
}

async fn exported(world: &World, wanted: Wanted) -> Archive {
    world.control.publish().unwrap();
    let order = Order { wanted, with_policy: true, custody: custody("ana", Millis(1)) };
    let key = world.control.config().place.keys.log.verifier();
    let archive = when_published(world.control.history(), &key, &order).await.unwrap();
    Archive::from_bytes(&archive.to_bytes().unwrap()).unwrap()
}

/// A world in which `ben` has signed what then ran, and the evidence of it.
async fn ran() -> (World, CaseId, Authenticator, Archive) {
    let (world, case, ben) = asked().await;
    world.cast("ben", case, Ballot::Approve, &ben).await;
    let action = run(&world).await;
    let archive = exported(&world, Wanted::Actions([action].into())).await;
    (world, case, ben, archive)
}

fn verified(archive: &Archive) -> Report {
    replay::archive(archive, &Trust::Key(log_key().verifier().clone()), Bundles::new())
}

fn standing(report: &Report) -> (Standing, Option<&'static str>) {
    (report.signature_standing().and(report.claim_standing()), report.reason())
}

fn place(archive: &Archive, kind: RecordKind) -> usize {
    let is_it = |leaf: &[u8]| Leaf::from_bytes(leaf).unwrap().kind == kind;
    archive.records.iter().position(|record| is_it(&record.leaf)).unwrap()
}

fn vote_in(archive: &Archive) -> Vote {
    let record = &archive.records[place(archive, RecordKind::Vote)];
    let shown = commit::check(&Leaf::from_bytes(&record.leaf).unwrap(), record.disclosure.as_ref().unwrap()).unwrap();
    shown.content.get(Field::Body).unwrap().unwrap()
}

fn passkey_in(archive: &Archive) -> Passkey {
    let record = &archive.records[place(archive, RecordKind::Key)];
    let shown = commit::check(&Leaf::from_bytes(&record.leaf).unwrap(), record.disclosure.as_ref().unwrap()).unwrap();
    shown.content.get(Field::Body).unwrap().unwrap()
}

/// Records something else in place of one record, and hashes and signs the whole log again, as whoever holds its key can.
fn rewritten(
    world: &World,
    archive: &Archive,
    at: usize,
    change: impl FnOnce(&mut Leaf, Content) -> Content,
) -> Archive {
    let mut archive = archive.clone();
    let record = &mut archive.records[at];
    let mut leaf = Leaf::from_bytes(&record.leaf).unwrap();
    let content = commit::check(&leaf, record.disclosure.as_ref().unwrap()).unwrap().content;
    let content = change(&mut leaf, content);
    let key = RecordKey::derive(&leaf.record, &SubjectKey::from_bytes([8; 32]), []);
    let committed = commit::commitments(&key, &content).unwrap();
    record.disclosure = commit::disclose(&key, &content, |_| true).ok();
    (leaf.fields, leaf.findings, leaf.facts) = (committed.fields, committed.findings, committed.facts);
    record.leaf = leaf.to_bytes();
    let (index, leaf) = (record.index, record.leaf.clone());
    let history = world.control.history();
    let entries = history.range(0, history.size().unwrap()).unwrap();
    let hashes: Vec<Hash> =
        entries.iter().map(|entry| leaf_hash(if entry.index == index { &leaf } else { &entry.bytes })).collect();
    let mut frontier = Frontier::new();
    hashes.iter().for_each(|hash| frontier.push(*hash).unwrap());
    let head = Checkpoint::new(log_key().verifier().name(), frontier.size(), frontier.root());
    archive.checkpoint = head.sign(&log_key()).unwrap().to_string().into_bytes();
    for record in &mut archive.records {
        record.proof = prove_inclusion(record.index, hashes.len() as u64, hashes.as_slice()).unwrap();
    }
    archive
}

/// Records another vote in place of the true one.
fn revoted(world: &World, archive: &Archive, change: impl FnOnce(&mut Vote)) -> Archive {
    let mut vote = vote_in(archive);
    change(&mut vote);
    rewritten(world, archive, place(archive, RecordKind::Vote), |_, content| content.with(Field::Body, &vote))
}

type Part = (&'static str, fn(&mut SignedBallot) -> &mut Vec<u8>);

const PARTS: [Part; 4] = [
    ("ballot", |signed| &mut signed.ballot),
    ("client data", |signed| &mut signed.client_data),
    ("authenticator data", |signed| &mut signed.authenticator_data),
    ("signature", |signed| &mut signed.signature),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_vote_is_proved_from_its_bundle_alone() {
    let (world, _, _, archive) = ran().await;
    let report = verified(&archive);
    assert_eq!(standing(&report), (Standing::Holds, None), "{:#?}", report.evidence.claims);
    let says = |text: &str| report.evidence.claims.iter().any(|check| check.claim.contains(text));
    assert!(
        says("person:ben signed this vote with pk_") && says("on this exact action"),
        "{:#?}",
        report.evidence.claims
    );
    assert!(says("1 people signed what was lifted, as its profile demands"), "{:#?}", report.evidence.claims);
    assert_eq!(
        standing(&verified(&revoted(&world, &archive, |_| {}))).0,
        Standing::Holds,
        "rewriting alone changes nothing"
    );

    let told = reconstruct(&archive, &Trust::Key(log_key().verifier().clone()), Bundles::new(), None, None);
    let of = |text: &str| told.all().find(|statement| statement.says.contains(text)).map(|found| found.basis.clone());
    assert_eq!(of("on this exact action is signed with pk_"), Some(Basis::Proved));
    assert_eq!(of("was person:ben's own when it was enrolled"), Some(Basis::word_of("person:dan, who invited them")));
    assert_eq!(of("people signed what was lifted"), Some(Basis::Proved));
    assert_eq!(of("held a key of"), None, "nothing about the vote rests on the gateway's word");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_vote_says_on_whose_word_it_rests() {
    let world = world().await;
    let case = try_propose(&world, "sre.restart", SERVICE, true).await.unwrap().case.unwrap();
    let (ben, shown) = (person("ben"), world.control.case(&case.id).unwrap().case.shown);
    world.control.vote(&ben, case.id, Ballot::Approve, "fine", shown, false).await.unwrap();
    let action = run(&world).await;
    let archive = exported(&world, Wanted::Actions([action].into())).await;
    assert_eq!(standing(&verified(&archive)), (Standing::Holds, None));
    let told = reconstruct(&archive, &Trust::Key(log_key().verifier().clone()), Bundles::new(), None, None);
    let on_word = told.all().find(|statement| statement.says.contains("held a key of person:ben")).unwrap();
    assert_eq!(on_word.basis, Basis::word_of("the operator, who issues the keys"));
    let (_, records) = verify::archive(&archive, &Trust::Nobody);
    let vote = records.iter().find(|record| record.leaf.kind == RecordKind::Vote).unwrap();
    assert_eq!(verdict(vote, &records, None), Some(VoteVerdict::No { person: ben }));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_that_was_signed_is_one_that_counts() {
    let (world, _, _, archive) = ran().await;
    let (vote, key) = (vote_in(&archive), passkey_in(&archive));
    assert!(passkey::check(&vote, &key, Origins::OfRelyingParty).is_ok());
    for (name, part) in PARTS {
        let length = part(&mut vote.signed.clone().unwrap()).len();
        for at in 0..length {
            let mut bad = vote.clone();
            part(bad.signed.as_mut().unwrap())[at] ^= 1;
            assert!(passkey::check(&bad, &key, Origins::OfRelyingParty).is_err(), "byte {at} of the {name}");
        }
        for at in (0..length).step_by(length / 4) {
            let change = |vote: &mut Vote| part(vote.signed.as_mut().unwrap())[at] ^= 1;
            let report = verified(&revoted(&world, &archive, change));
            let expected = if name == "ballot" { "vote-ballot-mismatch" } else { "vote-signature-invalid" };
            let (standing, reason) = standing(&report);
            assert_eq!(standing, Standing::Broken, "byte {at} of the {name}");
            assert!([expected, "vote-signature-invalid"].contains(&reason.unwrap()), "{reason:?}");
        }
    }
    // The whole enrolment is signed too, since it attests itself; but for the name of the statement's format.
    let parts: [fn(&mut Passkey) -> &mut Vec<u8>; 4] = [
        |key| &mut key.enrolment.as_mut().unwrap().paper,
        |key| &mut key.enrolment.as_mut().unwrap().client_data,
        |key| &mut key.enrolment.as_mut().unwrap().key,
        |key| &mut key.enrolment.as_mut().unwrap().credential,
    ];
    for part in parts {
        for at in 0..part(&mut key.clone()).len() {
            let mut bad = key.clone();
            part(&mut bad)[at] ^= 1;
            assert!(passkey::check(&vote, &bad, Origins::OfRelyingParty).is_err(), "byte {at} of the enrolment");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_rewrites_the_log_makes_no_vote_of_somebody_else() {
    let (world, case, ben, archive) = ran().await;
    let refused = |reason: &'static str, change: &dyn Fn(&mut Vote)| {
        let report = verified(&revoted(&world, &archive, change));
        assert_eq!(standing(&report), (Standing::Broken, Some(reason)));
    };
    // Whoever takes the signature away leaves the passkey's record out too, since no vote names it any more.
    let mut bare = revoted(&world, &archive, |vote| vote.signed = None);
    let enrolled = bare.records.remove(place(&bare, RecordKind::Key)).index;
    bare.manifest.records.retain(|index| *index != enrolled);
    assert_eq!(standing(&verified(&bare)), (Standing::Broken, Some("vote-unsigned")));
    refused("vote-ballot-mismatch", &|vote| vote.reason = "another".into());
    refused("vote-ballot-mismatch", &|vote| vote.person = person("cleo"));
    refused("vote-ballot-mismatch", &|vote| vote.ballot = Ballot::Deny);
    refused("vote-ballot-mismatch", &|vote| vote.at = Millis(vote.at.0 + 600_000));
    refused("vote-ballot-mismatch", &|vote| vote.solo = true);

    // The same person's signature under another question.
    let other = try_propose(&world, "sre.restart", r#"{"service":"b"}"#, true).await.unwrap().case.unwrap();
    let (drawn, shown) =
        (world.ballot("ben", other.id, Ballot::Approve), world.control.case(&other.id).unwrap().case.shown);
    let answer = signed(&drawn, &ben);
    let elsewhere = SignedBallot {
        passkey: passkey_in(&archive).id,
        ballot: drawn.paper.to_bytes(),
        client_data: answer.client_data,
        authenticator_data: answer.authenticator_data,
        signature: answer.signature,
    };
    refused("vote-ballot-mismatch", &|vote| vote.signed = Some(elsewhere.clone()));
    refused("vote-ballot-mismatch", &|vote| {
        (vote.case, vote.shown, vote.signed) = (other.id, shown, Some(elsewhere.clone()));
    });
    assert_ne!(other.id, case);

    // A key of the attacker's own, enrolled under the same number in the person's name.
    let own = Authenticator::p256("localhost", 99);
    let enrolled = place(&archive, RecordKind::Key);
    let planted = rewritten(&world, &archive, enrolled, |_, content| {
        let mut key: Passkey = content.get(Field::Body).unwrap().unwrap();
        key.enrolment.as_mut().unwrap().key = own.cose_key();
        content.with(Field::Body, &key)
    });
    assert_eq!(standing(&verified(&planted)), (Standing::Broken, Some("vote-key-unknown")));
    // Another person's passkey.
    let renamed = rewritten(&world, &archive, enrolled, |_, content| {
        let key: Passkey = content.get(Field::Body).unwrap().unwrap();
        content.with(Field::Body, &Passkey { person: person("cleo"), ..key })
    });
    assert_eq!(standing(&verified(&renamed)), (Standing::Broken, Some("vote-key-unknown")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_must_be_enrolled_before_and_revoked_after() {
    let (world, _, _, archive) = ran().await;
    let mut bare = archive.clone();
    bare.records.remove(place(&archive, RecordKind::Key));
    bare.manifest.records = bare.records.iter().map(|record| record.index).collect();
    assert_eq!(standing(&verified(&bare)), (Standing::Missing, Some("vote-key-missing")));

    let key = passkey_in(&archive);
    world.control.revoke_passkey(&person("ana"), key.id, "lost").await.unwrap();
    let action = Leaf::from_bytes(&archive.records.last().unwrap().leaf).unwrap().action.unwrap();
    let later = exported(&world, Wanted::Actions([action].into())).await;
    let report = verified(&later);
    assert_eq!(standing(&report), (Standing::Holds, None));
    let signed_in = report.evidence.claims.iter().find(|check| check.claim.contains("signed this vote")).unwrap();
    assert!(signed_in.detail.as_ref().unwrap().contains("revoked later, in record"));

    let judged = |change: &dyn Fn(&mut evidence::claims::Read<'_>)| {
        let (_, mut records) = verify::archive(&later, &Trust::Nobody);
        records.iter_mut().for_each(change);
        let vote = records.iter().find(|record| record.leaf.kind == RecordKind::Vote).unwrap();
        match verdict(vote, &records, Some("another.example/log")) {
            Some(VoteVerdict::Fails { standing, reason, .. }) => (standing, reason),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(judged(&|_| {}), (Standing::Broken, "vote-ballot-mismatch"), "a ballot is for one log");
    let late = |record: &mut evidence::claims::Read<'_>| {
        if record.leaf.kind == RecordKind::Key {
            record.index += 1_000;
        }
    };
    assert_eq!(judged(&late), (Standing::Broken, "vote-key-unknown"));
    let (_, mut records) = verify::archive(&later, &Trust::Nobody);
    records
        .iter_mut()
        .filter(|record| record.leaf.status == Some(passkey::REVOKED))
        .for_each(|record| record.index = 0);
    let vote = records.iter().find(|record| record.leaf.kind == RecordKind::Vote).unwrap();
    let Some(VoteVerdict::Fails { reason, .. }) = verdict(vote, &records, None) else { panic!("it holds") };
    assert_eq!(reason, "vote-key-revoked");
}

/// Demands that a bundle proves a vote of `ben`, and that all its records belong to it.
fn proves(archive: &Archive, world: &World) {
    let key = world.control.config().place.keys.log.verifier().clone();
    let report = replay::archive(archive, &Trust::Key(key), Bundles::new());
    for text in ["person:ben signed this vote", "the records are about"] {
        let found = report.evidence.claims.iter().find(|check| check.claim.contains(text));
        assert_eq!(found.map(|check| check.standing), Some(Standing::Holds), "{:#?}", report.evidence.claims);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_takes_the_keys_along_and_a_later_log_proves_its_votes_alone() {
    let world = world().await;
    let ben = world.with_passkey("ben", 3).await;
    world.clock.advance(5_000);
    let from = world.control.now();
    let case = try_propose(&world, "sre.restart", SERVICE, true).await.unwrap().case.unwrap().id;
    world.cast("ben", case, Ballot::Approve, &ben).await;
    run(&world).await;
    let period = exported(&world, Wanted::Period { from, to: Millis(i64::MAX) }).await;
    assert_eq!(place(&period, RecordKind::Key), 0, "the enrolment was recorded before the period");
    proves(&period, &world);

    world.control.close_log(&person("dan"), "the year is over").await.unwrap();
    let (world, _) = crate::closing::next(world).await;
    world.clock.advance(5_000);
    let case = try_propose(&world, "sre.restart", SERVICE, true).await.unwrap().case.unwrap().id;
    world.cast("ben", case, Ballot::Approve, &ben).await;
    let action = run(&world).await;
    proves(&exported(&world, Wanted::Actions([action].into())).await, &world);
}
