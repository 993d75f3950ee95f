//! The one thread that writes: many changes, one sync.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

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
        tells.push(ask(begun.as_ref().map(|tx| &**tx).map_err(Clone::clone)));
    }
    let synced = begun.and_then(|tx| tx.commit().map_err(TrackingError::from));
    (tells, synced)
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
