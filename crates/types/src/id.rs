//! Typed identifiers: names people choose, and numbers the system draws.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Says why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text breaks the rule for chosen names.
    #[error("`{0}` is not a name: use 1 to 64 of a-z A-Z 0-9 . _ @ - and start with a letter or digit")]
    Name(String),
    /// The text is not a UUID with the expected prefix.
    #[error("`{0}` is not an identifier of this kind")]
    Drawn(String),
    /// The text is not `server.tool`.
    #[error("`{0}` is not a tool name: write `server.tool`")]
    Tool(String),
}

fn is_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    let rest = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'@' | b'-'));
    first && rest && text.len() <= 64
}

macro_rules! chosen_names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] String);

        impl $name {
            /// Checks and wraps a chosen name: 1 to 64 of `a-z A-Z 0-9 . _ @ -`, first a letter or digit.
            ///
            /// # Errors
            ///
            /// [`IdError::Name`] if the text breaks that rule.
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                if is_name(&text) { Ok(Self(text)) } else { Err(IdError::Name(text)) }
            }

            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(d)?).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

chosen_names! {
    /// Names a tenant, the unit of isolation and scale.
    TenantId;
    /// Names an agent.
    AgentId;
    /// Names a person.
    PersonId;
    /// Names an action class: a set of operations with one risk character.
    ClassId;
    /// Names an escalation profile: who decides, how many, how long.
    ProfileId;
    /// Names an on-call schedule of the bundle.
    ScheduleId;
    /// Names an obligation profile: what must happen besides the action itself.
    ObligationId;
    /// Names a limit, window or freeze of the bundle.
    LimitId;
    /// Names a check of the bundle: what must hold after an action.
    CheckId;
    /// Names a decoy of the bundle.
    DecoyId;
    /// Names an upstream server in the catalogue.
    ServerName;
}

/// Names a Cedar policy by its `@id`.
pub type PolicyId = String;

macro_rules! drawn_ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Builds a version 7 UUID from an instant and 10 random bytes, both given by the caller.
            pub fn draw(now: crate::Millis, random: [u8; 10]) -> Self {
                let ms = u64::try_from(now.0).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|hex| hex.len() == 32 && !hex.bytes().any(|b| b.is_ascii_uppercase()))
                    .and_then(|hex| Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or_else(|| IdError::Drawn(text.to_owned()))
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(self.0.as_bytes())?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                let bytes = d.bytes()?;
                let uuid = Uuid::from_slice(bytes).map_err(|_| minicbor::decode::Error::message("an id has 16 bytes"))?;
                Ok(Self(uuid))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

drawn_ids! {
    /// Identifies one proposed action through its whole life.
    ActionId "act";
    /// Identifies one session of an agent.
    SessionId "ses";
    /// Identifies one escalation awaiting people.
    CaseId "case";
    /// Identifies one granted authority, such as a level given by hand.
    GrantId "grant";
    /// Identifies one drill of a kill.
    DrillId "drill";
    /// Identifies one permission that people gave an agent.
    PermissionId "perm";
    /// Identifies one bearer key.
    KeyId "key";
    /// Identifies one passkey of a person, from its invitation on.
    PasskeyId "pk";
    /// Identifies one emergency in which approvals were done without.
    GlassId "glass";
    /// Identifies one journal record.
    RecordId "rec";
}

/// Names one operation of one server: `server.tool`, or `server.mcp:resources/read` for a governed
/// protocol method that is no tool.
///
/// The server part has no dot, so the first dot separates the two parts without ambiguity.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(array)]
pub struct ToolName {
    /// The server as the catalogue names it.
    #[n(0)]
    pub server: ServerName,
    /// The operation as the server names it.
    #[n(1)]
    pub operation: String,
}

impl ToolName {
    /// Joins a server and one of its operations.
    ///
    /// # Errors
    ///
    /// [`IdError::Tool`] if the server has a dot, or the operation is empty, longer than 128 bytes or
    /// holds a blank or control character.
    pub fn new(server: ServerName, operation: impl Into<String>) -> Result<Self, IdError> {
        let operation = operation.into();
        let plain = !operation.chars().any(|c| c.is_whitespace() || c.is_control());
        if server.as_str().contains('.') || operation.is_empty() || operation.len() > 128 || !plain {
            return Err(IdError::Tool(format!("{server}.{operation}")));
        }
        Ok(Self { server, operation })
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.server, self.operation)
    }
}

impl fmt::Debug for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for ToolName {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (server, operation) = text.split_once('.').ok_or_else(|| IdError::Tool(text.to_owned()))?;
        Self::new(ServerName::new(server)?, operation)
    }
}

impl Serialize for ToolName {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ToolName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_rule() {
        for good in ["a", "sre-bot", "ana@example.com", "9lives"] {
            assert_eq!(AgentId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert!(AgentId::new(bad).is_err(), "{bad} passed");
        }
    }

    #[test]
    fn drawn_ids_round_trip_and_refuse_other_kinds() {
        let id = ActionId::draw(crate::Millis(1_700_000_000_000), [7; 10]);
        assert_eq!(id.to_string().parse::<ActionId>().unwrap(), id);
        assert!(id.to_string().parse::<SessionId>().is_err());
    }

    #[test]
    fn a_tool_name_splits_at_the_first_dot() {
        let tool: ToolName = "files.read.text".parse().unwrap();
        assert_eq!((tool.server.as_str(), tool.operation.as_str()), ("files", "read.text"));
    }
}
