//! What a comparison says, for people.

use replay::incident::{CallReport, ExtraReport, Report, RulingCount, Standing, Summary};
use serde_json::Value;
use types::text::escape;

use crate::output::{self, BAD, BOLD, FAINT, GOOD, NOTE, json_text, paint};

/// Is how much of an argument's text is shown.
const SHOWN_MAX: usize = 160;

/// Tells a comparison on standard output.
pub(super) fn report(report: &Report) {
    lines(report).into_iter().for_each(output::say);
}

/// Tells it beside the data, on standard error.
pub(super) fn aside(report: &Report) {
    lines(report).into_iter().for_each(output::tell);
}

fn lines(report: &Report) -> Vec<String> {
    let runs = report.summary.runs;
    let mut lines = vec![headline(&report.summary)];
    for call in &report.calls {
        lines.extend(extras(report, call.number - 1, runs));
        if call.was_met() {
            lines.extend(told(call, runs));
        }
    }
    lines.extend(extras(report, report.calls.len(), runs));
    lines.extend(grounds(report));
    lines
        .extend(report.gaps.iter().map(|gap| paint(NOTE, format!("   ?? {}: {}", gap.about, escape(&gap.gap, false)))));
    for (run, how) in &report.ended {
        lines.push(paint(NOTE, format!("   run {run}: the agent ended otherwise than well: {}", escape(how, false))));
    }
    lines
}

fn headline(summary: &Summary) -> String {
    let mark = match summary.standing {
        Standing::Same => paint(GOOD, "ok"),
        Standing::Differs => paint(BAD, "!!"),
        Standing::Undetermined => paint(NOTE, "??"),
    };
    let share = format!("{} of {} runs without a difference", summary.runs_without_difference, summary.runs);
    let interval = summary
        .interval_bp
        .map_or_else(String::new, |(low, high)| format!(" (95 %: {} to {})", percent(low), percent(high)));
    let parts = [
        (summary.arguments_differ, "with other arguments"),
        (summary.other_order, "in another order"),
        (summary.missing, "missing"),
        (summary.extra, "extra"),
        (summary.other_verdict, "decided otherwise"),
        (summary.would_need_a_person, "would need a person"),
        (summary.unanswered, "not answered"),
        (summary.undecided, "not decided"),
    ];
    let told: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let rest = if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) };
    format!("{mark} {share}{interval}: {} recorded calls, {} made as recorded{rest}", summary.calls, summary.same)
}

/// Writes basis points as per cent, exactly.
fn percent(bp: u32) -> String {
    format!("{}.{:02} %", bp / 100, bp % 100)
}

fn told(call: &CallReport, runs: u32) -> Vec<String> {
    let name = paint(BOLD, escape(&call.tool.to_string(), false));
    let mark = if call.differs() { paint(BAD, "!!") } else { paint(GOOD, "ok") };
    let arguments = paint(FAINT, short(&call.arguments));
    let mut lines = vec![format!("{mark} {:>3}  {name} {arguments}", call.number)];
    let mut add = |count: u32, what: &str| {
        if count > 0 {
            lines.push(format!("         {} {what}", of(count, runs)));
        }
    };
    add(call.missing, "did not make it");
    add(call.other_order, "made it in another order");
    add(call.arguments_differ, "made it with other arguments");
    add(call.unanswered, "got no answer: the record has none");
    add(call.undecided, "could not be decided");
    for variant in &call.variants {
        let at = escape(&variant.differs.join(", "), false);
        lines.push(format!("           {}: {at}: {}", of(variant.runs, runs), short(&variant.arguments)));
    }
    for n in &call.numbers {
        let then = n.recorded.as_ref().map_or_else(String::new, |then| format!(", recorded {then}"));
        let at = escape(&n.pointer, false);
        let spread =
            if n.min == n.max { n.min.clone() } else { format!("{} to {}, median {}", n.min, n.max, n.median) };
        lines.push(format!("           {at}: {spread}{then}"));
    }
    if call.other_verdict > 0 {
        lines.push(format!("         recorded {}", call.recorded));
        lines.extend(rulings(&call.rulings, runs));
    }
    lines
}

fn rulings(rulings: &[RulingCount], runs: u32) -> Vec<String> {
    rulings
        .iter()
        .map(|counted| format!("         {} {}", of(counted.runs, runs), paint(NOTE, &counted.ruling)))
        .collect()
}

fn extras(report: &Report, after: usize, runs: u32) -> Vec<String> {
    let here = report.extra.iter().filter(|extra| extra.after == after);
    here.flat_map(|extra| extra_lines(extra, runs)).collect()
}

fn extra_lines(extra: &ExtraReport, runs: u32) -> Vec<String> {
    let name = paint(BOLD, escape(&extra.tool.to_string(), false));
    let head = format!("{}   +  {name} {}", paint(BAD, "!!"), paint(FAINT, short(&extra.arguments)));
    let made = format!("         {} made it, {} times, and it is not in the record", of(extra.runs, runs), extra.times);
    let ruled = extra.rulings.iter().map(|counted| format!("         {} × {}", counted.runs, counted.ruling));
    [head, made].into_iter().chain(ruled).collect()
}

/// Says on what the decisions rest.
fn grounds(report: &Report) -> Vec<String> {
    let facts = &report.facts;
    let list = |names: &std::collections::BTreeSet<String>| {
        escape(&names.iter().cloned().collect::<Vec<_>>().join(", "), false)
    };
    let mut lines = Vec::new();
    if !facts.recorded.is_empty() {
        lines.push(paint(
            FAINT,
            format!("   facts as recorded: {}; computed anew: {}", list(&facts.recorded), list(&facts.computed)),
        ));
    }
    for (tool, names) in &facts.supposed {
        let tool = escape(tool, false);
        lines.push(paint(
            NOTE,
            format!("   ?? {tool}: no record tells {}; supposed to be as if nothing stood against it", list(names)),
        ));
    }
    lines
}

fn of(count: u32, runs: u32) -> String {
    if runs == 1 { "it".to_owned() } else { format!("{count} of {runs}") }
}

fn short(value: &Value) -> String {
    let text = json_text(&value.to_string());
    if text.chars().count() <= SHOWN_MAX {
        return text;
    }
    format!("{}…", text.chars().take(SHOWN_MAX).collect::<String>())
}
