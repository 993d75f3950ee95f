//! Logins with a passkey: whom they let in, for how long, and that no login is a ballot and no ballot a login.

use countersign_control::logins::{LOGIN_MS, Login};
use countersign_control::passkey_logins::{CHALLENGE_MS, CHALLENGES_MAX, LoginAnswer, LoginAsked};
use countersign_control::passkeys::PasskeyConfig;
use evidence::passkey::{Assertion, Origins, Passkey, PasskeyError, VoteError, check, check_login, login_challenge};
use testkit::authenticator::{Authenticator, BACKUP_ELIGIBLE, PRESENT, client_data};
use testkit::passkeys::{ORIGIN, login, signed};
use testkit::{World, world};
use types::Code;
use types::case::{Ballot, SignedBallot, Vote};

use crate::passkeys::{asked, person};

async fn enrolled() -> (World, Authenticator, Passkey) {
    let world = world().await;
    let own = Authenticator::p256("localhost", 3);
    let passkey = world.enrol("ben", &own).await;
    (world, own, passkey)
}

fn ask(world: &World) -> LoginAsked {
    world.control.ask_passkey_login().unwrap()
}

fn enter(world: &World, answer: &LoginAnswer) -> Result<Login, Code> {
    world.control.login_by_passkey(answer).map_err(|refusal| refusal.code)
}

/// Answers a challenge as `own` does once something of it was changed.
fn enter_as(world: &World, passkey: &Passkey, change: fn(&mut Authenticator)) -> Result<Login, Code> {
    let mut own = Authenticator::p256("localhost", 3);
    change(&mut own);
    enter(world, &login(&ask(world).challenge, &own, passkey))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_passkey_is_let_in_as_its_person_until_it_is_revoked() {
    let (world, own, passkey) = enrolled().await;
    let before = world.control.size();
    let one = enter(&world, &login(&ask(&world).challenge, &own, &passkey)).unwrap();
    assert_eq!((&one.visit.person, one.visit.expires), (&person("ben"), world.control.now().plus(LOGIN_MS)));
    assert_eq!(world.control.visit(&one.secret).unwrap(), one.visit);
    assert_eq!(world.control.size(), before, "a login is about nothing that was decided");
    // It rests on nobody's bearer key.
    for key in world.control.keys().into_iter().filter(|key| key.holder.subject() == "person:ben") {
        world.control.revoke_key(&person("eve"), key.id, "lost").await.unwrap();
    }
    assert!(world.control.visit(&one.secret).is_ok());
    world.control.revoke_passkey(&person("eve"), passkey.id, "lost").await.unwrap();
    assert_eq!(world.control.visit(&one.secret).unwrap_err().code, Code::Unauthenticated);
    let again = login(&ask(&world).challenge, &own, &passkey);
    assert_eq!(enter(&world, &again).unwrap_err(), Code::LoginRefused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_left_the_bundle_is_not_let_in_and_not_kept_in() {
    let world = world().await;
    let own = Authenticator::p256("localhost", 3);
    let passkey = world.enrol("eve", &own).await;
    let one = enter(&world, &login(&ask(&world).challenge, &own, &passkey)).unwrap();
    leaves(&world, "eve").await;
    assert_eq!(world.control.visit(&one.secret).unwrap_err().code, Code::Unauthenticated);
    let again = login(&ask(&world).challenge, &own, &passkey);
    assert_eq!(enter(&world, &again).unwrap_err(), Code::LoginRefused);
}

/// Puts a bundle in force that has a person under another name.
async fn leaves(world: &World, name: &str) {
    let mut files = testkit::bundle();
    let people = files.get("people.toml").unwrap().replace(&format!("[people.{name}]"), "[people.newcomer]");
    files.insert("people.toml", people);
    let bundle = std::sync::Arc::new(policy::Bundle::load(files).unwrap());
    world.control.activate_first(&person("dan"), bundle, "somebody has left").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_answered_once_and_in_time() {
    let (world, own, passkey) = enrolled().await;
    let good = login(&ask(&world).challenge, &own, &passkey);
    assert!(enter(&world, &good).is_ok());
    assert_eq!(enter(&world, &good).unwrap_err(), Code::LoginUnasked);

    let mut wrong = login(&ask(&world).challenge, &own, &passkey);
    wrong.assertion.signature[9] ^= 1;
    assert_eq!(enter(&world, &wrong).unwrap_err(), Code::LoginRefused);
    wrong.assertion.signature[9] ^= 1;
    assert_eq!(enter(&world, &wrong).unwrap_err(), Code::LoginUnasked, "a try uses it up");

    let last = login(&ask(&world).challenge, &own, &passkey);
    let late = login(&ask(&world).challenge, &own, &passkey);
    world.clock.advance(CHALLENGE_MS - 1);
    assert!(enter(&world, &last).is_ok());
    world.clock.advance(1);
    assert_eq!(enter(&world, &late).unwrap_err(), Code::LoginUnasked);

    let made_up = login(&login_challenge(&[7; 32]), &own, &passkey);
    assert_eq!(enter(&world, &made_up).unwrap_err(), Code::LoginUnasked);
    let before = login(&ask(&world).challenge, &own, &passkey);
    let world = world.restart().await;
    assert_eq!(enter(&world, &before).unwrap_err(), Code::LoginUnasked, "no challenge outlives the process");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_hold_is_refused_with_one_code_that_tells_of_no_passkey() {
    let (world, own, passkey) = enrolled().await;
    let cleo = Authenticator::ed25519("localhost", 5);
    let cleos = world.enrol("cleo", &cleo).await;
    let refused = Err(Code::LoginRefused);
    let none = |entered: Result<Login, Code>| entered.map(drop);
    assert_eq!(none(enter_as(&world, &passkey, |_| {})), Ok(()));
    assert_eq!(none(enter_as(&world, &passkey, |own| own.id = vec![9; 16])), refused, "unknown");
    assert_eq!(none(enter_as(&world, &passkey, |own| own.flags = PRESENT)), refused, "not verified");
    assert_eq!(none(enter_as(&world, &passkey, |own| own.flags &= !PRESENT)), refused, "nobody there");
    assert_eq!(none(enter_as(&world, &passkey, |own| own.flags |= BACKUP_ELIGIBLE)), refused, "another kind of key");
    assert_eq!(none(enter_as(&world, &passkey, |own| own.rp_id = "evil.example".into())), refused, "another site");
    // The counter is told and refuses nothing, as for votes: keys that are synced always say 0.
    assert_eq!(none(enter_as(&world, &passkey, |own| own.sign_count = 0)), Ok(()));

    let stolen = |challenge| {
        let mut answer = login(challenge, &cleo, &passkey);
        answer.assertion.id = own.id.clone();
        answer
    };
    assert_eq!(none(enter(&world, &stolen(&ask(&world).challenge))), refused, "named as his, signed by hers");
    assert_eq!(none(enter(&world, &login(&ask(&world).challenge, &own, &cleos))), refused, "said to be hers");
    let unsaid = LoginAnswer { user_handle: None, ..login(&ask(&world).challenge, &own, &passkey) };
    assert_eq!(none(enter(&world, &unsaid)), refused, "said to be nobody's");
    for (kind, origin) in [
        ("webauthn.get", "http://localhost:7718"),
        ("webauthn.get", "https://evil.example"),
        ("webauthn.create", ORIGIN),
    ] {
        let mut answer = login(&ask(&world).challenge, &own, &passkey);
        let challenge =
            evidence::passkey::ClientData::parse(&answer.assertion.client_data).unwrap().challenge().unwrap();
        answer.assertion.client_data = client_data(kind, &challenge.0, origin);
        answer.assertion.signature = own.sign_over(&answer.assertion.authenticator_data, &answer.assertion.client_data);
        assert_eq!(none(enter(&world, &answer)), refused, "{kind} {origin}");
    }
    let mut shell = login(&ask(&world).challenge, &own, &passkey);
    shell.assertion.client_data = b"{}".to_vec();
    assert_eq!(none(enter(&world, &shell)), refused);

    let elsewhere = PasskeyConfig::new("gate.example", vec!["https://gate.example".into()]).unwrap();
    let world = world.restart_with(|config| countersign_control::Config { passkeys: elsewhere, ..config }).await;
    assert_eq!(none(enter_as(&world, &passkey, |_| {})), refused, "the site has another name now");
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_challenges_are_given_out_and_none_gives_way() {
    let (world, own, passkey) = enrolled().await;
    let first = login(&ask(&world).challenge, &own, &passkey);
    assert!(enter(&world, &login(&ask(&world).challenge, &own, &passkey)).is_ok());
    for _ in 2..CHALLENGES_MAX {
        ask(&world);
    }
    let refused = world.control.ask_passkey_login().unwrap_err();
    assert_eq!(refused.code, Code::LoginsFlooding, "those that were used count too");
    assert!(enter(&world, &first).is_ok());
    world.clock.advance(CHALLENGE_MS);
    assert!(world.control.ask_passkey_login().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_no_ballot_and_a_ballot_no_login() {
    let (world, case, own) = asked().await;
    let passkey = world.control.passkeys().unwrap().remove(0);
    // What was signed to log in is cast as a vote, on the ballot that is out.
    let drawn = world.ballot("ben", case, Ballot::Approve);
    let challenge = ask(&world).challenge;
    let entering = login(&challenge, &own, &passkey).assertion;
    let cast = world.control.vote_signed(&person("ben"), case, entering.clone()).await;
    assert_eq!(cast.unwrap_err().code, Code::BallotUnknown);
    // What was signed to vote logs in.
    let voting = signed(&drawn, &own);
    let user_handle = Some(passkey.id.0.as_bytes().to_vec());
    let entered = enter(&world, &LoginAnswer { assertion: voting.clone(), user_handle: user_handle.clone() });
    assert_eq!(entered.unwrap_err(), Code::LoginUnasked);

    // The same without a server's memory, as whoever reads the evidence looks at it.
    let all = [ORIGIN.to_owned()];
    let origins = Origins::OneOf(&all);
    let vote = |answer: &countersign_control::ballots::AssertionAnswer| Vote {
        case,
        person: person("ben"),
        ballot: Ballot::Approve,
        reason: drawn.paper.reason.clone(),
        shown: drawn.paper.shown(),
        solo: false,
        at: world.control.now(),
        proxy: None,
        signed: Some(SignedBallot {
            passkey: passkey.id,
            ballot: drawn.paper.to_bytes(),
            client_data: answer.client_data.clone(),
            authenticator_data: answer.authenticator_data.clone(),
            signature: answer.signature.clone(),
        }),
    };
    assert!(check(&vote(&voting), &passkey, origins).is_ok());
    assert_eq!(check(&vote(&entering), &passkey, origins), Err(VoteError::Assertion(PasskeyError::Challenge)));
    let assertion = Assertion {
        client_data: &voting.client_data,
        authenticator_data: &voting.authenticator_data,
        signature: &voting.signature,
    };
    let shown = (&assertion, user_handle.as_deref());
    assert_eq!(check_login(&passkey, shown, &challenge, origins), Err(PasskeyError::Challenge));
    // Not even if somebody drew a login from the very bytes of a ballot, or of an invitation.
    for name in ["countersign/ballot/1", "countersign/enrolment/1"] {
        assert_ne!(login_challenge(&[7; 32]), types::Digest::of(name, &[7; 32]));
    }
    assert!(
        world.control.vote_signed(&person("ben"), case, voting).await.is_ok(),
        "neither try has used the ballot up"
    );
}
