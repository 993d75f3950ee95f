//! `countersign model signature` and `countersign model key`: what others verify a model with.

use std::io::Write as _;

use evidence::ModelSignature;
use serde_json::json;
use types::Code;

use super::Done;
use crate::cli::ModelSignatureArgs;
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::output;

/// Writes the signature of a sealed model.
pub async fn write(client: &Client, args: &ModelSignatureArgs, as_json: bool) -> Done {
    if as_json && args.output.is_none() {
        return Err(CliError::usage("--json says what was written, so --output must say where"));
    }
    let bytes = client.read(&format!("/v1/seals/{}/signature", segment(&args.model))).await?;
    // What is handed on as a signature is one.
    let signature = ModelSignature::parse(&bytes)?;
    let Some(file) = &args.output else {
        // A reader that has gone away wants no more.
        let _ = std::io::stdout().lock().write_all(&bytes);
        return Ok(Exit::Done);
    };
    std::fs::write(file, &bytes)
        .map_err(|error| CliError::machine(format!("`{}` cannot be written: {error}", file.display())))?;
    let (model, key) = (&args.model, signature.hint().unwrap_or_default());
    if as_json {
        output::say_json(&json!({ "file": file, "bytes": bytes.len(), "model": model, "key": key }));
    } else {
        output::say(format!("{} ({} bytes, model {model}, key {key})", file.display(), bytes.len()));
    }
    Ok(Exit::Done)
}

/// Prints the public key of this folder that verifies signatures of models.
pub fn key(folders: &Folders, as_json: bool) -> Done {
    let missing = || {
        let message = format!("there is no key in `{}` that signs models", folders.keys.display());
        CliError::new(Exit::Failed, Code::KeysUnusable, message).hint("`countersign up` makes one")
    };
    let key = folders.model_key_there()?.ok_or_else(missing)?;
    let (pem, fingerprint) = (key.public().to_pem(), key.public().fingerprint());
    if as_json {
        output::say_json(&json!({ "pem": pem, "fingerprint": fingerprint }));
    } else {
        output::say(pem.trim_end());
    }
    Ok(Exit::Done)
}
