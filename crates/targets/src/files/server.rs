//! The tools of a folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, statat};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::FileLimits;
use super::edit::Edit;
use super::error::FileError;
use super::held::Held;
use super::look::names;
use super::path::Place;
use super::shown::Changed;
use super::store::Store;
use super::tree::{Seen, Tree};
use crate::changes::{self, After, Does, Key, Named, Undo, arguments, said, tool};
use crate::fault::{Fault, NoFault};
use crate::lock::Lock;
use crate::mcp::{Failed, Said, Tools};

/// Tells the time, in milliseconds since the Unix epoch.
pub type Clock = Box<dyn Fn() -> i64 + Send>;

/// Offers a folder as MCP tools.
pub struct FileServer {
    root: PathBuf,
    place: PathBuf,
    store: Store,
    limits: FileLimits,
    clock: Clock,
    fault: Arc<dyn Fault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    edits: Vec<Edit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    edits: Vec<Edit>,
    change: Key,
}

#[derive(Serialize)]
struct Text<'a> {
    path: &'a str,
    #[serde(flatten)]
    seen: &'a Seen,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// Says why there is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    untold: Option<&'static str>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<i64>,
}

type Called = Result<Said, Failed>;

impl FileServer {
    /// Opens a folder and its store, which is made if it is not there, and looks at the folder if nobody has yet.
    ///
    /// # Errors
    ///
    /// [`FileError::Arguments`] if one of the two lies in the other; [`FileError::Unavailable`] if one cannot be used.
    pub fn open(root: &Path, store: &Path, limits: FileLimits, clock: Clock) -> Result<Self, FileError> {
        Self::open_with(root, store, limits, clock, Arc::new(NoFault))
    }

    /// Opens a folder as [`FileServer::open`] does; each step of a change can be made to fail.
    ///
    /// # Errors
    ///
    /// As of [`FileServer::open`].
    pub fn open_with(
        root: &Path,
        store: &Path,
        limits: FileLimits,
        clock: Clock,
        fault: Arc<dyn Fault>,
    ) -> Result<Self, FileError> {
        let root = root.canonicalize()?;
        let place = outside(&root, store)?;
        let name = root.to_str().ok_or_else(|| FileError::Arguments("the folder's path is not UTF-8".to_owned()))?;
        let lock = Lock::take(&place, limits.lock_ms)?;
        let store = Store::open(&place, name, fault.clone())?;
        rustix::fs::fsync(std::fs::File::open(&place)?)?;
        drop(lock);
        let mut server = Self { root, place, store, limits, clock, fault };
        let mut held = server.hold()?;
        if held.store.is_new()? {
            held.look()?;
        }
        Ok(server)
    }

    /// Takes the folder for one call, and finishes first what somebody has left unfinished.
    fn hold(&mut self) -> Result<Held<'_>, FileError> {
        let lock = Lock::take(&self.place, self.limits.lock_ms)?;
        let tree = Tree::open(&self.root, self.fault.clone())?;
        let now_ms = (self.clock)();
        let mut held = Held { tree, store: &mut self.store, limits: &self.limits, now_ms, _lock: lock };
        held.settle()?;
        Ok(held)
    }

    fn read_file(&mut self, given: Value) -> Called {
        let Read { path } = arguments(given)?;
        let place = Place::parse(&path, &self.limits.ignored)?;
        let found = self.hold()?.file(&place)?;
        let (text, untold) = match found.bytes.as_deref().map(str::from_utf8) {
            Some(Ok(text)) => (Some(text), None),
            Some(Err(_)) => (None, Some("it is not UTF-8 text")),
            None => (None, Some("it is larger than is told")),
        };
        let shown = text.or(untold).unwrap_or_default().to_owned();
        Ok(said(shown, &Text { path: &path, seen: &found.seen, text, untold }))
    }

    fn list_files(&mut self, given: Value) -> Called {
        let List { path } = arguments(given)?;
        let place = path.map(|path| Place::parse(&path, &self.limits.ignored)).transpose()?;
        let listed_max = self.limits.listed_max;
        let mut files = listed(&self.hold()?, place.as_ref())?;
        let truncated = files.len() > listed_max;
        files.truncate(listed_max);
        let text = files.iter().map(|one| format!("{} {}", one.kind, one.name)).collect::<Vec<_>>().join("\n");
        Ok(said(text, &json!({ "files": files, "truncated": truncated })))
    }

    fn plan(&mut self, given: Value) -> Called {
        let Plan { edits } = arguments(given)?;
        let changed = self.hold()?.plan(&edits)?;
        Ok(said(format!("nothing was changed; it would change {}", in_words(&changed)), &changed))
    }

    fn change(&mut self, given: Value) -> Called {
        let Change { edits, change } = arguments(given)?;
        let changed = self.hold()?.change(change.as_str(), &edits)?;
        Ok(said(format!("changed {}", in_words(&changed)), &changed))
    }

    fn get_change(&mut self, given: Value) -> Called {
        let Named { change } = arguments(given)?;
        let (standing, found) = self.hold()?.standing(change.as_str())?;
        let Said { text, data } = standing.said();
        Ok(Said { text: found.map_or(text.clone(), |found| format!("{text}; {found}")), data })
    }

    fn undo_change(&mut self, given: Value) -> Called {
        let Undo { change, undo } = arguments(given)?;
        let changed = self.hold()?.undo(change.as_str(), undo.as_str())?;
        Ok(said(format!("took back {}", in_words(&changed)), &changed))
    }

    fn list_changes(&mut self, given: Value) -> Called {
        let after: After = arguments(given)?;
        Ok(changes::listed_entries(&self.hold()?.entries(after.after, after.most())?))
    }
}

/// Makes the store if it is not there, and demands that neither lies in the other.
fn outside(root: &Path, store: &Path) -> Result<PathBuf, FileError> {
    let inside = |place: &Path| match place.starts_with(root) || root.starts_with(place) {
        true => Err(FileError::Arguments("the store and the folder lie in one another".to_owned())),
        false => Ok(()),
    };
    if !store.exists() {
        let (above, name) = store
            .parent()
            .zip(store.file_name())
            .ok_or_else(|| FileError::Arguments("the store has no name".to_owned()))?;
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        let place = above.canonicalize()?.join(name);
        inside(&place)?;
        rustix::fs::mkdir(&place, rustix::fs::Mode::RWXU)?;
        rustix::fs::fsync(std::fs::File::open(above)?)?;
    }
    let place = store.canonicalize()?;
    inside(&place)?;
    Ok(place)
}

fn listed(held: &Held<'_>, place: Option<&Place>) -> Result<Vec<Listed>, FileError> {
    use rustix::io::Errno;
    let shown = place.map(Place::as_str);
    let folder = held.tree.folder(shown).map_err(|error| match (error, shown) {
        (Errno::NOENT, Some(path)) => FileError::Missing(path.to_owned()),
        (Errno::NOTDIR | Errno::LOOP, Some(path)) => FileError::path(path, "is no folder"),
        (error, _) => error.into(),
    })?;
    let mut files = Vec::new();
    for (raw, name) in names(&folder, held.limits)? {
        let Ok(stat) = statat(&folder, &*raw, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let (kind, size) = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => ("file", Some(stat.st_size)),
            FileType::Directory => ("folder", None),
            FileType::Symlink => ("link", None),
            _ => ("other", None),
        };
        files.push(Listed { name, kind, size });
    }
    Ok(files)
}

fn in_words(changed: &Changed) -> String {
    let Changed { files, bytes_before, bytes_after, differences, .. } = changed;
    let shown = differences.iter().map(|one| one.diff.clone().unwrap_or_else(|| format!("{}\n", one.path)));
    format!("{files} files, from {bytes_before} to {bytes_after} bytes\n{}", shown.collect::<String>())
}

impl Tools for FileServer {
    fn name(&self) -> &str {
        "countersign-files"
    }

    fn instructions(&self) -> &str {
        "A folder of files. Paths are relative to it. Plan a change before you make it; edits that belong together are one change."
    }

    fn list(&self) -> Vec<Value> {
        let path = |description: &str| json!({ "path": { "type": "string", "description": description } });
        let plan = "Says which files edits would change, and changes nothing.";
        let change = "Makes edits as one change. Files are kept as they were, so that it can be taken back.";
        let planned = json!({
            "tool": "plan", "arguments": { "edits": "$arguments/edits" }, "amounts": { "files": "/files" },
        });
        let own = [
            tool("read_file", "Reads a text file.", Does::Reads, &["path"], path("The file.")),
            tool("list_files", "Lists a folder.", Does::Reads, &[], path("The folder; left out for all of it.")),
            tool("plan", plan, Does::Reads, &["edits"], edits()),
            changes::change(change, &["edits"], edits(), &planned),
        ];
        own.into_iter().chain(changes::others()).collect()
    }

    fn call(&mut self, name: &str, arguments: Value) -> Option<Called> {
        Some(match name {
            "read_file" => self.read_file(arguments),
            "list_files" => self.list_files(arguments),
            "plan" => self.plan(arguments),
            "change" => self.change(arguments),
            "get_change" => self.get_change(arguments),
            "undo_change" => self.undo_change(arguments),
            "list_changes" => self.list_changes(arguments),
            _ => return None,
        })
    }
}

/// Describes edits.
fn edits() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let replace = json!({
        "type": "object", "additionalProperties": false, "required": ["from", "to"],
        "properties": { "from": text("Occurs exactly once."), "to": text("What comes in its place.") },
    });
    let properties = json!({
        "path": text("The file, named once in a change."),
        "write": text("The whole text that the file is to have."),
        "replace": replace,
        "delete": { "const": true, "description": "The file is removed." },
        "move_to": text("The path that the file is to have, where nothing is yet."),
        "if_sha256": text("The digest that the file must have, or nothing is done."),
    });
    let edit = json!({
        "type": "object", "additionalProperties": false, "required": ["path"], "properties": properties,
        "description": "Has exactly one of `write`, `replace`, `delete` and `move_to`.",
    });
    json!({ "edits": { "type": "array", "minItems": 1, "items": edit } })
}
