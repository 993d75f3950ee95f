//! Signatures that came with a model: whether somebody whose key is known has signed the files that were sealed.

use std::collections::BTreeMap;
use std::sync::Arc;

use evidence::model_signature::{Entry, SIGNATURE_BYTES_MAX, SIGNATURE_FILE};
use evidence::{ModelKey, ModelSignature, ModelSignatureError};

use crate::control::Control;
use crate::error::Failure;
use crate::tracking::{Tracking, blocking, kept};

/// Are the public keys of those whose signatures of models are believed, by the names that the operator gave them.
pub type ModelSigners = BTreeMap<String, ModelKey>;

/// Says how a signature stands that came with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedState {
    /// None came with it.
    None,
    /// A known key has signed the files that were sealed.
    Valid,
    /// It does not hold, or is about other files.
    Invalid,
    /// It is by a key that nobody here knows.
    KeyUnknown,
    /// It is of a kind that is not read here.
    Unsupported,
}

/// Is what is known of the signature that came with a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameSigned {
    /// How it stands.
    pub state: SignedState,
    /// The name of the key that has signed; absent unless it is known.
    pub by: Option<String>,
    /// Why it is not valid; holds text of whoever has made it, escaped.
    pub why: Option<String>,
}

impl CameSigned {
    fn new(state: SignedState) -> Self {
        Self { state, by: None, why: None }
    }

    fn because(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }
}

impl From<ModelSignatureError> for CameSigned {
    fn from(error: ModelSignatureError) -> Self {
        let unsupported = matches!(error, ModelSignatureError::Unsupported(_));
        let state = if unsupported { SignedState::Unsupported } else { SignedState::Invalid };
        Self::new(state).because(error.to_string())
    }
}

impl Control {
    /// Looks at the signature `model.sig` that came with a sealed model. It is read anew each time, since keys come and go.
    ///
    /// # Errors
    ///
    /// `file-unusable` if what is tracked cannot be read.
    pub async fn came_signed(&self, model: String) -> Failure<CameSigned> {
        let signers = self.config.model_signers.clone();
        let looked = blocking(self.tracking()?, move |tracking: &Tracking| {
            let Some((_, files)) = tracking.sealed_files(&model)? else {
                return Ok(CameSigned::new(SignedState::None));
            };
            let Some(files) = files else {
                return Ok(CameSigned::new(SignedState::Invalid).because("the files are not those that were sealed"));
            };
            let Some(file) = files.iter().find(|file| file.path == SIGNATURE_FILE) else {
                return Ok(CameSigned::new(SignedState::None));
            };
            Ok(match tracking.bytes_of(file, SIGNATURE_BYTES_MAX) {
                Ok(Some(bytes)) => looked_at(&bytes, &files, &signers).unwrap_or_else(CameSigned::from),
                Ok(None) => CameSigned::new(SignedState::Invalid).because("it is larger than a signature can be"),
                Err(refused) => CameSigned::new(SignedState::Invalid).because(refused.to_string()),
            })
        })
        .await;
        Ok(looked?)
    }
}

fn looked_at(
    bytes: &[u8],
    files: &[kept::Artifact],
    signers: &Arc<ModelSigners>,
) -> Result<CameSigned, ModelSignatureError> {
    let signature = ModelSignature::parse(bytes)?;
    // Who gives no hint may be anybody: then each key is tried.
    let is_meant = |key: &ModelKey| signature.hint().is_none_or(|hint| key.fingerprint().to_string() == hint);
    let mut tried = signers.iter().filter(|(_, key)| is_meant(key)).map(|(name, key)| (name, signature.verify(key)));
    let is_foreign = |read: &Result<_, _>| matches!(read, Err(ModelSignatureError::Foreign(_)));
    let Some((name, read)) = tried.find(|(_, read)| signature.hint().is_some() || !is_foreign(read)) else {
        return Ok(CameSigned::new(SignedState::KeyUnknown));
    };
    let signed = read?;
    let there = files.iter().filter(|file| file.path != SIGNATURE_FILE || signed.names_within(SIGNATURE_FILE));
    let there = there.map(|file| (file.path.clone(), Entry::File(file.digest))).collect();
    let differences = signed.compare(&there);
    let by = Some(name.clone());
    let Some(first) = differences.first() else {
        return Ok(CameSigned { by, ..CameSigned::new(SignedState::Valid) });
    };
    let path = types::text::escape(&first.path, false);
    let why = format!("{} paths differ, the first is `{path}`: {}", differences.len(), first.is.as_str());
    Ok(CameSigned { by, ..CameSigned::new(SignedState::Invalid).because(why) })
}
