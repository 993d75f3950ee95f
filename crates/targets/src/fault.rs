//! The nodes at which something is written: each can be made to fail, before or after it has happened.

use std::io;

/// Is asked around each write to a system and its store.
pub trait Fault: Send + Sync {
    /// Says whether a step is to fail without happening.
    ///
    /// # Errors
    ///
    /// If it is.
    fn before(&self, _step: &str) -> io::Result<()> {
        Ok(())
    }

    /// Says whether a step that happened is to look as if it had failed.
    ///
    /// # Errors
    ///
    /// If it is.
    fn after(&self, _step: &str) -> io::Result<()> {
        Ok(())
    }
}

/// Lets every step happen.
pub(crate) struct NoFault;

impl Fault for NoFault {}

/// Takes one step. Everything that is written is written in here.
pub(crate) fn step<T, E>(fault: &dyn Fault, name: &str, act: impl FnOnce() -> Result<T, E>) -> Result<T, E>
where
    E: From<io::Error>,
{
    fault.before(name)?;
    let done = act()?;
    fault.after(name)?;
    Ok(done)
}
