//! Permissions: what an agent lacked, granted by people within visible bounds, for a while and a number of times.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::bound::Bound;
use crate::text::escape;
use crate::{ActionId, AgentId, Arguments, Digest, Millis, PermissionId, PersonId, Principal, ProfileId, ToolName};

/// Is the administration tool by which an agent asks for a permission.
pub const REQUEST_TOOL: &str = "countersign.permission.request";

/// Is the status of the record of a grant that gives a permission; of levels it is the level, 0 to 3.
pub const PERMITTED: u8 = 32;

/// Is the status of the record of a grant that revokes a permission.
pub const REVOKED: u8 = 33;

/// Says how far a permission may go that an agent asks for, as `bundle.toml` has it; without it none is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionLimits {
    /// How long one lasts at most, in minutes.
    pub minutes_max: u32,
    /// How many actions one covers at most.
    pub uses_max: u32,
}

impl PermissionLimits {
    /// Says whether any permission can be given.
    pub fn gives(&self) -> bool {
        self.minutes_max > 0 && self.uses_max > 0
    }
}

/// Is what a permission is asked for and given for. It stands whole in the arguments of the request, so that whoever
/// approves the request approves exactly this.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The tool.
    #[n(0)]
    pub tool: ToolName,
    /// The definition the tool must have; absent for what has none.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Digest>,
    /// What each argument may be, by its name; an action with any other argument is not covered.
    #[n(2)]
    #[serde(with = "listed")]
    pub bounds: BTreeMap<String, Bound>,
    /// The environments of the resource, as the inventory tells them; with none, only what has no environment is covered.
    #[n(3)]
    pub environments: BTreeSet<String>,
    /// How long it lasts from the moment it is given, in minutes.
    #[n(4)]
    pub minutes: u32,
    /// How many actions it covers.
    #[n(5)]
    pub uses: u32,
    /// The profiles that must approve it, and for which it stands then.
    #[n(6)]
    pub profiles: BTreeSet<ProfileId>,
    /// What it is for, in the words of who asks.
    #[n(7)]
    pub purpose: String,
    /// The person who asked in the agent's name; absent if the agent asked by itself.
    #[n(8)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<PersonId>,
}

impl Terms {
    /// Reads the terms from the arguments of a request.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong; it may hold text of the arguments.
    pub fn read(arguments: &Arguments) -> Result<Self, String> {
        serde_json::from_value(arguments.value().clone()).map_err(|e| format!("the terms cannot be read: {e}"))
    }

    /// Says in plain words, safe to look at, what is covered: `sre.restart with service = "checkout", in staging`.
    pub fn told(&self) -> String {
        let bounds: Vec<String> = self.bounds.iter().map(|(name, bound)| bound.told_of(name)).collect();
        let with =
            if bounds.is_empty() { " without arguments".to_owned() } else { format!(" with {}", bounds.join(", ")) };
        let environments: Vec<String> = self.environments.iter().map(|name| escape(name, false)).collect();
        let place = if environments.is_empty() { String::new() } else { format!(", in {}", environments.join(" or ")) };
        format!("{}{with}{place}", escape(&self.tool.to_string(), false))
    }

    /// Says in plain words how often and how long: `5 times within 30 minutes`.
    pub fn told_limits(&self) -> String {
        let count = |n: u32, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
        format!("{} within {}", count(self.uses, "time"), count(self.minutes, "minute"))
    }
}

/// Is a permission that was given: an expiring authority with bounds that everybody can read.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Permission {
    /// Its identity.
    #[n(0)]
    pub id: PermissionId,
    /// The agent that has it.
    #[n(1)]
    pub agent: AgentId,
    /// On whose behalf it must act to use it; absent if on nobody's.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<PersonId>,
    /// What it covers.
    #[n(3)]
    pub terms: Terms,
    /// The bundle under which it was given; under another one it covers nothing.
    #[n(4)]
    pub bundle: Digest,
    /// The request that people approved.
    #[n(5)]
    pub request: ActionId,
    /// When it was given.
    #[n(6)]
    pub at: Millis,
    /// When it ends.
    #[n(7)]
    pub expires: Millis,
    /// How many uses are left.
    #[n(8)]
    pub left: u32,
}

impl Permission {
    /// Says whether it holds at an instant and has a use left.
    pub fn holds_at(&self, now: Millis) -> bool {
        self.at <= now && now < self.expires && self.left > 0
    }

    /// Returns whom it names: the agent, whom it acts for, and who asked in its name.
    pub fn subjects(&self) -> Vec<String> {
        let people = [self.on_behalf_of.clone(), self.terms.requested_by.clone()].into_iter().flatten();
        let people = people.map(|person| Principal::Person(person).subject());
        let mut all: Vec<String> = people.chain([Principal::Agent(self.agent.clone()).subject()]).collect();
        all.sort();
        all.dedup();
        all
    }
}

/// Writes bounds as a list, so that the name of an argument is a value and not a key: what is called secret by its name is
/// taken out of arguments, and a bound would go with it.
mod listed {
    use std::collections::BTreeMap;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::bound::Bound;

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Listed {
        argument: String,
        is: Bound,
    }

    pub(super) fn serialize<S: Serializer>(bounds: &BTreeMap<String, Bound>, s: S) -> Result<S::Ok, S::Error> {
        let listed = bounds.iter().map(|(name, bound)| Listed { argument: name.clone(), is: bound.clone() });
        listed.collect::<Vec<_>>().serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<String, Bound>, D::Error> {
        let mut bounds = BTreeMap::new();
        for Listed { argument, is } in Vec::<Listed>::deserialize(d)? {
            if let Some(twice) = bounds.insert(argument.clone(), is) {
                return Err(D::Error::custom(format!("`{argument}` is bounded twice, one being {twice}")));
            }
        }
        Ok(bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn terms() -> Value {
        json!({
            "tool": "sre.restart", "environments": ["staging"], "minutes": 30, "uses": 5, "profiles": ["owner"],
            "purpose": "a rollout", "bounds": [{"argument": "service", "is": {"one_of": ["checkout"]}}],
        })
    }

    fn read(value: &Value) -> Result<Terms, String> {
        Terms::read(&Arguments::parse(&value.to_string(), 1 << 20).unwrap())
    }

    #[test]
    fn terms_are_told_in_plain_words() {
        let terms = read(&terms()).unwrap();
        assert_eq!(terms.told(), r#"sre.restart with service = "checkout", in staging"#);
        assert_eq!(terms.told_limits(), "5 times within 30 minutes");
        let bare = Terms { bounds: BTreeMap::new(), environments: BTreeSet::new(), uses: 1, ..terms };
        assert_eq!(
            (bare.told(), bare.told_limits()),
            ("sre.restart without arguments".into(), "1 time within 30 minutes".into())
        );
    }

    #[test]
    fn terms_are_the_same_after_they_were_written() {
        let once = read(&terms()).unwrap();
        assert_eq!(read(&serde_json::to_value(&once).unwrap()).unwrap(), once);
        assert_eq!(crate::cbor::decode::<Terms>(&crate::cbor::encode(&once)).unwrap(), once);
    }

    #[test]
    fn terms_with_anything_unknown_missing_or_twice_are_refused() {
        for (key, value) in [
            ("tool", json!("nothing")),
            ("minutes", json!(-1)),
            ("uses", json!(1.5)),
            ("also", json!(true)),
            ("bounds", json!([{"argument": "a", "is": "any"}, {"argument": "a", "is": "any"}])),
            ("bounds", json!([{"argument": "a", "is": "any", "not": 1}])),
            ("bounds", json!({"a": "any"})),
        ] {
            let mut changed = terms();
            changed[key] = value;
            assert!(read(&changed).is_err(), "{changed}");
        }
        for key in ["tool", "bounds", "environments", "minutes", "uses", "profiles", "purpose"] {
            let mut changed = terms();
            changed.as_object_mut().unwrap().remove(key);
            assert!(read(&changed).is_err(), "without {key}");
        }
    }
}
