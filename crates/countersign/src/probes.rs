//! What is asked which version it serves: `probes.toml`.

use std::sync::Arc;
use std::{fs, io};

use control::probes::ProbesConfig;
use types::Code;

use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::notifications::read_file;

/// Reads what is probed; `None` if there is no such file.
///
/// Files that it names are below the keys folder, unless their path begins at the root.
///
/// # Errors
///
/// `probes-invalid` if it cannot be understood; `file-unusable` if it cannot be read.
pub fn config(folders: &Folders) -> Result<Option<ProbesConfig>, CliError> {
    let text = match fs::read_to_string(&folders.probes) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CliError::machine(format!("`{}` cannot be used: {error}", folders.probes.display()))),
    };
    let keys = folders.keys.clone();
    let read = Arc::new(move |name: &str| read_file(&keys.join(name)));
    let invalid =
        |why: String| CliError::new(Exit::Usage, Code::ProbesInvalid, format!("`{}`: {why}", folders.probes.display()));
    ProbesConfig::read(&text, read).map(Some).map_err(invalid)
}
