//! The server, held for one call: changes, what stands of them, and their taking back.

use std::time::Duration;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::declared::{Declared, Method, Operation, filled};
use super::error::HttpError;
use super::exchange::{Exchange, Seen, Sending, Sent};
use super::shown::Changed;
use super::store::{Body, Draft, Known, Record, State, Store};
use crate::changes::{Entry, Standing};
use crate::lock::Lock;

type Done<T> = Result<T, HttpError>;

/// Is how long is waited before it is looked what came of a request whose answer was lost.
const PAUSE: Duration = Duration::from_millis(200);

/// Is a server with its store, as long as no other process may use them.
pub struct Held<'a> {
    pub exchange: &'a Exchange,
    pub store: &'a mut Store,
    pub declared: &'a Declared,
    pub now_ms: i64,
    pub _lock: Lock,
}

/// Is one operation with its arguments.
pub struct Call<'a> {
    pub name: &'a str,
    pub operation: &'a Operation,
    pub arguments: &'a Map<String, Value>,
    pub resource: String,
}

impl<'a> Call<'a> {
    /// Reads a call.
    pub fn of(declared: &'a Declared, name: &'a str, arguments: &'a Map<String, Value>) -> Done<Self> {
        let operation = declared.operation(name)?;
        operation.takes(arguments, true)?;
        let resource = operation.path(&operation.resource, arguments)?;
        Ok(Self { name, operation, arguments, resource })
    }

    fn sending(&self) -> Done<Sending> {
        let Operation { change, .. } = self.operation;
        let path = match &change.path {
            Some(path) => self.operation.path(path, self.arguments)?,
            None => self.resource.clone(),
        };
        let body = change.body.as_ref().map(|body| filled(body, self.arguments, None)).transpose()?;
        Ok(Sending::of(change.method, path, body))
    }

    fn asked(&self) -> String {
        let asked = types::json::canonical(&json!({ "operation": self.name, "arguments": self.arguments }));
        hex::encode(Sha256::digest(asked.as_bytes()))
    }
}

impl Held<'_> {
    /// Finishes what somebody has left unfinished, by what is there now.
    pub fn settle(&mut self) -> Done<()> {
        for record in self.store.kept.prepared()? {
            let now = self.exchange.look(&record.body.resource)?;
            self.conclude(&record, &now)?;
        }
        Ok(())
    }

    /// Says what became of a request whose answer nobody has, by what is there now: nothing, it was done, or nobody can tell.
    fn conclude(&mut self, record: &Record, now: &Seen) -> Done<Option<State>> {
        let operation = self.declared.operation(&record.body.operation)?.clone();
        if now.is(&record.body.before, &operation) {
            self.store.kept.drop_entry(record.number)?;
            return Ok(None);
        }
        let is_made = expected(&record.body).is_some_and(|made| made.is(now, &operation));
        let state = if is_made { State::Done } else { State::Stuck };
        self.ended(record, state, now, &operation)?;
        Ok(Some(state))
    }

    fn ended(&mut self, record: &Record, state: State, now: &Seen, operation: &Operation) -> Done<Changed> {
        let body = &record.body;
        let answer = Changed::between(&body.operation, &body.resource, operation, &body.before, now.body.as_ref());
        let body = Body { after: Some(now.clone()), answer: Some(answer.clone()), ..body.clone() };
        self.store.end(record.number, state, &body, &now.digest(operation))?;
        Ok(answer)
    }

    /// Says what an operation would do; no differences where its request does not tell.
    pub fn plan(&self, call: &Call<'_>) -> Done<(Sending, Option<Changed>)> {
        let (before, sending) = (self.exchange.look(&call.resource)?, call.sending()?);
        let between =
            |made: Seen| Changed::between(call.name, &call.resource, call.operation, &before, made.body.as_ref());
        let changed = makes(&sending, &call.resource, &before).map(between);
        Ok((sending, changed))
    }

    /// Makes a change once under a key.
    pub fn change(&mut self, key: &str, call: &Call<'_>) -> Done<Changed> {
        let asked = call.asked();
        if let Some(record) = self.store.kept.find(key)? {
            return repeated(&record, None, &asked);
        }
        let before = self.exchange.look(&call.resource)?;
        guarded(call.operation, &call.resource, &before)?;
        let draft = Draft { key, undoes: None, asked: &asked };
        let body = Body {
            operation: call.name.to_owned(),
            arguments: call.arguments.clone(),
            resource: call.resource.clone(),
            sending: call.sending()?,
            before,
            wanted: None,
            after: None,
            answer: None,
        };
        self.send(&draft, body, call.operation)
    }

    /// Takes a change back under a key of its own, if what it left still stands.
    pub fn undo(&mut self, key: &str, undo: &str) -> Done<Changed> {
        if let Some(record) = self.store.kept.find(undo)? {
            return repeated(&record, Some(key), "");
        }
        let Some(record) = self.store.kept.find(key)?.filter(|record| record.undoes.is_none()) else {
            return Err(HttpError::Unknown(key.to_owned()));
        };
        if self.store.kept.undoer(key)?.is_some() {
            return Err(HttpError::Conflict(format!("`{key}` was taken back already")));
        }
        let Body { operation: name, arguments, resource, before, after, .. } = record.body;
        let operation = self.declared.operation(&name)?;
        let Some(after) = after.filter(|_| record.state == State::Done) else {
            return Err(HttpError::Conflict(format!("nobody knows what `{key}` left")));
        };
        let now = self.exchange.look(&resource)?;
        if !now.is(&after, operation) {
            let differs = Changed::between(&name, &resource, operation, &after, now.body.as_ref()).in_words();
            return Err(HttpError::Conflict(format!("it is no longer what the change left: {differs}")));
        }
        guarded(operation, &resource, &now)?;
        let sending = taking_back(operation, &arguments, &resource, &before)?;
        let draft = Draft { key: undo, undoes: Some(key), asked: "" };
        let body = Body {
            operation: name,
            arguments,
            resource,
            sending,
            before: now,
            wanted: Some(before),
            after: None,
            answer: None,
        };
        let operation = operation.clone();
        self.send(&draft, body, &operation)
    }

    /// Sends a request, of which everything is on the disk that is needed to judge and take it back.
    fn send(&mut self, draft: &Draft<'_>, body: Body, operation: &Operation) -> Done<Changed> {
        let record = self.store.begin(self.now_ms, draft, body)?;
        let sent = self.exchange.send(&record.body.sending, &record.body.before, operation, draft.key);
        if let Sent::Unknown(_) = sent {
            std::thread::sleep(PAUSE);
        }
        // From here on something may have been done: whatever fails but the request leaves that open.
        let now = self.exchange.look(&record.body.resource).map_err(|error| HttpError::InDoubt(error.to_string()))?;
        match sent {
            Sent::Changed => {
                self.store.kept.drop_entry(record.number).map_err(open)?;
                Err(HttpError::State(format!("somebody changed `{}` meanwhile", record.body.resource)))
            }
            Sent::Done(version) => self.done(&record, &now, version.as_ref(), operation),
            Sent::Refused(status) => match self.conclude(&record, &now).map_err(open)? {
                None => Err(HttpError::Refused(status)),
                Some(_) => {
                    let resource = &record.body.resource;
                    Err(HttpError::Invalid(format!(
                        "the server answered with status {status}, and `{resource}` is another"
                    )))
                }
            },
            Sent::Unknown(why) => match self.conclude(&record, &now).map_err(open)? {
                None => Err(HttpError::Unavailable(format!("{why}; nothing was done"))),
                Some(State::Done) => {
                    let Body { operation: name, resource, before, .. } = &record.body;
                    Ok(Changed::between(name, resource, operation, before, now.body.as_ref()))
                }
                Some(_) => Err(HttpError::InDoubt(why)),
            },
        }
    }

    /// Ends what the server says that it did, by what is there now.
    ///
    /// Somebody may have come in between the request and the look. What is there is then not this change's own, and taking it back would take theirs along.
    fn done(&mut self, record: &Record, now: &Seen, version: Option<&String>, operation: &Operation) -> Done<Changed> {
        let is_made = expected(&record.body).is_some_and(|made| made.is(now, operation));
        let (told, seen) = (version.is_some(), version == now.etag.as_ref());
        let is_own = is_made || (told && seen) || !operation.etag;
        let is_undo = record.body.wanted.is_some();
        let is_back = is_made || (is_undo && told && !seen);
        let state = if if is_undo { is_back } else { is_own } { State::Done } else { State::Stuck };
        let answer = self.ended(record, state, now, operation).map_err(open)?;
        if !is_undo || is_back {
            return Ok(answer);
        }
        let resource = &record.body.resource;
        Err(HttpError::Invalid(format!("`{resource}` is not what it was before, though the server took it back")))
    }

    /// Says whether a change is in effect, and whether what it left stands.
    pub fn standing(&self, key: &str) -> Done<Standing> {
        let Some(record) = self.store.kept.find(key)? else { return Ok(Standing::NOT) };
        let undoer = self.store.kept.undoer(key)?;
        if undoer.as_ref().is_some_and(|undoer| undoer.state == State::Done) {
            return Ok(Standing::NOT);
        }
        let applied = |stands: bool, digest: String| Standing::Applied {
            applied: true,
            stands,
            differing: usize::from(!stands),
            of: 1,
            digest,
        };
        let Some(after) = record.body.after.as_ref().filter(|_| record.state == State::Done && undoer.is_none()) else {
            return Ok(applied(false, String::new()));
        };
        let operation = self.declared.operation(&record.body.operation)?;
        let now = self.exchange.look(&record.body.resource)?;
        Ok(applied(now.is(after, operation), after.digest(operation)))
    }

    /// Looks at every resource that was changed here, and lists what changed, also around us.
    pub fn entries(&mut self, after: i64, most: i64) -> Done<Vec<Entry>> {
        for known in self.store.known()? {
            let operation = self.declared.operation(&known.operation)?;
            let digest = self.exchange.look(&known.resource)?.digest(operation);
            if digest != known.digest {
                self.store.saw(self.now_ms, &Known { digest, ..known })?;
            }
        }
        Ok(self.store.kept.entries(after, most)?)
    }
}

/// Says that nobody knows, where what came of a request could not be kept.
fn open(error: impl std::fmt::Display) -> HttpError {
    HttpError::InDoubt(error.to_string())
}

/// Answers a key that came before.
fn repeated(record: &Record, undoes: Option<&str>, asked: &str) -> Done<Changed> {
    if record.undoes.as_deref() != undoes || record.asked != asked {
        return Err(HttpError::KeyTaken(record.key.clone()));
    }
    match (&record.body.answer, record.state) {
        (Some(answer), State::Done) => Ok(answer.clone()),
        _ => Err(HttpError::State("nobody knows what an earlier try under this key has left".to_owned())),
    }
}

/// Demands a version of what is there, so that nobody is overwritten who comes in between.
fn guarded(operation: &Operation, resource: &str, seen: &Seen) -> Done<()> {
    if !operation.etag || seen.body.is_none() || seen.etag.is_some() {
        return Ok(());
    }
    let why = "so somebody could be overwritten unseen; the operation says `etag = false` if that is bearable";
    Err(HttpError::Invalid(format!("the server tells no strong `ETag` of `{resource}`, {why}")))
}

/// Writes the request that takes a change back.
fn taking_back(operation: &Operation, arguments: &Map<String, Value>, resource: &str, before: &Seen) -> Done<Sending> {
    let Some(was) = &before.body else {
        return Ok(Sending::of(Method::Delete, resource.to_owned(), None));
    };
    let Some(restore) = &operation.restore else {
        return Ok(Sending::of(Method::Put, resource.to_owned(), Some(was.clone())));
    };
    let path = match &restore.path {
        Some(path) => operation.path(path, arguments)?,
        None => resource.to_owned(),
    };
    let body = restore.body.as_ref().map(|body| filled(body, arguments, Some(was))).transpose()?;
    Ok(Sending::of(restore.method, path, body))
}

/// Returns what is to be there after a request, as far as that is known: what is wanted back, or what the request makes.
fn expected(body: &Body) -> Option<Seen> {
    body.wanted.clone().or_else(|| makes(&body.sending, &body.resource, &body.before))
}

/// Returns what a request makes of its resource, as far as its method and body tell.
fn makes(sending: &Sending, resource: &str, before: &Seen) -> Option<Seen> {
    let Sending { method, path, body: sent } = sending;
    let made = match method.as_str() {
        _ if path != resource => return None,
        "DELETE" => None,
        "PUT" => Some(sent.clone()?),
        "PATCH" => merged(before.body.as_ref(), sent.as_ref()),
        _ => return None,
    };
    Some(Seen { body: made, etag: None })
}

/// Puts the members of a body over what is there, as a merge patch does.
fn merged(whole: Option<&Value>, part: Option<&Value>) -> Option<Value> {
    match (whole, part) {
        (Some(Value::Object(whole)), Some(Value::Object(part))) => {
            let mut all = whole.clone();
            for (name, value) in part {
                match (value.is_null(), merged(whole.get(name), Some(value))) {
                    (false, Some(value)) => drop(all.insert(name.clone(), value)),
                    _ => drop(all.remove(name)),
                }
            }
            Some(Value::Object(all))
        }
        (whole, None) => whole.cloned(),
        (_, part) => part.cloned(),
    }
}
