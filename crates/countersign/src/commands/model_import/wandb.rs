//! Runs that W&B's client has left in a folder, read log by log.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use models::imports::mlflow::Senseless;
use models::imports::wandb::{self, BLOCK_BYTES, FoundRun, Gathered, Log, Record};
use types::Code;
use types::imports::{Item, Point, Points, RunEnd};

use super::disk::{broken, list, open};
use super::promotions::Wanted;
use super::source::Content;
use super::taking::{Of, Taking};
use crate::error::{CliError, Exit};
use crate::output;

/// Is how many points stand in an item.
const POINTS_MAX: usize = 1_000;

/// Are the logs of runs, each in a folder of its own.
pub struct Runs(Vec<PathBuf>);

fn senseless(path: &Path, error: Senseless) -> CliError {
    let why = types::text::escape(&error.0, false);
    let why = format!("the source cannot be read to its end: `{}`: {why}", path.display());
    CliError::new(Exit::Failed, Code::ImportSourceBroken, why)
}

impl Runs {
    /// Finds the logs in a folder, in its folder `wandb`, and in the folders of those.
    ///
    /// # Errors
    ///
    /// A folder that cannot be read, or holds none.
    pub fn find(folder: &Path) -> Result<Self, CliError> {
        let real = folder.canonicalize().map_err(|e| CliError::machine(format!("`{}`: {e}", folder.display())))?;
        let mut found = Vec::new();
        for folder in [real.join("wandb"), real] {
            logs_in(&folder, &mut found);
            let folders = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
            // The latest one is also named by a link.
            folders.filter(|path| path.is_dir() && !path.is_symlink()).for_each(|path| logs_in(&path, &mut found));
        }
        found.sort();
        found.dedup();
        if found.is_empty() {
            let why = "the source is none that is read here: the folder holds no `.wandb` file";
            return Err(CliError::new(Exit::Failed, Code::ImportSourceUnknown, why));
        }
        Ok(Self(found))
    }

    /// Returns how many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

fn logs_in(folder: &Path, found: &mut Vec<PathBuf>) {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    found.extend(files.filter(|path| path.is_file() && path.extension().is_some_and(|ending| ending == "wandb")));
}

/// Reads a log block by block, and hands its records over.
struct Blocks {
    path: PathBuf,
    file: File,
    log: Log,
}

impl Blocks {
    fn open(path: &Path) -> Result<Self, CliError> {
        Ok(Self { path: path.to_owned(), file: File::open(path).map_err(broken)?, log: Log::default() })
    }

    /// Returns the records of the next block; nothing behind the last.
    fn next(&mut self) -> Result<Option<Vec<Record>>, CliError> {
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        let most = u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX);
        let read = (&mut self.file).take(most).read_to_end(&mut block).map_err(broken)?;
        if read == 0 {
            return Ok(None);
        }
        let records = self.log.block(&block).and_then(|all| all.iter().map(|one| wandb::read(one)).collect());
        records.map(Some).map_err(|error| senseless(&self.path, error))
    }
}

/// Takes over all runs. What cannot be read of one is told, and the others go on.
///
/// # Errors
///
/// What the disk or the server says, unless that is about one run.
pub async fn read(runs: &Runs, taking: &mut Taking<'_>) -> Result<Vec<Wanted>, CliError> {
    let mut projects = BTreeSet::new();
    for (n, path) in runs.0.iter().enumerate() {
        output::tell(format!("run {} of {}", n.saturating_add(1), runs.count()));
        match gather(path) {
            Ok((found, is_torn)) => {
                if is_torn {
                    taking.report.left("run", "the end of its log is cut off, and what stands before is taken");
                }
                run(path, found, taking, &mut projects).await?;
            }
            Err(error) if error.code == Code::ImportSourceBroken => {
                taking.refuse("run", &path.display().to_string(), error.message);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Vec::new())
}

/// Reads what a log says of its run, and whether it was cut off.
fn gather(path: &Path) -> Result<(FoundRun, bool), CliError> {
    let (mut blocks, mut gathered) = (Blocks::open(path)?, Gathered::default());
    while let Some(records) = blocks.next()? {
        records.into_iter().for_each(|record| gathered.add(record));
    }
    let found = gathered.found().map_err(|error| senseless(path, error))?;
    Ok((found, blocks.log.is_torn()))
}

async fn run(
    path: &Path,
    found: FoundRun,
    taking: &mut Taking<'_>,
    projects: &mut BTreeSet<i64>,
) -> Result<(), CliError> {
    let FoundRun { experiment, run, points: count, left } = found;
    for (why, times) in left {
        let why = types::text::escape(&why, false);
        taking.report.left_times("run", &why, times);
    }
    if projects.insert(experiment.id) {
        taking.put(Item::Experiment(experiment)).await?;
    }
    let id = run.id.clone();
    let (folder, files) = files(path)?;
    if !taking.put_now(Item::Run(Box::new(run))).await? {
        return Ok(());
    }
    if !taking.is_dry() {
        points(path, &id, taking).await?;
    }
    let files_count = i64::try_from(files.len()).unwrap_or(i64::MAX);
    for file in files {
        if taking.is_dry() {
            taking.report.offered("file");
            continue;
        }
        let body = open(&folder.join(&file.path), &folder).await?.into();
        let content = Content { body, cut: Arc::new(AtomicBool::new(false)) };
        taking.file(Of::Run(&id), (&file.path, file.size), content).await?;
    }
    taking.put(Item::RunEnd(RunEnd { run: id, points: count, files: files_count })).await
}

/// Lists the files that stand beside a log.
fn files(path: &Path) -> Result<(PathBuf, Vec<connectors::mlflow::File>), CliError> {
    let folder = path.parent().unwrap_or(path).join("files");
    let files = list(folder.clone(), &folder)?;
    Ok((folder, files))
}

async fn points(path: &Path, run: &str, taking: &mut Taking<'_>) -> Result<(), CliError> {
    let (mut blocks, mut waiting): (Blocks, Vec<Point>) = (Blocks::open(path)?, Vec::new());
    while let Some(records) = blocks.next()? {
        for record in records {
            if let Record::History(history) = record {
                waiting.extend(wandb::points(&history).map_err(|error| senseless(path, error))?);
            }
            if waiting.len() >= POINTS_MAX {
                let points = std::mem::take(&mut waiting);
                taking.put(Item::Points(Points { run: run.to_owned(), points })).await?;
            }
        }
    }
    if waiting.is_empty() {
        return Ok(());
    }
    taking.put(Item::Points(Points { run: run.to_owned(), points: waiting })).await
}
