//! `/v1/models/{name}/versions/{version}/recipe`: what a version was made with, and what of it a second run matches.

use axum::extract::State;
use control::tracking::{Checked, VersionRecipe};
use models::diagnosis::{Fact, Measure};
use models::recipe::{Compared, Match, RecipeFile, RecipeGap, Reproduced};
use serde::{Deserialize, Serialize};
use types::text::escape;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Anyone;
use crate::diagnosis::{AspectName, DiagnosedRun, RunGap};
use crate::extract::{Json, NamedTwo, Query};
use crate::features::tracked;
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read))
}

/// Says what is held against the recipe.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Rerun {
    /// A second run.
    check: Option<String>,
}

/// Is one thing that a model was made with.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ingredient {
    /// What it is about.
    aspect: AspectName,
    /// The parameter, the tag, the package, or what the data were read for.
    name: String,
    /// What it was.
    value: String,
}

/// Is a file that tells of the environment.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnvironmentFile {
    /// Its path below the run or the model.
    path: String,
    /// The SHA-256 of its bytes.
    digest: String,
    /// Whether it names each package that was installed.
    lock: bool,
}

impl From<&RecipeFile> for EnvironmentFile {
    fn from(file: &RecipeFile) -> Self {
        Self { path: shown(&file.path), digest: file.digest.clone(), lock: file.is_lock() }
    }
}

impl From<&RecipeGap> for RunGap {
    fn from(gap: &RecipeGap) -> Self {
        Self::of(&gap.says(), gap.remedy())
    }
}

/// Says how something of the second run stands to the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MatchName {
    /// It is the same.
    Same,
    /// It is a number that differs by no more than a millionth.
    Near,
    /// It is another.
    Other,
    /// One of the two does not say, or has not got it.
    Unknown,
}

impl From<Match> for MatchName {
    fn from(of: Match) -> Self {
        match of {
            Match::Same => Self::Same,
            Match::Near => Self::Near,
            Match::Other => Self::Other,
            Match::Unknown => Self::Unknown,
        }
    }
}

/// Is one thing that was compared.
#[derive(Debug, Serialize, ToSchema)]
pub struct Matched {
    /// What it is.
    name: String,
    /// What it is about, if it is an ingredient.
    #[serde(skip_serializing_if = "Option::is_none")]
    aspect: Option<AspectName>,
    /// What the first run has; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    /// What the second run has.
    #[serde(skip_serializing_if = "Option::is_none")]
    second: Option<String>,
    /// How they stand to each other.
    is: MatchName,
}

impl Matched {
    fn of<T>(one: &Compared<T>, name: &str, aspect: Option<AspectName>) -> Self {
        let [first, second] = [&one.first, &one.second].map(|value| value.as_deref().map(shown));
        Self { name: shown(name), aspect, first, second, is: one.is.into() }
    }
}

/// Says what a second run has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReproducedName {
    /// All that both record is the same, and so are all results of the first run.
    Yes,
    /// All that both record is the same, and results differ or are lacking.
    OtherResults,
    /// It was made with something else.
    OtherIngredients,
    /// The first run has no results.
    NoResults,
}

impl From<Reproduced> for ReproducedName {
    fn from(of: Reproduced) -> Self {
        match of {
            Reproduced::Yes => Self::Yes,
            Reproduced::OtherResults => Self::OtherResults,
            Reproduced::OtherIngredients => Self::OtherIngredients,
            Reproduced::NoResults => Self::NoResults,
        }
    }
}

/// Is a second run, held against the first.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecipeCheck {
    /// The second run.
    run: DiagnosedRun,
    /// What it has come to.
    reproduced: ReproducedName,
    /// What each was made with.
    ingredients: Vec<Matched>,
    /// The last values of metrics.
    metrics: Vec<Matched>,
    /// The digests of the models' files, but of the one that names the run.
    files: Vec<Matched>,
}

impl From<&Checked> for RecipeCheck {
    fn from(checked: &Checked) -> Self {
        let check = &checked.check;
        let fact = |one: &Compared<Fact>| Matched::of(one, &one.what.name, Some(one.what.aspect.into()));
        let plain = |one: &Compared<String>| Matched::of(one, &one.what, None);
        Self {
            run: (&checked.rerun).into(),
            reproduced: check.finding.into(),
            ingredients: check.facts.iter().map(fact).collect(),
            metrics: check.metrics.iter().map(plain).collect(),
            files: check.files.iter().map(plain).collect(),
        }
    }
}

/// Is the last value of a metric.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecipeResult {
    /// The metric.
    metric: String,
    /// Its last value.
    value: String,
}

/// Is what a version was made with.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelRecipe {
    /// The registered model.
    name: String,
    /// The version's number.
    version: i64,
    /// The run that made it; absent if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<DiagnosedRun>,
    /// The repository that the code came from, if the run says.
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    /// The branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    /// Code, data, parameters and environment.
    ingredients: Vec<Ingredient>,
    /// The names of those that say where random numbers began.
    seeds: Vec<String>,
    /// The files that tell of the environment.
    environment: Vec<EnvironmentFile>,
    /// What the run came to.
    results: Vec<RecipeResult>,
    /// What is not recorded.
    gaps: Vec<RunGap>,
    /// The second run, if one was named and the first is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<RecipeCheck>,
}

impl From<VersionRecipe> for ModelRecipe {
    fn from(found: VersionRecipe) -> Self {
        let recipe = &found.recipe;
        let ingredient = |(fact, value): &(Fact, String)| Ingredient {
            aspect: fact.aspect.into(),
            name: shown(&fact.name),
            value: shown(value),
        };
        let result =
            |(metric, value): (&String, &Measure)| RecipeResult { metric: shown(metric), value: value.to_string() };
        let tag = |end: &str| {
            let found = found.repository.iter().find(|(key, _)| key.ends_with(end));
            found.map(|(_, value)| shown(value))
        };
        Self {
            name: shown(&found.name),
            version: found.number,
            run: found.run.as_ref().map(DiagnosedRun::from),
            repository: tag("repoURL"),
            branch: tag("branch"),
            ingredients: recipe.facts.iter().map(ingredient).collect(),
            seeds: recipe.seeds.iter().map(|fact| shown(&fact.name)).collect(),
            environment: recipe.environment.iter().map(EnvironmentFile::from).collect(),
            results: found.run.iter().flat_map(|run| &run.latest).map(result).collect(),
            gaps: recipe.gaps.iter().map(RunGap::from).collect(),
            check: found.checked.as_ref().map(RecipeCheck::from),
        }
    }
}

fn shown(text: &str) -> String {
    escape(text, false)
}

/// Tells what a version of a registered model was made with.
///
/// Code, data, parameters, environment and seeds, as far as its run records them, and what it does not; and what of it a second run matches. Needs any key.
#[utoipa::path(get, path = "/v1/models/{name}/versions/{version}/recipe", operation_id = "read_recipe", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(("name" = String, Path, description = "The registered model", example = "fraud"),
        ("version" = String, Path, description = "The version's number", example = "3"), Rerun),
    responses(
    (status = 200, description = "The recipe", body = ModelRecipe),
    (status = 404, description = "`not-found`: there is no such version or run", body = Problem, content_type = "application/problem+json"),
))]
async fn read(
    State(app): State<App>,
    _: Anyone,
    NamedTwo(name, version): NamedTwo,
    Query(Rerun { check }): Query<Rerun>,
) -> Result<Json<ModelRecipe>, Fault> {
    let found = tracked(&app, move |tracking| tracking.recipe(&name, &version, check.as_deref())).await?;
    Ok(Json(found.into()))
}
