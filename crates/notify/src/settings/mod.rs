//! Who is told of what, and how they are reached: `notify.toml`, which is the operator's and no part of the policy.

mod read;
mod secret;

use std::collections::BTreeSet;
use std::net::IpAddr;

use lettre::message::Mailbox;
use reqwest::Url;
use types::{Code, Digest};

use crate::address::{Forbidden, Reach};
use crate::event::EventKind;

pub use secret::Secret;

/// Is how many targets there may be.
pub const TARGETS_MAX: usize = 32;

/// Says why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The text is no TOML, or holds a key that is not known.
    #[error("line {line}: {why}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// Something about the whole file is wrong.
    #[error("{0}")]
    Whole(String),
    /// Something about one target is wrong.
    #[error("target `{target}`: {why}")]
    Target {
        /// The target.
        target: String,
        /// What is wrong.
        why: String,
    },
    /// A target is an address that messages are not sent to.
    #[error("target `{target}`: {why}")]
    Forbidden {
        /// The target.
        target: String,
        /// What is wrong.
        why: Forbidden,
    },
}

impl SettingsError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Forbidden { .. } => Code::AddressForbidden,
            Self::Malformed { .. } | Self::Whole(_) | Self::Target { .. } => Code::NotifyInvalid,
        }
    }
}

/// Says who is told of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The base of the links in messages; without one it is the server's own address.
    pub link: Option<String>,
    /// The targets, by name.
    pub targets: Vec<Target>,
    /// The private networks that webhooks of the registry may be in, which people register.
    pub webhooks: Reach,
}

impl Settings {
    /// Finds a target by its name.
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.name == name)
    }

    /// Says whether any target is told when people of a group are asked by a profile.
    pub fn reaches(&self, group: &str, profile: &str) -> bool {
        let wants = |target: &Target| target.wants(EventKind::CaseOpened, &[group], &[profile]);
        let later = |target: &Target| target.wants(EventKind::CaseAsked, &[group], &[profile]);
        self.targets.iter().any(|target| wants(target) || later(target))
    }
}

/// Is one target: a place that messages go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Over what it is reached.
    pub channel: Channel,
    /// Of what it is told.
    pub events: BTreeSet<EventKind>,
    /// The groups of people it stands for; all if there is none.
    pub groups: BTreeSet<String>,
    /// The profiles it is told of; all if there is none.
    pub profiles: BTreeSet<String>,
    /// How many messages it gets a minute, from 1 to 600.
    pub per_minute: u32,
    /// The private networks it may be in.
    pub reach: Reach,
    /// Further authorities whose certificates its server may have, as PEM.
    pub authorities: Option<Vec<u8>>,
    /// The digest of all this: a change of it takes a target up again that had stopped.
    pub fingerprint: Digest,
}

impl Target {
    /// Says whether it is told of an event that concerns some groups and profiles; one without any concerns everybody. Of a
    /// break-glass every target is told.
    pub fn wants<G: AsRef<str>, P: AsRef<str>>(&self, kind: EventKind, groups: &[G], profiles: &[P]) -> bool {
        let meets = |own: &BTreeSet<String>, theirs: &mut dyn Iterator<Item = &str>| {
            let mut theirs = theirs.peekable();
            own.is_empty() || theirs.peek().is_none() || theirs.any(|name| own.contains(name))
        };
        if kind.is_for_all() {
            return true;
        }
        self.events.contains(&kind)
            && meets(&self.groups, &mut groups.iter().map(AsRef::as_ref))
            && meets(&self.profiles, &mut profiles.iter().map(AsRef::as_ref))
    }
}

/// Says over what a target is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// A signed CloudEvent.
    Webhook {
        /// Where it is sent.
        url: Url,
        /// The secrets it is signed with: the present one, then the one before it while receivers change over.
        secrets: Vec<Secret>,
    },
    /// An incoming webhook of Slack; its address is a secret.
    Slack(Secret),
    /// A workflow's webhook of Teams; its address is a secret.
    Teams(Secret),
    /// E-mail.
    Email(Box<Mail>),
}

impl Channel {
    /// Returns the host that it speaks to, in the one spelling that an address has.
    pub fn host(&self) -> Option<Host> {
        let url = match self {
            Self::Webhook { url, .. } => url.clone(),
            Self::Slack(address) | Self::Teams(address) => address.text().parse().ok()?,
            Self::Email(mail) => format!("https://{}/", mail.server).parse().ok()?,
        };
        Some(Host(url.host_str()?.to_owned()))
    }

    /// Returns the name that settings use.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Slack(_) => "slack",
            Self::Teams(_) => "teams",
            Self::Email(_) => "email",
        }
    }
}

/// Is a host: a name, or an address in its one spelling, however it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(String);

impl Host {
    /// Returns the address, if it is one and no name.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

/// Says how e-mail is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The server.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub protection: Protection,
    /// With whose name and password the server is spoken to.
    pub credentials: Option<(String, Secret)>,
    /// Who the mail is from.
    pub from: Mailbox,
    /// To whom it goes.
    pub to: Vec<Mailbox>,
}

/// Says how a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// TLS from the first byte on.
    Implicit,
    /// TLS after `STARTTLS`, which the server must offer.
    StartTls,
    /// None; only within a private network, and without a password.
    None,
}
