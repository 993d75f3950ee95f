//! Signatures of sealed models, for whoever takes the files elsewhere: made when they are asked for, of what the journal says was sealed.

use evidence::model_signature::{ModelFile, SIGNATURE_FILE, sign};
use evidence::{ModelManifest, ModelSignatureError, ModelSigningKey};
use types::Code;

pub use evidence::model_signature::MEDIA_TYPE as MODEL_SIGNATURE_TYPE;

use crate::control::Control;
use crate::door::Refusal;
use crate::dossier::is_sealed;
use crate::error::{Failure, not_found};
use crate::tracking::{Tracking, blocking, kept};

/// Is what may lie beside the files of a model that was downloaded: its signature, and what MLflow's client writes there by itself whenever a
/// model is downloaded as `models:/…`.
const BESIDE: [&str; 2] = [SIGNATURE_FILE, "registered_model_meta"];

impl From<ModelSignatureError> for Refusal {
    fn from(error: ModelSignatureError) -> Self {
        Self::plain(error.code(), error.to_string())
    }
}

impl Control {
    /// Signs a sealed model: the files that its seal covers, if they are the ones that the journal says were sealed.
    ///
    /// What is tracked lies in a file that whoever writes the data folder can change; so nothing is signed by its word alone. The same
    /// model has the same signature as long as the key is the same.
    ///
    /// # Errors
    ///
    /// `not-found` if no such model is sealed; `state-conflict` if the seal is not recorded yet; `evidence-missing` if its record is not in
    /// any journal that is here, or was erased; `model-differs` if the files are not those that were sealed; `keys-unusable` without a key;
    /// `file-unusable` if what is tracked cannot be read.
    pub async fn model_signature(&self, model: String) -> Failure<String> {
        let key = self.config.model_key.clone();
        let key = key.ok_or_else(|| Refusal::plain(Code::KeysUnusable, "there is no key here that signs models"))?;
        let wanted = model.clone();
        let found = blocking(self.tracking()?, move |tracking: &Tracking| tracking.sealed_files(&wanted)).await?;
        let (seal, files) = found.ok_or_else(|| not_found(format!("sealed model `{model}`")))?;
        self.is_recorded(&seal)?;
        let differs = || {
            let said = format!("the files that are kept of `{model}` are not those that were sealed");
            Refusal::plain(Code::ModelDiffers, said)
        };
        let files = files.ok_or_else(differs)?;
        let signed = tokio::task::spawn_blocking(move || signed(model, files, &key)).await;
        Ok(signed.map_err(|error| Refusal::plain(Code::Internal, error.to_string()))??)
    }

    /// Looks for the record of a seal.
    fn is_recorded(&self, seal: &kept::Seal) -> Failure<()> {
        if seal.record.is_none() {
            let said = "the journal has not recorded the seal yet; ask again";
            return Err(Refusal::plain(Code::StateConflict, said));
        }
        if self.holds_record(seal.record, |entry| is_sealed(entry, seal))? {
            return Ok(());
        }
        let said = format!("no journal that is here says that `{}` was sealed with these files", seal.model);
        Err(Refusal::plain(Code::EvidenceMissing, said))
    }
}

fn signed(model: String, files: Vec<kept::Artifact>, key: &ModelSigningKey) -> Result<String, ModelSignatureError> {
    let files = files.into_iter().map(|file| ModelFile { path: file.path, digest: file.digest }).collect();
    Ok(sign(&ModelManifest::of_model(model, files, &BESIDE)?, key))
}
