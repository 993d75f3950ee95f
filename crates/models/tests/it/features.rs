//! Features: where definitions conflict, what Feast says, and skew against a slow reference.

use std::collections::BTreeMap;

use countersign_models::diagnosis::Measure;
use countersign_models::feast::{self, FeastError};
use countersign_models::feature::{Definition, DefinitionError, Kind, conflicts};
use countersign_models::skew::{Example, Finding, Row, Value, skew};
use proptest::prelude::*;

fn definition(name: &str, concept: &str, transformation: &str) -> Definition {
    let [name, concept, transformation] = [name, concept, transformation].map(str::to_owned);
    Definition {
        name,
        concept,
        entity: "customer".into(),
        kind: Kind::Number,
        window: "7d".into(),
        transformation,
        datasets: Vec::new(),
    }
}

#[test]
fn one_concept_in_several_definitions_is_found_whatever_its_spelling() {
    let all = [
        definition("clv", "customer lifetime value", "sum(margin)"),
        definition("ltv", "Customer-Lifetime_Value ", "sum(revenue)"),
        definition("age", "age", "now - born"),
    ];
    let found = conflicts(&all);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].concept.as_str(), &found[0].features),
        ("customer lifetime value", &vec!["clv".into(), "ltv".into()])
    );
    assert_eq!(found[0].differing, ["transformation"]);
    // Blanks and line ends compute nothing.
    let all = [definition("clv", "c", "sum(margin)\n  / 2"), definition("ltv", "c", "sum(margin) / 2")];
    assert_eq!(conflicts(&all)[0].differing, Vec::<&str>::new());
    let mut other = definition("ltv", "c", "sum(margin) / 2");
    (other.entity, other.kind, other.window) = ("account".into(), Kind::Text, "30d".into());
    assert_eq!(conflicts(&[all[1].clone(), other.clone()]).len(), 0, "one name is one feature");
    assert_eq!(conflicts(&[all[0].clone(), other])[0].differing, ["entity", "type", "window"]);
}

#[test]
fn what_feast_dumps_becomes_definitions_and_what_does_not_is_told() {
    let dump = feast::read(include_str!("features/feast_dump.json")).unwrap();
    let names: Vec<&str> = dump.imported.iter().map(|one| one.definition.name.as_str()).collect();
    assert_eq!(names, ["purchases:purchases_7d", "purchases:plan", "purchases:is_new", "lifetime:clv"]);
    let [average, plan, new, clv] = &dump.imported[..] else { panic!("there are four") };
    assert_eq!(average.definition.concept, "7-day rolling average purchase count");
    assert_eq!((average.definition.window.as_str(), average.definition.entity.as_str()), ("7d", "customer"));
    assert_eq!(
        (average.owner.as_deref(), average.origin.as_str()),
        (Some("growth"), "feast shop purchases:purchases_7d")
    );
    let computed = &average.definition.transformation;
    assert!(
        computed.starts_with("column purchases_7d of orders") && computed.contains("data/orders.parquet"),
        "{computed}"
    );
    assert_eq!([plan.definition.kind, new.definition.kind], [Kind::Text, Kind::Boolean]);
    assert_eq!(plan.definition.concept, "plan");
    assert_eq!(
        (clv.definition.entity.as_str(), clv.owner.as_deref()),
        ("customer", Some("finance")),
        "of what it reads"
    );
    assert!(clv.definition.transformation.contains("inputs[\"margin\"] * 52"));
    let passed: Vec<(&str, &str)> = dump.passed_over.iter().map(|one| (one.name.as_str(), one.why.as_str())).collect();
    assert_eq!(passed, [("purchases:last_items", "its values are of the type `INT64_LIST`")]);
    for one in &dump.imported {
        assert_eq!(one.definition.check(), Ok(()));
    }
}

#[test]
fn a_view_that_is_of_nothing_or_computed_nowhere_is_told_too() {
    let view = |more: &str| {
        format!(
            r#"{{"project": "p", "featureViews": [{{"spec": {{"name": "v", "features": [{{"name": "f", "valueType": "INT64"}}]{more}}}}}]}}"#
        )
    };
    let why = |text: &str| feast::read(text).unwrap().passed_over[0].why.clone();
    assert_eq!(why(&view("")), "it has no entity");
    assert_eq!(why(&view(r#", "entities": ["e"]"#)), "nothing says how it is computed");
    assert_eq!(why(&view(r#", "entities": ["__dummy"], "batchSource": {"name": "s"}"#)), "it has no entity");
    let read = feast::read(&view(r#", "entities": ["e", "f"], "batchSource": {"name": "s"}"#)).unwrap();
    assert_eq!((read.imported[0].definition.entity.as_str(), read.passed_over.len()), ("e+f", 0));
    assert_eq!(read.imported[0].definition.concept, "f");
    assert_eq!(why(r#"{"project": "p", "labelViews": [{"spec": {"name": "l"}}]}"#), "labels, no features");
    assert_eq!(feast::read("[]"), Err(FeastError::Form("it names no project")));
    assert_eq!(feast::read("x"), Err(FeastError::Form("no JSON")));
}

#[test]
fn a_name_is_one_that_can_stand_in_a_path() {
    for (name, fits) in [("a", true), ("a:b.c-d_e", true), ("1", true), ("_a", false), ("a/b", false), ("é", false)] {
        let checked = definition(name, "c", "t").check();
        assert_eq!(checked, if fits { Ok(()) } else { Err(DefinitionError::Name) }, "{name}");
    }
}

fn number(value: f64) -> Value {
    Value::Number(Measure::from_bits(value.to_bits()))
}

fn row(entity: &str, at: i64, value: Value) -> Row {
    Row { entity: entity.into(), at, value }
}

fn column(values: impl IntoIterator<Item = f64>) -> Vec<Row> {
    (0..).zip(values).map(|(at, value)| row("a", at, number(value))).collect()
}

#[test]
fn rows_are_matched_by_entity_and_time_and_the_first_difference_is_shown() {
    let training =
        [row("a", 1, number(1.0)), row("b", 1, number(2.0)), row("a", 2, Value::Missing), row("c", 9, number(1.0))];
    let serving =
        [row("a", 1, number(1.0)), row("b", 1, number(2.5)), row("a", 2, number(0.0)), row("c", 8, number(1.0))];
    let found = skew(&training, &serving, 1);
    assert_eq!((found.finding, found.compared, found.differing), (Finding::Differs, 3, 2));
    assert_eq!((found.training_only, found.serving_only), (1, 1));
    let first = Example { entity: "b".into(), at: 1, training: number(2.0), serving: number(2.5) };
    assert_eq!(found.first, Some(first));
    assert_eq!(skew(&training[..1], &serving[3..], 1).finding, Finding::NothingCompared);
}

#[test]
fn a_tolerance_is_a_share_of_the_larger_number() {
    let differs = |one: f64, other: f64, millionths: u32| {
        skew(&column([one]), &column([other]), millionths).finding == Finding::Differs
    };
    assert!(!differs(1_000_000.0, 999_999.0, 1) && differs(1_000_000.0, 999_998.9, 1));
    assert!(differs(0.0, 1e-300, 1), "nothing is near nothing");
    assert!(!differs(0.0, -0.0, 0) && !differs(-5.0, -5.0, 0) && differs(5.0, -5.0, 999_999));
    let differs = |one: Value, other: Value| skew(&[row("a", 1, one)], &[row("a", 1, other)], 999_999).differing == 1;
    assert!(!differs(Value::Missing, Value::Missing) && differs(Value::Missing, number(0.0)));
    assert!(differs(Value::Text("1".into()), number(1.0)) && differs(Value::Text("a".into()), Value::Text("A".into())));
}

#[test]
fn distances_are_those_of_the_textbook() {
    // Ten numbers, one in each bin, beside ten of which none is in the lower half and two are in each upper bin.
    let training: Vec<f64> = (0..10).map(f64::from).collect();
    let serving: Vec<f64> = (0..10).map(|n| f64::from(5 + n / 2)).collect();
    let distance = skew(&column(training), &column(serving), 1).distance.unwrap();
    let psi = 5.0 * (0.1 - 1e-4) * (0.1_f64 / 1e-4).ln() + 5.0 * (0.1 - 0.2) * (0.1_f64 / 0.2).ln();
    assert!((psi * 1e6 - distance.psi_millionths as f64).abs() < 1.0, "{distance:?}");
    assert_eq!(distance.ks_millionths, 500_000);
    let same = skew(&column([1.0, 2.0, 3.0]), &column([3.0, 1.0, 2.0]), 1).distance.unwrap();
    assert_eq!((same.psi_millionths, same.ks_millionths), (0, 0));
    assert_eq!(skew(&column([f64::NAN]), &column([1.0]), 1).distance, None, "one side has no number");
}

/// Computes the index and the statistic with everything counted anew.
fn reference(training: &[f64], serving: &[f64]) -> (f64, f64) {
    let count = |of: &[f64], holds: &dyn Fn(f64) -> bool| of.iter().filter(|x| holds(**x)).count() as f64;
    let shares = |upto: f64| {
        (count(training, &|x| x <= upto) / training.len() as f64
            - count(serving, &|x| x <= upto) / serving.len() as f64)
            .abs()
    };
    let ks = training.iter().chain(serving).map(|x| shares(*x)).fold(0.0, f64::max);
    let mut sorted = training.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut edges = vec![f64::NEG_INFINITY];
    edges.extend((1..10).map(|n| sorted[sorted.len() * n / 10]));
    edges.push(f64::INFINITY);
    let mut bins: Vec<(f64, f64)> = edges.windows(2).map(|two| (two[0], two[1])).collect();
    bins.retain(|(low, high)| low < high);
    let share = |of: &[f64], (low, high): (f64, f64)| {
        let count = count(of, &|x| x >= low && x < high);
        if count == 0.0 { 1e-4 } else { count / of.len() as f64 }
    };
    let term = |bin: &(f64, f64)| {
        let (p, q) = (share(training, *bin), share(serving, *bin));
        (p - q) * (p / q).ln()
    };
    (bins.iter().map(term).sum(), ks)
}

fn some_rows() -> impl Strategy<Value = Vec<Row>> {
    let value = prop_oneof![
        6 => (-4_i32..5).prop_map(|n| number(f64::from(n) / 2.0)),
        1 => Just(Value::Missing),
        1 => prop::sample::select(vec!["x", "y"]).prop_map(|text| Value::Text(text.into())),
    ];
    let one = ("[ab]", 0_i64..8, value).prop_map(|(entity, at, value)| Row { entity, at, value });
    prop::collection::vec(one, 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_row_is_counted_once_and_every_difference_is_one(training in some_rows(), serving in some_rows()) {
        let last = |rows: &[Row]| -> BTreeMap<(i64, String), Value> {
            rows.iter().map(|row| ((row.at, row.entity.clone()), row.value.clone())).collect()
        };
        let (one, other) = (last(&training), last(&serving));
        let both: Vec<_> = one.iter().filter(|(key, _)| other.contains_key(key)).collect();
        let differing: Vec<_> = both.iter().filter(|(key, value)| other[key] != **value).collect();
        let found = skew(&training, &serving, 0);
        prop_assert_eq!((found.compared, found.differing), (both.len(), differing.len()));
        prop_assert_eq!((found.training_only, found.serving_only), (one.len() - both.len(), other.len() - both.len()));
        prop_assert_eq!(found.first.map(|first| (first.at, first.entity)), differing.first().map(|(key, _)| (*key).clone()));
        let turned = skew(&serving, &training, 0);
        prop_assert_eq!((turned.compared, turned.differing), (found.compared, found.differing));
    }

    #[test]
    fn distances_are_those_of_the_reference(
        training in prop::collection::vec(-9_i32..9, 1..40), serving in prop::collection::vec(-9_i32..9, 1..40),
    ) {
        let [training, serving] = [training, serving].map(|of| of.into_iter().map(f64::from).collect::<Vec<_>>());
        let (psi, ks) = reference(&training, &serving);
        let distance = skew(&column(training.clone()), &column(serving.clone()), 1).distance.unwrap();
        prop_assert_eq!((distance.training, distance.serving), (training.len(), serving.len()));
        prop_assert!((psi * 1e6 - distance.psi_millionths as f64).abs() <= 1.0, "{} {:?}", psi, distance);
        prop_assert!((ks * 1e6 - distance.ks_millionths as f64).abs() <= 1.0, "{} {:?}", ks, distance);
    }
}
