//! What people, judges and programs say of traces.

use models::{Given, names};
use store::tracking::{Assessment, Change, View};

use super::{Answer, Refused, Tracking, times};

/// Limits an assessment: its value, rationale, error and metadata, in bytes.
pub const ASSESSMENT_BYTES_MAX: usize = 1 << 20;

/// Limits the assessments of a trace.
pub const ASSESSMENTS_MAX: u64 = 1_000;

/// Limits the texts of all assessments of a trace together, in characters.
pub const ASSESSMENTS_CHARACTERS_MAX: u64 = 8 << 20;

/// Limits the trace of calls that an error has, in characters.
const STACK_MAX: usize = 10_000;

const STACK_CUT: &str = "[Stack trace is truncated]\n...\n";

/// Are the kinds of judges with their numbers.
pub const SOURCES: [(&str, i64); 4] = [("SOURCE_TYPE_UNSPECIFIED", 0), ("HUMAN", 1), ("LLM_JUDGE", 2), ("CODE", 3)];

/// Is what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// How it was, or why that could not be said.
    Feedback {
        /// How it was.
        value: Given,
        /// Why that could not be said.
        error: Option<JudgingError>,
    },
    /// How it should have been.
    Expectation(Given),
    /// That it belongs to an issue of this name.
    Issue(String),
}

/// Says why nothing could be judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JudgingError {
    /// A word for it.
    pub code: String,
    /// What is wrong.
    pub message: Option<String>,
    /// The calls that led there.
    pub stack: Option<String>,
}

impl JudgingError {
    fn given(&self) -> Given {
        let text = |text: &Option<String>| text.clone().map_or(Given::Null, Given::Text);
        Given::Map(vec![
            ("error_code".to_owned(), Given::Text(self.code.clone())),
            ("error_message".to_owned(), text(&self.message)),
            ("stack_trace".to_owned(), text(&self.stack)),
        ])
    }

    /// Reads what [`Self::given`] has written; a long trace of calls is cut at its beginning.
    pub fn read(json: &str) -> Option<Self> {
        let read = Given::read(json)?;
        let text = |name: &str| match read.member(name) {
            Some(Given::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let stack = text("stack_trace").map(|stack| cut(&stack));
        Some(Self { code: text("error_code").unwrap_or_default(), message: text("error_message"), stack })
    }
}

fn cut(stack: &str) -> String {
    let length = stack.chars().count();
    if length <= STACK_MAX {
        return stack.to_owned();
    }
    let kept = STACK_MAX.saturating_sub(STACK_CUT.chars().count());
    let rest: String = stack.chars().skip(length.saturating_sub(kept)).collect();
    format!("{STACK_CUT}{rest}")
}

impl Judgement {
    fn kind(&self) -> &'static str {
        match self {
            Self::Feedback { .. } => "feedback",
            Self::Expectation(_) => "expectation",
            Self::Issue(_) => "issue",
        }
    }

    /// Returns the value as it is kept.
    fn value(&self) -> Given {
        match self {
            Self::Feedback { value, .. } | Self::Expectation(value) => value.clone(),
            Self::Issue(name) => Given::Map(vec![("issue_name".to_owned(), Given::Text(name.clone()))]),
        }
    }

    fn error(&self) -> Option<String> {
        match self {
            Self::Feedback { error, .. } => error.as_ref().map(|error| error.given().dumped_in_ascii()),
            Self::Expectation(_) | Self::Issue(_) => None,
        }
    }
}

/// Is an assessment that somebody makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAssessment {
    /// Its id; one is made up if nobody says.
    pub id: Option<String>,
    /// What is judged.
    pub name: String,
    /// How.
    pub judgement: Judgement,
    /// What kind of judge it is.
    pub source_kind: String,
    /// Which judge.
    pub source: Option<String>,
    /// When it was made, in milliseconds since the epoch; now, if nobody says.
    pub created: Option<i64>,
    /// When it was last changed.
    pub updated: Option<i64>,
    /// The span that is meant.
    pub span: Option<String>,
    /// Why it was judged so.
    pub rationale: Option<String>,
    /// The assessment that this one takes the place of.
    pub overrides: Option<String>,
    /// What else is known of it.
    pub metadata: Vec<(String, String)>,
}

/// Is what is to change of an assessment; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AssessmentChange {
    /// What is judged.
    pub name: Option<String>,
    /// How: of the same kind as before.
    pub judgement: Option<Judgement>,
    /// Why.
    pub rationale: Option<String>,
    /// What is added to what is known of it.
    pub metadata: Vec<(String, String)>,
}

fn number(value: &Given) -> Option<f64> {
    let (Given::Integer(text) | Given::Float(text)) = value else { return None };
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn written(metadata: Vec<(String, String)>) -> Option<String> {
    let member = |(key, value): (String, String)| (key, Given::Text(value));
    let members: Vec<(String, Given)> = metadata.into_iter().map(member).collect();
    (!members.is_empty()).then(|| Given::Map(members).dumped_in_ascii())
}

impl NewAssessment {
    /// Makes the assessment.
    ///
    /// - `id`: the one that it has if nobody has said one.
    /// - `now`: in milliseconds since the epoch.
    pub(super) fn made(self, id: String, now: i64) -> Answer<Assessment> {
        let id = self.id.unwrap_or(id);
        names::trace_id("assessment_id", &id)?;
        let value = self.judgement.value();
        let at = |at: Option<i64>| at.filter(|at| *at != 0).unwrap_or(now);
        let made = Assessment {
            id,
            kind: self.judgement.kind().to_owned(),
            name: self.name,
            number: number(&value),
            value: value.dumped_in_ascii(),
            error: self.judgement.error(),
            created: at(self.created),
            updated: at(self.updated),
            source_kind: self.source_kind,
            source: self.source,
            span: self.span,
            rationale: self.rationale,
            overrides: self.overrides,
            valid: true,
            metadata: written(self.metadata),
        };
        bounded(&made)?;
        Ok(made)
    }
}

fn bounded(assessment: &Assessment) -> Answer<()> {
    let Assessment { value, error, rationale, metadata, .. } = assessment;
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let bytes = value.len() + length(error) + length(rationale) + length(metadata);
    if bytes > ASSESSMENT_BYTES_MAX {
        return Err(Refused::invalid(format!("An assessment has at most {ASSESSMENT_BYTES_MAX} bytes, not {bytes}.")));
    }
    if !times::is_instant(assessment.created) || !times::is_instant(assessment.updated) {
        return Err(Refused::invalid("The time of the assessment cannot be."));
    }
    Ok(())
}

/// Keeps an assessment that comes with its trace, in place of the one of its id that the trace has.
pub(super) fn put(change: &Change<'_>, trace: i64, new: Assessment) -> Answer<()> {
    if change.assessment(trace, &new.id)?.is_some() {
        change.remove_assessment(trace, &new.id)?;
    }
    add(change, trace, &new)
}

fn add(change: &Change<'_>, trace: i64, new: &Assessment) -> Answer<()> {
    if !change.add_assessment(trace, new)? {
        return Err(Refused::invalid(format!("There is an assessment with ID '{}' already.", new.id)));
    }
    few(change, trace)
}

/// Checks that a trace has no more assessments than it may.
fn few(view: &View<'_>, trace: i64) -> Answer<()> {
    let (count, characters) = view.assessment_size(trace)?;
    if count > ASSESSMENTS_MAX || characters > ASSESSMENTS_CHARACTERS_MAX {
        return Err(Refused::invalid(format!(
            "A trace has at most {ASSESSMENTS_MAX} assessments, with {ASSESSMENTS_CHARACTERS_MAX} characters together."
        )));
    }
    Ok(())
}

fn missing(id: &str, trace: &str) -> Refused {
    Refused::absent(format!("Assessment with ID '{id}' not found for trace '{trace}'"))
}

/// Returns an assessment with the place of its trace.
fn found(view: &View<'_>, trace: &str, id: &str) -> Answer<(i64, Assessment)> {
    let absent = || Refused::absent(format!("Trace with request_id '{trace}' not found"));
    let seq = view.trace(trace)?.ok_or_else(absent)?.seq;
    Ok((seq, view.assessment(seq, id)?.ok_or_else(|| missing(id, trace))?))
}

impl Tracking {
    pub(super) fn new_assessment_id(&self) -> String {
        format!("a-{}", self.new_id())
    }

    /// Adds an assessment to a trace; one that it takes the place of counts no longer.
    ///
    /// # Errors
    ///
    /// An id that is nobody's; an assessment to be overridden that the trace does not have; an id that is taken.
    pub fn create_assessment(&self, trace: String, new: NewAssessment) -> Answer<Assessment> {
        let new = new.made(self.new_assessment_id(), self.now())?;
        self.kept.change(move |change| {
            let seq = super::traces::trace(change, &trace)?.seq;
            if let Some(overridden) = &new.overrides
                && !change.validate_assessment(seq, overridden, false)?
            {
                return Err(missing(overridden, &trace));
            }
            add(change, seq, &new)?;
            Ok(new)
        })
    }

    /// Returns an assessment of a trace.
    ///
    /// # Errors
    ///
    /// A trace that is not there, or does not have it.
    pub fn assessment(&self, trace: &str, id: &str) -> Answer<Assessment> {
        self.kept.view(|view| Ok(found(view, trace, id)?.1))
    }

    /// Changes an assessment of a trace.
    ///
    /// # Errors
    ///
    /// A trace that is not there, or does not have it; a judgement of another kind.
    pub fn change_assessment(&self, trace: String, id: String, wish: AssessmentChange) -> Answer<Assessment> {
        let now = self.now();
        self.kept.change(move |change| {
            let (seq, mut assessment) = found(change, &trace, &id)?;
            if let Some(judgement) = wish.judgement {
                judged_anew(&mut assessment, &judgement)?;
            }
            // An expectation has no reason.
            if assessment.kind != "expectation" {
                assessment.rationale = wish.rationale.or(assessment.rationale);
            }
            assessment.name = wish.name.unwrap_or(assessment.name);
            assessment.metadata = merged(assessment.metadata, wish.metadata);
            assessment.updated = now;
            bounded(&assessment)?;
            change.set_assessment(seq, &assessment)?;
            few(change, seq)?;
            Ok(assessment)
        })
    }

    /// Deletes an assessment of a trace, if it is there; the one whose place it took counts again.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn delete_assessment(&self, trace: String, id: String) -> Answer<()> {
        self.kept.change(move |change| {
            let Some(seq) = change.trace(&trace)?.map(|trace| trace.seq) else { return Ok(()) };
            let Some(assessment) = change.assessment(seq, &id)? else { return Ok(()) };
            if let Some(overridden) = &assessment.overrides {
                change.validate_assessment(seq, overridden, true)?;
            }
            Ok(change.remove_assessment(seq, &id)?)
        })
    }
}

fn judged_anew(assessment: &mut Assessment, judgement: &Judgement) -> Answer<()> {
    match (assessment.kind.as_str(), judgement) {
        ("expectation", Judgement::Feedback { .. }) => {
            return Err(Refused::invalid("Cannot update feedback value on an Expectation assessment."));
        }
        ("feedback", Judgement::Expectation(_)) => {
            return Err(Refused::invalid("Cannot update expectation value on a Feedback assessment."));
        }
        (kind, judgement) if kind != judgement.kind() => {
            return Err(Refused::invalid("The value of an issue cannot be updated."));
        }
        _ => {}
    }
    let value = judgement.value();
    assessment.number = number(&value);
    assessment.value = value.dumped_in_ascii();
    assessment.error = judgement.error();
    Ok(())
}

fn merged(kept: Option<String>, new: Vec<(String, String)>) -> Option<String> {
    let mut all = match kept.as_deref().and_then(Given::read) {
        Some(Given::Map(members)) => members,
        _ => Vec::new(),
    };
    for (key, value) in new {
        match all.iter_mut().find(|(known, _)| *known == key) {
            Some((_, earlier)) => *earlier = Given::Text(value),
            None => all.push((key, Given::Text(value))),
        }
    }
    (!all.is_empty()).then(|| Given::Map(all).dumped_in_ascii())
}
