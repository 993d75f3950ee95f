//! The keys of the log: which are at hand, and which of them sign.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use tlog::Note;
use tlog::checkpoint::{Checkpoint, CheckpointError};
use tlog::key::{KeyError, SignerKey, VerifierKey};

use crate::port::{Random, draw};
use crate::standing::Standing;

/// Keeps the log's secret keys.
pub trait KeyStore: Send + Sync + 'static {
    /// Replaces all that is kept; a crash leaves the old keys or the new ones.
    ///
    /// # Errors
    ///
    /// What the file system says.
    fn replace(&self, secrets: &str) -> io::Result<()>;
}

/// Says why a key of the log cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// There is no key at hand.
    #[error("there is no key")]
    Empty,
    /// A key is malformed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The journal names a key that is not at hand.
    #[error("the log is signed by `{0}`, which is not among the keys")]
    Missing(String),
    /// The keys cannot be kept.
    #[error("the keys cannot be kept: {0}")]
    Store(#[from] io::Error),
}

#[derive(Clone)]
struct Keys {
    /// Everything that is at hand, in the order of the file.
    all: Vec<SignerKey>,
    /// Signs, and is what readers are given.
    signs: SignerKey,
    /// Signs too while keys overlap.
    also: Option<SignerKey>,
}

impl Keys {
    fn is_active(&self, key: &VerifierKey) -> bool {
        let mut active = std::iter::once(&self.signs).chain(&self.also);
        active.any(|signer| signer.verifier() == key)
    }
}

/// Holds the keys of one log. Clones share them, so that a change is seen by whatever signs or reads.
#[derive(Clone)]
pub struct LogRing {
    keys: Arc<RwLock<Keys>>,
    store: Option<Arc<dyn KeyStore>>,
}

impl From<SignerKey> for LogRing {
    fn from(key: SignerKey) -> Self {
        let keys = Keys { all: vec![key.clone()], signs: key, also: None };
        Self { keys: Arc::new(RwLock::new(keys)), store: None }
    }
}

impl std::fmt::Debug for LogRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = self.verifiers().iter().map(ToString::to_string).collect();
        write!(f, "LogRing({})", names.join(" "))
    }
}

impl LogRing {
    /// Reads secret keys, one a line; until a journal says otherwise the first of them signs.
    ///
    /// # Errors
    ///
    /// [`RingError::Empty`] or [`RingError::Key`].
    pub fn parse(secrets: &str) -> Result<Self, RingError> {
        let all: Vec<SignerKey> = secrets.lines().map(SignerKey::from_secret_text).collect::<Result<_, _>>()?;
        let signs = all.first().cloned().ok_or(RingError::Empty)?;
        Ok(Self { keys: Arc::new(RwLock::new(Keys { all, signs, also: None })), store: None })
    }

    /// Says where the keys are kept.
    #[must_use]
    pub fn kept_in(self, store: Arc<dyn KeyStore>) -> Self {
        Self { store: Some(store), ..self }
    }

    fn read(&self) -> Keys {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the key that readers are given: while two sign, the older one.
    pub fn verifier(&self) -> VerifierKey {
        self.read().signs.verifier().clone()
    }

    /// Returns the keys that sign, the oldest first.
    pub fn verifiers(&self) -> Vec<VerifierKey> {
        let keys = self.read();
        std::iter::once(&keys.signs).chain(&keys.also).map(|key| key.verifier().clone()).collect()
    }

    /// Lets those keys sign that a standing names.
    ///
    /// # Errors
    ///
    /// [`RingError::Missing`] if one of them is not at hand; then nothing changes.
    pub fn settle(&self, standing: &Standing) -> Result<(), RingError> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let find = |named: &String| {
            let found = keys.all.iter().find(|key| key.verifier().to_string() == *named);
            found.cloned().ok_or_else(|| RingError::Missing(named.clone()))
        };
        let mut signers = standing.signers.iter().map(find).collect::<Result<Vec<_>, _>>()?.into_iter();
        let signs = signers.next().ok_or(RingError::Empty)?;
        let also = signers.next();
        (keys.signs, keys.also) = (signs, also);
        Ok(())
    }

    /// Makes a key of a name and keeps it before it returns; it does not sign yet.
    ///
    /// A key that was prepared before and never came to sign is taken again, so that none is lost between two tries.
    ///
    /// # Errors
    ///
    /// [`RingError::Key`] for a name that is none; [`RingError::Store`] if it cannot be kept.
    pub fn prepare(&self, name: &str, random: &dyn Random) -> Result<VerifierKey, RingError> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let spare = |key: &&SignerKey| key.verifier().name() == name && !keys.is_active(key.verifier());
        if let Some(spare) = keys.all.iter().find(spare) {
            return Ok(spare.verifier().clone());
        }
        let key = SignerKey::ed25519(name, &draw(random))?;
        let all: Vec<SignerKey> = keys.all.iter().chain([&key]).cloned().collect();
        self.keep(&all)?;
        keys.all = all;
        Ok(key.verifier().clone())
    }

    /// Destroys every key that does not sign.
    ///
    /// # Errors
    ///
    /// [`RingError::Store`] if what remains cannot be kept.
    pub fn forget_others(&self) -> Result<(), RingError> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<SignerKey> = keys.all.iter().filter(|key| keys.is_active(key.verifier())).cloned().collect();
        if all.len() == keys.all.len() {
            return Ok(());
        }
        self.keep(&all)?;
        keys.all = all;
        Ok(())
    }

    fn keep(&self, all: &[SignerKey]) -> io::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        let lines: Vec<_> = all.iter().map(SignerKey::to_secret_text).collect();
        let lines: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
        store.replace(&zeroize::Zeroizing::new(lines.join("\n")))
    }

    /// Signs a checkpoint with every key that signs.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`], as for [`Checkpoint::sign`].
    pub fn sign(&self, checkpoint: &Checkpoint) -> Result<Note, CheckpointError> {
        let keys = self.read();
        let note = checkpoint.sign(&keys.signs)?;
        match &keys.also {
            Some(also) => Ok(note.sign_also(also)?),
            None => Ok(note),
        }
    }

    /// Opens a checkpoint that any key at hand has signed, also one that signs no longer.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`], as for [`Checkpoint::open`] with the last of the keys.
    pub fn open(&self, note: &[u8]) -> Result<(Checkpoint, Note), CheckpointError> {
        let keys = self.read();
        let opened = keys.all.iter().find_map(|key| Checkpoint::open(note, key.verifier()).ok());
        opened.map_or_else(|| Checkpoint::open(note, keys.signs.verifier()), Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Kept(Mutex<String>);

    impl KeyStore for Kept {
        fn replace(&self, secrets: &str) -> io::Result<()> {
            *self.0.lock().unwrap() = secrets.to_owned();
            Ok(())
        }
    }

    struct Sevens;

    impl Random for Sevens {
        fn fill(&self, out: &mut [u8]) {
            out.fill(7);
        }
    }

    fn ring() -> (LogRing, Arc<Kept>) {
        let kept = Arc::new(Kept(Mutex::default()));
        let ring = LogRing::from(SignerKey::ed25519("a.example/log", &[1; 32]).unwrap());
        (ring.kept_in(kept.clone()), kept)
    }

    fn standing(signers: &[&VerifierKey]) -> Standing {
        Standing {
            signers: signers.iter().map(ToString::to_string).collect(),
            frozen: false,
            ended: Vec::new(),
            closing: None,
        }
    }

    #[test]
    fn a_prepared_key_is_kept_before_it_signs_and_taken_again() {
        let (ring, kept) = ring();
        let old = ring.verifier();
        let new = ring.prepare("a.example/log", &Sevens).unwrap();
        assert_eq!(ring.verifiers(), std::slice::from_ref(&old));
        let again = LogRing::parse(&kept.0.lock().unwrap()).unwrap();
        assert_eq!(again.verifiers(), std::slice::from_ref(&old));
        assert_eq!(again.prepare("a.example/log", &Sevens).unwrap(), new);
        again.settle(&standing(&[&old, &new])).unwrap();
        assert_eq!(again.verifiers(), [old, new]);
    }

    #[test]
    fn both_keys_sign_while_they_overlap_and_the_old_one_is_gone_afterwards() {
        let (ring, kept) = ring();
        let (old, new) = (ring.verifier(), ring.prepare("a.example/log", &Sevens).unwrap());
        ring.settle(&standing(&[&old, &new])).unwrap();
        let checkpoint = Checkpoint::new("a.example/log", 0, tlog::hash::empty_root());
        let both = ring.sign(&checkpoint).unwrap().to_string();
        assert!(Checkpoint::open(both.as_bytes(), &old).is_ok() && Checkpoint::open(both.as_bytes(), &new).is_ok());
        ring.settle(&standing(&[&new])).unwrap();
        let one = ring.sign(&checkpoint).unwrap().to_string();
        assert!(Checkpoint::open(one.as_bytes(), &old).is_err() && Checkpoint::open(one.as_bytes(), &new).is_ok());
        ring.forget_others().unwrap();
        let left = LogRing::parse(&kept.0.lock().unwrap()).unwrap();
        assert_eq!(left.verifiers(), std::slice::from_ref(&new));
        assert!(matches!(left.settle(&standing(&[&old])), Err(RingError::Missing(key)) if key == old.to_string()));
        assert_eq!(left.verifiers(), [new]);
    }
}
