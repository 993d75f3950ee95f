//! Sources of model versions: what they may name, and to whom what they name must belong.
//!
//! A version says where its files are. MLflow's clients believe it, so a source that names somebody else's files would have
//! them loaded under a good name. The rules are MLflow's; whether a run or a model is there, and where its files are, is up to
//! whoever keeps them.

mod uri;

use crate::{Refusal, python};
use uri::{Parts, segments, split, split_whole};

/// Are what prompts have in place of a source.
const PROMPT_SOURCES: [&str; 2] = ["dummy-source", "prompt-template"];

/// Are the schemes that name a host, which would be connected to.
const HOST_SCHEMES: [&str; 9] = ["ftp", "sftp", "hdfs", "viewfs", "http", "https", "r2", "b2", "abfss"];

/// Is how often an address may be percent-encoded; more than that is no address that anybody writes.
const ENCODED_MAX: usize = 8;

/// Is the scheme of artifacts that are kept here.
const ARTIFACTS: &str = "mlflow-artifacts";

/// Is what a `models:` address names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A logged model, by its id.
    Logged(String),
    /// A version of a registered model.
    Version {
        /// The model's name.
        name: String,
        /// The number, in ASCII digits.
        number: String,
    },
    /// The latest version of a registered model.
    Latest {
        /// The model's name.
        name: String,
        /// The stage it is to be in, as it was written; any stage if there is none.
        stage: Option<String>,
    },
    /// The version that an alias names.
    Alias {
        /// The model's name.
        name: String,
        /// The alias.
        alias: String,
    },
}

/// Says to whom the files of a source must belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The run that made the model.
    Run,
    /// The logged model.
    Model,
}

impl Owner {
    fn parameter(self) -> &'static str {
        match self {
            Self::Run => "run_id",
            Self::Model => "model_id",
        }
    }
}

/// Says what more must hold of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Nothing.
    Free,
    /// It must be [within](is_within) the artifacts of its owner.
    Within,
}

/// Checks the source of a prompt, which has none.
///
/// # Errors
///
/// Anything but the two words that MLflow's clients send.
pub fn prompt(source: &str) -> Result<(), Refusal> {
    if PROMPT_SOURCES.contains(&source) {
        return Ok(());
    }
    Err(Refusal::new(format!("Invalid prompt source: '{source}'. Prompt sources must use an MLflow placeholder.")))
}

/// Refuses a source whose scheme names a host.
///
/// # Errors
///
/// A scheme such as `http`, and `mlflow-artifacts` with a host.
pub fn no_host(source: &str) -> Result<(), Refusal> {
    let Parts { scheme, authority, .. } = split(source);
    let scheme = scheme.as_str();
    if !HOST_SCHEMES.contains(&scheme) && (scheme != ARTIFACTS || authority.is_empty()) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "'source' cannot use the '{scheme}' scheme: the '{scheme}' scheme addresses a host other than the tracking server's \
         configured artifact storage, so the server would connect to the host named in the URI. Set the \
         MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES environment variable on the server to allow it."
    )))
}

/// Reads what a `models:` address names; nothing, if the source is no such address.
///
/// # Errors
///
/// A `models:` address that names another registry, or nothing at all.
pub fn reference(source: &str) -> Result<Option<Reference>, Refusal> {
    let parts = split(source);
    if parts.scheme != "models" {
        return Ok(None);
    }
    if !parts.authority.is_empty() {
        return Err(Refusal::new(format!(
            "Invalid model version source: '{source}'. Registered model sources must use the active model registry."
        )));
    }
    read_reference(source).map(Some).ok_or_else(|| unowned(source, Owner::Model))
}

fn read_reference(source: &str) -> Option<Reference> {
    let path = split_whole(source).path;
    if !path.starts_with('/') {
        return None;
    }
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let is_blank = |text: &str| text.chars().all(python::is_space);
    let text = |text: &str| (!is_blank(text)).then(|| text.to_owned());
    match parts.as_slice() {
        [first] if first.contains('@') => {
            let (name, alias) = first.rsplit_once('@')?;
            Some(Reference::Alias { name: name.to_owned(), alias: text(alias)? })
        }
        [id] => text(id).map(Reference::Logged),
        [name, suffix] => {
            let (name, suffix) = (text(name)?, text(suffix)?);
            if suffix.bytes().all(|b| b.is_ascii_digit()) {
                return Some(Reference::Version { name, number: suffix });
            }
            let stage = (!suffix.eq_ignore_ascii_case("latest")).then_some(suffix);
            Some(Reference::Latest { name, stage })
        }
        _ => None,
    }
}

/// Judges a source of whoever claims to own it, and says what more must hold.
///
/// - `id`: the owner's id, as it was given; may be empty.
///
/// # Errors
///
/// A path of a disk, or artifacts that are kept here, without an owner; an address that climbs; one of another run or model.
pub fn claim(source: &str, owner: Owner, id: &str) -> Result<Claim, Refusal> {
    let within = || match id {
        "" if is_local(source) => Err(uncontained(source, owner)),
        "" => Err(unowned(source, owner)),
        _ => Ok(Claim::Within),
    };
    if is_local(source) {
        return within();
    }
    if !is_plain(source) {
        return Err(relative(source));
    }
    let Parts { scheme, authority, .. } = split(source);
    match scheme.as_str() {
        "runs"
            if owner == Owner::Run
                && authority.is_empty()
                && !id.is_empty()
                && run_of(source) == Some(id.to_owned()) =>
        {
            Ok(Claim::Free)
        }
        "runs" => Err(unowned(source, owner)),
        "models" => match reference(source)? {
            Some(Reference::Logged(model)) if owner == Owner::Run || model != id => Err(unowned(source, Owner::Model)),
            _ => Ok(Claim::Free),
        },
        ARTIFACTS => within(),
        _ => Ok(Claim::Free),
    }
}

/// Returns the run that a `runs:` address names.
fn run_of(source: &str) -> Option<String> {
    let path = split(source).path;
    let run = path.strip_prefix('/')?.split('/').next()?;
    (!run.is_empty()).then(|| run.to_owned())
}

/// Returns the run that a source names with `runs:`, and the path below its artifacts; nothing, if the source is no such address.
pub fn in_run(source: &str) -> Option<(String, String)> {
    let Parts { scheme, authority, path } = split(source);
    let run = run_of(source).filter(|_| scheme == "runs" && authority.is_empty())?;
    let below = path.strip_prefix('/')?.strip_prefix(run.as_str())?.trim_start_matches('/').to_owned();
    Some((run, below))
}

/// Says whether a source is within a place: the same place, or below it. Only whole segments count.
pub fn is_within(source: &str, place: &str) -> bool {
    let parts = |text: &str| -> Option<(String, String, Vec<String>)> {
        if is_local(text) {
            return local_path(text).map(|path| (String::new(), String::new(), segments(&path)));
        }
        let Parts { scheme, authority, path } = split(text);
        let decoded = segments(&path).iter().map(|part| uri::decoded(part, false)).collect::<Option<_>>()?;
        Some((scheme, authority.to_lowercase(), decoded))
    };
    let (Some(source), Some(place)) = (parts(source), parts(place)) else { return false };
    let alike = (&source.0, &source.1) == (&place.0, &place.1);
    alike && !place.2.is_empty() && source.2.starts_with(&place.2)
}

/// Refuses a source whose owner is not there, or is not the one that was named.
pub fn unowned(source: &str, owner: Owner) -> Refusal {
    let parameter = owner.parameter();
    Refusal::new(format!(
        "Invalid model version source: '{source}'. The {parameter} request parameter must identify the resource that \
         contains the source."
    ))
}

/// Refuses a source that is not within the artifacts of its owner.
pub fn outside(source: &str, owner: Owner) -> Refusal {
    if !is_local(source) {
        return unowned(source, owner);
    }
    let path = local_path(source).map(|path| format!("/{}", segments(&path).join("/")));
    uncontained(path.as_deref().unwrap_or(source), owner)
}

fn uncontained(path: &str, owner: Owner) -> Refusal {
    let parameter = owner.parameter();
    Refusal::new(format!(
        "Invalid model version source: '{path}'. To use a local path as a model version source, the {parameter} request \
         parameter has to be specified and the local path has to be contained within the artifact directory of the run \
         specified by the {parameter}."
    ))
}

fn relative(source: &str) -> Refusal {
    Refusal::new(format!(
        "Invalid model version source: '{source}'. If supplying a source as an http, https, local file path, ftp, \
         objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references present. \
         Please provide an absolute path."
    ))
}

/// Returns true for a path of a disk, with the scheme `file` or without one.
fn is_local(source: &str) -> bool {
    let scheme = split(source).scheme;
    source != "databricks" && (scheme.is_empty() || scheme == "file")
}

/// Returns the path of a disk, without single-dot parts; nothing if it is not absolute, climbs, or is another machine's.
fn local_path(source: &str) -> Option<String> {
    let Parts { scheme, authority, path } = split(source);
    let is_here = authority.is_empty() || authority == "." || authority.starts_with("localhost");
    let path = if scheme == "file" { path } else { source.to_owned() };
    let path = uri::unquoted(&path, false);
    let climbs = path.contains('\0') || path.split('/').any(|part| part == "..");
    (is_here && path.starts_with('/') && !climbs).then_some(path)
}

/// Returns true for an address whose path, decoded until it stays as it is, is absolute and in its one form.
fn is_plain(source: &str) -> bool {
    let Some(source) = uri::decoded(source, true) else { return false };
    let path = split(&source).path;
    let is_form = path.starts_with('/') && !segments(&path).is_empty();
    let climbs = |part: &str| part == "." || part == "..";
    is_form && !path.contains('\0') && !path.split('/').any(climbs) && !source.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_segments_are_within() {
        let root = "mlflow-artifacts:/1/run/artifacts";
        for (source, expected) in [
            ("mlflow-artifacts:/1/run/artifacts", true),
            ("mlflow-artifacts:/1/run/artifacts/model", true),
            ("mlflow-artifacts:/1/run//artifacts/model", true),
            ("mlflow-artifacts:/1/run/artif%61cts/model", true),
            ("mlflow-artifacts:/1/run/artifacts2", false),
            ("mlflow-artifacts:/1/run", false),
            ("mlflow-artifacts://host/1/run/artifacts", false),
            ("s3:/1/run/artifacts", false),
            ("/1/run/artifacts", false),
        ] {
            assert_eq!(is_within(source, root), expected, "{source}");
        }
        for (source, expected) in [
            ("/srv/a/b", true),
            ("file:///srv/a/b", true),
            ("file:/srv/a", true),
            ("/srv/a/../b", false),
            ("/srv/a/%2e%2e/b", false),
            ("srv/a", false),
            ("file://elsewhere/srv/a", false),
            ("/srv/ab", false),
        ] {
            assert_eq!(is_within(source, "/srv/a"), expected, "{source}");
        }
        assert!(!is_within("mlflow-artifacts:/1", "mlflow-artifacts:/"), "what has no segment holds nothing");
    }

    #[test]
    fn decoding_ends() {
        let deep = format!("s3://b/%{}2e%2e", "25".repeat(100_000));
        assert_eq!(claim(&deep, Owner::Run, ""), Err(relative(&deep)));
    }
}
