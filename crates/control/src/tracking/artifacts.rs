//! Artifacts: written, read, listed and removed, by path.

use models::artifact::{self, Path};
use store::artifacts::{Incoming, Outgoing};
use store::tracking::{Artifact, Change, View};

use super::seals::{RefusedWrite, Writing};
use super::{Answer, Refused, Tracking, run};

/// Is the largest artifact, in bytes: 64 GiB.
pub const ARTIFACT_BYTES_MAX: u64 = 64 << 30;

/// Is a file that arrives, and what it is to be called.
#[derive(Debug)]
pub struct Upload {
    path: Path,
    by: String,
    incoming: Incoming,
}

impl Upload {
    /// Takes the next bytes. Waits for the disk.
    ///
    /// # Errors
    ///
    /// More bytes than an artifact may have; what the disk says.
    pub fn write(&mut self, bytes: &[u8]) -> Answer<()> {
        Ok(self.incoming.write(bytes)?)
    }
}

/// Says what stands where a file is to be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// Nothing.
    Nothing,
    /// The very bytes that arrived.
    Same,
    /// Others.
    Other,
}

/// Is an artifact that is read.
#[derive(Debug)]
pub struct Opened {
    /// What it is.
    pub artifact: Artifact,
    /// Its first bytes.
    pub first: Option<Vec<u8>>,
    /// Reads the others. What it refuses is to be told to whoever runs the server, and the answer to be broken off.
    pub rest: Outgoing,
    /// Which bytes are read, the second not among them.
    pub range: (u64, u64),
}

/// Is what a listing says of a file or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path: its name alone, or the one below the folder that was asked for.
    pub path: String,
    /// How many bytes it has; absent for a folder.
    pub size: Option<u64>,
}

/// Refuses what a path of the store cannot be: a file where there are files below, or below a file.
fn placed(view: &View<'_>, path: &Path) -> Answer<()> {
    let key = path.key();
    if view.is_artifact_folder(key)? {
        return Err(Refused::invalid(format!("There is a directory at '{key}'")));
    }
    if view.is_below_artifact(key)? {
        return Err(Refused::invalid(format!("There is a file where '{key}' needs a directory")));
    }
    Ok(())
}

/// Says whether the file of a path is that very one.
fn is_same(view: &View<'_>, path: &Path, digest: types::Digest) -> Answer<bool> {
    Ok(view.artifact(path.key())?.is_some_and(|known| known.digest == digest))
}

impl Tracking {
    /// Begins to take a file.
    ///
    /// - `by`: who sends it, in the form of `types::Principal`.
    /// - `announced`: how many bytes it is said to have.
    ///
    /// # Errors
    ///
    /// A name that cannot be; more bytes than an artifact may have.
    pub fn receive(&self, path: Path, by: String, announced: Option<u64>) -> Answer<Upload> {
        artifact::writable(&path)?;
        let limit = self.artifacts.limit();
        if announced.is_some_and(|bytes| bytes > limit) {
            return Err(store::artifacts::ArtifactError::TooLarge(limit).into());
        }
        Ok(Upload { path, by, incoming: self.artifacts.receive()? })
    }

    /// Keeps a file that has arrived. The very bytes that are there may be written again, also where they are sealed.
    ///
    /// # Errors
    ///
    /// A path that lies in a sealed model; one that is a folder's, or below a file; what the disk says.
    pub fn keep(&self, upload: Upload) -> Answer<()> {
        let Upload { path, by, incoming } = upload;
        let whole = incoming.so_far();
        let said = self.kept.view(|view| {
            if is_same(view, &path, whole.digest)? {
                return Ok(());
            }
            self.unsealed(view, &path, &by, Writing::Put(whole.digest))?;
            placed(view, &path)
        });
        // Looked at before the file takes its place, so that what is refused leaves nothing; and again as it is named.
        said?;
        let kept = incoming.keep()?;
        let now = self.now();
        let named = path.clone();
        let done = self.kept.change(move |change| {
            if is_same(change, &named, kept.digest)? {
                return Ok(None);
            }
            if let Some(seal) = change.seal_over(named.key())?.or(change.seal_within(named.key())?) {
                change.note_unnamed(kept.digest)?;
                return Ok(Some(seal));
            }
            placed(change, &named)?;
            let key = named.key().to_owned();
            change.put_artifact(&Artifact { path: key, digest: kept.digest, size: kept.size, at: now })?;
            Ok::<_, Refused>(None)
        })?;
        match done {
            None => Ok(()),
            Some(seal) => Err(self.refuse_write(&seal, &path, &by, Writing::Put(kept.digest))),
        }
    }

    /// Says what stands where a file that has arrived is to be put.
    pub(super) fn held(&self, upload: &Upload) -> Answer<Held> {
        let digest = upload.incoming.so_far().digest;
        let there = self.kept.view(|view| view.artifact(upload.path.key()))?;
        Ok(there.map_or(Held::Nothing, |there| if there.digest == digest { Held::Same } else { Held::Other }))
    }

    /// Opens an artifact. A small one is known to be what was kept before this returns.
    ///
    /// - `range`: chooses the bytes that are wanted by how many there are: the first, and the one behind the last.
    ///
    /// # Errors
    ///
    /// A path that nothing has, or a folder; a range that holds nothing; a file that is not what was kept.
    pub fn open_artifact(
        &self,
        path: &Path,
        range: impl FnOnce(&Artifact) -> Answer<(u64, u64)>,
    ) -> Answer<Option<Opened>> {
        let key = path.key();
        let found = self.kept.view(|view| match view.artifact(key)? {
            Some(artifact) => Ok(Some(artifact)),
            None if key.is_empty() || view.is_artifact_folder(key)? => Ok(None),
            None => Err(Refused::absent(format!("No such artifact: '{}'", path.said()))),
        })?;
        let Some(artifact) = found else { return Ok(None) };
        let range = range(&artifact)?;
        let mut rest =
            self.artifacts.read(artifact.digest, artifact.size, range).inspect_err(|error| told(key, error))?;
        let first = rest.read_on().inspect_err(|error| told(key, error))?;
        Ok(Some(Opened { artifact, first, rest, range }))
    }

    /// Returns the bytes of an artifact; nothing if there are more than so many.
    ///
    /// # Errors
    ///
    /// A file that is not what was kept.
    pub(crate) fn bytes_of(&self, artifact: &Artifact, bytes_max: usize) -> Answer<Option<Vec<u8>>> {
        if usize::try_from(artifact.size).map_or(true, |size| size > bytes_max) {
            return Ok(None);
        }
        let mut rest = self.artifacts.read(artifact.digest, artifact.size, (0, artifact.size))?;
        let mut bytes = Vec::new();
        while let Some(more) = rest.read_on()? {
            bytes.extend(more);
        }
        Ok(Some(bytes))
    }

    /// Lists a folder by the names in it; one that is not there is empty.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn list_artifacts(&self, path: &Path) -> Answer<Vec<Listed>> {
        self.kept.view(|view| listed(view, path.key(), ""))
    }

    /// Lists a folder of a run's artifacts, with the address that they are below.
    ///
    /// # Errors
    ///
    /// A path that cannot be; an id that is nobody's; artifacts that are kept elsewhere.
    pub fn run_artifacts(&self, id: &str, path: &str) -> Answer<(String, Vec<Listed>)> {
        let path = artifact::path(path)?;
        self.kept.view(|view| below(view, run(view, id)?.location, &path))
    }

    /// Lists a folder of a logged model's artifacts, with the address that they are below.
    ///
    /// # Errors
    ///
    /// A path that cannot be; a model that is not there or deleted; artifacts that are kept elsewhere.
    pub fn model_artifacts(&self, id: &str, path: &str) -> Answer<(String, Vec<Listed>)> {
        let path = artifact::path(path)?;
        self.kept.view(|view| below(view, super::logged_models::active(view, id)?.location, &path))
    }

    /// Removes an artifact, or a folder with all that is in it. What is not there is removed already.
    ///
    /// # Errors
    ///
    /// A path in a sealed model, or that holds one.
    pub fn remove_artifacts(&self, path: Path, by: &str) -> Answer<()> {
        self.kept.view(|view| self.unsealed(view, &path, by, Writing::Delete))?;
        let key = path.key().to_owned();
        let sealed = self.kept.change(move |change: &Change<'_>| {
            if let Some(seal) = change.seal_over(&key)?.or(change.seal_within(&key)?) {
                return Ok(Some(seal));
            }
            change.remove_artifacts(&key)?;
            Ok::<_, Refused>(None)
        })?;
        match sealed {
            None => Ok(()),
            Some(seal) => Err(self.refuse_write(&seal, &path, by, Writing::Delete)),
        }
    }

    /// Removes the files that no path has any more; nothing is read or written meanwhile.
    pub(super) fn remove_unnamed(&self) -> Answer<()> {
        let unnamed = self.kept.view(|view| view.unnamed_artifacts().map_err(Refused::from))?;
        if let Err(error) = unnamed.into_iter().try_for_each(|digest| self.artifacts.remove(digest)) {
            tracing::warn!(%error, "files that no path has any more stay until the next start");
            return Ok(());
        }
        self.kept.change(|change| change.forget_unnamed().map_err(Refused::from))
    }

    fn unsealed(&self, view: &View<'_>, path: &Path, by: &str, writing: Writing) -> Answer<()> {
        match view.seal_over(path.key())?.or(view.seal_within(path.key())?) {
            None => Ok(()),
            Some(seal) => Err(self.refuse_write(&seal, path, by, writing)),
        }
    }

    fn refuse_write(&self, seal: &store::tracking::Seal, path: &Path, by: &str, writing: Writing) -> Refused {
        let write = RefusedWrite {
            model: seal.model.clone(),
            path: path.key().to_owned(),
            by: by.to_owned(),
            writing,
            times: 1,
        };
        self.note_refused(write);
        super::seals::sealed(seal)
    }
}

/// Tells whoever runs the server that a file is not what was kept.
fn told(path: &str, error: &store::artifacts::ArtifactError) {
    tracing::error!(path, %error, "an artifact cannot be served");
}

fn below(view: &View<'_>, address: String, path: &Path) -> Answer<(String, Vec<Listed>)> {
    let elsewhere = || Refused::invalid(format!("Artifacts at '{address}' are not kept by this server."));
    let root = artifact::place(&address).ok_or_else(elsewhere)?;
    let files = listed(view, path.below(&root).key(), path.said().trim_end_matches('/'))?;
    Ok((address, files))
}

/// Lists a folder; `shown` is put before each name.
fn listed(view: &View<'_>, folder: &str, shown: &str) -> Answer<Vec<Listed>> {
    let children = view.artifacts_in(folder)?.into_iter();
    Ok(children.map(|child| Listed { path: artifact::joined(shown, &child.name), size: child.size }).collect())
}
