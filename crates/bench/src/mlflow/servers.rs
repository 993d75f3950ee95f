//! The two servers: prepared, started, and stopped with all that they have started.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::family::Family;
use crate::http::Client;
use crate::measure;

/// Is how long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(120);

/// Is how long a server is watched at a time while nobody asks.
const IDLE: Duration = Duration::from_secs(5);

/// Is how often it is watched at most until it is quiet.
const QUIET_MAX: u32 = 24;

/// Is what a quiet server spends at most, in milliseconds of processor time a second.
const QUIET: f64 = 50.0;

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Says which server it is, and where its program is.
pub enum Programs<'a> {
    /// MLflow's.
    Theirs(&'a Path),
    /// Ours.
    Ours(&'a Path),
}

/// Is a server that answers.
pub struct Server {
    child: Child,
    /// Its processes.
    pub family: Family,
    /// Where it listens.
    pub address: SocketAddr,
    /// What its callers send as their key.
    pub key: String,
    /// How long it took from its start to its first answer.
    pub took: Duration,
    /// What it spends while nobody asks, in milliseconds of processor time a second.
    pub idle: f64,
}

impl Programs<'_> {
    /// Makes what a server wants to find in its folder.
    ///
    /// # Errors
    ///
    /// What our program says.
    pub async fn prepare(&self, folder: &Path) -> Result<(), String> {
        let Self::Ours(program) = self else { return Ok(()) };
        let demo = ["demo", "--once", "--listen", "127.0.0.1:0"];
        finished(Command::new(program).args(demo).current_dir(folder)).await?;
        let mut init = Command::new(program);
        init.args(["--dir", "ours", "init", "--name", "inventory", "--owner", "ana", "--"]).arg(program);
        init.args(["demo", "--serve"]).arg(folder.join("countersign-demo/inventory.db"));
        finished(init.current_dir(folder)).await
    }

    fn command(&self, port: u16) -> Command {
        let port = port.to_string();
        match self {
            Self::Theirs(program) => {
                let mut command = Command::new(program);
                command.args(["server", "--host", "127.0.0.1", "--port", &port, "--workers", "1"]);
                command.args(["--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", "artifacts"]);
                // It would report to its makers otherwise.
                command.env("MLFLOW_DISABLE_TELEMETRY", "true").env("DO_NOT_TRACK", "true");
                command
            }
            Self::Ours(program) => {
                let mut command = Command::new(program);
                command.args(["--dir", "ours", "up", "--listen", &format!("127.0.0.1:{port}"), "--json"]);
                command
            }
        }
    }

    /// Returns the file that holds the key of the first person, if there are keys.
    fn key_file(&self, folder: &Path) -> Option<PathBuf> {
        match self {
            Self::Theirs(_) => None,
            Self::Ours(_) => Some(folder.join("ours/keys/admin.key")),
        }
    }
}

async fn finished(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().await.map_err(text)?;
    let said = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(said()) }
}

impl Server {
    /// Starts a server, waits for its first answer, and then sees what it spends while nobody asks.
    ///
    /// # Errors
    ///
    /// What the system says; a server that ends, or does not answer.
    pub async fn start(programs: &Programs<'_>, folder: &Path) -> Result<Self, String> {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(text)?.port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let said = File::options().create(true).append(true).open(folder.join("said.log")).map_err(text)?;
        let mut command = programs.command(port);
        command.current_dir(folder).stdin(Stdio::null()).stdout(said.try_clone().map_err(text)?).stderr(said);
        // A group of its own, by which all that it starts is found.
        command.process_group(0).kill_on_drop(true);
        let begun = measure::now();
        let child = command.spawn().map_err(text)?;
        let family = Family::of(child.id().ok_or("the server has ended")?);
        let mut server = Self { child, family, address, key: String::new(), took: Duration::ZERO, idle: 0.0 };
        let key_file = programs.key_file(folder);
        while !server.answers(key_file.as_deref()).await {
            if measure::since(begun) > PATIENCE || server.child.try_wait().map_err(text)?.is_some() {
                let said = fs::read_to_string(folder.join("said.log")).unwrap_or_default();
                return Err(format!("the server does not answer: {said}"));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        server.took = measure::since(begun);
        server.watch_idle().await?;
        Ok(server)
    }

    /// Asks for the experiment that is always there.
    async fn answers(&mut self, key_file: Option<&Path>) -> bool {
        self.key = match key_file {
            Some(file) => fs::read_to_string(file).unwrap_or_default().trim().to_owned(),
            None => "none".to_owned(),
        };
        let request = self.get("experiments/get?experiment_id=0");
        match Client::connect(self.address).await {
            Ok(mut client) => client.ask(&request, "Default").await.is_ok(),
            Err(_) => false,
        }
    }

    /// Waits until what a start has begun is over, and takes what is spent from then on for what is spent while nobody asks.
    async fn watch_idle(&mut self) -> Result<(), String> {
        for _ in 0..QUIET_MAX {
            let (begun, before) = (measure::now(), self.family.cpu_ms());
            tokio::time::sleep(IDLE).await;
            self.idle = ms(self.family.cpu_ms().saturating_sub(before))? / measure::since(begun).as_secs_f64();
            if self.idle < QUIET {
                break;
            }
        }
        Ok(())
    }

    /// Writes a `GET`.
    pub fn get(&self, path: &str) -> String {
        format!(
            "GET /api/2.0/mlflow/{path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
            self.address, self.key
        )
    }

    /// Writes a `POST`.
    pub fn post(&self, path: &str, body: &serde_json::Value) -> String {
        let key = format!("Bearer {}", self.key);
        crate::http::post(
            self.address,
            &format!("/api/2.0/mlflow/{path}"),
            &[("authorization", &key)],
            &body.to_string(),
        )
    }

    /// Stops all its processes.
    ///
    /// # Errors
    ///
    /// If one of them does not end.
    pub async fn stop(mut self) -> Result<(), String> {
        let group = format!("-{}", self.child.id().ok_or("the server has ended by itself")?);
        let begun = measure::now();
        finished(Command::new("kill").args(["-TERM", "--", &group])).await?;
        self.child.wait().await.map_err(text)?;
        while self.family.lives() && measure::since(begun) < PATIENCE {
            // What has not heard the first signal hears none; it may be that the group is gone by now.
            let _ = finished(Command::new("kill").args(["-KILL", "--", &group])).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if self.family.lives() { Err("a process of the server does not end".to_owned()) } else { Ok(()) }
    }
}

/// Returns milliseconds as a number to reckon with.
///
/// # Errors
///
/// A time of weeks.
pub fn ms(ms: u64) -> Result<f64, String> {
    u32::try_from(ms).map(f64::from).map_err(text)
}
