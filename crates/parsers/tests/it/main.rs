//! Every input kept from fuzzing, played again on its target.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::PathBuf;

use countersign_parsers::TARGETS;
use countersign_parsers::corpus::{escape, unescape};

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "corpus"].iter().collect()
}

fn replay(name: &str) {
    let (_, target) = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let kept = std::fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap();
    assert!(!kept.is_empty(), "nothing is kept for {name}");
    for (number, line) in kept.lines().enumerate() {
        let input = unescape(line).unwrap_or_else(|| panic!("line {} of {name}.txt is no input", number + 1));
        let ended = std::panic::catch_unwind(|| target(&input));
        assert!(ended.is_ok(), "line {} of {name}.txt, see above", number + 1);
    }
}

macro_rules! replayed {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn every_target_is_replayed_and_has_a_program() {
            let replayed = [$(stringify!($name)),*];
            assert_eq!(TARGETS.map(|(name, _)| name), replayed);
            let programs: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "fuzz", "src", "bin"].iter().collect();
            for name in replayed {
                let program = std::fs::read_to_string(programs.join(format!("{name}.rs"))).unwrap();
                assert!(program.contains(&format!("parsers::{name}(bytes)")), "{name}");
            }
            assert_eq!(std::fs::read_dir(programs).unwrap().count(), replayed.len());
            assert_eq!(std::fs::read_dir(folder()).unwrap().count(), replayed.len());
        }
    };
}

replayed! {
    add_checkpoint archive audit bundle calendar cedar contract cosignature data_file definitions disclosure display facts feast frame gateway_http
    gateway_stdio glob id_tokens imports inventory json keys leaf lineage lines log_proof model_signatures names note otlp packages passkeys
    permission probes proof receipts rows splice sse statements text tiles timestamps trace_filter tree trials trust_policy verify webhook
}

#[test]
fn inputs_are_lines_and_come_back() {
    let all: Vec<u8> = (0..=u8::MAX).collect();
    assert_eq!(unescape(&escape(&all)).unwrap(), all);
    assert!(!escape(&all).contains(['\n', '\r']));
    for wrong in ["\\", "\\x1", "\\q", "\\xzz", "é", "\\x41"] {
        assert_eq!(unescape(wrong), None, "{wrong}");
    }
}
