//! Registered models over a real file: the history tells everything that was moved, and a version's name and number mean one version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_control::keys::Holder;
use countersign_control::promotions::NotMoved;
use countersign_control::tracking::kept::{ModelMove, MoveKind};
use countersign_control::tracking::{ModelVersionWish, Move, SearchWish, Tracking};
use testkit::{World, world};
use types::{ActionId, Principal};

const NAMES: [&str; 3] = ["fraud", "churn", "price"];
const ALIASES: [&str; 3] = ["champion", "challenger", "shadow"];
const STAGES: [&str; 4] = ["None", "Staging", "Production", "Archived"];

fn person(name: &str) -> Holder {
    Holder { principal: Principal::Person(name.parse().unwrap()), on_behalf_of: None }
}

fn agent() -> Holder {
    let principal = Principal::Agent("sre-bot".parse().unwrap());
    Holder { principal, on_behalf_of: Some("ana".parse().unwrap()) }
}

fn tracking(world: &World) -> Arc<Tracking> {
    world.control.tracking().unwrap().clone()
}

fn make(tracking: &Tracking, who: &Holder, name: &str) {
    tracking.create_registered_model(who, name.into(), String::new(), Vec::new()).unwrap();
}

fn version(tracking: &Tracking, who: &Holder, name: &str, source: &str) -> Option<i64> {
    let wish = ModelVersionWish { name: name.into(), source: source.into(), ..ModelVersionWish::default() };
    Some(tracking.create_model_version(who, wish).ok()?.version.number)
}

/// Moves something, if it is decided.
async fn moved(world: &World, who: &Holder, wanted: Move) -> Result<Option<ActionId>, NotMoved> {
    world.control.move_model(who.clone(), wanted, None).await
}

fn set_alias(model: &str, alias: &str, version: &str) -> Move {
    Move::SetAlias { model: model.into(), alias: alias.into(), version: version.into() }
}

fn stage(model: &str, version: &str, stage: &str, archive: bool) -> Move {
    Move::TransitionStage { model: model.into(), version: version.into(), stage: stage.into(), archive }
}

fn moves(world: &World, name: &str) -> Vec<ModelMove> {
    world.control.model_history(name, 0, 1_000).unwrap_or_default()
}

/// Is a model as its history tells it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Told {
    name: String,
    stages: BTreeMap<i64, String>,
    aliases: BTreeMap<String, i64>,
    targets: BTreeMap<String, i64>,
}

/// Folds a history into what there is; of each move, what it says was there before must have been.
fn fold(history: &[ModelMove]) -> BTreeMap<i64, Told> {
    let mut told: BTreeMap<i64, Told> = BTreeMap::new();
    for one in history {
        let model = told.entry(one.model).or_default();
        let (number, before, after) = (one.number, one.before.clone(), one.after.clone());
        match one.kind {
            MoveKind::ModelMade => model.name = one.name.clone(),
            MoveKind::ModelRenamed => {
                assert_eq!(before.as_ref(), Some(&model.name), "{one:?}");
                model.name = after.unwrap();
            }
            MoveKind::ModelDeleted => {
                assert!(model.aliases.is_empty() && model.targets.is_empty(), "{one:?}");
                told.remove(&one.model);
            }
            MoveKind::VersionMade => assert_eq!(model.stages.insert(number.unwrap(), "None".into()), None, "{one:?}"),
            MoveKind::VersionDeleted => {
                let number = number.unwrap();
                assert!(!model.targets.values().any(|running| *running == number), "{one:?}");
                assert_eq!(model.stages.remove(&number), before, "{one:?}");
            }
            MoveKind::StageMoved => {
                assert_eq!(model.stages.insert(number.unwrap(), after.unwrap()), before, "{one:?}")
            }
            MoveKind::AliasMoved | MoveKind::DeploymentMoved => {
                let is_alias = one.kind == MoveKind::AliasMoved;
                let (named, name) =
                    (if is_alias { &mut model.aliases } else { &mut model.targets }, one.alias.clone().unwrap());
                let was = match after {
                    Some(to) => named.insert(name, to.parse().unwrap()),
                    None => named.remove(&name),
                };
                assert_eq!(was.map(|number| number.to_string()), before, "{one:?}");
            }
        }
    }
    told
}

/// Returns what there is, as MLflow's clients read it.
fn read(tracking: &Tracking) -> BTreeMap<i64, Told> {
    let wish = SearchWish { max_results: 1_000, ..SearchWish::default() };
    let found = tracking.search_registered_models(&wish).unwrap().items.into_iter().map(|shown| {
        let model = shown.model;
        let of = SearchWish { filter: format!("name = '{}'", model.name), ..wish.clone() };
        let versions = tracking.search_model_versions(&of).unwrap().items;
        let stages = versions.into_iter().map(|version| (version.number, version.stage.name().to_owned())).collect();
        let aliases = model.aliases.into_iter().map(|alias| (alias.alias, alias.number)).collect();
        let declared = tracking.deployments(Some(&model.name)).unwrap();
        let targets = declared.into_iter().filter_map(|one| Some((one.target, one.declared?))).collect();
        (model.seq, Told { name: model.name, stages, aliases, targets })
    });
    found.collect()
}

/// Draws numbers from a seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

/// Makes one call at random; many are refused, which is as good.
async fn call(world: &World, draw: &mut Draw, n: usize) {
    let tracking = tracking(world);
    let who = if draw.below(4) > 0 { person("dan") } else { agent() };
    let (name, alias, number) = (draw.of(&NAMES).to_owned(), draw.of(&ALIASES).to_owned(), draw.below(9).to_string());
    let wanted = match draw.below(18) {
        0 | 1 => return drop(tracking.create_registered_model(&who, name, String::new(), Vec::new())),
        4..=6 => {
            version(&tracking, &who, &name, &format!("s3://b/{n}"));
            return;
        }
        2 => Move::RenameModel { model: name, to: draw.of(&NAMES).to_owned() },
        3 if draw.below(3) == 0 => Move::DeleteModel { model: name },
        7 => Move::DeleteVersion { model: name, version: number },
        8 => Move::DeleteAlias { model: name, alias },
        9 | 10 => set_alias(&name, &alias, &number),
        11..=13 => Move::Deploy { model: name, target: alias, version: number },
        14 => Move::Undeploy { model: name, target: alias },
        _ => stage(&name, &number, draw.of(&STAGES), draw.below(3) == 0),
    };
    drop(moved(world, &who, wanted).await);
}

/// Looks at every version that can be asked for, and demands that what it is made of is what it was ever made of.
fn look(tracking: &Tracking, known: &mut BTreeMap<(String, i64), String>) {
    for name in NAMES {
        for number in 1..40 {
            if let Ok(shown) = tracking.model_version(name, &number.to_string()) {
                let source = shown.version.source;
                let first = known.entry((name.to_owned(), number)).or_insert_with(|| source.clone());
                assert_eq!(*first, source, "version {number} of {name} is another one than it was");
            }
        }
    }
}

#[tokio::test]
async fn the_history_tells_what_there_is_and_a_version_is_never_another_one() {
    let (mut made, mut kinds) = (0, BTreeSet::new());
    for seed in 0..5 {
        let world = world().await;
        let tracking = tracking(&world);
        let (mut draw, mut known) = (Draw(seed), BTreeMap::new());
        for n in 0..120 {
            call(&world, &mut draw, n).await;
            if n % 4 == 0 {
                look(&tracking, &mut known);
            }
        }
        let mut history: Vec<ModelMove> = NAMES.iter().flat_map(|name| moves(&world, name)).collect();
        history.sort_by_key(|one| one.seq);
        history.dedup_by_key(|one| one.seq);
        assert_eq!(fold(&history), read(&tracking), "seed={seed}");
        made += history.len();
        kinds.extend(history.iter().map(|one| one.kind));
    }
    assert!(made > 150 && kinds.len() == MoveKind::ALL.len(), "{made} moves of {kinds:?}");
}

#[tokio::test]
async fn every_move_says_who_and_in_whose_name() {
    let world = world().await;
    let tracking = tracking(&world);
    make(&tracking, &person("dan"), "fraud");
    assert_eq!(version(&tracking, &agent(), "fraud", "s3://b/1"), Some(1));
    let set = moved(&world, &person("dan"), set_alias("fraud", "champion", "1")).await.unwrap();
    assert_eq!(moved(&world, &person("ben"), set_alias("fraud", "champion", "1")).await.unwrap(), None);
    let staged = moved(&world, &person("ben"), stage("fraud", "1", "staging", false)).await.unwrap();
    let told: Vec<_> =
        moves(&world, "fraud").into_iter().map(|one| (one.kind, one.by, one.on_behalf_of, one.action)).collect();
    let [set, staged] = [set, staged].map(|action| action.map(|action| action.to_string()));
    assert!(set.is_some() && staged.is_some());
    let (dan, ben, bot) = ("person:dan".to_owned(), "person:ben".to_owned(), "agent:sre-bot".to_owned());
    let ana = Some("ana".to_owned());
    assert_eq!(
        told,
        [
            (MoveKind::ModelMade, dan.clone(), None, None),
            (MoveKind::VersionMade, bot, ana, None),
            (MoveKind::AliasMoved, dan, None, set),
            (MoveKind::StageMoved, ben, None, staged),
        ],
        "what changes nothing is no move"
    );
}

#[tokio::test]
async fn others_give_way_to_a_version_and_each_is_noted() {
    let world = world().await;
    let (tracking, dan) = (tracking(&world), person("dan"));
    make(&tracking, &dan, "fraud");
    for n in 1..=3 {
        version(&tracking, &dan, "fraud", &format!("s3://b/{n}"));
        moved(&world, &dan, stage("fraud", &n.to_string(), "Staging", false)).await.unwrap();
    }
    moved(&world, &dan, stage("fraud", "2", "Staging", true)).await.unwrap();
    let stage = |n: i64| tracking.model_version("fraud", &n.to_string()).unwrap().version.stage.name();
    assert_eq!([1, 2, 3].map(stage), ["Archived", "Staging", "Archived"]);
    let moves = moves(&world, "fraud");
    let last: Vec<_> = moves[moves.len() - 2..].iter().map(|one| (one.number, one.after.as_deref())).collect();
    assert_eq!(last, [(Some(1), Some("Archived")), (Some(3), Some("Archived"))]);
}

#[tokio::test]
async fn numbers_go_on_where_a_deleted_model_has_left_off() {
    let world = world().await;
    let (tracking, dan) = (tracking(&world), person("dan"));
    make(&tracking, &dan, "fraud");
    for n in 1..=2 {
        assert_eq!(version(&tracking, &dan, "fraud", "s3://old/x"), Some(n));
    }
    moved(&world, &dan, Move::DeleteModel { model: "fraud".into() }).await.unwrap();
    assert!(tracking.model_version("fraud", "1").is_err());
    make(&tracking, &dan, "fraud");
    assert_eq!(version(&tracking, &dan, "fraud", "s3://new/x"), Some(3));
}

#[tokio::test]
async fn a_name_under_which_a_model_had_versions_is_no_other_models() {
    let world = world().await;
    let (tracking, dan) = (tracking(&world), person("dan"));
    let rename = async |from: &str, to: &str| {
        let wanted = Move::RenameModel { model: from.into(), to: to.into() };
        match moved(&world, &dan, wanted).await {
            Ok(_) => Ok(()),
            Err(NotMoved::Refused(refused)) => Err(refused),
            Err(other) => panic!("{other:?}"),
        }
    };
    make(&tracking, &dan, "fraud");
    assert_eq!(version(&tracking, &dan, "fraud", "s3://old/x"), Some(1));
    moved(&world, &dan, Move::DeleteModel { model: "fraud".into() }).await.unwrap();
    make(&tracking, &dan, "churn");
    assert_eq!(version(&tracking, &dan, "churn", "s3://b/x"), Some(1));
    let refused = rename("churn", "fraud").await.unwrap_err();
    assert_eq!((refused.code.name(), refused.code.status()), ("RESOURCE_ALREADY_EXISTS", 400));
    assert!(rename("churn", &"n".repeat(257)).await.is_err(), "a name that nobody could ask for");
    // A model may go back to its own name, and take one under which there was never a version.
    rename("churn", "price").await.unwrap();
    rename("price", "churn").await.unwrap();
    assert_eq!(version(&tracking, &dan, "churn", "s3://b/y"), Some(2));
    make(&tracking, &dan, "empty");
    moved(&world, &dan, Move::DeleteModel { model: "empty".into() }).await.unwrap();
    rename("churn", "empty").await.unwrap();
}

#[tokio::test]
async fn the_highest_number_stays_given_when_its_version_is_deleted() {
    let world = world().await;
    let (tracking, dan) = (tracking(&world), person("dan"));
    make(&tracking, &dan, "fraud");
    for n in 1..=2 {
        assert_eq!(version(&tracking, &dan, "fraud", "s3://b/x"), Some(n));
    }
    moved(&world, &dan, set_alias("fraud", "champion", "2")).await.unwrap();
    moved(&world, &dan, Move::DeleteVersion { model: "fraud".into(), version: "2".into() }).await.unwrap();
    assert!(tracking.model_version_of_alias("fraud", "champion").is_err());
    assert_eq!(tracking.registered_model("fraud").unwrap().model.aliases, [], "an alias of what was deleted");
    assert_eq!(version(&tracking, &dan, "fraud", "s3://b/x"), Some(3));
}
