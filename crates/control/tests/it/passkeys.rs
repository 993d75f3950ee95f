//! Passkeys and signed votes as the application counts them: who enrols, what is refused, what goes on over a restart.

use countersign_control::ballots::{AssertionAnswer, BALLOT_MS};
use countersign_control::door::Refusal;
use countersign_control::passkeys::{INVITATION_MS, PasskeyConfig, RegistrationAnswer};
use countersign_control::state::Target;
use testkit::authenticator::{Authenticator, PRESENT, client_data};
use testkit::passkeys::{ORIGIN, signed, signing_bundle};
use testkit::{World, world, world_with};
use types::case::{Ballot, Case, CaseState};
use types::{CaseId, Code, PersonId, Principal};

use crate::propose;

pub const SERVICE: &str = r#"{"service":"web"}"#;

pub fn person(name: &str) -> PersonId {
    name.parse().unwrap()
}

/// A world in which restarting `web` awaits a signed vote, and `ben` has a passkey.
pub async fn asked() -> (World, CaseId, Authenticator) {
    let world = world_with(signing_bundle()).await;
    let ben = world.with_passkey("ben", 3).await;
    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    (world, case, ben)
}

async fn cast(world: &World, who: &str, case: CaseId, answer: AssertionAnswer) -> Result<Case, Code> {
    world.control.vote_signed(&person(who), case, answer).await.map_err(|refusal| refusal.code)
}

fn state(world: &World, case: CaseId) -> CaseState {
    world.control.case(&case).unwrap().case.state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_vote_approves_and_a_plain_one_does_not() {
    let (world, case, ben) = asked().await;
    let shown = world.control.case(&case).unwrap().case.shown;
    for ballot in [Ballot::Approve, Ballot::Deny] {
        let plain = world.control.vote(&person("ben"), case, ballot, "by key", shown, false).await;
        assert_eq!(plain.unwrap_err().code, Code::VoteUnsigned);
    }
    assert_eq!(world.cast("ben", case, Ballot::Approve, &ben).await.state, CaseState::Approved);
    let world = world.restart().await;
    assert!(propose(&world, "sre.restart", SERVICE).await.permit.is_some());

    let other = propose(&world, "sre.restart", r#"{"service":"b"}"#).await.case.unwrap().id;
    assert_eq!(world.cast("ben", other, Ballot::Deny, &ben).await.state, CaseState::Denied);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_signing_is_not_demanded_it_counts_all_the_same() {
    let world = world().await;
    let key = Authenticator::ed25519("localhost", 5);
    world.enrol("ben", &key).await;
    let case = propose(&world, "sre.scale", SERVICE).await.case.unwrap().id;
    assert_eq!(world.cast("ben", case, Ballot::Approve, &key).await.state, CaseState::Open);
    let shown = world.control.case(&case).unwrap().case.shown;
    let cleo = world.control.vote(&person("cleo"), case, Ballot::Approve, "fine", shown, false).await;
    assert_eq!(cleo.unwrap().state, CaseState::Approved);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ballot_is_cast_once_and_in_time() {
    let (world, case, ben) = asked().await;
    let late = world.ballot("ben", case, Ballot::Approve);
    world.clock.advance(BALLOT_MS);
    assert_eq!(cast(&world, "ben", case, signed(&late, &ben)).await, Err(Code::BallotExpired));
    assert_eq!(cast(&world, "ben", case, signed(&late, &ben)).await, Err(Code::BallotUsed));

    let drawn = world.ballot("ben", case, Ballot::Approve);
    let mut wrong = signed(&drawn, &ben);
    wrong.signature[9] ^= 1;
    assert_eq!(cast(&world, "ben", case, wrong).await, Err(Code::AssertionInvalid));
    assert_eq!(cast(&world, "ben", case, signed(&drawn, &ben)).await, Err(Code::BallotUsed), "a try uses it up");
    assert_eq!(state(&world, case), CaseState::Open);

    let drawn = world.ballot("ben", case, Ballot::Approve);
    let good = signed(&drawn, &ben);
    assert!(cast(&world, "ben", case, good.clone()).await.is_ok());
    assert_eq!(cast(&world, "ben", case, good.clone()).await, Err(Code::BallotUsed));
    let world = world.restart().await;
    assert_eq!(cast(&world, "ben", case, good).await, Err(Code::BallotUnknown), "no ballot outlives the process");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_counts_for_its_person_its_case_and_this_site_alone() {
    let (world, case, ben) = asked().await;
    let cleo = world.with_passkey("cleo", 4).await;
    let other = propose(&world, "sre.restart", r#"{"service":"b"}"#).await.case.unwrap().id;
    let drawn = || world.ballot("ben", case, Ballot::Approve);

    assert_eq!(cast(&world, "ben", other, signed(&drawn(), &ben)).await, Err(Code::ShownMismatch));
    assert_eq!(cast(&world, "cleo", case, signed(&drawn(), &ben)).await, Err(Code::PasskeyForeign));
    assert_eq!(cast(&world, "ben", case, signed(&drawn(), &cleo)).await, Err(Code::PasskeyForeign));
    let stolen = AssertionAnswer { id: ben.id.clone(), ..signed(&drawn(), &cleo) };
    assert_eq!(cast(&world, "ben", case, stolen).await, Err(Code::AssertionInvalid), "named as his, signed by hers");
    let unknown = Authenticator::p256("localhost", 9);
    assert_eq!(cast(&world, "ben", case, signed(&drawn(), &unknown)).await, Err(Code::PasskeyUnknown));

    let with = |change: fn(&mut Authenticator)| {
        let mut own = Authenticator::p256("localhost", 3);
        change(&mut own);
        signed(&drawn(), &own)
    };
    assert_eq!(cast(&world, "ben", case, with(|own| own.flags = PRESENT)).await, Err(Code::AssertionInvalid));
    let foreign = with(|own| own.rp_id = "evil.example".into());
    assert_eq!(cast(&world, "ben", case, foreign).await, Err(Code::AssertionForeign));
    for (kind, origin, expected) in [
        ("webauthn.get", "http://localhost:7718", Code::AssertionForeign),
        ("webauthn.get", "https://evil.example", Code::AssertionForeign),
        ("webauthn.create", ORIGIN, Code::AssertionInvalid),
    ] {
        let drawn = drawn();
        let client_data = client_data(kind, &drawn.challenge.0, origin);
        let data = ben.data(false);
        let signature = ben.sign_over(&data, &client_data);
        let answer = AssertionAnswer { id: ben.id.clone(), client_data, authenticator_data: data, signature };
        assert_eq!(cast(&world, "ben", case, answer).await, Err(expected), "{kind} {origin}");
    }
    let made_up = ben.assert(&[1; 32], ORIGIN);
    let unasked = AssertionAnswer { client_data: made_up.client_data, ..signed(&drawn(), &ben) };
    assert_eq!(cast(&world, "ben", case, unasked).await, Err(Code::BallotUnknown));
    let shell = AssertionAnswer { client_data: b"{}".to_vec(), ..signed(&drawn(), &ben) };
    assert_eq!(cast(&world, "ben", case, shell).await, Err(Code::AssertionInvalid));
    assert_eq!(state(&world, case), CaseState::Open);
    assert!(world.control.case(&case).unwrap().case.votes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_must_still_be_so_when_it_is_cast() {
    let (world, case, ben) = asked().await;
    let drawn = signed(&world.ballot("ben", case, Ballot::Approve), &ben);
    world
        .control
        .kill(Principal::Person(person("eve")), Target::Tool("sre.restart".parse().unwrap()), "no")
        .await
        .unwrap();
    assert_eq!(cast(&world, "ben", case, drawn).await, Err(Code::Killed));
    world.control.lift(&person("dan"), Target::Tool("sre.restart".parse().unwrap()), "fine again").await.unwrap();

    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    let drawn = signed(&world.ballot("ben", case, Ballot::Approve), &ben);
    let mut files = signing_bundle();
    let head = files.get("bundle.toml").unwrap().replace("\"small\"", "\"another\"");
    files.insert("bundle.toml", head);
    let bundle = std::sync::Arc::new(policy::Bundle::load(files).unwrap());
    world.control.activate_first(&person("dan"), bundle, "a new name").await.unwrap();
    assert_eq!(cast(&world, "ben", case, drawn).await, Err(Code::BallotVoid));
    assert_eq!(state(&world, case), CaseState::Void);

    let case = propose(&world, "sre.restart", SERVICE).await.case.unwrap().id;
    let drawn = signed(&world.ballot("ben", case, Ballot::Approve), &ben);
    let passkey = world.control.passkeys().unwrap()[0].id;
    world.control.revoke_passkey(&person("eve"), passkey, "lost").await.unwrap();
    assert_eq!(cast(&world, "ben", case, drawn).await, Err(Code::PasskeyRevoked));
    let none = world.control.draw_ballot(&person("ben"), &case, Ballot::Approve, "fine", false);
    assert_eq!(none.unwrap_err().code, Code::PasskeyUnknown);
    let again = world.with_passkey("ben", 6).await;
    let world = world.restart().await;
    assert_eq!(world.cast("ben", case, Ballot::Approve, &again).await.state, CaseState::Approved);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_an_assertion_counts() {
    let (world, case, ben) = asked().await;
    let lengths = {
        let drawn = signed(&world.ballot("ben", case, Ballot::Approve), &ben);
        [drawn.client_data.len(), drawn.authenticator_data.len(), drawn.signature.len()]
    };
    for (part, length) in lengths.into_iter().enumerate() {
        for at in 0..length {
            let mut bad = signed(&world.ballot("ben", case, Ballot::Approve), &ben);
            let bytes = [&mut bad.client_data, &mut bad.authenticator_data, &mut bad.signature];
            // A signature in DER is a byte shorter now and then.
            let Some(byte) = bytes.into_iter().nth(part).unwrap().get_mut(at) else { continue };
            *byte ^= 1;
            let code = cast(&world, "ben", case, bad).await.unwrap_err();
            let known = [Code::AssertionInvalid, Code::AssertionForeign, Code::BallotUnknown];
            assert!(known.contains(&code), "byte {at} of part {part}: {code}");
        }
    }
    assert!(world.control.case(&case).unwrap().case.votes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ballot_is_drawn_only_for_a_vote_that_could_count() {
    let (world, case, _) = asked().await;
    let draw = |who: &str, reason: &str| {
        let drawn = world.control.draw_ballot(&person(who), &case, Ballot::Approve, reason, false);
        drawn.map(drop).map_err(|refusal: Refusal| refusal.code)
    };
    assert_eq!(draw("ben", " "), Err(Code::RequestInvalid));
    assert_eq!(draw("ben", &"x".repeat(4_097)), Err(Code::RequestInvalid));
    assert_eq!(draw("cleo", "fine"), Err(Code::PasskeyUnknown));
    world.with_passkey("ana", 7).await;
    assert_eq!(draw("ana", "my own agent"), Err(Code::VoterExcluded));
    for _ in 0..70 {
        assert_eq!(draw("ben", "fine"), Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_another_person_s_and_good_once() {
    let mut world = world().await;
    let control = world.control.clone();
    let refused = async |by: &str, who: &str| control.invite(&person(by), &person(who), "why").await.unwrap_err().code;
    assert_eq!(refused("dan", "dan").await, Code::Forbidden);
    assert_eq!(refused("dan", "nobody").await, Code::PersonUnknown);
    assert_eq!(refused("eve", "ben").await, Code::PolicyDenies);

    let invitation = control.invite(&person("dan"), &person("ben"), "they approve").await.unwrap();
    world.watch_for(&invitation.token);
    world.watch_for(invitation.token.rsplit('_').next().unwrap());
    let own = Authenticator::p256("localhost", 3);
    let answer = |challenge: &[u8; 32], by: &Authenticator, origin: &str| {
        let made = by.register(challenge, origin, false);
        RegistrationAnswer { id: by.id.clone(), client_data: made.client_data, attestation: made.attestation }
    };
    let enrol = |answer: RegistrationAnswer| async {
        control.enrol(&invitation.token, answer).await.map(|passkey| passkey.person).map_err(|refusal| refusal.code)
    };
    let invalid = Err(Code::RegistrationInvalid);
    assert_eq!(enrol(answer(&[0; 32], &own, ORIGIN)).await, invalid, "nobody has asked");
    let ask = || control.ask_enrolment(&invitation.token).unwrap().challenge.0;
    assert_eq!(enrol(answer(&[0; 32], &own, ORIGIN)).await, invalid);
    let challenge = ask();
    assert_eq!(enrol(answer(&challenge, &own, "https://evil.example")).await, invalid);
    assert_eq!(enrol(answer(&challenge, &own, ORIGIN)).await, invalid, "a try uses the challenge up");
    let renamed = RegistrationAnswer { id: vec![9; 16], ..answer(&ask(), &own, ORIGIN) };
    assert_eq!(enrol(renamed).await, invalid);
    let late = answer(&ask(), &own, ORIGIN);
    world.clock.advance(300_000);
    assert_eq!(enrol(late).await, invalid);
    assert_eq!(enrol(answer(&ask(), &own, ORIGIN)).await, Ok(person("ben")));
    let used = control.ask_enrolment(&invitation.token).unwrap_err();
    assert_eq!(used.code, Code::InvitationInvalid);

    let second = control.invite(&person("dan"), &person("cleo"), "too").await.unwrap();
    let challenge = control.ask_enrolment(&second.token).unwrap().challenge.0;
    let same = control.enrol(&second.token, answer(&challenge, &own, ORIGIN)).await;
    assert_eq!(same.unwrap_err().code, Code::RegistrationInvalid, "one credential is one passkey");
    let tampered = format!("{}0", &second.token[..second.token.len() - 1]);
    for token in ["", "csi_", "cs_1", &tampered, "csi_0190a6a1e00070008000000000000000_00"] {
        let refused = control.ask_enrolment(token);
        assert!(
            token == second.token || refused.is_err_and(|refusal| refusal.code == Code::InvitationInvalid),
            "{token}"
        );
    }
    world.clock.advance(INVITATION_MS);
    assert_eq!(control.ask_enrolment(&second.token).unwrap_err().code, Code::InvitationInvalid);
    let third = control.invite(&person("dan"), &person("cleo"), "again").await.unwrap();
    control.revoke_passkey(&person("ben"), third.id, "not needed").await.unwrap();
    assert_eq!(control.ask_enrolment(&third.token).unwrap_err().code, Code::InvitationInvalid);
    let (ben, nobody) = (person("ben"), "pk_0190a6a1e00070008000000000000000".parse().unwrap());
    assert_eq!(control.revoke_passkey(&ben, nobody, "x").await.unwrap_err().code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn alone_one_invites_oneself() {
    let world = world_with(testkit::solo_bundle()).await;
    let dan = person("dan");
    assert!(world.control.invite(&dan, &dan, "nobody else is here").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_s_passkeys_do_not_sign_here() {
    let (world, case, ben) = asked().await;
    let elsewhere = PasskeyConfig::new("gate.example", vec!["https://gate.example".into()]).unwrap();
    let world = world.restart_with(|config| countersign_control::Config { passkeys: elsewhere, ..config }).await;
    let drawn = world.ballot("ben", case, Ballot::Approve);
    assert_eq!(cast(&world, "ben", case, signed(&drawn, &ben)).await, Err(Code::AssertionForeign));
    for wrong in ["http://gate.example", "https://other.example", "gate.example"] {
        assert!(PasskeyConfig::new("gate.example", vec![wrong.into()]).is_err(), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passkeys_are_counted_again_and_go_with_their_person() {
    let (world, case, ben) = asked().await;
    world.cast("ben", case, Ballot::Approve, &ben).await;
    let cleo = world.enrol("cleo", &Authenticator::ed25519("localhost", 5)).await;
    world.control.revoke_passkey(&person("ana"), cleo.id, "lost").await.unwrap();
    crate::rebuild::assert_equal(&crate::rebuild::look(&world));
    assert_eq!(crate::rebuild::look(&world).comparison.kinds["passkey"].equal, 2);
    let world = world.restart().await;
    crate::erasure::they_leave(&world).await;
    let erased = crate::erasure::erase(&world, "dan", "person:cleo").await.unwrap();
    assert_eq!(erased.keys, 3, "her bearer key, that of the agent that acts for her, and her passkey");
    assert_eq!(world.control.passkeys().unwrap().len(), 1);
    // What was counted of others rests on records that went with her.
    let found = crate::rebuild::look(&world).comparison;
    assert!(found.is_equal() && found.kinds["passkey"].equal == 1, "{:?} {:?}", found.rows, found.problems);
}
