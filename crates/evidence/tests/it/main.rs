//! What `evidence` makes of files that others wrote.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

#[path = "../../../testkit/src/authenticator.rs"]
mod authenticator;
mod model_signature;
mod passkey;
mod timestamps;
