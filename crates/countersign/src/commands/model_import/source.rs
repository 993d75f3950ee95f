//! What is imported from: a running server, or what one has left on a disk, read in the same way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use connectors::mlflow::{File, Pages, Root, Server, SourceError};
use futures_util::StreamExt as _;
use models::imports::mlflow::{self, Found, FoundModel, FoundRegistered, FoundRun, FoundVersion};
use types::imports::{Experiment, Point};

use super::disk::Disk;
use crate::error::CliError;

/// Is how many things of a disk are read at once.
const AT_ONCE: i64 = 500;

/// Is how many points of a disk are read at once.
const POINTS: i64 = 10_000;

/// Is a source.
pub enum Source {
    /// A running server.
    Server(Server),
    /// A database and a folder.
    Disk(Disk),
}

/// Is a list of things that is read portion by portion.
pub enum List<'a> {
    /// Of a server: page by page.
    Pages(Box<Pages<'a>>),
    /// Of a disk: the experiment, and how many were read.
    Rows(&'a Disk, i64, i64),
    /// Of nothing more.
    Over,
}

/// Is what a file holds, with a mark that is set if it ends in the middle.
pub struct Content {
    /// The bytes.
    pub body: reqwest::Body,
    /// Whether the source broke off.
    pub cut: Arc<AtomicBool>,
}

type Done<T> = Result<T, CliError>;

fn rows(read: &[impl Sized]) -> i64 {
    i64::try_from(read.len()).unwrap_or(i64::MAX)
}

impl Source {
    /// Reads all experiments, deleted ones too.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn experiments(&self) -> Done<Vec<Found<Experiment>>> {
        Ok(match self {
            Self::Server(server) => server.experiments().await?,
            Self::Disk(disk) => disk.database.experiments()?,
        })
    }

    /// Begins the list of an experiment's runs.
    pub fn runs(&self, experiment: i64) -> List<'_> {
        match self {
            Self::Server(server) => List::Pages(Box::new(server.runs(experiment))),
            Self::Disk(disk) => List::Rows(disk, experiment, 0),
        }
    }

    /// Begins the list of an experiment's logged models.
    pub fn logged_models(&self, experiment: i64) -> List<'_> {
        match self {
            Self::Server(server) => List::Pages(Box::new(server.logged_models(experiment))),
            Self::Disk(disk) => List::Rows(disk, experiment, 0),
        }
    }

    /// Reads a run with everything but its points and files.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn run(&self, id: &str) -> Done<FoundRun> {
        Ok(match self {
            Self::Server(server) => server.run(id).await?,
            Self::Disk(disk) => disk.database.run(id)?,
        })
    }

    /// Reads points of a run's metric, and where to go on.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn points(&self, run: &str, key: &str, from: Option<&str>) -> Done<(Vec<Point>, Option<String>)> {
        match self {
            Self::Server(server) => Ok(server.points(run, key, from).await?),
            Self::Disk(disk) => {
                let from = from.and_then(|from| from.parse().ok()).unwrap_or(0_i64);
                let points = disk.database.points(run, key, from, POINTS)?;
                let next = (rows(&points) == POINTS).then(|| from.saturating_add(POINTS).to_string());
                Ok((points, next))
            }
        }
    }

    /// Reads a logged model that is deleted, and stands in no list; says why, if the source does not show it.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn deleted_model(&self, id: &str) -> Done<Result<Option<FoundModel>, &'static str>> {
        match self {
            Self::Server(server) => match server.deleted_model(id).await {
                Err(SourceError::Absent(_)) => Ok(Err("a run names it, and the source does not show it")),
                found => Ok(Ok(found?)),
            },
            // Of a disk all are listed.
            Self::Disk(_) => Ok(Ok(None)),
        }
    }

    /// Reads all registered models and prompts.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn registered_models(&self) -> Done<Vec<FoundRegistered>> {
        Ok(match self {
            Self::Server(server) => server.registered_models().await?,
            Self::Disk(disk) => disk.database.registered_models()?,
        })
    }

    /// Reads the versions of all registered models and prompts.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn model_versions(&self) -> Done<Vec<FoundVersion>> {
        Ok(match self {
            Self::Server(server) => server.model_versions().await?,
            Self::Disk(disk) => disk.database.model_versions()?,
        })
    }

    /// Counts the traces of an experiment.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn traces(&self, experiment: i64) -> Done<u64> {
        Ok(match self {
            Self::Server(server) => server.count_traces(experiment).await?,
            Self::Disk(disk) => disk.database.count_traces(experiment)?,
        })
    }

    /// Lists the files of a root; says why, if the source cannot.
    ///
    /// # Errors
    ///
    /// What the source says, where it should be able to.
    pub async fn files(&self, root: &Root, address: &str) -> Done<Result<Vec<File>, String>> {
        match self {
            _ if address.is_empty() => Ok(Ok(Vec::new())),
            Self::Disk(disk) => disk.files(address),
            Self::Server(server) => match server.files(root, address).await {
                Ok(files) => Ok(Ok(files)),
                Err(error @ (SourceError::Broken(_) | SourceError::Absent(_)))
                    if models::artifact::place(address).is_none() =>
                {
                    Ok(Err(error.to_string()))
                }
                Err(error) => Err(error.into()),
            },
        }
    }

    /// Opens a file that was listed; says why, if the source does not serve it.
    ///
    /// # Errors
    ///
    /// What the source says, unless that is about this file.
    pub async fn open(&self, root: &Root, address: &str, path: &str) -> Done<Result<Content, String>> {
        let cut = Arc::new(AtomicBool::new(false));
        let body = match self {
            Self::Disk(disk) => disk.read(address, path).await?.into(),
            Self::Server(server) => {
                let opened = match server.open(root, address, path).await {
                    Err(error @ (SourceError::Broken(_) | SourceError::Absent(_))) => {
                        return Ok(Err(error.to_string()));
                    }
                    opened => opened?,
                };
                let seen = cut.clone();
                let stream = opened.bytes_stream().inspect(move |chunk| {
                    if chunk.is_err() {
                        seen.store(true, Ordering::SeqCst);
                    }
                });
                reqwest::Body::wrap_stream(stream)
            }
        };
        Ok(Ok(Content { body, cut }))
    }
}

impl List<'_> {
    /// Reads the ids of the next runs; nothing behind the last.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn next_runs(&mut self) -> Done<Option<Vec<String>>> {
        match self {
            Self::Over => Ok(None),
            Self::Rows(disk, experiment, from) => {
                let ids = disk.database.runs(*experiment, *from, AT_ONCE)?;
                *from = from.saturating_add(AT_ONCE);
                Ok(Some(ids).filter(|ids| !ids.is_empty()))
            }
            Self::Pages(pages) => {
                let Some(page) = pages.next().await? else { return Ok(None) };
                let id = |one| mlflow::run(one).map(|found| found.run.item.id).map_err(SourceError::from);
                Ok(Some(page.iter().map(id).collect::<Result<_, _>>()?))
            }
        }
    }

    /// Reads the next logged models; nothing behind the last.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn next_models(&mut self) -> Done<Option<Vec<FoundModel>>> {
        match self {
            Self::Over => Ok(None),
            Self::Rows(disk, experiment, from) => {
                let found = disk.database.logged_models(*experiment, *from, AT_ONCE)?;
                *from = from.saturating_add(AT_ONCE);
                Ok(Some(found).filter(|found| !found.is_empty()))
            }
            Self::Pages(pages) => {
                let page = match pages.next().await {
                    // A server from before there were any.
                    Err(SourceError::Absent(_)) => None,
                    page => page?,
                };
                let Some(page) = page else {
                    *self = Self::Over;
                    return Ok(None);
                };
                let read = |one| mlflow::logged_model(one, false).map_err(SourceError::from);
                Ok(Some(page.iter().map(read).collect::<Result<_, _>>()?))
            }
        }
    }
}
