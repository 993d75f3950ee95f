//! Several runs held against the record, call by call.

use std::collections::{BTreeMap, BTreeSet};

use types::Arguments;

use super::align::{Key, Step, align};
use super::calls::{Answer, Call};
use super::form::shown;
use super::interval::wilson_bp;
use super::player::{Made, Served};
use super::recording::Recording;
use super::report::{CallReport, ExtraReport, FactsReport, GapReport, Report, Standing, Summary};
use super::ruling::{People, Ruling};
use super::spread::{self, Counted};

/// Is one run of an agent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// Its number, from 1.
    pub number: u32,
    /// The calls that were made, in order.
    pub made: Vec<Made>,
    /// How the agent ended, if otherwise than well.
    pub ended: Option<String>,
    /// The methods it asked that no record can answer, and how often.
    pub unmet: BTreeMap<String, u32>,
}

/// Says from where the runs were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// No agent ran: the recorded calls were decided again, and no answer was needed.
    Decisions,
    /// In front of the rules: every call of an agent.
    Agent,
    /// Behind them, where the server stood: calls that did not reach it then are not missed now.
    Server,
}

/// Holds runs against the record.
pub fn compare(recording: &Recording, runs: &[Run], seen: Seen) -> Report {
    let old: Vec<Key> = recording.calls.iter().map(|call| call.key().clone()).collect();
    let calls = recording.calls.iter().map(|_| Tallied::default()).collect();
    let mut tally = Tally { calls, extra: BTreeMap::new(), clean: 0, seen };
    for run in runs {
        let new: Vec<Key> = run.made.iter().map(|made| made.key.clone()).collect();
        let mut differs = false;
        for step in align(&old, &new).into_iter().filter(|step| counts(recording, seen, *step)) {
            differs |= tally.take(recording, run, step);
        }
        tally.clean += u32::from(!differs);
    }
    let gaps = gaps(recording, runs, seen);
    let facts = facts(runs);
    let mut report = Report {
        session: recording.session,
        agent: recording.agent.clone(),
        ended: runs.iter().filter_map(|run| Some((run.number, run.ended.clone()?))).collect(),
        summary: summary(recording, runs, tally.clean),
        extra: tally.extra(recording),
        calls: tally.calls(recording),
        facts,
        gaps,
    };
    count(&mut report, runs, seen);
    report
}

/// Says whether a step counts from where the runs were seen.
fn counts(recording: &Recording, seen: Seen, step: Step) -> bool {
    let reached = |old: usize| recording.calls.get(old).is_some_and(|call| call.answer.was_carried_out());
    match step {
        Step::Missing { old } => seen != Seen::Server || reached(old),
        _ => true,
    }
}

/// Is what the runs made of one recorded call.
#[derive(Debug, Default)]
struct Tallied<'a> {
    same: u32,
    arguments_differ: u32,
    other_order: u32,
    missing: u32,
    other_verdict: u32,
    undecided: u32,
    unanswered: u32,
    rulings: Counted<Ruling>,
    met: Vec<&'a Arguments>,
}

/// Is a call that is not in the record, with the runs it was made in.
#[derive(Debug, Default)]
struct Surplus<'a> {
    runs: BTreeSet<u32>,
    times: u32,
    rulings: Counted<Ruling>,
    arguments: Option<&'a Arguments>,
}

#[derive(Debug)]
struct Tally<'a> {
    calls: Vec<Tallied<'a>>,
    extra: BTreeMap<(usize, Key), Surplus<'a>>,
    /// The runs without a difference.
    clean: u32,
    seen: Seen,
}

impl<'a> Tally<'a> {
    /// Takes one step of one run, and says whether it is a difference.
    fn take(&mut self, recording: &Recording, run: &'a Run, step: Step) -> bool {
        let (old, new) = match step {
            Step::Same { old, new } | Step::Changed { old, new } | Step::Moved { old, new } => (old, new),
            Step::Missing { old } => {
                if let Some(tallied) = self.calls.get_mut(old) {
                    tallied.missing += 1;
                }
                return true;
            }
            Step::Extra { new, after } => {
                self.surplus(run, new, after);
                return true;
            }
        };
        let (Some(tallied), Some(made)) = (self.calls.get_mut(old), run.made.get(new)) else { return false };
        match step {
            Step::Same { .. } => tallied.same += 1,
            Step::Changed { .. } => tallied.arguments_differ += 1,
            _ => tallied.other_order += 1,
        }
        tallied.met.push(&made.arguments);
        tallied.unanswered += u32::from(is_unanswered(made, self.seen));
        tallied.undecided += u32::from(made.undecided.is_some());
        let then = recording.calls.get(old).and_then(Call::ruling);
        let otherwise = made.ruling.is_some() && made.ruling != then;
        tallied.other_verdict += u32::from(otherwise);
        if let Some(ruling) = &made.ruling {
            tallied.rulings.count(ruling.clone());
        }
        otherwise || !matches!(step, Step::Same { .. })
    }

    fn surplus(&mut self, run: &'a Run, new: usize, after: usize) {
        let Some(made) = run.made.get(new) else { return };
        let surplus = self.extra.entry((after, made.key.clone())).or_default();
        surplus.runs.insert(run.number);
        surplus.times += 1;
        surplus.arguments = Some(&made.arguments);
        if let Some(ruling) = &made.ruling {
            surplus.rulings.count(ruling.clone());
        }
    }

    fn extra(&mut self, recording: &Recording) -> Vec<ExtraReport> {
        let told = std::mem::take(&mut self.extra).into_iter().filter_map(|((after, key), surplus)| {
            let alike = recording.calls.iter().find(|call| call.key().tool == key.tool);
            let recorded = alike.map(|call| call.arguments.value());
            Some(ExtraReport {
                arguments: shown(surplus.arguments?.value(), recorded),
                tool: key.tool,
                after,
                runs: u32::try_from(surplus.runs.len()).unwrap_or(u32::MAX),
                times: surplus.times,
                rulings: spread::rulings(surplus.rulings),
            })
        });
        told.collect()
    }

    fn calls(self, recording: &Recording) -> Vec<CallReport> {
        let all = recording.calls.iter().zip(self.calls).enumerate();
        let told = all.filter_map(|(place, (call, tallied))| {
            let recorded = call.arguments.value();
            Some(CallReport {
                number: place + 1,
                record: call.record,
                tool: call.key().tool.clone(),
                arguments: shown(recorded, None),
                recorded: call.ruling()?,
                same: tallied.same,
                arguments_differ: tallied.arguments_differ,
                other_order: tallied.other_order,
                missing: tallied.missing,
                other_verdict: tallied.other_verdict,
                undecided: tallied.undecided,
                unanswered: tallied.unanswered,
                rulings: spread::rulings(tallied.rulings),
                variants: spread::variants(recorded, &tallied.met),
                numbers: spread::spread(recorded, &tallied.met),
            })
        });
        told.collect()
    }
}

/// Says whether an agent got no answer because the record has none.
fn is_unanswered(made: &Made, seen: Seen) -> bool {
    seen != Seen::Decisions && matches!(made.served, Served::NotRecorded | Served::Unavailable(_))
}

/// Names what a replay needed and the record does not have.
fn gaps(recording: &Recording, runs: &[Run], seen: Seen) -> Vec<GapReport> {
    let lost = recording.lost.iter();
    let mut gaps: Vec<GapReport> =
        lost.map(|lost| GapReport { about: format!("record {}", lost.record), gap: lost.gap.to_string() }).collect();
    let methods: BTreeSet<&String> = runs.iter().flat_map(|run| run.unmet.keys()).collect();
    gaps.extend(methods.into_iter().map(|method| GapReport {
        about: format!("method {method}"),
        gap: "missing: what servers answer to it is not recorded".to_owned(),
    }));
    if seen != Seen::Decisions {
        for (place, call) in recording.calls.iter().enumerate() {
            if let Answer::Unavailable(gap) = &call.answer {
                gaps.push(GapReport { about: format!("call {}", place + 1), gap: gap.to_string() });
            }
        }
        for server in recording.unlisted() {
            let gap = "missing: the definitions of its tools".to_owned();
            gaps.push(GapReport { about: format!("server {server}"), gap });
        }
    }
    gaps
}

fn facts(runs: &[Run]) -> FactsReport {
    let mut facts = FactsReport::default();
    for made in runs.iter().flat_map(|run| &run.made) {
        facts.recorded.extend(made.recorded.iter().cloned());
        facts.computed.extend(made.computed.iter().cloned());
        if !made.supposed.is_empty() {
            facts.supposed.entry(made.key.tool.to_string()).or_default().extend(made.supposed.iter().cloned());
        }
    }
    facts
}

fn summary(recording: &Recording, runs: &[Run], clean: u32) -> Summary {
    let count = u32::try_from(runs.len()).unwrap_or(u32::MAX);
    Summary {
        standing: Standing::Same,
        runs: count,
        runs_without_difference: clean,
        interval_bp: wilson_bp(clean, count),
        calls: recording.calls.len(),
        same: 0,
        arguments_differ: 0,
        other_order: 0,
        missing: 0,
        extra: 0,
        other_verdict: 0,
        would_need_a_person: 0,
        unanswered: 0,
        undecided: 0,
    }
}

/// Adds up what the calls say, and says how it all stands.
fn count(report: &mut Report, runs: &[Run], seen: Seen) {
    let summary = &mut report.summary;
    for call in &report.calls {
        summary.same += call.same;
        summary.arguments_differ += call.arguments_differ;
        summary.other_order += call.other_order;
        summary.missing += call.missing;
        summary.other_verdict += call.other_verdict;
    }
    summary.extra = report.extra.iter().map(|extra| extra.times).sum();
    for made in runs.iter().flat_map(|run| &run.made) {
        let alone = made.ruling.as_ref().is_some_and(|ruling| ruling.people == Some(People::Nobody));
        summary.would_need_a_person += u32::from(alone);
        summary.unanswered += u32::from(is_unanswered(made, seen));
        summary.undecided += u32::from(made.undecided.is_some());
    }
    let unknown = summary.undecided + summary.unanswered > 0;
    let unsure = unknown || !report.gaps.is_empty() || !report.facts.supposed.is_empty();
    summary.standing = match summary.runs_without_difference < summary.runs {
        true => Standing::Differs,
        false if unsure => Standing::Undetermined,
        false => Standing::Same,
    };
}
