//! Spans, as OpenTelemetry's exporters send them.

use models::names;
use models::otlp::{Span as Sent, Status};
use models::search::traces::{NAME, SESSION};
use models::spans::{self, Kept};
use store::tracking::{Change, Pair, Span, Trace, TraceInfo, Used};

use super::trace_totals::{COST_USED, TOKENS_USED};
use super::traces::{FINAL, HERE, SPANS, locate};
use super::{Answer, Refused, Tracking, active_experiment, number};

/// Limits the spans of one trace.
pub const TRACE_SPANS_MAX: u64 = 10_000;

/// Limits the spans of one trace, in bytes as they are kept.
pub const TRACE_BYTES_MAX: u64 = 32 << 20;

/// Limits the traces of one request.
pub const TRACES_TOGETHER_MAX: usize = 1_000;

/// Is the metadata that says for whom a trace was made.
const USER: &str = "mlflow.trace.user";

/// Are spans of one trace that came together.
struct Group {
    trace: String,
    spans: Vec<(Sent, Kept)>,
}

impl Tracking {
    /// Keeps spans, all of them or none. A trace that is not there yet is made; one that is there is brought up to date.
    ///
    /// - `experiment`: to which new traces belong.
    /// - `run`: to which traces belong whose root is among the spans; one that is not there is passed over.
    ///
    /// # Errors
    ///
    /// More spans of a trace, or more traces, than are kept; an experiment that is not there or deleted, if one is needed; a
    /// conversation or a name that cannot be.
    pub fn log_spans(&self, experiment: String, sent: Vec<Sent>, run: Option<String>) -> Answer<()> {
        let groups = grouped(sent);
        if groups.len() > TRACES_TOGETHER_MAX {
            return Err(Refused::invalid(format!("Spans of at most {TRACES_TOGETHER_MAX} traces are taken at once.")));
        }
        self.kept.change(move |change| {
            let run = match run {
                Some(run) => change.run(&run)?,
                None => None,
            };
            for group in &groups {
                let trace = group.keep(change, &experiment)?;
                if let Some(run) = run.as_ref().filter(|_| group.root().is_some()) {
                    change.link_trace_to_run(trace, &run.id)?;
                }
            }
            Ok(())
        })
    }
}

/// Puts spans together by their trace, in the order in which traces come.
fn grouped(sent: Vec<Sent>) -> Vec<Group> {
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for span in sent {
        let place = *places.entry(span.trace).or_insert(groups.len());
        let kept = spans::kept(&span);
        match groups.get_mut(place) {
            Some(group) => group.spans.push((span, kept)),
            None => groups.push(Group { trace: spans::trace_id(&span.trace), spans: vec![(span, kept)] }),
        }
    }
    groups
}

fn milliseconds(nanoseconds: i64) -> i64 {
    nanoseconds.div_euclid(1_000_000)
}

impl Group {
    /// Returns the last of the spans that have no parent.
    fn root(&self) -> Option<&(Sent, Kept)> {
        self.spans.iter().rev().find(|(span, _)| span.parent.is_none())
    }

    fn began(&self) -> i64 {
        milliseconds(self.spans.iter().map(|(span, _)| span.started).min().unwrap_or(0))
    }

    fn ended(&self) -> Option<i64> {
        self.spans.iter().filter_map(|(span, _)| span.ended).max().map(milliseconds)
    }

    /// Returns how the first of the spans without a parent says that the trace ended.
    fn state(&self) -> Option<&'static str> {
        let (root, _) = self.spans.iter().find(|(span, _)| span.parent.is_none())?;
        Some(if root.status == Status::Error { "ERROR" } else { "OK" })
    }

    fn session(&self) -> Option<&str> {
        self.spans.iter().find_map(|(_, kept)| kept.session.as_deref().filter(|session| !session.is_empty()))
    }

    /// Returns the trace of these spans with whether it was there, and makes it if it was not.
    fn trace(&self, change: &Change<'_>, experiment: &str) -> Answer<Trace> {
        if let Some(trace) = change.trace(&self.trace)? {
            return Ok(trace);
        }
        let experiment = active_experiment(change, number(experiment)?)?;
        let at = self.began();
        let info = TraceInfo {
            id: self.trace.clone(),
            experiment: experiment.id,
            at,
            took: self.ended().map(|ended| ended.saturating_sub(at)),
            state: self.state().unwrap_or("IN_PROGRESS").to_owned(),
            ..TraceInfo::default()
        };
        let trace = Trace { seq: change.add_trace(&info)?, info };
        locate(change, &trace, &experiment.location)?;
        Ok(trace)
    }

    /// Keeps these spans, and returns the place of their trace.
    fn keep(&self, change: &Change<'_>, experiment: &str) -> Answer<i64> {
        if let Some(session) = self.session() {
            names::trace_session(session)?;
        }
        let mut trace = self.trace(change, experiment)?;
        for (span, kept) in &self.spans {
            change.put_span(trace.seq, &row(span, kept))?;
        }
        let (count, bytes) = change.span_size(trace.seq)?;
        if count > TRACE_SPANS_MAX {
            return Err(Refused::invalid(format!("A trace has at most {TRACE_SPANS_MAX} spans.")));
        }
        if bytes > TRACE_BYTES_MAX {
            return Err(Refused::invalid(format!("The spans of a trace have at most {TRACE_BYTES_MAX} bytes.")));
        }
        let is_final = self.is_final(change, trace.seq)?;
        self.bring_up_to_date(&mut trace.info, is_final);
        change.set_trace(&trace)?;
        self.keep_totals(change, trace.seq, is_final)?;
        self.keep_metadata(change, trace.seq)?;
        self.keep_tags(change, trace.seq)?;
        Ok(trace.seq)
    }

    /// Says whether whoever made the trace has said all of it. MLflow asks that only of spans that tell of more than themselves: others
    /// still move the times of a trace.
    fn is_final(&self, change: &Change<'_>, trace: i64) -> Answer<bool> {
        let tells = |(_, kept): &(Sent, Kept)| kept.tokens.is_some() || kept.cost.is_some();
        let asks = self.session().is_some() || self.spans.iter().any(tells);
        Ok(asks && change.trace_metadata_of(trace, FINAL)?.is_some())
    }

    fn bring_up_to_date(&self, info: &mut TraceInfo, is_final: bool) {
        if !is_final {
            let ended = info.took.map(|took| info.at.saturating_add(took));
            let began = info.at.min(self.began());
            if let Some(last) = self.ended() {
                let last = ended.map_or(last, |ended| ended.max(last));
                info.took = Some(last.saturating_sub(began));
            }
            info.at = began;
        }
        if let (Some(state), "IN_PROGRESS" | "STATE_UNSPECIFIED") = (self.state(), info.state.as_str()) {
            info.state = state.to_owned();
        }
        if let Some((_, root)) = self.root() {
            info.request = info.request.take().or_else(|| root.request.clone());
            info.response = info.response.take().or_else(|| root.response.clone());
        }
    }

    fn keep_totals(&self, change: &Change<'_>, trace: i64, is_final: bool) -> Answer<()> {
        if self.spans.iter().any(|(_, kept)| kept.tokens.is_some()) {
            TOKENS_USED.keep_sum(change, trace, is_final)?;
        }
        if self.spans.iter().any(|(_, kept)| kept.cost.is_some()) {
            COST_USED.keep_sum(change, trace, is_final)?;
        }
        Ok(())
    }

    /// Keeps the conversation and the user that the spans name, unless they are known.
    fn keep_metadata(&self, change: &Change<'_>, trace: i64) -> Answer<()> {
        let user = self.spans.iter().find_map(|(_, kept)| kept.user.as_deref().filter(|user| !user.is_empty()));
        for (key, value) in [(SESSION, self.session()), (USER, user)] {
            if let (Some(value), None) = (value, change.trace_metadata_of(trace, key)?) {
                change.set_trace_metadata(trace, &Pair { key: key.to_owned(), value: value.to_owned() })?;
            }
        }
        Ok(())
    }

    /// Sets the tags that follow from the spans: what sent them says of itself, and over that what the roots say of the trace.
    fn keep_tags(&self, change: &Change<'_>, trace: i64) -> Answer<()> {
        change.tag_trace(trace, &Pair { key: SPANS.to_owned(), value: HERE.to_owned() })?;
        let resource = self.spans.iter().map(|(span, _)| &span.resource).find(|resource| !resource.is_empty());
        let of_resource = resource.map(|resource| spans::resource_tags(resource)).unwrap_or_default();
        let roots = self.spans.iter().filter(|(span, _)| span.parent.is_none());
        let of_roots = roots.flat_map(|(_, kept)| kept.tags.iter().cloned());
        for (key, value) in of_resource.into_iter().chain(of_roots) {
            // A tag that cannot be is left out, so that no span is lost for it.
            let Ok(value) = names::tag("", &key, &value).map(str::to_owned) else { continue };
            if key == NAME {
                names::trace_name(&value)?;
            }
            change.tag_trace(trace, &Pair { key, value })?;
        }
        Ok(())
    }
}

fn row(span: &Sent, kept: &Kept) -> Span {
    Span {
        id: spans::span_id(&span.id),
        parent: span.parent.map(|parent| spans::span_id(&parent)),
        name: span.name.clone(),
        kind: kept.kind.clone(),
        status: span.status.name().to_owned(),
        started: span.started,
        content: kept.content.clone(),
        used: Used {
            tokens: kept.tokens.as_ref().map(models::Given::dumped),
            cost: kept.cost.as_ref().map(models::Given::dumped),
        },
    }
}
