//! Logged models that are taken over. One that was ready is sealed once all of it is here.

use models::names;
use serde_json::json;
use store::tracking::{LoggedModel as Kept, ModelMetric, OnDataset, Stage};
use types::Digest;
use types::digest::Lines;
use types::imports::{LoggedModel, ModelEnd, ModelPoint, ModelPoints};

use super::runs::{address, all_here, files_below, metric};
use super::{ImportState, Taker, differs, elsewhere, once, pairs, stage};
use crate::tracking::{Answer, Refused, Status, seals};

fn status(text: &str) -> Answer<Status> {
    Status::read(text).ok_or_else(|| Refused::invalid(format!("'{text}' is no status of a logged model.")))
}

fn check(one: &LoggedModel) -> Answer<()> {
    if !one.id.starts_with("m-") || names::run_id(&one.id, "model_id").is_err() {
        return Err(Refused::invalid(format!("'{}' is no id of a logged model.", one.id)));
    }
    names::logged_model_name(&one.name)?;
    once(&one.tags)?;
    once(&one.params)?;
    one.location.as_deref().map_or(Ok(()), elsewhere)
}

fn point(sent: &ModelPoint) -> Answer<ModelMetric> {
    let on = sent.dataset.clone().map(|(name, digest)| OnDataset { name, digest: Some(digest) });
    Ok(ModelMetric { metric: metric(&sent.point)?, run: sent.run.clone(), on })
}

impl Taker<'_> {
    pub(super) fn logged_model(&self, one: &LoggedModel, said: Digest) -> Answer<ImportState> {
        check(one)?;
        let (status, _) = (status(&one.status)?, stage(&one.stage)?);
        match self.known("logged-model", &one.id, said)? {
            Some(true) => return Ok(ImportState::Present),
            Some(false) => {
                self.mark("logged-model", &one.id, said, None)?;
                return Ok(ImportState::Taken);
            }
            None => {}
        }
        if self.change.logged_model(&one.id)?.is_some() {
            return Err(differs(format!("Logged model {}", one.id)));
        }
        self.in_experiment(one.experiment)?;
        let here = format!("{}/models/{}/artifacts", address(one.experiment), one.id);
        // Ready, and deleted, it becomes with its last file.
        let before = if status == Status::Ready { Status::Pending } else { status };
        self.change.add_logged_model(&Kept {
            id: one.id.clone(),
            experiment: one.experiment,
            name: one.name.clone(),
            location: one.location.clone().unwrap_or(here),
            status: before.number(),
            kind: one.model_type.clone(),
            source_run: Some(one.source_run.clone()).filter(|run| !run.is_empty()),
            created: one.created,
            updated: one.updated,
            stage: Stage::Active,
        })?;
        for param in pairs(&one.params) {
            self.change.add_logged_model_param(&one.id, &param)?;
        }
        pairs(&one.tags).iter().try_for_each(|tag| self.change.tag_logged_model(&one.id, tag))?;
        self.mark("logged-model", &one.id, said, None)?;
        Ok(ImportState::Taken)
    }

    pub(super) fn model_points(&self, sent: &ModelPoints) -> Answer<ImportState> {
        let is_whole = self.marked("logged-model", &sent.model)?.kept.is_some();
        let known = if is_whole { self.change.logged_model_metrics(&sent.model)? } else { Vec::new() };
        let other = |key: &str| differs(format!("Logged model {} without a point of '{key}'", sent.model));
        for one in &sent.points {
            let point = point(one)?;
            let is_here = if is_whole {
                let is_same = |there: &ModelMetric| same(there, &point);
                known.iter().any(is_same)
            } else {
                self.change.log_model_metric(&sent.model, &point)?
            };
            if !is_here {
                return Err(other(&one.point.key));
            }
        }
        Ok(if is_whole { ImportState::Present } else { ImportState::Taken })
    }

    pub(super) fn model_end(&self, end: &ModelEnd) -> Answer<ImportState> {
        let mark = self.marked("logged-model", &end.model)?;
        if mark.kept.is_some() {
            return Ok(ImportState::Present);
        }
        let (status, to) = (status(&end.status)?, stage(&end.stage)?);
        let gone = || Refused::absent(format!("Logged model with ID '{}' not found.", end.model));
        let model = self.change.logged_model(&end.model)?.ok_or_else(gone)?;
        let metrics = self.change.logged_model_metrics(&end.model)?;
        all_here("points", i64::try_from(metrics.len()).unwrap_or(i64::MAX), end.points)?;
        all_here("files", files_below(self.change, &model.location)?, end.files)?;
        if status == Status::Ready && self.change.seal(&end.model)?.is_none() {
            seals::seal(self.change, &model, self.mover.by(), self.mover.at)?;
        }
        self.change.set_logged_model_status(&end.model, status.number(), end.updated)?;
        if to == Stage::Deleted {
            self.change.delete_logged_model(&end.model, end.updated)?;
        }
        let seal = self.change.seal(&end.model)?.map(|seal| seal.digest.to_string());
        self.mark("logged-model", &end.model, mark.said, Some(digest(mark.said, seal, &metrics)))?;
        Ok(ImportState::Taken)
    }
}

fn same(one: &ModelMetric, other: &ModelMetric) -> bool {
    let bits = |of: &ModelMetric| if of.metric.value.is_nan() { f64::NAN } else { of.metric.value }.to_bits();
    let rest = |of: &ModelMetric| (of.metric.key.clone(), of.metric.at, of.metric.step, of.run.clone(), of.on.clone());
    bits(one) == bits(other) && rest(one) == rest(other)
}

/// Takes the digest of what was taken of a logged model: what was said of it, its seal, and each of its points.
fn digest(said: Digest, seal: Option<String>, metrics: &[ModelMetric]) -> Digest {
    let mut lines = Lines::default();
    lines.add(&json!([said.to_string(), seal]).to_string());
    for ModelMetric { metric, run, on } in metrics {
        let bits = if metric.value.is_nan() { f64::NAN } else { metric.value }.to_bits();
        let on = on.as_ref().map(|on| (&on.name, &on.digest));
        lines.add(&json!([metric.key, metric.at, metric.step, format!("{bits:016x}"), run, on]).to_string());
    }
    lines.finish()
}
