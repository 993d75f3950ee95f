//! The stable codes, read from the text of the one list in `types`.

use super::scan;
use super::tree::Tree;

/// The file with the list.
pub const LIST: &str = "crates/types/src/code.rs";

/// Holds one entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The variant's name.
    pub name: String,
    /// The code as text.
    pub text: String,
    /// The line of the entry.
    pub line: usize,
}

/// Returns every code of the list; none if there is no list.
pub fn all(tree: &Tree) -> Vec<Code> {
    let text = tree.file(LIST).map_or("", |file| file.text.as_str());
    let Some(start) = text.find("\ncodes! {") else { return Vec::new() };
    let body = text.get(start..).unwrap_or_default();
    let end = body.find("\n}").unwrap_or(body.len());
    let first = scan::line(text, start);
    let lines = body.get(..end).unwrap_or_default().lines().enumerate();
    lines.filter_map(|(at, line)| entry(line, first + at)).collect()
}

/// Reads `Name "text" status;`.
fn entry(line: &str, number: usize) -> Option<Code> {
    let mut words = line.trim().strip_suffix(';')?.split_whitespace();
    let (name, text, status) = (words.next()?, words.next()?, words.next()?);
    let text = text.strip_prefix('"')?.strip_suffix('"')?;
    let is_entry = status.parse::<u16>().is_ok() && words.next().is_none();
    is_entry.then(|| Code { name: name.to_owned(), text: text.to_owned(), line: number })
}

#[cfg(test)]
pub mod planted {
    //! A list of codes for tests.

    /// Holds two codes, `killed` and `disk-full`.
    pub const LIST: &str = "//! Codes.\nmacro_rules! codes {\n    ($a:ident) => {};\n}\n\ncodes! {\n    /// One.\n    \
                            Killed \"killed\" 200;\n    DiskFull \"disk-full\" 503;\n}\nfn f() { a \"b\" 1; }\n";
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted::tree;
    use super::*;

    #[test]
    fn the_list_is_read_with_its_lines() {
        let codes = all(&tree(&[(LIST, planted::LIST)]));
        let seen: Vec<_> = codes.iter().map(|code| (code.name.as_str(), code.text.as_str(), code.line)).collect();
        assert_eq!(seen, [("Killed", "killed", 8), ("DiskFull", "disk-full", 9)]);
    }
}
