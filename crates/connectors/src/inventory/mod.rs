//! Entities: the services, databases and accounts that arguments name, with what is known of them.
//!
//! A source either fits its declaration wholly or yields nothing: an entity that is half known would be
//! decided on as if the other half did not matter.

mod entity;
mod error;
mod file;
mod load;

pub use entity::{Entities, Entity};
pub use error::InventoryError;
pub use load::{QuerySource, load};
