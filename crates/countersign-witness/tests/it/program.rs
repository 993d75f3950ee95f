//! The program, a witness's folder, a log that grows, and requests over a plain socket.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tlog::{
    AddCheckpoint, Checkpoint, Cosignature, Frontier, Hash, Note, NoteSignature, SignerKey, VerifierKey, cosignatures,
    leaf_hash, prove_consistency,
};

pub const NAME: &str = "witness.example/w1";

/// Is how a run of the program ended.
#[derive(Debug)]
pub struct Ended {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

/// Runs the program to its end.
pub fn run(args: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-witness"));
    let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait(&mut child);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { exit: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// Waits for a process to end; one that should have ended, and goes on, is killed.
#[expect(clippy::disallowed_methods, reason = "how long a process may take is measured outside of it")]
fn wait(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Is a witness's folder, with the log `log.example` enrolled.
pub struct Home {
    _folder: TempDir,
    pub dir: PathBuf,
    pub log: Log,
    /// The witness's verifier keys, Ed25519 first.
    pub keys: Vec<VerifierKey>,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("witness");
        let made = run(&["init", dir.to_str().unwrap(), "--name", NAME]);
        assert_eq!((made.exit, made.err.as_str()), (0, ""));
        let keys = made.out.lines().map(|line| line.parse().unwrap()).collect();
        let home = Self { _folder: folder, dir, log: Log::new("log.example"), keys };
        assert_eq!(home.run(&["add-log", "DIR", &home.log.key.verifier().to_string()]).exit, 0);
        home
    }

    /// Runs the program with `DIR` for this folder.
    pub fn run(&self, args: &[&str]) -> Ended {
        let dir = self.dir.to_str().unwrap();
        run(&args.iter().map(|arg| if *arg == "DIR" { dir } else { arg }).collect::<Vec<_>>())
    }

    /// Cosigns a request as a file.
    pub fn cosign(&self, request: impl ToString) -> Ended {
        let path = self.dir.with_extension("request");
        std::fs::write(&path, request.to_string()).unwrap();
        self.run(&["cosign", "DIR", path.to_str().unwrap()])
    }

    pub fn serve(&self) -> Running {
        Running::start(&self.dir)
    }

    /// Returns the folder of the one log that is enrolled.
    pub fn log_folder(&self) -> PathBuf {
        let mut logs = std::fs::read_dir(self.dir.join("logs")).unwrap();
        let folder = logs.next().unwrap().unwrap().path();
        assert!(logs.next().is_none());
        folder
    }

    /// Checks both cosignatures of a checkpoint and returns them.
    pub fn check(&self, note: &Note, lines: &str) -> u64 {
        let lines = NoteSignature::parse_lines(lines.as_bytes()).unwrap();
        let note = note.clone().with(lines).unwrap();
        let found: Vec<Cosignature<'_>> = cosignatures(&note, &self.keys).unwrap();
        let names: Vec<_> = found.iter().map(|cosignature| cosignature.key.algorithm()).collect();
        assert_eq!(names, [tlog::Algorithm::CosignatureV1, tlog::Algorithm::MlDsa44]);
        assert!(found.iter().all(|cosignature| cosignature.time == found[0].time));
        found[0].time
    }
}

/// Is a log in memory.
pub struct Log {
    pub key: SignerKey,
    leaves: Vec<Hash>,
}

impl Log {
    pub fn new(origin: &str) -> Self {
        Self::with_seed(origin, 1)
    }

    /// The log at an origin with another key than [`Log::new`] gives it.
    pub fn with_seed(origin: &str, seed: u8) -> Self {
        let leaves = (0..400u32).map(|number| leaf_hash(&number.to_be_bytes())).collect();
        Self { key: SignerKey::ed25519(origin, &[seed; 32]).unwrap(), leaves }
    }

    /// The same log with another history from its first entry on.
    pub fn fork(&self) -> Self {
        let leaves = self.leaves.iter().rev().copied().collect();
        Self { key: self.key.clone(), leaves }
    }

    pub fn note(&self, size: u64) -> Note {
        let mut frontier = Frontier::new();
        self.leaves[..size as usize].iter().for_each(|leaf| frontier.push(*leaf).unwrap());
        Checkpoint::new(self.key.verifier().name(), size, frontier.root()).sign(&self.key).unwrap()
    }

    /// Asks to cosign the tree of `size`, which extends that of `old`.
    pub fn grown(&self, old: u64, size: u64) -> AddCheckpoint {
        let is_provable = 0 < old && old <= size;
        let proof = if is_provable { prove_consistency(old, size, &*self.leaves).unwrap() } else { Vec::new() };
        AddCheckpoint::new(old, proof, self.note(size)).unwrap()
    }
}

/// Is a witness that serves; it is killed when this is dropped.
pub struct Running {
    child: Child,
    pub address: SocketAddr,
}

impl Running {
    pub fn start(dir: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign-witness"))
            .args(["serve", dir.to_str().unwrap(), "--listen", "127.0.0.1:0", "--timeout", "2"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").unwrap_or_else(|| panic!("no address: {line:?}"));
        Self { address: address.parse().unwrap(), child }
    }

    /// Kills the process at once, as a crash would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells the process to end.
    pub fn tell(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Waits for the process to end and returns its exit code.
    pub fn ended(mut self) -> Option<i32> {
        wait(&mut self.child).code()
    }

    /// Connects; whoever then reads gives up after ten times as long as the server waits for a request.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends a request without waiting for its answer.
    pub fn send(&self, request: impl ToString) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(post("/add-checkpoint", &request.to_string()).as_bytes()).unwrap();
        stream
    }

    /// Sends a request and returns its answer.
    pub fn ask(&self, request: impl ToString) -> Answer {
        Answer::read(self.send(request))
    }

    /// Sends bytes and returns the answer.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        // The server may have answered and closed before it has read everything.
        let _ = stream.write_all(bytes);
        Answer::read(stream)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Is an HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A reset after the answer is the server closing on what it did not read.
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    /// Says whether the answer is a problem with this status and code.
    pub fn is(&self, status: u16, code: &str) -> bool {
        self.status == status && self.body.starts_with("error: ") && self.body.contains(&format!("\n code: {code}\n"))
    }
}
