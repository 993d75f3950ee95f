//! What servers offered in a session.

use std::collections::BTreeMap;

use evidence::Listing;
use types::{Digest, ServerName, ToolName};

/// Holds what each server offered, in the order of the record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listings(BTreeMap<ServerName, Vec<(u64, Listing)>>);

impl Listings {
    pub(super) fn add(&mut self, record: u64, listing: Listing) {
        self.0.entry(listing.server.clone()).or_default().push((record, listing));
    }

    /// Returns what a server offered when a record was written: the last listing before it, else the first after it.
    pub fn at(&self, server: &ServerName, record: u64) -> Option<&Listing> {
        let all = self.0.get(server)?;
        let before = all.iter().rev().find(|(at, _)| *at <= record);
        before.or_else(|| all.first()).map(|(_, listing)| listing)
    }

    /// Returns the definition that a tool had in a listing, if the tool was in it.
    pub fn definition(&self, tool: &ToolName, record: u64) -> Option<Digest> {
        let named =
            |text: &Option<String>| text.as_deref().and_then(name_of).as_deref() == Some(tool.operation.as_str());
        let listing = self.at(&tool.server, record)?;
        listing.tools.iter().find(|listed| named(&listed.text)).map(|listed| listed.definition)
    }

    /// Returns every tool that was listed with the text of each definition that it had.
    pub fn definitions(&self) -> impl Iterator<Item = (ToolName, &str)> {
        let all =
            self.0.values().flatten().flat_map(|(_, listing)| listing.tools.iter().map(move |tool| (listing, tool)));
        all.filter_map(|(listing, tool)| {
            let text = tool.text.as_deref()?;
            Some((ToolName::new(listing.server.clone(), name_of(text)?).ok()?, text))
        })
    }

    /// Returns the text of a tool's definition, if it was listed.
    pub fn text(&self, tool: &ToolName, record: u64) -> Option<&str> {
        let listing = self.at(&tool.server, record)?;
        let texts = listing.tools.iter().filter_map(|listed| listed.text.as_deref());
        texts.into_iter().find(|text| name_of(text).as_deref() == Some(tool.operation.as_str()))
    }
}

fn name_of(tool: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(tool).ok()?;
    value.get("name")?.as_str().map(str::to_owned)
}
