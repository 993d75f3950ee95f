//! Definitions of features: what one must say, and where two of them define one business concept differently.

use std::collections::{BTreeMap, BTreeSet};

/// Is how many characters a name, a concept, an entity, a window, an owner or an origin has at most.
pub const WORD_CHARACTERS_MAX: usize = 250;

/// Is how many bytes the text of a transformation has at most.
pub const TRANSFORMATION_BYTES_MAX: usize = 64 << 10;

/// Is from how many datasets a feature is computed at most.
pub const DATASETS_MAX: usize = 100;

/// Is how many bytes the namespace and the name of a dataset have at most, each.
pub const DATASET_BYTES_MAX: usize = 1_000;

/// Says what the values of a feature are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Numbers.
    Number,
    /// Texts.
    Text,
    /// True or false.
    Boolean,
}

impl Kind {
    /// Lists all of them.
    pub const ALL: [Self; 3] = [Self::Number, Self::Text, Self::Boolean];

    /// Returns how it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Text => "text",
            Self::Boolean => "boolean",
        }
    }
}

/// Is how a feature is defined.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// The business concept it stands for, such as `customer lifetime value`.
    pub concept: String,
    /// What it is a feature of, such as `customer`.
    pub entity: String,
    /// What its values are.
    pub kind: Kind,
    /// Over what time it is computed, such as `7d`; empty if over none.
    pub window: String,
    /// How it is computed: its text, or a digest of it.
    pub transformation: String,
    /// What it is computed from, each once and in order.
    pub datasets: Vec<SourceDataset>,
}

/// Is a dataset that a feature is computed from, as lineage names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceDataset {
    /// Its namespace.
    pub namespace: String,
    /// Its name in it.
    pub name: String,
}

/// Says what is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// A member that is needed is empty.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// A member is too long.
    #[error("`{0}` is longer than {1}")]
    TooLong(&'static str, &'static str),
    /// A member holds a character that nobody could see.
    #[error("`{0}` holds a control character")]
    Unseen(&'static str),
    /// The name is none.
    #[error("a feature's name has letters, digits, `_`, `-`, `.` and `:` of ASCII and begins with a letter or a digit")]
    Name,
}

impl Definition {
    /// Checks what it says.
    ///
    /// # Errors
    ///
    /// [`DefinitionError`], as described there.
    pub fn check(&self) -> Result<(), DefinitionError> {
        word("name", &self.name)?;
        word("concept", &self.concept)?;
        word("entity", &self.entity)?;
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        if !self.name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !self.name.chars().all(is_of_name) {
            return Err(DefinitionError::Name);
        }
        if !self.window.is_empty() {
            word("window", &self.window)?;
        }
        if self.transformation.trim().is_empty() {
            return Err(DefinitionError::Empty("transformation"));
        }
        if self.transformation.len() > TRANSFORMATION_BYTES_MAX {
            return Err(DefinitionError::TooLong("transformation", "65,536 bytes"));
        }
        if self.datasets.len() > DATASETS_MAX {
            return Err(DefinitionError::TooLong("datasets", "100 of them"));
        }
        self.datasets.iter().flat_map(|one| [&one.namespace, &one.name]).try_for_each(|text| dataset_word(text))
    }

    /// Lists its members but the name and the concept, as far as they say what is computed: blanks and line ends do not.
    fn computed(&self) -> [(&'static str, String); 5] {
        [
            ("entity", plain(&self.entity)),
            ("type", self.kind.name().to_owned()),
            ("window", plain(&self.window)),
            ("transformation", self.transformation.split_whitespace().collect::<Vec<_>>().join(" ")),
            ("datasets", self.datasets.iter().map(|one| format!("{one:?}")).collect()),
        ]
    }
}

fn dataset_word(text: &str) -> Result<(), DefinitionError> {
    if text.trim().is_empty() {
        return Err(DefinitionError::Empty("datasets"));
    }
    if text.len() > DATASET_BYTES_MAX {
        return Err(DefinitionError::TooLong("datasets", "1,000 bytes each"));
    }
    if text.chars().any(char::is_control) {
        return Err(DefinitionError::Unseen("datasets"));
    }
    Ok(())
}

/// Checks a word that people read.
///
/// # Errors
///
/// [`DefinitionError::Empty`], [`DefinitionError::TooLong`] or [`DefinitionError::Unseen`].
pub fn word(member: &'static str, text: &str) -> Result<(), DefinitionError> {
    if text.trim().is_empty() {
        return Err(DefinitionError::Empty(member));
    }
    if text.chars().nth(WORD_CHARACTERS_MAX).is_some() {
        return Err(DefinitionError::TooLong(member, "250 characters"));
    }
    if text.chars().any(char::is_control) {
        return Err(DefinitionError::Unseen(member));
    }
    Ok(())
}

/// Writes a concept so that spellings of one are the same: `Customer_Lifetime-Value` and `customer lifetime value`.
fn plain(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c == '_' || c == '-').filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// Says that one concept has several definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The concept, in one spelling.
    pub concept: String,
    /// The features that stand for it, by name.
    pub features: Vec<String>,
    /// In what they differ; empty if they are one definition under several names.
    pub differing: Vec<&'static str>,
}

/// Finds the concepts that have several definitions, by concept.
///
/// - `definitions`: of each feature the one that holds.
pub fn conflicts(definitions: &[Definition]) -> Vec<Conflict> {
    let mut by: BTreeMap<String, Vec<&Definition>> = BTreeMap::new();
    for definition in definitions {
        by.entry(plain(&definition.concept)).or_default().push(definition);
    }
    by.into_iter().filter_map(|(concept, all)| conflict(concept, &all)).collect()
}

fn conflict(concept: String, all: &[&Definition]) -> Option<Conflict> {
    let features: BTreeSet<&String> = all.iter().map(|one| &one.name).collect();
    if features.len() < 2 {
        return None;
    }
    let mut differing = Vec::new();
    let (first, rest) = all.split_first()?;
    for (member, said) in first.computed() {
        let is_same = |other: &&Definition| other.computed().contains(&(member, said.clone()));
        if !rest.iter().all(is_same) {
            differing.push(member);
        }
    }
    Some(Conflict { concept, features: features.into_iter().cloned().collect(), differing })
}
