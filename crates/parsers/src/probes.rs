//! What those who serve models answer to probes, and the settings of probes.

use connectors::probe::{VERSIONS_MAX, json, metadata, mlflow, pods, readiness, settings};

use crate::base::Taker;

/// Answers to probes: what is read is a version that there can be, and what tells nothing is refused.
pub fn probes(bytes: &[u8]) {
    let mut taker = Taker::new(bytes);
    let which = taker.byte() % 6;
    let Ok(text) = std::str::from_utf8(taker.rest()) else { return };
    match which {
        0 => {
            if let Ok(Some(served)) = json(text, "/v", Some("/d")) {
                assert!(served.version > 0 && served.digest.is_some());
            }
        }
        1 => {
            if let Ok(versions) = metadata(text, "m") {
                assert!(versions.len() <= VERSIONS_MAX && versions.is_sorted() && versions.iter().all(|one| *one > 0));
            }
        }
        2 => assert!(readiness(503, text) == Ok(false) && readiness(500, text).is_err()),
        3 => {
            if let Ok(said) = mlflow(text) {
                assert!(said.len() < 200 && !said.contains(['<', '\n']));
            }
        }
        4 => {
            if let Ok(page) = pods(text, "m", None) {
                assert!(page.pods.len() <= page.listed);
                for pod in page.pods {
                    assert!(pod.served.version > 0 && !pod.served.images.is_empty());
                }
            }
        }
        _ => {
            if let Ok(read) = settings(text) {
                for probe in read.probes {
                    assert!(matches!(probe.url.scheme(), "http" | "https") && probe.url.password().is_none());
                    assert!(probe.url.scheme() == "https" || !probe.private.is_empty());
                }
            }
        }
    }
}
