//! Gathers the pages of `docs/errors` into the binary, so that `countersign explain` needs no files.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

#[expect(clippy::disallowed_methods, reason = "cargo speaks to a build script through its environment")]
fn main() -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let folder = Path::new(&root).join("../../docs/errors");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut pages: Vec<(String, String)> = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "md") {
            let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            pages.push((name, fs::read_to_string(&path)?));
        }
    }
    pages.sort();
    let mut text = String::from("/// Holds the page of each code.\nconst PAGES: &[(&str, &str)] = &[\n");
    for (name, page) in pages {
        let _ = writeln!(text, "    ({name:?}, {page:?}),");
    }
    text.push_str("];\n");
    fs::write(Path::new(&out).join("pages.rs"), text)
}
