//! Reproduction: what a model was made with, as far as it is recorded, and what of it a second run matches.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::{Aspect, Fact, Gap, Measure, Stand, Training, facts_of, gaps, stand};

/// Are the files that say which packages were installed, one by one.
const LOCKS: [&str; 8] = [
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "conda-lock.yml",
    "pixi.lock",
    "requirements.lock",
    "requirements-frozen.txt",
];

/// Are the files that say which packages a model needs, as MLflow's client logs them.
const NEEDS: [&str; 3] = ["requirements.txt", "conda.yaml", "python_env.yaml"];

/// Is the file of a model that names its run and its time, and so is another one each time.
const OF_RUN: &str = "MLmodel";

/// Is how many millionths two results may differ by and still be near each other.
const NEAR_MILLIONTHS: f64 = 1e-6;

/// Is a file with its digest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecipeFile {
    /// Its path below the run or the model.
    pub path: String,
    /// The SHA-256 of its bytes.
    pub digest: String,
}

impl RecipeFile {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Says whether it names each package that was installed.
    pub fn is_lock(&self) -> bool {
        LOCKS.contains(&self.name())
    }

    /// Says whether it tells of the environment.
    pub fn is_of_environment(&self) -> bool {
        self.is_lock() || NEEDS.contains(&self.name())
    }
}

/// Says what a recipe lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipeGap {
    /// Something that a run records.
    Recorded(Gap),
    /// The run itself: nobody says which one made the model.
    Run,
    /// Which packages were installed, one by one.
    Lock,
    /// Which container it ran in.
    Container,
    /// What hardware it ran on.
    Hardware,
    /// Where its random numbers began.
    Seed,
}

impl RecipeGap {
    /// Says what is lacking.
    pub fn says(&self) -> String {
        match self {
            Self::Recorded(gap) => gap.says(),
            Self::Run => "the version names no run that is kept here, so nothing of its training is known".to_owned(),
            Self::Lock => {
                "not recorded: which packages were installed; a list of what the model needs is not one".to_owned()
            }
            Self::Container => "not recorded: the digest of the container".to_owned(),
            Self::Hardware => "not recorded: the hardware".to_owned(),
            Self::Seed => "not recorded: a seed".to_owned(),
        }
    }

    /// Says how to record it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Recorded(gap) => gap.remedy(),
            Self::Run => "register the version from a run or a logged model, as `mlflow.register_model` does",
            Self::Lock => {
                "log the lock file (`uv.lock`, `poetry.lock`, …), or `pip freeze` as `requirements-frozen.txt`, as an artifact of the run"
            }
            Self::Container => "set the tag `mlflow.docker.image.id`, or `countersign.env.container` with the digest",
            Self::Hardware => "set the tag `countersign.env.hardware`",
            Self::Seed => "log every seed as a parameter, such as `seed`",
        }
    }
}

/// Is what a model was made with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipe {
    /// The facts, but what anybody noted: code, data, parameters and environment, in this order.
    pub facts: Vec<(Fact, String)>,
    /// Those of them that say where random numbers began.
    pub seeds: Vec<Fact>,
    /// The files that tell of the environment.
    pub environment: Vec<RecipeFile>,
    /// What is lacking.
    pub gaps: Vec<RecipeGap>,
}

/// Puts a recipe together.
///
/// - `run`: the run that made the model; none, if it is not known.
/// - `files`: those of the run and of the model.
pub fn recipe(run: Option<&Training>, files: &[RecipeFile]) -> Recipe {
    let environment: BTreeSet<&RecipeFile> = files.iter().filter(|file| file.is_of_environment()).collect();
    let environment: Vec<RecipeFile> = environment.into_iter().cloned().collect();
    let Some(run) = run else {
        return Recipe { environment, gaps: vec![RecipeGap::Run], ..Recipe::default() };
    };
    let facts: Vec<(Fact, String)> = run
        .facts
        .iter()
        .filter(|(fact, _)| fact.aspect != Aspect::Tag)
        .map(|(fact, value)| (fact.clone(), value.clone()))
        .collect();
    let seeds: Vec<Fact> = run.facts.keys().filter(|fact| is_seed(fact)).cloned().collect();
    let mut lacking: Vec<RecipeGap> = gaps(run, None).into_iter().map(RecipeGap::Recorded).collect();
    let tells = |words: &[&str]| {
        let is_told = |fact: &Fact| words.iter().any(|word| fact.name.to_ascii_lowercase().contains(word));
        let of_environment = |fact: &&Fact| fact.aspect == Aspect::Environment && !fact.name.starts_with("package ");
        run.facts.keys().filter(of_environment).any(is_told)
    };
    let more = [
        (RecipeGap::Lock, environment.iter().any(RecipeFile::is_lock)),
        (RecipeGap::Container, tells(&["docker", "container", "image"])),
        (RecipeGap::Hardware, tells(&["hardware", "gpu", "cpu", "device", "machine"])),
        (RecipeGap::Seed, !seeds.is_empty()),
    ];
    lacking.extend(more.into_iter().filter(|(_, is_there)| !is_there).map(|(gap, _)| gap));
    Recipe { facts, seeds, environment, gaps: lacking }
}

fn is_seed(fact: &Fact) -> bool {
    let name = fact.name.to_ascii_lowercase();
    matches!(fact.aspect, Aspect::Parameter | Aspect::Tag) && (name.contains("seed") || name.contains("random_state"))
}

/// Says how something of the second run stands to the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// It is the same.
    Same,
    /// It is a number that differs by no more than a millionth.
    Near,
    /// It is another.
    Other,
    /// One of the two does not say, or has not got it.
    Unknown,
}

/// Is one thing that was compared, with what each of the two has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared<T> {
    /// What it is.
    pub what: T,
    /// What the first one has.
    pub first: Option<String>,
    /// What the second one has.
    pub second: Option<String>,
    /// How they stand to each other.
    pub is: Match,
}

/// Says what a second run has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reproduced {
    /// All that both record is the same, and so are all results of the first run.
    Yes,
    /// All that both record is the same, and results differ or are lacking.
    OtherResults,
    /// It was made with something else.
    OtherIngredients,
    /// The first run has no results.
    NoResults,
}

/// Is a second run held against the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it has come to.
    pub finding: Reproduced,
    /// What each was made with.
    pub facts: Vec<Compared<Fact>>,
    /// The last values of metrics; what is measured of the machine is left out.
    pub metrics: Vec<Compared<String>>,
    /// The files of the two models by path, but the one that names the run.
    pub files: Vec<Compared<String>>,
}

/// Holds a second run against the first.
///
/// - `files`: those of the models that the first and the second have made.
pub fn check(run: &Training, rerun: &Training, files: [&[RecipeFile]; 2]) -> Check {
    let facts: Vec<Compared<Fact>> = facts_of(run, rerun)
        .filter(|fact| fact.aspect != Aspect::Tag)
        .map(|fact| Compared {
            what: fact.clone(),
            first: run.facts.get(fact).cloned(),
            second: rerun.facts.get(fact).cloned(),
            is: match stand(run, rerun, fact) {
                Stand::Same => Match::Same,
                Stand::Other => Match::Other,
                Stand::Unknown => Match::Unknown,
            },
        })
        .collect();
    let metrics = metrics(run, rerun);
    let is_result = |one: &&Compared<String>| one.first.is_some();
    let finding = if facts.iter().any(|one| one.is == Match::Other) {
        Reproduced::OtherIngredients
    } else if !metrics.iter().any(|one| one.first.is_some()) {
        Reproduced::NoResults
    } else if metrics.iter().filter(is_result).all(|one| matches!(one.is, Match::Same | Match::Near)) {
        Reproduced::Yes
    } else {
        Reproduced::OtherResults
    };
    Check { finding, facts, metrics, files: compared_files(files) }
}

fn metrics(run: &Training, rerun: &Training) -> Vec<Compared<String>> {
    let keys: BTreeSet<&String> = run.latest.keys().chain(rerun.latest.keys()).collect();
    let of_training = keys.into_iter().filter(|key| !key.starts_with("system/"));
    of_training
        .map(|key| {
            let (first, second) = (run.latest.get(key), rerun.latest.get(key));
            let is = first.zip(second).map_or(Match::Unknown, |(first, second)| near(*first, *second));
            let [first, second] = [first, second].map(|value| value.map(Measure::to_string));
            Compared { what: key.clone(), first, second, is }
        })
        .collect()
}

fn near(first: Measure, second: Measure) -> Match {
    if first.kind() == second.kind() && first.to_string() == second.to_string() {
        return Match::Same;
    }
    if !first.is_finite() || !second.is_finite() {
        return Match::Other;
    }
    let (first, second) = (first.double(), second.double());
    let is_near = (first - second).abs() <= first.abs().max(second.abs()) * NEAR_MILLIONTHS;
    if is_near { Match::Near } else { Match::Other }
}

fn compared_files([first, second]: [&[RecipeFile]; 2]) -> Vec<Compared<String>> {
    let by_path = |files: &[RecipeFile]| -> BTreeMap<String, String> {
        let kept = files.iter().filter(|file| file.name() != OF_RUN);
        kept.map(|file| (file.path.clone(), file.digest.clone())).collect()
    };
    let (first, second) = (by_path(first), by_path(second));
    let paths: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    let compared = |path: &String| {
        let (one, other) = (first.get(path), second.get(path));
        let is = match (one, other) {
            (Some(one), Some(other)) if one == other => Match::Same,
            (Some(_), Some(_)) => Match::Other,
            _ => Match::Unknown,
        };
        Compared { what: path.clone(), first: one.cloned(), second: other.cloned(), is }
    };
    paths.into_iter().map(compared).collect()
}
