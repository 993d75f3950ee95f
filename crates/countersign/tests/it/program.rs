//! Running the program and reading what it says.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

pub fn program() -> &'static str {
    env!("CARGO_BIN_EXE_countersign")
}

pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e} in {}{}", self.out, self.err))
    }
}

fn command(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(words).current_dir(dir).env_remove("COUNTERSIGN_DIR");
    command
}

pub fn run(dir: &Path, words: &[&str]) -> Said {
    said(command(dir, words).output().unwrap())
}

/// Runs the program with more variables in its environment.
pub fn run_where(dir: &Path, words: &[&str], variables: &[(&str, &str)]) -> Said {
    said(command(dir, words).envs(variables.iter().copied()).output().unwrap())
}

/// Runs the program with something on its standard input, and its standard output in a file where one is given.
pub fn run_with(dir: &Path, words: &[&str], input: &[u8], into: Option<std::fs::File>) -> Said {
    let out = into.map_or_else(Stdio::piped, Stdio::from);
    let mut command = command(dir, words);
    let mut child = command.stdin(Stdio::piped()).stdout(out).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    said(child.wait_with_output().unwrap())
}

fn said(output: std::process::Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Starts the program and leaves it running, its standard input and output in the caller's hands.
fn start(dir: &Path, words: &[&str]) -> Child {
    command(dir, words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Starts `up`, whose first line of JSON says where it listens.
pub fn serve(dir: &Path) -> Child {
    serve_with(dir, &[])
}

fn serve_with(dir: &Path, more: &[&str]) -> Child {
    start(dir, &[&["up", "--listen", "127.0.0.1:0", "--json"], more].concat())
}

/// Is a server that `up` runs; it is killed where it is dropped.
pub struct Server {
    pub child: Child,
    /// What it said when it was ready.
    pub ready: Value,
}

impl Server {
    /// Starts `up` and waits until it listens.
    pub fn up(dir: &Path) -> Self {
        Self::up_with(dir, &[])
    }

    /// Starts `up` with more words, and waits until it listens.
    pub fn up_with(dir: &Path, more: &[&str]) -> Self {
        let mut child = serve_with(dir, more);
        let ready = read_json(&mut BufReader::new(child.stdout.take().unwrap()));
        Self { child, ready }
    }

    /// Tells it to stop, and waits until it has.
    pub fn stop(mut self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is no longer there to be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is a program that says one line when it is ready, and runs until it is told to stop.
pub struct Listening {
    child: Child,
    /// What it said.
    pub line: String,
}

/// Starts a program that says one line when it is ready.
pub fn listening(dir: &Path, words: &[&str]) -> Listening {
    let mut child = start(dir, words);
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Listening { child, line: line.trim().to_owned() }
}

impl Listening {
    /// Tells it to stop, and returns its exit code.
    pub fn end(&mut self) -> i32 {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap()
    }
}

/// Runs `up` where it is refused.
pub fn up(dir: &Path) -> Said {
    run(dir, &["up", "--listen", "127.0.0.1:0"])
}

/// Reads the next line, which is JSON.
pub fn read_json(output: &mut impl BufRead) -> Value {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e} in `{line}`"))
}

/// Runs `init` on the demo's server, whose inventory is made first.
pub fn init(dir: &Path) -> Said {
    let db = dir.join("inventory.db");
    demo::inventory::seed(&db).unwrap();
    let server = [program(), "demo", "--serve", db.to_str().unwrap()];
    run(dir, &[&["init", "--json", "--name", "inventory", "--owner", "ana", "--"][..], &server].concat())
}

/// Makes a folder in which `init` has run on the demo's server.
pub fn begun() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(init(folder.path()).code, 0);
    folder
}

/// Writes a server for `sh`, and returns its path: it does for a line what stands by the first pattern in it.
pub fn script(dir: &Path, arms: &[(&str, String)]) -> String {
    let arms: String = arms.iter().map(|(pattern, does)| format!("  *{pattern}*) {does} ;;\n")).collect();
    let id = r#"id=$(printf '%s' "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')"#;
    let path = dir.join("server.sh");
    let text = format!("while read -r line; do\n  {id}\n  case \"$line\" in\n{arms}  esac\ndone\n");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Says a frame in a [`script`], with the request's id in the place of `"ID"`.
pub fn echo(frame: &Value) -> String {
    format!("echo '{}'", frame.to_string().replace("\"ID\"", "'\"$id\"'"))
}

/// Returns the last thousand records, each a line of JSON.
pub fn log_tail(dir: &Path) -> String {
    let tail = run(dir, &["log", "tail", "-n", "1000", "--json"]);
    assert_eq!(tail.code, 0, "{}", tail.err);
    tail.out
}

/// Waits for the case that is open; nobody may be there to list it while one server takes over from another.
pub fn open_case(dir: &Path) -> String {
    let case = (0..600).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        let listed = run(dir, &["approvals", "--json"]);
        let cases = (listed.code == 0).then(|| listed.json().to_string())?;
        cases.split('"').find(|word| word.starts_with("case_")).map(str::to_owned)
    });
    case.expect("the call is held")
}

/// Is an MCP client over the standard input and output of a child.
pub struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Client {
    /// Opens a session with one of the servers over `wrap`.
    pub fn wrap(dir: &Path, server: &str) -> Self {
        let mut client = Self::over(dir, &["wrap", &format!("--server={server}")]);
        let hello = json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
        });
        assert!(client.ask("initialize", &hello)["result"]["serverInfo"].is_object());
        client.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        client
    }

    /// Speaks to the program over its standard input and output, and says nothing yet.
    pub fn over(dir: &Path, words: &[&str]) -> Self {
        let mut child = start(dir, words);
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output, next: 0 }
    }

    /// Closes the client's end and returns the exit code of the program.
    pub fn ended(self) -> i32 {
        let Self { mut child, input, output, .. } = self;
        drop((input, output));
        child.wait().unwrap().code().unwrap()
    }

    pub fn send(&mut self, line: &str) {
        self.send_bytes(line.as_bytes());
    }

    pub fn send_bytes(&mut self, line: &[u8]) {
        self.input.write_all(line).unwrap();
        self.input.write_all(b"\n").unwrap();
        self.input.flush().unwrap();
    }

    fn request(&mut self, id: impl Into<Value>, method: &str, params: &Value) {
        let id = id.into();
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
    }

    /// Reads until the answer with this id comes.
    pub fn await_answer(&mut self, id: impl Into<Value>) -> Value {
        let id = id.into();
        loop {
            let frame = read_json(&mut self.output);
            if frame["id"] == id {
                return frame;
            }
        }
    }

    pub fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        self.request(self.next, method, params);
        self.await_answer(self.next)
    }

    pub fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        self.ask("tools/call", &json!({ "name": tool, "arguments": arguments }))["result"].clone()
    }

    /// Makes a call that is served.
    pub fn lists_services(&mut self) {
        let read = self.call("list_services", &json!({}));
        assert!(read["content"].is_array() && Self::refused(&read).is_empty(), "{read}");
    }

    /// Makes a call that is held until people have approved it, and does not wait for the answer.
    pub fn drafts_mail(&mut self, id: &str) {
        let mail = json!({ "from": "status@shop.example", "to": "a@b.c", "subject": "s", "body": "b" });
        self.request(id, "tools/call", &json!({ "name": "draft_mail", "arguments": mail }));
    }

    pub fn refused(result: &Value) -> &str {
        result["_meta"]["countersign.dev/refusal"]["code"].as_str().unwrap_or("")
    }

    /// Closes the client's end and waits until the program has ended.
    pub fn finish(self) {
        assert_eq!(self.ended(), 0);
    }

    /// Sends the program a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let words = [format!("-{name}"), self.child.id().to_string()];
        assert!(Command::new("kill").args(words).status().unwrap().success());
    }

    /// Kills the program, which can say nothing more.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
