//! Registered models: their names, tags and aliases.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{Change, Done, Pair, View};

pub(super) const TABLES: &str = "
CREATE TABLE registered_model (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    created     INTEGER NOT NULL,
    updated     INTEGER NOT NULL
) STRICT;
-- The highest number that a version of a name ever had, and of which model; it stays when the model goes.
CREATE TABLE model_name (
    name  TEXT PRIMARY KEY,
    model INTEGER NOT NULL,
    last  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE registered_model_tag (
    place INTEGER PRIMARY KEY,
    model INTEGER NOT NULL REFERENCES registered_model,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (model, key)
) STRICT;
CREATE INDEX registered_model_by_tag ON registered_model_tag (key, value);
CREATE TABLE model_alias (
    model  INTEGER NOT NULL,
    alias  TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (model, alias),
    FOREIGN KEY (model, number) REFERENCES model_version (model, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE model_version (
    seq         INTEGER PRIMARY KEY,
    model       INTEGER NOT NULL REFERENCES registered_model,
    number      INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    updated     INTEGER NOT NULL,
    description TEXT,
    stage       TEXT NOT NULL,
    source      TEXT NOT NULL,
    location    TEXT NOT NULL,
    run         TEXT NOT NULL,
    run_link    TEXT NOT NULL,
    deleted     INTEGER NOT NULL,
    UNIQUE (model, number)
) STRICT;
CREATE INDEX model_version_by_stage ON model_version (model, deleted, stage, number);
CREATE INDEX model_version_by_time ON model_version (deleted, updated);
CREATE TABLE model_version_tag (
    place   INTEGER PRIMARY KEY,
    version INTEGER NOT NULL REFERENCES model_version,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    UNIQUE (version, key)
) STRICT;
CREATE INDEX model_version_by_tag ON model_version_tag (key, value);
-- Who moved what. It is added to, and neither changed nor cut.
CREATE TABLE model_move (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    by           TEXT NOT NULL,
    on_behalf_of TEXT,
    model        INTEGER NOT NULL,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    number       INTEGER,
    alias        TEXT,
    before       TEXT,
    after        TEXT
) STRICT;
CREATE INDEX model_move_by_model ON model_move (model, seq);
CREATE INDEX model_move_by_name ON model_move (name, model);
CREATE TRIGGER model_move_stays BEFORE UPDATE ON model_move BEGIN SELECT RAISE(ABORT, 'a move that was noted stays'); END;
CREATE TRIGGER model_move_is_kept BEFORE DELETE ON model_move BEGIN SELECT RAISE(ABORT, 'a move that was noted stays'); END;
";

/// Is a registered model: a name under which versions are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredModel {
    /// Its place among all, which no other model ever has.
    pub seq: i64,
    /// Its name; no other model has it.
    pub name: String,
    /// What it is; may be empty.
    pub description: String,
    /// When it was made, in milliseconds since the epoch.
    pub created: i64,
    /// When it, or which versions it has, was changed last, in milliseconds since the epoch.
    pub updated: i64,
    /// Its tags, in the order in which their keys came.
    pub tags: Vec<Pair>,
    /// Its aliases, in order.
    pub aliases: Vec<Alias>,
}

/// Is a name for one version of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The name.
    pub alias: String,
    /// The version's number.
    pub number: i64,
}

/// Says what a name has meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameHeld {
    /// The model that has it, or had it last.
    pub model: i64,
    /// The highest number that a version of this name ever had; 0 if there was none.
    pub last: i64,
}

pub(super) const COLUMNS: &str = "m.seq, m.name, m.description, m.created, m.updated";

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<RegisteredModel> {
    Ok(RegisteredModel {
        seq: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        created: row.get(3)?,
        updated: row.get(4)?,
        tags: Vec::new(),
        aliases: Vec::new(),
    })
}

impl View<'_> {
    /// Says whether any model is registered.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn has_registered_models(&self) -> Done<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM registered_model)";
        Ok(self.0.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// Returns the registered model of a name.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn registered_model(&self, name: &str) -> Done<Option<RegisteredModel>> {
        let sql = format!("SELECT {COLUMNS} FROM registered_model m WHERE m.name = ?1");
        let found = self.0.prepare_cached(&sql)?.query_row([name], read).optional()?;
        found.map(|model| self.with_tags_and_aliases(model)).transpose()
    }

    pub(super) fn with_tags_and_aliases(&self, model: RegisteredModel) -> Done<RegisteredModel> {
        let tags = "SELECT key, value FROM registered_model_tag WHERE model = ?1 ORDER BY place";
        Ok(RegisteredModel { tags: self.pairs(tags, model.seq)?, aliases: self.aliases(model.seq)?, ..model })
    }

    /// Returns the aliases of a model, in order.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn aliases(&self, model: i64) -> Done<Vec<Alias>> {
        let sql = "SELECT alias, number FROM model_alias WHERE model = ?1 ORDER BY alias";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([model], |row| Ok(Alias { alias: row.get(0)?, number: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the number of the version that an alias names.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn alias(&self, model: i64, alias: &str) -> Done<Option<i64>> {
        let sql = "SELECT number FROM model_alias WHERE model = ?1 AND alias = ?2";
        Ok(self.0.prepare_cached(sql)?.query_row(params![model, alias], |row| row.get(0)).optional()?)
    }

    /// Returns what a name has meant, also one that no model has any more.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn name_held(&self, name: &str) -> Done<Option<NameHeld>> {
        let sql = "SELECT model, last FROM model_name WHERE name = ?1";
        let read = |row: &Row<'_>| Ok(NameHeld { model: row.get(0)?, last: row.get(1)? });
        Ok(self.0.prepare_cached(sql)?.query_row([name], read).optional()?)
    }
}

impl Change<'_> {
    /// Adds a registered model and returns its place; nothing, if its name is taken.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_registered_model(&self, name: &str, description: &str, now: i64) -> Done<Option<i64>> {
        let sql =
            "INSERT OR IGNORE INTO registered_model (name, description, created, updated) VALUES (?1, ?2, ?3, ?3)";
        let added = self.0.0.prepare_cached(sql)?.execute(params![name, description, now])?;
        Ok((added == 1).then(|| self.0.0.last_insert_rowid()))
    }

    /// Notes that a model has a name, and up to which number versions of this name are given away.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn hold_name(&self, name: &str, held: NameHeld) -> Done<()> {
        let sql = "INSERT INTO model_name (name, model, last) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (name) DO UPDATE SET model = excluded.model, last = max(last, excluded.last)";
        self.0.0.prepare_cached(sql)?.execute(params![name, held.model, held.last])?;
        Ok(())
    }

    /// Renames a model, which changes it and all of its versions; says whether the name was free, or its own.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn rename_registered_model(&self, model: i64, name: &str, now: i64) -> Done<bool> {
        let sql = "UPDATE OR IGNORE registered_model SET name = ?2, updated = ?3 WHERE seq = ?1";
        let is_free = self.0.0.prepare_cached(sql)?.execute(params![model, name, now])? == 1;
        if is_free {
            let sql = "UPDATE model_version SET updated = ?2 WHERE model = ?1";
            self.0.0.prepare_cached(sql)?.execute(params![model, now])?;
        }
        Ok(is_free)
    }

    /// Says what a model is.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn describe_registered_model(&self, model: i64, description: &str, now: i64) -> Done<()> {
        let sql = "UPDATE registered_model SET description = ?2, updated = ?3 WHERE seq = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![model, description, now])?;
        Ok(())
    }

    /// Notes that something of a model has changed.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn touch_registered_model(&self, model: i64, now: i64) -> Done<()> {
        let sql = "UPDATE registered_model SET updated = ?2 WHERE seq = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![model, now])?;
        Ok(())
    }

    /// Deletes a model with its versions and tags. What it was called, and who moved what, stays.
    ///
    /// # Errors
    ///
    /// What the file says; also if it has an alias still.
    pub fn delete_registered_model(&self, model: i64) -> Done<()> {
        for sql in [
            "DELETE FROM model_version_tag WHERE version IN (SELECT seq FROM model_version WHERE model = ?1)",
            "DELETE FROM model_version WHERE model = ?1",
            "DELETE FROM registered_model_tag WHERE model = ?1",
            "DELETE FROM registered_model WHERE seq = ?1",
        ] {
            self.0.0.prepare_cached(sql)?.execute([model])?;
        }
        Ok(())
    }

    /// Sets a tag of a model; a key that is there keeps its place.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn tag_registered_model(&self, model: i64, tag: &Pair) -> Done<()> {
        let sql = "INSERT INTO registered_model_tag (model, key, value) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (model, key) DO UPDATE SET value = excluded.value";
        self.0.0.prepare_cached(sql)?.execute(params![model, tag.key, tag.value])?;
        Ok(())
    }

    /// Removes a tag of a model, if it is there.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn untag_registered_model(&self, model: i64, key: &str) -> Done<()> {
        let sql = "DELETE FROM registered_model_tag WHERE model = ?1 AND key = ?2";
        self.0.0.prepare_cached(sql)?.execute(params![model, key])?;
        Ok(())
    }

    /// Lets an alias name a version, or nothing any more.
    ///
    /// # Errors
    ///
    /// What the file says; also if there is no such version.
    pub fn point_alias(&self, model: i64, alias: &str, number: Option<i64>) -> Done<()> {
        let sql = match number {
            Some(_) => {
                "INSERT INTO model_alias (model, alias, number) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (model, alias) DO UPDATE SET number = excluded.number"
            }
            None => "DELETE FROM model_alias WHERE model = ?1 AND alias = ?2 AND ?3 IS NULL",
        };
        self.0.0.prepare_cached(sql)?.execute(params![model, alias, number])?;
        Ok(())
    }
}
