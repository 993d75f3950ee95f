//! Kills the real server again and again in front of a target that cannot take anything back, and checks what is left.
//!
//! Callers keep calls in flight through `countersign up`; the target writes a line for every effect and syncs it. After a
//! round of kills three accounts are held against each other: what the callers were told, what the target did, and what the
//! journal says.

pub mod aim;
pub mod books;
pub mod bundle;
pub mod callers;
pub mod checker;
pub mod clock;
pub mod door;
pub mod drill;
pub mod flood;
pub mod http;
pub mod journal;
pub mod pace;
pub mod plants;
pub mod program;
pub mod random;
pub mod report;
pub mod round;
pub mod sink;
pub mod states;
pub mod syncs;
pub mod tally;
pub mod watcher;
