//! `countersign model verify`: a model's files against a signature by OpenSSF model signing, without a server.

use std::path::Path;

use evidence::model_signature::{Difference, IsDifferent, SIGNATURE_BYTES_MAX};
use evidence::{ModelKey, ModelManifest, ModelSignature, ModelSignatureError};
use serde_json::{Value, json};
use types::Code;
use types::text::escape;

use super::Done;
use crate::cli::ModelVerifyArgs;
use crate::error::{CliError, Exit};
use crate::model_folder::{Passed, Walked};
use crate::output::{self, BAD, FAINT, GOOD, paint};

/// Is the largest file of a public key, in bytes.
const KEY_BYTES_MAX: usize = 1 << 16;

/// Runs the command: exits with 0 if the model is what the key has signed, and nothing else is in it.
pub fn run(args: &ModelVerifyArgs, as_json: bool) -> Done {
    let key = ModelKey::from_pem(&read(&args.public_key, KEY_BYTES_MAX)?)
        .map_err(|error| CliError::usage(format!("`{}`: {error}", args.public_key.display())))?;
    let signed = ModelSignature::parse(&read(&args.signature, SIGNATURE_BYTES_MAX)?)?.verify(&key)?;
    let passed = Passed::of(&signed, &args.ignored, &args.model, &args.signature)?;
    let walked = Walked::over(&args.model, &passed, signed.allows_links())?;
    let differences = signed.compare(&walked.entries);
    if as_json {
        output::say_json(&told(&key, &signed, &walked, &differences));
    } else {
        tell(&key, &signed, &walked, &differences);
    }
    if differences.is_empty() {
        return Ok(Exit::Done);
    }
    let message = format!(
        "the model is not what was signed: {} of its paths differ, {} files were signed",
        differences.len(),
        signed.files().len()
    );
    Err(CliError::new(Exit::Failed, Code::ModelDiffers, message))
}

/// Reads a file that is not larger than it can be.
fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, CliError> {
    use std::io::Read as _;
    let unusable = |error: std::io::Error| CliError::machine(format!("`{}` cannot be read: {error}", path.display()));
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(unusable)?;
    if bytes.len() > bytes_max {
        return Err(ModelSignatureError::TooLarge(bytes.len()).into());
    }
    Ok(bytes)
}

fn told(key: &ModelKey, signed: &ModelManifest, walked: &Walked, differences: &[Difference]) -> Value {
    let difference = |one: &Difference| {
        let mut told = json!({ "path": one.path, "is": one.is.as_str(), "signed": one.signed });
        match (&one.is, told.as_object_mut()) {
            (IsDifferent::Changed(found), Some(told)) => drop(told.insert("found".to_owned(), json!(found))),
            (IsDifferent::Other(what), Some(told)) => drop(told.insert("found".to_owned(), json!(what))),
            _ => {}
        }
        told
    };
    json!({
        "holds": differences.is_empty(),
        "key": key.fingerprint(),
        "model": signed.name(),
        "digest": signed.root(),
        "signed": signed.files().len(),
        "files": walked.files,
        "bytes": walked.bytes,
        "passed_over": walked.passed_over,
        "differences": differences.iter().map(difference).collect::<Vec<_>>(),
    })
}

fn tell(key: &ModelKey, signed: &ModelManifest, walked: &Walked, differences: &[Difference]) {
    let name = escape(signed.name(), false);
    output::say(format!("{} the key {} has signed the model `{name}`", paint(GOOD, "ok"), key.fingerprint()));
    output::say(paint(FAINT, format!("   {} files, digest {}", signed.files().len(), signed.root())));
    for path in &walked.passed_over {
        output::say(paint(FAINT, format!("   passed over: {}", escape(path, false))));
    }
    if differences.is_empty() {
        let (files, bytes) = (walked.files, walked.bytes);
        output::say(format!(
            "{} its files are those, and no other is there: {files} files, {bytes} bytes",
            paint(GOOD, "ok")
        ));
    }
    for Difference { path, is, .. } in differences {
        let what = match is {
            IsDifferent::Missing => "was signed and is missing".to_owned(),
            IsDifferent::Changed(found) => format!("has other bytes, whose SHA-256 is {found}"),
            IsDifferent::Unlisted => "was not signed".to_owned(),
            IsDifferent::Other(what) => format!("is {what}"),
        };
        output::say(format!("{} {} {what}", paint(BAD, is.as_str()), escape(path, false)));
    }
}
