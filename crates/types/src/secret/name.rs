//! Property names that say what they hold.

/// Are the ends of names, in lower case and without separators, whose values are taken for secrets.
const ENDS: [&str; 19] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "authorization",
    "credential",
    "credentials",
    "cookie",
    "bearer",
    "connectionstring",
    "otp",
];

/// Are ends of names that only look like it: they mark a place in a list, or what may be cancelled.
const PLACES: [&str; 8] = [
    "pagetoken",
    "nexttoken",
    "continuationtoken",
    "synctoken",
    "cursortoken",
    "progresstoken",
    "canceltoken",
    "cancellationtoken",
];

/// Says whether a property of this name is taken for a secret: `password`, `apiKey`, `X-Auth-Token`, `db_passwd` …
///
/// Case and separators do not count, and neither does what stands in front; `maxTokens` and `next_page_token` are none.
pub fn is_secret_name(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    // Several tokens are a count more often than a list of credentials.
    let one = plain.strip_suffix('s').filter(|one| !one.ends_with("token")).unwrap_or(&plain);
    let ends = |ends: &[&str]| ends.iter().any(|end| plain.ends_with(end) || one.ends_with(end));
    ends(&ENDS) && !ends(&PLACES)
}

#[cfg(test)]
mod tests {
    use super::is_secret_name;

    #[test]
    fn names_are_known_in_any_case_and_with_any_separator() {
        for name in [
            "password",
            "PASSWORD",
            "db_password",
            "dbPasswd",
            "api_key",
            "API-Key",
            "apiKeys",
            "x api key",
            "token",
            "accessToken",
            "X-Auth-Token",
            "client.secret",
            "Authorization",
            "set-cookie",
            "credentials",
            "private_key",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "",
            "name",
            "tokens",
            "max_tokens",
            "nextPageToken",
            "continuation_token",
            "progressToken",
            "author",
            "key",
            "public_key",
            "passenger",
            "secretary",
            "service",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
