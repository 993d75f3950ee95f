//! A bucket of an S3-compatible store: files under names, put whole, read from the front.

use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig,
};
use reqwest::Url;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use crate::host::is_loopback;

/// Is how many bytes are put at once; a store takes 10,000 parts of a file.
pub const PART_BYTES: usize = 16 << 20;

/// Is how long the store may take to be connected to, and to say anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// Is how long a request is tried again that the store could not serve.
const TRIED_FOR: Duration = Duration::from_secs(20);

/// Is the name of the file by which a start sees that the bucket can be used.
const PROBE: &str = "countersign";

/// Says which bucket it is, and how it is reached.
#[derive(Clone)]
pub struct BucketSettings {
    /// The bucket.
    pub bucket: String,
    /// The folder in it that all names are below; may be empty.
    pub prefix: String,
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// Where the store is, if it is not Amazon's: `https://…`, or `http://` on this machine.
    pub endpoint: Option<String>,
    /// The id of the key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: String,
}

impl std::fmt::Debug for BucketSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { bucket, prefix, region, endpoint, .. } = self;
        write!(f, "BucketSettings({bucket}, {prefix}, {region}, {endpoint:?})")
    }
}

/// Says why a bucket does not do what it is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the bucket cannot be used: {0}")]
pub struct BucketError(String);

impl From<object_store::Error> for BucketError {
    fn from(error: object_store::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<io::Error> for BucketError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Is a bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

/// Is a file of a bucket that is read.
pub struct Object {
    /// How many bytes it has.
    pub size: u64,
    bytes: BoxStream<'static, object_store::Result<Vec<u8>>>,
}

impl Object {
    /// Returns the next bytes; nothing once there are no more.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, BucketError> {
        Ok(self.bytes.next().await.transpose()?)
    }
}

impl Bucket {
    /// Makes a bucket of its settings. Nothing is asked of it yet.
    ///
    /// # Errors
    ///
    /// An address that cannot be one, or that would send the key in plain text over a network.
    pub fn new(settings: BucketSettings) -> Result<Self, BucketError> {
        let is_plain = settings.endpoint.as_deref().map_or(Ok(false), is_plain)?;
        let options = ClientOptions::new()
            .with_allow_http(is_plain)
            .with_connect_timeout(PATIENCE)
            .with_read_timeout(PATIENCE)
            // A large file takes as long as it takes.
            .with_timeout_disabled();
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(settings.bucket)
            .with_region(settings.region)
            .with_access_key_id(settings.access_key_id)
            .with_secret_access_key(settings.secret_access_key)
            .with_client_options(options)
            .with_retry(retries());
        if let Some(endpoint) = settings.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        Ok(Self::over(Arc::new(builder.build()?), &settings.prefix))
    }

    fn over(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { store, prefix: Path::from(prefix) }
    }

    fn place(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    /// Sees that files can be put there and read.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn probe(&self) -> Result<(), BucketError> {
        let place = self.place(PROBE);
        self.store.put(&place, PutPayload::from_static(PROBE.as_bytes())).await?;
        let read = self.store.get(&place).await?.bytes().await?;
        if read == PROBE { Ok(()) } else { Err(BucketError("it does not give back what was put there".to_owned())) }
    }

    /// Puts a file of the disk under a name. When this returns all of it is there; before, nothing of it is.
    ///
    /// # Errors
    ///
    /// What the disk or the store says.
    pub async fn put(&self, name: &str, file: &FilePath) -> Result<(), BucketError> {
        let (place, mut file) = (self.place(name), File::open(file).await?);
        let first = part(&mut file).await?;
        if first.len() < PART_BYTES {
            self.store.put(&place, first.into()).await?;
            return Ok(());
        }
        let mut upload = self.store.put_multipart(&place).await?;
        let done = put_parts(upload.as_mut(), first, &mut file).await;
        if done.is_err() {
            // What is left of it is the store's to remove, if it cannot even be told.
            let _ = upload.abort().await;
        }
        done
    }

    /// Opens the file of a name; nothing if there is none.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn open(&self, name: &str) -> Result<Option<Object>, BucketError> {
        match self.store.get(&self.place(name)).await {
            Ok(found) => {
                let size = found.meta.size;
                let bytes = found.into_stream().map(|bytes| bytes.map(|bytes| bytes.to_vec())).boxed();
                Ok(Some(Object { size, bytes }))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the file of a name; one that is not there is removed already.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn remove(&self, name: &str) -> Result<(), BucketError> {
        match self.store.delete(&self.place(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Says whether an address is spoken to without TLS, which it may be on this machine alone.
fn is_plain(endpoint: &str) -> Result<bool, BucketError> {
    let url = Url::parse(endpoint).map_err(|_| BucketError(format!("`{endpoint}` is no address")))?;
    match url.scheme() {
        "https" => Ok(false),
        "http" if is_loopback(&url) => Ok(true),
        _ => Err(BucketError(format!("`{endpoint}` is not `https`, which only this machine itself may do without"))),
    }
}

fn retries() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 5, retry_timeout: TRIED_FOR }
}

/// Reads the next part of a file; it is shorter than others at the end alone.
async fn part(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(u64::try_from(PART_BYTES).unwrap_or(u64::MAX)).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn put_parts(upload: &mut dyn MultipartUpload, first: Vec<u8>, file: &mut File) -> Result<(), BucketError> {
    let mut bytes = first;
    while !bytes.is_empty() {
        upload.put_part(bytes.into()).await?;
        bytes = part(file).await?;
    }
    upload.complete().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use object_store::memory::InMemory;

    use super::*;

    fn settings(endpoint: Option<&str>) -> BucketSettings {
        BucketSettings {
            bucket: "models".into(),
            prefix: "a/b".into(),
            region: "eu-central-1".into(),
            endpoint: endpoint.map(str::to_owned),
            access_key_id: "id".into(),
            secret_access_key: "very secret".into(),
        }
    }

    #[test]
    fn a_key_is_sent_over_tls_or_not_beyond_this_machine_and_never_shown() {
        for plain in ["http://store.example", "http://10.0.0.1:9000", "http://localhost.example"] {
            assert!(Bucket::new(settings(Some(plain))).is_err(), "{plain}");
        }
        for fine in
            [None, Some("https://store.example:9000"), Some("http://127.0.0.1:9000"), Some("http://localhost:9000")]
        {
            assert!(Bucket::new(settings(fine)).is_ok(), "{fine:?}");
        }
        assert!(!format!("{:?}", settings(None)).contains("very secret"));
    }

    async fn read(bucket: &Bucket, name: &str) -> Option<Vec<u8>> {
        let mut object = bucket.open(name).await.unwrap()?;
        let mut all = Vec::new();
        while let Some(bytes) = object.next().await.unwrap() {
            all.extend(bytes);
        }
        assert_eq!(u64::try_from(all.len()), Ok(object.size));
        Some(all)
    }

    #[tokio::test]
    async fn what_was_put_is_read_whatever_its_length_until_it_is_removed() {
        let store = Arc::new(InMemory::new());
        let bucket = Bucket::over(store.clone(), "a/b");
        bucket.probe().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        for length in [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES] {
            let bytes: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
            std::fs::write(&file, &bytes).unwrap();
            bucket.put("ab/cdef", &file).await.unwrap();
            assert!(read(&bucket, "ab/cdef").await.unwrap() == bytes, "{length}");
        }
        assert!(store.head(&Path::from("a/b/ab/cdef")).await.is_ok());
        bucket.remove("ab/cdef").await.unwrap();
        bucket.remove("ab/cdef").await.unwrap();
        assert_eq!(read(&bucket, "ab/cdef").await, None);
        assert!(bucket.put("ab/cdef", &folder.path().join("gone")).await.is_err());
    }
}
