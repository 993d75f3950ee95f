//! What runs log: metrics, parameters, tags, and batches of them.

use std::fmt::{Arguments, Display};

use models::{Given, names, page};
use store::tracking::{Change, Metric, ModelMetric, OnDataset, Pair, RunChange};

use super::runs::NAME;
use super::searches::{and_one, cut};
use super::{Answer, ErrorCode, Found, Refused, Tracking, active_run};

/// Is one point of a metric, as it is logged.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedMetric {
    /// The point.
    pub metric: Metric,
    /// The model that it is also a metric of.
    pub of: Option<OfModel>,
}

/// Is the model that a metric belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfModel {
    /// Its id.
    pub model: String,
    /// The dataset that the metric was measured on.
    pub on: Option<OnDataset>,
}

/// Is a batch: what a run logs at once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logged {
    /// Points of metrics.
    pub metrics: Vec<LoggedMetric>,
    /// Parameters.
    pub params: Vec<Pair>,
    /// Tags.
    pub tags: Vec<Pair>,
}

/// Checks a metric. `path` says where it stands in the request, and is empty for one alone.
pub(super) fn check_metric(path: impl Display, metric: &Metric) -> Answer<()> {
    // Its numbers were read as such, so that of them a time alone can be wrong.
    if metric.at >= 0 {
        return Ok(names::metric_key(path, &metric.key)?);
    }
    let (at, step) = (Given::Integer(metric.at.to_string()), Given::Integer(metric.step.to_string()));
    Ok(names::metric(&path.to_string(), &metric.key, &Given::Float(metric.value.to_string()), &at, &step)?)
}

/// Logs a point as one of a model too, if it is.
fn of_model(change: &Change<'_>, run: &str, logged: &LoggedMetric) -> Answer<()> {
    let Some(of) = &logged.of else { return Ok(()) };
    let refuse = |message: String| Err(Refused::new(ErrorCode::BadRequest, message));
    if change.logged_model(&of.model)?.is_none() {
        return refuse(format!("There is no logged model with ID '{}'.", of.model));
    }
    let point = ModelMetric { metric: logged.metric.clone(), run: run.to_owned(), on: of.on.clone() };
    if change.log_model_metric(&of.model, &point)? {
        return Ok(());
    }
    refuse(format!(
        "The model {} has another value or dataset of metric '{}' at this time and step already.",
        of.model, logged.metric.key
    ))
}

/// Checks a parameter and cuts its value.
fn checked_param(path: Arguments<'_>, param: Pair) -> Answer<Pair> {
    let value = names::param(path, &param.key, &param.value)?.to_owned();
    Ok(Pair { value, ..param })
}

/// Checks a tag and cuts its value.
fn checked_tag(path: Arguments<'_>, tag: Pair) -> Answer<Pair> {
    let value = names::tag(path, &tag.key, &tag.value)?.to_owned();
    Ok(Pair { value, ..tag })
}

/// Checks each of many, with its place.
fn each<T>(what: &str, all: Vec<T>, check: impl Fn(Arguments<'_>, T) -> Answer<T>) -> Answer<Vec<T>> {
    all.into_iter().enumerate().map(|(n, one)| check(format_args!("{what}[{n}]"), one)).collect()
}

/// Sets a tag; the one of the name renames the run.
fn tag(change: &Change<'_>, run: i64, tag: &Pair) -> Answer<()> {
    if tag.key == NAME {
        if tag.value.is_empty() {
            return Ok(());
        }
        change.change_run(run, &RunChange { name: Some(tag.value.clone()), ..RunChange::default() })?;
    }
    Ok(change.tag_run(run, tag)?)
}

impl Tracking {
    /// Logs a point of a metric.
    ///
    /// # Errors
    ///
    /// A metric that cannot be; a run that is not there or deleted; a model that is not there, or has another value of that instant.
    pub fn log_metric(&self, run: String, logged: LoggedMetric) -> Answer<()> {
        let checked = check_metric("", &logged.metric);
        // MLflow looks for the run first, where a model is concerned.
        if logged.of.is_none() {
            checked.clone()?;
        }
        self.kept.change(move |change| {
            let seq = active_run(change, &run)?.seq;
            checked?;
            of_model(change, &run, &logged)?;
            Ok(change.log_metric(seq, &logged.metric)?)
        })
    }

    /// Logs a parameter; the same one again changes nothing.
    ///
    /// # Errors
    ///
    /// A parameter that cannot be, or was logged with another value; a run that is not there or deleted.
    pub fn log_param(&self, run: String, param: Pair) -> Answer<()> {
        let param = checked_param(format_args!(""), param)?;
        self.kept.change(move |change| {
            let seq = active_run(change, &run)?.seq;
            match change.param(seq, &param.key)? {
                None => Ok(change.add_param(seq, &param)?),
                Some(old) if old == param.value => Ok(()),
                Some(old) => Err(Refused::invalid(format!(
                    "Changing param values is not allowed. Param with key='{}' was already logged with value='{old}' for \
                     run ID='{run}'. Attempted logging new value '{}'.",
                    param.key, param.value
                ))),
            }
        })
    }

    /// Sets a tag of a run.
    ///
    /// # Errors
    ///
    /// A tag that cannot be; a run that is not there or deleted.
    pub fn tag_run(&self, run: String, wish: Pair) -> Answer<()> {
        let wish = checked_tag(format_args!(""), wish)?;
        self.kept.change(move |change| tag(change, active_run(change, &run)?.seq, &wish))
    }

    /// Removes a tag of a run.
    ///
    /// # Errors
    ///
    /// A run that is not there, deleted, or has no such tag.
    pub fn untag_run(&self, run: String, key: String) -> Answer<()> {
        self.kept.change(move |change| {
            let seq = active_run(change, &run)?.seq;
            if change.untag_run(seq, &key)? {
                return Ok(());
            }
            Err(Refused::absent(format!("No tag with name: {key} in run with id {run}")))
        })
    }

    /// Logs a batch, all of it or nothing.
    ///
    /// # Errors
    ///
    /// More than a batch can hold; any part of it that cannot be; a parameter that is there twice, or was logged with another value;
    /// a run that is not there or deleted.
    pub fn log_batch(&self, run: String, batch: Logged) -> Answer<()> {
        names::run_id(&run, "run_id")?;
        let Logged { metrics, params, tags } = batch;
        let metrics = each("metrics", metrics, |path, logged| check_metric(path, &logged.metric).map(|()| logged))?;
        let params = each("params", params, checked_param)?;
        let tags = each("tags", tags, checked_tag)?;
        names::batch_limits(metrics.len(), params.len(), tags.len())?;
        let keys: Vec<&str> = params.iter().map(|param| param.key.as_str()).collect();
        names::unique_params(&keys)?;
        self.kept.change(move |change| {
            let seq = active_run(change, &run)?.seq;
            log_params(change, seq, &run, &params)?;
            change.log_metrics(seq, metrics.iter().map(|logged| &logged.metric))?;
            metrics.iter().try_for_each(|logged| of_model(change, &run, logged))?;
            tags.iter().try_for_each(|wish| tag(change, seq, wish))
        })
    }

    /// Returns points of a metric of a run, by time, step and value; none of an unknown one.
    ///
    /// - `max_results`: how many are wanted at most; all, if nobody says.
    /// - `page_token`: where to go on; empty for the first page.
    ///
    /// # Errors
    ///
    /// A number of results or a token that cannot be.
    pub fn metric_history(
        &self,
        run: &str,
        key: &str,
        max_results: Option<i64>,
        page_token: &str,
    ) -> Answer<Found<Metric>> {
        if let Some(limit) = max_results.filter(|limit| *limit < 1) {
            return Err(Refused::invalid(format!(
                "Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer."
            )));
        }
        let page = and_one(page::read(page_token)?, max_results.unwrap_or(i64::MAX));
        self.kept.view(|view| Ok(cut(view.metric_history(run, key, page)?, page)))
    }

    /// Notes a model that an older client has logged as an artifact of a run, in the run's tag of such models.
    ///
    /// # Errors
    ///
    /// A description that is no JSON or lacks a field; a run that is not there or deleted.
    pub fn log_model_history(&self, run: String, model: &str) -> Answer<()> {
        const HISTORY: &str = "mlflow.log-model.history";
        let model = described(model)?;
        self.kept.change(move |change| {
            let seq = active_run(change, &run)?.seq;
            let known = change.run_tag(seq, HISTORY)?.and_then(|known| serde_json::from_str(&known).ok());
            let mut all: Vec<serde_json::Value> = known.unwrap_or_default();
            all.push(model);
            let value = serde_json::Value::Array(all).to_string();
            Ok(change.tag_run(seq, &Pair { key: HISTORY.to_owned(), value })?)
        })
    }
}

/// Reads what a client says of a model, as far as it is kept.
fn described(model: &str) -> Answer<serde_json::Value> {
    let malformed = || Refused::invalid(format!("Malformed model info. \n {model} \n is not a valid JSON."));
    let read: serde_json::Value = serde_json::from_str(model).map_err(|_| malformed())?;
    let object = read.as_object().ok_or_else(malformed)?;
    let fields = ["artifact_path", "flavors", "run_id", "utc_time_created"];
    let missing: Vec<String> =
        fields.iter().filter(|field| !object.contains_key(**field)).map(|field| format!("'{field}'")).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(Refused::invalid(format!("Model json is missing mandatory fields: {{{missing}}}")));
    }
    let mut flavors = read.get("flavors").cloned().unwrap_or_default();
    for flavor in flavors.as_object_mut().into_iter().flat_map(|flavors| flavors.values_mut()) {
        if let Some(flavor) = flavor.as_object_mut() {
            flavor.remove("config");
        }
    }
    Ok(serde_json::json!({
        "run_id": read.get("run_id"),
        "artifact_path": read.get("artifact_path"),
        "utc_time_created": read.get("utc_time_created"),
        "model_uuid": read.get("model_uuid"),
        "flavors": flavors,
    }))
}

/// Logs parameters, unless one was logged with another value.
fn log_params(change: &Change<'_>, seq: i64, run: &str, params: &[Pair]) -> Answer<()> {
    let mut changed = Vec::new();
    for param in params {
        match change.param(seq, &param.key)? {
            None => change.add_param(seq, param)?,
            Some(old) if old == param.value => {}
            Some(old) => changed
                .push(format!("{{'key': '{}', 'old_value': '{old}', 'new_value': '{}'}}", param.key, param.value)),
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let changed = changed.join(", ");
    Err(Refused::new(
        ErrorCode::InvalidParameterValue,
        format!("Changing param values is not allowed. Params were already logged='[{changed}]' for run ID='{run}'."),
    ))
}
