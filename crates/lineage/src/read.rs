//! Reads events.

use serde_json::value::RawValue;

use crate::document::{Members, Read, document, list, text};
use crate::event::{About, Dataset, Event, Facet, Job, RunEvent, State};
use crate::facets::{On, facet, named, run_id};
use crate::{Name, Refusal};

/// Reads one event.
///
/// # Errors
///
/// [`Refusal`], as described there.
pub fn event(json: &str) -> Result<Event, Refusal> {
    let members = Members::of(document(json)?)?;
    let at = members.need("eventTime", time)?;
    members.need("producer", text)?;
    members.need("schemaURL", text)?;
    Ok(Event { at, about: about(&members)? })
}

/// Cuts a list of events into its events, each as it was written.
///
/// # Errors
///
/// A text that is no JSON, nests too deeply, or is no list.
pub fn batch(json: &str) -> Result<Vec<&str>, Refusal> {
    list(document(json)?, |raw| Ok(raw.get()))
}

fn about(members: &Members<'_>) -> Read<About> {
    let (run, job, dataset) = (members.has("run"), members.has("job"), members.has("dataset"));
    match (run, job, dataset) {
        (true, true, _) => run_event(members).map(About::Run),
        (false, true, false) => Ok(About::Job {
            job: members.need("job", job_with_facets)?,
            inputs: members.each("inputs", |raw| dataset_in(raw, "inputFacets"))?,
            outputs: members.each("outputs", |raw| dataset_in(raw, "outputFacets"))?,
        }),
        (_, false, true) => members.need("dataset", dataset_alone).map(About::Dataset),
        (false, true, true) => Err(Refusal::here("either `job` or `dataset` is expected, not both")),
        (true, false, false) => Err(Refusal::here("it is required and missing").within("job")),
        (false, false, false) => Err(Refusal::here("`run` and `job`, `job`, or `dataset` is expected")),
    }
}

fn run_event(members: &Members<'_>) -> Read<RunEvent> {
    let (run, facets) = members.need("run", |raw| {
        let run = Members::of(raw)?;
        Ok((run.need("runId", run_id)?, facets(&run, "facets", On::Run)?))
    })?;
    Ok(RunEvent {
        state: members.some("eventType", state)?,
        run,
        facets,
        job: members.need("job", job_with_facets)?,
        inputs: members.each("inputs", |raw| dataset_in(raw, "inputFacets"))?,
        outputs: members.each("outputs", |raw| dataset_in(raw, "outputFacets"))?,
    })
}

fn state(raw: &RawValue) -> Read<State> {
    let expected = "`START`, `RUNNING`, `COMPLETE`, `ABORT`, `FAIL` or `OTHER` is expected";
    State::read(&text(raw)?).ok_or_else(|| Refusal::here(expected))
}

fn time(raw: &RawValue) -> Read<i64> {
    let expected = "a date and time with its offset (RFC 3339) is expected";
    crate::instant(&text(raw)?).ok_or_else(|| Refusal::here(expected))
}

fn job_with_facets(raw: &RawValue) -> Read<Job> {
    Ok(Job { name: named(raw)?, facets: facets(&Members::of(raw)?, "facets", On::Job)? })
}

fn dataset_alone(raw: &RawValue) -> Read<Dataset> {
    dataset_of(raw, None)
}

fn dataset_in(raw: &RawValue, role: &str) -> Read<Dataset> {
    dataset_of(raw, Some(role))
}

fn dataset_of(raw: &RawValue, role: Option<&str>) -> Read<Dataset> {
    let members = Members::of(raw)?;
    let here = role.map(|role| facets(&members, role, On::Role)).transpose()?;
    let name: Name = named(raw)?;
    Ok(Dataset { name, facets: facets(&members, "facets", On::Dataset)?, here: here.unwrap_or_default() })
}

fn facets(members: &Members<'_>, called: &str, on: On) -> Read<Vec<Facet>> {
    members.named(called, |name, raw| facet(on, name, raw))
}
