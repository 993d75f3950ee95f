//! The keys of models: `model.key` among the keys signs them, as PEM, so that an operator can bring one and hand it to other programs;
//! `models/NAME.pem` are the public keys of those whose signatures are believed.

use std::fs;
use std::io;
use std::path::Path;

use control::model_signers::ModelSigners;
use evidence::{ModelKey, ModelSignatureError, ModelSigningKey};
use ledger::port::draw;
use ledger::recover::Lock;
use types::Code;

use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::machine::SystemRandom;

/// Is the file of the key that signs models, and nothing else.
const MODEL_KEY: &str = "model.key";

/// Is the folder of the public keys of those who sign models elsewhere.
const SIGNERS: &str = "models";

impl From<ModelSignatureError> for CliError {
    fn from(error: ModelSignatureError) -> Self {
        // What is signed in a way that is not read here may be right or wrong: that cannot be told.
        let exit = if matches!(error, ModelSignatureError::Unsupported(_)) { Exit::Undetermined } else { Exit::Failed };
        Self::new(exit, error.code(), error.to_string())
    }
}

impl Folders {
    /// Opens the key that signs models, or makes it where there is none: nothing that is there depends on it.
    ///
    /// - `_lock`: of the data folder, so that of two first starts one alone makes it.
    ///
    /// # Errors
    ///
    /// `keys-unusable` if its file holds no secret key on P-256; `file-unusable` if it cannot be used.
    pub fn model_key(&self, _lock: &Lock) -> Result<ModelSigningKey, CliError> {
        if let Some(key) = self.model_key_there()? {
            return Ok(key);
        }
        let key = ModelSigningKey::from_bytes(&draw(&SystemRandom))?;
        self.write_key(MODEL_KEY, key.to_pem()?.trim_end())?;
        Ok(key)
    }

    /// Opens the key that signs models; `None` if there is none yet.
    ///
    /// # Errors
    ///
    /// As [`Folders::model_key`].
    pub fn model_key_there(&self) -> Result<Option<ModelSigningKey>, CliError> {
        let Some(text) = self.read_key(MODEL_KEY)? else { return Ok(None) };
        let key = ModelSigningKey::from_pem(text.as_bytes());
        key.map(Some).map_err(|error| malformed(&self.keys.join(MODEL_KEY), &error))
    }

    /// Reads the public keys of those whose signatures of models are believed; nobody's if there is no such folder.
    ///
    /// # Errors
    ///
    /// `keys-unusable` if one of its files is no such key, has a name that is not `NAME.pem`, or has another one's key; `file-unusable` if
    /// one cannot be read.
    pub fn model_signers(&self) -> Result<ModelSigners, CliError> {
        let folder = self.keys.join(SIGNERS);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ModelSigners::new()),
            entries => entries.map_err(|error| unusable(&folder, &error))?,
        };
        let mut signers = ModelSigners::new();
        for entry in entries {
            let path = entry.map_err(|error| unusable(&folder, &error))?.path();
            let name = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".pem")).map(str::to_owned);
            let refused = |why: &'static str| malformed(&path, &ModelSignatureError::Key(why));
            let name = name.filter(|name| !name.is_empty()).ok_or_else(|| refused("it is not called `NAME.pem`"))?;
            let text = fs::read(&path).map_err(|error| unusable(&path, &error))?;
            let key = ModelKey::from_pem(&text).map_err(|error| malformed(&path, &error))?;
            if signers.values().any(|known| *known == key) {
                return Err(refused("another file has the same one"));
            }
            signers.insert(name, key);
        }
        Ok(signers)
    }
}

fn malformed(path: &Path, error: &ModelSignatureError) -> CliError {
    CliError::new(Exit::Failed, Code::KeysUnusable, format!("`{}`: {error}", path.display()))
}

fn unusable(path: &Path, error: &io::Error) -> CliError {
    CliError::machine(format!("`{}` cannot be read: {error}", path.display()))
}
