//! What a change is shown as: figures, a digest, and differences within bounds.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use similar::TextDiff;

use super::edit::{Planned, Step};
use super::tree::Seen;

/// Is how long one file is compared before the difference becomes a coarse one, in milliseconds.
const COMPARE_MS: u64 = 500;

/// Is how many lines around a difference are shown.
const AROUND: usize = 3;

/// Is what a change changed, or would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// How many files.
    pub files: usize,
    /// How many bytes they had.
    pub bytes_before: u64,
    /// How many bytes they have.
    pub bytes_after: u64,
    /// SHA-256 over what every file was and became.
    pub digest: String,
    /// What became of each.
    pub differences: Vec<Difference>,
    /// Some of the texts are cut short, or left out.
    pub cut: bool,
}

/// Is what became of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Its path.
    pub path: String,
    /// What it was; absent if it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seen>,
    /// What it became; absent if it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seen>,
    /// A unified diff, if both are texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// Shows what is planned, with at most so many bytes of differences.
pub fn changed(planned: &Planned, shown_bytes_max: usize) -> Changed {
    let sum = |side: fn(&Step) -> &Option<Seen>| {
        planned.steps.iter().filter_map(|step| side(step).as_ref()).map(|seen| seen.size).sum()
    };
    let (mut left, mut cut) = (shown_bytes_max, false);
    let mut differences = Vec::new();
    for step in &planned.steps {
        let mut diff = if left == 0 { None } else { unified(planned, step) };
        if let Some(text) = &mut diff {
            cut |= shortened(text, left);
            left -= text.len();
        } else {
            cut |= left == 0;
        }
        let path = step.path.as_str().to_owned();
        differences.push(Difference { path, before: step.before.clone(), after: step.after.clone(), diff });
    }
    Changed {
        files: planned.steps.len(),
        bytes_before: sum(|step| &step.before),
        bytes_after: sum(|step| &step.after),
        digest: digest(&planned.steps),
        differences,
        cut,
    }
}

/// Digests what every file was and became.
pub fn digest(steps: &[Step]) -> String {
    let mut sorted: Vec<_> = steps.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let all = sorted.iter().map(|step| json!([step.path, step.before, step.after])).collect();
    hex::encode(Sha256::digest(types::json::canonical(&all)))
}

/// Writes the difference of one file as `diff -u` does; `None` if a side is no text.
fn unified(planned: &Planned, step: &Step) -> Option<String> {
    let text = |seen: &Option<Seen>| match seen {
        Some(seen) => str::from_utf8(planned.bytes.get(&seen.sha256)?).ok(),
        None => Some(""),
    };
    let (before, after) = (text(&step.before)?, text(&step.after)?);
    let name = |side: &str, seen: &Option<Seen>| match seen {
        Some(_) => format!("{side}/{}", step.path.as_str()),
        None => "/dev/null".to_owned(),
    };
    let diff = TextDiff::configure().timeout(Duration::from_millis(COMPARE_MS)).diff_lines(before, after);
    let (old, new) = (name("a", &step.before), name("b", &step.after));
    Some(diff.unified_diff().context_radius(AROUND).header(&old, &new).to_string())
}

/// Cuts a text to so many bytes, at the end of a line, and says whether it was longer.
fn shortened(text: &mut String, max: usize) -> bool {
    if text.len() <= max {
        return false;
    }
    let end = text.bytes().take(max).rposition(|byte| byte == b'\n').map_or(0, |at| at + 1);
    text.truncate(end);
    true
}
