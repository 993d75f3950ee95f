//! What is secret in the calls of a replay: hidden by the rules by which it is redacted in a record.
//!
//! A replay makes no marks that could be compared with recorded ones, since the key of these stays with the journal. What
//! is secret is found by the same rules, in recorded calls and in those that an agent makes now, and left out of both.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::Bundle;
use replay::Bundles;
use replay::incident::{Recording, Rules};
use types::{Arguments, JsonError, ToolName};

use crate::redaction::{Schemas, blindly};

/// Knows what is secret in the arguments of a session's tools: what the catalogue of any bundle that decided or decides
/// says, what any definition that the tool had in the session declares, and what names say.
#[derive(Debug)]
pub struct Hiding {
    schemas: BTreeMap<ToolName, Vec<Schemas>>,
    bundles: Bundles,
    rules: Rules,
}

impl Hiding {
    /// Learns what is secret in a session, and hides it in the recorded calls.
    ///
    /// - `bundles`: those that decided then, as far as they are here.
    /// - `rules`: by which calls are decided now.
    pub fn of(recording: &mut Recording, bundles: Bundles, rules: Rules) -> Self {
        let mut schemas: BTreeMap<ToolName, Vec<Schemas>> = BTreeMap::new();
        for (tool, text) in recording.listings.definitions() {
            schemas.entry(tool).or_default().push(Schemas::of(text));
        }
        let hiding = Self { schemas, bundles, rules };
        // Arguments in which a secret has no room for its mark are not told at all.
        recording.hide(|tool, arguments| hiding.hide(tool, arguments).unwrap_or_else(|_| Arguments::empty()));
        hiding
    }

    /// Puts marks of no worth where arguments have secrets.
    ///
    /// # Errors
    ///
    /// [`JsonError::TooDeep`] if a secret stands too deep for its mark.
    pub fn hide(&self, tool: &ToolName, arguments: &Arguments) -> Result<Arguments, JsonError> {
        let none = [Schemas::default()];
        let schemas = self.schemas.get(tool).map_or(&none[..], Vec::as_slice);
        let mut hidden = arguments.clone();
        for bundle in self.catalogues(tool) {
            for schemas in schemas {
                hidden = blindly(bundle, tool, schemas, &hidden)?;
            }
        }
        Ok(hidden)
    }

    /// Returns the bundles whose catalogue has a tool. If none has it, any of them says so; without any, nobody can say.
    fn catalogues(&self, tool: &ToolName) -> Vec<Option<&Bundle>> {
        let other = if let Rules::Other(bundle) = &self.rules { Some(Arc::as_ref(bundle)) } else { None };
        let known = self.bundles.digests().filter_map(|digest| self.bundles.get(digest).ok());
        let all: Vec<&Bundle> = known.chain(other).collect();
        let having: Vec<Option<&Bundle>> =
            all.iter().copied().filter(|bundle| bundle.data().tools.contains_key(tool)).map(Some).collect();
        if having.is_empty() { vec![all.first().copied()] } else { having }
    }
}
