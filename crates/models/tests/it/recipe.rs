//! Recipes: what is lacking is told, and a second run is held against the first.

use std::collections::BTreeMap;

use countersign_models::diagnosis::{Aspect, DatasetRead, Measure, Recorded, Side, Training, Unrecorded};
use countersign_models::recipe::{Check, Match, RecipeFile, RecipeGap, Reproduced, check, recipe};

fn made(params: &[(&str, &str)], tags: &[(&str, &str)], metrics: &[(&str, f64)]) -> Training {
    let datasets = [DatasetRead { name: "sales", digest: "d1", context: "" }];
    let facts = Recorded { params, tags, datasets: &datasets, packages: &BTreeMap::new() }.facts();
    let latest = metrics.iter().map(|(key, value)| ((*key).to_owned(), Measure::from_bits(value.to_bits()))).collect();
    let [id, name, status] = ["r", "n", "FINISHED"].map(str::to_owned);
    Training { id, name, status, started: 0, latest, outcome: None, facts }
}

fn file(path: &str, digest: &str) -> RecipeFile {
    RecipeFile { path: path.into(), digest: digest.into() }
}

const TAGS: [(&str, &str); 4] = [
    ("mlflow.source.git.commit", "c1"),
    ("mlflow.docker.image.id", "sha256:1"),
    ("countersign.env.gpu", "A100"),
    ("note", "mine"),
];

#[test]
fn a_recipe_lacks_nothing_that_is_recorded_and_each_part_that_is_not() {
    let run = made(&[("lr", "1"), ("random_state", "7")], &TAGS, &[("loss", 0.5)]);
    let files =
        [file("sub/uv.lock", "1"), file("requirements.txt", "2"), file("weights.bin", "3"), file("uv.lock.old", "4")];
    let full = recipe(Some(&run), &files);
    assert_eq!(full.gaps, []);
    let names: Vec<&str> = full.facts.iter().map(|(fact, _)| fact.name.as_str()).collect();
    let expected =
        ["mlflow.source.git.commit", "sales", "lr", "random_state", "countersign.env.gpu", "mlflow.docker.image.id"];
    assert_eq!(names, expected, "what anybody noted is no ingredient");
    assert_eq!(full.seeds.iter().map(|seed| seed.name.as_str()).collect::<Vec<_>>(), ["random_state"]);
    assert_eq!(full.environment, [file("requirements.txt", "2"), file("sub/uv.lock", "1")]);
    let without = |tag: &str, param: &str, files: &[RecipeFile]| {
        let tags: Vec<(&str, &str)> = TAGS.into_iter().filter(|(key, _)| *key != tag).collect();
        let params: Vec<(&str, &str)> =
            [("lr", "1"), ("random_state", "7")].into_iter().filter(|(key, _)| *key != param).collect();
        recipe(Some(&made(&params, &tags, &[])), files).gaps
    };
    assert_eq!(without("mlflow.docker.image.id", "", &files), [RecipeGap::Container]);
    assert_eq!(without("countersign.env.gpu", "", &files), [RecipeGap::Hardware]);
    assert_eq!(without("", "random_state", &files), [RecipeGap::Seed]);
    assert_eq!(without("", "", &files[1..]), [RecipeGap::Lock], "what a model needs is not all that was there");
    let [RecipeGap::Recorded(gap)] = &without("mlflow.source.git.commit", "", &files)[..] else { panic!("one gap") };
    assert_eq!((&gap.what, gap.of), (&Unrecorded::Revision, Side::Run));
    let unknown = recipe(None, &files);
    assert_eq!((unknown.gaps, unknown.facts.len(), unknown.environment.len()), (vec![RecipeGap::Run], 0, 2));
}

#[test]
fn a_package_of_that_name_is_no_container_and_no_hardware() {
    let packages = BTreeMap::from([("docker".to_owned(), "7".to_owned()), ("gpustat".to_owned(), "1".to_owned())]);
    let facts = Recorded { params: &[("seed", "1")], tags: &TAGS[..1], datasets: &[], packages: &packages }.facts();
    let run = Training { facts, ..made(&[], &[], &[]) };
    let gaps = recipe(Some(&run), &[file("uv.lock", "1")]).gaps;
    assert!(gaps.contains(&RecipeGap::Container) && gaps.contains(&RecipeGap::Hardware), "{gaps:?}");
}

fn held(first: &Training, second: &Training) -> Check {
    check(first, second, [&[], &[]])
}

#[test]
fn a_run_reproduces_another_if_ingredients_and_results_are_the_same() {
    let first = made(&[("lr", "1")], &TAGS, &[("loss", 0.5), ("system/cpu", 9.0)]);
    let with = |metrics: &[(&str, f64)]| held(&first, &made(&[("lr", "1.0")], &TAGS[..3], metrics));
    assert_eq!(with(&[("loss", 0.5), ("system/cpu", 1.0)]).finding, Reproduced::Yes, "the machine is no result");
    assert_eq!(with(&[("loss", 0.5), ("more", 1.0)]).finding, Reproduced::Yes, "it may measure more");
    let near = with(&[("loss", 0.500_000_4)]);
    assert_eq!((near.finding, near.metrics[0].is), (Reproduced::Yes, Match::Near));
    for metrics in [&[("loss", 0.500_001)][..], &[("loss", f64::NAN)], &[("other", 0.5)], &[]] {
        assert_eq!(with(metrics).finding, Reproduced::OtherResults, "{metrics:?}");
    }
    let other = held(&first, &made(&[("lr", "2")], &TAGS, &[("loss", 0.5)]));
    assert_eq!(other.finding, Reproduced::OtherIngredients, "by chance the result is the same");
    let lr = other.facts.iter().find(|one| one.what.aspect == Aspect::Parameter).unwrap();
    assert_eq!((lr.first.as_deref(), lr.second.as_deref(), lr.is), (Some("1"), Some("2"), Match::Other));
    let silent = held(&first, &made(&[("lr", "1")], &TAGS[..1], &[("loss", 0.5)]));
    assert_eq!(silent.finding, Reproduced::Yes);
    assert_eq!(silent.facts.iter().filter(|one| one.is == Match::Unknown).count(), 2, "what it does not say is told");
    let none = made(&[("lr", "1")], &TAGS, &[("system/cpu", 9.0)]);
    assert_eq!(held(&none, &first).finding, Reproduced::NoResults);
    let nan = made(&[("lr", "1")], &TAGS, &[("loss", f64::NAN)]);
    assert_eq!(held(&nan, &nan).finding, Reproduced::Yes, "a failure can be reproduced too");
}

#[test]
fn files_are_told_by_path_but_the_one_that_names_the_run() {
    let run = made(&[], &[], &[]);
    let first = [file("MLmodel", "1"), file("a/MLmodel", "1"), file("w", "1"), file("x", "1"), file("gone", "1")];
    let second = [file("MLmodel", "2"), file("a/MLmodel", "2"), file("w", "1"), file("x", "2"), file("new", "1")];
    let told: Vec<(String, Match)> =
        check(&run, &run, [&first, &second]).files.into_iter().map(|one| (one.what, one.is)).collect();
    let expected = [("gone", Match::Unknown), ("new", Match::Unknown), ("w", Match::Same), ("x", Match::Other)];
    assert_eq!(told, expected.map(|(path, is)| (path.to_owned(), is)));
}
