//! What an event changes of what is kept.

use std::collections::BTreeSet;

use ::lineage::{About, Column, Dataset, End, Event, Facet, Field, Job, Kind, Name, RunEvent, Said, State};
use store::tracking::lineage::{How, Mark, NewColumn, NewSaying, NodeKind, Owner};
use store::tracking::{Change, TrackingError};

use super::node_kind;

type Done<T> = Result<T, TrackingError>;

/// Are the facets whose changes are told.
const TOLD: [&str; 6] = ["schema", "version", "documentation", "sourceCodeLocation", "sourceCode", "sql"];

/// Applies an event that was not applied before.
pub(super) fn apply(change: &Change<'_>, event: &Event) -> Done<()> {
    let now = Now { change, at: event.at };
    match &event.about {
        About::Run(run) => now.run(run),
        About::Job { job, inputs, outputs } => now.job(job, inputs, outputs),
        About::Dataset(dataset) => now.dataset(dataset, None).map(|_| ()),
    }
}

/// Is a change at the time of an event.
struct Now<'a> {
    change: &'a Change<'a>,
    at: i64,
}

/// Is what a facet hangs on: a node, and the job that the event tells of.
#[derive(Clone, Copy)]
struct On {
    node: i64,
    kind: NodeKind,
    job: Option<i64>,
}

/// Is what a facet names.
#[derive(Default)]
struct Named {
    names: BTreeSet<i64>,
    edges: BTreeSet<(i64, i64)>,
    columns: Vec<NewColumn>,
}

impl Now<'_> {
    fn node(&self, kind: NodeKind, name: &Name) -> Done<i64> {
        self.change.lineage_node(kind, &name.namespace, &name.name, self.at)
    }

    fn run(&self, said: &RunEvent) -> Done<()> {
        let job = self.said_of_job(&said.job)?;
        let id = said.run.simple();
        let of_run = || Ok::<_, TrackingError>(self.change.lineage_run(&id)?.map(|run| run.job));
        let before = of_run()?;
        let place = self.change.say_lineage_run(NewSaying {
            run: Some(&id),
            job,
            at: self.at,
            state: said.state.and_then(State::run_state),
            begins: said.state == Some(State::Start),
            ends: said.state.is_some_and(State::ends),
        })?;
        self.facets(Owner::Run(place), &said.facets)?;
        self.reads_and_writes(place, job, &said.inputs, &said.outputs)?;
        // A run that is another job's by what was said later is settled with both.
        let jobs: BTreeSet<i64> = [Some(job), before, of_run()?].into_iter().flatten().collect();
        jobs.into_iter().try_for_each(|job| self.change.settle_lineage_job(job, place))
    }

    /// Takes what a job is declared to read and write. Where that is not said, it stays as it was.
    fn job(&self, said: &Job, inputs: &[Dataset], outputs: &[Dataset]) -> Done<()> {
        let job = self.said_of_job(said)?;
        let is_old = self.change.lineage_declared_at(job)?.is_some_and(|last| last > self.at);
        if is_old || (inputs.is_empty() && outputs.is_empty()) {
            return inputs.iter().chain(outputs).try_for_each(|set| self.dataset(set, Some(job)).map(|_| ()));
        }
        let state = State::Complete.run_state();
        let new = NewSaying { run: None, job, at: self.at, state, begins: false, ends: true };
        let place = self.change.say_lineage_run(new)?;
        self.change.clear_lineage_io(place)?;
        self.reads_and_writes(place, job, inputs, outputs)?;
        self.change.settle_lineage_job(job, place)
    }

    fn said_of_job(&self, job: &Job) -> Done<i64> {
        let node = self.node(NodeKind::Job, &job.name)?;
        self.node_facets(On { node, kind: NodeKind::Job, job: Some(node) }, &job.facets)?;
        Ok(node)
    }

    fn dataset(&self, dataset: &Dataset, job: Option<i64>) -> Done<i64> {
        let node = self.node(NodeKind::Dataset, &dataset.name)?;
        self.node_facets(On { node, kind: NodeKind::Dataset, job }, &dataset.facets)?;
        Ok(node)
    }

    fn reads_and_writes(&self, run: i64, job: i64, inputs: &[Dataset], outputs: &[Dataset]) -> Done<()> {
        let read = inputs.iter().map(|dataset| (false, dataset));
        let written = outputs.iter().map(|dataset| (true, dataset));
        for (output, dataset) in read.chain(written) {
            let node = self.dataset(dataset, Some(job))?;
            let version = dataset.facets.iter().find_map(|facet| match &facet.said {
                Said::Version(version) => Some((version.as_str(), self.at)),
                _ => None,
            });
            let io = self.change.say_lineage_io(run, node, output, version)?;
            self.facets(Owner::Io(io), &dataset.here)?;
        }
        Ok(())
    }

    fn facets(&self, owner: Owner, facets: &[Facet]) -> Done<()> {
        facets.iter().try_for_each(|facet| self.say(owner, facet).map(|_| ()))
    }

    fn say(&self, owner: Owner, facet: &Facet) -> Done<bool> {
        self.change.say_lineage_facet(owner, &facet.name, self.at, facet.body.as_deref())
    }

    fn node_facets(&self, on: On, facets: &[Facet]) -> Done<()> {
        for facet in facets {
            if let Some(body) = facet.body.as_deref().filter(|_| TOLD.contains(&facet.name.as_str())) {
                self.change.say_lineage_past(on.node, &facet.name, self.at, body)?;
            }
            let holds = self.say(Owner::Node(on.node), facet)?;
            let named = self.named(on, facet)?;
            if holds {
                self.follow(on, facet, &named)?;
            }
        }
        Ok(())
    }

    /// Returns what a facet names. It is there from now on, also if something later is known, so that the order in which events arrive makes
    /// no difference.
    fn named(&self, on: On, facet: &Facet) -> Done<Named> {
        let mut named = Named::default();
        match &facet.said {
            Said::Symlinks(names) => {
                for name in names {
                    named.names.insert(self.node(NodeKind::Dataset, name)?);
                }
            }
            Said::Threads(threads) => {
                for (from, to) in &threads.edges {
                    if let (Some(origin), Some(target)) = (self.end(on, from)?, self.end(on, to)?) {
                        named.edges.insert((origin, target));
                    }
                }
                for column in &threads.columns {
                    named.columns.push(self.column(on, column)?);
                }
            }
            _ => {}
        }
        // What comes of itself says nothing of a graph.
        named.edges.retain(|(origin, target)| origin != target);
        Ok(named)
    }

    /// Brings in line with a facet that holds now what follows from it; one that is deleted says nothing.
    fn follow(&self, on: On, facet: &Facet, named: &Named) -> Done<()> {
        let is_dataset = on.kind == NodeKind::Dataset;
        let mark = |mark, value: Option<&str>| self.change.mark_lineage_node(on.node, mark, value);
        let text = match &facet.said {
            Said::Description(text) | Said::Location(text) | Said::Lifecycle(text) => Some(text.as_str()),
            _ => None,
        };
        match (facet.name.as_str(), &facet.said) {
            ("documentation", _) => mark(Mark::Description, text),
            ("sourceCodeLocation", _) if !is_dataset => mark(Mark::Location, text),
            ("lifecycleStateChange", _) if is_dataset => mark(Mark::Lifecycle, text),
            ("schema", Said::Fields(fields)) => mark(Mark::Fields, Some(&fields_json(fields))),
            ("schema", _) if is_dataset => mark(Mark::Fields, None),
            ("symlinks", _) if is_dataset => self.change.set_lineage_symlinks(on.node, &named.names),
            ("columnLineage", _) if is_dataset => self.threads(on, How::Columns, named),
            ("lineage", _) => self.threads(on, How::Facet, named),
            _ => Ok(()),
        }
    }

    fn threads(&self, on: On, how: How, named: &Named) -> Done<()> {
        self.change.set_lineage_edges(on.node, how, &named.edges)?;
        self.change.set_lineage_columns(on.node, how, &named.columns)
    }

    fn end(&self, on: On, end: &End) -> Done<Option<i64>> {
        match end {
            End::Own => Ok(Some(on.node)),
            End::Job => Ok(on.job),
            End::Named(kind, name) => self.node(node_kind(*kind), name).map(Some),
        }
    }

    fn column(&self, on: On, column: &Column) -> Done<NewColumn> {
        let own = End::Own;
        let to = column.to.as_ref().map_or(own, |name| End::Named(Kind::Dataset, name.clone()));
        Ok(NewColumn {
            origin: self.node(NodeKind::Dataset, &column.from)?,
            origin_field: column.from_field.clone(),
            target: self.end(on, &to)?.unwrap_or(on.node),
            target_field: column.to_field.clone(),
            told: column.how.clone(),
        })
    }
}

fn fields_json(fields: &[Field]) -> String {
    serde_json::to_string(fields).unwrap_or_else(|_| "[]".to_owned())
}
