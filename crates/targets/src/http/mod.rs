//! A server that speaks HTTP, whose operations are declared: each changes one resource, which is read before and after it.
//!
//! What was there is on the disk before the request is sent, and the request says which version it is for (`If-Match`), so that nobody is overwritten who comes in
//! between. What became of a request whose answer was lost is judged by what is there: as it was, as the request makes it, or something that nobody can tell.
//! Resources whose address only the server's answer tells cannot be declared.

mod declared;
mod error;
mod exchange;
mod held;
mod server;
mod shown;
mod store;

pub use declared::Declared;
pub use error::HttpError;
pub use server::{Clock, HttpServer};
pub use shown::{Changed, Difference};
