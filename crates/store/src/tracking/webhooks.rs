//! Webhooks of the registry, and what is still to be delivered to them.
//!
//! What a webhook is to be told is written in the change that it tells of, so that neither is there without the other.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{Change, Done, Page, View};
use crate::writer::as_i64;

pub(super) const TABLES: &str = "
-- The secret is sealed.
CREATE TABLE webhook (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    url         TEXT NOT NULL,
    description TEXT NOT NULL,
    secret      BLOB,
    active      INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    updated     INTEGER NOT NULL
) STRICT;
CREATE TABLE webhook_event (
    webhook INTEGER NOT NULL REFERENCES webhook,
    event   TEXT NOT NULL,
    PRIMARY KEY (webhook, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_event_back ON webhook_event (event, webhook);
CREATE TABLE webhook_delivery (
    seq      INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    webhook  INTEGER NOT NULL REFERENCES webhook,
    event    TEXT NOT NULL,
    data     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    due      INTEGER NOT NULL,
    attempts INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook, due, seq);
";

/// Is a webhook, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its place.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// Its name; others may have it.
    pub name: String,
    /// Where it leads.
    pub url: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Whether it is told anything.
    pub active: bool,
    /// When it was made, in milliseconds since the epoch.
    pub created: i64,
    /// When it was changed last.
    pub updated: i64,
    /// The names of the events it is told of, in order.
    pub events: Vec<String>,
}

/// Is a webhook that is to be.
#[derive(Debug, Clone, Copy)]
pub struct NewWebhook<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Where it leads.
    pub url: &'a str,
    /// What it is for.
    pub description: &'a str,
    /// Its secret, sealed.
    pub secret: Option<&'a [u8]>,
    /// Whether it is told anything.
    pub active: bool,
    /// When it is made.
    pub at: i64,
}

/// Is what is to change of a webhook; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookChange {
    /// Its name.
    pub name: Option<String>,
    /// Where it leads.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Its secret, sealed; nothing within takes it away.
    pub secret: Option<Option<Vec<u8>>>,
    /// Whether it is told anything.
    pub active: Option<bool>,
}

/// Is something that a webhook is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// Its place.
    pub seq: i64,
    /// Its id, which every attempt has.
    pub id: String,
    /// The place of its webhook.
    pub webhook: i64,
    /// Where that leads.
    pub url: String,
    /// The id of the webhook.
    pub webhook_id: String,
    /// Its secret, sealed.
    pub secret: Option<Vec<u8>>,
    /// The name of what happened.
    pub event: String,
    /// What happened, as JSON.
    pub data: String,
    /// When it happened, in milliseconds since the epoch.
    pub at: i64,
    /// How often it was tried.
    pub attempts: u32,
}

/// Is something new to be told.
#[derive(Debug, Clone, Copy)]
pub struct NewDelivery<'a> {
    /// Its id.
    pub id: &'a str,
    /// The place of the webhook.
    pub webhook: i64,
    /// The name of what happened.
    pub event: &'a str,
    /// What happened, as JSON.
    pub data: &'a str,
    /// When it happened.
    pub at: i64,
}

const COLUMNS: &str = "seq, id, name, url, description, active, created, updated";

fn read(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    Ok(Webhook {
        seq: row.get(0)?,
        id: row.get(1)?,
        name: row.get(2)?,
        url: row.get(3)?,
        description: row.get(4)?,
        active: row.get(5)?,
        created: row.get(6)?,
        updated: row.get(7)?,
        events: Vec::new(),
    })
}

fn read_delivery(row: &Row<'_>) -> rusqlite::Result<WebhookDelivery> {
    Ok(WebhookDelivery {
        seq: row.get(0)?,
        id: row.get(1)?,
        webhook: row.get(2)?,
        url: row.get(3)?,
        webhook_id: row.get(4)?,
        secret: row.get(5)?,
        event: row.get(6)?,
        data: row.get(7)?,
        at: row.get(8)?,
        attempts: row.get(9)?,
    })
}

impl View<'_> {
    /// Returns a webhook.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn webhook(&self, id: &str) -> Done<Option<Webhook>> {
        let sql = format!("SELECT {COLUMNS} FROM webhook WHERE id = ?1");
        let found = self.0.prepare_cached(&sql)?.query_row([id], read).optional()?;
        found.map(|webhook| self.with_events(webhook)).transpose()
    }

    /// Returns the sealed secret of a webhook, if it has one.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn webhook_secret(&self, webhook: i64) -> Done<Option<Vec<u8>>> {
        let sql = "SELECT secret FROM webhook WHERE seq = ?1";
        Ok(self.0.prepare_cached(sql)?.query_row([webhook], |row| row.get(0)).optional()?.flatten())
    }

    /// Returns webhooks, the latest first.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn webhooks(&self, page: Page) -> Done<Vec<Webhook>> {
        let sql = format!("SELECT {COLUMNS} FROM webhook ORDER BY created DESC, seq DESC LIMIT ?1 OFFSET ?2");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([as_i64(page.limit), as_i64(page.offset)], read)?;
        let found: Vec<Webhook> = rows.collect::<Result<_, _>>()?;
        found.into_iter().map(|webhook| self.with_events(webhook)).collect()
    }

    /// Returns the places of the webhooks that are told of an event.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn webhooks_told(&self, event: &str) -> Done<Vec<i64>> {
        let sql = "SELECT w.seq FROM webhook_event e JOIN webhook w ON w.seq = e.webhook \
                   WHERE e.event = ?1 AND w.active ORDER BY w.seq";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([event], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the next delivery of each webhook for which one is due.
    ///
    /// - `busy`: the places of webhooks that are passed over.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn webhook_deliveries_due(&self, now: i64, busy: &[i64], limit: usize) -> Done<Vec<WebhookDelivery>> {
        let sql = "SELECT d.seq, d.id, d.webhook, w.url, w.id, w.secret, d.event, d.data, d.at, d.attempts \
                   FROM (SELECT min(seq) AS next FROM webhook_delivery WHERE due <= ?1 \
                         AND webhook NOT IN (SELECT value FROM json_each(?2)) GROUP BY webhook) \
                   JOIN webhook_delivery d ON d.seq = next JOIN webhook w ON w.seq = d.webhook ORDER BY d.seq LIMIT ?3";
        let busy = super::lineage::ids(busy.iter().copied());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![now, busy, limit], read_delivery)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn with_events(&self, webhook: Webhook) -> Done<Webhook> {
        let sql = "SELECT event FROM webhook_event WHERE webhook = ?1 ORDER BY event";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([webhook.seq], |row| row.get(0))?;
        Ok(Webhook { events: rows.collect::<Result<_, _>>()?, ..webhook })
    }
}

impl Change<'_> {
    /// Adds a webhook and returns its place.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_webhook(&self, new: NewWebhook<'_>) -> Done<i64> {
        let sql = "INSERT INTO webhook (id, name, url, description, secret, active, created, updated) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)";
        let NewWebhook { id, name, url, description, secret, active, at } = new;
        Ok(self.0.0.prepare_cached(sql)?.insert(params![id, name, url, description, secret, active, at])?)
    }

    /// Changes a webhook.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn change_webhook(&self, webhook: i64, change: &WebhookChange, at: i64) -> Done<()> {
        let sql = "UPDATE webhook SET name = coalesce(?2, name), url = coalesce(?3, url), \
                   description = coalesce(?4, description), active = coalesce(?5, active), updated = ?6 WHERE seq = ?1";
        let WebhookChange { name, url, description, secret, active } = change;
        self.0.0.prepare_cached(sql)?.execute(params![webhook, name, url, description, active, at])?;
        if let Some(secret) = secret {
            self.0
                .0
                .prepare_cached("UPDATE webhook SET secret = ?2 WHERE seq = ?1")?
                .execute(params![webhook, secret])?;
        }
        Ok(())
    }

    /// Sets what a webhook is told of.
    ///
    /// # Errors
    ///
    /// What the file says; also if an event is there twice.
    pub fn set_webhook_events(&self, webhook: i64, events: &[String]) -> Done<()> {
        self.0.0.prepare_cached("DELETE FROM webhook_event WHERE webhook = ?1")?.execute([webhook])?;
        for event in events {
            let sql = "INSERT INTO webhook_event (webhook, event) VALUES (?1, ?2)";
            self.0.0.prepare_cached(sql)?.execute(params![webhook, event])?;
        }
        Ok(())
    }

    /// Deletes a webhook with all that it was to be told still.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn delete_webhook(&self, webhook: i64) -> Done<()> {
        for sql in [
            "DELETE FROM webhook_delivery WHERE webhook = ?1",
            "DELETE FROM webhook_event WHERE webhook = ?1",
            "DELETE FROM webhook WHERE seq = ?1",
        ] {
            self.0.0.prepare_cached(sql)?.execute([webhook])?;
        }
        Ok(())
    }

    /// Adds something to be told, unless so much waits already; says whether it was added.
    ///
    /// - `room`: how much may wait for one webhook.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_webhook_delivery(&self, new: NewDelivery<'_>, room: u64) -> Done<bool> {
        let sql = "INSERT INTO webhook_delivery (id, webhook, event, data, at, due, attempts) \
                   SELECT ?1, ?2, ?3, ?4, ?5, ?5, 0 WHERE (SELECT count(*) FROM webhook_delivery WHERE webhook = ?2) < ?6";
        let NewDelivery { id, webhook, event, data, at } = new;
        let mut insert = self.0.0.prepare_cached(sql)?;
        Ok(insert.execute(params![id, webhook, event, data, at, as_i64(room)])? == 1)
    }

    /// Notes that a delivery is to be tried again.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn put_off_webhook_delivery(&self, seq: i64, due: i64, attempts: u32) -> Done<()> {
        let sql = "UPDATE webhook_delivery SET due = ?2, attempts = ?3 WHERE seq = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![seq, due, attempts])?;
        Ok(())
    }

    /// Forgets a delivery that is over.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn end_webhook_delivery(&self, seq: i64) -> Done<()> {
        self.0.0.prepare_cached("DELETE FROM webhook_delivery WHERE seq = ?1")?.execute([seq])?;
        Ok(())
    }
}
