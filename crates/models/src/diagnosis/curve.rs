//! One metric of a run beside the same metric of successful ones: where it parts from them, and where it stops being a number.
//!
//! A curve **diverges** where it leaves the band of the others and stays out of it for [`LASTING`] compared places, or to its end; what comes
//! back sooner is a **spike**. Compared is a place at which one of the others, at least, has a number.

use std::collections::BTreeMap;

use super::measure::{Measure, MeasureKind};

/// Is how many spikes of a curve are told; all are counted.
pub const SPIKES_MAX: usize = 20;

/// Is how many compared places a curve stays outside before it has diverged.
const LASTING: usize = 3;

/// Is from how many values on their own spread says what is usual.
const SPREAD_FROM: usize = 3;

/// Is the prefix of what MLflow's client measures of the machine.
const OF_MACHINE: &str = "system/";

/// Is one point of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// The step of the training.
    pub step: i64,
    /// When it was measured, in milliseconds since the epoch.
    pub at: i64,
    /// The value.
    pub value: Measure,
}

/// Says by what the points of two curves are matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// By their steps.
    Step,
    /// By their place in time, from 0 on: one of the curves has several points and one step.
    Order,
}

/// Is where a curve stops being a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Onset {
    /// The first point that is none, at which none of the others has none.
    pub point: Point,
    /// The number before it, with its place.
    pub before: Option<(i64, Measure)>,
}

/// Is where a curve leaves the others for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Divergence {
    /// The first point outside.
    pub point: Point,
    /// The lowest that would be inside.
    pub low: Measure,
    /// The highest that would be inside.
    pub high: Measure,
    /// With how many values of others it was compared there.
    pub of: usize,
    /// Whether it was outside from the first compared place on.
    pub from_start: bool,
}

/// Is a point outside from which the curve came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spike {
    /// The first point outside.
    pub point: Point,
    /// The lowest that would be inside.
    pub low: Measure,
    /// The highest that would be inside.
    pub high: Measure,
}

/// Says that a curve ends before all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Its last place.
    pub last: i64,
    /// Where the first of the others ends.
    pub others: i64,
}

/// Says that places are missing which all others have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingSteps {
    /// The first of them.
    pub first: i64,
    /// How many there are before the curve's last place.
    pub count: usize,
}

/// Says who has not logged a metric at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// The run that is looked at; all others have it.
    Run,
    /// All others.
    Others,
}

/// Is what was found of one metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurveFinding {
    /// The metric.
    pub key: String,
    /// By what the points were matched.
    pub axis: Axis,
    /// How many places the curve has.
    pub places: usize,
    /// At how many of them it was compared.
    pub compared: usize,
    /// Where it stops being a number.
    pub onset: Option<Onset>,
    /// Where it leaves the others for good.
    pub divergence: Option<Divergence>,
    /// Where it left them for a moment: the first [`SPIKES_MAX`].
    pub spikes: Vec<Spike>,
    /// How often it left them for a moment.
    pub spikes_count: usize,
    /// Whether it ends before the others.
    pub ended: Option<Ended>,
    /// Whether it has gaps which the others have not.
    pub missing: Option<MissingSteps>,
    /// Who has not logged it.
    pub lack: Option<Lack>,
}

impl CurveFinding {
    /// Says whether it shows that something is wrong with the training: what is measured of the machine does not.
    pub fn is_symptom(&self) -> bool {
        !self.key.starts_with(OF_MACHINE) && (self.onset.is_some() || self.divergence.is_some())
    }

    /// Returns what curves are put in order by: symptoms first, the earliest first.
    pub(super) fn shown_at(&self) -> (bool, Option<(i64, i64)>) {
        let onset = self.onset.map(|onset| (onset.point.at, onset.point.step));
        let divergence = self.divergence.map(|divergence| (divergence.point.at, divergence.point.step));
        let first = onset.into_iter().chain(divergence).min();
        (!self.is_symptom(), first.filter(|_| self.is_symptom()))
    }
}

/// Is a curve by place.
struct Curve(BTreeMap<i64, Point>);

impl Curve {
    fn of(points: &[Point], axis: Axis) -> Self {
        let mut instants: BTreeMap<i64, Point> = BTreeMap::new();
        for point in points {
            let place = if axis == Axis::Step { point.step } else { point.at };
            let later = |known: &Point| (known.at, known.value.rank()) < (point.at, point.value.rank());
            if instants.get(&place).is_none_or(later) {
                instants.insert(place, *point);
            }
        }
        match axis {
            Axis::Step => Self(instants),
            Axis::Order => Self((0..).zip(instants.into_values()).collect()),
        }
    }

    fn last(&self) -> Option<i64> {
        self.0.last_key_value().map(|(place, _)| *place)
    }

    fn value(&self, place: i64) -> Option<Measure> {
        self.0.get(&place).map(|point| point.value)
    }

    fn numbers(&self) -> impl Iterator<Item = f64> {
        self.0.values().filter(|point| point.value.is_finite()).map(|point| point.value.double())
    }
}

/// Says whether all of several points have one step.
fn is_flat(points: &[Point]) -> bool {
    points.len() > 1 && points.windows(2).all(|two| matches!(two, [a, b] if a.step == b.step))
}

/// Is what lies inside at one place.
#[derive(Clone, Copy)]
struct Band {
    low: f64,
    high: f64,
    of: usize,
}

impl Band {
    /// Returns the band of the numbers that the others have at a place; none, if they have none there.
    ///
    /// - `moved`: how far the others move in all.
    fn at(others: &[Curve], place: i64, moved: f64) -> Option<Self> {
        let values = others.iter().filter_map(|other| other.value(place)).filter(|value| value.is_finite());
        let values: Vec<f64> = values.map(Measure::double).collect();
        let low = values.iter().copied().reduce(f64::min)?;
        let high = values.iter().copied().reduce(f64::max)?;
        // With few values their spread says little, so more is taken for usual.
        let (of_moved, of_size) = if values.len() < SPREAD_FROM { (0.2, 0.1) } else { (0.05, 0.01) };
        let size = low.abs().max(high.abs());
        let slack = (high - low).max(moved * of_moved).max(size * of_size);
        Some(Self { low: low - slack, high: high + slack, of: values.len() })
    }

    fn has(&self, value: Measure) -> bool {
        value.is_finite() && (self.low..=self.high).contains(&value.double())
    }
}

/// Returns how far curves move: from the lowest of all their numbers to the highest.
fn moved(others: &[Curve]) -> f64 {
    let all = || others.iter().flat_map(Curve::numbers);
    let low = all().reduce(f64::min).unwrap_or(0.0);
    let high = all().reduce(f64::max).unwrap_or(0.0);
    (high - low).min(f64::MAX)
}

/// Says whether one of the others is no number at a place either.
fn is_shared(others: &[Curve], place: i64) -> bool {
    others.iter().filter_map(|other| other.value(place)).any(|value| !value.is_finite())
}

/// Compares one metric of a run with the same metric of successful ones.
///
/// - `others`: of each of those runs the points; empty, if it did not log the metric.
pub fn curve(key: &str, run: &[Point], others: &[Vec<Point>]) -> CurveFinding {
    let logged: Vec<&Vec<Point>> = others.iter().filter(|points| !points.is_empty()).collect();
    let flat = is_flat(run) || logged.iter().any(|points| is_flat(points));
    let axis = if flat { Axis::Order } else { Axis::Step };
    let curve = Curve::of(run, axis);
    let known: Vec<Curve> = logged.iter().map(|points| Curve::of(points, axis)).collect();
    let stretches = stretches(&curve, &known);
    let lack = match (run.is_empty(), logged.len()) {
        (true, count) if count > 0 && count == others.len() => Some(Lack::Run),
        (false, 0) if !others.is_empty() => Some(Lack::Others),
        _ => None,
    };
    CurveFinding {
        key: key.to_owned(),
        axis,
        places: curve.0.len(),
        compared: stretches.compared,
        onset: onset(&curve, &known),
        divergence: stretches.divergence,
        spikes_count: stretches.spikes.len(),
        spikes: stretches.spikes.into_iter().take(SPIKES_MAX).collect(),
        ended: ended(&curve, &known),
        missing: missing(&curve, &known),
        lack,
    }
}

fn onset(curve: &Curve, others: &[Curve]) -> Option<Onset> {
    let is_none = |place: i64, point: &Point| !point.value.is_finite() && !is_shared(others, place);
    let (place, point) = curve.0.iter().find(|(place, point)| is_none(**place, point))?;
    let before = curve.0.range(..place).rev().find(|(_, before)| before.value.kind() == MeasureKind::Finite);
    Some(Onset { point: *point, before: before.map(|(place, before)| (*place, before.value)) })
}

/// Is what leaving the band has come to.
#[derive(Default)]
struct Stretches {
    compared: usize,
    divergence: Option<Divergence>,
    spikes: Vec<Spike>,
}

/// Is a stretch outside that has not ended.
struct Outside {
    point: Point,
    band: Band,
    length: usize,
    from_start: bool,
}

impl Stretches {
    /// Ends a stretch. What follows on the divergence is neither another one nor a spike.
    fn end(&mut self, stretch: Option<Outside>, is_last: bool) {
        let Some(Outside { point, band, length, from_start }) = stretch else { return };
        let (low, high) = (Measure::of(band.low), Measure::of(band.high));
        let lasts = is_last || length >= LASTING;
        match self.divergence {
            Some(_) => {}
            None if lasts => self.divergence = Some(Divergence { point, low, high, of: band.of, from_start }),
            None => self.spikes.push(Spike { point, low, high }),
        }
    }
}

fn stretches(curve: &Curve, others: &[Curve]) -> Stretches {
    let (mut found, mut stretch, moved) = (Stretches::default(), None::<Outside>, moved(others));
    for (place, point) in &curve.0 {
        let Some(band) = Band::at(others, *place, moved) else { continue };
        let is_first = found.compared == 0;
        found.compared += 1;
        let is_none_anywhere = !point.value.is_finite() && is_shared(others, *place);
        if band.has(point.value) || is_none_anywhere {
            found.end(stretch.take(), false);
            continue;
        }
        match &mut stretch {
            Some(stretch) => stretch.length += 1,
            None => stretch = Some(Outside { point: *point, band, length: 1, from_start: is_first }),
        }
    }
    found.end(stretch, true);
    found
}

fn ended(curve: &Curve, others: &[Curve]) -> Option<Ended> {
    let last = curve.last()?;
    let others = others.iter().filter_map(Curve::last).min()?;
    (last < others).then_some(Ended { last, others })
}

fn missing(curve: &Curve, others: &[Curve]) -> Option<MissingSteps> {
    let (last, (one, rest)) = (curve.last()?, others.split_first()?);
    let is_missing = |place: &i64| !curve.0.contains_key(place) && rest.iter().all(|other| other.0.contains_key(place));
    let mut missing = one.0.range(..last).map(|(place, _)| *place).filter(is_missing);
    let first = missing.next()?;
    Some(MissingSteps { first, count: missing.count() + 1 })
}
