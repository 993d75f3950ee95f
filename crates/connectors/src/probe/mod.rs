//! Probes: asking what serves a model which version that is.
//!
//! The operator's settings name every address that is asked, and [`Judge`] says whether its host may be spoken to. An answer is read within
//! bounds and strictly: what cannot be read tells nothing, which is never taken for good news.

mod cluster;
mod http;
mod read;
mod settings;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use reqwest::Url;
use types::Digest;

pub use cluster::{DIGEST as CLUSTER_DIGEST, PODS_MAX, VERSION as CLUSTER_VERSION};
pub use read::{Page, Pod, json, metadata, mlflow, pods, readiness};
pub use settings::{PROBES_MAX, Settings, settings};

use http::Way;

/// Is how many versions at once a probe tells of at most.
pub const VERSIONS_MAX: usize = 64;

/// Reads a file that the settings name; the text says why it cannot be.
pub type ReadFile = Arc<dyn Fn(&str) -> Result<Vec<u8>, String> + Send + Sync>;

/// Is a host on its way to the addresses that may be spoken to.
pub type Judged<'a> = Pin<Box<dyn Future<Output = Result<Vec<Address>, String>> + Send + 'a>>;

/// Is an address that a host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Where it is.
    pub at: SocketAddr,
    /// Whether it is in a network that the settings name, and no public one.
    pub is_private: bool,
}

/// Judges where a probe may go.
pub trait Judge: Send + Sync {
    /// Resolves a host once, and returns its addresses if all of them may be spoken to.
    fn judge<'a>(&'a self, host: &'a str, port: u16) -> Judged<'a>;
}

/// Is one probe of the settings.
#[derive(Clone)]
pub struct Probe {
    /// What the settings call it.
    pub name: String,
    /// The registered model that is served.
    pub model: String,
    /// The target that it is served at.
    pub target: String,
    /// What is asked, and how.
    pub kind: Kind,
    /// Where.
    pub url: Url,
    /// The file of the bearer token; it is read before each try, since such tokens change.
    pub token_file: Option<String>,
    /// The file of certificates that are believed besides the machine's own.
    pub ca_file: Option<String>,
    /// The private networks it may be in, as the settings write them.
    pub private: Vec<String>,
}

/// Says what is asked, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A JSON document, with pointers (RFC 6901) to the version and to the digest.
    Json {
        /// Where the version stands.
        version: String,
        /// Where the digest over the model's files stands.
        digest: Option<String>,
    },
    /// The Open Inference Protocol, version 2.
    OpenInference {
        /// What the server calls the model.
        served_as: String,
    },
    /// MLflow's scoring server, which tells that it serves and not what.
    Mlflow,
    /// The API of a cluster.
    Kubernetes {
        /// The namespace of the pods.
        namespace: String,
        /// What selects them.
        selector: String,
        /// The container whose image counts; all of them without one.
        container: Option<String>,
    },
}

impl Kind {
    /// Returns the name that settings use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Json { .. } => "json",
            Self::OpenInference { .. } => "open-inference",
            Self::Mlflow => "mlflow",
            Self::Kubernetes { .. } => "kubernetes",
        }
    }
}

/// Is what serves: a version, as far as that is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Served {
    /// The version's number.
    pub version: u64,
    /// The digest over the model's files.
    pub digest: Option<Digest>,
    /// The digests of the images.
    pub images: Vec<String>,
}

/// Is what a probe was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// These versions are served; none if nothing is.
    Serves(Vec<Served>),
    /// Something is served, and nobody says which version.
    Alive(String),
}

impl Probe {
    /// Asks once.
    ///
    /// # Errors
    ///
    /// A text that says why nothing was told: an address that may not be spoken to, no answer in time, one that is too long, or one that cannot
    /// be read.
    pub async fn ask(&self, judge: &dyn Judge, read: &ReadFile) -> Result<Told, String> {
        let way = Way::of(self, judge, read).await?;
        match &self.kind {
            Kind::Json { version, digest } => {
                let body = way.get_ok(self.url.clone()).await?;
                json(&body, version, digest.as_deref()).map(|served| Told::Serves(served.into_iter().collect()))
            }
            Kind::OpenInference { served_as } => self.inference(&way, served_as).await,
            Kind::Mlflow => {
                way.get_ok(self.below(&["ping"])?).await?;
                mlflow(&way.get_ok(self.below(&["version"])?).await?).map(Told::Alive)
            }
            Kind::Kubernetes { namespace, selector, container } => {
                let named = (namespace.as_str(), selector.as_str(), container.as_deref());
                cluster::ask(&way, &self.url, named, &self.model).await.map(Told::Serves)
            }
        }
    }

    /// Asks for the versions of a model, and for each whether it is ready.
    async fn inference(&self, way: &Way, served_as: &str) -> Result<Told, String> {
        let versions = metadata(&way.get_ok(self.below(&["v2", "models", served_as])?).await?, served_as)?;
        let mut ready = Vec::new();
        for version in versions {
            let url = self.below(&["v2", "models", served_as, "versions", &version.to_string(), "ready"])?;
            let (status, body) = way.get(url).await?;
            if readiness(status, &body)? {
                ready.push(Served { version, digest: None, images: Vec::new() });
            }
        }
        Ok(Told::Serves(ready))
    }

    /// Returns the address of a path below the probe's own.
    fn below(&self, segments: &[&str]) -> Result<Url, String> {
        http::below(&self.url, segments)
    }
}
