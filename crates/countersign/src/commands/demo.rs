//! `countersign demo`: a story on a real service inventory.

use super::Done;
use crate::cli::Demo;
use crate::error::Exit;

/// Runs the command.
pub async fn run(_args: &Demo, _json: bool) -> Done {
    Ok(Exit::Done)
}
