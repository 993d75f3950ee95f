//! What the inventory holds, row by row.

use rusqlite::Row;
use serde::{Deserialize, Serialize};

/// Is one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Its name.
    pub id: String,
    /// Where it runs: `prod`, `staging` or `dev`.
    pub env: String,
    /// How much depends on it, 1 (most) to 3.
    pub tier: i64,
    /// It keeps nothing that a restart could lose.
    pub stateless: bool,
    /// How many of it run.
    pub replicas: i64,
    /// What of it runs.
    pub version: String,
    /// How sensitive its data is: `low`, `medium` or `high`.
    pub sensitivity: String,
    /// How often it was restarted.
    pub restarts: i64,
}

impl Service {
    pub(super) const COLUMNS: &str = "id, env, tier, stateless, replicas, version, sensitivity, restarts";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            env: row.get(1)?,
            tier: row.get(2)?,
            stateless: row.get(3)?,
            replicas: row.get(4)?,
            version: row.get(5)?,
            sensitivity: row.get(6)?,
            restarts: row.get(7)?,
        })
    }
}

/// Is a schema change that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaChange {
    /// The database.
    pub database: String,
    /// The version its schema has since.
    pub schema_version: i64,
    /// What was applied.
    pub statement: String,
}

/// Is a mail as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The mailbox it leaves from.
    pub from: String,
    /// Who gets it.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub body: String,
}

/// Says how far a mail has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MailStatus {
    /// It waits for a person to send it.
    Draft,
    /// It has left.
    Sent,
}

impl MailStatus {
    /// Returns the name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Sent => "sent",
        }
    }
}

/// Is the report of one week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The ISO week, such as `2026-W31`.
    pub week: String,
    /// How many incidents there were.
    pub incidents: i64,
    /// How often somebody was paged.
    pub pages: i64,
    /// How much of the week the shop was up, in basis points.
    pub availability_bp: i64,
    /// The week in words.
    pub summary: String,
    /// How many services run now.
    pub services: i64,
}

impl Report {
    pub(super) const COLUMNS: &str =
        "week, incidents, pages, availability_bp, summary, (SELECT COUNT(*) FROM services)";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            week: row.get(0)?,
            incidents: row.get(1)?,
            pages: row.get(2)?,
            availability_bp: row.get(3)?,
            summary: row.get(4)?,
            services: row.get(5)?,
        })
    }
}
