//! Diagnosis of a training run: set beside its nearest successful one, what differs, and where its curves part.
//!
//! [`nearest`] chooses the successful runs it is set beside, [`curve`] compares one metric with theirs, and [`Diagnosis::of`] puts together what differs
//! and how much that says. Nothing is said that is not recorded: what is not known of a run is a [`Gap`], never a guess, and no
//! difference is called the cause that the records cannot tell from another.

mod cause;
mod curve;
mod facts;
mod gap;
mod measure;
mod nearest;
mod reason;

pub use cause::{Difference, Evidence, Verdict, Weight};
pub use curve::{Axis, CurveFinding, Divergence, Ended, Lack, MissingSteps, Onset, Point, SPIKES_MAX, Spike, curve};
pub use facts::{Aspect, DatasetRead, FAILED, Fact, Facts, OUTCOME, Recorded, Training, Unsuccessful};
pub use gap::{Gap, Side, Unrecorded};
pub use measure::{Measure, MeasureKind};
pub use nearest::{Near, nearest};

pub(crate) use gap::gaps;
pub(crate) use nearest::{Stand, facts_of, stand};

/// Is how many successful runs a curve is compared with at most.
pub const NEIGHBOURS_MAX: usize = 5;

/// Is what is found out about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// What of the records differs from the nearest successful run, the strongest first.
    pub differences: Vec<Difference>,
    /// What the differences say together.
    pub verdict: Verdict,
    /// What the curves show, in the order in which they show it.
    pub curves: Vec<CurveFinding>,
    /// What is not recorded.
    pub gaps: Vec<Gap>,
}

impl Diagnosis {
    /// Puts together what is known of a run.
    ///
    /// - `beside`: the successful run it is set beside; none, if there is none.
    /// - `others`: all successful runs that are known, that one too: they tell a cause from what merely came along.
    /// - `curves`: what was found of each metric.
    pub fn of(run: &Training, beside: Option<&Training>, others: &[&Training], mut curves: Vec<CurveFinding>) -> Self {
        curves.sort_by(|a, b| a.shown_at().cmp(&b.shown_at()).then_with(|| a.key.cmp(&b.key)));
        let differences = beside.map(|beside| cause::differences(run, beside, others)).unwrap_or_default();
        let verdict = cause::verdict(beside.is_some(), &differences);
        Self { gaps: gap::gaps(run, beside), differences, verdict, curves }
    }

    /// Returns the curve that shows first that something is wrong; none, if none does.
    pub fn first(&self) -> Option<&CurveFinding> {
        self.curves.first().filter(|curve| curve.is_symptom())
    }

    /// Returns what may be the cause: one difference, or several that the records cannot tell apart.
    pub fn causes(&self) -> &[Difference] {
        let count = match self.verdict {
            Verdict::Named => 1,
            Verdict::Several(count) => count,
            Verdict::NoSuccess | Verdict::NothingDiffers | Verdict::OnlyWeak => 0,
        };
        self.differences.get(..count).unwrap_or_default()
    }
}
