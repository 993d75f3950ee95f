//! SQLite: rows are captured by row triggers, in the transaction that changes them.

mod literal;
mod table;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{
    Connection, InterruptHandle, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior, params_from_iter,
};
use serde_json::Value;

use super::database::{Changed, Database, Difference, Limits, Rows, TableChanged, counts};
use super::error::SqlError;
use super::images::{self, Image, Net, ORDERS, Step};
use super::statement::{Language, OURS, Statement};
use crate::changes::{Entry, Standing};
use table::{Table, quoted};

const INSTALL: &str = include_str!("install.sql");

/// Is a SQLite database.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    db: Connection,
    /// What a statement may do, and the tables it was found to change.
    watch: Arc<Mutex<Watch>>,
}

#[derive(Debug, Default)]
struct Watch {
    on: bool,
    written: Vec<String>,
}

impl Sqlite {
    /// Opens a database that is there.
    ///
    /// # Errors
    ///
    /// [`SqlError::Unreachable`] if it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, SqlError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let unreachable = |error: rusqlite::Error| SqlError::Unreachable(error.to_string());
        let mut db = Connection::open_with_flags(path, flags).map_err(unreachable)?;
        // Cascades happen, are captured, and what is acknowledged is on the disk.
        db.execute_batch("PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF")
            .map_err(unreachable)?;
        let watch = Arc::<Mutex<Watch>>::default();
        let seen = watch.clone();
        db.authorizer(Some(move |context: AuthContext<'_>| {
            authorize(&mut seen.lock().unwrap_or_else(PoisonError::into_inner), &context)
        }))
        .map_err(unreachable)?;
        Ok(Self { path: path.to_owned(), db, watch })
    }

    fn begin(&mut self, limits: &Limits) -> Result<Transaction<'_>, SqlError> {
        self.db.busy_timeout(Duration::from_millis(limits.lock_ms)).map_err(|error| failed(&error))?;
        self.db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| failed(&error))
    }

    /// Runs a statement under a key in a transaction, and says what it changed.
    fn run(
        tx: &Transaction<'_>,
        watch: &Mutex<Watch>,
        key: &str,
        statement: &Statement,
        params: &[Value],
        limits: &Limits,
    ) -> Result<Changed, SqlError> {
        tx.execute("INSERT INTO countersign_now (key) VALUES (?1)", [key]).map_err(|error| uncaptured(&error))?;
        let watching = Watching::begin(watch);
        let ran = tx.prepare(statement.text()).and_then(|mut prepared| {
            let _timer = Timer::start(tx.get_interrupt_handle(), limits.statement_ms);
            prepared.execute(params_from_iter(params.iter().map(bound)))
        });
        let written = watching.end();
        ran.map_err(|error| failed(&error))?;
        for name in written.iter().filter(|name| !is_ours(name)) {
            let captured = match Table::read(tx, name)? {
                Some(table) => table.is_captured(tx)?,
                None => false,
            };
            if !captured {
                return Err(SqlError::Uncaptured(name.clone()));
            }
            cascades_are_captured(tx, name)?;
        }
        tx.execute("DELETE FROM countersign_now", []).map_err(|error| failed(&error))?;
        summed(tx, &nets(tx, key)?, limits)
    }
}

impl Database for Sqlite {
    fn language(&self) -> Language {
        Language::Sqlite
    }

    fn query(&mut self, statement: &Statement, params: &[Value], limits: &Limits) -> Result<Rows, SqlError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db =
            Connection::open_with_flags(&self.path, flags).map_err(|error| SqlError::Unreachable(error.to_string()))?;
        db.busy_timeout(Duration::from_millis(limits.lock_ms)).map_err(|error| failed(&error))?;
        let _timer = Timer::start(db.get_interrupt_handle(), limits.statement_ms);
        let mut prepared = db.prepare(statement.text()).map_err(|error| failed(&error))?;
        if !prepared.readonly() {
            return Err(SqlError::Refused("it changes rows; use `change`".to_owned()));
        }
        let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
        let mut found = prepared.query(params_from_iter(params.iter().map(bound))).map_err(|error| failed(&error))?;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(row) = found.next().map_err(|error| failed(&error))? {
            if rows.len() == limits.told_max || bytes > limits.told_bytes_max {
                return Ok(Rows { rows, truncated: true });
            }
            let member = |(at, name): (usize, &String)| Some((name.clone(), literal::shown(row.get_ref(at).ok()?)));
            let row: Value = names.iter().enumerate().filter_map(member).collect::<serde_json::Map<_, _>>().into();
            bytes += row.to_string().len();
            rows.push(row);
        }
        Ok(Rows { rows, truncated: false })
    }

    fn plan(&mut self, statement: &Statement, params: &[Value], limits: &Limits) -> Result<Changed, SqlError> {
        let watch = self.watch.clone();
        // Dropped, so rolled back.
        let tx = self.begin(limits)?;
        Self::run(&tx, &watch, "plan", statement, params, limits)
    }

    fn change(
        &mut self,
        key: &str,
        statement: &Statement,
        params: &[Value],
        limits: &Limits,
    ) -> Result<Changed, SqlError> {
        let watch = self.watch.clone();
        let digest = statement.digest(params);
        let tx = self.begin(limits)?;
        if let Some(answered) = answered(&tx, key, &digest)? {
            return Ok(answered);
        }
        let changed = Self::run(&tx, &watch, key, statement, params, limits)?;
        note(&tx, key, None, &digest, &changed)?;
        tx.commit().map_err(|error| failed(&error))?;
        Ok(changed)
    }

    fn standing(&mut self, key: &str) -> Result<Standing, SqlError> {
        let tx = self.db.transaction().map_err(|error| failed(&error))?;
        let Some((Changed { rows: of, digest, .. }, None)) = made(&tx, key)? else { return Ok(Standing::NOT) };
        let nets = nets(&tx, key)?;
        if images::digest(&nets) != digest {
            return Ok(Standing::Applied { applied: true, stands: false, differing: of, of, digest });
        }
        let mut differing = 0;
        for (name, net) in &nets {
            differing += match Table::read(&tx, name)? {
                Some(table) => table.differing(&tx, net)?,
                None => net.after.len().max(net.before.len()),
            };
        }
        Ok(Standing::Applied { applied: true, stands: differing == 0, differing, of, digest })
    }

    fn undo(&mut self, key: &str, undo: &str, limits: &Limits) -> Result<Changed, SqlError> {
        let digest = format!("undo {key}");
        let mut tx = self.begin(limits)?;
        if let Some(answered) = answered(&tx, undo, &digest)? {
            return Ok(answered);
        }
        let undoes = "SELECT undoes FROM countersign_change WHERE key = ?1 AND undoes IS NOT NULL";
        let undoes: Option<String> =
            tx.query_row(undoes, [key], |row| row.get(0)).optional().map_err(|error| uncaptured(&error))?;
        if let Some(of) = undoes {
            return Err(SqlError::Refused(format!("it takes `{of}` back, and is not taken back itself")));
        }
        let answer = match made(&tx, key)? {
            None => return Err(SqlError::Unknown(key.to_owned())),
            Some((_, Some(by))) => return Err(SqlError::Conflict(format!("it was taken back already, by `{by}`"))),
            Some((answer, None)) => answer,
        };
        let nets = nets(&tx, key)?;
        if images::digest(&nets) != answer.digest {
            return Err(SqlError::Conflict("what is kept of it is not what it changed".to_owned()));
        }
        let changed = restored(&mut tx, &nets, undo, limits)?;
        note(&tx, undo, Some(key), &digest, &changed)?;
        tx.commit().map_err(|error| failed(&error))?;
        Ok(changed)
    }

    fn entries(&mut self, after: i64, limit: i64) -> Result<Vec<Entry>, SqlError> {
        // Without a key a run of images that follow upon each other is told as one: which transactions those were nobody knows.
        let text = "WITH marked AS (
                SELECT *, sum(fresh) OVER (ORDER BY number) AS run FROM (
                    SELECT *, change IS NOT lag(change) OVER (ORDER BY number) OR change IS NULL AND at IS NOT lag(at) OVER (ORDER BY number) AS fresh
                    FROM countersign_image WHERE number > ?1))
            SELECT max(m.number), min(m.at), m.change, c.undoes, json_group_array(DISTINCT m.tab)
            FROM marked m LEFT JOIN countersign_change c ON c.key = m.change GROUP BY m.run ORDER BY 1 LIMIT ?2";
        let mut prepared = self.db.prepare(text).map_err(|error| uncaptured(&error))?;
        let read = |row: &rusqlite::Row<'_>| {
            let tables: String = row.get(4)?;
            let mut what: Vec<String> = serde_json::from_str(&tables).unwrap_or_default();
            what.sort_unstable();
            Ok(Entry { number: row.get(0)?, at: row.get(1)?, change: row.get(2)?, undoes: row.get(3)?, by: None, what })
        };
        let entries = prepared.query_map([after, limit], read).and_then(Iterator::collect);
        entries.map_err(|error| failed(&error))
    }

    fn capture(&mut self, tables: &[String]) -> Result<(), SqlError> {
        let tx = self.begin(&Limits::default())?;
        tx.execute_batch(INSTALL).map_err(|error| failed(&error))?;
        for name in tables {
            if is_ours(name) {
                return Err(SqlError::Refused(format!("`{name}` is where changes are captured")));
            }
            let table = Table::read(&tx, name)?;
            let table =
                table.ok_or_else(|| SqlError::Refused(format!("`{name}` is no table, or has no primary key")))?;
            for (trigger, text) in table.triggers() {
                tx.execute_batch(&format!("DROP TRIGGER IF EXISTS {}; {text}", quoted(&trigger)))
                    .map_err(|error| failed(&error))?;
            }
        }
        tx.commit().map_err(|error| failed(&error))
    }
}

/// Writes every row as it was, if each is as the change left it.
fn restored(
    tx: &mut Transaction<'_>,
    nets: &[(String, Net)],
    undo: &str,
    limits: &Limits,
) -> Result<Changed, SqlError> {
    let mut tables = Vec::new();
    for (name, net) in nets {
        let gone = || SqlError::Conflict(format!("`{name}` is not there, or has no primary key"));
        let table = Table::read(tx, name)?.ok_or_else(gone)?;
        if !table.is_captured(tx)? {
            return Err(SqlError::Uncaptured(name.clone()));
        }
        cascades_are_captured(tx, name)?;
        let differing = table.differing(tx, net)?;
        if differing > 0 {
            return Err(SqlError::Conflict(format!("{differing} rows of `{name}` are not as the change left them")));
        }
        tables.push((table, net));
    }
    let inverse = images::inverse(nets);
    let mut refused = None;
    for order in ORDERS {
        let attempt = tx.savepoint().map_err(|error| failed(&error))?;
        match in_order(&attempt, undo, &tables, order, &inverse) {
            Ok(()) => {
                attempt.commit().map_err(|error| failed(&error))?;
                return summed(tx, &inverse, limits);
            }
            // Something has ended the whole transaction, and with it the look under its lock.
            Err(_) if attempt.is_autocommit() => {
                return Err(SqlError::Conflict("a trigger or a constraint rolls everything back".to_owned()));
            }
            // Dropped, so rolled back.
            Err(SqlError::Conflict(why)) => refused = refused.or(Some(SqlError::Conflict(why))),
            Err(error) => return Err(error),
        }
    }
    Err(refused.unwrap_or_else(|| SqlError::Conflict("nothing is to be taken back".to_owned())))
}

/// Writes the rows in one order, and demands that nothing but them became another.
fn in_order(
    db: &Connection,
    undo: &str,
    tables: &[(Table, &Net)],
    order: [Step; 3],
    inverse: &[(String, Net)],
) -> Result<(), SqlError> {
    db.execute("INSERT INTO countersign_now (key) VALUES (?1)", [undo]).map_err(|error| failed(&error))?;
    // Who refers to whom is judged at the end.
    db.execute_batch("PRAGMA defer_foreign_keys = ON").map_err(|error| failed(&error))?;
    for step in order {
        for (table, net) in tables.iter().rev() {
            table.restore(db, net, step)?;
        }
    }
    db.execute("DELETE FROM countersign_now", []).map_err(|error| failed(&error))?;
    if images::digest(&nets(db, undo)?) != images::digest(inverse) {
        let why = "taking it back would change more, or other rows, than those it changed";
        return Err(SqlError::Conflict(why.to_owned()));
    }
    Ok(())
}

/// Demands that tables which follow a table by themselves are captured too.
fn cascades_are_captured(tx: &Transaction<'_>, name: &str) -> Result<(), SqlError> {
    let text = "SELECT DISTINCT m.name FROM sqlite_master m, pragma_foreign_key_list(m.name) f
                WHERE m.type = 'table' AND lower(f.\"table\") = lower(?1)
                  AND (f.on_delete NOT IN ('NO ACTION', 'RESTRICT') OR f.on_update NOT IN ('NO ACTION', 'RESTRICT'))";
    let mut prepared = tx.prepare_cached(text).map_err(|error| failed(&error))?;
    let names = prepared.query_map([name], |row| row.get::<_, String>(0)).and_then(Iterator::collect);
    let names: Vec<String> = names.map_err(|error| failed(&error))?;
    for follower in names {
        let table = Table::read(tx, &follower)?;
        if !table.map_or(Ok(false), |table| table.is_captured(tx))? {
            return Err(SqlError::Uncaptured(follower));
        }
    }
    Ok(())
}

fn summed(tx: &Transaction<'_>, nets: &[(String, Net)], limits: &Limits) -> Result<Changed, SqlError> {
    let (mut tables, mut differences) = (Vec::new(), Vec::new());
    for (name, net) in nets {
        let table = Table::read(tx, name)?.ok_or_else(|| SqlError::Uncaptured(name.clone()))?;
        let pairs = table.pairs(net)?;
        let both = pairs.iter().filter(|(before, after)| before.is_some() && after.is_some()).count();
        tables.push(TableChanged { table: name.clone(), counts: counts(net, both) });
        let left = limits.shown_max.saturating_sub(differences.len());
        differences.extend(pairs.iter().take(left).map(|(before, after)| Difference {
            table: name.clone(),
            before: before.as_ref().map(|row| table.shown(row)),
            after: after.as_ref().map(|row| table.shown(row)),
        }));
    }
    let rows = tables.iter().map(|table| table.counts.rows()).sum();
    if rows > limits.rows_max {
        return Err(SqlError::TooMany { rows, max: limits.rows_max });
    }
    Ok(Changed { rows, tables, digest: images::digest(nets), differences })
}

/// Reads what was changed under a key.
fn nets(tx: &Connection, key: &str) -> Result<Vec<(String, Net)>, SqlError> {
    let text = "SELECT tab, before, after FROM countersign_image WHERE change = ?1 ORDER BY number";
    let mut prepared = tx.prepare_cached(text).map_err(|error| failed(&error))?;
    let read = |row: &rusqlite::Row<'_>| Ok(Image { table: row.get(0)?, before: row.get(1)?, after: row.get(2)? });
    let images: Result<Vec<_>, _> = prepared.query_map([key], read).and_then(Iterator::collect);
    Ok(images::net(&images.map_err(|error| failed(&error))?))
}

/// Returns what was answered when a change was made, and what took it back.
fn made(tx: &Transaction<'_>, key: &str) -> Result<Option<(Changed, Option<String>)>, SqlError> {
    let text = "SELECT c.answer, u.key FROM countersign_change c LEFT JOIN countersign_change u ON u.undoes = c.key WHERE c.key = ?1";
    let row = tx.query_row(text, [key], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).optional();
    let row = row.map_err(|error| uncaptured(&error))?;
    row.map(|(answer, by)| Ok((read_answer(&answer)?, by))).transpose()
}

/// Returns what was answered under a key, if it was the same that was asked.
fn answered(tx: &Transaction<'_>, key: &str, digest: &str) -> Result<Option<Changed>, SqlError> {
    let text = "SELECT statement, answer FROM countersign_change WHERE key = ?1";
    let row = tx.query_row(text, [key], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).optional();
    match row.map_err(|error| uncaptured(&error))? {
        Some((asked, _)) if asked != digest => Err(SqlError::KeyTaken(key.to_owned())),
        Some((_, answer)) => read_answer(&answer).map(Some),
        None => Ok(None),
    }
}

fn read_answer(text: &str) -> Result<Changed, SqlError> {
    serde_json::from_str(text).map_err(|error| SqlError::Database(error.to_string()))
}

/// Notes a change under its key, in its own transaction.
fn note(
    tx: &Transaction<'_>,
    key: &str,
    undoes: Option<&str>,
    digest: &str,
    changed: &Changed,
) -> Result<(), SqlError> {
    let answer = serde_json::to_string(changed).map_err(|error| SqlError::Database(error.to_string()))?;
    let text = "INSERT INTO countersign_change (key, undoes, statement, answer) VALUES (?1, ?2, ?3, ?4)";
    tx.execute(text, (key, undoes, digest, &answer)).map(drop).map_err(|error| failed(&error))
}

fn is_ours(table: &str) -> bool {
    table.to_ascii_lowercase().starts_with(OURS)
}

/// Says what a statement of a caller may do: read and change rows, and of ours nothing by itself. What its triggers write is noted.
fn authorize(watch: &mut Watch, context: &AuthContext<'_>) -> Authorization {
    if !watch.on {
        return Authorization::Allow;
    }
    match context.action {
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name } => {
            let by_trigger = context.accessor.is_some_and(is_ours);
            if is_ours(table_name) && !by_trigger {
                return Authorization::Deny;
            }
            if !watch.written.iter().any(|name| name == table_name) {
                watch.written.push(table_name.to_owned());
            }
            Authorization::Allow
        }
        AuthAction::Function { function_name } if function_name.eq_ignore_ascii_case("load_extension") => {
            Authorization::Deny
        }
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Function { .. } | AuthAction::Recursive => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

/// Watches what a statement does, until it is dropped.
struct Watching<'a>(&'a Mutex<Watch>);

impl<'a> Watching<'a> {
    fn begin(watch: &'a Mutex<Watch>) -> Self {
        *watch.lock().unwrap_or_else(PoisonError::into_inner) = Watch { on: true, written: Vec::new() };
        Self(watch)
    }

    fn end(self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).written)
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).on = false;
    }
}

/// Interrupts a statement that runs too long, unless it is dropped before.
struct Timer(Option<std::sync::mpsc::Sender<()>>);

impl Timer {
    fn start(handle: InterruptHandle, ms: u64) -> Self {
        let (done, ended) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            if ended.recv_timeout(Duration::from_millis(ms)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                handle.interrupt();
            }
        });
        Self(Some(done))
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.take();
    }
}

/// Binds a parameter given as JSON.
fn bound(value: &Value) -> rusqlite::types::Value {
    use rusqlite::types::Value as Bound;
    match value {
        Value::Null => Bound::Null,
        Value::Bool(is) => Bound::Integer(i64::from(*is)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Bound::Integer(whole),
            (None, Some(real)) => Bound::Real(real),
            (None, None) => Bound::Text(number.to_string()),
        },
        Value::String(text) => Bound::Text(text.clone()),
        other => Bound::Text(other.to_string()),
    }
}

/// A database in which nothing is captured yet has none of our tables.
fn uncaptured(error: &rusqlite::Error) -> SqlError {
    match error.to_string().contains("no such table: countersign_") {
        true => SqlError::Uncaptured("the database".to_owned()),
        false => failed(error),
    }
}

fn failed(error: &rusqlite::Error) -> SqlError {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DiskFull, NotADatabase, SystemIoFailure};
    match error.sqlite_error_code() {
        Some(CannotOpen | DatabaseBusy | DiskFull | NotADatabase | SystemIoFailure) => {
            SqlError::Unreachable(error.to_string())
        }
        _ => SqlError::Database(error.to_string()),
    }
}
