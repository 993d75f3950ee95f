//! What is tracked and hangs together with data: runs, the features they used, the models they made, the versions that those became, and
//! where these are to run.

use std::collections::{BTreeSet, HashMap};

use ::lineage::TrackedNode;
use store::tracking::lineage::{Trained, ids};
use store::tracking::{Feature, Run, View};

use super::graph::{Graph, walked_back};
use super::{Answer, NODES_MAX, no_node};
use crate::tracking::{Agents, Tracking, features_of_run};

/// Is a run that is tracked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainedRun {
    /// Its id.
    pub run: String,
    /// Its name.
    pub name: String,
    /// How it stands, as it was tracked.
    pub status: String,
    /// The experiment it belongs to.
    pub experiment: i64,
    /// The jobs that it is a run of, and the datasets that it has read.
    pub from: Vec<i64>,
    /// The features that it used.
    pub features: Vec<UsedFeature>,
    /// The models that it has made.
    pub models: Vec<String>,
    /// The versions that its models, or other files of it, became.
    pub versions: Vec<TrainedVersion>,
}

/// Is a feature that a run used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedFeature {
    /// Its name.
    pub name: String,
    /// The version of its definition.
    pub version: i64,
    /// The datasets that it is computed from, as far as lineage knows them.
    pub from: Vec<i64>,
}

/// Is a version of a registered model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainedVersion {
    /// The model's name.
    pub name: String,
    /// Its number.
    pub number: i64,
    /// The stage it is in.
    pub stage: &'static str,
    /// The model of its run whose files are its own; absent if those are other files of the run.
    pub model: Option<String>,
    /// Where it is to run.
    pub targets: Vec<String>,
    /// The agents that run it, by what they named last.
    pub agents: Vec<String>,
}

impl TrainedRun {
    /// Counts the nodes that it makes: itself, and what follows.
    fn nodes(&self) -> usize {
        let versions: usize = self.versions.iter().map(|one| 1 + one.targets.len() + one.agents.len()).sum();
        1 + self.features.len() + self.models.len() + versions
    }
}

impl Tracking {
    /// Returns what something that is tracked came of, and all that its run has made: jobs and datasets are followed back alone, since what
    /// else came of them is nothing of it.
    ///
    /// # Errors
    ///
    /// A node that is not there.
    pub(super) fn lineage_of_tracked(&self, id: &str, node: &TrackedNode, steps: usize) -> Answer<Graph> {
        let named = match node {
            TrackedNode::Agent(agent) => {
                self.model_of_agent(agent).map(|(name, number)| TrackedNode::Version(name, number))
            }
            _ => None,
        };
        let node = named.as_ref().unwrap_or(node);
        self.kept.view(|view| {
            let run = run_of(view, node)?.ok_or_else(|| no_node(id))?;
            let from: BTreeSet<i64> = view.lineage_of_run(&run.id, run.seq)?.into_iter().collect();
            let through = view.lineage_of_features(run.seq)?;
            let mut graph = walked_back(view, &from.iter().copied().chain(through).collect(), steps)?;
            graph.trained.push(trained(view, &self.agents_by_version(), run, from)?);
            Ok(graph)
        })
    }
}

/// Returns the run that something came of.
fn run_of(view: &View<'_>, node: &TrackedNode) -> Answer<Option<Run>> {
    let of_version =
        |name: &str, number: i64| view.model_version(name, number).map(|found| found.map(|found| found.run));
    let run = match node {
        TrackedNode::Run(id) => Some(id.clone()),
        TrackedNode::Model(id) => view.logged_model(id)?.and_then(|model| model.source_run),
        TrackedNode::Version(name, number) => of_version(name, *number)?,
        TrackedNode::Deployment(name, target) => {
            let declared = view.deployments(Some(name))?.into_iter().find(|one| one.target == *target);
            declared.map_or(Ok(None), |one| of_version(name, one.number))?
        }
        // One that names no version of a registered model hangs together with nothing.
        TrackedNode::Agent(_) => None,
    };
    Ok(run.map_or(Ok(None), |run| view.run(&run))?)
}

/// Goes on from jobs and datasets to the runs that are tracked, and to what came of those.
pub(super) fn train(view: &View<'_>, agents: &Agents, graph: &mut Graph) -> Answer<()> {
    if !view.has_runs()? {
        return Ok(());
    }
    let mut room = NODES_MAX.saturating_sub(graph.nodes.len());
    let list = ids(graph.nodes.iter().map(|node| node.id));
    let mut runs: HashMap<String, (i64, BTreeSet<i64>)> = HashMap::new();
    let pairs = view.trained_by(&list, NODES_MAX)?.into_iter().chain(view.trained_on(&list, NODES_MAX)?);
    for Trained { node, seq, run } in pairs {
        runs.entry(run).or_insert_with(|| (seq, BTreeSet::new())).1.insert(node);
    }
    for Trained { seq, run, .. } in view.trained_through(&list, NODES_MAX)? {
        runs.entry(run).or_insert_with(|| (seq, BTreeSet::new()));
    }
    let mut runs: Vec<_> = runs.into_iter().collect();
    runs.sort_unstable_by_key(|(_, (seq, _))| *seq);
    for (id, (_, from)) in runs {
        let Some(run) = view.run(&id)? else { continue };
        let run = trained(view, agents, run, from)?;
        let Some(rest) = room.checked_sub(run.nodes()) else {
            graph.is_cut = true;
            break;
        };
        room = rest;
        graph.trained.push(run);
    }
    Ok(())
}

fn trained(view: &View<'_>, agents: &Agents, run: Run, from: BTreeSet<i64>) -> Answer<TrainedRun> {
    let models: Vec<String> = view.outputs(run.seq)?.into_iter().map(|output| output.model).collect();
    let features = features_of_run(view, run.seq)?;
    let used = |one: Feature| {
        Ok(UsedFeature { from: view.lineage_of_feature(one.seq)?, name: one.definition.name, version: one.version })
    };
    let features = features.into_iter().map(used).collect::<Answer<_>>()?;
    let versions = versions(view, agents, &run.id, &models)?;
    let Run { id, name, status, experiment, .. } = run;
    Ok(TrainedRun { run: id, name, status, experiment, from: from.into_iter().collect(), features, models, versions })
}

fn versions(view: &View<'_>, agents: &Agents, run: &str, models: &[String]) -> Answer<Vec<TrainedVersion>> {
    let mut all = Vec::new();
    for version in view.versions_of_run(run)? {
        let mut model = None;
        for id in models {
            if view.logged_model(id)?.is_some_and(|model| model.location == version.location) {
                model = Some(id.clone());
            }
        }
        let targets = view.targets_of(version.model, version.number)?;
        let (name, number, stage) = (version.name, version.number, version.stage.name());
        let agents = agents.get(&(name.clone(), number)).cloned().unwrap_or_default();
        all.push(TrainedVersion { name, number, stage, model, targets, agents });
    }
    Ok(all)
}
