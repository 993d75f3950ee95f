//! Files that come with an import: each below the run or the logged model that it belongs to.

use models::artifact;

use super::{ImportState, differs, open};
use crate::keys::Holder;
use crate::tracking::artifacts::Held;
use crate::tracking::{Answer, Refused, Tracking, Upload};

/// Is whose a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A run, by id.
    Run(String),
    /// A logged model, by id.
    LoggedModel(String),
}

impl Owner {
    fn named(&self) -> (&'static str, &str) {
        match self {
            Self::Run(id) => ("run", id),
            Self::LoggedModel(id) => ("logged-model", id),
        }
    }
}

impl Tracking {
    /// Begins to take a file over.
    ///
    /// - `path`: where it is below the files of its owner.
    /// - `announced`: how many bytes it is said to have.
    ///
    /// # Errors
    ///
    /// An import that is not there, is another's, or is over; an owner that was not taken over, or whose files are elsewhere; a path that
    /// cannot be; more bytes than an artifact may have.
    pub(crate) fn receive_imported(
        &self,
        who: &Holder,
        import: &str,
        owner: &Owner,
        path: &str,
        announced: Option<u64>,
    ) -> Answer<Upload> {
        let by = who.principal.subject();
        let (kind, id) = owner.named();
        let location = self.kept.view(|view| {
            open(view, import, &by)?;
            let missing = || Refused::absent(format!("The {kind} {id} was not taken over."));
            view.imported(kind, id)?.ok_or_else(missing)?;
            let location = match owner {
                Owner::Run(id) => view.run(id)?.map(|run| run.location),
                Owner::LoggedModel(id) => view.logged_model(id)?.map(|model| model.location),
            };
            location.ok_or_else(missing)
        })?;
        let elsewhere = || Refused::invalid(format!("Artifacts at '{location}' are not kept by this server."));
        let path = artifact::path(path)?;
        if path.is_of_folder() {
            return Err(Refused::invalid("Invalid path"));
        }
        self.receive(path.below(&artifact::place(&location).ok_or_else(elsewhere)?), by, announced)
    }

    /// Keeps a file that was taken over, unless it is here; other bytes in its place stay.
    ///
    /// # Errors
    ///
    /// Other bytes in its place; an owner that is wholly here without it; what the disk says.
    pub(crate) fn keep_imported(&self, owner: &Owner, path: &str, upload: Upload) -> Answer<ImportState> {
        let (kind, id) = owner.named();
        match self.held(&upload)? {
            Held::Same => return Ok(ImportState::Present),
            Held::Other => return Err(differs(format!("The file '{path}' of the {kind} {id}"))),
            Held::Nothing => {}
        }
        let mark = self.kept.view(|view| view.imported(kind, id))?;
        if mark.is_none_or(|mark| mark.kept.is_some()) {
            return Err(differs(format!("The {kind} {id} without the file '{path}'")));
        }
        self.keep(upload).map(|()| ImportState::Taken)
    }
}
