//! The service inventory: a SQLite database that the demo's MCP server reads and changes.
//!
//! It is somebody else's system, as far as Countersign is concerned, and so this is the one place outside `store`
//! that speaks SQL. An attacker who controls the file controls what the demo shows, and nothing else.

mod error;
mod rows;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Params, Row, Transaction, TransactionBehavior, params};

pub use error::InventoryError;
pub use rows::{Mail, MailStatus, Report, SchemaChange, Service};

/// Is the most replicas a service can have.
pub const REPLICAS_MAX: i64 = 200;

const SEED: &str = include_str!("seed.sql");

const POISON: &str = "poison";

/// Is how long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// Creates the database, or puts an existing one back to the state the story starts from.
///
/// # Errors
///
/// [`InventoryError::Database`] if the file cannot be created or written.
pub fn seed(db: &Path) -> Result<(), InventoryError> {
    let mut connection = Connection::open(db)?;
    connection.busy_timeout(BUSY)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(SEED)?;
    Ok(transaction.commit()?)
}

/// Plays the rug pull, or takes it back: from now on the server lists one tool with another description.
///
/// # Errors
///
/// [`InventoryError::Database`] if the database cannot be written.
pub fn poison(db: &Path, on: bool) -> Result<(), InventoryError> {
    let inventory = Inventory::open(db)?;
    let statement =
        if on { "INSERT OR REPLACE INTO meta VALUES (?1, 'on')" } else { "DELETE FROM meta WHERE key = ?1" };
    inventory.connection.execute(statement, params![POISON])?;
    Ok(())
}

/// Is an open inventory.
#[derive(Debug)]
pub struct Inventory {
    connection: Connection,
}

impl Inventory {
    /// Opens a database that [`seed`] has made.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Database`] if there is none.
    pub fn open(db: &Path) -> Result<Self, InventoryError> {
        let connection = Connection::open_with_flags(db, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(BUSY)?;
        Ok(Self { connection })
    }

    /// Returns all services in order of name.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Database`].
    pub fn services(&self) -> Result<Vec<Service>, InventoryError> {
        let mut statement =
            self.connection.prepare(&format!("SELECT {} FROM services ORDER BY id", Service::COLUMNS))?;
        let rows = statement.query_map([], Service::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns one service.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Unknown`] if there is no such service, or [`InventoryError::Database`].
    pub fn service(&self, id: &str) -> Result<Service, InventoryError> {
        let statement = format!("SELECT {} FROM services WHERE id = ?1", Service::COLUMNS);
        one(&self.connection, "service", id, &statement, Service::read)
    }

    /// Restarts a service, once per request id.
    ///
    /// - `request_id`: a request that came before with the same id and service is answered and does nothing.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Unknown`], [`InventoryError::RequestReused`] or [`InventoryError::Database`]; nothing has
    /// changed then.
    pub fn restart(
        &mut self,
        id: &str,
        reason: Option<&str>,
        request_id: Option<&str>,
    ) -> Result<Service, InventoryError> {
        let transaction = self.write()?;
        one::<String>(&transaction, "service", id, "SELECT id FROM services WHERE id = ?1", |row| row.get(0))?;
        let earlier: Option<String> = transaction
            .query_row("SELECT service FROM restarts WHERE request_id = ?1", params![request_id], |row| row.get(0))
            .optional()?;
        match earlier {
            Some(service) if service == id => {}
            Some(_) => return Err(InventoryError::RequestReused(request_id.unwrap_or_default().to_owned())),
            None => {
                let insert = "INSERT INTO restarts (service, reason, request_id) VALUES (?1, ?2, ?3)";
                transaction.execute(insert, params![id, reason, request_id])?;
                transaction.execute("UPDATE services SET restarts = restarts + 1 WHERE id = ?1", params![id])?;
            }
        }
        transaction.commit()?;
        self.service(id)
    }

    /// Sets how many of a service run.
    ///
    /// # Errors
    ///
    /// [`InventoryError::OutOfRange`] unless `replicas` is 0 to [`REPLICAS_MAX`]; [`InventoryError::Unknown`] or
    /// [`InventoryError::Database`].
    pub fn scale(&mut self, id: &str, replicas: i64) -> Result<Service, InventoryError> {
        if !(0..=REPLICAS_MAX).contains(&replicas) {
            return Err(InventoryError::OutOfRange { name: "replicas", value: replicas, least: 0, most: REPLICAS_MAX });
        }
        self.connection.execute("UPDATE services SET replicas = ?2 WHERE id = ?1", params![id, replicas])?;
        self.service(id)
    }

    /// Removes a service for good and returns what it was.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Unknown`] or [`InventoryError::Database`].
    pub fn delete(&mut self, id: &str) -> Result<Service, InventoryError> {
        let service = self.service(id)?;
        self.connection.execute("DELETE FROM services WHERE id = ?1", params![id])?;
        Ok(service)
    }

    /// Applies a schema change: keeps the statement and counts the schema's version up.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Empty`] for a blank statement; [`InventoryError::Unknown`] or [`InventoryError::Database`].
    pub fn change(&mut self, database: &str, statement: &str) -> Result<SchemaChange, InventoryError> {
        if statement.trim().is_empty() {
            return Err(InventoryError::Empty("statement"));
        }
        let transaction = self.write()?;
        transaction
            .execute("UPDATE databases SET schema_version = schema_version + 1 WHERE id = ?1", params![database])?;
        let select = "SELECT schema_version FROM databases WHERE id = ?1";
        let schema_version: i64 = one(&transaction, "database", database, select, |row| row.get(0))?;
        let insert = "INSERT INTO schema_changes (database, schema_version, statement) VALUES (?1, ?2, ?3)";
        transaction.execute(insert, params![database, schema_version, statement])?;
        transaction.commit()?;
        Ok(SchemaChange { database: database.to_owned(), schema_version, statement: statement.to_owned() })
    }

    /// Keeps a mail as a draft, or as sent, and returns its number.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Empty`] without a recipient; [`InventoryError::Unknown`] for a mailbox that is not ours;
    /// [`InventoryError::Database`].
    pub fn mail(&mut self, mail: &Mail, status: MailStatus) -> Result<i64, InventoryError> {
        if mail.to.trim().is_empty() {
            return Err(InventoryError::Empty("to"));
        }
        let select = "SELECT address FROM mailboxes WHERE address = ?1";
        one::<String>(&self.connection, "mailbox", &mail.from, select, |row| row.get(0))?;
        let insert = "INSERT INTO mails (sender, recipient, subject, body, status) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.connection.execute(insert, params![mail.from, mail.to, mail.subject, mail.body, status.as_str()])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Returns the report of a week.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Unknown`] if there is none, or [`InventoryError::Database`].
    pub fn report(&self, week: &str) -> Result<Report, InventoryError> {
        let statement = format!("SELECT {} FROM reports WHERE week = ?1", Report::COLUMNS);
        one(&self.connection, "report for the week", week, &statement, Report::read)
    }

    /// Says whether [`poison`] is in force.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Database`].
    pub fn is_poisoned(&self) -> Result<bool, InventoryError> {
        let select = "SELECT EXISTS (SELECT 1 FROM meta WHERE key = ?1)";
        Ok(self.connection.query_row(select, params![POISON], |row| row.get(0))?)
    }

    /// Counts mails that have come so far.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Database`].
    pub fn mails(&self, status: MailStatus) -> Result<i64, InventoryError> {
        self.number("SELECT COUNT(*) FROM mails WHERE status = ?1", params![status.as_str()])
    }

    /// Returns the version of a database's schema.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Unknown`] or [`InventoryError::Database`].
    pub fn schema_version(&self, database: &str) -> Result<i64, InventoryError> {
        let select = "SELECT schema_version FROM databases WHERE id = ?1";
        one(&self.connection, "database", database, select, |row| row.get(0))
    }

    fn number(&self, statement: &str, params: impl Params) -> Result<i64, InventoryError> {
        Ok(self.connection.query_row(statement, params, |row| row.get(0))?)
    }

    fn write(&mut self) -> Result<Transaction<'_>, InventoryError> {
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}

fn one<T>(
    connection: &Connection,
    what: &'static str,
    id: &str,
    statement: &str,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<T, InventoryError> {
    let found = connection.query_row(statement, params![id], read).optional()?;
    found.ok_or_else(|| InventoryError::Unknown { what, id: id.to_owned() })
}
