//! The files of a bundle as texts, what each of them is, and the digest that names them all.

use std::collections::BTreeMap;

use types::{Digest, cbor};

/// Holds the texts of a bundle's files by relative path, `/` between its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BundleFiles(pub BTreeMap<String, String>);

impl BundleFiles {
    /// Returns the text of one file.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Puts a file in its place; a file of the same path is replaced.
    pub fn insert(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.0.insert(path.into(), text.into());
    }

    /// Returns all files in order of path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Digests every path with the SHA-256 of its text, in order of path.
    pub fn digest(&self) -> Digest {
        let list: Vec<(&str, Digest)> =
            self.iter().map(|(path, text)| (path, Digest::plain(text.as_bytes()))).collect();
        Digest::of("countersign/bundle/1", &cbor::encode(&list))
    }

    /// Returns the files of one kind, with the name each takes from its path.
    pub(crate) fn of_kind(&self, kind: FileKind) -> impl Iterator<Item = (&str, &str, &str)> {
        self.iter().filter_map(move |(path, text)| {
            let (found, name) = FileKind::of(path)?;
            (found == kind).then_some((path, name, text))
        })
    }
}

impl FromIterator<(String, String)> for BundleFiles {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

/// Says what a file of a bundle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `bundle.toml`.
    Head,
    /// `agents.toml`.
    Agents,
    /// `people.toml`.
    People,
    /// `classes.toml`.
    Classes,
    /// `catalog/SERVER.toml`.
    Catalog,
    /// `inventory.toml`.
    Inventory,
    /// `inventory/NAME.toml` or `.json`: the data of a source.
    InventoryData,
    /// `risk.toml`.
    Risk,
    /// `limits.toml`.
    Limits,
    /// `breakers.toml`.
    Breakers,
    /// `checks.toml`.
    Checks,
    /// `behaviour.toml`.
    Behaviour,
    /// `decoys.toml`.
    Decoys,
    /// `escalation.toml`.
    Escalation,
    /// `schedules.toml`.
    Schedules,
    /// `obligations.toml`.
    Obligations,
    /// `retention.toml`.
    Retention,
    /// `break_glass.toml`.
    BreakGlass,
    /// `workflows/NAME.toml`.
    Workflow,
    /// `pipelines/NAME.toml`.
    Pipeline,
    /// `policies/NAME.cedar`.
    Policy,
    /// `schema.cedarschema`.
    Schema,
    /// `tests/NAME.toml`.
    Test,
    /// `README.md`.
    Readme,
}

impl FileKind {
    /// Recognises a path and returns the name it carries; `None` if no bundle has such a file.
    pub fn of(path: &str) -> Option<(Self, &str)> {
        let kind = match path {
            "bundle.toml" => Self::Head,
            "agents.toml" => Self::Agents,
            "people.toml" => Self::People,
            "classes.toml" => Self::Classes,
            "inventory.toml" => Self::Inventory,
            "risk.toml" => Self::Risk,
            "limits.toml" => Self::Limits,
            "breakers.toml" => Self::Breakers,
            "checks.toml" => Self::Checks,
            "behaviour.toml" => Self::Behaviour,
            "decoys.toml" => Self::Decoys,
            "escalation.toml" => Self::Escalation,
            "schedules.toml" => Self::Schedules,
            "obligations.toml" => Self::Obligations,
            "retention.toml" => Self::Retention,
            "break_glass.toml" => Self::BreakGlass,
            "schema.cedarschema" => Self::Schema,
            "README.md" => Self::Readme,
            _ => return Self::in_folder(path),
        };
        Some((kind, path))
    }

    fn in_folder(path: &str) -> Option<(Self, &str)> {
        let (folder, rest) = path.split_once('/')?;
        let (name, extension) = rest.rsplit_once('.')?;
        let kind = match (folder, extension) {
            ("catalog", "toml") => Self::Catalog,
            ("inventory", "toml" | "json") => Self::InventoryData,
            ("workflows", "toml") => Self::Workflow,
            ("pipelines", "toml") => Self::Pipeline,
            ("policies", "cedar") => Self::Policy,
            ("tests", "toml") => Self::Test,
            _ => return None,
        };
        (!name.is_empty() && !name.contains('/')).then_some((kind, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_recognised_exactly() {
        assert_eq!(FileKind::of("catalog/files.toml"), Some((FileKind::Catalog, "files")));
        assert_eq!(FileKind::of("inventory/a.json"), Some((FileKind::InventoryData, "a")));
        for wrong in
            ["agent.toml", "catalog/a/b.toml", "catalog/.toml", "policies/a.ceder", "Bundle.toml", "tests/x.json"]
        {
            assert_eq!(FileKind::of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_digest_tells_paths_and_texts_apart() {
        let bundle = |pairs: &[(&str, &str)]| -> Digest {
            pairs.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect::<BundleFiles>().digest()
        };
        let base = bundle(&[("a", "1"), ("b", "2")]);
        assert_eq!(base, bundle(&[("b", "2"), ("a", "1")]));
        for other in [bundle(&[("a", "2"), ("b", "1")]), bundle(&[("a", "12"), ("b", "")]), bundle(&[("a", "1")])] {
            assert_ne!(base, other);
        }
    }
}
