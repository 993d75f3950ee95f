//! The story, held against the bundle and against the server.

use std::collections::BTreeMap;

use connectors::inventory::Entities;
use countersign_demo::bundle::{AGENT, GRANTS, SERVER};
use countersign_demo::script::{Before, Decides, Effect, Ends, Scene, Then, story};
use policy::Bundle;
use serde_json::json;
use stages::trial::{Expected, History, Report, Resource, Stage, Trial};
use types::{ActionProposal, Code, Facts, Millis, ProfileId, Verdict};

use crate::bundle::Sql;
use crate::common::{db, done, load};

fn trial(scene: &Scene, bundle: &Bundle, entities: &Entities, approved: &[&str]) -> Trial {
    let tool: types::ToolName = format!("{SERVER}.{}", scene.call.tool).parse().unwrap();
    let entry = &bundle.data().tools[&tool];
    let grant = GRANTS.iter().find(|grant| grant.class == entry.class.as_str()).unwrap();
    let resource = entry.resource.as_ref().map(|map| {
        let id = scene.call.arguments.pointer(map.id.as_ref().unwrap()).unwrap().as_str().unwrap();
        let attributes = entities.get(&map.kind, id).unwrap().attributes.clone();
        Resource { kind: map.kind.clone(), id: id.to_owned(), attributes }
    });
    Trial {
        name: scene.title.to_owned(),
        agent: Some(AGENT.parse().unwrap()),
        person: None,
        tool,
        arguments: scene.call.arguments.as_object().unwrap().clone(),
        channel: None,
        level: Some(grant.level),
        environments: grant.environments.iter().map(|name| (*name).to_owned()).collect(),
        on_behalf_of: None,
        confidence_bp: scene.call.claims.confidence_bp,
        purpose: scene.call.claims.purpose.clone(),
        reasoning: None,
        plan: None,
        resource,
        history: History::default(),
        at: None,
        approved: approved.iter().map(|name| ProfileId::new(*name).unwrap()).collect(),
        expect: Expected::Allow,
        code: None,
    }
}

fn run(bundle: &Bundle, trial: &Trial) -> Report {
    let policy = |proposal: &ActionProposal, facts: &Facts| replay::judge::ask_policy(bundle, proposal, facts);
    let stage = Stage { bundle: bundle.data(), digest: bundle.digest(), policy: &policy, admin: &policy::ADMIN_TOOLS };
    stage.run(trial).unwrap()
}

#[test]
fn the_bundle_decides_as_the_story_tells() {
    let db = db();
    let bundle = load(&db.path);
    let entities = connectors::inventory::load(&bundle.data().inventory, &BTreeMap::new(), &Sql, Millis(0)).unwrap();
    // Poison and a kill are facts of a running server, which a trial does not have.
    for scene in story().iter().filter(|scene| scene.before == Before::Nothing) {
        let report = run(&bundle, &trial(scene, &bundle, &entities, &[]));
        assert!(scene.decides.is(&report.verdict), "{}: {:?} {:#?}", scene.title, report.verdict, report.findings);
        if let Ends::Refused(code) = scene.ends
            && scene.decides == Decides::Deny
        {
            let first = report.findings.iter().find(|finding| finding.restriction == types::Restriction::Deny).unwrap();
            assert_eq!(first.code, code, "{}", scene.title);
        }
        if let Decides::Escalate(profiles) = scene.decides {
            let report = run(&bundle, &trial(scene, &bundle, &entities, profiles));
            assert_eq!(report.verdict, Verdict::AllowObserved, "{}: approval would let it run", scene.title);
        }
    }
}

#[test]
fn those_who_act_may() {
    let db = db();
    let bundle = load(&db.path);
    let data = bundle.data();
    for scene in story() {
        if let (Decides::Escalate(profiles), Then::Approve { by, .. } | Then::Refuse { by, .. }) =
            (scene.decides, scene.then)
        {
            let person = &data.people[&by.parse().unwrap()];
            for profile in profiles {
                let profile = &data.profiles[&profile.parse().unwrap()];
                assert!(
                    profile.group.iter().all(|group| person.groups.contains(group)),
                    "{}: {by} is not asked",
                    scene.title
                );
            }
            assert!(!data.head.authors.contains(&by.parse().unwrap()), "{by}");
        }
        let held = matches!(scene.decides, Decides::Escalate(_));
        assert_eq!(held, scene.then != Then::Nothing, "{}", scene.title);
    }
}

#[test]
fn what_runs_changes_what_the_story_says() {
    let db = db();
    for scene in story() {
        let Some(Effect { watch, change }) = scene.effect else { continue };
        let before = watch.read(&db.path).unwrap();
        if scene.ends == Ends::Runs {
            done(&db.path, scene.call.tool, scene.call.arguments);
        }
        assert_eq!(watch.read(&db.path).unwrap() - before, change, "{}: {watch}", scene.title);
    }
}

#[test]
fn what_is_refused_would_have_worked() {
    for scene in story().into_iter().filter(|scene| scene.ends != Ends::Runs) {
        let db = db();
        let before = scene.effect.map(|effect| (effect.watch, effect.watch.read(&db.path).unwrap()));
        done(&db.path, scene.call.tool, scene.call.arguments);
        if let Some((watch, before)) = before.filter(|_| scene.before == Before::Nothing) {
            assert_ne!(watch.read(&db.path).unwrap(), before, "{}: {watch}", scene.title);
        }
    }
}

#[test]
fn the_story_has_every_end() {
    let story = story();
    assert_eq!(story.len(), 12);
    let refusals: Vec<Code> =
        story.iter().filter_map(|s| if let Ends::Refused(code) = s.ends { Some(code) } else { None }).collect();
    for code in [Code::ApprovalDenied, Code::ApprovalExpired, Code::PolicyForbids, Code::ToolChanged, Code::Killed] {
        assert!(refusals.contains(&code), "{code}");
    }
    for decides in [Decides::Allow, Decides::AllowObserved, Decides::Deny, Decides::Escalate(&["sre"])] {
        assert!(story.iter().any(|scene| scene.decides == decides), "{decides:?}");
    }
    let again: Vec<_> = story
        .iter()
        .filter(|scene| scene.call.arguments["service"] == "checkout" && scene.call.tool == "restart_service")
        .collect();
    assert_eq!(again.len(), 2);
    assert_eq!(again[0].call.arguments, again[1].call.arguments, "the same action to the byte");
}

#[test]
fn claims_travel_under_our_keys() {
    let scene = story().remove(0);
    let expected = json!({
        "name": "list_services",
        "arguments": {},
        "_meta": { "countersign.dev/purpose": "find out what is slow", "countersign.dev/confidence": 0.95 },
    });
    assert_eq!(scene.call.params(), expected);
}
