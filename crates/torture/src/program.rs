//! The real programs: set up once, started, killed, and asked on the command line.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::bundle::{CLASSES, agent};

/// Is the file beside the data folder that takes what the server says to its operator.
const SAID: &str = "said.log";

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Says where the two programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The server and command line.
    pub countersign: PathBuf,
    /// The verifier.
    pub verify: PathBuf,
}

/// Is a run of the server.
pub struct Server {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    said: PathBuf,
}

impl Programs {
    /// Runs the command line on a folder and returns what it printed.
    ///
    /// # Errors
    ///
    /// What it says when it fails.
    pub async fn run(&self, folder: &Path, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.countersign);
        command.arg("--dir").arg(folder).args(words);
        output(command).await.map_err(|why| format!("`{}`: {why}", words.join(" ")))
    }

    /// Holds the journal against its files, and has the verifier judge the files.
    ///
    /// # Errors
    ///
    /// What either says is wrong.
    pub async fn check(&self, folder: &Path) -> Result<(), String> {
        self.run(folder, &["log", "check"]).await?;
        let key = self.run(folder, &["log", "key"]).await?;
        let mut command = Command::new(&self.verify);
        command.arg(folder.join("data/log")).args(["--key", key.trim()]);
        output(command).await.map_err(|why| format!("countersign-verify: {why}")).map(drop)
    }

    /// Starts the server on a folder.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn up(&self, folder: &Path) -> Result<Server, String> {
        let said = folder.join(SAID);
        let errors = File::options().create(true).append(true).open(&said).map_err(text)?;
        let mut command = Command::new(&self.countersign);
        command.arg("--dir").arg(folder).args(["up", "--listen", "127.0.0.1:0", "--json"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).kill_on_drop(true);
        let mut child = command.spawn().map_err(text)?;
        let output = child.stdout.take().ok_or("there is no output")?;
        Ok(Server { child, output: BufReader::new(output).lines(), said })
    }

    /// Makes the journal: agents with keys and levels, all by the command line; returns the agents' keys.
    ///
    /// # Errors
    ///
    /// What the programs say.
    pub async fn set_up(&self, folder: &Path, agents: u32) -> Result<Vec<String>, String> {
        let mut server = self.up(folder)?;
        server.ready().await?;
        let mut keys = Vec::new();
        for n in 0..agents {
            let agent = agent(n);
            for class in CLASSES {
                let level = ["agent", "level", &agent, class, "L2", "--reason", "torture", "--env", "lab"];
                self.run(folder, &level).await?;
            }
            let token = self.run(folder, &["key", "create", "--agent", &agent]).await?;
            keys.push(token.trim().to_owned());
        }
        server.stop().await?;
        Ok(keys)
    }
}

async fn output(mut command: Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().await.map_err(text)?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(out);
    }
    Err(format!("{}: {out}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

impl Server {
    /// Returns the last that it said to its operator.
    fn last_words(&self) -> String {
        let said = fs::read_to_string(&self.said).unwrap_or_default();
        let mut lines: Vec<&str> = said.lines().rev().take(5).collect();
        lines.reverse();
        lines.join("\n")
    }

    /// Waits until it says where it listens.
    ///
    /// # Errors
    ///
    /// What it says instead.
    pub async fn ready(&mut self) -> Result<SocketAddr, String> {
        let line = self.output.next_line().await.map_err(text)?;
        let said: Value = line.as_deref().map(serde_json::from_str).transpose().map_err(text)?.unwrap_or_default();
        let address = said.get("url").and_then(Value::as_str).and_then(|url| url.strip_prefix("http://"));
        let ended = || format!("the server ended by itself: {} {}", line.as_deref().unwrap_or(""), self.last_words());
        address.ok_or_else(ended)?.parse().map_err(text)
    }

    /// Kills it, with a signal it cannot see.
    ///
    /// # Errors
    ///
    /// What the system says, or that it had ended by itself before.
    pub async fn kill(mut self) -> Result<(), String> {
        if let Some(status) = self.child.try_wait().map_err(text)? {
            return Err(format!("the server ended by itself ({status}): {}", self.last_words()));
        }
        self.child.kill().await.map_err(text)
    }

    /// Tells it to stop, and waits until it has.
    ///
    /// # Errors
    ///
    /// What the system says, or how it ended.
    pub async fn stop(mut self) -> Result<(), String> {
        let pid = self.child.id().and_then(|pid| rustix::process::Pid::from_raw(i32::try_from(pid).ok()?));
        let pid = pid.ok_or("the server has ended by itself")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).map_err(text)?;
        let status = self.child.wait().await.map_err(text)?;
        if status.success() { Ok(()) } else { Err(format!("the server stopped with {status}: {}", self.last_words())) }
    }
}

/// Copies a folder.
///
/// # Errors
///
/// What the file system says.
pub fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(text)?;
    let mode = fs::metadata(from).map_err(text)?.permissions();
    fs::set_permissions(to, mode).map_err(text)?;
    for entry in fs::read_dir(from).map_err(text)? {
        let entry = entry.map_err(text)?;
        let beside = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &beside)?;
        } else {
            fs::copy(entry.path(), beside).map_err(text)?;
        }
    }
    Ok(())
}
