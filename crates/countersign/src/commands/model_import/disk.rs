//! What an MLflow server has left on a disk: its database, and the folder of its files. Nothing outside that folder is read.

use std::io;
use std::path::{Path, PathBuf};

use connectors::mlflow::File;
use models::artifact;
use store::mlflow::{self, ForeignError};
use types::Code;

use crate::error::{CliError, Exit};

/// Is how many files a run or a model has at most.
const FILES_MAX: usize = 1_000_000;

/// Is how deep its folders lie at most.
const DEPTH_MAX: usize = 64;

/// Is a database and a folder of files.
pub struct Disk {
    /// The database.
    pub database: mlflow::File,
    /// The folder, as it is without links.
    folder: Option<PathBuf>,
}

impl From<ForeignError> for CliError {
    fn from(error: ForeignError) -> Self {
        Self::new(Exit::Failed, error.code(), error.to_string())
    }
}

/// Says that a source cannot be read to its end.
pub fn broken(why: impl std::fmt::Display) -> CliError {
    CliError::new(Exit::Failed, Code::ImportSourceBroken, format!("the source cannot be read to its end: {why}"))
}

impl Disk {
    /// Opens a database, as MLflow names it or by its path, and the folder of its files.
    ///
    /// # Errors
    ///
    /// A database that is none that is read here; a folder that is none.
    pub fn open(store: &str, folder: Option<&Path>) -> Result<Self, CliError> {
        let path = store.strip_prefix("sqlite:///").unwrap_or(store);
        let database = mlflow::File::open(Path::new(path))?;
        let real = |folder: &Path| {
            let real = folder.canonicalize().ok().filter(|real| real.is_dir());
            real.ok_or_else(|| CliError::machine(format!("`{}` is no folder that can be read", folder.display())))
        };
        Ok(Self { database, folder: folder.map(real).transpose()? })
    }

    fn place(&self, address: &str) -> Result<PathBuf, String> {
        place(self.folder.as_deref(), address)
    }

    /// Lists the files of a root; says why, if they are not below the folder.
    ///
    /// # Errors
    ///
    /// As [`list`].
    pub fn files(&self, address: &str) -> Result<Result<Vec<File>, String>, CliError> {
        match (self.place(address), &self.folder) {
            (Ok(place), Some(folder)) => list(place, folder).map(Ok),
            (Err(why), _) => Ok(Err(why)),
            (_, None) => Ok(Err("no folder of files was named".to_owned())),
        }
    }

    /// Opens a file that was listed.
    ///
    /// # Errors
    ///
    /// As [`open`].
    pub async fn read(&self, address: &str, path: &str) -> Result<tokio::fs::File, CliError> {
        let place = self.place(address).map_err(broken)?;
        let folder = self.folder.as_deref().ok_or_else(|| broken("no folder of files was named"))?;
        open(&place.join(path), folder).await
    }
}

/// Returns the folder that an address names, if it is below that of the files.
fn place(folder: Option<&Path>, address: &str) -> Result<PathBuf, String> {
    let folder = folder.ok_or("no folder of files was named")?;
    let rest = match artifact::place(address) {
        Some(place) => place.key().to_owned(),
        None => {
            let path = address.strip_prefix("file://").unwrap_or(address);
            let below = Path::new(path).strip_prefix(folder).ok().and_then(Path::to_str);
            below.ok_or("they are not below the folder that was named")?.to_owned()
        }
    };
    let key = artifact::path(&rest).map_err(|_| "their address climbs")?.key().to_owned();
    Ok(folder.join(key))
}

/// Lists the files of a folder and of those in it, by path; none of one that is not there.
///
/// - `within`: the folder that no link may lead out of, itself without links.
///
/// # Errors
///
/// A link that leads out; a name that is no text; folders that never end; what the disk says.
pub fn list(place: PathBuf, within: &Path) -> Result<Vec<File>, CliError> {
    let mut files = Vec::new();
    let mut folders = vec![(place, String::new(), 0_usize)];
    while let Some((folder, path, depth)) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_empty() => break,
            entries => entries.map_err(broken)?,
        };
        for entry in entries {
            let entry = entry.map_err(broken)?;
            let name = entry.file_name().into_string().map_err(|_| broken("the name of a file is no text"))?;
            let (below, real) = (artifact::joined(&path, &name), real(&entry.path(), within)?);
            let about = std::fs::metadata(real).map_err(broken)?;
            if !about.is_dir() {
                files.push(File { path: below, size: about.len() });
            } else if depth < DEPTH_MAX && files.len().saturating_add(folders.len()) < FILES_MAX {
                folders.push((entry.path(), below, depth.saturating_add(1)));
            } else {
                return Err(broken("its files never end"));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Opens a file.
///
/// # Errors
///
/// A link that leads out of the folder; what the disk says.
pub async fn open(path: &Path, within: &Path) -> Result<tokio::fs::File, CliError> {
    tokio::fs::File::open(real(path, within)?).await.map_err(broken)
}

/// Returns a path without links; it must not lead out of the folder.
fn real(path: &Path, within: &Path) -> Result<PathBuf, CliError> {
    let real = path.canonicalize().map_err(broken)?;
    if real.starts_with(within) { Ok(real) } else { Err(broken("a link leads out of the folder of its files")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn nothing_outside_the_folder_is_read() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/b.txt"), "x").unwrap();
        let within = folder.path().canonicalize().unwrap();
        let listed = || list(within.join("a"), &within);
        assert_eq!(listed().unwrap(), [File { path: "b.txt".into(), size: 1 }]);
        assert_eq!(list(within.join("none"), &within).unwrap(), []);
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("a/link")).unwrap();
        assert_eq!(listed().unwrap_err().code, Code::ImportSourceBroken);
    }

    #[test]
    fn an_address_is_below_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let within = folder.path().canonicalize().unwrap();
        let place = |address: &str| place(Some(&within), address);
        assert_eq!(place("mlflow-artifacts:/1/a/artifacts").unwrap(), within.join("1/a/artifacts"));
        assert_eq!(place(&format!("file://{}/1/a", within.display())).unwrap(), within.join("1/a"));
        assert_eq!(place(&format!("{}/1/a", within.display())).unwrap(), within.join("1/a"));
        for wrong in
            ["/etc", "file:///etc", "s3://b/x", "mlflow-artifacts://host/x", &format!("{}/../x", within.display())]
        {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
