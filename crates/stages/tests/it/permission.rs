//! Permissions: which exact actions one covers, and against whom it stands for nothing.

use std::collections::{BTreeMap, BTreeSet};

use countersign_stages::permission::covers;
use proptest::prelude::*;
use serde_json::{Value, json};
use types::bound::Bound;
use types::permission::{Permission, Terms};
use types::{
    ActionId, ActionProposal, Arguments, Channel, Claims, Digest, FactName, Facts, Millis, PermissionId, Principal,
};

const BUNDLE: Digest = Digest([9; 32]);

fn permission(bounds: Value) -> Permission {
    let terms = json!({
        "tool": "s.restart", "definition": Digest([1; 32]), "bounds": bounds, "environments": ["staging"], "minutes": 30,
        "uses": 5, "profiles": ["owner"], "purpose": "a rollout",
    });
    Permission {
        id: PermissionId::draw(Millis(1), [1; 10]),
        agent: "bot".parse().unwrap(),
        on_behalf_of: Some("ann".parse().unwrap()),
        terms: Terms::read(&Arguments::parse(&terms.to_string(), 1 << 20).unwrap()).unwrap(),
        bundle: BUNDLE,
        request: ActionId::draw(Millis(1), [1; 10]),
        at: Millis(1_000),
        expires: Millis(2_000),
        left: 5,
    }
}

fn checkout() -> Permission {
    permission(json!([
        { "argument": "service", "is": { "one_of": ["checkout"] } },
        { "argument": "replicas", "is": { "between": { "from": 1, "to": 3 } } },
        { "argument": "note", "is": "any" },
    ]))
}

fn proposal(arguments: &Value) -> ActionProposal {
    ActionProposal {
        id: ActionId::draw(Millis(2), [2; 10]),
        tenant: "t".parse().unwrap(),
        principal: Principal::Agent("bot".parse().unwrap()),
        on_behalf_of: Some("ann".parse().unwrap()),
        session: None,
        tool: "s.restart".parse().unwrap(),
        definition: Some(Digest([1; 32])),
        arguments: Arguments::parse(&arguments.to_string(), 1 << 20).unwrap(),
        claims: Claims::default(),
        channel: Channel::Mcp,
        at: Millis(1_500),
        plan: None,
    }
}

fn in_environment(name: Option<&str>) -> Facts {
    let mut facts = Facts::new();
    if let Some(name) = name {
        facts.set(FactName::known("resource.env"), name, "inventory", Millis(0));
    }
    facts
}

fn holds(permission: &Permission, proposal: &ActionProposal) -> bool {
    covers(permission, proposal, &in_environment(Some("staging")), &BUNDLE, Millis(1_500))
}

fn good() -> ActionProposal {
    proposal(&json!({ "service": "checkout", "replicas": 2 }))
}

#[test]
fn it_covers_what_is_within_every_bound_and_nothing_unnamed() {
    let permission = checkout();
    for (arguments, expected) in [
        (json!({ "service": "checkout", "replicas": 1 }), true),
        (json!({ "service": "checkout", "replicas": 3, "note": { "any": ["thing"] } }), true),
        (json!({ "service": "checkout", "replicas": 4 }), false),
        (json!({ "service": "checkout" }), false),
        (json!({ "service": "cart", "replicas": 1 }), false),
        (json!({ "service": "checkout", "replicas": 1, "force": true }), false),
        (json!({ "service": "checkout", "replicas": 1, "force": null }), false),
        (json!({ "service": ["checkout"], "replicas": 1 }), false),
        (json!({}), false),
    ] {
        assert_eq!(holds(&permission, &proposal(&arguments)), expected, "{arguments}");
    }
    let bare = self::permission(json!([]));
    assert!(holds(&bare, &proposal(&json!({}))) && !holds(&bare, &proposal(&json!({ "x": 1 }))));
}

type Change = fn(&mut ActionProposal);

#[test]
fn agent_delegator_tool_definition_and_bundle_are_the_very_same() {
    let permission = checkout();
    assert!(holds(&permission, &good()));
    let others: [(&str, Change); 7] = [
        ("agent", |p| p.principal = Principal::Agent("other".parse().unwrap())),
        ("person", |p| p.principal = Principal::Person("bot".parse().unwrap())),
        ("delegator", |p| p.on_behalf_of = Some("bob".parse().unwrap())),
        ("no delegator", |p| p.on_behalf_of = None),
        ("tool", |p| p.tool = "s.other".parse().unwrap()),
        ("definition", |p| p.definition = Some(Digest([2; 32]))),
        ("no definition", |p| p.definition = None),
    ];
    for (what, change) in others {
        let mut other = good();
        change(&mut other);
        assert!(!holds(&permission, &other), "another {what}");
    }
    let staging = in_environment(Some("staging"));
    assert!(!covers(&permission, &good(), &staging, &Digest([8; 32]), Millis(1_500)), "another bundle");
}

#[test]
fn it_holds_in_its_environments_alone() {
    let permission = checkout();
    let nowhere =
        Permission { terms: Terms { environments: BTreeSet::new(), ..permission.terms.clone() }, ..permission.clone() };
    for (environment, here, there) in
        [(Some("staging"), true, false), (Some("prod"), false, false), (None, false, true)]
    {
        let facts = in_environment(environment);
        assert_eq!(covers(&permission, &good(), &facts, &BUNDLE, Millis(1_500)), here, "{environment:?}");
        assert_eq!(covers(&nowhere, &good(), &facts, &BUNDLE, Millis(1_500)), there, "{environment:?}");
    }
    let mut odd = Facts::new();
    odd.set(FactName::known("resource.env"), 1, "inventory", Millis(0));
    assert!(!covers(&permission, &good(), &odd, &BUNDLE, Millis(1_500)));
    assert!(!covers(&nowhere, &good(), &odd, &BUNDLE, Millis(1_500)));
}

#[test]
fn it_holds_from_its_beginning_up_to_its_end_and_while_a_use_is_left() {
    let staging = in_environment(Some("staging"));
    for (now, left, expected) in
        [(999, 5, false), (1_000, 5, true), (1_999, 1, true), (2_000, 5, false), (1_500, 0, false)]
    {
        let permission = Permission { left, ..checkout() };
        assert_eq!(covers(&permission, &good(), &staging, &BUNDLE, Millis(now)), expected, "{now} {left}");
    }
}

proptest! {
    /// Whatever is covered has no argument that is not bounded and none out of its bound, by a slow account of the two.
    #[test]
    fn what_is_covered_is_bounded(
        bounded in prop::collection::btree_map("[abc]", -2i64..3, 0..3),
        given in prop::collection::btree_map("[abcd]", -3i64..4, 0..4),
    ) {
        let mut permission = permission(json!([]));
        permission.terms.bounds = bounded.iter().map(|(name, to)| (name.clone(), Bound::Between { from: -1, to: *to })).collect::<BTreeMap<_, _>>();
        let covered = holds(&permission, &proposal(&json!(given)));
        let mut expected = true;
        for (name, value) in &given {
            expected &= bounded.get(name).is_some_and(|to| -1 <= *value && value <= to);
        }
        for name in bounded.keys() {
            expected &= given.contains_key(name);
        }
        prop_assert_eq!(covered, expected);
    }
}
