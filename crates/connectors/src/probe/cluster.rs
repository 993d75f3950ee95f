//! Asking a cluster's API which pods run (Kubernetes, `GET /api/v1/namespaces/{namespace}/pods`).

use std::collections::BTreeSet;

use reqwest::Url;

use super::http::{Way, below};
use super::read::pods;
use super::{Served, VERSIONS_MAX};

/// Is the label, or the annotation, in which a pod says which version it serves.
pub const VERSION: &str = "countersign/version";

/// Is the annotation in which it says the digest over the files that it has loaded.
pub const DIGEST: &str = "countersign/digest";

/// Is the label, or the annotation, in which it says which model it serves, where pods of several are selected.
pub const MODEL: &str = "countersign/model";

/// Is how many pods are looked at.
pub const PODS_MAX: usize = 10_000;

/// Is how many are asked for at once.
const PAGE: usize = 100;

/// Returns what the pods of a model serve, each combination once.
///
/// - `named`: the namespace, what selects the pods, and the container whose image counts.
///
/// # Errors
///
/// A text that says why nothing is known.
pub(super) async fn ask(
    way: &Way,
    url: &Url,
    (namespace, selector, container): (&str, &str, Option<&str>),
    model: &str,
) -> Result<Vec<Served>, String> {
    let base = below(url, &["api", "v1", "namespaces", namespace, "pods"])?;
    let (mut all, mut listed, mut next) = (BTreeSet::new(), 0_usize, None);
    loop {
        let page = pods(&way.get_ok(page(&base, selector, next.as_deref())).await?, model, container)?;
        listed = listed.saturating_add(page.listed);
        all.extend(page.pods.into_iter().map(|pod| pod.served));
        if listed > PODS_MAX || all.len() > VERSIONS_MAX {
            return Err(format!("there are more than {PODS_MAX} pods, or {VERSIONS_MAX} kinds of them"));
        }
        match page.next {
            // A page of nothing that leads on would lead on for ever.
            Some(_) if page.listed == 0 => return Err("it leads on and lists nothing".to_owned()),
            Some(token) => next = Some(token),
            None => return Ok(all.into_iter().collect()),
        }
    }
}

fn page(base: &Url, selector: &str, next: Option<&str>) -> Url {
    let mut url = base.clone();
    url.query_pairs_mut().append_pair("labelSelector", selector).append_pair("limit", &PAGE.to_string());
    if let Some(next) = next {
        url.query_pairs_mut().append_pair("continue", next);
    }
    url
}
