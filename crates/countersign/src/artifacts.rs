//! Where files of training are kept: `artifacts.toml`, with the secret that it names in a file of its own.

use std::sync::Arc;

use control::tracking::bucket::{Bucket, BucketSettings};
use serde::Deserialize;
use types::Code;

use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::notifications::read_file;
use crate::settings;

/// Is the region of a store that has none.
const REGION: &str = "us-east-1";

/// Is `artifacts.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// An S3-compatible store.
    s3: S3,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct S3 {
    /// The bucket.
    bucket: String,
    /// The folder in it.
    #[serde(default)]
    prefix: String,
    /// The region; Amazon's first one, if nobody says.
    region: Option<String>,
    /// Where the store is, if it is not Amazon's.
    endpoint: Option<String>,
    /// The id of the key.
    access_key_id: String,
    /// The file of the key, below the keys folder.
    secret_access_key_file: String,
}

/// Reads in which bucket files of training are kept; `None` if there is no such file, and they are kept in the data folder.
///
/// # Errors
///
/// `artifacts-invalid` if it cannot be understood, or names a file that cannot be read; `file-unusable` if it cannot be read itself.
pub fn bucket(folders: &Folders) -> Result<Option<Arc<Bucket>>, CliError> {
    let Some(text) = settings::read(&folders.artifacts)? else { return Ok(None) };
    let shown = folders.artifacts.display();
    let invalid = |why: String| CliError::new(Exit::Usage, Code::ArtifactsInvalid, format!("`{shown}`: {why}"));
    let read = |name: &str| read_file(&folders.keys.join(name));
    understood(&text, &read).map(|bucket| Some(Arc::new(bucket))).map_err(invalid)
}

fn understood(text: &str, read: &dyn Fn(&str) -> Result<Vec<u8>, String>) -> Result<Bucket, String> {
    let File { s3 } = settings::parse(text)?;
    for (name, text) in [("bucket", &s3.bucket), ("access_key_id", &s3.access_key_id)] {
        if text.trim().is_empty() {
            return Err(format!("`{name}` is empty"));
        }
    }
    let settings = BucketSettings {
        secret_access_key: settings::secret(&s3.secret_access_key_file, read)?,
        bucket: s3.bucket,
        prefix: s3.prefix,
        region: s3.region.unwrap_or_else(|| REGION.to_owned()),
        endpoint: s3.endpoint,
        access_key_id: s3.access_key_id,
    };
    Bucket::new(settings).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[s3]\nbucket = \"models\"\nendpoint = \"https://store.example\"\naccess_key_id = \"id\"\n\
        secret_access_key_file = \"s3.secret\"\n";

    fn says(text: &str) -> String {
        let read = |name: &str| match name {
            "s3.secret" => Ok(b"very secret\n".to_vec()),
            "empty" => Ok(b" \n".to_vec()),
            _ => Err(format!("`{name}` is not there")),
        };
        understood(text, &read).map_or_else(|why| why, |bucket| format!("{bucket:?}"))
    }

    #[test]
    fn what_cannot_be_understood_is_told_with_its_reason_and_no_secret() {
        assert!(says(GOOD).contains("models") && !says(GOOD).contains("very secret"), "{}", says(GOOD));
        for (old, new, why) in [
            ("\"models\"", "\"\"", "`bucket` is empty"),
            ("bucket =", "bukket =", "line 2: unknown field `bukket`"),
            ("[s3]", "[s4]", "line 1: unknown field `s4`"),
            ("https://store.example", "http://store.example", "is not `https`"),
            ("https://store.example", "store", "is no address"),
            ("s3.secret", "empty", "`empty` is empty"),
            ("s3.secret", "gone", "`gone` is not there"),
        ] {
            let said = says(&GOOD.replace(old, new));
            assert!(said.contains(why) && !said.contains("very secret"), "{new}: {said}");
        }
    }
}
