//! An auditor is refused by the application itself, whichever door they come through.

use countersign_control::actions::Wish;
use countersign_control::delegations::DelegationWish;
use countersign_control::door::McpDoor;
use countersign_control::drills::DrillWish;
use countersign_control::state::Target;
use policy::BundleFiles;
use testkit::World;
use types::case::Ballot;
use types::id::KeyId;
use types::{Code, PersonId, Principal};

use crate::wish;

fn files(role: &str) -> BundleFiles {
    let mut files = testkit::bundle();
    let people = files.get("people.toml").unwrap().to_owned();
    files.insert("people.toml", format!("{people}\n[people.zoe]\n{role}\n"));
    files
}

fn zoe() -> PersonId {
    "zoe".parse().unwrap()
}

async fn world() -> World {
    testkit::world_with(files("role = \"auditor\"")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_is_refused_in_every_use_case_that_changes_something() {
    let world = world().await;
    let control = &world.control;
    control.decide_once(wish("sre.restart", r#"{"service":"web"}"#), false).await.unwrap();
    let case = control.cases().into_iter().next().unwrap();
    let by = Principal::Person(zoe());
    let key: KeyId = "key_0190a6a1e00070008000000000000000".parse().unwrap();
    let target = Target::Agent("sre-bot".parse().unwrap());
    let [ben, eve]: [PersonId; 2] = ["ben", "eve"].map(|name| name.parse().unwrap());
    let ends = control.now().plus(60_000);
    let to = |to: &PersonId| DelegationWish { to: to.clone(), group: None, reason: "gone".into(), expires: ends };
    control.delegate(&ben, to(&eve)).await.unwrap();
    let size = control.size();
    let wait = std::time::Duration::ZERO;
    let drill = DrillWish { target: target.clone(), reason: "monthly".into(), wait, hold: wait };
    let as_zoe = Wish { principal: by.clone(), ..wish("sre.report", "{}") };
    let refused = [
        control.vote(&zoe(), case.id, Ballot::Deny, "no", case.shown, false).await.map(drop).unwrap_err(),
        control.kill(by.clone(), target.clone(), "stop").await.map(drop).unwrap_err(),
        control.drill(&zoe(), drill).await.map(drop).unwrap_err(),
        control.lift(&zoe(), target.clone(), "go on").await.unwrap_err(),
        control.revoke_key(&zoe(), key, "gone").await.unwrap_err(),
        control.create_key(&zoe(), by.clone(), None, None, "more").await.map(drop).unwrap_err(),
        control.activate(&zoe(), files("groups = [\"admins\"]"), "promote me").await.map(drop).unwrap_err(),
        control.decide_once(as_zoe, false).await.map(drop).unwrap_err(),
        control.delegate(&zoe(), to(&eve)).await.map(drop).unwrap_err(),
        control.take_back(&zoe(), &ben, &eve, "no").await.unwrap_err(),
    ];
    assert!(refused.iter().all(|refusal| refusal.code == Code::Forbidden), "{refused:?}");
    assert!(control.switches().is_empty() && control.size() == size);
    let to_her = control.delegate(&ben, to(&zoe())).await.unwrap_err();
    assert_eq!(to_her.code, Code::DelegationUnsupported);
    assert_eq!(control.authenticate(Some(world.token("zoe"))).unwrap_err().code, Code::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_reads_and_the_role_ends_with_the_bundle() {
    let world = world().await;
    let control = &world.control;
    let decided = control.decide_once(wish("sre.report", "{}"), false).await.unwrap();
    assert!(control.trace(&decided.decision.action).is_ok() && !control.records(0, 10).unwrap().is_empty());
    assert!(!control.export(&zoe(), &decided.decision.action).await.unwrap().is_empty());
    let dan: PersonId = "dan".parse().unwrap();
    control.activate(&dan, files("groups = []"), "she works here now").await.unwrap();
    let target = Target::Agent("sre-bot".parse().unwrap());
    assert!(control.kill(Principal::Person(zoe()), target, "stop").await.unwrap().armed);
}
