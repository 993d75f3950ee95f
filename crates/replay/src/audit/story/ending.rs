//! What happened.

use evidence::walk::is_intent;
use evidence::{Field, RecordKind, Standing};
use types::{Outcome, OutcomeStatus, Provenance};

use super::Told;
use crate::audit::statement::{Basis, Statement};
use crate::audit::words;

/// Is how many characters of an answer are told.
const SHOWN_MAX: usize = 300;

impl Told<'_> {
    pub(super) fn ending(&self) -> Vec<Statement> {
        let own = |record: &&evidence::claims::Read<'_>| record.leaf.action == Some(self.decision.action);
        let records = self.teller.records.iter().filter(own);
        let outcomes: Vec<_> = records.clone().filter(|record| record.leaf.kind == RecordKind::Outcome).collect();
        if !outcomes.is_empty() {
            return outcomes.into_iter().flat_map(|record| self.outcome(record)).collect();
        }
        let permitted = records.clone().any(|record| is_intent(&record.leaf));
        vec![if permitted { unknown() } else { self.nothing() }]
    }

    fn outcome(&self, record: &evidence::claims::Read<'_>) -> Vec<Statement> {
        let outcome = match record.value::<Outcome>(Field::Body) {
            Ok(outcome) => outcome,
            Err(standing) => {
                let says = format!("an outcome in record {}", record.index);
                return vec![Statement::new("outcome", says, Basis::of(standing, None))];
            }
        };
        let ground = self.teller.ground(record.index);
        let recorded = format!("an outcome was recorded on {} (record {})", words::time(outcome.at), record.index);
        let whose = match outcome.provenance {
            Provenance::Observed => "the gateway, and the tool's server that answered it",
            Provenance::Reported => "the agent",
        };
        let word = match outcome.status {
            OutcomeStatus::Done => "it was done",
            OutcomeStatus::Failed => "it failed",
            OutcomeStatus::InDoubt => "nobody knows whether it was done",
            OutcomeStatus::NotDispatched => "it was never sent",
        };
        let seen = words::seen_by(outcome.provenance);
        let text: Option<String> =
            [Field::Error, Field::Result].into_iter().find_map(|field| record.value::<String>(field).ok());
        let answer = text.map(|text| format!(": {}", cut(&text))).unwrap_or_default();
        let happened = format!("{word}, {seen} after {} ms{answer}", outcome.took_ms);
        vec![
            Statement::new("outcome", recorded, Basis::Proved.upon(ground)),
            Statement::new("outcome", happened, Basis::word_of(whose)),
        ]
    }

    /// A denied action has no outcome; that the log has none either is for the reader's own log to show.
    fn nothing(&self) -> Statement {
        let says = "nothing was carried out: this decision permits nothing, and no outcome is recorded";
        let complete = self.teller.held.is_some_and(|held| held.missing_of(&self.decision.action).is_none());
        let basis =
            if complete { self.computed.clone() } else { Basis::word_of("the operator, who chose the records") };
        Statement::new("outcome", says, basis)
    }
}

fn unknown() -> Statement {
    let why = "it was permitted, and no outcome is here".to_owned();
    Statement::new("outcome", "what became of it", Basis::of(Standing::Missing, why))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN_MAX {
        return text.to_owned();
    }
    text.chars().take(SHOWN_MAX).chain("…".chars()).collect()
}
