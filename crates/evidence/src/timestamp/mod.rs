//! Time-stamps: an authority's signed word that some bytes, such as a checkpoint's, existed at a time (RFC 3161).
//!
//! Pure: certificates are judged at the time that the token itself says, so that a token that was good stays good. A token is
//! worth what its authority is worth: one that lies, or whose key was stolen, can date anything as it likes.

mod algorithm;
mod authorities;
mod der;
mod error;
mod request;
mod response;
mod time;
mod token;
mod verified;

pub use authorities::Authorities;
pub use error::TimestampError;
pub use request::TimestampRequest;
pub use response::token_in;
pub use token::BYTES_MAX;
pub use verified::Timestamp;
