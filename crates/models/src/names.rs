//! Checks of names, values, batches and request parameters, each with MLflow's own text.
//!
//! Lengths count characters, not bytes. Where MLflow's patterns let a line end pass at the end of a name, it is refused
//! here.

mod batch;
mod dataset;
mod experiment;
mod key;
mod parameter;
mod registry;
mod run;
mod trace;
mod webhook;

use std::fmt::{self, Display};

use crate::{Given, Refusal, python};

pub use batch::{batch_limits, unique_params};
pub use dataset::{Dataset, dataset, input_tag};
pub use experiment::{artifact_location, experiment_name, experiment_number, experiment_tag};
pub use key::{metric, metric_key, metric_name, param, param_name, tag, tag_name};
pub use parameter::{Kind, at_most, boolean, one_spelling, parameter, required};
pub use registry::{
    Stage, alias, alias_not_reserved, logged_model_name, model_name, model_name_fits, model_version_tag,
    new_model_name, registered_model_tag, stage, version,
};
pub use run::run_id;
pub use trace::{trace_id, trace_name, trace_session, trace_tag_removable, trace_tag_settable};
pub use webhook::{WebhookEvent, webhook_name, webhook_url};

/// Says that a value is not valid, with the value as JSON.
fn invalid(path: &str, value: &Given, message: Option<&str>) -> Refusal {
    let json = value.json();
    Refusal::new(match message {
        Some(message) => format!("Invalid value {json} for parameter '{path}' supplied: {message}"),
        None => format!("Invalid value {json} for parameter '{path}' supplied."),
    })
}

fn invalid_text(path: &str, value: &str, message: Option<&str>) -> Refusal {
    invalid(path, &Given::Text(value.to_owned()), message)
}

fn missing(path: &str) -> Refusal {
    Refusal::new(format!("Missing value for required parameter '{path}'."))
}

/// Checks a length in characters.
fn at_most_characters(name: impl Display, limit: usize, value: &str) -> Result<(), Refusal> {
    if value.chars().nth(limit).is_none() {
        return Ok(());
    }
    Err(Refusal::new(format!("'{name}' exceeds the maximum length of {limit} characters")))
}

/// Writes a text in quotes, as Python's `repr` does.
pub fn quoted(text: &str) -> String {
    python::text(text)
}

/// Appends a name to a path such as `metrics[0]`, as soon as that is to be written.
fn joined<P: Display>(path: P, name: &str) -> Joined<'_, P> {
    Joined { path, name }
}

struct Joined<'a, P> {
    path: P,
    name: &'a str,
}

impl<P: Display> Display for Joined<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.to_string().as_str() {
            "" => f.write_str(self.name),
            path => write!(f, "{path}.{}", self.name),
        }
    }
}

/// Returns true for a letter or digit of ASCII with up to `more` letters, digits, `_` and `-` behind it.
fn is_id(text: &str, more: usize) -> bool {
    let mut chars = text.chars();
    let starts = chars.next().is_some_and(|c| c.is_ascii_alphanumeric());
    let rest = chars.as_str();
    starts && rest.chars().all(|c| python::is_word(c) || c == '-') && rest.chars().nth(more).is_none()
}

/// Refuses a name that, as a path, would be another name.
fn unique_as_path(path: impl Display, name: &str) -> Result<(), Refusal> {
    if !name.is_empty() && !name.contains(['/', '.']) {
        return Ok(());
    }
    let norm = normal_path(name);
    if norm == name && norm != "." && !norm.starts_with("..") && !norm.starts_with('/') {
        return Ok(());
    }
    let message = format!(
        "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. \
         This name would resolve to {}",
        python::text(&norm)
    );
    Err(invalid_text(&path.to_string(), name, Some(&message)))
}

/// Writes a path without empty and single-dot parts, and double dots resolved; two slashes at its start stay two.
fn normal_path(path: &str) -> String {
    let slashes = path.len() - path.trim_start_matches('/').len();
    let root = match slashes {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if !root.is_empty() => {}
            part => parts.push(part),
        }
    }
    let normal = format!("{root}{}", parts.join("/"));
    if normal.is_empty() { ".".to_owned() } else { normal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_in_one_form() {
        for (path, expected) in [
            ("", "."),
            ("a", "a"),
            ("a//b/./c/", "a/b/c"),
            ("a/../b", "b"),
            ("../a/..", ".."),
            ("a/../../b", "../b"),
            ("/..", "/"),
            ("//a", "//a"),
            ("///a", "/a"),
        ] {
            assert_eq!(normal_path(path), expected, "{path}");
        }
    }
}
