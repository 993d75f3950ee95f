//! Three simulations, each drawn from one seed: [`power_loss`], [`road`] and [`net`].
//!
//! The first is the real ledger and store on a disk that loses what was not synced.
//!
//! SQLite itself runs on the simulated disk, through a VFS of its own, and so do the ledger's files, through
//! [`ledger::Disk`]. Sequencer, committer, recovery and publisher are the real ones, with their threads. A seed drives one
//! run: opening, commands, publishing, folding, and between them losses of power, kills and faults of the disk. After each
//! start the oracle compares what is there with what was acknowledged.
//!
//! The second plays proposals, approvals, kill switches, crashes and time against the real control, ledger and executor on
//! that same disk, and holds what was recorded against what the world saw.
//!
//! The third puts the listener in front and a network around it, which breaks, holds back and cuts in the middle.

pub mod again;
pub mod apart;
pub mod counts;
pub mod disk;
pub mod machine;
pub mod net;
pub mod oracle;
mod picture;
#[cfg(feature = "mutants")]
pub mod planted;
pub mod power_loss_cli;
pub mod process;
pub mod rng;
pub mod road;
pub mod run;
mod vfs;

pub use counts::Counts;
pub use run::{Report, Violation, power_loss};
pub use vfs::install;
