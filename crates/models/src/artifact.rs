//! Artifacts: the paths by which clients name files, and what an answer says of a file by its name alone.
//!
//! A path is taken apart here and put together in one form. What it is kept under is that text, and never a path of a file system, so that
//! there is nothing to climb out to; what would climb is refused all the same, as MLflow refuses it.

use crate::Refusal;

/// Is the scheme of an address below which artifacts are kept here.
pub const SCHEME: &str = "mlflow-artifacts:";

/// Is how often a path may be percent-encoded, one time over the other.
const ENCODED_MAX: usize = 10;

/// Is the longest path, in bytes.
const PATH_BYTES_MAX: usize = 2_048;

/// Is how the names of files begin that MLflow's server has not received to their end.
const UPLOADING: &str = ".artifact.uploading.";

/// Is the path of an artifact or of a folder of artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    said: String,
    key: String,
}

impl Path {
    /// Returns it as it was sent, decoded, for texts of refusals.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Returns it in its one form: segments with one slash between. Empty for the root.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns true if it cannot be that of a file, since it ends where a name would begin.
    pub fn is_of_folder(&self) -> bool {
        self.key.is_empty() || self.said.ends_with('/')
    }

    /// Returns its last segment; empty for the root.
    pub fn name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }

    /// Returns it below a folder.
    pub fn below(&self, folder: &Self) -> Self {
        let key = joined(&folder.key, &self.key);
        Self { said: self.said.clone(), key }
    }
}

/// Puts a path below another, either of which may be empty.
pub fn joined(folder: &str, path: &str) -> String {
    match (folder.is_empty(), path.is_empty()) {
        (true, _) => path.to_owned(),
        (_, true) => folder.to_owned(),
        _ => format!("{folder}/{path}"),
    }
}

/// Reads a path. It is decoded until it stays the same; empty segments and `.` count for nothing.
///
/// # Errors
///
/// A segment `..`, an absolute path of any system, a backslash, a control character, a `#`, a `file:` address; a path that is encoded more
/// than nine times or longer than 2,048 bytes.
pub fn path(text: &str) -> Result<Path, Refusal> {
    let invalid = || Refusal::new("Invalid path");
    let said = decoded(text).ok_or_else(invalid)?;
    let climbs = said.split('/').any(|segment| segment == "..");
    let forbidden = said.contains(|c: char| c == '#' || c == '\\' || c.is_control());
    let segments: Vec<&str> = said.split('/').filter(|segment| !matches!(*segment, "" | ".")).collect();
    let key = segments.join("/");
    // A drive may stand behind a folder that counts for nothing.
    let absolute = is_absolute(&said) || is_absolute(&key);
    if climbs || forbidden || absolute || said.len() > PATH_BYTES_MAX {
        return Err(invalid());
    }
    Ok(Path { said, key })
}

fn is_absolute(path: &str) -> bool {
    let mut start = path.chars();
    let has_drive = start.next().is_some_and(|c| c.is_ascii_alphabetic()) && start.as_str().starts_with(":/");
    let is_file = path.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"));
    path.starts_with('/') || has_drive || is_file
}

/// Checks the path that a file is to be written under.
///
/// # Errors
///
/// A name that is kept for files which are not received to their end.
pub fn writable(path: &Path) -> Result<(), Refusal> {
    let name = path.name();
    if name.starts_with(UPLOADING) {
        return Err(Refusal::new(format!(
            "Invalid artifact file name: '{name}'. Artifact names starting with '{UPLOADING}' are reserved."
        )));
    }
    Ok(())
}

/// Returns the folder that an address names, if what is there is kept here.
pub fn place(address: &str) -> Option<Path> {
    let rest = address.strip_prefix(SCHEME)?;
    // An address with two slashes names a server, which may be another one.
    if rest.starts_with("//") && !rest.starts_with("///") {
        return None;
    }
    path(rest.split('?').next()?.trim_start_matches('/')).ok()
}

/// Decodes until nothing changes any more.
fn decoded(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    for _ in 0..ENCODED_MAX {
        let next = decoded_once(&text);
        if next == text {
            return Some(text);
        }
        text = next;
    }
    None
}

fn decoded_once(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let byte = if *first == b'%' { behind.first_chunk().and_then(hex) } else { None };
        bytes.push(byte.unwrap_or(*first));
        let taken = if byte.is_some() { 2 } else { 0 };
        rest = behind.get(taken..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex([high, low]: &[u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*high)? << 4 | digit(*low)?)
}

/// Are endings of files that are shown as plain text.
const TEXTS: [&str; 26] = [
    "txt",
    "log",
    "err",
    "cfg",
    "conf",
    "cnf",
    "cf",
    "ini",
    "properties",
    "prop",
    "hocon",
    "toml",
    "yaml",
    "yml",
    "xml",
    "json",
    "js",
    "py",
    "py3",
    "csv",
    "tsv",
    "md",
    "rst",
    "ipynb",
    "MLmodel",
    "MLproject",
];

/// Are kinds of other files, by their ending.
const KINDS: [(&str, &str); 16] = [
    ("bmp", "image/bmp"),
    ("css", "text/css"),
    ("gif", "image/gif"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("wav", "audio/x-wav"),
    ("webp", "image/webp"),
    ("zip", "application/zip"),
];

/// Guesses the kind of a file by its name.
pub fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or(name, |(_, ending)| ending);
    if TEXTS.contains(&ending) {
        return "text/plain; charset=utf-8";
    }
    let lower = ending.to_ascii_lowercase();
    let known = KINDS.iter().find(|(known, _)| name.contains('.') && *known == lower);
    known.map_or("application/octet-stream", |(_, kind)| kind)
}

/// Writes the `Content-Disposition` of a file to be saved under its name.
pub fn disposition(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$&+-.^_`|~".contains(c);
    if name.is_ascii() {
        return format!("attachment; filename={}", token(name));
    }
    let ascii: String = name.chars().filter(char::is_ascii).collect();
    let ascii = if ascii.is_empty() { "download" } else { &ascii };
    let mut encoded = String::new();
    for c in name.chars() {
        if plain(c) {
            encoded.push(c);
        } else {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| encoded.push_str(&format!("%{byte:02X}")));
        }
    }
    format!("attachment; filename={}; filename*=UTF-8''{encoded}", token(ascii))
}

/// Writes a text as a token where it is one, else in quotes.
fn token(text: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !text.is_empty() && text.chars().all(is_token) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_would_climb_is_refused() {
        for wrong in [
            "..",
            "../a",
            "a/..",
            "a/../b",
            "a/../../b",
            "%2e%2e/a",
            "%2E%2e%2Fa",
            "%252e%252e%252fa",
            "..%2fa",
            "/a",
            "//a",
            "%2fetc/passwd",
            "%252Fetc",
            "C:/a",
            "c:%2Fa",
            "file:a",
            "file:///etc/passwd",
            "FILE:a",
            "a#b",
            "a%23b",
            "a\\b",
            "..\\a",
            "a%5cb",
            "%255C",
            "a\0b",
            "a%00b",
            "a%0ab",
            "a\u{7f}",
            "\\\\host\\share",
        ] {
            assert_eq!(path(wrong).unwrap_err().message(), "Invalid path", "{wrong}");
        }
        assert!(path(&"a/".repeat(2_000)).is_err());
        let mut often = "..".to_owned();
        for _ in 0..12 {
            often = often.replace('%', "%25").replace('.', "%2e");
        }
        assert!(path(&often).is_err());
    }

    #[test]
    fn a_path_has_one_form() {
        for (text, key) in [
            ("", ""),
            (".", ""),
            ("a", "a"),
            ("a/b.txt", "a/b.txt"),
            ("a//b/./c/", "a/b/c"),
            ("./a", "a"),
            ("a%2Fb", "a/b"),
            ("a%252Fb", "a/b"),
            ("%61", "a"),
            ("a b", "a b"),
            ("a%20b", "a b"),
            ("é", "é"),
            ("%C3%A9", "é"),
            ("100%", "100%"),
            ("a..b", "a..b"),
            ("...", "..."),
            ("C:", "C:"),
            ("a:b/c", "a:b/c"),
        ] {
            assert_eq!(path(text).unwrap().key(), key, "{text}");
        }
        assert!(path("a/").unwrap().is_of_folder() && path("").unwrap().is_of_folder());
        assert!(!path("a").unwrap().is_of_folder());
    }

    #[test]
    fn an_address_of_another_server_is_no_place_here() {
        let key = |address| place(address).map(|path| path.key().to_owned());
        assert_eq!(key("mlflow-artifacts:/0/r/artifacts").as_deref(), Some("0/r/artifacts"));
        assert_eq!(key("mlflow-artifacts:///0/r").as_deref(), Some("0/r"));
        for address in ["mlflow-artifacts://host/0", "s3://b/p", "mlflow-artifacts:/a/../b", "0/r", "file:///a"] {
            assert_eq!(key(address), None, "{address}");
        }
    }

    #[test]
    fn files_are_to_be_saved_under_their_names() {
        for (name, expected) in [
            ("MLmodel", "attachment; filename=MLmodel"),
            ("a b.txt", "attachment; filename=\"a b.txt\""),
            ("a\"b", "attachment; filename=\"a\\\"b\""),
            ("é.txt", "attachment; filename=.txt; filename*=UTF-8''%C3%A9.txt"),
            ("漢", "attachment; filename=download; filename*=UTF-8''%E6%BC%A2"),
        ] {
            assert_eq!(disposition(name), expected);
        }
        for (name, expected) in [
            ("MLmodel", "text/plain; charset=utf-8"),
            ("model.pkl", "application/octet-stream"),
            ("a.PNG", "image/png"),
            ("conda.yaml", "text/plain; charset=utf-8"),
            ("png", "application/octet-stream"),
            ("x.html", "text/html"),
        ] {
            assert_eq!(media_type(name), expected, "{name}");
        }
        assert!(writable(&path("a/.artifact.uploading.x").unwrap()).is_err());
    }

    /// Are the parts that paths are made of here.
    const PARTS: &[&str] =
        &["..", ".", "/", "%2e", "%2F", "%25", "2e", "a", "b c", "\\", "%5c", "%", "C:", "#", "file:"];

    proptest! {
        #[test]
        fn no_path_that_is_taken_leaves_its_folder(parts in prop::collection::vec(prop::sample::select(PARTS), 0..10)) {
            if let Ok(path) = path(&parts.concat()) {
                prop_assert!(!path.key().starts_with('/') && !path.key().ends_with('/'));
                for segment in path.key().split('/').filter(|_| !path.key().is_empty()) {
                    prop_assert!(!matches!(segment, "" | "." | "..") && !segment.contains('\\'));
                }
                let again = super::path(path.key());
                prop_assert_eq!(again.map(|path| path.key), Ok(path.key), "a form that is read again as itself");
            }
        }
    }
}
