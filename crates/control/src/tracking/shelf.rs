//! Files of training in a bucket: what waits for the network, for callers that wait for a disk.

use std::future::Future;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use connectors::bucket::{Bucket, BucketError, Object};
use store::artifacts::{ArtifactError, Shelf, Shelved};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use types::Digest;

/// Is how many pieces of a file are read before somebody takes them.
const AHEAD: usize = 4;

/// Keeps files in a bucket, by threads of its own: whoever waits for it may hold the others'.
#[derive(Debug)]
pub(super) struct InBucket {
    bucket: Arc<Bucket>,
    /// Absent once it is dropped.
    runtime: Option<Runtime>,
}

type Piece = Result<Vec<u8>, BucketError>;

fn elsewhere(error: &BucketError) -> ArtifactError {
    ArtifactError::Elsewhere(error.to_string())
}

/// Returns the name of a file: its digest, in a folder named by its first byte.
fn name(digest: Digest) -> String {
    format!("{}/{digest}", digest.short(2))
}

impl InBucket {
    /// Begins to use a bucket. One that cannot be used now may be later, which is told to whoever runs the server.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Unusable`] if no thread can be started.
    pub(super) fn start(bucket: Arc<Bucket>) -> Result<Self, ArtifactError> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("bucket").enable_all().build()?;
        let this = Self { bucket: bucket.clone(), runtime: Some(runtime) };
        if let Err(error) = this.wait(async move { bucket.probe().await }) {
            tracing::error!(%error, "files of training cannot be kept");
        }
        Ok(this)
    }

    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, BucketError>> + Send + 'static,
    ) -> Result<T, ArtifactError> {
        let (tell, told) = sync_channel(1);
        let ended = || ArtifactError::Elsewhere("the server is ending".to_owned());
        self.runtime.as_ref().ok_or_else(ended)?.spawn(async move {
            let _ = tell.send(work.await);
        });
        told.recv().map_err(|_| ended())?.map_err(|error| elsewhere(&error))
    }
}

impl Drop for InBucket {
    fn drop(&mut self) {
        // What is under way is of nobody any more, and waiting is not allowed everywhere.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shelf for InBucket {
    fn put(&self, digest: Digest, file: &Path) -> Result<(), ArtifactError> {
        let (bucket, file) = (self.bucket.clone(), file.to_owned());
        self.wait(async move { bucket.put(&name(digest), &file).await })
    }

    fn open(&self, digest: Digest) -> Result<Option<Shelved>, ArtifactError> {
        let bucket = self.bucket.clone();
        let found = self.wait(async move {
            let Some(object) = bucket.open(&name(digest)).await? else { return Ok(None) };
            let (tell, pieces) = channel(AHEAD);
            let size = object.size;
            tokio::spawn(read_ahead(object, tell));
            Ok(Some((size, pieces)))
        })?;
        let shelved = |(size, pieces)| Shelved { size, bytes: Box::new(Pieces { pieces, rest: Vec::new(), from: 0 }) };
        Ok(found.map(shelved))
    }

    fn remove(&self, digest: Digest) -> Result<(), ArtifactError> {
        let bucket = self.bucket.clone();
        self.wait(async move { bucket.remove(&name(digest)).await })
    }
}

/// Reads on as long as somebody takes what was read.
async fn read_ahead(mut object: Object, tell: Sender<Piece>) {
    while let Some(piece) = object.next().await.transpose() {
        let is_last = piece.is_err();
        if tell.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

/// Reads a file of a bucket.
struct Pieces {
    pieces: Receiver<Piece>,
    rest: Vec<u8>,
    from: usize,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.from >= self.rest.len() {
            let Some(piece) = self.pieces.blocking_recv() else { return Ok(0) };
            (self.rest, self.from) = (piece.map_err(io::Error::other)?, 0);
        }
        let read = self.rest.get(self.from..).unwrap_or_default().read(into)?;
        self.from += read;
        Ok(read)
    }
}
