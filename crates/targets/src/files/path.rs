//! Where a file is: a path below the folder, and nothing else.

use serde::{Deserialize, Serialize};

use super::error::FileError;

/// Is how every name begins that is ours while something is written.
pub const OURS: &str = ".countersign-";

/// Bounds a path, in bytes.
const PATH_BYTES_MAX: usize = 2_048;

/// Bounds how deep a path leads.
const DEPTH_MAX: usize = 64;

/// Is a path below the folder: names, none of which leads up or is ignored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Place(String);

impl Place {
    /// Reads a path.
    ///
    /// # Errors
    ///
    /// [`FileError::Path`] if it is absolute, leads up, has an empty name, or names what is ignored.
    pub fn parse(text: &str, ignored: &[String]) -> Result<Self, FileError> {
        let refused = |why: &str| FileError::path(text, why);
        if text.is_empty() || text.len() > PATH_BYTES_MAX || text.split('/').count() > DEPTH_MAX {
            return Err(refused("is empty or too long"));
        }
        if text.starts_with('/') {
            return Err(refused("is absolute; paths are relative to the folder"));
        }
        if text.contains('\0') {
            return Err(refused("has a NUL in it"));
        }
        if text.split('/').any(|name| name.is_empty() || name == "." || name == "..") {
            return Err(refused("has a name in it that is empty, `.` or `..`"));
        }
        if text.split('/').any(|name| is_ignored(name.as_bytes(), ignored)) {
            return Err(refused("is not for anybody here"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the folder's path, if it is not the root, and the name in it.
    pub fn split(&self) -> (Option<&str>, &str) {
        self.0.rsplit_once('/').map_or((None, self.0.as_str()), |(folder, name)| (Some(folder), name))
    }

    /// Returns the folders above it, the outermost first.
    pub fn above(&self) -> impl Iterator<Item = Self> + '_ {
        self.0.match_indices('/').filter_map(|(at, _)| self.0.get(..at)).map(|folder| Self(folder.to_owned()))
    }
}

/// Says whether a name is there for nobody.
pub fn is_ignored(name: &[u8], ignored: &[String]) -> bool {
    let begins =
        |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()));
    begins(OURS) || ignored.iter().any(|prefix| begins(prefix))
}
