//! Webhooks of the registry: what they are called, where they lead, and what they are told of.

use super::quoted;
use crate::{Refusal, python};

const NAME_MAX: usize = 63;

/// Is something that a webhook is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WebhookEvent {
    /// A registered model was made.
    RegisteredModelCreated,
    /// A version was made.
    ModelVersionCreated,
    /// A tag of a version was set.
    ModelVersionTagSet,
    /// A tag of a version was removed.
    ModelVersionTagDeleted,
    /// An alias was let name a version.
    ModelVersionAliasCreated,
    /// An alias was taken away.
    ModelVersionAliasDeleted,
    /// A prompt was made.
    PromptCreated,
    /// A version of a prompt was made.
    PromptVersionCreated,
    /// A tag of a prompt was set.
    PromptTagSet,
    /// A tag of a prompt was removed.
    PromptTagDeleted,
    /// A tag of a version of a prompt was set.
    PromptVersionTagSet,
    /// A tag of a version of a prompt was removed.
    PromptVersionTagDeleted,
    /// An alias was let name a version of a prompt.
    PromptAliasCreated,
    /// An alias of a prompt was taken away.
    PromptAliasDeleted,
    /// A budget of MLflow's own gateway was exceeded, of which there is none here.
    BudgetPolicyExceeded,
}

/// Are the actions by MLflow's numbers.
const ACTIONS: [(&str, &str); 5] =
    [("1", "created"), ("2", "updated"), ("3", "deleted"), ("4", "set"), ("5", "exceeded")];

/// Are the entities by MLflow's numbers.
const ENTITIES: [(&str, &str); 10] = [
    ("1", "registered_model"),
    ("2", "model_version"),
    ("3", "model_version_tag"),
    ("4", "model_version_alias"),
    ("5", "prompt"),
    ("6", "prompt_version"),
    ("7", "prompt_tag"),
    ("8", "prompt_version_tag"),
    ("9", "prompt_alias"),
    ("10", "budget_policy"),
];

impl WebhookEvent {
    /// Lists all of them.
    pub const ALL: [Self; 15] = [
        Self::RegisteredModelCreated,
        Self::ModelVersionCreated,
        Self::ModelVersionTagSet,
        Self::ModelVersionTagDeleted,
        Self::ModelVersionAliasCreated,
        Self::ModelVersionAliasDeleted,
        Self::PromptCreated,
        Self::PromptVersionCreated,
        Self::PromptTagSet,
        Self::PromptTagDeleted,
        Self::PromptVersionTagSet,
        Self::PromptVersionTagDeleted,
        Self::PromptAliasCreated,
        Self::PromptAliasDeleted,
        Self::BudgetPolicyExceeded,
    ];

    /// Returns what it is about and what happened to that, as they stand in what is sent.
    pub fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::RegisteredModelCreated => ("registered_model", "created"),
            Self::ModelVersionCreated => ("model_version", "created"),
            Self::ModelVersionTagSet => ("model_version_tag", "set"),
            Self::ModelVersionTagDeleted => ("model_version_tag", "deleted"),
            Self::ModelVersionAliasCreated => ("model_version_alias", "created"),
            Self::ModelVersionAliasDeleted => ("model_version_alias", "deleted"),
            Self::PromptCreated => ("prompt", "created"),
            Self::PromptVersionCreated => ("prompt_version", "created"),
            Self::PromptTagSet => ("prompt_tag", "set"),
            Self::PromptTagDeleted => ("prompt_tag", "deleted"),
            Self::PromptVersionTagSet => ("prompt_version_tag", "set"),
            Self::PromptVersionTagDeleted => ("prompt_version_tag", "deleted"),
            Self::PromptAliasCreated => ("prompt_alias", "created"),
            Self::PromptAliasDeleted => ("prompt_alias", "deleted"),
            Self::BudgetPolicyExceeded => ("budget_policy", "exceeded"),
        }
    }

    /// Returns its one name, `ENTITY.ACTION`.
    pub fn name(self) -> String {
        let (entity, action) = self.parts();
        format!("{entity}.{action}")
    }

    /// Returns the event of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// Reads an event by what it is about and what happens to it, each by its name or its number.
    ///
    /// # Errors
    ///
    /// What is neither's name or number; an action that does not happen to that.
    pub fn read(entity: &str, action: &str) -> Result<Self, Refusal> {
        let entity = known(&ENTITIES, "entity", entity)?;
        let action = known(&ACTIONS, "action", action)?;
        let found = Self::ALL.into_iter().find(|event| event.parts() == (entity, action));
        found.ok_or_else(|| {
            let of_it = Self::ALL.into_iter().map(Self::parts).filter(|(of, _)| *of == entity);
            let mut valid: Vec<String> = of_it.map(|(_, action)| quoted(action)).collect();
            valid.sort_unstable();
            let valid = valid.join(", ");
            Refusal::new(format!("Invalid action '{action}' for entity '{entity}'. Valid actions are: [{valid}]"))
        })
    }
}

fn known(all: &[(&str, &'static str)], what: &str, given: &str) -> Result<&'static str, Refusal> {
    let found = all.iter().find(|(number, name)| *number == given || name.to_uppercase() == given);
    let unknown = || Refusal::new(format!("{} is no {what} of a webhook's event.", quoted(given)));
    found.map(|(_, name)| *name).ok_or_else(unknown)
}

/// Checks the name of a webhook.
///
/// # Errors
///
/// One that has other characters than letters, digits, `.`, `_` and `-` of ASCII, begins or ends with none of the first two, or has more
/// than 63.
pub fn webhook_name(name: &str) -> Result<(), Refusal> {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let fits = name.len() <= NAME_MAX && is_end(name.chars().next()) && is_end(name.chars().next_back());
    if fits && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "Webhook name {} is invalid. It must start and end with a letter or digit, be less than 63 characters long, and \
         contain only letters, digits, dots (.), underscores (_), and hyphens (-).",
        quoted(name)
    )))
}

/// Checks the address of a webhook, and returns the host in it. What the host leads to is for whoever speaks to it to judge.
///
/// - `schemes`: those that are allowed.
///
/// # Errors
///
/// An address of another scheme, or without a host.
pub fn webhook_url<'a>(url: &'a str, schemes: &[&str]) -> Result<&'a str, Refusal> {
    if url.chars().all(python::is_space) {
        return Err(Refusal::new(format!("Webhook URL cannot be empty or just whitespace: {}", quoted(url))));
    }
    let (scheme, rest) = scheme_of(url);
    let scheme = scheme.to_ascii_lowercase();
    if !schemes.contains(&scheme.as_str()) {
        let (scheme, allowed) = (quoted(&scheme), schemes.join(", "));
        return Err(Refusal::new(format!("Invalid webhook URL scheme: {scheme}. Allowed schemes are: {allowed}.")));
    }
    let host = rest.strip_prefix("//").map(host_of).filter(|host| !host.is_empty());
    host.ok_or_else(|| Refusal::new(format!("Webhook URL must include a hostname: {}", quoted(url))))
}

/// Cuts the scheme off; an empty one if there is none.
fn scheme_of(url: &str) -> (&str, &str) {
    let Some((scheme, rest)) = url.split_once(':') else { return ("", url) };
    let starts = scheme.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let is_scheme = starts && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if is_scheme { (scheme, rest) } else { ("", url) }
}

/// Returns the host of what stands behind `//`, an address of the sixth version without its brackets.
fn host_of(rest: &str) -> &str {
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    match place.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => place.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_by_its_names_and_numbers() {
        for event in WebhookEvent::ALL {
            let (entity, action) = event.parts();
            assert_eq!(WebhookEvent::read(&entity.to_uppercase(), &action.to_uppercase()), Ok(event));
            assert_eq!(WebhookEvent::named(&event.name()), Some(event));
        }
        assert_eq!(WebhookEvent::read("3", "4"), Ok(WebhookEvent::ModelVersionTagSet));
        let said = |entity, action| WebhookEvent::read(entity, action).unwrap_err().message().to_owned();
        assert_eq!(
            said("PROMPT_TAG", "CREATED"),
            "Invalid action 'created' for entity 'prompt_tag'. Valid actions are: ['deleted', 'set']"
        );
        assert_eq!(said("prompt", "CREATED"), "'prompt' is no entity of a webhook's event.");
        assert_eq!(said("PROMPT", "0"), "'0' is no action of a webhook's event.");
    }

    #[test]
    fn an_address_has_a_scheme_that_is_allowed_and_a_host() {
        for (url, host) in [
            ("https://a.example", "a.example"),
            ("HTTPS://u:p@a.example:8443/x?y#z", "a.example"),
            ("https://[2001:db8::1]:1/x", "2001:db8::1"),
            ("https://a@b@c?x", "c"),
        ] {
            assert_eq!(webhook_url(url, &["https"]), Ok(host), "{url}");
        }
        for url in [
            "http://a.example",
            "a.example",
            "//a.example",
            "https:/a",
            "https://",
            "https://:1",
            "",
            " ",
            "1https://a",
        ] {
            assert!(webhook_url(url, &["https"]).is_err(), "{url}");
        }
    }

    #[test]
    fn a_name_is_short_and_plain() {
        for name in ["a", "A.b_c-9", &"x".repeat(63)] {
            assert_eq!(webhook_name(name), Ok(()));
        }
        for name in ["", "-a", "a-", "a b", "é", "a/b", &"x".repeat(64), "a\n"] {
            assert!(webhook_name(name).is_err(), "{name}");
        }
    }
}
