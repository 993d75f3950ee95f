//! Recipes: what a version of a registered model was made with, and what of it a second run matches.

use models::artifact;
use models::diagnosis::Training;
use models::recipe::{Check, Recipe, RecipeFile, check, recipe};
use store::tracking::{ModelVersion, Run, View};

use super::model_versions::model_version;
use super::{Answer, Tracking, run};

/// Are the tags of MLflow's client that say where the code is to be had.
const REPOSITORY: [&str; 2] = ["mlflow.source.git.repoURL", "mlflow.source.git.branch"];

/// Is what a version was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRecipe {
    /// The registered model.
    pub name: String,
    /// The version's number.
    pub number: i64,
    /// The run that made it, if it is known.
    pub run: Option<Training>,
    /// Where its code is to be had, by tag.
    pub repository: Vec<(String, String)>,
    /// The recipe.
    pub recipe: Recipe,
    /// What of it a second run matches.
    pub checked: Option<Checked>,
}

/// Is a second run, held against the one that made the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The second run.
    pub rerun: Training,
    /// What was found.
    pub check: Check,
}

impl Tracking {
    /// Returns what a version was made with, and holds a second run against it.
    ///
    /// - `rerun`: the second run; nothing is held against the recipe of a version whose run is not known.
    ///
    /// # Errors
    ///
    /// A version or a run that is not there.
    pub fn recipe(&self, name: &str, number: &str, rerun: Option<&str>) -> Answer<VersionRecipe> {
        self.kept.view(|view| {
            let version = model_version(view, name, number)?;
            let made = maker(view, &version)?;
            let training = made.as_ref().map(|made| self.training(view, made)).transpose()?;
            let model = files_below(view, &version.location)?;
            let mut files = model.clone();
            if let Some(made) = &made {
                files.extend(files_below(view, &made.location)?);
            }
            let second = rerun.map(|id| run(view, id)).transpose()?;
            let checked = match (&training, second) {
                (Some(training), Some(second)) => Some(self.checked(view, training, &second, &model)?),
                _ => None,
            };
            Ok(VersionRecipe {
                name: version.name,
                number: version.number,
                repository: made.map(|made| repository(view, &made)).transpose()?.unwrap_or_default(),
                recipe: recipe(training.as_ref(), &files),
                run: training,
                checked,
            })
        })
    }

    fn checked(&self, view: &View<'_>, first: &Training, second: &Run, model: &[RecipeFile]) -> Answer<Checked> {
        let rerun = self.training(view, second)?;
        let mut files = Vec::new();
        for output in view.outputs(second.seq)? {
            if let Some(made) = view.logged_model(&output.model)? {
                files.extend(files_below(view, &made.location)?);
            }
        }
        let check = check(first, &rerun, [model, &files]);
        Ok(Checked { rerun, check })
    }
}

/// Returns the run that made a version: the one that it names, or else the one of the logged model that lies at its address.
fn maker(view: &View<'_>, version: &ModelVersion) -> Answer<Option<Run>> {
    if let Some(run) = view.run(&version.run)? {
        return Ok(Some(run));
    }
    let mut parts = version.location.split(['/', ':']);
    let Some(id) = parts.find(|part| part.starts_with("m-")) else { return Ok(None) };
    let source = view.logged_model(id)?.and_then(|model| model.source_run);
    Ok(source.map(|run| view.run(&run)).transpose()?.flatten())
}

fn repository(view: &View<'_>, made: &Run) -> Answer<Vec<(String, String)>> {
    let mut found = Vec::new();
    for key in REPOSITORY {
        found.extend(view.run_tag(made.seq, key)?.map(|value| (key.to_owned(), value)));
    }
    Ok(found)
}

/// Lists the files below an address by their paths from there; none, if they are not kept here.
fn files_below(view: &View<'_>, address: &str) -> Answer<Vec<RecipeFile>> {
    let Some(root) = artifact::place(address) else { return Ok(Vec::new()) };
    let files = view.artifacts_below(root.key())?.into_iter();
    let below = |path: &str| path.strip_prefix(root.key()).unwrap_or(path).trim_start_matches('/').to_owned();
    Ok(files.map(|file| RecipeFile { path: below(&file.path), digest: file.digest.to_string() }).collect())
}
