//! Our tracking server beside MLflow's own: the same client sends the same requests to both in one run, and both must answer the same.
//!
//! Processor time is that of all processes that a server consists of, without what they spend while nobody asks. The client's is not
//! counted. MLflow's server runs as it comes, with its SQLite file, but for one worker instead of four: so it needs less memory, and its
//! start less time.

mod answers;
mod family;
mod load;
mod servers;
mod table;

use std::path::Path;

use load::Load;
use servers::{Programs, Server};
use table::Row;

/// Is how many runs there are, if nobody says.
pub const RUNS: u32 = 10_000;

/// Is where the programs are, and how much is asked of them.
pub struct Wish<'a> {
    /// Our own program.
    pub countersign: &'a str,
    /// MLflow's, in the environment it was installed into.
    pub mlflow: &'a str,
    /// How many runs are made.
    pub runs: u32,
}

/// Measures MLflow's server, then ours, and prints both.
///
/// # Errors
///
/// What a server says; any answer that is wrong, or is another one than the other server's.
pub async fn all(wish: &Wish<'_>) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (theirs, ours) = (folder.path().join("theirs"), folder.path().join("ours"));
    let theirs = measured(&Programs::Theirs(Path::new(wish.mlflow)), &theirs, wish.runs).await?;
    let ours = measured(&Programs::Ours(Path::new(wish.countersign)), &ours, wish.runs).await?;
    answers::same(&theirs.1, &ours.1)?;
    table::print(wish.runs, &theirs.0, &ours.0);
    Ok(())
}

type Measured = (Vec<Row>, Vec<answers::Answer>);

/// Measures one server from its first start on.
async fn measured(programs: &Programs<'_>, folder: &Path, runs: u32) -> Result<Measured, String> {
    std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    programs.prepare(folder).await?;
    let first = Server::start(programs, folder).await?;
    let mut rows = vec![Row::start("start in an empty folder, to the first answer", first.took)];
    let mut load = Load::begin(&first, runs).await?;
    load.write(&first, &mut rows).await?;
    first.stop().await?;
    // The second start has read nothing yet that the load has written, so that each search begins as cold as the other server's.
    let second = Server::start(programs, folder).await?;
    rows.push(Row::start("start with these runs, to the first answer", second.took));
    load.read(&second, &mut rows).await?;
    let memory = second.family.memory()?;
    rows.push(Row::memory("memory after that, each page by its share (PSS)", memory.shared));
    rows.push(Row::memory("memory after that, resident (RSS)", memory.resident));
    rows.push(Row::count("processes", memory.processes));
    second.stop().await?;
    Ok((rows, load.answers))
}
