//! `cargo xtask`: the chores of this repository, written in Rust so that cargo alone runs them.

mod tidy;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy [--write-ratchet]

  tidy                   checks the rules of the house; prints each violation as `file:line: message`
  tidy --write-ratchet   first tightens xtask/ratchet.toml to what is true today, never loosens it";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tidy"] => tidy::run(false),
        ["tidy", "--write-ratchet"] => tidy::run(true),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
