//! Rule: a crate depends only on crates above it (DESIGN §5), and only `store` speaks to a database.

use super::package::{Dependency, Package};
use super::scan;
use super::tree::Tree;
use super::violation::Violation;

/// The crates from the innermost to the outermost; each may use those before it.
const ORDER: [&str; 22] = [
    "types", "tlog", "evidence", // foundation
    "policy", "stages", "models", "replay", // pure stages
    "store", "ledger", "executor", "connectors", "prover", "monitor", "notify", // shell
    "control", "gateway", "api", // edge
    "countersign", "verify", "witness", // binaries
    "", "", // none
];
