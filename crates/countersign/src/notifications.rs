//! Who is told of what: `notify.toml`, with the secrets that it names in files of their own.

use std::path::Path;
use std::{fs, io};

use notify::{Settings, SettingsError};

use crate::error::{CliError, Exit};
use crate::folder::Folders;

/// Is the largest file that the settings may name, in bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Reads who is told of what; `None` if there is no such file.
///
/// Files that it names are below the keys folder, unless their path begins at the root.
///
/// # Errors
///
/// `notify-invalid` or `address-forbidden` as [`SettingsError`] says; `file-unusable` if the file itself cannot be read.
pub fn settings(folders: &Folders) -> Result<Option<Settings>, CliError> {
    let text = match fs::read_to_string(&folders.notify) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(CliError::machine(format!("`{}` cannot be used: {error}", folders.notify.display())));
        }
    };
    let read = |name: &str| read_file(&folders.keys.join(name));
    let invalid = |error: SettingsError| {
        CliError::new(Exit::Usage, error.code(), format!("`{}`: {error}", folders.notify.display()))
    };
    Settings::read(&text, &read).map(Some).map_err(invalid)
}

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let unusable = |error: io::Error| format!("`{}` cannot be read: {error}", path.display());
    if fs::metadata(path).map_err(unusable)?.len() > FILE_BYTES_MAX {
        return Err(format!("`{}` is larger than 256 KiB", path.display()));
    }
    fs::read(path).map_err(unusable)
}
