//! Reading `notify.toml`: strictly, with every key accounted for.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lettre::message::Mailbox;
use reqwest::Url;
use serde::Deserialize;
use types::Digest;

use super::{Channel, Mail, Protection, Secret, Settings, SettingsError, TARGETS_MAX, Target};
use crate::address::{Cidr, Reach};
use crate::event::EventKind;

/// Is how many messages a minute a person's channel gets unless the file says otherwise.
const PEOPLE_PER_MINUTE: u32 = 10;

/// Is how many a machine gets.
const MACHINE_PER_MINUTE: u32 = 120;

/// Is the most that the file may say.
const PER_MINUTE_MAX: u32 = 600;

/// Is how short and how long a webhook's secret may be, in bytes (Standard Webhooks).
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Is how many addresses one mail may go to.
const RECIPIENTS_MAX: usize = 20;

/// Is `notify.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    link: Option<String>,
    #[serde(default)]
    targets: BTreeMap<String, Entry>,
    registry_webhooks: Option<Webhooks>,
}

/// Says where webhooks of the registry may lead.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhooks {
    #[serde(default)]
    allow_private: bool,
    #[serde(default)]
    private: Vec<String>,
}

/// Is one target of the file, of any kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: Kind,
    events: Vec<String>,
    #[serde(default)]
    groups: BTreeSet<String>,
    #[serde(default)]
    profiles: BTreeSet<String>,
    per_minute: Option<u32>,
    #[serde(default)]
    allow_private: bool,
    #[serde(default)]
    private: Vec<String>,
    ca_file: Option<String>,
    url: Option<String>,
    url_file: Option<String>,
    secret_file: Option<String>,
    old_secret_file: Option<String>,
    server: Option<String>,
    port: Option<u16>,
    tls: Option<Tls>,
    user: Option<String>,
    password_file: Option<String>,
    from: Option<String>,
    to: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Webhook,
    Slack,
    Teams,
    Email,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tls {
    Implicit,
    Starttls,
    None,
}

/// Reads a file that the settings name; the text says why it cannot be.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

impl Settings {
    /// Reads settings.
    ///
    /// - `read`: returns the bytes of a file that they name.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with the first thing that is wrong; it repeats nothing of a file that is named.
    pub fn read(text: &str, read: ReadFile<'_>) -> Result<Self, SettingsError> {
        let file: File = toml::from_str(text).map_err(|error| malformed(text, &error))?;
        if file.targets.is_empty() && file.registry_webhooks.is_none() {
            return Err(SettingsError::Whole("there is no target: name one as `[targets.NAME]`".to_owned()));
        }
        if file.targets.len() > TARGETS_MAX {
            return Err(SettingsError::Whole(format!("there are more than {TARGETS_MAX} targets")));
        }
        let link = file.link.map(|link| base(&link).map_err(SettingsError::Whole)).transpose()?;
        let whole = |(name, entry): (String, Entry)| {
            let target = target(&name, &entry, read);
            judged(target.map_err(|why| SettingsError::Target { target: name, why })?)
        };
        let webhooks = file.registry_webhooks.map(|entry| reach(entry.allow_private, &entry.private)).transpose();
        let webhooks = webhooks.map_err(|why| SettingsError::Whole(format!("`registry_webhooks`: {why}")))?;
        let targets = file.targets.into_iter().map(whole).collect::<Result<_, _>>()?;
        Ok(Self { link, targets, webhooks: webhooks.unwrap_or_default() })
    }
}

fn malformed(text: &str, error: &toml::de::Error) -> SettingsError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    SettingsError::Malformed { line: before.matches('\n').count() + 1, why: error.message().to_owned() }
}

fn base(link: &str) -> Result<String, String> {
    let url = web_address(link).map_err(|why| format!("`link` {why}"))?;
    if url.query().is_some() {
        return Err("`link` has a query".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn target(name: &str, entry: &Entry, read: ReadFile<'_>) -> Result<Target, String> {
    if !is_name(name) {
        return Err("a name is 1 to 64 of a-z A-Z 0-9 . _ - and starts with a letter or digit".to_owned());
    }
    let reach = reach(entry.allow_private, &entry.private)?;
    let channel = channel(entry, &reach, read)?;
    let authorities = entry.ca_file.as_deref().map(|file| certificates(file, read)).transpose()?;
    let usual = if entry.kind == Kind::Webhook { MACHINE_PER_MINUTE } else { PEOPLE_PER_MINUTE };
    let per_minute = entry.per_minute.unwrap_or(usual);
    if !(1..=PER_MINUTE_MAX).contains(&per_minute) {
        return Err(format!("`per_minute` is from 1 to {PER_MINUTE_MAX}"));
    }
    Ok(Target {
        name: name.to_owned(),
        fingerprint: fingerprint(entry, &channel),
        channel,
        events: events(&entry.events)?,
        groups: entry.groups.clone(),
        profiles: entry.profiles.clone(),
        per_minute,
        reach,
        authorities,
    })
}

/// Refuses a target that is written as an address and may not be sent to; what a name leads to is judged when it is used.
fn judged(target: Target) -> Result<Target, SettingsError> {
    let address = target.channel.host().and_then(|host| host.address());
    match address.map(|address| target.reach.judge(address)) {
        Some(Err(why)) => Err(SettingsError::Forbidden { target: target.name, why }),
        Some(Ok(())) | None => Ok(target),
    }
}

fn is_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    first && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Digests what a target is, so that a change of it is noticed; no secret can be guessed from it that is not guessed whole.
fn fingerprint(entry: &Entry, channel: &Channel) -> Digest {
    let secret: &[u8] = match channel {
        Channel::Webhook { secrets, .. } => secrets.first().map_or(&[], Secret::bytes),
        Channel::Slack(address) | Channel::Teams(address) => address.bytes(),
        Channel::Email(mail) => mail.credentials.as_ref().map_or(&[], |(_, password)| password.bytes()),
    };
    let secret = Digest::of("countersign/notify/secret/1", secret);
    Digest::of("countersign/notify/target/1", format!("{entry:?} {secret}").as_bytes())
}

fn events(names: &[String]) -> Result<BTreeSet<EventKind>, String> {
    if names.is_empty() {
        return Err("`events` names nothing that it is told of".to_owned());
    }
    let known = || EventKind::ALL.map(EventKind::as_str).join(", ");
    let named =
        |name: &String| EventKind::named(name).ok_or_else(|| format!("`{name}` is no event; there are {}", known()));
    names.iter().map(named).collect()
}

fn reach(allow_private: bool, private: &[String]) -> Result<Reach, String> {
    match (allow_private, private) {
        (false, []) => Ok(Reach::default()),
        (true, []) => Err("`allow_private` needs `private`, the networks that it allows, such as `10.1.2.0/24`".into()),
        (false, _) => Err("`private` names networks that only `allow_private = true` allows".into()),
        (true, networks) => {
            let read = |text: &String| text.parse::<Cidr>().map_err(|error| format!("`private`: {error}"));
            networks.iter().map(read).collect::<Result<_, _>>().map(Reach)
        }
    }
}

fn channel(entry: &Entry, reach: &Reach, read: ReadFile<'_>) -> Result<Channel, String> {
    foreign_keys(entry)?;
    match entry.kind {
        Kind::Webhook => {
            let url = reachable(entry.url.as_deref().ok_or("`url` is missing")?, reach)
                .map_err(|why| format!("`url` {why}"))?;
            let file = entry.secret_file.as_deref().ok_or("`secret_file` is missing: a webhook is signed")?;
            let files = std::iter::once(file).chain(entry.old_secret_file.as_deref());
            Ok(Channel::Webhook {
                url,
                secrets: files.map(|file| signing_secret(file, read)).collect::<Result<_, _>>()?,
            })
        }
        Kind::Slack => secret_address(entry, reach, read).map(Channel::Slack),
        Kind::Teams => secret_address(entry, reach, read).map(Channel::Teams),
        Kind::Email => mail(entry, reach, read).map(|mail| Channel::Email(Box::new(mail))),
    }
}

/// Refuses keys that another kind of target has: they would be of no effect.
fn foreign_keys(entry: &Entry) -> Result<(), String> {
    let (webhook, people, email) =
        (entry.kind == Kind::Webhook, matches!(entry.kind, Kind::Slack | Kind::Teams), entry.kind == Kind::Email);
    if people && entry.url.is_some() {
        return Err(
            "`url` stands in the file, but such an address is a secret: put it into a file and name that as `url_file`"
                .into(),
        );
    }
    let given = [
        ("url", entry.url.is_some(), webhook),
        ("url_file", entry.url_file.is_some(), people),
        ("secret_file", entry.secret_file.is_some(), webhook),
        ("old_secret_file", entry.old_secret_file.is_some(), webhook),
        ("server", entry.server.is_some(), email),
        ("port", entry.port.is_some(), email),
        ("tls", entry.tls.is_some(), email),
        ("user", entry.user.is_some(), email),
        ("password_file", entry.password_file.is_some(), email),
        ("from", entry.from.is_some(), email),
        ("to", entry.to.is_some(), email),
    ];
    match given.iter().find(|(_, given, known)| *given && !known) {
        Some((key, ..)) => Err(format!("`{key}` is no key of this kind of target")),
        None => Ok(()),
    }
}

fn web_address(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("is no address: {error}"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err("begins neither with https nor with http".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a name or a password".to_owned());
    }
    if url.fragment().is_some() { Err("has a fragment".to_owned()) } else { Ok(url) }
}

/// Reads an address that messages go to: without TLS only within a private network.
fn reachable(text: &str, reach: &Reach) -> Result<Url, String> {
    let url = web_address(text)?;
    if url.scheme() == "http" && reach.0.is_empty() {
        return Err("begins with http, which is for private networks alone".to_owned());
    }
    Ok(url)
}

fn secret_text(file: &str, read: ReadFile<'_>) -> Result<String, String> {
    let text = String::from_utf8(read(file)?).map_err(|_| format!("`{file}` is no text"))?;
    let text = text.trim().to_owned();
    if text.is_empty() { Err(format!("`{file}` is empty")) } else { Ok(text) }
}

fn signing_secret(file: &str, read: ReadFile<'_>) -> Result<Secret, String> {
    let text = secret_text(file, read)?;
    let bytes = BASE64_STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(&text));
    match bytes {
        Ok(bytes) if SECRET_BYTES.contains(&bytes.len()) => Ok(Secret::new(bytes)),
        _ => Err(format!(
            "`{file}` holds no secret: 24 to 64 random bytes in base64, as `openssl rand -base64 32` makes them"
        )),
    }
}

fn secret_address(entry: &Entry, reach: &Reach, read: ReadFile<'_>) -> Result<Secret, String> {
    let file = entry
        .url_file
        .as_deref()
        .ok_or("`url_file` is missing: such an address is a secret, and stands in a file of its own")?;
    let text = secret_text(file, read)?;
    reachable(&text, reach).map_err(|why| format!("the address in `{file}` {why}"))?;
    Ok(Secret::new(text.into_bytes()))
}

fn certificates(file: &str, read: ReadFile<'_>) -> Result<Vec<u8>, String> {
    let bytes = read(file)?;
    match reqwest::Certificate::from_pem_bundle(&bytes) {
        Ok(found) if !found.is_empty() => Ok(bytes),
        _ => Err(format!("`{file}` holds no certificate in PEM")),
    }
}

fn mail(entry: &Entry, reach: &Reach, read: ReadFile<'_>) -> Result<Mail, String> {
    let server = entry.server.clone().ok_or("`server` is missing")?;
    let is_host = |host: &str| {
        format!("https://{host}/")
            .parse::<Url>()
            .is_ok_and(|url| url.path() == "/" && url.port().is_none() && url.username().is_empty())
    };
    if !is_host(&server) {
        return Err("`server` is no host".to_owned());
    }
    let protection = match entry.tls {
        Some(Tls::Implicit) => Protection::Implicit,
        Some(Tls::Starttls) | None => Protection::StartTls,
        Some(Tls::None) => Protection::None,
    };
    let credentials = match (&entry.user, &entry.password_file) {
        (Some(user), Some(file)) => Some((user.clone(), Secret::new(secret_text(file, read)?.into_bytes()))),
        (None, None) => None,
        _ => return Err("`user` and `password_file` go together".to_owned()),
    };
    if protection == Protection::None && (reach.0.is_empty() || credentials.is_some()) {
        return Err("`tls = \"none\"` is for private networks alone, and without a password".to_owned());
    }
    let port = entry.port.unwrap_or(if protection == Protection::Implicit { 465 } else { 587 });
    let from = mailbox("from", entry.from.as_deref().ok_or("`from` is missing")?)?;
    let to = entry.to.as_deref().unwrap_or_default();
    if to.is_empty() || to.len() > RECIPIENTS_MAX {
        return Err(format!("`to` names from 1 to {RECIPIENTS_MAX} addresses"));
    }
    let to = to.iter().map(|text| mailbox("to", text)).collect::<Result<_, _>>()?;
    Ok(Mail { server, port, protection, credentials, from, to })
}

fn mailbox(key: &str, text: &str) -> Result<Mailbox, String> {
    let mailbox: Mailbox = text.parse().map_err(|_| format!("`{key}`: `{text}` is no address"))?;
    let plain = |name: &str| !name.chars().any(types::text::is_deceptive);
    if mailbox.name.as_deref().is_some_and(|name| !plain(name)) {
        return Err(format!("`{key}` has a name with characters that cannot be seen"));
    }
    Ok(mailbox)
}
