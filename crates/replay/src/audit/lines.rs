//! The same report as lines of text, for people. What a stranger wrote stands in them as it is: whoever prints them
//! escapes each line.

use std::collections::BTreeMap;

use evidence::Standing;
use evidence::verify::Check;

use super::statement::{Basis, Statement, Story};
use super::{Filter, Population, Reconstruction, Request, VerdictName, words};

/// Is how wide the first column is.
const WIDTH: usize = 19;

/// Is what a reconstruction means by its words.
const MEANS: [&str; 2] = [
    "proved: it follows, by what this program has just computed, from records that the signed log commits to",
    "rests on judgement: it is recorded so, on the word of whoever is named; ask them, and look for other evidence",
];

fn line(word: &str, text: impl std::fmt::Display) -> String {
    format!("{word:<WIDTH$}{text}")
}

fn counts<'a>(all: impl IntoIterator<Item = (&'a str, u64)>) -> String {
    let all: Vec<String> = all.into_iter().map(|(name, count)| format!("{name} {count}")).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

fn borrowed(all: &BTreeMap<String, u64>) -> impl Iterator<Item = (&str, u64)> {
    all.iter().map(|(name, count)| (name.as_str(), *count))
}

/// Tells what was checked of a log's signatures.
pub fn checked(checks: &[Check]) -> Vec<String> {
    let told = |check: &Check| {
        let detail = check.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        line(word(check.standing), format_args!("{}{detail}", check.claim))
    };
    checks.iter().map(told).collect()
}

impl Filter {
    /// Says which decisions are meant.
    fn told(&self) -> String {
        let from = self.from.map(|from| format!("from {}", words::time(from)));
        let to = self.to.map(|to| format!("before {}", words::time(to)));
        let names: Vec<String> = self.verdicts.iter().map(|name| VerdictName::as_str(*name).to_owned()).collect();
        let verdicts = (!names.is_empty()).then(|| format!("with the verdict {}", names.join(" or ")));
        let all: Vec<String> = [from, to, verdicts].into_iter().flatten().collect();
        if all.is_empty() { "all decisions of the log".to_owned() } else { format!("decisions {}", all.join(", ")) }
    }
}

impl Population {
    /// Tells the count.
    pub fn lines(&self) -> Vec<String> {
        let mut all = vec![
            line(
                "log",
                format_args!("{}, {} records, the last on {}", self.origin, self.records, words::time(self.last)),
            ),
            line("root", &self.root),
            line("checked", "signature, every tile, every record and every session hold"),
            line("population", format_args!("{}: {}", self.filter.told(), self.decisions)),
            line("  by verdict", counts(self.verdicts.iter().map(|(name, count)| (*name, *count)))),
            line("  by level", counts(borrowed(&self.levels))),
            line("  by bundle", counts(borrowed(&self.bundles))),
            line("  by day", counts(borrowed(&self.days))),
            line("  in sessions", self.in_sessions),
            line(
                "  no outcome",
                format_args!("{} permitted actions have none in this log", self.without_outcome.len()),
            ),
        ];
        all.extend(
            self.without_outcome.iter().map(|(action, index)| line("", format_args!("{action} (record {index})"))),
        );
        all.push(line("whole log", counts(self.kinds.iter().map(|(name, count)| (*name, *count)))));
        all.push(line("", format_args!("{} sessions have no end", self.open_sessions)));
        if self.aggregates > 0 {
            let says = "records stand for several denials each, which are not in this population";
            all.push(line("not counted", format_args!("{} {says}", self.aggregates)));
        }
        all.extend(checked(&self.checks));
        all.extend(self.unproven.iter().map(|what| line("not proved", what)));
        all
    }
}

impl Request {
    /// Tells the sample.
    pub fn lines(&self) -> Vec<String> {
        let mut all = vec![
            line("population", format_args!("{}: {}", self.filter.told(), self.population)),
            line("seed", &self.seed),
            line("sample", format_args!("{} decisions", self.picks.len())),
        ];
        let told = |pick: &super::Pick| pick.action.map(|action| action.to_string()).unwrap_or_default();
        all.extend(self.picks.iter().map(|pick| line("", format_args!("record {} {}", pick.index, told(pick)))));
        all
    }
}

impl Reconstruction {
    /// Tells everything: the evidence, each decision, and what is proved of it all.
    pub fn lines(&self) -> Vec<String> {
        let mut all = self.head();
        all.extend(self.statements.iter().map(told));
        for (place, story) in self.decisions.iter().enumerate() {
            all.push(String::new());
            all.push(format!("{} of {}  {}", place + 1, self.decisions.len(), title(story)));
            all.extend(story.statements.iter().map(told));
        }
        all.push(String::new());
        all.extend(self.sum());
        all
    }

    fn head(&self) -> Vec<String> {
        let mut all = vec![line("about", &self.about)];
        if let (Some(origin), Some(size)) = (&self.origin, self.size) {
            all.push(line("log", format_args!("{origin}, {size} records")));
        }
        if let Some(request) = &self.request {
            all.push(line("drawn from", format_args!("{}: {}", request.filter.told(), request.population)));
            all.push(line("seed", &request.seed));
        }
        all.push(line("signature", word(self.signature)));
        all.push(line("claim", word(self.claim())));
        all.push(String::new());
        all
    }

    /// Counts the statements by what they rest on, and says on whose word how many do.
    fn sum(&self) -> Vec<String> {
        let mut whose: BTreeMap<&str, u64> = BTreeMap::new();
        let mut marks: BTreeMap<&str, u64> = BTreeMap::new();
        for statement in self.all() {
            *marks.entry(mark(&statement.basis)).or_default() += 1;
            if let Basis::Judgement { of } = &statement.basis {
                *whose.entry(of).or_default() += 1;
            }
        }
        let holding = self.decisions.iter().filter(|story| story.standing() == Standing::Holds).count();
        let counted = format!("{holding} of {} hold", self.decisions.len());
        let mut all = vec![line("decisions", counted), line("statements", counts(marks))];
        all.extend(whose.into_iter().map(|(of, count)| line("  on the word of", format_args!("{of}: {count}"))));
        all.extend(MEANS.iter().map(|means| line("meaning", means)));
        all.extend(self.unproven.iter().map(|what| line("not proved", what)));
        all
    }
}

fn title(story: &Story) -> String {
    let action = story.action.map(|action| action.to_string()).unwrap_or_default();
    format!("record {}  {action}", story.index)
}

fn told(statement: &Statement) -> String {
    let more = match &statement.basis {
        Basis::Judgement { of } => format!(" [on the word of {of}]"),
        Basis::Fails { why: Some(why), .. } => format!(" ({why})"),
        Basis::Proved | Basis::Fails { why: None, .. } => String::new(),
    };
    line(mark(&statement.basis), format_args!("{}: {}{more}", statement.about, statement.says))
}

/// Returns the mark of a statement.
fn mark(basis: &Basis) -> &'static str {
    match basis {
        Basis::Proved => "proved",
        Basis::Judgement { .. } => "rests on judgement",
        Basis::Fails { standing, .. } => word(*standing),
    }
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Holds => "holds",
        Standing::Broken => "BROKEN",
        Standing::Withheld => "withheld",
        Standing::Erased => "erased",
        Standing::Missing => "MISSING",
    }
}
