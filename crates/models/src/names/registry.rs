//! The registry: names of models, versions, stages, aliases and tags.

use super::{at_most_characters, missing, tag_name, unique_as_path};
use crate::{Refusal, python};

const NAME_MAX: usize = 256;
const TAG_KEY_MAX: usize = 250;
const TAG_VALUE_MAX: usize = 100_000;
const ALIAS_MAX: usize = 255;
const PROMPT_TEXT: &str = "mlflow.prompt.text";

/// Checks the name of a registered model.
///
/// # Errors
///
/// A name that is white space alone, has a `/` or a `:`, or is another name as a path.
pub fn model_name(name: &str) -> Result<(), Refusal> {
    if is_blank(name) {
        return Err(missing("name"));
    }
    if name.contains(['/', ':']) {
        return Err(Refusal::new(format!("Invalid model name '{name}'. Names cannot contain '/' or ':'.")));
    }
    unique_as_path("name", name)
}

/// Checks the name that a registered model is to have from now on.
///
/// # Errors
///
/// Those of [`model_name`].
pub fn new_model_name(name: &str) -> Result<(), Refusal> {
    if is_blank(name) { Err(missing("new_name")) } else { model_name(name) }
}

/// Checks that a name that is to be kept can be asked for in an address: at most 256 characters, as MLflow's tables declare it.
///
/// # Errors
///
/// A name that is longer.
pub fn model_name_fits(name: &str) -> Result<(), Refusal> {
    at_most_characters("name", NAME_MAX, name)
}

fn is_blank(text: &str) -> bool {
    text.chars().all(python::is_space)
}

/// Reads the number of a model version, in its shortest form.
///
/// # Errors
///
/// What Python does not read as an integer.
pub fn version(text: &str) -> Result<String, Refusal> {
    let message = || format!("Parameter 'version' must be an integer, got '{text}'.");
    python::integer(text).ok_or_else(|| Refusal::new(message()))
}

/// Is the stage of a model version, as it was before aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Is no stage.
    None,
    /// Is being tried.
    Staging,
    /// Is in use.
    Production,
    /// Is no longer in use.
    Archived,
}

impl Stage {
    /// Lists the stages in MLflow's order.
    pub const ALL: [Self; 4] = [Self::None, Self::Staging, Self::Production, Self::Archived];

    /// Returns the name that it has on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Staging => "Staging",
            Self::Production => "Production",
            Self::Archived => "Archived",
        }
    }
}

/// Reads a stage, in any case.
///
/// # Errors
///
/// An unknown one.
pub fn stage(text: &str) -> Result<Stage, Refusal> {
    let known = Stage::ALL.into_iter().find(|stage| text.to_lowercase() == stage.name().to_lowercase());
    known.ok_or_else(|| {
        let all = Stage::ALL.map(Stage::name).join(", ");
        Refusal::new(format!("Invalid Model Version stage: {text}. Value must be one of {all}."))
    })
}

/// Checks an alias: 1 to 255 letters, digits, `_` and `-`.
///
/// # Errors
///
/// Any other text.
pub fn alias(name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::new("Registered model alias name cannot be empty."));
    }
    if !name.chars().all(|c| python::is_word(c) || c == '-') {
        return Err(Refusal::new(format!(
            "Invalid alias name: '{name}'. Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )));
    }
    at_most_characters("Registered model alias name", ALIAS_MAX, name)
}

/// Refuses an alias that stands for something already: `latest` in any case, and `v` with a number.
///
/// # Errors
///
/// Those two.
pub fn alias_not_reserved(name: &str) -> Result<(), Refusal> {
    if name.to_lowercase() == "latest" {
        return Err(Refusal::new("'latest' alias name (case insensitive) is reserved."));
    }
    let number = name.strip_prefix(['v', 'V']).unwrap_or_default();
    if !number.is_empty() && number.chars().all(char::is_numeric) {
        return Err(Refusal::new(format!("Version alias name '{name}' is reserved.")));
    }
    Ok(())
}

/// Checks a tag of a registered model: a key of at most 250 characters, a value of at most 100,000.
///
/// # Errors
///
/// Those of [`tag_name`], and what is longer.
pub fn registered_model_tag(key: &str, value: &str) -> Result<(), Refusal> {
    tag_name(key, "key")?;
    at_most_characters("key", TAG_KEY_MAX, key)?;
    at_most_characters("value", TAG_VALUE_MAX, value)
}

/// Checks a tag of a model version, as [`registered_model_tag`] does; the value must be given.
///
/// # Errors
///
/// Those of [`registered_model_tag`], and no value.
pub fn model_version_tag(key: &str, value: Option<&str>) -> Result<(), Refusal> {
    tag_name(key, "key")?;
    let value = value.ok_or_else(|| Refusal::new("Tag value cannot be None"))?;
    at_most_characters("key", TAG_KEY_MAX, key)?;
    if key == PROMPT_TEXT && value.chars().nth(TAG_VALUE_MAX).is_some() {
        return Err(Refusal::new(format!("Prompt text exceeds max length of {TAG_VALUE_MAX} characters.")));
    }
    at_most_characters("value", TAG_VALUE_MAX, value)
}

/// Checks the name of a logged model.
///
/// # Errors
///
/// A name that is empty, or has one of `/`, `:`, `.`, `%` and the two quotes.
pub fn logged_model_name(name: &str) -> Result<(), Refusal> {
    let bad = ["/", ":", ".", "%", "\"", "'"];
    if !name.is_empty() && !bad.iter().any(|bad| name.contains(bad)) {
        return Ok(());
    }
    let (shown, bad) = (python::text(name), python::tuple(&bad));
    Err(Refusal::new(format!(
        "Invalid model name ({shown}) provided. Model name must be a non-empty string and cannot contain the following \
         characters: {bad}"
    )))
}
