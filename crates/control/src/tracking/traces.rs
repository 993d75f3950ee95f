//! Traces: made, read, tagged, linked and deleted.

use models::search::traces::{NAME, SESSION};
use models::{Given, names};
use store::tracking::{Assessment, Change, Pair, Trace, TraceInfo, Traces, View};

use super::assessments::{self, NewAssessment};
use super::trace_totals::{COST_USED, TOKENS_USED};
use super::{Answer, ErrorCode, Refused, Tracking, active_experiment, below, number, times};

/// Is the tag that says where the spans of a trace are.
pub(super) const SPANS: &str = "mlflow.trace.spansLocation";

/// Says that the spans of a trace are here.
pub(super) const HERE: &str = "TRACKING_STORE";

/// Is the metadata that says that whoever made a trace has said all of it.
pub(super) const FINAL: &str = "mlflow.trace.infoFinalized";

/// Is the metadata that says how many spans a trace has.
const SIZE: &str = "mlflow.trace.sizeStats";

/// Is the tag that says below which address the files of a trace are.
const FILES: &str = "mlflow.artifactLocation";

/// Limits how many traces are linked to a run at once.
const LINKS_MAX: usize = 100;

/// Limits how many traces are named at once.
pub const TRACES_MAX: usize = 1_000;

/// Limits what a trace is made with of tags, of metadata and of assessments, each.
const PAIRS_MAX: usize = 1_000;

/// Limits what is shown of a request and of an answer, in characters.
const PREVIEW_MAX: usize = 10_000;

/// Limits the spans of one answer, in bytes as they are kept.
const ANSWER_BYTES_MAX: usize = 128 << 20;

/// Are the states of a trace with their numbers.
pub const STATES: [(&str, i64); 4] = [("STATE_UNSPECIFIED", 0), ("OK", 1), ("ERROR", 2), ("IN_PROGRESS", 3)];

/// Is a trace that somebody has made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewTrace {
    /// What it is; the experiment is the one below.
    pub info: TraceInfo,
    /// The experiment it is to belong to.
    pub experiment: String,
    /// Its tags.
    pub tags: Vec<Pair>,
    /// Its metadata.
    pub metadata: Vec<Pair>,
    /// What was judged of it.
    pub assessments: Vec<NewAssessment>,
}

impl NewTrace {
    fn check_bounds(&self) -> Answer<()> {
        for (what, count) in
            [("tags", self.tags.len()), ("metadata", self.metadata.len()), ("assessments", self.assessments.len())]
        {
            if count > PAIRS_MAX {
                return Err(Refused::invalid(format!("A trace is made with at most {PAIRS_MAX} {what}, not {count}.")));
            }
        }
        let TraceInfo { client_request, request, response, .. } = &self.info;
        if let Some(id) = client_request.as_deref().filter(|id| !id.is_empty()) {
            names::trace_id("client_request_id", id)?;
        }
        let is_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.chars().nth(PREVIEW_MAX).is_some());
        if is_long(request) || is_long(response) {
            return Err(Refused::invalid(format!("A preview has at most {PREVIEW_MAX} characters.")));
        }
        Ok(())
    }
}

/// Is a trace with what belongs to it, but for its spans.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceShown {
    /// The trace.
    pub info: TraceInfo,
    /// Its tags, by key.
    pub tags: Vec<Pair>,
    /// Its metadata, by key.
    pub metadata: Vec<Pair>,
    /// What was judged of it, in the order in which it was.
    pub assessments: Vec<Assessment>,
}

/// Is a trace with its spans, each as [`models::spans`] writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeTrace {
    /// The trace.
    pub trace: TraceShown,
    /// The spans: the roots first, then by their begin.
    pub spans: Vec<String>,
}

/// Puts a trace together with what belongs to it.
pub(super) fn shown(view: &View<'_>, trace: Trace) -> Answer<TraceShown> {
    let seq = trace.seq;
    let (tags, metadata) = (view.trace_tags(seq)?, view.trace_metadata(seq)?);
    Ok(TraceShown { info: trace.info, tags, metadata, assessments: view.assessments(seq)? })
}

/// Returns a trace.
pub(super) fn trace(view: &View<'_>, id: &str) -> Answer<Trace> {
    view.trace(id)?.ok_or_else(|| Refused::absent(format!("Trace with ID '{id}' not found.")))
}

/// Says below which address the files of a trace are.
pub(super) fn locate(change: &Change<'_>, trace: &Trace, location: &str) -> Answer<()> {
    let value = below(location, &format!("traces/{}/artifacts", trace.info.id));
    Ok(change.tag_trace(trace.seq, &Pair { key: FILES.to_owned(), value })?)
}

/// Sets metadata that was sent with a trace; what is a sum is put together with what is known of it.
fn set_metadata(change: &Change<'_>, trace: i64, metadata: &Pair) -> Answer<()> {
    for total in [&TOKENS_USED, &COST_USED] {
        if total.key == metadata.key {
            return total.keep(change, trace, &metadata.value);
        }
    }
    Ok(change.set_trace_metadata(trace, metadata)?)
}

/// Makes a trace, or completes the one that its spans have made already.
fn put(change: &Change<'_>, info: TraceInfo) -> Answer<Trace> {
    let Some(known) = change.trace(&info.id)? else {
        let seq = change.add_trace(&info)?;
        return Ok(Trace { seq, info });
    };
    let request = info.request.clone().or(known.info.request);
    let response = info.response.clone().or(known.info.response);
    let trace = Trace { seq: known.seq, info: TraceInfo { request, response, ..info } };
    change.set_trace(&trace)?;
    Ok(trace)
}

impl Tracking {
    /// Makes a trace, or completes the one that its spans have made already.
    ///
    /// # Errors
    ///
    /// A name, a conversation, a state, a time or an assessment that cannot be; an experiment that is not there or deleted.
    pub fn start_trace(&self, new: NewTrace) -> Answer<TraceShown> {
        let value =
            |pairs: &[Pair], key: &str| pairs.iter().rev().find(|pair| pair.key == key).map(|pair| pair.value.clone());
        names::trace_id("trace_id", &new.info.id)?;
        new.check_bounds()?;
        names::trace_name(&value(&new.tags, NAME).unwrap_or_default())?;
        let experiment = number(&new.experiment)?;
        if !STATES.iter().any(|(state, _)| *state == new.info.state) || !times::is_instant(new.info.at) {
            return Err(Refused::invalid("The state or the time of the trace cannot be."));
        }
        let session = value(&new.metadata, SESSION);
        let ids: Vec<String> = new.assessments.iter().map(|_| self.new_assessment_id()).collect();
        let now = self.now();
        self.kept.change(move |change| {
            let experiment = active_experiment(change, experiment)?;
            names::trace_session(&session.unwrap_or_default())?;
            let trace = put(change, TraceInfo { experiment: experiment.id, ..new.info })?;
            new.tags.iter().try_for_each(|tag| change.tag_trace(trace.seq, tag))?;
            locate(change, &trace, &experiment.location)?;
            new.metadata.iter().try_for_each(|metadata| set_metadata(change, trace.seq, metadata))?;
            change.set_trace_metadata(trace.seq, &Pair { key: FINAL.to_owned(), value: "true".to_owned() })?;
            for (new, id) in new.assessments.into_iter().zip(ids) {
                assessments::put(change, trace.seq, new.made(id, now)?)?;
            }
            shown(change, trace)
        })
    }

    /// Returns a trace without its spans.
    ///
    /// # Errors
    ///
    /// An id that is nobody's.
    pub fn trace_info(&self, id: &str) -> Answer<TraceShown> {
        self.kept.view(|view| shown(view, trace(view, id)?))
    }

    /// Returns traces without their spans, in the order of their ids; those that are nobody's are left out.
    ///
    /// - `of`: the experiments they are to belong to; any, if nobody says.
    ///
    /// # Errors
    ///
    /// An id of an experiment that is none; more ids than are looked for at once.
    pub fn trace_infos(&self, ids: &[String], of: Option<&[String]>) -> Answer<Vec<TraceShown>> {
        let of = of.map(|of| of.iter().map(|id| number(id)).collect::<Answer<Vec<i64>>>()).transpose()?;
        let ids = few(ids)?;
        self.kept.view(|view| {
            let mut infos = Vec::new();
            for id in ids {
                let is_meant = |trace: &Trace| of.as_ref().is_none_or(|of| of.contains(&trace.info.experiment));
                if let Some(trace) = view.trace(id)?.filter(is_meant) {
                    infos.push(shown(view, trace)?);
                }
            }
            Ok(infos)
        })
    }

    /// Returns a trace with its spans.
    ///
    /// - `partly`: whether it is wanted also while spans are missing.
    ///
    /// # Errors
    ///
    /// An id that is nobody's; a trace whose spans are not kept here, or not all here yet.
    pub fn whole_trace(&self, id: &str, partly: bool) -> Answer<WholeTrace> {
        let absent = || Refused::absent(format!("Trace with ID {id} is not found."));
        let elsewhere = || Refused::absent("Trace data not stored in tracking store");
        let incomplete = format!("Trace with ID {id} is not fully exported yet, please try again later.");
        self.kept.view(|view| {
            let found = view.trace(id)?.ok_or_else(absent)?;
            let whole = whole(view, found)?.ok_or_else(elsewhere)?;
            if partly || whole.is_complete() { Ok(whole) } else { Err(Refused::absent(incomplete)) }
        })
    }

    /// Returns traces with their spans, in the order of their ids; those that are nobody's or not complete are left out.
    ///
    /// - `of`: the experiments they are to belong to; any, if nobody says.
    ///
    /// # Errors
    ///
    /// An id of an experiment that is none; more ids than are looked for at once, or more bytes than are answered.
    pub fn whole_traces(&self, ids: &[String], of: Option<&[String]>) -> Answer<Vec<WholeTrace>> {
        let of = of.map(|of| of.iter().map(|id| number(id)).collect::<Answer<Vec<i64>>>()).transpose()?;
        let ids = few(ids)?;
        self.kept.view(|view| {
            let (mut traces, mut bytes) = (Vec::new(), 0_usize);
            for id in ids {
                let is_meant = |trace: &Trace| of.as_ref().is_none_or(|of| of.contains(&trace.info.experiment));
                let Some(found) = view.trace(id)?.filter(is_meant) else { continue };
                let Some(found) = whole(view, found)?.filter(WholeTrace::is_complete) else { continue };
                bytes = bytes.saturating_add(found.spans.iter().map(String::len).sum());
                if bytes > ANSWER_BYTES_MAX {
                    let message =
                        format!("These traces have more than {ANSWER_BYTES_MAX} bytes. Ask for fewer at once.");
                    return Err(Refused::invalid(message));
                }
                traces.push(found);
            }
            Ok(traces)
        })
    }

    /// Deletes traces of an experiment, and returns how many.
    ///
    /// - `until`: those that began no later, in milliseconds since the epoch; the oldest first.
    /// - `count`: how many of these at most.
    /// - `ids`: or these.
    ///
    /// # Errors
    ///
    /// Both an instant and ids, or neither; a count of none, or together with ids; an id of an experiment that is none.
    pub fn delete_traces(&self, of: &str, until: Option<i64>, count: Option<i64>, ids: Vec<String>) -> Answer<u64> {
        let invalid = |message: &str| Err(Refused::invalid(message));
        let traces = match (until, ids.is_empty()) {
            (None, true) => return invalid("Either `max_timestamp_millis` or `trace_ids` must be specified."),
            (Some(_), false) => {
                return invalid("Only one of `max_timestamp_millis` and `trace_ids` can be specified.");
            }
            (None, false) if count.is_some() => {
                return invalid("`max_traces` can't be specified if `trace_ids` is specified.");
            }
            (None, false) => Traces::Named(few(&ids)?.into_iter().map(str::to_owned).collect()),
            (Some(at), true) => {
                if let Some(count) = count.filter(|count| *count <= 0) {
                    return invalid(&format!("`max_traces` must be a positive integer, received {count}."));
                }
                Traces::Until { at, count: count.map(i64::unsigned_abs) }
            }
        };
        let of = number(of)?;
        self.kept.change(move |change| Ok(change.remove_traces(of, &traces)?))
    }

    /// Sets a tag of a trace.
    ///
    /// # Errors
    ///
    /// A tag that cannot be, or is the server's own; an id that is nobody's.
    pub fn tag_trace(&self, id: String, tag: Pair) -> Answer<()> {
        names::trace_tag_settable(&tag.key)?;
        let tag = Pair { value: names::tag("", &tag.key, &tag.value)?.to_owned(), key: tag.key };
        if tag.key == NAME {
            names::trace_name(&tag.value)?;
        }
        self.kept.change(move |change| {
            let absent =
                || Refused::new(ErrorCode::BadRequest, format!("There is no trace with ID '{id}' to be tagged."));
            let trace = change.trace(&id)?.ok_or_else(absent)?;
            Ok(change.tag_trace(trace.seq, &tag)?)
        })
    }

    /// Removes a tag of a trace.
    ///
    /// # Errors
    ///
    /// A tag that is the server's own, or that the trace does not have; an id that is nobody's.
    pub fn untag_trace(&self, id: String, key: String) -> Answer<()> {
        names::trace_tag_removable(&key)?;
        self.kept.change(move |change| {
            let trace = change.trace(&id)?;
            if trace.map(|trace| change.untag_trace(trace.seq, &key)).transpose()? == Some(true) {
                return Ok(());
            }
            Err(Refused::absent(format!("No trace tag with key '{key}' for trace with ID '{id}'")))
        })
    }

    /// Says that traces belong to a run. A run that is not here is linked all the same, as it may be elsewhere; what is no trace is passed
    /// over.
    ///
    /// # Errors
    ///
    /// More than 100 traces.
    pub fn link_traces_to_run(&self, ids: Vec<String>, run: String) -> Answer<()> {
        if ids.len() > LINKS_MAX {
            return Err(Refused::invalid(format!(
                "Cannot link more than {LINKS_MAX} traces to a run in a single request. Provided {} traces.",
                ids.len()
            )));
        }
        self.kept.change(move |change| {
            for id in &ids {
                if let Some(trace) = change.trace(id)? {
                    change.link_trace_to_run(trace.seq, &run)?;
                }
            }
            Ok(())
        })
    }

    /// Says which versions of prompts a trace has used, each a name and a number.
    ///
    /// # Errors
    ///
    /// A version that is no number; an id that is nobody's; more than are linked at once.
    pub fn link_prompts_to_trace(&self, id: String, prompts: Vec<(String, String)>) -> Answer<()> {
        if prompts.len() > TRACES_MAX {
            return Err(Refused::invalid(format!("At most {TRACES_MAX} versions of prompts are linked at once.")));
        }
        let written = |(name, version): (String, String)| {
            let version = names::version(&version)?;
            Ok::<_, Refused>(format!("{name}/{version}"))
        };
        let prompts: Vec<String> = prompts.into_iter().map(written).collect::<Answer<_>>()?;
        if prompts.is_empty() {
            return Ok(());
        }
        self.kept.change(move |change| {
            let trace = trace(change, &id)?;
            Ok(prompts.iter().try_for_each(|prompt| change.link_trace_to_prompt(trace.seq, prompt))?)
        })
    }
}

/// Returns ids, each at the last of its places, unless they are too many.
fn few(ids: &[String]) -> Answer<Vec<&str>> {
    if ids.len() > TRACES_MAX {
        return Err(Refused::invalid(format!("At most {TRACES_MAX} traces are named at once, not {}.", ids.len())));
    }
    let mut seen = std::collections::HashSet::new();
    let mut last: Vec<&str> = ids.iter().rev().map(String::as_str).filter(|id| seen.insert(*id)).collect();
    last.reverse();
    Ok(last)
}

/// Puts a trace together with its spans; nothing if they are not kept here.
fn whole(view: &View<'_>, trace: Trace) -> Answer<Option<WholeTrace>> {
    let spans = view.spans(trace.seq)?;
    let trace = shown(view, trace)?;
    let is_here = trace.tags.iter().any(|tag| tag.key == SPANS && tag.value == HERE);
    Ok(is_here.then_some(WholeTrace { trace, spans }))
}

impl WholeTrace {
    /// Says whether there are as many spans as whoever made the trace has counted.
    fn is_complete(&self) -> bool {
        let said = self.trace.metadata.iter().find(|pair| pair.key == SIZE).and_then(|pair| Given::read(&pair.value));
        let counted = match said.as_ref().and_then(|said| said.member("num_spans")) {
            Some(Given::Integer(digits)) => digits.parse().unwrap_or(0),
            _ => 0,
        };
        !self.spans.is_empty() && self.spans.len() >= counted
    }
}
