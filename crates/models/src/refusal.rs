//! The refusal of a request: MLflow's error code with its text.

/// Is the error code of every refusal here, as it stands in `error_code`; it is answered with HTTP 400.
pub const INVALID_PARAMETER_VALUE: &str = "INVALID_PARAMETER_VALUE";

/// Is the class of an error about an attribute that nobody knows.
pub(crate) const ATTRIBUTE_NOT_FOUND: &str = "ATTRIBUTE_NOT_FOUND";

/// Says why input is refused, in the words that MLflow's own server uses.
///
/// The text is part of the wire contract: clients match on it. It can repeat what the caller sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    message: String,
    class: &'static str,
}

impl Refusal {
    /// Refuses with a text.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), class: INVALID_PARAMETER_VALUE }
    }

    /// Adds the class of the error, which MLflow states for a few refusals.
    pub(crate) fn of_class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    /// Returns the value of `error_code`.
    pub fn code(&self) -> &'static str {
        INVALID_PARAMETER_VALUE
    }

    /// Returns the value of `message`.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the value of `error_class`, which is the code itself but for a few refusals.
    pub fn class(&self) -> &'static str {
        self.class
    }

    /// Returns the value of `sqlstate`, which follows from the class.
    pub fn sqlstate(&self) -> &'static str {
        if self.class == ATTRIBUTE_NOT_FOUND { "KAM04" } else { "KAM00" }
    }
}
