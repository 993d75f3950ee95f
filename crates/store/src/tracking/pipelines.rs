//! Pipelines: where each version stands that a pipeline drives, and up to which move it was looked for new ones.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{OptionalExtension as _, Row, params};
use types::Digest;
use types::attestation::Attestation;
use types::pipeline::{PipelineStepped, Step, StepState};

use super::model_history::MoveKind;
use super::{Change, Done, View};
use crate::writer::as_i64;

/// Holds pipelines, and which checks of data are of which run or file. Versions from before are driven by none.
pub(super) const TABLES: &str = "
CREATE TABLE data_check (
    attestation INTEGER PRIMARY KEY REFERENCES attestation,
    run         TEXT,
    prefix      TEXT NOT NULL
) STRICT;
CREATE INDEX data_check_by_run ON data_check (run, attestation);
CREATE INDEX data_check_by_prefix ON data_check (prefix, attestation);
-- `action` is noted before it is proposed. `ending` is an action whose case is to be withdrawn.
CREATE TABLE pipeline (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    model        INTEGER NOT NULL,
    name         TEXT NOT NULL,
    number       INTEGER NOT NULL,
    by           TEXT NOT NULL,
    on_behalf_of TEXT,
    registered   INTEGER NOT NULL,
    pipeline     TEXT NOT NULL,
    definition   TEXT NOT NULL,
    step         TEXT NOT NULL,
    state        TEXT NOT NULL,
    why          TEXT,
    since        INTEGER NOT NULL,
    action       TEXT,
    ending       TEXT,
    UNIQUE (model, number)
) STRICT;
CREATE TABLE pipeline_seen (
    only INTEGER PRIMARY KEY CHECK (only = 0),
    move INTEGER NOT NULL
) STRICT;
INSERT INTO pipeline_seen SELECT 0, coalesce(max(seq), 0) FROM model_move;
";

/// Is where a version stands that a pipeline drives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driven {
    /// Its place among all.
    pub id: i64,
    /// The place of the model.
    pub model: i64,
    /// The model's name when it was registered.
    pub name: String,
    /// The version's number.
    pub number: i64,
    /// Who registered it, with their kind in front.
    pub by: String,
    /// The person in whose name.
    pub on_behalf_of: Option<String>,
    /// When it was registered, in milliseconds since the epoch.
    pub registered: i64,
    /// The pipeline's name.
    pub pipeline: String,
    /// The digest of what the pipeline says that it goes by.
    pub definition: Digest,
    /// The step that it stands at.
    pub step: Step,
    /// How that step stands.
    pub state: StepState,
    /// Why.
    pub why: Option<String>,
    /// Since when, in milliseconds since the epoch.
    pub since: i64,
    /// The action that it is proposed as, noted before it is proposed.
    pub action: Option<String>,
    /// An action whose case is to be withdrawn.
    pub ending: Option<String>,
}

impl Driven {
    /// Says whether there is still something to come.
    pub fn goes_on(&self) -> bool {
        match self.state {
            StepState::Waiting | StepState::Again => true,
            StepState::Done => self.step != Step::Promote,
            StepState::Failed | StepState::Superseded => false,
        }
    }

    /// Returns what its steps are found by among what is attested.
    pub fn about(&self) -> String {
        format!("{}/{}", self.model, self.number)
    }
}

/// Is a version that was registered, and that nobody has looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The place of the move that notes it.
    pub seq: i64,
    /// When, in milliseconds since the epoch.
    pub at: i64,
    /// Who, with their kind in front.
    pub by: String,
    /// The person in whose name.
    pub on_behalf_of: Option<String>,
    /// The place of the model.
    pub model: i64,
    /// The model's name.
    pub name: String,
    /// The version's number.
    pub number: i64,
}

const COLUMNS: &str = "id, model, name, number, by, on_behalf_of, registered, pipeline, definition, step, state, why, since, action, ending";

/// Is a name of a closed list, as it is kept.
struct Named<T>(T);

impl FromSql for Named<Step> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Step::named(value.as_str()?).map(Named).ok_or(FromSqlError::InvalidType)
    }
}

impl FromSql for Named<StepState> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        StepState::named(value.as_str()?).map(Named).ok_or(FromSqlError::InvalidType)
    }
}

impl FromSql for Named<Digest> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Digest::from_hex(value.as_str()?).map(Named).ok_or(FromSqlError::InvalidType)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Driven> {
    Ok(Driven {
        id: row.get(0)?,
        model: row.get(1)?,
        name: row.get(2)?,
        number: row.get(3)?,
        by: row.get(4)?,
        on_behalf_of: row.get(5)?,
        registered: row.get(6)?,
        pipeline: row.get(7)?,
        definition: row.get::<_, Named<Digest>>(8)?.0,
        step: row.get::<_, Named<Step>>(9)?.0,
        state: row.get::<_, Named<StepState>>(10)?.0,
        why: row.get(11)?,
        since: row.get(12)?,
        action: row.get(13)?,
        ending: row.get(14)?,
    })
}

impl View<'_> {
    /// Returns the versions that were registered since it was last looked for them, the oldest first. Those that were taken over from
    /// elsewhere are none of them: they were registered there.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn newly_registered(&self, limit: u64) -> Done<Vec<Registered>> {
        let sql = "SELECT seq, at, by, on_behalf_of, model, name, number FROM model_move \
                   WHERE seq > (SELECT move FROM pipeline_seen) AND kind = ?1 AND number IS NOT NULL AND NOT EXISTS \
                   (SELECT 1 FROM imported i WHERE i.kind = 'model-version' AND i.id = name || '/' || number) \
                   ORDER BY seq LIMIT ?2";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![MoveKind::VersionMade, as_i64(limit)], |row| {
            Ok(Registered {
                seq: row.get(0)?,
                at: row.get(1)?,
                by: row.get(2)?,
                on_behalf_of: row.get(3)?,
                model: row.get(4)?,
                name: row.get(5)?,
                number: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the versions whose pipelines go on, or whose cases are to be withdrawn, the oldest first.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn driven_on(&self, after: i64, limit: u64) -> Done<Vec<Driven>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM pipeline WHERE id > ?1 AND (ending IS NOT NULL OR state IN ('waiting', 'again') \
             OR (state = 'done' AND step <> 'promote')) ORDER BY id LIMIT ?2"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map(params![after, as_i64(limit)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns where a version stands; nothing, if no pipeline drives it.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn driven(&self, model: i64, number: i64) -> Done<Option<Driven>> {
        let sql = format!("SELECT {COLUMNS} FROM pipeline WHERE model = ?1 AND number = ?2");
        Ok(self.0.prepare_cached(&sql)?.query_row([model, number], read).optional()?)
    }

    /// Returns the versions of a model before one whose pipelines go on.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn driven_before(&self, model: i64, number: i64) -> Done<Vec<Driven>> {
        let sql = format!("SELECT {COLUMNS} FROM pipeline WHERE model = ?1 AND number < ?2 ORDER BY id");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([model, number], read)?;
        let all: Vec<Driven> = rows.collect::<Result<_, _>>()?;
        Ok(all.into_iter().filter(Driven::goes_on).collect())
    }
}

impl Change<'_> {
    /// Notes up to which move it was looked for versions.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn note_registered_seen(&self, seq: i64) -> Done<()> {
        self.0.0.prepare_cached("UPDATE pipeline_seen SET move = max(move, ?1)")?.execute([seq])?;
        Ok(())
    }

    /// Begins to drive a version, and returns where it stands. One that is driven already is left as it is: nothing is returned.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn drive(&self, of: &Registered, pipeline: &str, definition: Digest, now: i64) -> Done<Option<Driven>> {
        let sql = "INSERT OR IGNORE INTO pipeline \
                   (model, name, number, by, on_behalf_of, registered, pipeline, definition, step, state, since) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let (step, state) = (Step::Register.name(), StepState::Done.name());
        let added = self.0.0.prepare_cached(sql)?.execute(params![
            of.model,
            of.name,
            of.number,
            of.by,
            of.on_behalf_of,
            of.at,
            pipeline,
            definition.to_string(),
            step,
            state,
            now
        ])?;
        if added == 0 { Ok(None) } else { self.driven(of.model, of.number) }
    }

    /// Notes what became of a step, and attests it.
    ///
    /// - `driven`: where it stands from now on.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn step_pipeline(&self, driven: &Driven) -> Done<()> {
        self.keep_driven(driven)?;
        let stepped = PipelineStepped {
            model: driven.name.clone(),
            version: u64::try_from(driven.number).unwrap_or(0),
            pipeline: driven.pipeline.clone(),
            definition: driven.definition,
            step: driven.step,
            state: driven.state,
            why: driven.why.clone(),
            action: driven.action.clone(),
            at: driven.since,
        };
        self.attest(&Attestation::PipelineStepped(stepped), &driven.about(), Some(&driven.by))?;
        Ok(())
    }

    /// Keeps where a version stands, where that is no step: the action that is about to be proposed, or a case that is withdrawn.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn keep_driven(&self, driven: &Driven) -> Done<()> {
        let sql = "UPDATE pipeline SET definition = ?2, step = ?3, state = ?4, why = ?5, since = ?6, action = ?7, ending = ?8 \
                   WHERE id = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![
            driven.id,
            driven.definition.to_string(),
            driven.step.name(),
            driven.state.name(),
            driven.why,
            driven.since,
            driven.action,
            driven.ending
        ])?;
        Ok(())
    }
}
