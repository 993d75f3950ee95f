//! Page tokens and page sizes.
//!
//! A token is opaque to clients. Inside it is base64 of JSON, as MLflow has it: of most searches an offset, of logged
//! models the whole search besides, so that a token of another search is refused.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::order::ModelField;
use crate::{Given, Refusal, python};

mod size;

pub use size::{model_versions_size, registered_models_size, tracking_size};

/// Takes what Python's decoder takes: padding where it is, bits left over dropped.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Writes the token of the page that begins at an offset, counted from 0.
pub fn write(offset: u64) -> String {
    ENGINE.encode(format!("{{\"offset\": {offset}}}"))
}

/// Reads the offset of a token; an empty one is the first page.
///
/// # Errors
///
/// What is no base64, no JSON, or holds no offset from 1 on.
pub fn read(token: &str) -> Result<u64, Refusal> {
    if token.is_empty() {
        return Ok(0);
    }
    let bytes = decoded(token).ok_or_else(|| Refusal::new("Invalid page token, could not base64-decode"))?;
    let undecoded = || Refusal::new(format!("Invalid page token, decoded value={}", python::bytes(&bytes)));
    let parsed = std::str::from_utf8(&bytes).ok().and_then(Given::read).ok_or_else(undecoded)?;
    let unparsed = || Refusal::new(format!("Invalid page token, parsed value={}", parsed.python()));
    let offset = match parsed.member("offset") {
        Some(Given::Integer(text)) => python::integer(text),
        Some(Given::Text(text)) if !text.is_empty() => {
            let unread = || Refusal::new(format!("Invalid page token, not stringable {text}"));
            Some(python::integer(text).ok_or_else(unread)?)
        }
        _ => None,
    };
    // MLflow also takes fractions and offsets below nothing; no token that it wrote has one.
    let is_zero_number = |offset: &u64| *offset == 0 && !matches!(parsed.member("offset"), Some(Given::Text(_)));
    let offset = offset.and_then(|offset| offset.parse().ok()).filter(|offset| !is_zero_number(offset));
    offset.ok_or_else(unparsed)
}

/// Decodes base64 as Python does: other characters are skipped, and nothing behind the padding counts.
fn decoded(token: &str) -> Option<Vec<u8>> {
    if !token.is_ascii() {
        return None;
    }
    let mut data = String::new();
    let mut padding = 0;
    let mut is_padded = false;
    for c in token.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '+' | '/') {
            data.push(c);
            padding = 0;
        } else if c == '=' && data.len() % 4 >= 2 {
            padding += 1;
            if data.len() % 4 + padding >= 4 {
                is_padded = true;
                break;
            }
        }
    }
    if !data.len().is_multiple_of(4) && !is_padded {
        return None;
    }
    ENGINE.decode(data).ok()
}

/// Is a search of logged models, of which a token says where its next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedModelsSearch {
    /// The experiments that are searched.
    pub experiment_ids: Vec<String>,
    /// The filter; nothing where there is none.
    pub filter: Option<String>,
    /// The order; nothing where there is none.
    pub order_by: Option<Vec<ModelField>>,
}

impl LoggedModelsSearch {
    /// Writes the token of the page that begins at an offset, counted from 0.
    pub fn write(&self, offset: u64) -> String {
        let [ids, filter, order] = self.parts().map(|part| part.json());
        let json = format!(
            "{{\"experiment_ids\": {ids}, \"filter_string\": {filter}, \"order_by\": {order}, \"offset\": {offset}}}"
        );
        ENGINE.encode(json)
    }

    /// Reads the offset of a token of this search; an empty one is the first page.
    ///
    /// # Errors
    ///
    /// What is no token, and the token of a search of other experiments, with another filter or another order.
    pub fn read(&self, token: &str) -> Result<u64, Refusal> {
        if token.is_empty() {
            return Ok(0);
        }
        // MLflow lets its JSON reader say where it stopped; this is what it says of anything that is no JSON at all.
        let stopped = "Expecting value: line 1 column 1 (char 0)";
        let invalid = || Refusal::new(format!("Invalid page token: {token}. {stopped}"));
        let bytes = decoded(token).ok_or_else(invalid)?;
        let json = std::str::from_utf8(&bytes).map_err(|_| invalid())?;
        let found = Given::read(json).filter(|found| matches!(found, Given::Map(_))).ok_or_else(invalid)?;
        for ((name, words), expected) in PARTS.iter().zip(self.parts()) {
            let found = given(found.member(name));
            // The order of members says nothing, and both are written in the same one.
            if found.json() != expected.json() {
                return Err(mismatch(*words, &expected, &found));
            }
        }
        match found.member("offset") {
            None | Some(Given::Null) => Ok(0),
            Some(Given::Integer(text)) => text.parse().map_err(|_| invalid()),
            Some(_) => Err(invalid()),
        }
    }

    fn parts(&self) -> [Given; 3] {
        let ids = self.experiment_ids.iter().cloned().map(Given::Text).collect();
        let text = |text: &Option<String>| given(text.clone().map(Given::Text).as_ref());
        let order = self.order_by.as_ref().map(|fields| Given::List(fields.iter().map(field).collect()));
        [Given::List(ids), text(&self.filter), given(order.as_ref())]
    }
}

/// The parts of a search, and how a refusal calls each at its start and later on.
const PARTS: [(&str, (&str, &str, &str)); 3] = [
    ("experiment_ids", ("Experiment IDs", "do", "experiment IDs")),
    ("filter_string", ("Filter string", "does", "filter string")),
    ("order_by", ("Order by", "does", "order by")),
];

fn mismatch((what, does, again): (&str, &str, &str), expected: &Given, found: &Given) -> Refusal {
    Refusal::new(format!(
        "{what} in the page token {does} not match the requested {again}. Expected: {}. Found: {}",
        expected.shown(),
        found.shown()
    ))
}

/// Returns a value; what is empty counts as missing, but for the experiments, which are a list either way.
fn given(value: Option<&Given>) -> Given {
    match value {
        Some(Given::Text(text)) if text.is_empty() => Given::Null,
        Some(value) => value.clone(),
        None => Given::Null,
    }
}

fn field(field: &ModelField) -> Given {
    let text = |text: &Option<String>| given(text.clone().map(Given::Text).as_ref());
    Given::Map(vec![
        ("field_name".to_owned(), Given::Text(field.field_name.clone())),
        ("ascending".to_owned(), Given::Bool(field.ascending)),
        ("dataset_name".to_owned(), text(&field.dataset_name)),
        ("dataset_digest".to_owned(), text(&field.dataset_digest)),
    ])
}
