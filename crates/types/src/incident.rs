//! What runs or stands otherwise than decisions led it: told once when it is found, again when it changes, and when it is mended.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Says what is wrong with a deployment, an alias or a stage of a registered model, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Incident {
    /// What it is about: `deployment`, `alias` or `stage`.
    #[n(0)]
    pub thing: String,
    /// The registered model.
    #[n(1)]
    pub model: String,
    /// The target, the alias, or the number of the version whose stage it is.
    #[n(2)]
    pub name: String,
    /// What is wrong, by its name in the contract.
    #[n(3)]
    pub wrong: String,
    /// What was decided: a version's number, with the digest of its seal where the files matter, or a stage.
    #[n(4)]
    pub declared: Option<String>,
    /// What was found instead, written likewise.
    #[n(5)]
    pub observed: Option<String>,
    /// By what means that is known.
    #[n(6)]
    pub means: Option<String>,
    /// Since when something is wrong with it, in milliseconds since the epoch.
    #[n(7)]
    pub since: i64,
    /// When it was mended; absent while it is not.
    #[n(8)]
    pub ended: Option<i64>,
    /// When this was found, in milliseconds since the epoch.
    #[n(9)]
    pub at: i64,
}

impl Incident {
    /// Says whether it is about a version: what was decided or found names it.
    pub fn names(&self, version: u64) -> bool {
        let number = version.to_string();
        let leads = |text: &Option<String>| text.as_ref().is_some_and(|text| lists(text, &number));
        if self.thing == "stage" { self.name == number } else { leads(&self.declared) || leads(&self.observed) }
    }
}

/// Says whether a version's number is among those that a text begins with, such as `7 and 8` or `7 with files …`.
fn lists(text: &str, number: &str) -> bool {
    let is_number = |word: &&str| *word == "and" || word.bytes().all(|b| b.is_ascii_digit());
    text.split(' ').take_while(is_number).any(|word| word == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(thing: &str, declared: Option<&str>, observed: Option<&str>) -> Incident {
        Incident {
            thing: thing.into(),
            model: "fraud".into(),
            name: "3".into(),
            wrong: "other-version".into(),
            declared: declared.map(str::to_owned),
            observed: observed.map(str::to_owned),
            means: None,
            since: 1,
            ended: None,
            at: 1,
        }
    }

    #[test]
    fn an_incident_is_about_the_versions_that_it_names() {
        let one = of("deployment", Some("7 with files 12"), Some("8 and 9"));
        for (version, is_named) in [(7, true), (8, true), (9, true), (12, false), (3, false), (1, false)] {
            assert_eq!(one.names(version), is_named, "{version}");
        }
        let stage = of("stage", Some("7"), None);
        assert!(stage.names(3) && !stage.names(7), "a stage is one version's");
        assert!(!of("alias", None, None).names(3));
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let one = Incident { ended: Some(5), means: Some("probed".into()), ..of("alias", None, Some("2")) };
        assert_eq!(crate::cbor::decode::<Incident>(&crate::cbor::encode(&one)).ok(), Some(one));
    }
}
