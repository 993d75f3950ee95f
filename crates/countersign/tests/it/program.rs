//! Running the program and reading what it says.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

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

pub fn run(dir: &Path, words: &[&str]) -> Said {
    let output = Command::new(program()).args(words).current_dir(dir).env_remove("COUNTERSIGN_DIR").output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Makes the demo's inventory and returns the command of its MCP server.
pub fn inventory(dir: &Path) -> (PathBuf, Vec<String>) {
    let db = dir.join("inventory.db");
    demo::inventory::seed(&db).unwrap();
    let words = [program(), "demo", "--serve", db.to_str().unwrap()];
    (db.clone(), words.map(str::to_owned).to_vec())
}

/// Runs `init` on the demo's server.
pub fn init(dir: &Path) -> Said {
    let (_, server) = inventory(dir);
    let mut words = vec!["init", "--json", "--name", "inventory", "--owner", "ana", "--"];
    words.extend(server.iter().map(String::as_str));
    run(dir, &words)
}

/// Is an MCP client over the standard input and output of a child.
pub struct Client {
    pub child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Client {
    pub fn start(dir: &Path, words: &[&str]) -> Self {
        let mut child = Command::new(program())
            .args(words)
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut client = Self { child, input, output, next: 0 };
        let hello = serde_json::json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
        });
        assert!(client.ask("initialize", &hello)["result"]["serverInfo"].is_object());
        client.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        client
    }

    pub fn send(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
        self.input.flush().unwrap();
    }

    pub fn read(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e} in `{line}`"))
    }

    pub fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&serde_json::json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
        loop {
            let frame = self.read();
            if frame["id"] == id {
                return frame;
            }
        }
    }

    /// Reads until the answer with this id comes.
    pub fn await_answer(&mut self, id: &str) -> Value {
        loop {
            let frame = self.read();
            if frame["id"] == id {
                return frame;
            }
        }
    }

    pub fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        self.ask("tools/call", &serde_json::json!({ "name": tool, "arguments": arguments }))["result"].clone()
    }

    pub fn refused(result: &Value) -> &str {
        result["_meta"]["countersign.dev/refusal"]["code"].as_str().unwrap_or("")
    }

    /// Closes the client's end and waits until the program has ended.
    pub fn finish(self) {
        let Self { mut child, input, output, .. } = self;
        drop((input, output));
        assert!(child.wait().unwrap().success());
    }
}
