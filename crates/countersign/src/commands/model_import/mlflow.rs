//! What MLflow keeps, read thing by thing.

use std::collections::BTreeSet;

use connectors::mlflow::{File, Root};
use models::imports::mlflow::{self, Found, FoundModel, FoundRun, FoundVersion};
use types::imports::{Item, LoggedModel, ModelEnd, ModelPoints, ModelVersion, Points, RegisteredModel, RunEnd};

use super::promotions::Wanted;
use super::source::Source;
use super::taking::{Of, Taking};
use crate::error::CliError;
use crate::output;

/// Is how many points stand in an item.
const POINTS_MAX: usize = 1_000;

/// Is after how many runs it is told how far it is.
const TOLD_EVERY: usize = 100;

type Done = Result<(), CliError>;

/// Where the files of runs and logged models were at the source, for versions that say so.
#[derive(Default)]
struct Places {
    /// The address of each run's files, by id, where they lie elsewhere than here.
    runs: std::collections::BTreeMap<String, String>,
    models: std::collections::BTreeMap<String, String>,
}

/// Takes over all that a server has; returns the aliases and stages that are to be proposed.
///
/// # Errors
///
/// What the source or the server says, unless that is about one thing.
pub async fn read(source: &Source, taking: &mut Taking<'_>) -> Result<Vec<Wanted>, CliError> {
    let experiments = source.experiments().await?;
    for found in &experiments {
        beyond(taking, "experiment", found);
        let mut item = found.item.clone();
        item.location = None;
        taking.put(Item::Experiment(item)).await?;
    }
    let mut places = Places::default();
    for (n, found) in experiments.iter().enumerate() {
        let id = found.item.id;
        output::tell(format!("experiment {} of {}: {id}", n.saturating_add(1), experiments.len()));
        let named = runs(source, taking, &mut places, id).await?;
        logged_models(source, taking, &mut places, id, named).await?;
        for _ in 0..source.traces(id).await? {
            taking.report.left("trace", "traces are not taken over");
        }
    }
    registry(source, taking, &places).await
}

/// Notes what the source says of a thing and is not kept here.
fn beyond<T>(taking: &mut Taking<'_>, kind: &'static str, found: &Found<T>) {
    for field in &found.beyond {
        let why = types::text::escape(&format!("its field `{field}` is not kept here"), false);
        taking.report.left(kind, &why);
    }
}

/// Takes over the runs of an experiment; returns the logged models that they name.
async fn runs(
    source: &Source,
    taking: &mut Taking<'_>,
    places: &mut Places,
    experiment: i64,
) -> Result<BTreeSet<String>, CliError> {
    let (mut list, mut named, mut count) = (source.runs(experiment), BTreeSet::new(), 0_usize);
    while let Some(ids) = list.next_runs().await? {
        for id in ids {
            let found = source.run(&id).await?;
            named.extend(found.run.item.model_inputs.iter().cloned());
            named.extend(found.run.item.model_outputs.iter().map(|made| made.model.clone()));
            run(source, taking, places, found).await?;
            count = count.saturating_add(1);
            if count.is_multiple_of(TOLD_EVERY) {
                output::tell(format!("experiment {experiment}: {count} runs"));
            }
        }
    }
    Ok(named)
}

/// Lists the files of a root. Those that the source cannot list stay where they are, and are told.
async fn files(
    source: &Source,
    taking: &mut Taking<'_>,
    (kind, root): (&'static str, &Root),
    address: &str,
) -> Result<Option<Vec<File>>, CliError> {
    match source.files(root, address).await? {
        Ok(files) => Ok(Some(files)),
        Err(why) => {
            taking.report.left(kind, &format!("its files stay where they are: {why}"));
            Ok(None)
        }
    }
}

async fn run(source: &Source, taking: &mut Taking<'_>, places: &mut Places, found: FoundRun) -> Done {
    let FoundRun { run: found, metrics } = found;
    beyond(taking, "run", &found);
    let Found { item: mut run, files: address, .. } = found;
    let id = run.id.clone();
    let root = Root::Run(id.clone());
    let listed = files(source, taking, ("run", &root), &address).await?;
    if listed.is_none() {
        run.location = Some(address.clone());
    }
    places.runs.insert(id.clone(), address.clone());
    if !taking.put_now(Item::Run(Box::new(run))).await? {
        return Ok(());
    }
    let points = if taking.is_dry() { 0 } else { points(source, taking, &id, &metrics).await? };
    let count = take_files(source, taking, (&root, Of::Run(&id)), &address, listed.unwrap_or_default()).await?;
    taking.put(Item::RunEnd(RunEnd { run: id, points, files: count })).await
}

async fn points(source: &Source, taking: &mut Taking<'_>, run: &str, metrics: &[String]) -> Result<i64, CliError> {
    let mut count = 0_i64;
    for key in metrics {
        let mut token = None;
        loop {
            let (points, next) = source.points(run, key, token.as_deref()).await?;
            count = count.saturating_add(i64::try_from(points.len()).unwrap_or(i64::MAX));
            for some in points.chunks(POINTS_MAX) {
                taking.put(Item::Points(Points { run: run.to_owned(), points: some.to_vec() })).await?;
            }
            token = next;
            if token.is_none() {
                break;
            }
        }
    }
    Ok(count)
}

/// Takes over the files of a root, and returns how many it has.
async fn take_files(
    source: &Source,
    taking: &mut Taking<'_>,
    (root, of): (&Root, Of<'_>),
    address: &str,
    listed: Vec<File>,
) -> Result<i64, CliError> {
    let count = i64::try_from(listed.len()).unwrap_or(i64::MAX);
    for File { path, size } in listed {
        if taking.is_dry() {
            taking.report.offered("file");
            continue;
        }
        match source.open(root, address, &path).await? {
            Ok(content) => taking.file(of, (&path, size), content).await?,
            Err(why) => taking.refuse_file(of, &path, why),
        }
    }
    Ok(count)
}

/// Takes over the logged models of an experiment, and those deleted ones that its runs name.
async fn logged_models(
    source: &Source,
    taking: &mut Taking<'_>,
    places: &mut Places,
    experiment: i64,
    mut named: BTreeSet<String>,
) -> Done {
    let mut list = source.logged_models(experiment);
    while let Some(page) = list.next_models().await? {
        for found in page {
            named.remove(&found.model.item.id);
            logged_model(source, taking, places, found).await?;
        }
    }
    for id in named {
        match source.deleted_model(&id).await? {
            Ok(Some(found)) if found.model.item.experiment == experiment => {
                logged_model(source, taking, places, found).await?;
            }
            Ok(_) => {}
            Err(why) => taking.report.left("logged-model", why),
        }
    }
    Ok(())
}

async fn logged_model(source: &Source, taking: &mut Taking<'_>, places: &mut Places, found: FoundModel) -> Done {
    let FoundModel { model: found, points } = found;
    beyond(taking, "logged-model", &found);
    let Found { item: mut model, files: address, .. } = found;
    let LoggedModel { id, status, stage, updated, .. } = model.clone();
    let root = Root::LoggedModel(id.clone());
    let listed = files(source, taking, ("logged-model", &root), &address).await?;
    if listed.is_none() {
        model.location = Some(address.clone());
    }
    places.models.insert(id.clone(), address.clone());
    if !taking.put_now(Item::LoggedModel(Box::new(model))).await? {
        return Ok(());
    }
    let count = i64::try_from(points.len()).unwrap_or(i64::MAX);
    for some in points.chunks(POINTS_MAX) {
        taking.put(Item::ModelPoints(ModelPoints { model: id.clone(), points: some.to_vec() })).await?;
    }
    let files = take_files(source, taking, (&root, Of::Model(&id)), &address, listed.unwrap_or_default()).await?;
    taking.put(Item::ModelEnd(ModelEnd { model: id, status, stage, updated, points: count, files })).await
}

/// Takes over registered models and their versions.
async fn registry(source: &Source, taking: &mut Taking<'_>, places: &Places) -> Result<Vec<Wanted>, CliError> {
    let (models, mut versions) = (source.registered_models().await?, source.model_versions().await?);
    versions.sort_by(|a, b| {
        (&a.version.item.name, a.version.item.number).cmp(&(&b.version.item.name, b.version.item.number))
    });
    let mut wanted = Vec::new();
    output::tell(format!("{} registered models with {} versions", models.len(), versions.len()));
    for found in models {
        beyond(taking, "registered-model", &found.model);
        let name = found.model.item.name.clone();
        let of = versions.iter().filter(|version| version.version.item.name == name);
        let last = of.map(|version| version.version.item.number).max().unwrap_or(0);
        taking.put(Item::RegisteredModel(RegisteredModel { last, ..found.model.item })).await?;
        let alias = |(alias, version)| Wanted::Alias { model: name.clone(), alias, version };
        wanted.extend(found.aliases.into_iter().map(alias));
    }
    for FoundVersion { version, stage } in versions {
        beyond(taking, "model-version", &version);
        let ModelVersion { name, number, .. } = version.item.clone();
        taking.put(Item::ModelVersion(Box::new(placed(version.item, places)))).await?;
        if stage != "None" {
            wanted.push(Wanted::Stage { model: name, version: number, stage });
        }
    }
    Ok(wanted)
}

/// Says where the files of a version are below those of its logged model, or of its run, where its source names the source's own place.
fn placed(version: ModelVersion, places: &Places) -> ModelVersion {
    let below = |address: Option<&String>| address.and_then(|address| mlflow::path_below(&version.source, address));
    if let Some(path) = below(places.models.get(&version.model)) {
        return ModelVersion { path: Some(path), ..version };
    }
    let path = below(places.runs.get(&version.run));
    ModelVersion { model: String::new(), path, ..version }
}
