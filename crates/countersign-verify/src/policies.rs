//! Policy bundles that the reader has from elsewhere, as folders of texts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use policy::BundleFiles;
use replay::Bundles;

/// Reads the policy bundles in some folders.
///
/// # Errors
///
/// A text that says which file cannot be read.
pub(crate) fn all(folders: &[PathBuf]) -> Result<Bundles, String> {
    let mut all = Bundles::new();
    for folder in folders {
        all.add(read(folder)?);
    }
    Ok(all)
}

/// Reads the files of a policy bundle; hidden files and folders are left out.
///
/// # Errors
///
/// A text that says which file cannot be read.
fn read(folder: &Path) -> Result<BundleFiles, String> {
    let mut files = BTreeMap::new();
    collect(folder, "", &mut files)?;
    Ok(BundleFiles(files))
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<(), String> {
    let unusable = |path: &Path, error: std::io::Error| format!("`{}` cannot be read: {error}", path.display());
    for entry in fs::read_dir(folder).map_err(|e| unusable(folder, e))? {
        let path = entry.map_err(|e| unusable(folder, e))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') {
            continue;
        }
        let place = format!("{prefix}{name}");
        if path.is_dir() {
            collect(&path, &format!("{place}/"), files)?;
        } else {
            files.insert(place, fs::read_to_string(&path).map_err(|e| unusable(&path, e))?);
        }
    }
    Ok(())
}
