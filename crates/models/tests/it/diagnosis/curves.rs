//! Curves, against a reference that is slow and plain.

use std::collections::{BTreeMap, BTreeSet};

use countersign_models::diagnosis::{
    Axis, CurveFinding, Diagnosis, Divergence, Ended, Lack, MeasureKind, MissingSteps, Onset, Point, SPIKES_MAX, Spike,
    curve,
};
use proptest::prelude::*;

use super::{measure, usual};

fn point(step: i64, value: f64) -> Point {
    Point { step, at: 1_000 + step, value: measure(value) }
}

fn points(values: &[f64]) -> Vec<Point> {
    (0..).zip(values).map(|(step, value)| point(step, *value)).collect()
}

fn falling(by: f64) -> Vec<Point> {
    points(&[10.0 + by, 8.0 + by, 6.0 + by, 5.0 + by, 4.0 + by, 3.0 + by])
}

fn others() -> Vec<Vec<Point>> {
    vec![falling(0.0), falling(0.1), falling(0.2)]
}

#[test]
fn a_curve_that_explodes_is_told_with_its_band_and_its_last_number() {
    let run = points(&[10.1, 8.1, 30.0, 1e30, f64::NAN, f64::NAN]);
    let found = curve("loss", &run, &others());
    let Some(Divergence { point, low, high, of, from_start }) = found.divergence else { panic!("it diverges") };
    assert_eq!((point, of, from_start), (run[2], 3, false));
    // Three runs: 6.0 to 6.2, wider by 5 % of what they move, 3.0 to 10.2.
    assert_eq!((low.to_string(), high.to_string()), ("5.64".into(), "6.5600000000000005".into()));
    assert_eq!(found.onset, Some(Onset { point: run[4], before: Some((3, measure(1e30))) }));
    assert_eq!((found.axis, found.places, found.compared, found.lack), (Axis::Step, 6, 6, None));
    assert!(found.is_symptom() && found.spikes.is_empty());
}

#[test]
fn what_comes_back_within_two_places_is_a_spike() {
    let run = points(&[10.1, 50.0, 60.0, 5.1, 4.1, 3.1]);
    let found = curve("loss", &run, &others());
    assert_eq!((found.divergence, found.spikes_count), (None, 1));
    assert_eq!(found.spikes[0].point, run[1]);
    assert!(!found.is_symptom());
    let run = points(&[10.1, 50.0, 60.0, 70.0, 4.1, 3.1]);
    assert_eq!(curve("loss", &run, &others()).divergence.unwrap().point, run[1], "three places are no moment");
    let run = points(&[10.1, 8.1, 6.1, 5.1, 4.1, 30.0]);
    assert_eq!(
        curve("loss", &run, &others()).divergence.unwrap().point,
        run[5],
        "nobody knows that it would come back"
    );
    let run = points(&[100.0, 100.0, 100.0]);
    assert!(curve("loss", &run, &others()).divergence.unwrap().from_start);
}

#[test]
fn one_success_says_less_than_three_so_more_is_usual() {
    let run = points(&[10.0, 8.0, 7.0, 6.0, 5.0, 4.0]);
    assert_eq!(curve("loss", &run, &others()[..1]).divergence, None, "within a fifth of what it moves");
    assert_eq!(curve("loss", &run, &others()).divergence.unwrap().point, run[2]);
}

#[test]
fn an_infinite_value_is_no_number_though_it_is_kept_as_the_largest_one() {
    let run = points(&[10.1, f64::MAX, 6.1, 5.1, 4.1, 3.1]);
    let found = curve("loss", &run, &others());
    assert_eq!(found.onset.unwrap().point.value.kind(), MeasureKind::Endless);
    assert_eq!(found.onset.unwrap().point.value.to_string(), "inf");
    let shared = vec![run.clone(), falling(0.0)];
    assert_eq!(curve("loss", &run, &shared).onset, None, "a success has it there too");
}

#[test]
fn curves_without_steps_are_matched_by_their_order() {
    let flat = |values: &[f64]| -> Vec<Point> {
        (0..).zip(values).map(|(n, value)| Point { step: 0, at: 50 + n, value: measure(*value) }).collect()
    };
    let run = flat(&[10.0, 8.0, f64::NAN]);
    let found = curve("loss", &run, &[falling(0.0)]);
    assert_eq!((found.axis, found.compared), (Axis::Order, 3));
    assert_eq!(found.onset.unwrap().before.unwrap().0, 1);
    assert_eq!(found.ended, Some(Ended { last: 2, others: 5 }));
}

#[test]
fn what_was_logged_by_one_side_alone_and_what_is_missing_is_told() {
    assert_eq!(curve("loss", &[], &others()).lack, Some(Lack::Run));
    assert_eq!(curve("loss", &falling(0.0), &[vec![], vec![]]).lack, Some(Lack::Others));
    assert_eq!(curve("loss", &[], &[falling(0.0), vec![]]).lack, None, "not all others have it");
    assert_eq!(curve("loss", &falling(0.0), &[]).lack, None, "there are no others");
    let run = [point(0, 10.0), point(3, 5.0)];
    let found = curve("loss", &run, &others());
    assert_eq!(found.missing, Some(MissingSteps { first: 1, count: 2 }));
    assert_eq!(found.ended, Some(Ended { last: 3, others: 5 }));
}

#[test]
fn what_shows_first_comes_first_and_machines_show_nothing() {
    let late = curve("accuracy", &points(&[10.1, 8.1, 6.1, 50.0, 50.0, 50.0]), &others());
    let early = curve("loss", &points(&[10.1, 80.0, 80.0, 80.0, 80.0, 80.0]), &others());
    let machine = curve("system/cpu", &points(&[99.0; 6]), &others());
    let dull = curve("dull", &falling(0.1), &others());
    let (run, good) = (usual("x", "1", "1", "1"), usual("a", "1", "1", "1"));
    let found = Diagnosis::of(&run, Some(&good), &[&good], vec![machine, dull, late, early]);
    let keys: Vec<&str> = found.curves.iter().map(|curve| curve.key.as_str()).collect();
    assert_eq!(keys, ["loss", "accuracy", "dull", "system/cpu"]);
    assert_eq!(found.first().unwrap().key, "loss");
    let none = Diagnosis::of(&run, None, &[], vec![curve("dull", &falling(0.1), &others())]);
    assert!(none.first().is_none());
}

/// Is a curve of the reference: place, point.
type Plain = Vec<(i64, Point)>;

/// Says which of two values of one instant is shown: the one that is no number, then an endless one, then the larger.
fn worse(a: f64, b: f64) -> bool {
    let class = |value: f64| if value.is_nan() { 2 } else { i32::from(value.abs() == f64::MAX) };
    class(a) > class(b) || (class(a) == class(b) && a > b)
}

fn plain(points: &[Point], axis: Axis) -> Plain {
    let of = |point: &Point| if axis == Axis::Step { point.step } else { point.at };
    let places: BTreeSet<i64> = points.iter().map(of).collect();
    let best = |place: i64| {
        let here: Vec<&Point> = points.iter().filter(|point| of(point) == place).collect();
        let last = here.iter().map(|point| point.at).max().unwrap();
        let mut here = here.into_iter().filter(|point| point.at == last);
        let first = *here.next().unwrap();
        here.fold(first, |best, point| if worse(value(point), value(&best)) { *point } else { best })
    };
    let all = places.into_iter().map(|place| (place, best(place)));
    if axis == Axis::Step { all.collect() } else { (0..).zip(all.map(|(_, point)| point)).collect() }
}

fn value(point: &Point) -> f64 {
    f64::from_bits(point.value.bits())
}

fn number(point: &Point) -> Option<f64> {
    Some(value(point)).filter(|value| value.is_finite() && value.abs() < f64::MAX)
}

fn at(curve: &Plain, place: i64) -> Option<Point> {
    curve.iter().find(|(there, _)| *there == place).map(|(_, point)| *point)
}

/// Computes what the fast one does, place by place, with everything looked up anew.
fn reference(key: &str, run: &[Point], others: &[Vec<Point>]) -> CurveFinding {
    let flat = |points: &[Point]| points.len() > 1 && points.iter().all(|point| point.step == points[0].step);
    let axis = if flat(run) || others.iter().any(|other| flat(other)) { Axis::Order } else { Axis::Step };
    let curve = plain(run, axis);
    let known: Vec<Plain> = others.iter().filter(|other| !other.is_empty()).map(|other| plain(other, axis)).collect();
    let numbers: Vec<f64> = known.iter().flatten().filter_map(|(_, point)| number(point)).collect();
    let highest = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let moved = if numbers.is_empty() { 0.0 } else { highest - numbers.iter().copied().fold(f64::INFINITY, f64::min) };
    let shared = |place: i64| known.iter().filter_map(|other| at(other, place)).any(|point| number(&point).is_none());
    // Of each compared place: the point, the band, and whether it is outside.
    let mut compared: Vec<(Point, f64, f64, usize, bool)> = Vec::new();
    for (place, point) in &curve {
        let here: Vec<f64> = known.iter().filter_map(|other| at(other, *place)).filter_map(|p| number(&p)).collect();
        if here.is_empty() {
            continue;
        }
        let (low, high) =
            here.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
        let few = here.len() < 3;
        let slack = [
            high - low,
            moved * if few { 0.2 } else { 0.05 },
            low.abs().max(high.abs()) * if few { 0.1 } else { 0.01 },
        ];
        let slack = slack.into_iter().fold(0.0, f64::max);
        let (low, high) = (low - slack, high + slack);
        let outside = match number(point) {
            Some(value) => value < low || value > high,
            None => !shared(*place),
        };
        compared.push((*point, low, high, here.len(), outside));
    }
    let (mut divergence, mut spikes) = (None, Vec::new());
    for n in 0..compared.len() {
        let (point, low, high, of, outside) = compared[n];
        let begins = outside && (n == 0 || !compared[n - 1].4);
        if !begins || divergence.is_some() {
            continue;
        }
        let stays = compared[n..].iter().take_while(|one| one.4).count();
        let (low, high) = (measure(low), measure(high));
        if stays >= 3 || n + stays == compared.len() {
            divergence = Some(Divergence { point, low, high, of, from_start: n == 0 });
        } else {
            spikes.push(Spike { point, low, high });
        }
    }
    let onset = curve.iter().position(|(place, point)| number(point).is_none() && !shared(*place)).map(|n| Onset {
        point: curve[n].1,
        before: curve[..n].iter().rev().find(|(_, p)| number(p).is_some()).map(|(place, p)| (*place, p.value)),
    });
    let last = curve.last().map(|(place, _)| *place);
    let ends: Vec<i64> = known.iter().map(|other| other.last().unwrap().0).collect();
    let ended = last.zip(ends.iter().copied().min()).filter(|(last, others)| last < others);
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    known.iter().flatten().for_each(|(place, _)| *seen.entry(*place).or_default() += 1);
    let lost = seen.into_iter().filter(|(place, count)| {
        *count == known.len() && last.is_some_and(|last| *place < last) && at(&curve, *place).is_none()
    });
    let lost: Vec<i64> = lost.map(|(place, _)| place).collect();
    CurveFinding {
        key: key.to_owned(),
        axis,
        places: curve.len(),
        compared: compared.len(),
        onset,
        divergence,
        spikes_count: spikes.len(),
        spikes: spikes.into_iter().take(SPIKES_MAX).collect(),
        ended: ended.map(|(last, others)| Ended { last, others }),
        missing: lost.first().map(|first| MissingSteps { first: *first, count: lost.len() }),
        lack: match (run.is_empty(), known.len()) {
            (true, count) if count > 0 && count == others.len() => Some(Lack::Run),
            (false, 0) if !others.is_empty() => Some(Lack::Others),
            _ => None,
        },
    }
}

fn some_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (-20_i32..20).prop_map(|n| f64::from(n) / 4.0),
        1 => Just(f64::NAN),
        1 => prop::sample::select(vec![f64::MAX, -f64::MAX, 1e300]),
    ]
}

fn some_points(steps: i64) -> impl Strategy<Value = Vec<Point>> {
    let one = (0..steps, 0_i64..40, some_value());
    let sparse = prop::collection::vec(one, 0..30).prop_map(|all| {
        all.into_iter().map(|(step, at, value)| Point { step, at, value: measure(value) }).collect::<Vec<_>>()
    });
    let smooth = prop::collection::vec(some_value(), 0..30).prop_map(|values| {
        let near = |(n, value): (i64, f64)| if n % 3 == 0 { point(n, value) } else { point(n, 1.0 + value / 100.0) };
        (0..).zip(values).map(near).collect::<Vec<_>>()
    });
    prop_oneof![sparse, smooth]
}

/// Writes a finding so that values that are no numbers are compared by their kind.
fn written(finding: &CurveFinding) -> String {
    format!("{finding:?}").replace(&f64::NAN.to_bits().to_string(), "NaN")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_curve_is_compared_as_the_reference_does_it(
        run in some_points(12), others in prop::collection::vec(some_points(12), 0..5),
    ) {
        prop_assert_eq!(written(&curve("m", &run, &others)), written(&reference("m", &run, &others)));
    }

    #[test]
    fn curves_without_steps_are_compared_as_the_reference_does_it(
        run in some_points(1), others in prop::collection::vec(some_points(12), 0..5),
    ) {
        prop_assert_eq!(written(&curve("m", &run, &others)), written(&reference("m", &run, &others)));
    }

    #[test]
    fn a_success_among_its_equals_shows_nothing(others in prop::collection::vec(some_points(12), 1..5), pick in any::<prop::sample::Index>()) {
        let found = curve("m", &others[pick.index(others.len())], &others);
        prop_assert!(!found.is_symptom() && found.spikes.is_empty() && found.ended.is_none(), "{:?}", found);
    }
}
