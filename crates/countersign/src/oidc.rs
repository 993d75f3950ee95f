//! At whose place people log in: `oidc.toml`, with the secret that it names in a file of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use control::oidc::{OidcConfig, Provider, Settings};
use serde::Deserialize;
use types::{Code, PersonId};

use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::notifications::read_file;
use crate::settings;

/// Is how many people the file may name.
const PEOPLE_MAX: usize = 10_000;

/// Is `oidc.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What the button says.
    name: String,
    /// The issuer, as its tokens name it.
    issuer: String,
    /// The client.
    client_id: String,
    /// The file of its secret, below the keys folder; none for a public client.
    client_secret_file: Option<String>,
    /// The file of certificates that are believed besides the machine's own, below the keys folder.
    ca_file: Option<String>,
    /// The claim that names the person.
    claim: String,
    /// The scopes besides `openid`.
    #[serde(default)]
    scopes: Vec<String>,
    /// The person of each value of the claim.
    people: BTreeMap<String, PersonId>,
}

/// Reads at whose place people log in; `None` if there is no such file.
///
/// # Errors
///
/// `oidc-invalid` if it cannot be understood, or names a file that cannot be read; `file-unusable` if it cannot be read itself.
pub fn config(folders: &Folders) -> Result<Option<OidcConfig>, CliError> {
    let Some(text) = settings::read(&folders.oidc)? else { return Ok(None) };
    let invalid =
        |why: String| CliError::new(Exit::Usage, Code::OidcInvalid, format!("`{}`: {why}", folders.oidc.display()));
    let read = |name: &str| read_file(&folders.keys.join(name));
    understood(&text, &read).map(Some).map_err(invalid)
}

fn understood(text: &str, read: &dyn Fn(&str) -> Result<Vec<u8>, String>) -> Result<OidcConfig, String> {
    let file: File = settings::parse(text)?;
    let texts = [("name", &file.name), ("client_id", &file.client_id), ("claim", &file.claim)];
    if let Some((name, _)) = texts.iter().find(|(_, text)| text.trim().is_empty()) {
        return Err(format!("`{name}` is empty"));
    }
    if file.people.is_empty() || file.people.len() > PEOPLE_MAX {
        return Err(format!("`[people]` must name 1 to {PEOPLE_MAX} people: VALUE = \"PERSON\""));
    }
    let secret = file.client_secret_file.as_deref().map(|name| settings::secret(name, read));
    let settings = Settings {
        issuer: file.issuer.clone(),
        client_id: file.client_id,
        client_secret: secret.transpose()?,
        authorities: file.ca_file.as_deref().map(read).transpose()?,
    };
    let provider = Arc::new(Provider::new(settings)?);
    let (name, issuer, claim, scopes, people) = (file.name, file.issuer, file.claim, file.scopes, file.people);
    Ok(OidcConfig { name, issuer, provider, claim, scopes, people })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = \"Example\"\nissuer = \"https://login.example\"\nclient_id = \"gate\"\n\
        client_secret_file = \"oidc.secret\"\nclaim = \"sub\"\n[people]\n\"u-1\" = \"ana\"\n";

    fn says(text: &str) -> String {
        let read = |name: &str| match name {
            "oidc.secret" => Ok(b"very secret\n".to_vec()),
            "empty" => Ok(b" \n".to_vec()),
            _ => Err(format!("`{name}` is not there")),
        };
        understood(text, &read).map(|config| config.people.len().to_string()).unwrap_or_else(|why| why)
    }

    #[test]
    fn what_cannot_be_understood_is_told_with_its_reason_and_no_secret() {
        assert_eq!(says(GOOD), "1");
        assert_eq!(says(&GOOD.replace("https://login.example", "http://localhost:1")), "1");
        for (old, new, why) in [
            ("name = \"Example\"", "name = \"\"", "`name` is empty"),
            ("name =", "nam =", "line 1: unknown field `nam`"),
            ("https://login.example", "http://login.example", "is not `https`"),
            ("https://login.example", "https://169.254.169.254", "link-local"),
            ("https://login.example", "https://u:p@login.example", "is not `https`"),
            ("https://login.example", "https://login.example?x=1", "has a query"),
            ("https://login.example", "login", "is no address"),
            ("oidc.secret", "empty", "`empty` is empty"),
            ("oidc.secret", "gone", "`gone` is not there"),
            ("\"u-1\" = \"ana\"", "", "`[people]` must name"),
            ("\"ana\"", "\"Not a person\"", "line 7"),
        ] {
            let said = says(&GOOD.replace(old, new));
            assert!(said.contains(why) && !said.contains("very secret"), "{new}: {said}");
        }
    }
}
