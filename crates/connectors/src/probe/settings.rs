//! Reading `probes.toml`: strictly, with every key accounted for.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Url;
use serde::Deserialize;

use super::{Kind, Probe};

/// Is how many probes there may be.
pub const PROBES_MAX: usize = 1_000;

/// Are how few and how many seconds may be between two looks.
const EVERY_SECONDS: std::ops::RangeInclusive<u64> = 1..=600;

/// Is how many seconds are between two looks unless the file says otherwise.
const EVERY_SECONDS_USUAL: u64 = 60;

/// Is where a pod finds the API of its cluster, the certificate of that, and its own token.
const CLUSTER: &str = "https://kubernetes.default.svc";
const CLUSTER_CA: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
const CLUSTER_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Says what is probed, and how often.
#[derive(Clone)]
pub struct Settings {
    /// How many seconds are between two looks.
    pub every_seconds: u64,
    /// The probes, by name.
    pub probes: Vec<Probe>,
}

/// Is `probes.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    every_seconds: Option<u64>,
    #[serde(default)]
    probes: BTreeMap<String, Entry>,
}

/// Is one probe of the file, of any kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: String,
    model: String,
    target: Option<String>,
    url: Option<String>,
    #[serde(default)]
    allow_private: bool,
    #[serde(default)]
    private: Vec<String>,
    token_file: Option<String>,
    ca_file: Option<String>,
    version: Option<String>,
    digest: Option<String>,
    served_as: Option<String>,
    namespace: Option<String>,
    selector: Option<String>,
    container: Option<String>,
}

/// Reads settings.
///
/// # Errors
///
/// A text with the first thing that is wrong.
pub fn settings(text: &str) -> Result<Settings, String> {
    let file: File = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: {}", before.matches('\n').count().saturating_add(1), error.message())
    })?;
    if file.probes.is_empty() {
        return Err("there is no probe: name one as `[probes.NAME]`".to_owned());
    }
    if file.probes.len() > PROBES_MAX {
        return Err(format!("there are more than {PROBES_MAX} probes"));
    }
    let every_seconds = file.every_seconds.unwrap_or(EVERY_SECONDS_USUAL);
    if !EVERY_SECONDS.contains(&every_seconds) {
        return Err("`every_seconds` is from 1 to 600".to_owned());
    }
    let named = |(name, entry): (String, Entry)| probe(&name, entry).map_err(|why| format!("probe `{name}`: {why}"));
    let probes = file.probes.into_iter().map(named).collect::<Result<Vec<_>, _>>()?;
    let mut places = BTreeSet::new();
    for probe in &probes {
        let is_cluster = matches!(probe.kind, Kind::Kubernetes { .. });
        if !places.insert((&probe.model, &probe.target, is_cluster)) {
            return Err(format!("probe `{}`: another probe looks at the same model and target already", probe.name));
        }
    }
    Ok(Settings { every_seconds, probes })
}

fn probe(name: &str, entry: Entry) -> Result<Probe, String> {
    let kind = kind(&entry)?;
    if entry.allow_private == entry.private.is_empty() {
        return Err("`allow_private` and `private`, the networks that it allows, go together".to_owned());
    }
    let is_cluster = matches!(kind, Kind::Kubernetes { .. });
    let usual = |usual: &str| is_cluster.then(|| usual.to_owned());
    let at_home = entry.url.is_none();
    let url = entry.url.or_else(|| usual(CLUSTER)).ok_or("`url` is missing")?;
    let url = address(&url, !entry.private.is_empty())?;
    let (token_file, ca_file) = match (at_home, entry.token_file, entry.ca_file) {
        (true, token, ca) => (token.or_else(|| usual(CLUSTER_TOKEN)), ca.or_else(|| usual(CLUSTER_CA))),
        (false, token, ca) => (token, ca),
    };
    let target = entry.target.unwrap_or_else(|| name.to_owned());
    Ok(Probe {
        name: name.to_owned(),
        model: entry.model,
        target,
        kind,
        url,
        token_file,
        ca_file,
        private: entry.private,
    })
}

fn kind(entry: &Entry) -> Result<Kind, String> {
    let own = |keys: &[&str]| {
        let given = [
            ("version", entry.version.is_some()),
            ("digest", entry.digest.is_some()),
            ("served_as", entry.served_as.is_some()),
            ("namespace", entry.namespace.is_some()),
            ("selector", entry.selector.is_some()),
            ("container", entry.container.is_some()),
        ];
        match given.iter().find(|(key, given)| *given && !keys.contains(key)) {
            Some((key, _)) => Err(format!("`{key}` is no key of this kind of probe")),
            None => Ok(()),
        }
    };
    match entry.kind.as_str() {
        "json" => {
            own(&["version", "digest"])?;
            let version = pointer(entry.version.as_deref().ok_or("`version` is missing")?)?;
            Ok(Kind::Json { version, digest: entry.digest.as_deref().map(pointer).transpose()? })
        }
        "open-inference" => {
            own(&["served_as"])?;
            Ok(Kind::OpenInference { served_as: entry.served_as.clone().unwrap_or_else(|| entry.model.clone()) })
        }
        "mlflow" => own(&[]).map(|()| Kind::Mlflow),
        "kubernetes" => {
            own(&["namespace", "selector", "container"])?;
            let selector = entry.selector.clone().filter(|text| !text.is_empty()).ok_or("`selector` is missing")?;
            let namespace = entry.namespace.clone().unwrap_or_else(|| "default".to_owned());
            Ok(Kind::Kubernetes { namespace, selector, container: entry.container.clone() })
        }
        other => Err(format!("`{other}` is no kind; there are json, open-inference, mlflow, kubernetes")),
    }
}

fn pointer(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is no pointer such as `/model/version`"))
    }
}

/// Reads an address: without TLS only within a private network.
fn address(text: &str, is_private: bool) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("`url` is no address: {error}"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err("`url` begins neither with https nor with http".to_owned());
    }
    if url.scheme() == "http" && !is_private {
        return Err("`url` begins with http, which is for private networks alone".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("`url` holds a name, a password or a fragment".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const JSON: &str =
        "[probes.eu]\nkind = \"json\"\nmodel = \"fraud\"\nurl = \"https://a.example/s\"\nversion = \"/v\"\n";

    #[test]
    fn every_kind_is_read() {
        let text = format!(
            "every_seconds = 5\n{JSON}[probes.us]\nkind = \"open-inference\"\nmodel = \"fraud\"\nurl = \"https://b.example\"\n\
             [probes.m]\nkind = \"mlflow\"\nmodel = \"fraud\"\nurl = \"http://c.example\"\nallow_private = true\nprivate = [\"10.0.0.0/8\"]\n\
             [probes.k]\nkind = \"kubernetes\"\nmodel = \"fraud\"\nselector = \"app=fraud\"\nallow_private = true\nprivate = [\"10.0.0.0/8\"]\n"
        );
        let read = settings(&text).unwrap();
        let kinds: Vec<_> = read.probes.iter().map(|probe| (probe.name.as_str(), probe.kind.name())).collect();
        assert_eq!(kinds, [("eu", "json"), ("k", "kubernetes"), ("m", "mlflow"), ("us", "open-inference")]);
        let cluster = &read.probes[1];
        assert_eq!((cluster.url.as_str(), cluster.target.as_str()), ("https://kubernetes.default.svc/", "k"));
        assert!(cluster.token_file.is_some() && cluster.ca_file.is_some());
        assert_eq!(read.every_seconds, 5);
        let served_as = Kind::OpenInference { served_as: "fraud".into() };
        assert_eq!(read.probes[3].kind, served_as);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, why) in [
            ("", "there is no probe"),
            ("[probes.eu]\nkind = \"json\"\nmodle = 1\n", "line"),
            (&format!("every_seconds = 0\n{JSON}"), "from 1 to 600"),
            (&JSON.replace("json", "xml"), "is no kind"),
            (&JSON.replace("version = \"/v\"\n", ""), "`version` is missing"),
            (&JSON.replace("\"/v\"", "\"v\""), "no pointer"),
            (&JSON.replace("https:", "http:"), "private networks alone"),
            (&JSON.replace("https:", "ftp:"), "neither with https"),
            (&JSON.replace("https://", "https://u:p@"), "a password"),
            (&format!("{JSON}allow_private = true\n"), "go together"),
            (&format!("{JSON}private = [\"10.0.0.0/8\"]\n"), "go together"),
            (&format!("{JSON}selector = \"a=b\"\n"), "no key of this kind"),
            (&JSON.replace("url = \"https://a.example/s\"\n", ""), "`url` is missing"),
            (&format!("{JSON}{}", JSON.replace("probes.eu]", "probes.us]\ntarget = \"eu\"")), "same model and target"),
        ] {
            let said = settings(text).err().unwrap_or_default();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
