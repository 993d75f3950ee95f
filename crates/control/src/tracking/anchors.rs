//! Anchors: the digests of what a run has logged, part by part, so that the journal shows later what it was then.
//!
//! What is hashed are lines that whoever reads the run over MLflow's contract can write as well: `docs/concepts/dossier.md` tells how.

use models::artifact;
use serde_json::{Value, json};
use store::tracking::{Change, Pair, Run, View};
use types::attestation::{ANCHORED, Anchored, Attestation, Part};
use types::digest::Lines;

use super::{Answer, Tracking, run};

/// Are the parts of a run, in their order.
pub const PARTS: [&str; 7] = ["run", "params", "tags", "metrics", "datasets", "models", "artifacts"];

/// Is how many anchors of a run are looked at.
pub(super) const ANCHORS_MAX: u64 = 100;

/// Says whether a run has ended, by how it stands.
pub(super) fn has_ended(status: &str) -> bool {
    !matches!(status, "RUNNING" | "SCHEDULED")
}

/// Takes the digests of a run as it is now.
pub(super) fn anchor(view: &View<'_>, run: &Run, at: i64) -> Answer<Anchored> {
    let data = view.run_data(run.seq)?;
    let (points, metrics) = metrics(view, run.seq)?;
    let said = json!([run.id, run.experiment.to_string(), run.name, run.user, run.status, run.started, run.ended]);
    let digests = [
        lines([said]),
        lines(pairs(data.params)),
        lines(pairs(data.tags)),
        metrics,
        lines(datasets(view, run.seq)?),
        lines(linked_models(view, run.seq)?),
        artifacts(view, run)?,
    ];
    let parts = PARTS.into_iter().zip(digests).map(|(name, lines)| Part { name: name.into(), digest: lines.finish() });
    Ok(Anchored { run: run.id.clone(), status: run.status.clone(), parts: parts.collect(), points, at })
}

fn lines(all: impl IntoIterator<Item = Value>) -> Lines {
    let mut lines = Lines::default();
    all.into_iter().for_each(|line| lines.add(&line.to_string()));
    lines
}

/// Writes pairs by key.
fn pairs(mut pairs: Vec<Pair>) -> impl Iterator<Item = Value> {
    pairs.sort_by(|a, b| a.key.cmp(&b.key));
    pairs.into_iter().map(|pair| json!([pair.key, pair.value]))
}

/// Writes points by metric, time, step and value; a value as the 16 hex digits of its IEEE 754 double.
fn metrics(view: &View<'_>, run: i64) -> Answer<(u64, Lines)> {
    let (mut count, mut lines) = (0_u64, Lines::default());
    view.each_point(run, |point| {
        let bits = if point.value.is_nan() { f64::NAN } else { point.value }.to_bits();
        lines.add(&json!([point.key, point.at, point.step, format!("{bits:016x}")]).to_string());
        count = count.saturating_add(1);
    })?;
    Ok((count, lines))
}

fn datasets(view: &View<'_>, run: i64) -> Answer<Vec<Value>> {
    let mut all: Vec<(String, String, Value)> = Vec::new();
    for input in view.inputs(run)? {
        let tags: Vec<Value> = pairs(input.tags).collect();
        let set = input.dataset;
        let line = json!([set.name, set.digest, set.kind, set.source, set.schema, set.profile, tags]);
        all.push((set.name, set.digest, line));
    }
    all.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    Ok(all.into_iter().map(|(_, _, line)| line).collect())
}

/// Writes the models that a run has read, then those that it has made, each by id.
fn linked_models(view: &View<'_>, run: i64) -> Answer<Vec<Value>> {
    let read = view.model_inputs(run)?.into_iter().map(|model| json!(["input", model]));
    let made = view.outputs(run)?.into_iter().map(|made| json!(["output", made.model, made.step]));
    Ok(read.chain(made).collect())
}

/// Writes files by path: digest, size and path below the run's own folder.
fn artifacts(view: &View<'_>, run: &Run) -> Answer<Lines> {
    let mut lines = Lines::default();
    if let Some(place) = artifact::place(&run.location) {
        for file in view.artifacts_below(place.key())? {
            let path = file.path.strip_prefix(place.key()).unwrap_or(&file.path).trim_start_matches('/');
            lines.add(&json!([file.digest.to_string(), file.size, path]).to_string());
        }
    }
    Ok(lines)
}

impl Tracking {
    /// Returns the runs that were written since their digests were last taken.
    ///
    /// - `ended`: those alone that have ended.
    pub(crate) fn touched_runs(&self, ended: bool, limit: u64) -> Answer<Vec<String>> {
        self.kept.view(|view| Ok(view.touched_runs(ended, limit)?))
    }

    /// Takes the digests of runs, and keeps those that are not the ones that were kept last.
    pub(crate) fn anchor_runs(&self, ids: &[String]) -> Answer<()> {
        let now = self.now();
        let taken: Vec<Taken> =
            self.kept.view(|view| ids.iter().map(|id| taken(view, &run(view, id)?, now)).collect::<Answer<_>>())?;
        self.kept.change(move |change| taken.iter().try_for_each(|taken| keep(change, taken)))
    }
}

/// Are the digests of a run, and how often it had been written when they were taken.
struct Taken {
    seq: i64,
    touches: i64,
    anchor: Anchored,
}

fn taken(view: &View<'_>, run: &Run, now: i64) -> Answer<Taken> {
    Ok(Taken { seq: run.seq, touches: view.touches(run.seq)?, anchor: anchor(view, run, now)? })
}

fn keep(change: &Change<'_>, taken: &Taken) -> Answer<()> {
    let Taken { seq, touches, anchor } = taken;
    // Whoever was faster has taken them later than this.
    if *touches == 0 || change.touches(*seq)? < *touches {
        return Ok(());
    }
    let last = change.attested(ANCHORED, &anchor.run, 1)?.pop().map(|last| last.what);
    if !matches!(last, Some(Attestation::Anchored(last)) if same(&last, anchor)) {
        change.attest(&Attestation::Anchored(anchor.clone()), &anchor.run, None)?;
    }
    Ok(change.forget_touches(*seq, *touches)?)
}

/// Says whether two anchors say the same of a run.
fn same(one: &Anchored, other: &Anchored) -> bool {
    one.parts == other.parts && one.status == other.status
}
