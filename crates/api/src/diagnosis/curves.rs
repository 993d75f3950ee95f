//! What the metrics of a run show.

use models::diagnosis::{Axis, CurveFinding, Divergence, Lack, Onset, Spike};
use serde::Serialize;
use types::Millis;
use utoipa::ToSchema;

use super::shown;

/// Says by what the points of two runs were matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AxisName {
    /// By their steps.
    Step,
    /// By their order in time, from 0 on: all points of one of them have one step.
    Order,
}

/// Says who has not logged a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LackName {
    /// The run.
    Run,
    /// All runs it was compared with.
    Others,
}

/// Is where a metric stops being a number.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoNumber {
    /// The step.
    step: i64,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// What it is there.
    #[schema(example = "NaN")]
    value: String,
    /// The step or place of the last number before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    before_step: Option<i64>,
    /// The last number before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
}

impl From<Onset> for NoNumber {
    fn from(onset: Onset) -> Self {
        let Onset { point, before } = onset;
        Self {
            step: point.step,
            at: Millis(point.at),
            value: point.value.to_string(),
            before_step: before.map(|(place, _)| place),
            before: before.map(|(_, value)| value.to_string()),
        }
    }
}

/// Is where a metric leaves those of successful runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Leaves {
    /// The step.
    step: i64,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// What it is there.
    #[schema(example = "2.7182")]
    value: String,
    /// The lowest that would be usual.
    low: String,
    /// The highest that would be usual.
    high: String,
    /// Whether it was so from the first compared step on.
    from_start: bool,
    /// With how many runs it was compared there.
    of: usize,
}

impl From<Divergence> for Leaves {
    fn from(divergence: Divergence) -> Self {
        let Divergence { point, low, high, of, from_start } = divergence;
        let [value, low, high] = [point.value, low, high].map(|value| value.to_string());
        Self { step: point.step, at: Millis(point.at), value, low, high, from_start, of }
    }
}

/// Is where a metric left those of successful runs for a moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct Leap {
    /// The step.
    step: i64,
    /// What it is there.
    value: String,
    /// The lowest that would be usual.
    low: String,
    /// The highest that would be usual.
    high: String,
}

impl From<&Spike> for Leap {
    fn from(spike: &Spike) -> Self {
        let [value, low, high] = [spike.point.value, spike.low, spike.high].map(|value| value.to_string());
        Self { step: spike.point.step, value, low, high }
    }
}

/// Is what one metric shows.
#[derive(Debug, Serialize, ToSchema)]
pub struct CurveShown {
    /// The metric.
    metric: String,
    /// By what its points were matched with those of the others.
    matched: AxisName,
    /// How many steps or places it has.
    places: usize,
    /// At how many of them it was compared.
    compared: usize,
    /// Where it stops being a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_number: Option<NoNumber>,
    /// Where it leaves those of successful runs and stays outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaves: Option<Leaves>,
    /// Where it left them for a moment, at most 20 of them.
    spikes: Vec<Leap>,
    /// How often it left them for a moment.
    spikes_count: usize,
    /// Its last step, if all others go on behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends: Option<i64>,
    /// The last step of the first of the others to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    others_end: Option<i64>,
    /// The first step that it lacks and all others have.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_missing: Option<i64>,
    /// How many such steps there are before its last one.
    missing: usize,
    /// Who has not logged it at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    lack: Option<LackName>,
}

impl From<&CurveFinding> for CurveShown {
    fn from(curve: &CurveFinding) -> Self {
        Self {
            metric: shown(&curve.key),
            matched: match curve.axis {
                Axis::Step => AxisName::Step,
                Axis::Order => AxisName::Order,
            },
            places: curve.places,
            compared: curve.compared,
            no_number: curve.onset.map(NoNumber::from),
            leaves: curve.divergence.map(Leaves::from),
            spikes: curve.spikes.iter().map(Leap::from).collect(),
            spikes_count: curve.spikes_count,
            ends: curve.ended.map(|ended| ended.last),
            others_end: curve.ended.map(|ended| ended.others),
            first_missing: curve.missing.map(|missing| missing.first),
            missing: curve.missing.map_or(0, |missing| missing.count),
            lack: curve.lack.map(|lack| match lack {
                Lack::Run => LackName::Run,
                Lack::Others => LackName::Others,
            }),
        }
    }
}
