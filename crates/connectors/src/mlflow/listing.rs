//! Files of runs and of logged models: listed folder by folder, and read as streams.

use models::Given;
use models::artifact;
use models::imports::mlflow::{self, Entry};
use reqwest::{Method, Response};

use super::{Server, SourceError, segment};

/// Is how many files a run or a model has at most.
const FILES_MAX: usize = 1_000_000;

/// Is how deep its folders lie at most.
const DEPTH_MAX: usize = 64;

/// Is whose files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// A run's, by its id.
    Run(String),
    /// A logged model's, by its id.
    LoggedModel(String),
}

/// Is a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path below its root.
    pub path: String,
    /// How many bytes it has, as it is listed.
    pub size: u64,
}

impl Server {
    /// Lists all files of a root, by path.
    ///
    /// - `address`: where the source says that they are.
    ///
    /// # Errors
    ///
    /// What the source says; a path that is not below the folder that was asked for; folders that never end.
    pub async fn files(&self, root: &Root, address: &str) -> Result<Vec<File>, SourceError> {
        let mut files = Vec::new();
        let mut folders = vec![(String::new(), 0_usize)];
        while let Some((folder, depth)) = folders.pop() {
            for entry in self.list(root, address, &folder).await? {
                let path = below(&folder, &entry.path, is_named_alone(address))?;
                match entry.size {
                    Some(size) => files.push(File { path, size }),
                    None if depth >= DEPTH_MAX => return Err(endless()),
                    None => folders.push((path, depth.saturating_add(1))),
                }
            }
            if files.len().saturating_add(folders.len()) > FILES_MAX {
                return Err(endless());
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    async fn list(&self, root: &Root, address: &str, folder: &str) -> Result<Vec<Entry>, SourceError> {
        let answer = if let Some(place) = proxied(address) {
            let path = artifact::joined(place.key(), folder);
            self.asked("api/2.0/mlflow-artifacts/artifacts", &[("path", &path)]).await?
        } else {
            let folder = (!folder.is_empty()).then_some(folder);
            match root {
                Root::Run(id) => {
                    let mut query = vec![("run_id", id.as_str())];
                    query.extend(folder.map(|folder| ("path", folder)));
                    self.ask(Method::GET, "artifacts/list", &query, None).await?
                }
                Root::LoggedModel(id) => {
                    let query: Vec<_> = folder.map(|folder| ("artifact_directory_path", folder)).into_iter().collect();
                    let call = format!("logged-models/{}/artifacts/directories", segment(id));
                    self.ask(Method::GET, &call, &query, None).await?
                }
            }
        };
        if mlflow::next_page(&answer)?.is_some() {
            return Err(SourceError::Broken(
                "a listing of files comes in pages, which no server of MLflow's does".into(),
            ));
        }
        Ok(mlflow::list(&answer, "files")?.iter().map(mlflow::entry).collect::<Result<_, _>>()?)
    }

    async fn asked(&self, path: &str, query: &[(&str, &str)]) -> Result<Given, SourceError> {
        let response = self.send(self.http.get(self.address(path, query)?)).await?;
        let bytes = super::whole(response, super::ANSWER_BYTES_MAX).await?;
        let read = std::str::from_utf8(&bytes).ok().and_then(Given::read);
        read.ok_or_else(|| SourceError::Broken(format!("the answer of `{path}` is no JSON")))
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// What the source says.
    pub async fn open(&self, root: &Root, address: &str, path: &str) -> Result<Response, SourceError> {
        if let Some(place) = proxied(address) {
            let whole = artifact::joined(place.key(), path);
            let encoded: Vec<String> = whole.split('/').map(segment).collect();
            let url = self.address(&format!("api/2.0/mlflow-artifacts/artifacts/{}", encoded.join("/")), &[])?;
            match self.send(self.http.get(url)).await {
                // Some releases stumble over names here that they serve by the other way.
                Err(SourceError::Broken(_)) => {}
                opened => return opened,
            }
        }
        let url = match root {
            Root::Run(id) => self.address("get-artifact", &[("run_id", id), ("path", path)])?,
            Root::LoggedModel(id) => {
                let call = format!("ajax-api/2.0/mlflow/logged-models/{}/artifacts/files", segment(id));
                self.address(&call, &[("artifact_file_path", path)])?
            }
        };
        self.send(self.http.get(url)).await
    }
}

/// Returns the place below which the source itself serves files, if it does.
fn proxied(address: &str) -> Option<artifact::Path> {
    artifact::place(address).filter(|place| !place.key().is_empty())
}

fn is_named_alone(address: &str) -> bool {
    proxied(address).is_some()
}

fn endless() -> SourceError {
    SourceError::Broken("its files never end".into())
}

/// Returns the path of what is listed in a folder: one name below it, and nothing that climbs.
fn below(folder: &str, listed: &str, is_alone: bool) -> Result<String, SourceError> {
    let climbs =
        || SourceError::Broken(format!("it lists `{}` in the folder `{folder}`", types::text::escape(listed, false)));
    let name = if is_alone || folder.is_empty() {
        listed
    } else {
        listed.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).ok_or_else(climbs)?
    };
    let read = artifact::path(name).map_err(|_| climbs())?;
    let is_one = !name.is_empty() && !name.contains('/') && read.key() == name;
    if is_one { Ok(artifact::joined(folder, name)) } else { Err(climbs()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_listing_names_what_is_in_its_folder_alone() {
        assert_eq!(below("", "a.txt", false).unwrap(), "a.txt");
        assert_eq!(below("a", "a/b c.txt", false).unwrap(), "a/b c.txt");
        assert_eq!(below("a", "b.txt", true).unwrap(), "a/b.txt");
        for (folder, listed) in [
            ("", ".."),
            ("", "../x"),
            ("", "/etc/passwd"),
            ("", "a/b"),
            ("a", "b/c"),
            ("a", "ab"),
            ("a", "a/../b"),
            ("", "C:/x"),
            ("", ""),
            ("", "."),
            ("", "%2e%2e"),
        ] {
            assert!(below(folder, listed, false).is_err(), "{folder} {listed}");
        }
    }

    #[test]
    fn what_another_server_keeps_is_not_asked_for_at_this_one() {
        assert!(proxied("mlflow-artifacts:/1/a/artifacts").is_some());
        assert!(proxied("mlflow-artifacts://other:5000/1/a").is_none());
        assert!(proxied("file:///m/1/a").is_none() && proxied("").is_none());
    }
}
