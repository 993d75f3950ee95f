//! What a caller wants of files, and what that makes of each.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::FileLimits;
use super::error::FileError;
use super::path::Place;
use super::tree::{Current, Folder, Found, Seen, Tree};

/// Is the mode of a file that was not there.
const FILE_MODE: u32 = 0o644;

/// Is the mode of a folder that was not there.
const FOLDER_MODE: u32 = 0o755;

/// Is one edit: exactly one of `write`, `replace`, `delete` and `move_to`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    write: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replace: Option<Replace>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delete: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    move_to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    if_sha256: Option<String>,
}

/// Is a text that becomes another.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replace {
    from: String,
    to: String,
}

/// Is what an edit does.
enum Deed<'a> {
    Write(&'a str),
    Replace(&'a Replace),
    Delete,
    Move(&'a str),
}

impl Edit {
    fn deed(&self) -> Result<Deed<'_>, FileError> {
        match (&self.write, &self.replace, self.delete, &self.move_to) {
            (Some(text), None, None, None) => Ok(Deed::Write(text)),
            (None, Some(replace), None, None) => Ok(Deed::Replace(replace)),
            (None, None, Some(true), None) => Ok(Deed::Delete),
            (None, None, None, Some(to)) => Ok(Deed::Move(to)),
            _ => {
                let why = "an edit has exactly one of `write`, `replace`, `delete: true` and `move_to`";
                Err(FileError::Arguments(why.to_owned()))
            }
        }
    }
}

/// Is what becomes of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub path: Place,
    pub before: Option<Seen>,
    pub after: Option<Seen>,
    /// Is whose the file is; absent if it is made.
    pub owner: Option<(u32, u32)>,
}

/// Is what is to be done, with every byte of it.
#[derive(Debug, Default)]
pub struct Planned {
    pub steps: Vec<Step>,
    pub bytes: BTreeMap<String, Vec<u8>>,
    /// The folders that are made, the outermost first.
    pub makes: Vec<Folder>,
    /// The folders that are removed if nothing is in them, the outermost first.
    pub removes: Vec<Folder>,
}

/// Plans edits against the folder as it is.
///
/// # Errors
///
/// [`FileError`] if one of them cannot be made.
pub fn planned(tree: &Tree, edits: &[Edit], limits: &FileLimits) -> Result<Planned, FileError> {
    if edits.is_empty() {
        return Err(FileError::Arguments("a change has at least one edit".to_owned()));
    }
    let too_many =
        |files: usize| FileError::TooMuch(format!("it changes {files} files, and may change {}", limits.files_max));
    if edits.len() > limits.files_max {
        return Err(too_many(edits.len()));
    }
    let mut planning = Planning { tree, limits, planned: Planned::default(), named: BTreeSet::new() };
    for edit in edits {
        planning.edit(edit)?;
    }
    planning.apart()?;
    let mut planned = planning.planned;
    planned.steps.retain(|step| step.before != step.after);
    if planned.steps.len() > limits.files_max {
        return Err(too_many(planned.steps.len()));
    }
    planned.makes = missing_above(tree, &planned.steps)?;
    Ok(planned)
}

/// Returns the folders that are not there and have to be.
pub fn missing_above(tree: &Tree, steps: &[Step]) -> Result<Vec<Folder>, FileError> {
    let mut makes = BTreeMap::new();
    for folder in steps.iter().filter(|step| step.after.is_some()).flat_map(|step| step.path.above()) {
        if !makes.contains_key(&folder) && tree.folder_mode(&folder)?.is_none() {
            makes.insert(folder.clone(), Folder { path: folder, mode: FOLDER_MODE });
        }
    }
    // A folder sorts before what is in it.
    Ok(makes.into_values().collect())
}

struct Planning<'a> {
    tree: &'a Tree,
    limits: &'a FileLimits,
    planned: Planned,
    named: BTreeSet<Place>,
}

impl Planning<'_> {
    fn edit(&mut self, edit: &Edit) -> Result<(), FileError> {
        let path = self.named(&edit.path)?;
        let found = self.found(&path)?;
        if let Some(expected) = &edit.if_sha256 {
            let sha256 = found.as_ref().map(|(found, _)| found.seen.sha256.as_str());
            if sha256 != Some(expected.to_ascii_lowercase().as_str()) {
                return Err(FileError::State(format!("`{}` is not the file of `if_sha256`", edit.path)));
            }
        }
        match edit.deed()? {
            Deed::Write(text) => self.becomes(path, found, text.as_bytes().to_vec()),
            Deed::Replace(replace) => {
                let (found, bytes) = found.ok_or_else(|| FileError::Missing(edit.path.clone()))?;
                let text = replaced(&edit.path, &bytes, replace)?;
                self.becomes(path, Some((found, bytes)), text.into_bytes())
            }
            Deed::Delete => {
                let (found, bytes) = found.ok_or_else(|| FileError::Missing(edit.path.clone()))?;
                self.step(path, Some(&found), None, bytes)
            }
            Deed::Move(to) => {
                let (found, bytes) = found.ok_or_else(|| FileError::Missing(edit.path.clone()))?;
                self.moves(path, to, &found, bytes)
            }
        }
    }

    /// Reads a path that the change has not named yet.
    fn named(&mut self, text: &str) -> Result<Place, FileError> {
        let path = Place::parse(text, &self.limits.ignored)?;
        if !self.named.insert(path.clone()) {
            return Err(FileError::Arguments(format!("`{text}` is named twice; a change names a file once")));
        }
        Ok(path)
    }

    /// Demands that no file of the change lies below another of them.
    fn apart(&self) -> Result<(), FileError> {
        match self.named.iter().find(|path| path.above().any(|folder| self.named.contains(&folder))) {
            Some(path) => Err(FileError::path(path.as_str(), "lies below another file of the change")),
            None => Ok(()),
        }
    }

    /// Reads a file that may be changed, if it is there.
    fn found(&self, path: &Place) -> Result<Option<(Found, Vec<u8>)>, FileError> {
        let mut found = match self.tree.current(path, self.limits.bytes_max)? {
            Current::Absent => return Ok(None),
            Current::Other(why) => return Err(FileError::path(path.as_str(), why)),
            Current::File(found) => found,
        };
        if found.names > 1 {
            return Err(FileError::path(path.as_str(), "has more than one name, and would be torn off the others"));
        }
        let bytes = found.bytes.take().ok_or_else(|| self.too_large(path, found.seen.size))?;
        Ok(Some((found, bytes)))
    }

    fn too_large(&self, path: &Place, size: u64) -> FileError {
        let max = self.limits.bytes_max;
        FileError::TooMuch(format!("`{}` has {size} bytes, and may have {max}", path.as_str()))
    }

    fn becomes(&mut self, path: Place, found: Option<(Found, Vec<u8>)>, bytes: Vec<u8>) -> Result<(), FileError> {
        if bytes.len() > self.limits.bytes_max {
            return Err(self.too_large(&path, bytes.len() as u64));
        }
        let mode = found.as_ref().map_or(FILE_MODE, |(found, _)| found.seen.mode);
        let after = Seen::of(&bytes, mode);
        self.planned.bytes.insert(after.sha256.clone(), bytes);
        match found {
            Some((found, was)) => self.step(path, Some(&found), Some(after), was),
            None => self.step(path, None, Some(after), Vec::new()),
        }
    }

    fn moves(&mut self, from: Place, to: &str, found: &Found, bytes: Vec<u8>) -> Result<(), FileError> {
        let to = self.named(to)?;
        match self.tree.current(&to, 0)? {
            Current::Absent => {}
            Current::Other(why) => return Err(FileError::path(to.as_str(), why)),
            Current::File(_) => return Err(FileError::State(format!("`{}` is there already", to.as_str()))),
        }
        self.step(from, Some(found), None, bytes)?;
        let after = Some(found.seen.clone());
        self.planned.steps.push(Step { path: to, before: None, after, owner: Some(found.owner) });
        Ok(())
    }

    fn step(
        &mut self,
        path: Place,
        found: Option<&Found>,
        after: Option<Seen>,
        bytes: Vec<u8>,
    ) -> Result<(), FileError> {
        let before = found.map(|found| found.seen.clone());
        if let Some(before) = &before {
            self.planned.bytes.insert(before.sha256.clone(), bytes);
        }
        self.planned.steps.push(Step { path, before, after, owner: found.map(|found| found.owner) });
        Ok(())
    }
}

/// Replaces the one place at which a text occurs.
fn replaced(path: &str, bytes: &[u8], replace: &Replace) -> Result<String, FileError> {
    let text = str::from_utf8(bytes).map_err(|_| FileError::State(format!("`{path}` is not UTF-8 text")))?;
    let Replace { from, to } = replace;
    let Some(first) = from.chars().next() else {
        return Err(FileError::Arguments("`from` is empty".to_owned()));
    };
    let Some((before, after)) = text.split_once(from.as_str()) else {
        return Err(FileError::State(format!("`from` does not occur in `{path}`")));
    };
    // Two places may overlap, so the second is looked for from the next character on.
    if text.get(before.len() + first.len_utf8()..).is_some_and(|rest| rest.contains(from.as_str())) {
        return Err(FileError::State(format!("`from` occurs more than once in `{path}`")));
    }
    Ok(format!("{before}{to}{after}"))
}
