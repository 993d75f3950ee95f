//! Everything that reads what others wrote, each parser as one function over bytes that asserts what must hold.
//!
//! The programs in `fuzz/` call these functions with inputs that libFuzzer makes up; the test of this crate calls them
//! with the inputs that were worth keeping, `corpus/NAME.txt`. A function returns for every input, or has found a bug.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a property that does not hold ends the run"
)]

mod audit;
mod base;
mod bundle;
mod calendar;
mod contract;
pub mod corpus;
mod data;
mod data_files;
mod door;
mod evidence;
mod gate;
mod id_tokens;
mod imports;
mod inventory;
mod lineage;
mod log;
mod model_signatures;
mod packages;
mod passkeys;
mod permission;
mod probes;
mod receipts;
mod request;
mod timestamps;
mod traces;
mod upstream;
mod webhook;
mod witness;

pub use audit::audit;
pub use bundle::{bundle, cedar, facts, trials};
pub use calendar::calendar;
pub use contract::contract;
pub use data::{display, frame, glob, json, names, rows, text};
pub use data_files::data_file;
pub use evidence::{archive, disclosure, leaf, verify};
pub use gate::{gateway_http, gateway_stdio};
pub use id_tokens::id_tokens;
pub use imports::imports;
pub use inventory::inventory;
pub use lineage::lineage;
pub use log::{keys, note, proof, tiles, tree};
pub use model_signatures::model_signatures;
pub use packages::{feast, packages};
pub use passkeys::passkeys;
pub use permission::permission;
pub use probes::probes;
pub use receipts::{receipts, statements};
pub use timestamps::timestamps;
pub use traces::{otlp, trace_filter};
pub use upstream::{definitions, lines, splice, sse};
pub use webhook::webhook;
pub use witness::{add_checkpoint, cosignature, log_proof, trust_policy};

/// Is one parser with the properties it must keep.
pub type Target = fn(&[u8]);

/// Lists the targets by name, as `fuzz/` and `corpus/` call them.
pub const TARGETS: [(&str, Target); 50] = [
    ("add_checkpoint", add_checkpoint),
    ("archive", archive),
    ("audit", audit),
    ("bundle", bundle),
    ("calendar", calendar),
    ("cedar", cedar),
    ("contract", contract),
    ("cosignature", cosignature),
    ("data_file", data_file),
    ("definitions", definitions),
    ("disclosure", disclosure),
    ("display", display),
    ("facts", facts),
    ("feast", feast),
    ("frame", frame),
    ("gateway_http", gateway_http),
    ("gateway_stdio", gateway_stdio),
    ("glob", glob),
    ("id_tokens", id_tokens),
    ("imports", imports),
    ("inventory", inventory),
    ("json", json),
    ("keys", keys),
    ("leaf", leaf),
    ("lineage", lineage),
    ("lines", lines),
    ("log_proof", log_proof),
    ("model_signatures", model_signatures),
    ("names", names),
    ("note", note),
    ("otlp", otlp),
    ("packages", packages),
    ("passkeys", passkeys),
    ("permission", permission),
    ("probes", probes),
    ("proof", proof),
    ("receipts", receipts),
    ("rows", rows),
    ("splice", splice),
    ("sse", sse),
    ("statements", statements),
    ("text", text),
    ("tiles", tiles),
    ("timestamps", timestamps),
    ("trace_filter", trace_filter),
    ("tree", tree),
    ("trials", trials),
    ("trust_policy", trust_policy),
    ("verify", verify),
    ("webhook", webhook),
];
