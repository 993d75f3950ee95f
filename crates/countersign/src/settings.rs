//! Files of settings beside the bundle, and the secrets below the keys folder that they name.

use std::path::Path;
use std::{fs, io};

use serde::de::DeserializeOwned;

use crate::error::CliError;

/// Reads a file of settings; `None` if there is none.
///
/// # Errors
///
/// `file-unusable` if it cannot be read.
pub fn read(path: &Path) -> Result<Option<String>, CliError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::machine(format!("`{}` cannot be used: {error}", path.display()))),
    }
}

/// Reads TOML.
///
/// # Errors
///
/// What is wrong, with its line.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: {}", before.matches('\n').count() + 1, error.message())
    })
}

/// Reads a secret out of its file.
///
/// # Errors
///
/// A file that cannot be read, is no text, or holds nothing.
pub fn secret(name: &str, read: &dyn Fn(&str) -> Result<Vec<u8>, String>) -> Result<String, String> {
    let text = String::from_utf8(read(name)?).map_err(|_| format!("`{name}` is no text"))?;
    let secret = text.trim().to_owned();
    if secret.is_empty() { Err(format!("`{name}` is empty")) } else { Ok(secret) }
}
