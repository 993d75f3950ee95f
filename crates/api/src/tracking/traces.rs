//! `traces/…`: made, read, found, tagged, linked and deleted.

use control::tracking::kept::TraceInfo;
use control::tracking::{Answer, ErrorCode, NewTrace, Refused, STATES, SearchWish, Tracking, times};
use models::names::{self, Kind};
use serde_json::{Value, json};

use super::asked::{Asked, Field};
use super::experiments::nothing;
use super::{Call, assessments, shown};

/// Is how many traces are found, if nobody says.
const TRACES_DEFAULT: i64 = 100;

/// Is how many traces can be asked for.
const TRACES_MAX: u64 = 500;

const KEY: Field = Field::new("key", Kind::Text).required();
const TRACE_IDS: Field = Field::new("trace_ids", Kind::Texts).required();
const EXPERIMENT_IDS: Field = Field::new("experiment_ids", Kind::Texts);

const DELETED: &[Field] = &[
    Field::new("experiment_id", Kind::Text).required(),
    Field::new("max_timestamp_millis", Kind::Integer),
    Field::new("max_traces", Kind::Integer),
    Field::new("request_ids", Kind::Texts),
];

/// Are the calls of version 2.
pub(super) const CALLS: &[Call] = &[
    Call::patch("traces/{trace_id}/tags", &[KEY, Field::new("value", Kind::Text)], tag),
    Call::delete("traces/{trace_id}/tags", &[KEY], untag),
    Call::post("traces/delete-traces", DELETED, delete),
    Call::post("traces/link-to-run", &[TRACE_IDS, Field::new("run_id", Kind::Text).required()], |tracking, asked| {
        tracking.link_traces_to_run(asked.texts("trace_ids"), asked.text("run_id")).map(nothing)
    }),
    Call::post(
        "traces/link-prompts",
        &[Field::new("trace_id", Kind::Text).required(), Field::new("prompt_versions", Kind::List).required()],
        link_prompts,
    ),
];

/// Are the calls of version 3.
pub(super) const CALLS_3: &[Call] = &[
    Call::post("traces", &[Field::new("trace", Kind::List).required().of_any_kind()], start),
    Call::get("traces/{trace_id}", &[], |tracking, asked| info(tracking, &asked.in_path("trace_id"))),
    Call::get(
        "traces/get",
        &[Field::new("trace_id", Kind::Text).required(), Field::new("allow_partial", Kind::Text)],
        get,
    ),
    Call::get("traces/batchGet", &[TRACE_IDS, EXPERIMENT_IDS], |tracking, asked| {
        let traces = tracking.whole_traces(&asked.texts("trace_ids"), experiments(asked).as_deref())?;
        Ok(listed("traces", traces.iter().map(shown::whole_trace).collect()))
    }),
    Call::find("traces/batchGetInfos", &[TRACE_IDS, EXPERIMENT_IDS], |tracking, asked| {
        let infos = tracking.trace_infos(&asked.texts("trace_ids"), experiments(asked).as_deref())?;
        Ok(listed("trace_infos", infos.iter().map(shown::trace).collect()))
    }),
    Call::find(
        "traces/search",
        &[
            Field::new("locations", Kind::List).required(),
            Field::new("filter", Kind::Text),
            Field::new("max_results", Kind::Integer).most(TRACES_MAX),
            Field::new("order_by", Kind::Texts),
            Field::new("page_token", Kind::Text),
        ],
        search,
    ),
    // These are a `POST`; what a `GET` finds there is a trace of that id.
    Call::get("traces/batchGetInfos", &[], |tracking, _| info(tracking, "batchGetInfos")),
    Call::get("traces/search", &[], |tracking, _| info(tracking, "search")),
    Call::get("traces/delete-traces", &[], |tracking, _| info(tracking, "delete-traces")),
    Call::patch("traces/{trace_id}/tags", &[KEY, Field::new("value", Kind::Text)], tag),
    Call::delete("traces/{trace_id}/tags", &[KEY], untag),
    Call::post("traces/delete-traces", DELETED, delete),
];

fn listed(name: &str, values: Vec<Value>) -> Value {
    if values.is_empty() { json!({}) } else { json!({ name: values }) }
}

/// Returns the experiments that are meant, if any are named.
fn experiments(asked: &Asked) -> Option<Vec<String>> {
    asked.has("experiment_ids").then(|| asked.texts("experiment_ids"))
}

fn info(tracking: &Tracking, id: &str) -> Answer<Value> {
    Ok(json!({ "trace": { "trace_info": shown::trace(&tracking.trace_info(id)?) } }))
}

fn get(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let partly = asked.some_text("allow_partial").map_or(Ok(false), |text| names::boolean(&text))?;
    Ok(json!({ "trace": shown::whole_trace(&tracking.whole_trace(&asked.text("trace_id"), partly)?) }))
}

fn invalid(said: impl Into<String>) -> Refused {
    Refused::new(ErrorCode::InvalidParameterValue, said)
}

fn start(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let missing = || invalid("Missing value for required parameter 'trace.trace_info'.");
    let trace = asked.some_object("trace")?.ok_or_else(missing)?;
    let info = trace.some_object("trace_info")?.ok_or_else(missing)?;
    let trace = tracking.start_trace(NewTrace {
        experiment: located(&info)?.ok_or_else(|| invalid("A trace is kept in an experiment, and names none."))?,
        info: TraceInfo {
            id: info.only_text("trace_id")?.unwrap_or_default(),
            experiment: 0,
            at: info.only_text("request_time")?.map_or(Ok(0), |at| times::instant("request_time", &at))?,
            took: info
                .only_text("execution_duration")?
                .map(|took| times::duration("execution_duration", &took))
                .transpose()?,
            state: state(&info)?,
            client_request: info.only_text("client_request_id")?,
            request: info.only_text("request_preview")?,
            response: info.only_text("response_preview")?,
        },
        tags: info.keyed_texts("tags")?,
        metadata: info.keyed_texts("trace_metadata")?,
        assessments: info.each("assessments", &[])?.iter().map(assessments::read).collect::<Answer<_>>()?,
    })?;
    Ok(json!({ "trace": { "trace_info": shown::trace(&trace) } }))
}

/// Returns the experiment that a trace is in, or that is searched; nothing, if it is another place.
fn located(info: &Asked) -> Answer<Option<String>> {
    let Some(location) = info.some_object("trace_location")? else { return Ok(None) };
    experiment_of(&location)
}

fn experiment_of(location: &Asked) -> Answer<Option<String>> {
    let Some(experiment) = location.some_object("mlflow_experiment")? else { return Ok(None) };
    Ok(Some(experiment.only_text("experiment_id")?.unwrap_or_default()))
}

/// Reads a state, written as its name or its number.
fn state(info: &Asked) -> Answer<String> {
    let Some(given) = info.some_given("state") else { return Ok("STATE_UNSPECIFIED".to_owned()) };
    let word = info.some_word("state").unwrap_or_default();
    let is = |(name, number): &&(&str, i64)| *name == word || number.to_string() == word;
    let known = STATES.iter().find(is).map(|(name, _)| (*name).to_owned());
    known.ok_or_else(|| invalid(format!("There is no state {} of a trace.", given.json())))
}

fn search(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let locations = asked.each("locations", &[])?;
    let experiments: Vec<Option<String>> = locations.iter().map(experiment_of).collect::<Answer<_>>()?;
    let experiments: Vec<String> = experiments.into_iter().flatten().collect();
    let wish: SearchWish = asked.search(TRACES_DEFAULT)?;
    Ok(shown::page("traces", &tracking.search_traces(&experiments, &wish)?, shown::trace))
}

fn tag(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    tracking.tag_trace(asked.in_path("trace_id"), asked.pair()).map(nothing)
}

fn untag(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    tracking.untag_trace(asked.in_path("trace_id"), asked.text("key")).map(nothing)
}

fn delete(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let (until, count) = (asked.some_integer("max_timestamp_millis")?, asked.some_integer("max_traces")?);
    let deleted = tracking.delete_traces(&asked.text("experiment_id"), until, count, asked.texts("request_ids"))?;
    Ok(json!({ "traces_deleted": deleted }))
}

fn link_prompts(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let fields = [Field::new("name", Kind::Text), Field::new("version", Kind::Text)];
    let prompts = asked.each("prompt_versions", &fields)?;
    let prompts = prompts.iter().map(|prompt| (prompt.text("name"), prompt.text("version"))).collect();
    tracking.link_prompts_to_trace(asked.text("trace_id"), prompts).map(nothing)
}
