//! Carries out what was decided and recorded, and nothing else.
//!
//! [`run`] takes a `Recorded<Permit>`, which only a durable commit can make, and consumes it. It evaluates
//! no policy: what it checks is that the authority is still the one that was given, at the last moment
//! before the bytes leave.

pub mod gate;
pub mod run;

pub use gate::{Flight, Gate, Pass, Stop, Watch};
pub use run::{Answer, Plan, Ran, SendError, Target, run};
