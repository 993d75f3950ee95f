//! What artifacts are called: each path with the digest of its file. There are no folders but in names.

use rusqlite::{OptionalExtension as _, Row, ToSql, params};
use types::Digest;

use super::{Change, Done, View};
use crate::writer::{as_i64, as_u64};

/// Is a file under its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its path, in the form of [`models::artifact::Path::key`].
    pub path: String,
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
    /// When it was written, in milliseconds since the epoch.
    pub at: i64,
}

/// Is what stands directly in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Its name.
    pub name: String,
    /// How many bytes it has; absent for a folder.
    pub size: Option<u64>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Artifact> {
    Ok(Artifact { path: row.get(0)?, digest: Digest(row.get(1)?), size: as_u64(row.get(2)?), at: row.get(3)? })
}

/// Returns the texts between which all paths below a folder are, neither of them among them.
pub(super) fn below(folder: &str) -> (String, String) {
    // The character that follows upon a slash.
    if folder.is_empty() {
        (String::new(), "\u{10ffff}".to_owned())
    } else {
        (format!("{folder}/"), format!("{folder}0"))
    }
}

/// Returns a path with the folders it is in, the outermost first.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at)).chain([path])
}

impl View<'_> {
    /// Returns the file of a path.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn artifact(&self, path: &str) -> Done<Option<Artifact>> {
        let sql = "SELECT path, digest, size, at FROM artifact WHERE path = ?1";
        Ok(self.0.prepare_cached(sql)?.query_row([path], read).optional()?)
    }

    /// Says whether one of the folders that a path is in is a file.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn is_below_artifact(&self, path: &str) -> Done<bool> {
        for folder in ancestors(path).filter(|folder| *folder != path) {
            if self.artifact(folder)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Says whether anything is below a path.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn is_artifact_folder(&self, path: &str) -> Done<bool> {
        let (from, to) = below(path);
        let sql = "SELECT EXISTS (SELECT 1 FROM artifact WHERE path > ?1 AND path < ?2)";
        Ok(self.0.prepare_cached(sql)?.query_row([from, to], |row| row.get(0))?)
    }

    /// Returns what stands directly in a folder, by name.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn artifacts_in(&self, folder: &str) -> Done<Vec<Child>> {
        let (from, to) = below(folder);
        let sql = "SELECT path, size FROM artifact WHERE path >= ?1 AND path < ?2 ORDER BY path LIMIT 1";
        let mut next = self.0.prepare_cached(sql)?;
        let mut children: Vec<Child> = Vec::new();
        let mut at = from.clone();
        loop {
            let found = next.query_row([&at, &to], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).optional()?;
            let Some((path, size)) = found else { break };
            let rest = path.strip_prefix(&from).unwrap_or_default();
            let (name, is_folder) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
            children.push(Child { name: name.to_owned(), size: (!is_folder).then(|| as_u64(size)) });
            // All that is in a folder is passed over at once; no path has the character that follows upon that of a file.
            at = if is_folder { below(&format!("{from}{name}")).1 } else { format!("{path}\0") };
        }
        children.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(children)
    }

    /// Returns all files of a folder and of those in it, by path.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn artifacts_below(&self, folder: &str) -> Done<Vec<Artifact>> {
        let (from, to) = below(folder);
        let sql = "SELECT path, digest, size, at FROM artifact WHERE path > ?1 AND path < ?2 ORDER BY path";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([from, to], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the digests that some path had once, and none has now.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn unnamed_artifacts(&self) -> Done<Vec<Digest>> {
        let sql =
            "SELECT digest FROM artifact_gone g WHERE NOT EXISTS (SELECT 1 FROM artifact a WHERE a.digest = g.digest)";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([], |row| row.get(0).map(Digest))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Puts a file under its path, in the place of the one that was there.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn put_artifact(&self, artifact: &Artifact) -> Done<()> {
        let Artifact { path, digest, size, at } = artifact;
        self.gone("WHERE path = ?1", &[path])?;
        let sql = "INSERT OR REPLACE INTO artifact (path, digest, size, at) VALUES (?1, ?2, ?3, ?4)";
        self.0.0.prepare_cached(sql)?.execute(params![path, digest.0, as_i64(*size), at])?;
        Ok(())
    }

    /// Removes the file of a path, or all that is below it. What is not there is removed already.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn remove_artifacts(&self, path: &str) -> Done<()> {
        let (from, to) = below(path);
        let which = "WHERE path = ?1 OR (path > ?2 AND path < ?3)";
        self.gone(which, &[&path, &from, &to])?;
        self.0.0.prepare_cached(&format!("DELETE FROM artifact {which}"))?.execute([path, &from, &to])?;
        Ok(())
    }

    /// Notes that a file may be one that no path has.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn note_unnamed(&self, digest: Digest) -> Done<()> {
        self.0.0.prepare_cached("INSERT OR IGNORE INTO artifact_gone (digest) VALUES (?1)")?.execute([digest.0])?;
        Ok(())
    }

    /// Forgets which files no path has, once they are removed.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn forget_unnamed(&self) -> Done<()> {
        self.0.0.prepare_cached("DELETE FROM artifact_gone")?.execute([])?;
        Ok(())
    }

    fn gone(&self, which: &str, values: &[&dyn ToSql]) -> Done<()> {
        let sql = format!("INSERT OR IGNORE INTO artifact_gone (digest) SELECT digest FROM artifact {which}");
        self.0.0.prepare_cached(&sql)?.execute(values)?;
        Ok(())
    }
}
