//! `traces/{trace_id}/assessments/…`: made, read, changed and deleted.

use control::tracking::kept::Pair;
use control::tracking::{
    Answer, AssessmentChange, ErrorCode, Judgement, JudgingError, NewAssessment, Refused, SOURCES, Tracking, times,
};
use models::Given;
use models::names::Kind;
use serde_json::{Value, json};

use super::asked::{Asked, Field};
use super::experiments::nothing;
use super::{Call, shown};

const ASSESSMENT: Field = Field::new("assessment", Kind::List).required().of_any_kind();

/// Are the fields of an assessment that can be changed.
const CHANGEABLE: [&str; 5] = ["assessment_name", "expectation", "feedback", "rationale", "metadata"];

pub(super) const CALLS_3: &[Call] = &[
    Call::post("traces/{trace_id}/assessments", &[ASSESSMENT], |tracking, asked| {
        let trace = asked.in_path("trace_id");
        let made = tracking.create_assessment(trace.clone(), read(&asked.object("assessment"))?)?;
        Ok(json!({ "assessment": shown::assessment(&trace, &made) }))
    }),
    Call::get("traces/{trace_id}/assessments/{assessment_id}", &[], |tracking, asked| {
        let trace = asked.in_path("trace_id");
        let found = tracking.assessment(&trace, &asked.in_path("assessment_id"))?;
        Ok(json!({ "assessment": shown::assessment(&trace, &found) }))
    }),
    Call::patch(
        "traces/{trace_id}/assessments/{assessment_id}",
        &[ASSESSMENT, Field::new("update_mask", Kind::Text).required()],
        change,
    ),
    Call::delete("traces/{trace_id}/assessments/{assessment_id}", &[], |tracking, asked| {
        tracking.delete_assessment(asked.in_path("trace_id"), asked.in_path("assessment_id")).map(nothing)
    }),
];

fn invalid(said: impl Into<String>) -> Refused {
    Refused::new(ErrorCode::InvalidParameterValue, said)
}

/// Reads an assessment that somebody makes. An empty text is none.
pub(super) fn read(asked: &Asked) -> Answer<NewAssessment> {
    let some = |name: &str| Ok::<_, Refused>(asked.only_text(name)?.filter(|text| !text.is_empty()));
    let at = |name: &str| asked.only_text(name)?.map(|at| times::instant(name, &at)).transpose();
    let judgement = judgement(asked)?.ok_or_else(|| invalid("Unknown assessment type: None"))?;
    let is_expectation = matches!(judgement, Judgement::Expectation(_));
    let (source_kind, source) = source(asked)?;
    Ok(NewAssessment {
        id: some("assessment_id")?,
        name: asked.only_text("assessment_name")?.unwrap_or_default(),
        source_kind,
        source,
        created: at("create_time")?,
        updated: at("last_update_time")?,
        span: some("span_id")?,
        // An expectation has no reason, and takes nobody's place.
        rationale: some("rationale")?.filter(|_| !is_expectation),
        overrides: some("overrides")?.filter(|_| matches!(judgement, Judgement::Feedback { .. })),
        metadata: metadata(asked)?,
        judgement,
    })
}

fn metadata(asked: &Asked) -> Answer<Vec<(String, String)>> {
    Ok(asked.keyed_texts("metadata")?.into_iter().map(|Pair { key, value }| (key, value)).collect())
}

/// Reads which judge it was, of a kind that is written as its name or its number.
fn source(asked: &Asked) -> Answer<(String, Option<String>)> {
    let unspecified = || "SOURCE_TYPE_UNSPECIFIED".to_owned();
    let Some(source) = asked.some_object("source")? else { return Ok((unspecified(), None)) };
    let id = source.only_text("source_id")?.filter(|id| !id.is_empty());
    let Some(given) = source.some_given("source_type") else { return Ok((unspecified(), id)) };
    let word = source.some_word("source_type").unwrap_or_default();
    let is = |(name, number): &&(&str, i64)| *name == word || number.to_string() == word;
    match SOURCES.iter().find(is) {
        Some((name, _)) => Ok(((*name).to_owned(), id)),
        None => Err(invalid(format!("There is no kind {} of a source.", given.json()))),
    }
}

/// Reads what was said; nothing if nothing was.
fn judgement(asked: &Asked) -> Answer<Option<Judgement>> {
    let said = [asked.some_object("feedback")?, asked.some_object("expectation")?, asked.some_object("issue")?];
    match said {
        [None, None, None] => Ok(None),
        [Some(feedback), None, None] => {
            Ok(Some(Judgement::Feedback { value: value(&feedback), error: error(&feedback)? }))
        }
        [None, Some(expectation), None] => expected(&expectation).map(|value| Some(Judgement::Expectation(value))),
        [None, None, Some(issue)] => Ok(Some(Judgement::Issue(issue.only_text("issue_name")?.unwrap_or_default()))),
        _ => Err(invalid("Exactly one of `expectation`, `feedback`, or `issue` should be specified.")),
    }
}

/// Returns a value, its numbers as floats, which they become on their way.
fn value(asked: &Asked) -> Given {
    asked.some_given("value").cloned().unwrap_or(Given::Null).with_floats()
}

fn error(feedback: &Asked) -> Answer<Option<JudgingError>> {
    let Some(error) = feedback.some_object("error")? else { return Ok(None) };
    Ok(Some(JudgingError {
        code: error.only_text("error_code")?.unwrap_or_default(),
        message: error.only_text("error_message")?.filter(|text| !text.is_empty()),
        stack: error.only_text("stack_trace")?.filter(|text| !text.is_empty()),
    }))
}

fn expected(expectation: &Asked) -> Answer<Given> {
    let value = match expectation.some_object("serialized_value")? {
        None => value(expectation),
        Some(written) => {
            let format = written.only_text("serialization_format")?.unwrap_or_default();
            if format != "JSON_FORMAT" {
                let message = format!("Unknown serialization format: {format}. Only JSON_FORMAT is supported.");
                return Err(invalid(message));
            }
            let json = written.only_text("value")?.unwrap_or_default();
            Given::read(&json).ok_or_else(|| invalid("The serialized value of an expectation is no JSON."))?
        }
    };
    if value == Given::Null { Err(invalid("The `value` field must be specified.")) } else { Ok(value) }
}

fn change(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let (trace, id) = (asked.in_path("trace_id"), asked.in_path("assessment_id"));
    let assessment = asked.object("assessment");
    let mut wish = AssessmentChange::default();
    for path in asked.text("update_mask").split(',') {
        match named(path)? {
            "assessment_name" => wish.name = Some(assessment.only_text("assessment_name")?.unwrap_or_default()),
            "rationale" => wish.rationale = Some(assessment.only_text("rationale")?.unwrap_or_default()),
            "metadata" => wish.metadata = metadata(&assessment)?,
            "feedback" => {
                let nothing = Judgement::Feedback { value: Given::Null, error: None };
                wish.judgement = Some(judgement(&assessment)?.unwrap_or(nothing));
            }
            _ => {
                let missing = || invalid("The `value` field must be specified.");
                wish.judgement = Some(judgement(&assessment)?.ok_or_else(missing)?);
            }
        }
    }
    let changed = tracking.change_assessment(trace.clone(), id, wish)?;
    Ok(json!({ "assessment": shown::assessment(&trace, &changed) }))
}

/// Returns the field that a part of a mask names, in either spelling.
fn named(path: &str) -> Answer<&'static str> {
    let path = path.trim();
    let known =
        CHANGEABLE.iter().find(|name| **name == path || (path, **name) == ("assessmentName", "assessment_name"));
    known.copied().ok_or_else(|| invalid(format!("Field '{path}' of an assessment cannot be updated.")))
}
