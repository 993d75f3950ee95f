//! The folder while one call holds it: changes are made, finished, seen and taken back.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::FileLimits;
use super::edit::{Edit, Planned, Step, missing_above, planned};
use super::error::FileError;
use super::look::look;
use super::path::Place;
use super::shown::{self, Changed};
use super::store::{Draft, Record, State, Store};
use super::tree::{Current, Folder, Put, Seen, Tree};
use crate::changes::{Entry, Standing};
use crate::lock::Lock;

/// Holds the folder.
pub struct Held<'a> {
    pub tree: Tree,
    pub store: &'a mut Store,
    pub limits: &'a FileLimits,
    pub now_ms: i64,
    pub _lock: Lock,
}

/// Is a change that could not be made whole.
struct Broken {
    /// How many of its files may have been touched.
    touched: usize,
    error: FileError,
}

impl Held<'_> {
    /// Says what edits would change.
    pub fn plan(&self, edits: &[Edit]) -> Result<Changed, FileError> {
        Ok(shown::changed(&planned(&self.tree, edits, self.limits)?, self.limits.shown_bytes_max))
    }

    /// Makes a change once under a key.
    pub fn change(&mut self, key: &str, edits: &[Edit]) -> Result<Changed, FileError> {
        let asked = hex::encode(Sha256::digest(types::json::canonical(&json!(edits))));
        if let Some(answer) = self.answered(key, &asked)? {
            return Ok(answer);
        }
        let planned = planned(&self.tree, edits, self.limits)?;
        self.carry_out(&Draft { key, undoes: None, asked: &asked }, &planned)
    }

    /// Takes a change back once under a key, if every file is as it left it.
    pub fn undo(&mut self, key: &str, undo: &str) -> Result<Changed, FileError> {
        let asked = format!("undo {key}");
        if let Some(answer) = self.answered(undo, &asked)? {
            return Ok(answer);
        }
        let record = self.store.find(key)?.ok_or_else(|| FileError::Unknown(key.to_owned()))?;
        if let Some(by) = self.store.undoer(key)? {
            return Err(FileError::Conflict(format!("it was taken back already, by `{by}`")));
        }
        let planned = self.inverse(&record)?;
        self.carry_out(&Draft { key: undo, undoes: Some(key), asked: &asked }, &planned)
    }

    /// Says what is to be seen of a change, and what was found if it is stuck.
    pub fn standing(&self, key: &str) -> Result<(Standing, Option<String>), FileError> {
        let Some(record) = self.store.find(key)? else { return Ok((Standing::NOT, None)) };
        if self.store.undoer(key)?.is_some() {
            return Ok((Standing::NOT, None));
        }
        let mut differing = 0;
        for step in &record.body.steps {
            differing += usize::from(!self.tree.current(&step.path, 0)?.is(step.after.as_ref()));
        }
        let stands = differing == 0 && record.state == State::Done;
        let (of, digest) = (record.body.steps.len(), record.body.answer.digest);
        Ok((Standing::Applied { applied: true, stands, differing, of, digest }, record.found))
    }

    /// Looks at the folder, and lists what changed.
    pub fn entries(&mut self, after: i64, limit: i64) -> Result<Vec<Entry>, FileError> {
        self.look()?;
        self.store.entries(after, limit)
    }

    /// Takes over what changed around us.
    pub fn look(&mut self) -> Result<(), FileError> {
        let look = look(&self.tree, self.limits, self.store.known()?, self.now_ms)?;
        self.store.looked(self.now_ms, &look.news, &look.stamps, self.limits.listed_max)
    }

    /// Finishes what was begun by whoever ended in the middle of it.
    ///
    /// # Errors
    ///
    /// If it cannot be finished now; it is left as it is for the next.
    pub fn settle(&mut self) -> Result<(), FileError> {
        for record in self.store.prepared()? {
            self.roll_back(&record, record.body.steps.len())?;
        }
        Ok(())
    }

    /// Returns what was answered under a key, if it was the same that was asked.
    fn answered(&self, key: &str, asked: &str) -> Result<Option<Changed>, FileError> {
        match self.store.find(key)? {
            None => Ok(None),
            Some(record) if record.asked != asked => Err(FileError::KeyTaken(key.to_owned())),
            Some(Record { state: State::Done, body, .. }) => Ok(Some(body.answer)),
            Some(Record { found, .. }) => match self.store.undoer(key)? {
                Some(by) => {
                    Err(FileError::State(format!("it was interrupted, and what was there of it taken back by `{by}`")))
                }
                None => {
                    let found = found.unwrap_or_else(|| "it has not ended".to_owned());
                    Err(FileError::InDoubt(format!("the change is there by half: {found}")))
                }
            },
        }
    }

    /// Notes a change, makes it, and notes that it was made. If it fails in between, everything is put back before that is said.
    fn carry_out(&mut self, draft: &Draft<'_>, planned: &Planned) -> Result<Changed, FileError> {
        let answer = shown::changed(planned, self.limits.shown_bytes_max);
        let record = match self.store.prepare(self.now_ms, draft, planned, answer.clone()) {
            Ok(record) => record,
            Err(error) => {
                let settled = self.settle();
                return self.ended(draft, error, settled);
            }
        };
        match self.apply(&record) {
            Ok(()) => match self.store.done(&record) {
                Ok(()) => Ok(answer),
                Err(error) => {
                    let settled = self.settle();
                    self.ended(draft, error, settled)
                }
            },
            Err(Broken { touched, error }) => {
                let settled = self.roll_back(&record, touched);
                self.ended(draft, error, settled)
            }
        }
    }

    /// Answers after something failed: nothing was done, or it was after all, or nobody knows.
    fn ended(&self, draft: &Draft<'_>, error: FileError, settled: Result<(), FileError>) -> Result<Changed, FileError> {
        let unknown = |why: FileError| FileError::InDoubt(format!("{error}; and then: {why}"));
        settled.map_err(unknown)?;
        if let Some(answer) = self.answered(draft.key, draft.asked).map_err(unknown)? {
            return Ok(answer);
        }
        // An undo that is stuck is known by what it was to take back.
        let stuck = draft.undoes.map(|key| self.store.find(key)).transpose().map_err(unknown)?.flatten();
        match stuck.and_then(|record| record.found) {
            Some(found) => Err(FileError::InDoubt(format!("{error}; and then: {found}"))),
            None => Err(error),
        }
    }

    /// Touches the files of a change, in their order.
    fn apply(&self, record: &Record) -> Result<(), Broken> {
        let body = &record.body;
        let making = body.makes.iter().try_for_each(|folder| self.tree.make(folder, false));
        making.map_err(|error| Broken { touched: 0, error })?;
        for (at, step) in body.steps.iter().enumerate() {
            self.become_of(record, at, step, step.before.as_ref(), step.after.as_ref()).map_err(|error| {
                // Where somebody else was faster, nothing was touched.
                let touched = if matches!(error, FileError::State(_)) { at } else { at + 1 };
                Broken { touched, error }
            })?;
        }
        let removing = body.removes.iter().rev().try_for_each(|folder| self.tree.unmake(folder));
        removing.map_err(|error| Broken { touched: body.steps.len(), error })
    }

    /// Makes of one file what it is to be.
    fn become_of(
        &self,
        record: &Record,
        at: usize,
        step: &Step,
        was: Option<&Seen>,
        becomes: Option<&Seen>,
    ) -> Result<(), FileError> {
        let Some(seen) = becomes else { return self.tree.remove(&step.path, was) };
        let bytes = self.store.bytes(&seen.sha256)?;
        self.tree.put(&step.path, &beside(record, at), Put { seen, bytes: &bytes, owner: step.owner }, was)
    }

    /// Puts back what a change has touched, and forgets it; if one of its files is neither as before nor as after, touches nothing and says so.
    fn roll_back(&mut self, record: &Record, touched: usize) -> Result<(), FileError> {
        let body = &record.body;
        let (mut back, mut foreign) = (Vec::new(), Vec::new());
        for (at, step) in body.steps.iter().enumerate().take(touched) {
            let current = self.tree.current(&step.path, 0)?;
            match current.is(step.before.as_ref()) {
                true => {}
                false if current.is(step.after.as_ref()) => back.push((at, step)),
                false => foreign.push(step.path.as_str()),
            }
        }
        for (at, step) in body.steps.iter().enumerate() {
            self.tree.clear_beside(&step.path, &beside(record, at))?;
        }
        if !foreign.is_empty() {
            let (count, files) = (back.len(), foreign.join("`, `"));
            let found = format!(
                "it was interrupted with {count} files as after it, and `{files}` neither as before nor as after"
            );
            let after: Vec<_> = back.into_iter().map(|(_, step)| step).collect();
            return self.store.stuck(record, &after, &found);
        }
        body.removes.iter().try_for_each(|folder| self.tree.make(folder, true))?;
        for (at, step) in back.into_iter().rev() {
            self.become_of(record, at, step, step.after.as_ref(), step.before.as_ref())?;
        }
        body.makes.iter().rev().try_for_each(|folder| self.tree.unmake(folder))?;
        self.store.dropped(record)
    }

    /// Plans how a change is taken back.
    ///
    /// # Errors
    ///
    /// [`FileError::Conflict`] if a file is not as it left it. One that is stuck has left each file as before or as after.
    fn inverse(&self, record: &Record) -> Result<Planned, FileError> {
        let mut planned = Planned::default();
        for step in record.body.steps.iter().rev() {
            let current = self.tree.current(&step.path, 0)?;
            if record.state == State::Stuck && current.is(step.before.as_ref()) {
                continue;
            }
            if !current.is(step.after.as_ref()) {
                let path = step.path.as_str();
                return Err(FileError::Conflict(format!("`{path}` is not as the change left it")));
            }
            for seen in step.before.iter().chain(&step.after) {
                planned.bytes.insert(seen.sha256.clone(), self.store.bytes(&seen.sha256)?);
            }
            let (before, after) = (step.after.clone(), step.before.clone());
            planned.steps.push(Step { path: step.path.clone(), before, after, owner: step.owner });
        }
        planned.makes = self.missing(record, &planned.steps)?;
        for folder in &record.body.makes {
            if let Ok(Some(mode)) = self.tree.folder_mode(&folder.path) {
                planned.removes.push(Folder { path: folder.path.clone(), mode });
            }
        }
        Ok(planned)
    }

    /// Returns the folders that taking back has to make, each as the change found it.
    fn missing(&self, record: &Record, steps: &[Step]) -> Result<Vec<Folder>, FileError> {
        let as_found = |folder: Folder| {
            let found = record.body.removes.iter().find(|removed| removed.path == folder.path);
            found.cloned().unwrap_or(folder)
        };
        let missing = missing_above(&self.tree, steps).map_err(|error| match error {
            FileError::Path { path, why } => FileError::Conflict(format!("`{path}` {why}")),
            other => other,
        })?;
        Ok(missing.into_iter().map(as_found).collect())
    }

    /// Reads a file, and keeps its bytes if they are not too many.
    pub fn file(&self, path: &Place) -> Result<super::tree::Found, FileError> {
        match self.tree.current(path, self.limits.bytes_max)? {
            Current::File(found) => Ok(found),
            Current::Absent => Err(FileError::Missing(path.as_str().to_owned())),
            Current::Other(why) => Err(FileError::path(path.as_str(), why)),
        }
    }
}

/// Returns the name under which a file is written before it is put in its place.
fn beside(record: &Record, at: usize) -> String {
    format!("{}{}-{at}", super::path::OURS, record.number)
}
