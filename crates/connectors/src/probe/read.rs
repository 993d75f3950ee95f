//! Reading what those who serve models answer. What is not said clearly is not read.

use serde_json::Value;
use types::Digest;
use types::json::SAFE_INTEGER_MAX;

use super::cluster::{DIGEST, MODEL, VERSION};
use super::http::reason;
use super::{Served, VERSIONS_MAX};

/// Is the longest word that a server calls its own version.
const OWN_VERSION_MAX: usize = 64;

fn parsed(text: &str) -> Result<Value, String> {
    types::json::parse(text).map_err(|error| reason(&format!("its answer cannot be read: {error}")))
}

/// Reads the number of a version: a whole number, or its digits as a text.
fn number(value: &Value) -> Result<u64, String> {
    let found = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => digits(text),
        _ => None,
    };
    found
        .filter(|number| (1..=SAFE_INTEGER_MAX).contains(number))
        .ok_or_else(|| reason(&format!("what it calls its version is no number: {value}")))
}

fn digits(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|number| is_plain && *number <= SAFE_INTEGER_MAX)
}

/// Reads the digest over a model's files: 64 hexadecimal digits, after `sha256:` or not.
fn digest(text: &str) -> Result<Digest, String> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    let mut bytes = [0_u8; 32];
    let mut pairs = hex.as_bytes().chunks_exact(2);
    for (byte, pair) in bytes.iter_mut().zip(&mut pairs) {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()));
        *byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or("what it calls its digest is none")?;
    }
    if hex.len() == 64 { Ok(Digest(bytes)) } else { Err("what it calls its digest is none".to_owned()) }
}

/// Reads a document that says which version is served, and the digest over its files; nothing is served where it says `null`.
///
/// - `version`, `files`: pointers (RFC 6901).
///
/// # Errors
///
/// A text that says what cannot be read.
pub fn json(text: &str, version: &str, files: Option<&str>) -> Result<Option<Served>, String> {
    let document = parsed(text)?;
    let found = document.pointer(version).ok_or_else(|| reason(&format!("its answer has nothing at `{version}`")))?;
    if found.is_null() {
        return Ok(None);
    }
    let version = number(found)?;
    let digest = match files.map(|files| (files, document.pointer(files))) {
        None => None,
        Some((_, Some(Value::String(text)))) => Some(digest(text)?),
        Some((files, _)) => return Err(reason(&format!("its answer has no digest at `{files}`"))),
    };
    Ok(Some(Served { version, digest, images: Vec::new() }))
}

/// Reads the versions of a model (Open Inference Protocol v2, model metadata).
///
/// # Errors
///
/// A text that says what cannot be read; also if another model is told of, or no versions are.
pub fn metadata(text: &str, served_as: &str) -> Result<Vec<u64>, String> {
    let document = parsed(text)?;
    if document.get("name").and_then(Value::as_str) != Some(served_as) {
        return Err("it tells of another model".to_owned());
    }
    let versions = document.get("versions").and_then(Value::as_array).ok_or("it does not say which versions it has")?;
    if versions.len() > VERSIONS_MAX {
        return Err(format!("it tells of more than {VERSIONS_MAX} versions"));
    }
    let mut all = versions.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// Reads whether a version of a model is ready: by the status, and by the word of servers that say it in the body.
///
/// # Errors
///
/// A text, for an answer that says neither.
pub fn readiness(status: u16, text: &str) -> Result<bool, String> {
    let said = types::json::parse(text).ok().and_then(|body| body.get("ready").and_then(Value::as_bool));
    match (status, said) {
        (200, said) => Ok(said.unwrap_or(true)),
        (400 | 404 | 503, _) => Ok(false),
        (status, _) => Err(format!("it answers with status {status} whether it is ready")),
    }
}

/// Reads what MLflow's scoring server calls its own version.
///
/// # Errors
///
/// A text, for what is no version.
pub fn mlflow(text: &str) -> Result<String, String> {
    let own = text.trim().trim_matches('"');
    let fits = own.starts_with(|c: char| c.is_ascii_digit()) && own.len() <= OWN_VERSION_MAX;
    if !fits || !own.bytes().all(|b| b.is_ascii_alphanumeric() || b".+-".contains(&b)) {
        return Err("what it calls its own version is none, so it is no scoring server of MLflow".to_owned());
    }
    Ok(format!("MLflow {own} serves, and does not say which version of the model"))
}

/// Is one page of pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Those that run.
    pub pods: Vec<Pod>,
    /// How many it lists, whether they run or not.
    pub listed: usize,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Is a pod that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// What it serves.
    pub served: Served,
}

/// Reads a page of pods (Kubernetes API, `PodList`): those that run, and are not on their way out. A pod of another model is passed over.
///
/// - `container`: the one whose image counts; all of them without one.
///
/// # Errors
///
/// A text that says what cannot be read; also of a pod that runs and does not say which version it serves.
pub fn pods(text: &str, model: &str, container: Option<&str>) -> Result<Page, String> {
    let document = parsed(text)?;
    if document.get("kind").and_then(Value::as_str) != Some("PodList") {
        return Err("its answer is no list of pods".to_owned());
    }
    let items = document.get("items").and_then(Value::as_array).ok_or("its answer has no list of pods")?;
    let mut pods = Vec::new();
    for item in items {
        if item.pointer("/metadata/deletionTimestamp").is_some() {
            continue;
        }
        if item.pointer("/status/phase").and_then(Value::as_str) == Some("Running") {
            pods.extend(pod(item, model, container)?);
        }
    }
    let next = document.pointer("/metadata/continue").and_then(Value::as_str);
    let next = next.filter(|next| !next.is_empty()).map(str::to_owned);
    Ok(Page { pods, listed: items.len(), next })
}

fn pod(item: &Value, model: &str, container: Option<&str>) -> Result<Option<Pod>, String> {
    let name = item.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let of = |place: &str, key: &str| item.get("metadata")?.get(place)?.get(key)?.as_str().map(str::to_owned);
    let said = |key: &str| of("annotations", key).or_else(|| of("labels", key));
    if said(MODEL).is_some_and(|other| other != model) {
        return Ok(None);
    }
    let version = said(VERSION).ok_or_else(|| reason(&format!("pod `{name}` has no `{VERSION}`")))?;
    let version = digits(&version).ok_or_else(|| reason(&format!("`{VERSION}` of pod `{name}` is no number")))?;
    let digest = said(DIGEST).map(|text| digest(&text)).transpose();
    let digest = digest.map_err(|_| reason(&format!("`{DIGEST}` of pod `{name}` is no digest")))?;
    let images =
        images(item, container).ok_or_else(|| reason(&format!("pod `{name}` does not say which image it runs")))?;
    Ok(Some(Pod { served: Served { version, digest, images } }))
}

/// Returns the digests of a pod's images, in order.
fn images(item: &Value, container: Option<&str>) -> Option<Vec<String>> {
    let all = item.pointer("/status/containerStatuses")?.as_array()?;
    let is_it = |one: &&Value| container.is_none_or(|name| one.get("name").and_then(Value::as_str) == Some(name));
    let image = |one: &Value| {
        let id = one.get("imageID")?.as_str()?;
        let digest = id.rsplit_once('@').map_or(id, |(_, digest)| digest);
        let fits = digest.len() <= 256 && digest.bytes().all(|b| b.is_ascii_graphic());
        (fits && !digest.is_empty()).then(|| digest.to_owned())
    };
    let mut found = all.iter().filter(is_it).map(image).collect::<Option<Vec<_>>>()?;
    found.sort();
    found.dedup();
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json as value;

    use super::*;

    const FILES: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn a_document_says_what_is_served_or_is_not_read() {
        let of = |text: &str| json(text, "/model/version", None);
        assert_eq!(of(r#"{"model": {"version": 7}}"#).unwrap().unwrap().version, 7);
        assert_eq!(of(r#"{"model": {"version": "7"}, "load": 0.5}"#).unwrap().unwrap().version, 7);
        assert_eq!(of(r#"{"model": {"version": null}}"#), Ok(None), "it says that nothing is served");
        for wrong in [
            "",
            "7",
            "<html>",
            "{}",
            r#"{"model": {}}"#,
            r#"{"model": {"version": 0}}"#,
            r#"{"model": {"version": -7}}"#,
            r#"{"model": {"version": 7.5}}"#,
            r#"{"model": {"version": "07"}}"#,
            r#"{"model": {"version": "v7"}}"#,
            r#"{"model": {"version": ""}}"#,
            r#"{"model": {"version": true}}"#,
            r#"{"model": {"version": 7}, "model": {"version": 8}}"#,
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_digest_that_is_asked_for_must_be_there_whole() {
        let of = |digest: &str| json(&format!(r#"{{"v": 7, "d": {digest}}}"#), "/v", Some("/d"));
        let found = of(&format!("\"sha256:{FILES}\"")).unwrap().unwrap().digest.unwrap();
        assert_eq!(found, of(&format!("\"{FILES}\"")).unwrap().unwrap().digest.unwrap());
        assert_eq!((found.0[0], found.0[1], found.0[31]), (0, 0x11, 0xff));
        let (short, long, odd) = (&FILES[2..], format!("{FILES}00"), format!("+1{}", &FILES[2..]));
        for wrong in ["null", "7", "\"\"", &format!("\"{short}\""), &format!("\"{long}\""), &format!("\"{odd}\"")] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        assert!(json(r#"{"v": 7}"#, "/v", Some("/d")).is_err());
    }

    #[test]
    fn metadata_of_another_model_or_without_versions_says_nothing() {
        assert_eq!(metadata(r#"{"name": "fraud", "versions": ["2", "1", "2"]}"#, "fraud"), Ok(vec![1, 2]));
        assert_eq!(metadata(r#"{"name": "fraud", "versions": []}"#, "fraud"), Ok(vec![]));
        let many = value!({ "name": "fraud", "versions": vec!["1"; VERSIONS_MAX + 1] }).to_string();
        for wrong in [
            r#"{"name": "spam", "versions": ["1"]}"#,
            r#"{"name": "fraud"}"#,
            r#"{"name": "fraud", "versions": null}"#,
            r#"{"name": "fraud", "versions": ["one"]}"#,
            &many,
        ] {
            assert!(metadata(wrong, "fraud").is_err(), "{wrong}");
        }
    }

    #[test]
    fn readiness_is_said_by_status_and_by_body() {
        assert_eq!(readiness(200, ""), Ok(true));
        assert_eq!(readiness(200, r#"{"ready": true}"#), Ok(true));
        assert_eq!(readiness(200, r#"{"ready": false}"#), Ok(false));
        for status in [400, 404, 503] {
            assert_eq!(readiness(status, r#"{"ready": true}"#), Ok(false), "{status}");
        }
        for status in [204, 301, 401, 500] {
            assert!(readiness(status, "").is_err(), "{status}");
        }
    }

    #[test]
    fn the_scoring_server_says_its_own_version_alone() {
        assert!(mlflow("3.17.2\n").unwrap().contains("does not say which version of the model"));
        for wrong in ["", "<html>", "v3", "3.1 <b>"] {
            assert!(mlflow(wrong).is_err(), "{wrong}");
        }
    }

    fn list(pods: &[Value], next: &str) -> String {
        value!({ "kind": "PodList", "metadata": { "continue": next }, "items": pods }).to_string()
    }

    fn pod_of(version: Option<&str>) -> Value {
        let mut pod = value!({
            "metadata": { "name": "fraud-1", "labels": { "app": "fraud" }, "annotations": { DIGEST: FILES } },
            "status": { "phase": "Running", "containerStatuses": [
                { "name": "server", "imageID": "docker.io/library/fraud@sha256:aa" },
                { "name": "proxy", "imageID": "docker.io/library/proxy@sha256:bb" },
            ] },
        });
        if let Some(version) = version {
            pod["metadata"]["labels"][VERSION] = version.into();
        }
        pod
    }

    #[test]
    fn pods_say_their_version_digest_and_images() {
        let page = pods(&list(&[pod_of(Some("7"))], "more"), "fraud", None).unwrap();
        let served = &page.pods[0].served;
        assert_eq!((page.listed, page.next.as_deref(), served.version), (1, Some("more"), 7));
        assert_eq!(served.images, ["sha256:aa", "sha256:bb"]);
        assert!(served.digest.is_some());
        let page = pods(&list(&[pod_of(Some("7"))], ""), "fraud", Some("server")).unwrap();
        assert_eq!((page.next, page.pods[0].served.images.clone()), (None, vec!["sha256:aa".to_owned()]));
    }

    #[test]
    fn a_pod_that_does_not_run_counts_for_nothing_and_one_that_says_nothing_is_not_passed_over() {
        let mut pending = pod_of(None);
        pending["status"]["phase"] = "Pending".into();
        let mut leaving = pod_of(None);
        leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        let mut other = pod_of(None);
        other["metadata"]["labels"][MODEL] = "spam".into();
        assert_eq!(pods(&list(&[pending, leaving, other], ""), "fraud", None).unwrap().pods, []);
        let mut digest = pod_of(Some("7"));
        digest["metadata"]["annotations"][DIGEST] = "none".into();
        let mut image = pod_of(Some("7"));
        image["status"]["containerStatuses"] = value!([]);
        for wrong in [pod_of(None), pod_of(Some("seven")), digest, image] {
            assert!(pods(&list(&[pod_of(Some("7")), wrong.clone()], ""), "fraud", None).is_err(), "{wrong}");
        }
        assert!(pods(&list(&[pod_of(Some("7"))], ""), "fraud", Some("sidecar")).is_err());
        assert!(pods(r#"{"kind": "Status", "items": []}"#, "fraud", None).is_err());
    }
}
