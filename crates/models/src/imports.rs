//! What other servers keep of training, read into items that are taken over.
//!
//! Each source says what it says: what is missing is refused with its place, and what it says beyond what is kept here is named, so that it
//! can be told.

pub mod mlflow;
pub mod wandb;
