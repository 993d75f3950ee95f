//! The folder every run begins with: a bundle is active, agents have levels, everybody has a key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use control::Control;
use tempfile::TempDir;
use types::{AutonomyLevel, PersonId, Principal};

use crate::road::ports::Clockwork;
use crate::road::rules;
use crate::road::stage::{Seeded, config, fresh_folder, level};

use super::gateway::SETTING;

/// Is a folder with everything a run begins with, made once and copied by each run.
pub struct Template {
    /// Where it is.
    pub path: PathBuf,
    _kept: Option<TempDir>,
}

const KEYS: &str = "tokens.json";

impl Template {
    /// Takes one that another process has made.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), _kept: None }
    }

    /// Makes one.
    pub fn make() -> Self {
        let folder = fresh_folder();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let tokens = runtime.block_on(first_start(folder.path()));
        std::fs::write(folder.path().join(KEYS), serde_json::to_vec(&tokens).unwrap()).unwrap();
        Self { path: folder.path().to_owned(), _kept: Some(folder) }
    }

    /// Returns the bearer keys, by name.
    pub fn tokens(&self) -> BTreeMap<String, String> {
        serde_json::from_slice(&std::fs::read(self.path.join(KEYS)).unwrap()).unwrap()
    }
}

async fn first_start(folder: &Path) -> BTreeMap<String, String> {
    let (clock, bundle) = (Arc::new(Clockwork::default()), rules::load(0, &SETTING));
    let control = Control::open(config(folder, &clock, &Arc::new(Seeded::of(u64::MAX)), &bundle)).unwrap();
    control.take_up().await.unwrap();
    let dan: PersonId = "dan".parse().unwrap();
    control.activate_first(&dan, bundle.clone(), "the run begins").await.unwrap();
    for agent in ["one", "two"] {
        for class in ["read", "note", "write", "destructive"] {
            let rank = if class == "note" { AutonomyLevel::L2 } else { AutonomyLevel::L1 };
            let wish = level(agent, class, rank, control.now().plus(30 * 86_400_000));
            control.give_first_level(&dan, wish).await.unwrap();
        }
    }
    let agents = bundle.data().agents.keys().map(|agent| (agent.to_string(), Principal::Agent(agent.clone())));
    let people = bundle.data().people.keys().map(|person| (person.to_string(), Principal::Person(person.clone())));
    let mut tokens = BTreeMap::new();
    for (name, holder) in agents.chain(people) {
        let key = control.create_first_key(&dan, holder, None, "the run begins").await.unwrap();
        tokens.insert(name, key.token);
    }
    control.close().await;
    tokens
}
