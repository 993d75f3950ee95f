//! What a comparison of several runs with the record says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use types::{AgentId, SessionId, ToolName};

use super::ruling::Ruling;

/// Is one set of arguments that was met in the place of a recorded call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Variant {
    /// The arguments, secrets hidden.
    pub arguments: Value,
    /// Where they differ from the recorded ones, as JSON Pointers.
    pub differs: Vec<String>,
    /// In how many runs.
    pub runs: u32,
}

/// Is how a number among the arguments spread over the runs; exact, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Numbers {
    /// Where it stands, as a JSON Pointer.
    pub pointer: String,
    /// What was recorded; absent if there was no number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// The smallest.
    pub min: String,
    /// The one in the middle; of an even number of them the lower one.
    pub median: String,
    /// The largest.
    pub max: String,
    /// How many different ones there are.
    pub distinct: u32,
}

/// Says in how many runs a call came out so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RulingCount {
    /// What became of it.
    #[serde(flatten)]
    pub ruling: Ruling,
    /// In how many runs.
    pub runs: u32,
}

/// Is one recorded call and what the runs made of it; counts are of runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallReport {
    /// Its number in the session, from 1.
    pub number: usize,
    /// The index of its record.
    pub record: u64,
    /// The tool.
    pub tool: ToolName,
    /// The recorded arguments, secrets hidden.
    pub arguments: Value,
    /// What became of it then.
    pub recorded: Ruling,
    /// It was made as it was recorded, in the same order.
    pub same: u32,
    /// The same tool was called in its place, with other arguments.
    pub arguments_differ: u32,
    /// It was made as it was recorded, in another order.
    pub other_order: u32,
    /// It was not made.
    pub missing: u32,
    /// Something else became of it than then.
    pub other_verdict: u32,
    /// The rules could not be applied to it.
    pub undecided: u32,
    /// The record has no answer for it that can be served.
    pub unanswered: u32,
    /// What became of it.
    pub rulings: Vec<RulingCount>,
    /// The other arguments, the most frequent first; the first 20.
    pub variants: Vec<Variant>,
    /// The numbers among its arguments that are not always the recorded ones.
    pub numbers: Vec<Numbers>,
}

impl CallReport {
    /// Says whether any run could have made it: behind the rules, what did not reach the server then is not waited for.
    pub fn was_met(&self) -> bool {
        self.differs() || self.same > 0
    }

    /// Says whether any run differs in it.
    pub fn differs(&self) -> bool {
        self.arguments_differ + self.other_order + self.missing + self.other_verdict > 0
    }
}

/// Is a call that is not in the record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExtraReport {
    /// The tool.
    pub tool: ToolName,
    /// The arguments, secrets hidden.
    pub arguments: Value,
    /// How many recorded calls stand before it.
    pub after: usize,
    /// In how many runs it was made.
    pub runs: u32,
    /// How often it was made in all runs together.
    pub times: u32,
    /// What became of it, counted by call.
    pub rulings: Vec<RulingCount>,
}

/// Says on what the decisions of a replay rest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FactsReport {
    /// The sources of facts that were taken as recorded.
    pub recorded: BTreeSet<String>,
    /// The sources of facts that were computed anew from proposal and bundle.
    pub computed: BTreeSet<String>,
    /// The facts that no record tells, by tool: they were supposed to be as if nothing stood against the call.
    pub supposed: BTreeMap<String, BTreeSet<String>>,
}

/// Is something a replay needed that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct GapReport {
    /// What it is about: `call 3`, `record 17`, `server inventory`.
    pub about: String,
    /// `missing`, `withheld` or `erased`, and what.
    pub gap: String,
}

/// Says how the runs and the record stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// No run differs.
    Same,
    /// At least one does.
    Differs,
    /// No difference was found, and something that was needed is not there.
    Undetermined,
}

/// Is the whole in numbers. What is counted of calls is counted in all runs together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How they stand to each other.
    pub standing: Standing,
    /// How many runs there were.
    pub runs: u32,
    /// In how many of them nothing differs.
    pub runs_without_difference: u32,
    /// Wilson's interval at 95 % for the share of such runs, in basis points; from two runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_bp: Option<(u32, u32)>,
    /// How many calls are recorded.
    pub calls: usize,
    /// Calls made as recorded, in the same order.
    pub same: u32,
    /// Calls with other arguments.
    pub arguments_differ: u32,
    /// Calls in another order.
    pub other_order: u32,
    /// Recorded calls that were not made.
    pub missing: u32,
    /// Calls that are not in the record.
    pub extra: u32,
    /// Calls of which something else became than then.
    pub other_verdict: u32,
    /// Calls that a person would have to decide, about which nothing is recorded.
    pub would_need_a_person: u32,
    /// Calls for which the record has no answer that can be served.
    pub unanswered: u32,
    /// Calls to which the rules could not be applied.
    pub undecided: u32,
}

/// Is what a comparison says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The session.
    pub session: SessionId,
    /// Whose it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// Each recorded call, in order.
    pub calls: Vec<CallReport>,
    /// Calls that are not in the record.
    pub extra: Vec<ExtraReport>,
    /// On what the decisions rest.
    pub facts: FactsReport,
    /// What was needed and is not there.
    pub gaps: Vec<GapReport>,
    /// The runs whose agent ended otherwise than well, and how.
    pub ended: BTreeMap<u32, String>,
    /// The whole in numbers.
    pub summary: Summary,
}
