//! Who dates the log: two files in the keys folder, so that whoever can write the data folder cannot take them away.
//!
//! `tsa.pem` holds the certificates of the authorities whose word is kept; `tsa.toml` says where one of them answers and how
//! often it is asked.

use control::timestamps::TimestampConfig;
use evidence::timestamp::Authorities;
use serde::Deserialize;

use crate::error::CliError;
use crate::folder::Folders;

/// Is the file of the authorities' certificates.
pub const CERTIFICATES: &str = "tsa.pem";

/// Is the file that says where one of them answers.
const SETTINGS: &str = "tsa.toml";

/// Is how often the log is dated unless the file says otherwise, in seconds.
const EVERY_S: u32 = 3_600;

/// Is `tsa.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Where an authority answers.
    url: Option<String>,
    /// The least time between two time-stamps, in seconds, at least 1.
    every_s: Option<u32>,
}

/// Reads who dates the log; `None` if the keys folder names nobody.
///
/// # Errors
///
/// `file-unusable` if a file cannot be read, `usage-invalid` if one says nothing that can be used, or there are settings
/// without certificates.
pub fn config(folders: &Folders) -> Result<Option<TimestampConfig>, CliError> {
    let settings = folders.read_key(SETTINGS)?;
    let Some(authorities) = authorities(folders)? else {
        let lonely = format!("`{}` is there without `{CERTIFICATES}`", folders.keys.join(SETTINGS).display());
        return settings.map_or(Ok(None), |_| Err(CliError::usage(lonely)));
    };
    let unusable = |why: String| CliError::usage(format!("`{}`: {why}", folders.keys.join(SETTINGS).display()));
    let read = |text: String| toml::from_str::<Settings>(&text).map_err(|e| unusable(e.message().to_owned()));
    let settings = settings.map(read).transpose()?.unwrap_or_default();
    let every_s = settings.every_s.unwrap_or(EVERY_S);
    if every_s == 0 {
        return Err(unusable("`every_s` must be at least 1".to_owned()));
    }
    Ok(Some(TimestampConfig { authorities, url: settings.url, every_ms: i64::from(every_s) * 1_000 }))
}

/// Reads the authorities whose word is kept; `None` if the keys folder names none.
///
/// # Errors
///
/// As [`config`].
pub fn authorities(folders: &Folders) -> Result<Option<Authorities>, CliError> {
    let Some(text) = folders.read_key(CERTIFICATES)? else { return Ok(None) };
    let read = Authorities::from_pem(format!("{text}\n").as_bytes());
    read.map(Some).map_err(|e| CliError::usage(format!("`{}`: {e}", folders.keys.join(CERTIFICATES).display())))
}
