//! Skew: what a feature was in training beside what it was in serving, for the same entity at the same time.

use std::collections::BTreeMap;

use crate::diagnosis::Measure;

/// Is how many millionths a number may differ by and still be the same one, unless somebody says otherwise: one.
pub const TOLERANCE_MILLIONTHS: u32 = 1;

/// Is into how many bins numbers are counted for the population stability index.
const BINS: usize = 10;

/// Is a value of a feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// There was none.
    Missing,
    /// A number.
    Number(Measure),
    /// A text, or true or false.
    Text(String),
}

impl Value {
    /// Takes a number by the bits of its double. A zero has no sign: a file that keeps it has none either.
    pub fn number(bits: u64) -> Self {
        let double = Measure::from_bits(bits).double();
        Self::Number(Measure::from_bits(if double == 0.0 { 0 } else { bits }))
    }
}

/// Is what a feature was for an entity at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The entity, such as a customer's number.
    pub entity: String,
    /// The time of the event, in milliseconds since the epoch.
    pub at: i64,
    /// The value.
    pub value: Value,
}

/// Is a row that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The entity.
    pub entity: String,
    /// The time of the event.
    pub at: i64,
    /// What it was in training.
    pub training: Value,
    /// What it was in serving.
    pub serving: Value,
}

/// Says what comparing has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// No entity has a value on both sides at one time.
    NothingCompared,
    /// Every value that was compared is the same.
    Same,
    /// At least one differs.
    Differs,
}

/// Is how the distribution of numbers differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Distance {
    /// How many numbers there are of training.
    pub training: usize,
    /// How many there are of serving.
    pub serving: usize,
    /// The population stability index, in millionths.
    pub psi_millionths: i64,
    /// The largest difference of the two cumulated shares (Kolmogorov and Smirnov), in millionths.
    pub ks_millionths: i64,
}

/// Is a feature in training beside itself in serving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skew {
    /// What comparing has come to.
    pub finding: Finding,
    /// How many rows were compared: there is one on either side.
    pub compared: usize,
    /// How many of them differ.
    pub differing: usize,
    /// The first that differs, by time and then by entity.
    pub first: Option<Example>,
    /// How many rows only training has.
    pub training_only: usize,
    /// How many rows only serving has.
    pub serving_only: usize,
    /// How the numbers are distributed, of all rows, compared or not; none if one side has no number.
    pub distance: Option<Distance>,
}

/// Compares the rows of the two sides.
///
/// Numbers are the same if they differ by no more than so many millionths of the larger one. What is missing on both sides is the same, and nothing else is.
///
/// - `training`, `serving`: of each entity and time one row at most; of several the last counts.
pub fn skew(training: &[Row], serving: &[Row], tolerance_millionths: u32) -> Skew {
    let (trained, served) = (by_time(training), by_time(serving));
    let both = trained.iter().filter_map(|(key, one)| Some((key, *one, *served.get(key)?)));
    let (mut compared, mut differing, mut first) = (0, 0, None);
    for ((at, entity), one, other) in both {
        compared += 1;
        if is_same(one, other, tolerance_millionths) {
            continue;
        }
        differing += 1;
        first.get_or_insert_with(|| Example {
            entity: (*entity).to_owned(),
            at: *at,
            training: one.clone(),
            serving: other.clone(),
        });
    }
    let finding = match (compared, differing) {
        (0, _) => Finding::NothingCompared,
        (_, 0) => Finding::Same,
        _ => Finding::Differs,
    };
    Skew {
        finding,
        compared,
        differing,
        first,
        training_only: trained.len() - compared,
        serving_only: served.len() - compared,
        distance: distance(&numbers(&trained), &numbers(&served)),
    }
}

type ByTime<'a> = BTreeMap<(i64, &'a str), &'a Value>;

fn by_time(rows: &[Row]) -> ByTime<'_> {
    rows.iter().map(|row| ((row.at, row.entity.as_str()), &row.value)).collect()
}

fn is_same(one: &Value, other: &Value, tolerance_millionths: u32) -> bool {
    let (Value::Number(one), Value::Number(other)) = (one, other) else { return one == other };
    let (one, other) = (one.double(), other.double());
    let larger = one.abs().max(other.abs());
    one == other || (one - other).abs() <= larger * f64::from(tolerance_millionths) / 1e6
}

/// Returns the finite numbers of some rows, the lowest first.
fn numbers(rows: &ByTime<'_>) -> Vec<f64> {
    let number = |value: &&Value| match value {
        Value::Number(number) if number.is_finite() => Some(number.double()),
        _ => None,
    };
    let mut numbers: Vec<f64> = rows.values().filter_map(number).collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

fn distance(training: &[f64], serving: &[f64]) -> Option<Distance> {
    if training.is_empty() || serving.is_empty() {
        return None;
    }
    Some(Distance {
        training: training.len(),
        serving: serving.len(),
        psi_millionths: psi(training, serving),
        ks_millionths: ks(training, serving),
    })
}

/// Counts how many of sorted numbers are below another one.
fn below(sorted: &[f64], number: f64) -> usize {
    sorted.partition_point(|known| *known < number)
}

/// Returns `Σ (p − q) · ln(p / q)` over ten bins between the deciles of training, each share of nothing taken as 0.0001.
fn psi(training: &[f64], serving: &[f64]) -> i64 {
    let decile = |n: usize| training.get(training.len() * n / BINS).copied();
    // Between two equal ones nothing lies, on either side, so that bin adds nothing.
    let edges: Vec<f64> = (1..BINS).filter_map(decile).collect();
    let shares = |sorted: &[f64]| -> Vec<f64> {
        let mut counts: Vec<usize> = edges.iter().map(|edge| below(sorted, *edge)).collect();
        counts.push(sorted.len());
        let mut before = 0;
        let share = |count: usize| share(count - std::mem::replace(&mut before, count), sorted.len());
        counts.into_iter().map(share).collect()
    };
    let terms = shares(training).into_iter().zip(shares(serving));
    let sum: f64 = terms.map(|(p, q)| (p - q) * libm::log(p / q)).sum();
    millionths(sum)
}

fn share(count: usize, of: usize) -> f64 {
    let of_millions = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if count == 0 { 1e-4 } else { of_millions(count) / of_millions(of) }
}

/// Rounds to whole millionths.
fn millionths(number: f64) -> i64 {
    // Written and read, since a cast could cut what does not fit.
    format!("{:.0}", number * 1e6).parse().unwrap_or(i64::MAX)
}

/// Returns the largest difference of the shares that are not above a number, over all numbers of both, in whole millionths.
fn ks(training: &[f64], serving: &[f64]) -> i64 {
    let upto = |sorted: &[f64], number: f64| sorted.partition_point(|known| *known <= number);
    let wide = |count: usize| u128::try_from(count).unwrap_or(u128::MAX);
    let (n, m) = (wide(training.len()), wide(serving.len()));
    let apart = |number: &f64| (wide(upto(training, *number)) * m).abs_diff(wide(upto(serving, *number)) * n);
    let most = training.iter().chain(serving).map(apart).max().unwrap_or(0);
    i64::try_from(most * 1_000_000 / (n * m).max(1)).unwrap_or(i64::MAX)
}
