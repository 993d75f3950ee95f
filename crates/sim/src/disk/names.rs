//! Names: folders with the changes to them that are not synced.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::counts::Counts;
use crate::rng::Rng;

/// Numbers a file.
pub(crate) type Ino = u64;

/// Is what a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    File(Ino),
    Folder,
}

/// Is a change to one folder.
#[derive(Debug, Clone)]
enum Change {
    Bind(PathBuf, Node),
    Unbind(PathBuf),
    Move { from: PathBuf, to: PathBuf, node: Node },
}

type Tree = BTreeMap<PathBuf, Node>;

/// Is the tree of names, as the system shows it and as it is on the platter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    durable: Tree,
    cached: Tree,
    unsynced: BTreeMap<PathBuf, Vec<Change>>,
}

fn apply(tree: &mut Tree, change: &Change) {
    match change {
        Change::Bind(path, node) => drop(tree.insert(path.clone(), *node)),
        Change::Unbind(path) => drop(tree.remove(path)),
        Change::Move { from, to, node } => {
            tree.remove(from);
            tree.insert(to.clone(), *node);
        }
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

impl Names {
    /// Starts with one folder that is there for good.
    pub(crate) fn new(root: &Path) -> Self {
        let tree = Tree::from([(root.to_owned(), Node::Folder)]);
        Self { durable: tree.clone(), cached: tree, unsynced: BTreeMap::new() }
    }

    /// Returns the same tree at another place.
    pub(crate) fn under(&self, from: &Path, to: &Path) -> Self {
        let moved = |path: &PathBuf| path.strip_prefix(from).map_or_else(|_| path.clone(), |rest| to.join(rest));
        let tree = |tree: &Tree| tree.iter().map(|(path, node)| (moved(path), *node)).collect();
        let change = |change: &Change| match change {
            Change::Bind(path, node) => Change::Bind(moved(path), *node),
            Change::Unbind(path) => Change::Unbind(moved(path)),
            Change::Move { from, to, node } => Change::Move { from: moved(from), to: moved(to), node: *node },
        };
        let unsynced = self.unsynced.iter();
        let unsynced = unsynced.map(|(path, changes)| (moved(path), changes.iter().map(change).collect())).collect();
        Self { durable: tree(&self.durable), cached: tree(&self.cached), unsynced }
    }

    pub(crate) fn get(&self, path: &Path) -> Option<Node> {
        self.cached.get(path).copied()
    }

    /// Returns the files there are, by name.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&PathBuf, Ino)> {
        self.cached.iter().filter_map(|(path, node)| match node {
            Node::File(ino) => Some((path, *ino)),
            Node::Folder => None,
        })
    }

    /// Returns true if the folder a path is in is there.
    pub(crate) fn has_parent(&self, path: &Path) -> bool {
        self.get(&parent(path)) == Some(Node::Folder)
    }

    /// Returns true if there is a name below a folder.
    pub(crate) fn holds_something(&self, folder: &Path) -> bool {
        self.cached.keys().any(|name| name != folder && name.starts_with(folder))
    }

    fn change(&mut self, folder: PathBuf, change: Change) {
        apply(&mut self.cached, &change);
        self.unsynced.entry(folder).or_default().push(change);
    }

    pub(crate) fn bind(&mut self, path: &Path, node: Node) {
        self.change(parent(path), Change::Bind(path.to_owned(), node));
    }

    pub(crate) fn rename(&mut self, from: &Path, to: &Path, node: Node) {
        self.change(parent(to), Change::Move { from: from.to_owned(), to: to.to_owned(), node });
    }

    /// Removes a name, and all names below it.
    pub(crate) fn unbind(&mut self, path: &Path) {
        let below: Vec<PathBuf> = self.cached.keys().filter(|name| name.starts_with(path)).cloned().collect();
        for name in below.into_iter().rev() {
            self.change(parent(&name), Change::Unbind(name));
        }
    }

    /// Brings the names of one folder to the platter.
    pub(crate) fn sync(&mut self, folder: &Path) {
        for change in self.unsynced.remove(folder).unwrap_or_default() {
            apply(&mut self.durable, &change);
        }
    }

    /// Loses the power: of each folder's changes chance keeps the first, or, without a journal, any.
    pub(crate) fn lose(&mut self, rng: &mut Rng, counts: &mut Counts) {
        for changes in std::mem::take(&mut self.unsynced).into_values() {
            let journaled = rng.once_in(2);
            let end = rng.place(changes.len() + 1);
            for (n, change) in changes.iter().enumerate() {
                if if journaled { n < end } else { rng.once_in(2) } {
                    counts.names_kept += 1;
                    apply(&mut self.durable, change);
                } else {
                    counts.names_dropped += 1;
                }
            }
        }
        let whole = self.durable.clone();
        let reachable =
            |path: &Path| path.ancestors().skip(1).all(|up| up.parent().is_none() || whole.contains_key(up));
        self.durable.retain(|path, _| reachable(path));
        self.cached.clone_from(&self.durable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_there_for_good_once_its_folder_and_those_above_are_synced() {
        let (root, folder, file) = (Path::new("/d"), Path::new("/d/a"), Path::new("/d/a/f"));
        let survivors = |synced: &[&Path]| {
            let survived = (0..64).filter(|seed| {
                let mut names = Names::new(root);
                names.bind(folder, Node::Folder);
                names.bind(file, Node::File(1));
                synced.iter().for_each(|folder| names.sync(folder));
                names.lose(&mut Rng::new(*seed), &mut Counts::default());
                names.get(file).is_some()
            });
            survived.count()
        };
        assert_eq!(survivors(&[root, folder]), 64);
        assert!((1..64).contains(&survivors(&[folder])) && (1..64).contains(&survivors(&[root])));
    }
}
