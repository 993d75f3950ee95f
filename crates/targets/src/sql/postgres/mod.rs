//! PostgreSQL: rows are captured by statement triggers, in the transaction that changes them.

mod entries;
mod install;
mod table;
mod value;

use std::collections::BTreeMap;
use std::error::Error as _;

use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::ToSql;
use postgres::{Client, Config, IsolationLevel, Transaction};
use rustls_platform_verifier::ConfigVerifierExt as _;
use serde_json::Value;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::database::{Changed, Database, Difference, Limits, Rows, TableChanged, counts};
use super::error::SqlError;
use super::images::{self, Image, Net, ORDERS, Step};
use super::statement::{Language, Statement};
use crate::changes::{Entry, Standing};
use table::{ROW, Table};
use value::Param;

/// Makes texts of rows that do not depend on the session, as the triggers do.
const PLAIN: &str = "SET LOCAL search_path = pg_catalog; SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL intervalstyle = 'postgres';
    SET LOCAL timezone = 'UTC'; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL lc_monetary = 'C'";

/// Makes a session as if it had just begun.
const FRESH: &str = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; SELECT pg_catalog.pg_advisory_unlock_all(); UNLISTEN *; CLOSE ALL";

/// Is a PostgreSQL database, connected to when it is asked.
pub struct Postgres {
    config: Config,
    client: Option<Client>,
}

impl Postgres {
    /// Names a database.
    ///
    /// - `url`: as libpq reads it: `postgresql://ROLE:PASSWORD@HOST/DATABASE`, or words with `=`.
    ///
    /// # Errors
    ///
    /// [`SqlError::Arguments`] if it cannot be read.
    pub fn new(url: &str) -> Result<Self, SqlError> {
        // The reason could repeat the password.
        let wrong = |_| SqlError::Arguments("the address of the database cannot be read".to_owned());
        let mut config: Config = url.parse().map_err(wrong)?;
        if config.get_application_name().is_none() {
            config.application_name("countersign");
        }
        Ok(Self { config, client: None })
    }

    fn client(&mut self) -> Result<&mut Client, SqlError> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            let tls = rustls::ClientConfig::with_platform_verifier();
            let tls = tls.map_err(|error| SqlError::Unreachable(format!("TLS cannot be used: {error}")))?;
            let client = self.config.connect(MakeRustlsConnect::new(tls));
            self.client = Some(client.map_err(|error| SqlError::Unreachable(told(&error)))?);
        }
        self.client.as_mut().ok_or_else(|| SqlError::Unreachable("there is no connection".to_owned()))
    }

    fn transaction(&mut self, reads: bool, limits: &Limits) -> Result<Transaction<'_>, SqlError> {
        // What a statement before has set for its session is gone.
        let client = self.client()?;
        client
            .batch_execute(FRESH)
            .and_then(|()| client.batch_execute("DISCARD TEMP"))
            .map_err(|error| failed(&error))?;
        let set = format!(
            "SET LOCAL standard_conforming_strings = on; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}",
            limits.statement_ms, limits.lock_ms
        );
        let level = if reads { IsolationLevel::RepeatableRead } else { IsolationLevel::ReadCommitted };
        let tx = self.client()?.build_transaction().isolation_level(level).read_only(reads).start();
        let mut tx = tx.map_err(|error| failed(&error))?;
        tx.batch_execute(&set).map_err(|error| failed(&error))?;
        Ok(tx)
    }

    /// Asks again over a new connection if the old one is gone: what was committed is found under its key, and what was not is made now.
    fn twice<T>(&mut self, ask: impl Fn(&mut Self) -> Result<T, SqlError>) -> Result<T, SqlError> {
        let first = match ask(self) {
            Err(gone @ (SqlError::Unreachable(_) | SqlError::InDoubt(_))) => gone,
            other => return other,
        };
        self.client = None;
        ask(self).map_err(|second| match (first, second) {
            // What the second try does not reach leaves the first in doubt.
            (SqlError::InDoubt(_), SqlError::Unreachable(why)) => SqlError::InDoubt(why),
            (_, second) => second,
        })
    }

    fn read(&mut self, statement: &Statement, params: &[Value], limits: &Limits) -> Result<Rows, SqlError> {
        let mut tx = self.transaction(true, limits)?;
        let text = statement.text().trim().trim_end_matches(';');
        let most = limits.told_max.saturating_add(1);
        // No column is called so, which would be told instead of the row.
        let wrapped = format!("SELECT to_jsonb({ROW})::text FROM ({text}\n) AS {ROW} LIMIT {most}");
        let params: Vec<_> = params.iter().map(Param).collect();
        let mut found = tx.query_raw(&wrapped, given(&params)).map_err(|error| failed(&error))?;
        let (mut rows, mut bytes, mut truncated) = (Vec::new(), 0, false);
        while let Some(row) = found.next().map_err(|error| failed(&error))? {
            let text: &str = row.get(0);
            bytes += text.len();
            truncated = rows.len() == limits.told_max || bytes > limits.told_bytes_max;
            if truncated {
                break;
            }
            rows.push(json(text));
        }
        drop(found);
        Ok(Rows { rows, truncated })
    }

    /// Makes a change, or finds that it was made.
    fn make(
        &mut self,
        key: &str,
        statement: &Statement,
        params: &[Value],
        limits: &Limits,
    ) -> Result<Changed, SqlError> {
        let mut tx = self.transaction(false, limits)?;
        let digest = statement.digest(params);
        if let Some(answered) = answered(&mut tx, key, &digest)? {
            return Ok(answered);
        }
        let changed = run(&mut tx, statement, params, limits)?;
        note(&mut tx, key, None, &digest, &changed)?;
        commit(tx)?;
        Ok(changed)
    }

    fn seen(&mut self, key: &str) -> Result<Standing, SqlError> {
        let mut tx = self.transaction(true, &Limits::default())?;
        plain(&mut tx)?;
        let Some(made) = made(&mut tx, key)? else { return Ok(Standing::NOT) };
        let nets = nets(&mut tx, &made.xid)?;
        let Changed { rows: of, digest, .. } = made.answer;
        if images::digest(&nets) != digest {
            return Ok(Standing::Applied { applied: true, stands: false, differing: of, of, digest });
        }
        if let Some(by) = &made.undone_by
            && is_undone(&mut tx, by, &nets)?
        {
            return Ok(Standing::NOT);
        }
        let mut differing = 0;
        for (name, net) in &nets {
            differing += match Table::read(&mut tx, name) {
                Ok(table) => table.differing(&mut tx, net, false)?,
                Err(SqlError::Conflict(_)) => net.after.len().max(net.before.len()),
                Err(error) => return Err(error),
            };
        }
        Ok(Standing::Applied { applied: true, stands: differing == 0, differing, of, digest })
    }

    fn take_back(&mut self, key: &str, undo: &str, limits: &Limits) -> Result<Changed, SqlError> {
        let mut tx = self.transaction(false, limits)?;
        plain(&mut tx)?;
        let digest = format!("undo {key}");
        if let Some(answered) = answered(&mut tx, undo, &digest)? {
            return Ok(answered);
        }
        let Some(made) = made(&mut tx, key)? else { return Err(SqlError::Unknown(key.to_owned())) };
        if let Some(of) = made.undoes {
            return Err(SqlError::Refused(format!("it takes `{of}` back, and is not taken back itself")));
        }
        let nets = nets(&mut tx, &made.xid)?;
        if images::digest(&nets) != made.answer.digest {
            let why = "what is kept of it is not what it changed, or this role may not read all of it";
            return Err(SqlError::Conflict(why.to_owned()));
        }
        if let Some(by) = made.undone_by {
            if !is_undone(&mut tx, &by, &nets)? {
                let why = format!("`{by}` says that it has taken it back, and has not: somebody holds the credential");
                return Err(SqlError::Conflict(why));
            }
            return Err(SqlError::Conflict(format!("it was taken back already, by `{by}`")));
        }
        let changed = restored(&mut tx, &nets, limits)?;
        note(&mut tx, undo, Some(key), &digest, &changed)?;
        commit(tx)?;
        Ok(changed)
    }
}

impl Database for Postgres {
    fn language(&self) -> Language {
        Language::Postgres
    }

    fn query(&mut self, statement: &Statement, params: &[Value], limits: &Limits) -> Result<Rows, SqlError> {
        self.twice(|database| database.read(statement, params, limits))
    }

    fn plan(&mut self, statement: &Statement, params: &[Value], limits: &Limits) -> Result<Changed, SqlError> {
        self.twice(|database| {
            let mut tx = database.transaction(false, limits)?;
            let changed = run(&mut tx, statement, params, limits)?;
            tx.rollback().map_err(|error| failed(&error))?;
            Ok(changed)
        })
    }

    fn change(
        &mut self,
        key: &str,
        statement: &Statement,
        params: &[Value],
        limits: &Limits,
    ) -> Result<Changed, SqlError> {
        self.twice(|database| database.make(key, statement, params, limits))
    }

    fn standing(&mut self, key: &str) -> Result<Standing, SqlError> {
        self.twice(|database| database.seen(key))
    }

    fn undo(&mut self, key: &str, undo: &str, limits: &Limits) -> Result<Changed, SqlError> {
        self.twice(|database| database.take_back(key, undo, limits))
    }

    fn entries(&mut self, after: i64, limit: i64) -> Result<Vec<Entry>, SqlError> {
        self.twice(|database| {
            let mut tx = database.transaction(true, &Limits::default())?;
            plain(&mut tx)?;
            entries::list(&mut tx, after, limit)
        })
    }

    fn capture(&mut self, tables: &[String]) -> Result<(), SqlError> {
        let mut tx = self.transaction(false, &Limits::default())?;
        install::capture(&mut tx, tables)?;
        commit(tx)
    }
}

/// Is a change that was made.
struct Made {
    xid: String,
    answer: Changed,
    undone_by: Option<String>,
    undoes: Option<String>,
}

fn made(tx: &mut Transaction<'_>, key: &str) -> Result<Option<Made>, SqlError> {
    let text = "SELECT c.xid::text, c.answer, u.key, c.undoes FROM countersign.change c LEFT JOIN countersign.change u ON u.undoes = c.key
                WHERE c.key = $1";
    let row = tx.query_opt(text, &[&key]).map_err(|error| failed(&error))?;
    let read = |row: postgres::Row| {
        Ok(Made { xid: row.get(0), answer: answer(row.get(1))?, undone_by: row.get(2), undoes: row.get(3) })
    };
    row.map(read).transpose()
}

/// Says whether a change has taken another back: whoever holds the role's credential can write that it has.
fn is_undone(tx: &mut Transaction<'_>, by: &str, nets: &[(String, Net)]) -> Result<bool, SqlError> {
    let undo = tx.query_opt("SELECT xid::text FROM countersign.change WHERE key = $1", &[&by]);
    let Some(undo) = undo.map_err(|error| failed(&error))? else { return Ok(false) };
    Ok(images::digest(&self::nets(tx, undo.get(0))?) == images::digest(&images::inverse(nets)))
}

/// Returns what was answered under a key, if it was the same that was asked.
fn answered(tx: &mut Transaction<'_>, key: &str, digest: &str) -> Result<Option<Changed>, SqlError> {
    let text = "SELECT statement, answer FROM countersign.change WHERE key = $1";
    let Some(row) = tx.query_opt(text, &[&key]).map_err(|error| failed(&error))? else { return Ok(None) };
    if row.get::<_, &str>(0) != digest {
        return Err(SqlError::KeyTaken(key.to_owned()));
    }
    answer(row.get(1)).map(Some)
}

fn answer(text: &str) -> Result<Changed, SqlError> {
    serde_json::from_str(text).map_err(|error| SqlError::Database(error.to_string()))
}

/// Writes every row as it was, if each is as the change left it.
fn restored(tx: &mut Transaction<'_>, nets: &[(String, Net)], limits: &Limits) -> Result<Changed, SqlError> {
    let mut tables = Vec::new();
    for (name, net) in nets {
        let table = Table::read(tx, name)?;
        let differing = table.differing(tx, net, true)?;
        if differing > 0 {
            return Err(SqlError::Conflict(format!("{differing} rows of `{name}` are not as the change left them")));
        }
        tables.push((table, net.clone()));
    }
    table::parents_first(tx, &mut tables)?;
    let inverse = images::inverse(nets);
    let mut refused = None;
    for order in ORDERS {
        let mut attempt = tx.transaction().map_err(|error| failed(&error))?;
        match in_order(&mut attempt, &tables, order, &inverse) {
            Ok(()) => {
                attempt.commit().map_err(|error| failed(&error))?;
                return summed(tx, &inverse, limits);
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
    tx: &mut Transaction<'_>,
    tables: &[(Table, Net)],
    order: [Step; 3],
    inverse: &[(String, Net)],
) -> Result<(), SqlError> {
    let before = touched(tx)?;
    // Triggers find what they name as they do for everybody.
    tx.batch_execute("SET LOCAL search_path TO DEFAULT").map_err(|error| failed(&error))?;
    for step in order {
        let parents_first: Vec<_> = match step {
            Step::Delete => tables.iter().rev().collect(),
            Step::Update | Step::Insert => tables.iter().collect(),
        };
        for (table, net) in parents_first {
            table.restore(tx, net, step)?;
        }
    }
    settled(tx)?;
    plain(tx)?;
    only_captured(tx, &before)?;
    if images::digest(&own_nets(tx)?) != images::digest(inverse) {
        let why = "taking it back would change more, or other rows, than those it changed";
        return Err(SqlError::Conflict(why.to_owned()));
    }
    Ok(())
}

/// Runs a statement, and says what it changed.
fn run(
    tx: &mut Transaction<'_>,
    statement: &Statement,
    params: &[Value],
    limits: &Limits,
) -> Result<Changed, SqlError> {
    let before = touched(tx)?;
    let params: Vec<_> = params.iter().map(Param).collect();
    tx.execute(statement.text(), &given(&params)).map_err(|error| failed(&error))?;
    settled(tx)?;
    plain(tx)?;
    only_captured(tx, &before)?;
    let nets = own_nets(tx)?;
    summed(tx, &nets, limits)
}

/// Sums up what was changed, within the limits.
fn summed(tx: &mut Transaction<'_>, nets: &[(String, Net)], limits: &Limits) -> Result<Changed, SqlError> {
    let (mut tables, mut differences) = (Vec::new(), Vec::new());
    for (name, net) in nets {
        let left = limits.shown_max.saturating_sub(differences.len());
        let (both, pairs) = Table::read(tx, name)?.pairs(tx, net, left)?;
        tables.push(TableChanged { table: name.clone(), counts: counts(net, both) });
        let shown = |(before, after): table::Pair| Difference {
            table: name.clone(),
            before: before.map(|row| json(&row)),
            after: after.map(|row| json(&row)),
        };
        differences.extend(pairs.into_iter().map(shown));
    }
    let rows = tables.iter().map(|table| table.counts.rows()).sum();
    if rows > limits.rows_max {
        return Err(SqlError::TooMany { rows, max: limits.rows_max });
    }
    Ok(Changed { rows, tables, digest: images::digest(nets), differences })
}

/// Counts the rows of each table that were written in this transaction, and what is not yet counted of those before it.
fn touched(tx: &mut Transaction<'_>) -> Result<BTreeMap<u32, i64>, SqlError> {
    let text = "SELECT relid, n_tup_ins + n_tup_upd + n_tup_del FROM pg_catalog.pg_stat_xact_all_tables
                WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND schemaname NOT LIKE 'pg\\_toast%'";
    let rows = tx.query(text, &[]).map_err(|error| failed(&error))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Demands that nothing was written but tables whose changes are captured, and whose images this role may read: not by a trigger, a cascade or a
/// function either. What foreign tables and emptied ones count nowhere, their locks tell.
fn only_captured(tx: &mut Transaction<'_>, before: &BTreeMap<u32, i64>) -> Result<(), SqlError> {
    let written: Vec<u32> = touched(tx)?
        .into_iter()
        .filter(|(table, count)| before.get(table) != Some(count))
        .map(|(table, _)| table)
        .collect();
    let text = "SELECT t.oid::regclass::text FROM unnest($1::oid[]) AS t (oid)
                WHERE t.oid <> 'countersign.image'::regclass AND 4 > (SELECT count(*) FROM pg_trigger g
                    WHERE g.tgrelid = t.oid AND g.tgfoid = 'countersign.capture'::regproc AND g.tgenabled = 'A'
                      AND has_table_privilege(t.oid, 'SELECT'))
                UNION ALL SELECT c.oid::regclass::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                    WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'
                      AND (c.relkind = 'f' AND l.mode = 'RowExclusiveLock' OR l.mode = 'AccessExclusiveLock')
                UNION ALL SELECT 'a server with `track_counts` off' WHERE current_setting('track_counts') <> 'on'";
    let rows = tx.query(text, &[&written]).map_err(|error| failed(&error))?;
    match rows.first() {
        Some(row) => Err(SqlError::Uncaptured(row.get(0))),
        None => Ok(()),
    }
}

fn own_nets(tx: &mut Transaction<'_>) -> Result<Vec<(String, Net)>, SqlError> {
    let row = tx.query_one("SELECT pg_current_xact_id()::text", &[]).map_err(|error| failed(&error))?;
    nets(tx, row.get(0))
}

/// Reads what a transaction changed.
fn nets(tx: &mut Transaction<'_>, xid: &str) -> Result<Vec<(String, Net)>, SqlError> {
    let text = "SELECT tab::text, before, after FROM countersign.image WHERE xid = $1::text::xid8 ORDER BY number";
    let rows = tx.query(text, &[&xid]).map_err(|error| failed(&error))?;
    let read = |row: &postgres::Row| Image { table: row.get(0), before: row.get(1), after: row.get(2) };
    Ok(images::net(&rows.iter().map(read).collect::<Vec<_>>()))
}

/// Notes a change under its key, in its own transaction.
fn note(
    tx: &mut Transaction<'_>,
    key: &str,
    undoes: Option<&str>,
    digest: &str,
    changed: &Changed,
) -> Result<(), SqlError> {
    let answer = serde_json::to_string(changed).map_err(|error| SqlError::Database(error.to_string()))?;
    let text = "INSERT INTO countersign.change (key, undoes, statement, answer) VALUES ($1, $2, $3, $4)";
    tx.execute(text, &[&key, &undoes, &digest, &answer]).map(drop).map_err(|error| failed(&error))
}

fn commit(tx: Transaction<'_>) -> Result<(), SqlError> {
    tx.commit().map_err(|error| match failed(&error) {
        SqlError::Database(said) => SqlError::Database(said),
        _ => SqlError::InDoubt(format!("the connection was lost while it was committed: {}", told(&error))),
    })
}

/// Has everything happen that waits for the end of the transaction: constraints are judged, and their triggers run.
fn settled(tx: &mut Transaction<'_>) -> Result<(), SqlError> {
    tx.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").map_err(|error| match failed(&error) {
        SqlError::Database(said) => SqlError::Conflict(said),
        other => other,
    })
}

fn plain(tx: &mut Transaction<'_>) -> Result<(), SqlError> {
    tx.batch_execute(PLAIN).map_err(|error| failed(&error))
}

fn given<'a>(params: &'a [Param<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Tells what went wrong: what the database said, or that it is not there.
fn failed(error: &postgres::Error) -> SqlError {
    let lost = |code: &str| code.starts_with("08") || code.starts_with("57P0");
    match error.as_db_error() {
        Some(said) if !lost(said.code().code()) => {
            SqlError::Database(format!("{} ({})", said.message(), said.code().code()))
        }
        None if error.source().is_some_and(|source| !source.is::<std::io::Error>()) => SqlError::Arguments(told(error)),
        _ => SqlError::Unreachable(told(error)),
    }
}

fn told(error: &postgres::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
