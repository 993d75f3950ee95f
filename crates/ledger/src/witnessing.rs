//! Having the published log cosigned: what a witness is asked, and what its answer means.
//!
//! The exchange itself is the caller's, over a network or by files; here are its bytes. The cosigned checkpoint goes into
//! a file of its own beside the latest one, since witnesses answer later than the log signs.

use std::collections::{BTreeMap, BTreeSet};

use evidence::published::WITNESSED;
use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;
use tlog::prove::prove_consistency;
use tlog::trust_policy::Witness;
use tlog::{AddCheckpoint, Note, NoteSignature, TileReader, TrustError, TrustPolicy, cosignatures};
use types::Code;

use crate::files::Folder;
use crate::ring::LogRing;

/// Is the folder of checkpoints that some witnesses have cosigned and no quorum yet, each by its size.
const PARTLY: &str = "witnessing";

/// Is the most such checkpoints that are kept; a request to a witness that takes longer than so many is asked anew.
const PARTLY_MAX: usize = 100;

/// Says why the log could not be brought before its witnesses.
#[derive(Debug, thiserror::Error)]
pub enum WitnessingError {
    /// The published files cannot be used.
    #[error("the published log cannot be used: {0}")]
    Files(String),
    /// A witness has cosigned more than is there: this is not the latest journal, or not the only one.
    #[error("the witness `{witness}` has cosigned {seen} records, and only {found} are here")]
    Behind {
        /// The witness.
        witness: String,
        /// How many records it has cosigned.
        seen: u64,
        /// How many are here.
        found: u64,
    },
    /// A witness has cosigned other records than are there.
    #[error("the witness `{witness}` has cosigned other records than are here: {why}")]
    Forked {
        /// The witness.
        witness: String,
        /// What it said.
        why: String,
    },
    /// A witness did not answer as one does.
    #[error("the witness `{witness}` did not cosign: {why}")]
    Refused {
        /// The witness.
        witness: String,
        /// What it said.
        why: String,
    },
}

impl WitnessingError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Files(_) | Self::Forked { .. } => Code::JournalMismatch,
            Self::Behind { .. } => Code::JournalBehind,
            Self::Refused { .. } => Code::UpstreamInvalid,
        }
    }

    /// Says whether the journal that runs is not the one the witness knows, so that it must not go on.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Behind { .. } | Self::Forked { .. })
    }
}

fn files(error: impl std::fmt::Display) -> WitnessingError {
    WitnessingError::Files(error.to_string())
}

/// Is what a witness answered to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Says what follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The witness has cosigned.
    Cosigned,
    /// The witness knows the log at another size; ask again.
    AskAgain,
}

/// Knows the witnesses of one log, and how far each has come.
#[derive(Debug)]
pub struct Witnessing {
    folder: Folder,
    log: LogRing,
    policy: TrustPolicy,
    known: BTreeMap<String, u64>,
    partly: BTreeSet<u64>,
}

impl Witnessing {
    /// Prepares for the witnesses of a policy; the log is trusted by the keys that sign it, whatever the policy names.
    pub fn new(folder: Folder, log: LogRing, policy: TrustPolicy) -> Self {
        Self { folder, log, policy, known: BTreeMap::new(), partly: BTreeSet::new() }
    }

    fn trusted(&self) -> TrustPolicy {
        trusted(&self.policy, &self.log)
    }

    /// Returns the witnesses that can be reached, each with its address.
    pub fn reachable(&self) -> Vec<(Witness, String)> {
        let with_url = |witness: &Witness| {
            let url = String::from_utf8(witness.url.clone()?).ok()?;
            Some((witness.clone(), url))
        };
        self.policy.witnesses().iter().filter_map(with_url).collect()
    }

    /// Takes note of how many records a witness has cosigned, so that the next request begins there.
    pub fn remember(&mut self, witness: &Witness, size: u64) {
        self.known.insert(name(witness), size);
    }

    /// Begins a round for the latest checkpoint; `None` if nothing is published, or a quorum has cosigned it already.
    ///
    /// # Errors
    ///
    /// [`WitnessingError::Files`].
    pub fn begin(&self) -> Result<Option<Round>, WitnessingError> {
        let witnessed = self.witnessed()?;
        Ok(self.begin_anyway()?.filter(|round| witnessed < round.size()))
    }

    /// Begins a round for the latest checkpoint, also if the files say that a quorum has cosigned it: they may be an older
    /// copy, and only the witnesses know. `None` if nothing is published.
    ///
    /// # Errors
    ///
    /// [`WitnessingError::Files`].
    pub fn begin_anyway(&self) -> Result<Option<Round>, WitnessingError> {
        let Some(bytes) = self.folder.read("checkpoint").map_err(files)? else { return Ok(None) };
        let (checkpoint, note) = self.log.open(&bytes).map_err(files)?;
        self.round(checkpoint, note).map(Some)
    }

    /// Takes up the round that a request belongs to, as when its answer comes back in a file.
    ///
    /// # Errors
    ///
    /// [`WitnessingError::Files`] if the request's checkpoint is not signed by the log.
    pub fn resume(&self, request: &AddCheckpoint) -> Result<Round, WitnessingError> {
        let (checkpoint, note) = self.log.open(request.note().to_string().as_bytes()).map_err(files)?;
        self.round(checkpoint, note)
    }

    /// Begins with the cosignatures that were kept for the same checkpoint.
    fn round(&self, checkpoint: Checkpoint, note: Note) -> Result<Round, WitnessingError> {
        let kept = self.folder.read(&partly(checkpoint.size)).map_err(files)?;
        let kept = kept.and_then(|bytes| Note::parse(&bytes).ok()).filter(|kept| kept.text() == note.text());
        let mut round = Round { note, checkpoint, lines: Vec::new() };
        for witness in kept.iter().flat_map(|_| self.policy.witnesses()) {
            let lines = kept.iter().flat_map(|kept| kept.signatures().iter().cloned()).collect();
            // A line that no longer verifies is asked for again.
            let _ = round.add(&witness.key, lines);
        }
        Ok(round)
    }

    /// Returns how many records a quorum has cosigned.
    ///
    /// # Errors
    ///
    /// [`WitnessingError::Files`].
    pub fn witnessed(&self) -> Result<u64, WitnessingError> {
        match self.folder.read(WITNESSED).map_err(files)? {
            Some(bytes) => Ok(self.trusted().open(&bytes).map_or(0, |trusted| trusted.checkpoint.size)),
            None => Ok(0),
        }
    }

    /// Returns the request that is sent to a witness.
    ///
    /// # Errors
    ///
    /// [`WitnessingError::Files`].
    pub fn request(&self, round: &Round, witness: &Witness) -> Result<AddCheckpoint, WitnessingError> {
        let old = self.known.get(&name(witness)).copied().unwrap_or(0).min(round.checkpoint.size);
        let tiles = TileReader::new(round.checkpoint.size, |path: &tlog::TilePath| {
            self.folder.read(&path.to_string()).ok().flatten()
        });
        let proof = match old {
            0 => Vec::new(),
            old => prove_consistency(old, round.checkpoint.size, &tiles).map_err(files)?,
        };
        AddCheckpoint::new(old, proof, round.note.clone()).map_err(files)
    }

    /// Takes a witness's answer to [`Witnessing::request`].
    ///
    /// # Errors
    ///
    /// [`WitnessingError::Behind`] or [`WitnessingError::Forked`] if the witness knows another journal than this;
    /// [`WitnessingError::Refused`] for everything else that is no cosignature of the round's checkpoint.
    pub fn take(&mut self, round: &mut Round, witness: &Witness, answer: &Answered) -> Result<Step, WitnessingError> {
        let refused = |why: String| WitnessingError::Refused { witness: name(witness), why };
        let text = String::from_utf8_lossy(&answer.body);
        match answer.status {
            200 => {
                let lines = NoteSignature::parse_lines(&answer.body).map_err(|e| refused(e.to_string()))?;
                round.add(&witness.key, lines).map_err(refused)?;
                self.remember(witness, round.checkpoint.size);
                Ok(Step::Cosigned)
            }
            409 => {
                let seen: u64 = text.trim_end().parse().map_err(|_| refused(format!("status 409: {text}")))?;
                if seen > round.checkpoint.size {
                    let found = round.checkpoint.size;
                    return Err(WitnessingError::Behind { witness: name(witness), seen, found });
                }
                self.remember(witness, seen);
                Ok(Step::AskAgain)
            }
            422 => Err(WitnessingError::Forked { witness: name(witness), why: text.trim_end().to_owned() }),
            status => Err(refused(format!("status {status}: {}", text.trim_end()))),
        }
    }

    /// Ends a round: if a quorum has cosigned, its checkpoint replaces the last one that was witnessed, unless that is
    /// newer; if too few have, what they signed is kept. Returns how many records are witnessed now.
    ///
    /// # Errors
    ///
    /// [`WitnessingError::Files`].
    pub fn finish(&mut self, round: Round) -> Result<u64, WitnessingError> {
        let note = round.note.with(round.lines).map_err(files)?;
        let before = self.witnessed()?;
        match self.trusted().open_note(&note) {
            Ok(trusted) if trusted.checkpoint.size > before => {
                self.folder.replace(WITNESSED, note.to_string().as_bytes()).map_err(files)?;
                self.folder.remove(PARTLY).map_err(files)?;
                self.partly.clear();
                Ok(trusted.checkpoint.size)
            }
            Err(TrustError::NoQuorum { valid }) if valid > 0 => {
                self.keep(round.checkpoint.size, &note)?;
                Ok(before)
            }
            Ok(_) | Err(TrustError::NoQuorum { .. }) => Ok(before),
            Err(error) => Err(files(error)),
        }
    }

    fn keep(&mut self, size: u64, note: &Note) -> Result<(), WitnessingError> {
        self.folder.replace(&partly(size), note.to_string().as_bytes()).map_err(files)?;
        self.partly.insert(size);
        if self.partly.len() > PARTLY_MAX
            && let Some(oldest) = self.partly.pop_first()
        {
            self.folder.remove(&partly(oldest)).map_err(files)?;
        }
        Ok(())
    }
}

/// Is one checkpoint on its way past the witnesses.
#[derive(Debug)]
pub struct Round {
    note: Note,
    checkpoint: Checkpoint,
    lines: Vec<NoteSignature>,
}

impl Round {
    /// Returns how many records the checkpoint covers.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// Keeps a witness's own line, once it verifies.
    fn add(&mut self, key: &VerifierKey, lines: Vec<NoteSignature>) -> Result<(), String> {
        let own: Vec<NoteSignature> =
            lines.into_iter().filter(|line| line.name() == key.name() && line.id() == key.id()).collect();
        let note = self.note.clone().with(own.clone()).map_err(|e| e.to_string())?;
        let valid = cosignatures(&note, std::slice::from_ref(key)).map_err(|e| e.to_string())?;
        if valid.is_empty() {
            return Err("it answered without a cosignature by its key".to_owned());
        }
        self.lines.retain(|line| line.name() != key.name() || line.id() != key.id());
        self.lines.extend(own);
        Ok(())
    }
}

/// Returns a policy with the keys that sign the log now.
pub(crate) fn trusted(policy: &TrustPolicy, log: &LogRing) -> TrustPolicy {
    let named: Vec<_> = policy.logs().iter().map(|log| log.key.clone()).collect();
    let own = log.verifiers().into_iter().filter(|key| !named.contains(key));
    own.fold(policy.clone(), TrustPolicy::with_log)
}

fn partly(size: u64) -> String {
    format!("{PARTLY}/{size}")
}

/// Returns the name that the policy gives a witness.
pub fn name(witness: &Witness) -> String {
    String::from_utf8_lossy(&witness.name).into_owned()
}
