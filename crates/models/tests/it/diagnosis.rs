//! Diagnosis: causes are told from what merely came along, and nothing is said that is not recorded.

mod curves;

use std::collections::BTreeMap;

use countersign_models::diagnosis::{
    Aspect, DatasetRead, Diagnosis, FAILED, Fact, Measure, Near, Recorded, Side, Training, Unrecorded, Unsuccessful,
    Verdict, Weight, nearest,
};
use proptest::prelude::*;

fn measure(value: f64) -> Measure {
    Measure::from_bits(value.to_bits())
}

/// Makes a finished run of parameters, tags and one dataset, with a list of packages.
fn training(
    id: &str,
    params: &[(&str, &str)],
    tags: &[(&str, &str)],
    digest: &str,
    packages: &[(&str, &str)],
) -> Training {
    let datasets = [DatasetRead { name: "sales", digest, context: "training" }];
    let packages: BTreeMap<String, String> =
        packages.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect();
    let datasets = if digest.is_empty() { &datasets[..0] } else { &datasets[..] };
    let facts = Recorded { params, tags, datasets, packages: &packages }.facts();
    let latest = BTreeMap::from([("loss".to_owned(), measure(0.5))]);
    let (name, status) = (id.to_owned(), "FINISHED".to_owned());
    Training { id: id.to_owned(), name, status, started: 100, latest, outcome: None, facts }
}

const COMMIT: &str = "mlflow.source.git.commit";

fn usual(id: &str, lr: &str, seed: &str, batch: &str) -> Training {
    let params = [("lr", lr), ("seed", seed), ("batch", batch)];
    training(id, &params, &[(COMMIT, "c1")], "d1", &[("numpy", "2.1")])
}

/// Diagnoses a run among successful ones.
fn diagnosed(run: &Training, candidates: &[Training]) -> Diagnosis {
    let near = nearest(run, candidates);
    let others: Vec<&Training> = near.iter().map(|near| near.run).collect();
    Diagnosis::of(run, others.first().copied(), &others, Vec::new())
}

fn causes(diagnosis: &Diagnosis) -> Vec<(Aspect, &str)> {
    diagnosis.causes().iter().map(|one| (one.fact.aspect, one.fact.name.as_str())).collect()
}

fn weight(diagnosis: &Diagnosis, name: &str) -> Weight {
    diagnosis.differences.iter().find(|one| one.fact.name == name).unwrap().evidence.weight
}

fn good() -> Vec<Training> {
    vec![usual("a", "0.1", "1", "32"), usual("b", "0.05", "2", "16"), usual("c", "0.2", "3", "32")]
}

#[test]
fn each_kind_of_cause_is_named_and_what_came_along_is_not() {
    let lr = usual("x", "50", "9", "32");
    let found = diagnosed(&lr, &good());
    assert_eq!((found.verdict, causes(&found)), (Verdict::Named, vec![(Aspect::Parameter, "lr")]));
    assert_eq!((weight(&found, "lr"), weight(&found, "seed")), (Weight::Outside, Weight::Varied));
    assert!(found.differences[0].reason().contains("far outside of what 3 successful runs had"));

    let params = [("lr", "0.1"), ("seed", "9"), ("batch", "16")];
    let data = training("x", &params, &[(COMMIT, "c1")], "d2", &[("numpy", "2.1")]);
    let found = diagnosed(&data, &good());
    assert_eq!(causes(&found), [(Aspect::Data, "training")]);
    assert_eq!(found.differences[0].other.as_deref(), Some("sales d1"));
    assert_eq!(found.differences[0].run.as_deref(), Some("sales d2"));

    let code = training("x", &params, &[(COMMIT, "c2")], "d1", &[("numpy", "2.1")]);
    assert_eq!(causes(&diagnosed(&code, &good())), [(Aspect::Code, COMMIT)]);

    let environment = training("x", &params, &[(COMMIT, "c1")], "d1", &[("numpy", "1.26")]);
    assert_eq!(causes(&diagnosed(&environment, &good())), [(Aspect::Environment, "package numpy")]);
}

#[test]
fn what_a_success_shares_or_varies_in_is_not_named() {
    let mut all = good();
    all.push(usual("d", "50", "4", "64"));
    let found = diagnosed(&usual("x", "50", "9", "32"), &all);
    assert_eq!(found.verdict, Verdict::OnlyWeak);
    assert!(causes(&found).is_empty());
    let found = diagnosed(&usual("x", "0.1", "9", "32"), &good()[1..]);
    assert_eq!(weight(&found, "lr"), Weight::Varied, "a value between those of others");
    assert!(found.says().starts_with("none named"));
}

#[test]
fn a_success_that_differs_in_one_thing_alone_says_more_than_the_others() {
    let found = diagnosed(&usual("x", "0.15", "1", "32"), &good());
    assert_eq!((found.verdict, weight(&found, "lr")), (Verdict::Named, Weight::Controlled));
    assert_eq!(found.differences[0].evidence.controlled_by.as_deref(), Some("a"));
    assert_eq!(found.differences.len(), 1);
    // What is known of one of the two alone may differ too, so it is no controlled experiment.
    let mut bare = usual("x", "0.15", "1", "32");
    bare.facts.retain(|fact, _| fact.aspect != Aspect::Environment);
    assert_eq!(weight(&diagnosed(&bare, &good()), "lr"), Weight::Varied);
    // Many seeds did no harm.
    assert_eq!(weight(&diagnosed(&usual("x", "0.1", "9", "32"), &good()), "seed"), Weight::Varied);
    assert_eq!(weight(&diagnosed(&usual("x", "0.1", "9", "32"), &good()[..1]), "seed"), Weight::Controlled);
}

#[test]
fn differences_that_say_the_same_are_named_together() {
    let one = [usual("a", "0.1", "1", "32")];
    let found = diagnosed(&usual("x", "50", "1", "64"), &one);
    assert_eq!(found.verdict, Verdict::Several(2));
    assert_eq!(causes(&found), [(Aspect::Parameter, "batch"), (Aspect::Parameter, "lr")]);
    assert!(found.says().contains("cannot tell them apart"), "{}", found.says());
    assert_eq!(found.differences[0].reason(), "the only successful run that says has another value");
}

#[test]
fn what_is_not_recorded_is_a_gap_and_no_difference() {
    let bare = training("x", &[("lr", "0.1"), ("seed", "1"), ("batch", "32")], &[], "", &[]);
    let found = diagnosed(&bare, &good());
    assert_eq!(found.verdict, Verdict::NothingDiffers);
    let gaps: Vec<(&Unrecorded, Side)> = found.gaps.iter().map(|gap| (&gap.what, gap.of)).collect();
    let expected =
        [(&Unrecorded::Revision, Side::Run), (&Unrecorded::Data, Side::Run), (&Unrecorded::Environment, Side::Run)];
    assert_eq!(gaps, expected);
    assert!(found.says().ends_with("but not all is recorded"));
    for gap in &found.gaps {
        assert!(gap.says().starts_with("not recorded of this run") && !gap.remedy().is_empty());
    }
    // The same holds the other way, and of both.
    let found =
        diagnosed(&usual("x", "0.1", "1", "32"), std::slice::from_ref(&Training { id: "a".into(), ..bare.clone() }));
    assert!(found.gaps.iter().all(|gap| gap.of == Side::Beside) && found.gaps.len() == 3);
    let found = diagnosed(&bare, &[Training { id: "a".into(), ..bare.clone() }]);
    assert!(found.gaps.iter().all(|gap| gap.of == Side::Both) && found.gaps.len() == 3);
    // One fact that one of them alone records.
    let tags = [(COMMIT, "c1"), ("countersign.env.gpu", "A100")];
    let more = training("x", &[("lr", "0.1"), ("seed", "1"), ("batch", "32")], &tags, "d1", &[("numpy", "2.1")]);
    let found = diagnosed(&more, &good());
    assert!(found.differences.is_empty());
    assert_eq!(found.gaps[0].what, Unrecorded::Fact(Aspect::Environment, "countersign.env.gpu".into()));
}

#[test]
fn changes_that_were_not_committed_are_a_gap_unless_they_are_recorded() {
    let dirty = |more: &[(&str, &str)]| {
        let tags = [&[(COMMIT, "c1"), ("mlflow.source.git.dirty", "True")][..], more].concat();
        training("x", &[("lr", "1")], &tags, "d1", &[("numpy", "2.1")])
    };
    let gaps = |run: &Training| diagnosed(run, &[]).gaps.iter().map(|gap| gap.what.clone()).collect::<Vec<_>>();
    assert_eq!(gaps(&dirty(&[])), [Unrecorded::Uncommitted]);
    assert_eq!(gaps(&dirty(&[("mlflow.source.git.diff", "+1")])), []);
    // The name of a script tells no revision, a tag of one's own does.
    let named = |tag: &str| training("x", &[("lr", "1")], &[(tag, "v")], "d1", &[("numpy", "2.1")]);
    assert_eq!(gaps(&named("mlflow.source.name")), [Unrecorded::Revision]);
    assert_eq!(gaps(&named("preprocessing_revision")), []);
    assert_eq!(diagnosed(&named("x"), &[]).verdict, Verdict::NoSuccess);
}

#[test]
fn a_parameter_or_a_dataset_that_one_lacks_is_a_difference() {
    let tags = [(COMMIT, "c1")];
    let of = |id: &str, params: &[(&str, &str)]| training(id, params, &tags, "d1", &[("numpy", "2.1")]);
    let run = of("x", &[("lr", "0.1"), ("clip", "1")]);
    let others = [of("a", &[("lr", "0.1"), ("warmup", "5")])];
    let found = diagnosed(&run, &others);
    let shown: Vec<_> = found.differences.iter().map(|one| (one.fact.name.as_str(), one.run.as_deref())).collect();
    assert_eq!(shown, [("clip", Some("1")), ("warmup", None)]);
}

#[test]
fn numbers_are_one_in_any_spelling_and_versions_are_not() {
    let of = |id: &str, lr: &str, version: &str| {
        let params = [("lr", lr), ("data_version", version)];
        training(id, &params, &[(COMMIT, "1e2")], "d1", &[("numpy", version)])
    };
    assert!(diagnosed(&of("x", "1e-3", "1.1"), &[of("a", "0.001", "1.1")]).differences.is_empty());
    let found = diagnosed(&of("x", "1e-3", "1.1"), &[of("a", "0.001", "1.10")]);
    let names: Vec<&str> = found.differences.iter().map(|one| one.fact.name.as_str()).collect();
    assert_eq!(names, ["data_version", "package numpy"]);
    let digits = training("b", &[("lr", "1e-3")], &[(COMMIT, "100")], "d1", &[]);
    let found = diagnosed(&training("x", &[("lr", "1e-3")], &[(COMMIT, "1e2")], "d1", &[]), &[digits]);
    assert_eq!(causes(&found), [(Aspect::Code, COMMIT)]);
}

#[test]
fn numbers_that_only_name_are_never_far_outside() {
    let outside = |name: &str, value: &str| {
        let of = |id: &str, value: &str, other: &str| {
            training(id, &[(name, value), ("b", other)], &[(COMMIT, "c1")], "d1", &[("numpy", "2.1")])
        };
        let others = [of("a", "1", "1"), of("b", "2", "2"), of("c", "3", "3")];
        weight(&diagnosed(&of("x", value, "9"), &others), name)
    };
    assert_eq!([outside("seed", "4000"), outside("random_state", "4000")], [Weight::Varied; 2]);
    // Three values from 1 to 3: outside begins beyond 5, and below a tenth of the lowest.
    assert_eq!([outside("depth", "5"), outside("depth", "5.1")], [Weight::Varied, Weight::Outside]);
    assert_eq!([outside("depth", "0.11"), outside("depth", "0.1")], [Weight::Varied, Weight::Outside]);
    assert_eq!([outside("depth", "-1"), outside("depth", "-1.1")], [Weight::Outside; 2], "below a tenth of the lowest");
    assert_eq!([outside("depth", "nan"), outside("depth", "deep")], [Weight::Varied; 2]);
}

#[test]
fn a_run_is_no_success_unless_it_finished_with_numbers_and_nobody_says_otherwise() {
    let run = usual("a", "0.1", "1", "32");
    assert_eq!(run.unsuccessful(), None);
    let killed = Training { status: "KILLED".into(), ..run.clone() };
    assert_eq!(killed.unsuccessful(), Some(Unsuccessful::Status("KILLED".into())));
    for bad in [f64::NAN, f64::MAX, f64::NEG_INFINITY] {
        let latest = BTreeMap::from([("loss".to_owned(), measure(bad))]);
        let run = Training { latest, ..run.clone() };
        assert_eq!(run.unsuccessful(), Some(Unsuccessful::NoNumber("loss".into())));
    }
    let said = Training { outcome: Some(FAILED.into()), ..run.clone() };
    assert_eq!(said.unsuccessful(), Some(Unsuccessful::Said));
    assert!(nearest(&run, &[killed, said, run.clone()]).is_empty(), "neither failures nor the run itself");
}

#[test]
fn a_run_that_records_nothing_is_not_the_nearest() {
    let silent = training("a", &[], &[], "", &[]);
    let near = [silent, usual("b", "0.2", "1", "32")];
    assert_eq!(nearest(&usual("x", "0.1", "1", "32"), &near)[0].run.id, "b");
}

fn some_run() -> impl Strategy<Value = Training> {
    let value = prop::sample::select(vec!["", "1", "2", "1.0", "x"]);
    let fields = (prop::collection::vec(value, 5), 90_i64..110, "[a-d]");
    fields.prop_map(|(values, started, id)| {
        let given = |from: usize, to: usize, keys: [&'static str; 2]| -> Vec<(&'static str, &'static str)> {
            let both = keys.into_iter().zip(values[from..to].iter().copied());
            both.filter(|(_, value)| !value.is_empty()).collect()
        };
        let (params, tags) = (given(0, 2, ["p", "q"]), given(2, 4, [COMMIT, "note"]));
        Training { started, ..training(&id, &params, &tags, values[4], &[]) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_nearest_run_is_the_least_of_all_in_whatever_order_they_come(
        run in some_run(), mut all in prop::collection::vec(some_run(), 0..6),
    ) {
        let rank = |other: &Training| {
            let near = Near::of(&run, other);
            (near.differing + near.unknown, (run.started - other.started).abs(), other.started, other.id.clone())
        };
        let good: Vec<&Training> = all.iter().filter(|other| other.id != run.id).collect();
        let least = good.iter().map(|other| rank(other)).min();
        prop_assert_eq!(nearest(&run, &all).first().map(|near| rank(near.run)), least);
        let ranks: Vec<_> = nearest(&run, &all).iter().map(|near| rank(near.run)).collect();
        prop_assert!(ranks.is_sorted());
        all.reverse();
        let turned: Vec<_> = nearest(&run, &all).iter().map(|near| rank(near.run)).collect();
        prop_assert_eq!(ranks, turned);
    }

    #[test]
    fn every_difference_counts_every_success_once_and_a_shared_one_is_never_alone(
        run in some_run(), all in prop::collection::vec(some_run(), 1..6),
    ) {
        let near = nearest(&run, &all);
        let others: Vec<&Training> = near.iter().map(|near| near.run).collect();
        let found = diagnosed(&run, &all);
        for one in &found.differences {
            let evidence = &one.evidence;
            prop_assert_eq!(evidence.same + evidence.other + evidence.unknown, others.len());
            let shares = others.iter().filter(|other| other.facts.get(&one.fact) == run.facts.get(&one.fact)).count();
            prop_assert!(evidence.same >= shares);
            prop_assert!(evidence.other >= 1, "it differs from the nearest one, at least");
            match evidence.weight {
                Weight::Controlled => prop_assert!(evidence.controlled_by.is_some()),
                Weight::Shared => prop_assert!(evidence.same > 0),
                Weight::Alone => prop_assert!(evidence.same == 0 && evidence.values == 1),
                Weight::Outside | Weight::Varied => prop_assert!(evidence.same == 0 && evidence.values > 1),
            }
        }
        let weights: Vec<Weight> = found.differences.iter().map(|one| one.evidence.weight).collect();
        prop_assert!(weights.is_sorted(), "{:?}", weights);
    }

    #[test]
    fn what_was_changed_of_a_success_is_named_whatever_else_was_taken_from_others(
        all in prop::collection::vec(some_run(), 1..6), pick in any::<prop::sample::Index>(), note in any::<prop::sample::Index>(),
    ) {
        let base = &all[pick.index(all.len())];
        let mut run = Training { id: "failed".into(), ..base.clone() };
        let planted = Fact { aspect: Aspect::Environment, name: "countersign.env.planted".into() };
        let all: Vec<Training> = all.iter().enumerate().map(|(n, good)| {
            let mut good = Training { id: format!("{n}"), ..good.clone() };
            good.facts.insert(planted.clone(), "good".into());
            good
        }).collect();
        run.facts.insert(planted.clone(), "bad".into());
        let found = diagnosed(&run, &all);
        prop_assert_eq!(causes(&found), vec![(Aspect::Environment, "countersign.env.planted")]);
        prop_assert_eq!(found.differences.len(), 1);
        // An innocent difference: the parameter of another success.
        let lender = &all[note.index(all.len())];
        let innocent = Fact { aspect: Aspect::Parameter, name: "p".into() };
        if let Some(value) = lender.facts.get(&innocent) {
            run.facts.insert(innocent, value.clone());
            let found = diagnosed(&run, &all);
            prop_assert_eq!(found.causes()[0].fact.clone(), planted);
            prop_assert_eq!(found.causes().len(), 1);
        }
    }
}
