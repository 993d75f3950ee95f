//! What tests share: a real application over a temporary folder, with a clock that is told the time.
//!
//! Nothing here is part of the product. [`world`] opens a journal, activates a small bundle, makes a key for
//! everybody in it and gives the agent `sre-bot` its levels.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a fixture that cannot be built fails its test"
)]

pub mod authenticator;
mod authority;
mod bundle;
mod decoys;
mod machine;
pub mod passkeys;
mod postgres;
mod witness;
mod world;

pub use authority::{Authority, stamped};
pub use bundle::{bundle, permitting_bundle, reviewed_bundle, solo_bundle};
pub use decoys::{DECOY, with_decoy, with_decoys};
pub use evidence::{ModelKey, ModelManifest, ModelSignature};
pub use machine::{Counting, TestClock};
pub use postgres::Postgres;
pub use witness::Witness;
pub use world::{Folder, World, log_key, model_key, reopened, world, world_on_small_disk, world_with};
