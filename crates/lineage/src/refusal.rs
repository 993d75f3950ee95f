//! Why an event is refused, and where in the document.

use types::Code;

/// Says why an event is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text is no JSON.
    #[error("not valid JSON: {0}")]
    Malformed(String),
    /// Arrays and objects nest deeper than [`crate::DEPTH_MAX`] levels.
    #[error("nested deeper than {max} levels", max = crate::DEPTH_MAX)]
    TooDeep,
    /// An object names a key twice.
    #[error("{place}: the key `{key}` appears twice", place = shown(place))]
    Twice {
        /// Where the object stands.
        place: String,
        /// The key.
        key: String,
    },
    /// Something is not what the specification asks for.
    #[error("{place}: {expected}", place = shown(place))]
    Unexpected {
        /// Where it stands, such as `inputs[0].facets.schema`; empty for the document itself.
        place: String,
        /// What is expected there.
        expected: &'static str,
    },
}

impl Refusal {
    /// Refuses what stands at the place that is being read.
    pub(crate) fn here(expected: &'static str) -> Self {
        Self::Unexpected { place: String::new(), expected }
    }

    /// Puts a name before the place.
    pub(crate) fn within(mut self, name: &str) -> Self {
        if let Self::Twice { place, .. } | Self::Unexpected { place, .. } = &mut self {
            let dot = if place.is_empty() || place.starts_with('[') { "" } else { "." };
            *place = format!("{name}{dot}{place}");
        }
        self
    }

    /// Returns the stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::JsonMalformed,
            Self::TooDeep => Code::JsonTooDeep,
            Self::Twice { .. } => Code::JsonDuplicateKey,
            Self::Unexpected { .. } => Code::LineageEventInvalid,
        }
    }
}

fn shown(place: &str) -> &str {
    if place.is_empty() { "the event" } else { place }
}
