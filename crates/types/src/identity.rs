//! What an agent runs: the model and the prompt that it names, and the epochs that these make of its life.

use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::text::is_deceptive;
use crate::{AgentId, Millis};

/// Is how long what an agent names may be, in characters.
pub const NAMED_MAX: usize = 512;

/// Is how many epochs are kept of an agent; what it named before them starts a new one.
pub const EPOCHS_MAX: usize = 100;

/// Is the number of the epoch in which an agent acts that names nothing, though it has named something before.
pub const UNNAMED: u64 = 0;

/// Is the number of the first epoch of an agent. Until it names anything, it acts in this one.
pub const FIRST: u64 = 1;

/// Is what an agent says it runs. A version that is registered is named as `models:/NAME/VERSION` or `prompts:/NAME/VERSION`; anything else
/// by whatever tells it from another one, as a provider's name of a model or the digest of a prompt does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Identity {
    /// The model.
    #[n(0)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The prompt.
    #[n(1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
}

/// Says why something names neither a model nor a prompt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {0} that an agent names has 1 to {NAMED_MAX} characters, none of them a space at an end or one that does not show"
)]
pub struct IdentityError(&'static str);

impl Identity {
    /// Says whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.model.is_none() && self.prompt.is_none()
    }

    /// Checks what is named.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] for a name that is empty, longer than [`NAMED_MAX`] characters, or that cannot be shown as it is.
    pub fn check(&self) -> Result<(), IdentityError> {
        let named = [("model", &self.model), ("prompt", &self.prompt)];
        let wrong = named.into_iter().find(|(_, name)| name.as_deref().is_some_and(|name| !is_name(name)));
        wrong.map_or(Ok(()), |(what, _)| Err(IdentityError(what)))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.model, &self.prompt) {
            (Some(model), Some(prompt)) => write!(f, "{model} with {prompt}"),
            (Some(one), None) | (None, Some(one)) => f.write_str(one),
            (None, None) => f.write_str("nothing named"),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= NAMED_MAX && name.trim() == name && !name.chars().any(is_deceptive)
}

/// Is a part of an agent's life in which it runs the same: as it was recorded when it began.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct IdentityEpoch {
    /// The agent.
    #[n(0)]
    pub agent: AgentId,
    /// 1 for the first, then one more each time.
    #[n(1)]
    pub number: u64,
    /// What it runs in it.
    #[n(2)]
    pub identity: Identity,
    /// When it began.
    #[n(3)]
    pub at: Millis,
}

/// Are the epochs of one agent, the newest last. An agent that names again what it named before goes on in the epoch of that.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct Epochs(#[n(0)] Vec<IdentityEpoch>);

impl Epochs {
    /// Returns them, the newest last.
    pub fn all(&self) -> &[IdentityEpoch] {
        &self.0
    }

    /// Returns the one that began last.
    pub fn newest(&self) -> Option<&IdentityEpoch> {
        self.0.last()
    }

    /// Returns the one in which an agent acts that names this.
    pub fn of(&self, identity: &Identity) -> Option<&IdentityEpoch> {
        self.0.iter().find(|epoch| epoch.identity == *identity)
    }

    /// Returns the number of the one that begins next.
    pub fn next(&self) -> u64 {
        self.newest().map_or(FIRST, |epoch| epoch.number + 1)
    }

    /// Adds one; beyond [`EPOCHS_MAX`] the oldest is forgotten.
    pub fn begin(&mut self, epoch: IdentityEpoch) {
        self.0.push(epoch);
        if self.0.len() > EPOCHS_MAX {
            self.0.remove(0);
        }
    }

    /// Says in which epoch an agent acts.
    ///
    /// - `session`: that of its session; absent where it names nothing.
    pub fn acting(&self, session: Option<u64>) -> u64 {
        session.unwrap_or(if self.0.is_empty() { FIRST } else { UNNAMED })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::cbor;

    fn of_model(model: &str) -> Identity {
        Identity { model: Some(model.to_owned()), prompt: None }
    }

    fn epoch(number: u64) -> IdentityEpoch {
        let identity = of_model(&format!("m-{number}"));
        IdentityEpoch { agent: "a".parse().unwrap(), number, identity, at: Millis(7) }
    }

    #[test]
    fn what_is_named_can_be_shown() {
        for good in ["models:/fraud/3", "claude-x", "sha256:00", "a b", "Größe", &"x".repeat(NAMED_MAX)] {
            assert_eq!(of_model(good).check(), Ok(()), "{good}");
        }
        for bad in ["", " a", "a ", "a\nb", "a\u{202e}b", "\u{200b}", &"x".repeat(NAMED_MAX + 1)] {
            assert_eq!(of_model(bad).check(), Err(IdentityError("model")), "{bad:?}");
            let prompt = Identity { model: None, prompt: Some(bad.to_owned()) };
            assert_eq!(prompt.check(), Err(IdentityError("prompt")), "{bad:?}");
        }
    }

    #[test]
    fn epochs_go_on_and_the_oldest_are_forgotten() {
        let mut epochs = Epochs::default();
        assert_eq!((epochs.next(), epochs.acting(None)), (FIRST, FIRST));
        let all = EPOCHS_MAX as u64 + 2;
        for number in 1..=all {
            assert_eq!(epochs.next(), number);
            epochs.begin(epoch(number));
        }
        assert_eq!((epochs.all().len(), epochs.newest().unwrap().number), (EPOCHS_MAX, all));
        assert!(epochs.of(&of_model("m-2")).is_none());
        assert_eq!(epochs.of(&of_model("m-3")).unwrap().number, 3);
        assert_eq!((epochs.acting(None), epochs.acting(Some(3))), (UNNAMED, 3));
        assert_eq!(cbor::decode::<Epochs>(&cbor::encode(&epochs)).unwrap(), epochs);
    }
}
