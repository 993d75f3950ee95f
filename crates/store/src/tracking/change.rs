//! The one thread that writes: many changes, one sync.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, Transaction};

use super::{Change, Done, TrackingError, View};

/// Is how many changes may wait; whoever brings another waits for room.
const WAITING_MAX: usize = 4_096;

/// Is how many changes are synced together at most.
const TOGETHER_MAX: usize = 512;

/// Makes one change in an open transaction, unless that has failed already, and returns who is to be told of the end.
type Ask = Box<dyn FnOnce(Done<&Connection>) -> Tell + Send>;

/// Tells how a change has ended, once it is known whether it was synced.
type Tell = Box<dyn FnOnce(Done<()>) + Send>;

/// Is the thread that writes, and the way to it.
#[derive(Debug)]
pub(super) struct Writing {
    asks: Option<SyncSender<Ask>>,
    thread: Option<JoinHandle<()>>,
}

impl Writing {
    pub(super) fn start(connection: Connection) -> Done<Self> {
        let (asks, asked) = sync_channel(WAITING_MAX);
        let named = thread::Builder::new().name("tracking-writer".into());
        let thread = named.spawn(move || write(&connection, &asked));
        let thread = thread.map_err(|error| TrackingError::Database(error.to_string()))?;
        Ok(Self { asks: Some(asks), thread: Some(thread) })
    }

    pub(super) fn ask<T, E>(&self, work: impl FnOnce(&Change<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<TrackingError> + Send + 'static,
    {
        let (tell, told) = sync_channel(1);
        let ask: Ask = Box::new(move |connection| {
            let made = connection.map_err(E::from).and_then(|connection| in_savepoint(connection, work));
            Box::new(move |synced| {
                let _ = tell.send(made.and_then(|made| synced.map(|()| made).map_err(E::from)));
            })
        });
        let sent = self.asks.as_ref().is_some_and(|asks| asks.send(ask).is_ok());
        let answer = if sent { told.recv().ok() } else { None };
        answer.unwrap_or_else(|| Err(TrackingError::Closed.into()))
    }
}

impl Drop for Writing {
    /// Waits until all that was asked is written.
    fn drop(&mut self) {
        self.asks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write(connection: &Connection, asked: &Receiver<Ask>) {
    while let Ok(first) = asked.recv() {
        let (tells, synced) = together(connection, first, asked);
        for tell in tells {
            tell(synced.clone());
        }
    }
}

/// Makes what waits in one transaction; returns who is to be told, and whether it is synced.
fn together(connection: &Connection, first: Ask, asked: &Receiver<Ask>) -> (Vec<Tell>, Done<()>) {
    let begun = connection.unchecked_transaction().map_err(TrackingError::from);
    let mut tells = Vec::new();
    for ask in std::iter::once(first).chain(asked.try_iter()).take(TOGETHER_MAX) {
        tells.push(ask(open(&begun)));
    }
    let synced = begun.and_then(|tx| tx.commit().map_err(TrackingError::from));
    (tells, synced)
}

/// Returns the transaction, if it is open still: some failures of the disk make SQLite take all of it back, and what came then would be
/// written one by one, and told as not written.
fn open<'a>(begun: &'a Done<Transaction<'_>>) -> Done<&'a Connection> {
    match begun {
        Ok(tx) if tx.is_autocommit() => Err(TrackingError::Database("the transaction was taken back".to_owned())),
        Ok(tx) => Ok(tx),
        Err(error) => Err(error.clone()),
    }
}

impl Change<'_> {
    /// Makes a part of a change; if it refuses, nothing of that part stays, and the rest does.
    ///
    /// # Errors
    ///
    /// What `work` says, or what the file says.
    pub fn attempt<T, E: From<TrackingError>>(&self, work: impl FnOnce(&Change<'_>) -> Result<T, E>) -> Result<T, E> {
        in_savepoint(self.0.0, work)
    }
}

/// Makes one change; if it refuses, or cannot be made, nothing of it stays.
fn in_savepoint<T, E: From<TrackingError>>(
    connection: &Connection,
    work: impl FnOnce(&Change<'_>) -> Result<T, E>,
) -> Result<T, E> {
    run(connection, "SAVEPOINT change")?;
    let made = work(&Change(View(connection)));
    if made.is_err() {
        run(connection, "ROLLBACK TO change")?;
    }
    run(connection, "RELEASE change")?;
    made
}

fn run(connection: &Connection, sql: &str) -> Done<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use super::*;

    type Work = Box<dyn FnOnce(&Change<'_>) -> Done<usize> + Send>;

    #[test]
    fn nothing_is_written_behind_a_transaction_that_was_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
        let writing = Arc::new(Writing::start(connection).unwrap());
        let insert = |n: i64| {
            move |change: &Change<'_>| Ok::<_, TrackingError>(change.0.0.execute("INSERT INTO t VALUES (?1)", [n])?)
        };
        let (go, gone) = channel::<()>();
        let begin = |work: Work| {
            let writing = writing.clone();
            thread::spawn(move || writing.ask(work))
        };
        // The first holds the thread until the others wait, and then ends the transaction under all of them.
        let first = begin(Box::new(move |change| {
            let _ = gone.recv();
            change.0.0.execute_batch("ROLLBACK").map(|()| 0).map_err(Into::into)
        }));
        thread::sleep(std::time::Duration::from_millis(50));
        let others: Vec<_> = (1..4).map(|n| begin(Box::new(insert(n)))).collect();
        thread::sleep(std::time::Duration::from_millis(50));
        go.send(()).unwrap();
        assert!(first.join().unwrap().is_err());
        let told: i64 = others.into_iter().map(|other| i64::from(other.join().unwrap().is_ok())).sum();
        let kept = || {
            Connection::open(&path)
                .unwrap()
                .query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
                .unwrap()
        };
        assert_eq!(kept(), told, "what is there is what was told");
        assert_eq!(writing.ask(insert(9)).unwrap(), 1, "the next transaction is another one");
        assert_eq!(kept(), told + 1);
    }
}
