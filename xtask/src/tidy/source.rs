//! A Rust source told apart into code, comments, literals and tests, as far as the rules need it.
//!
//! A small scanner instead of a parser: the rules look for words, so all they need to know is what
//! kind of text a word stands in.

use super::scan;

/// Holds two views of one file; both keep every line where it was.
#[derive(Debug, Clone)]
pub struct Source {
    /// The code outside tests, with comments and literals blanked.
    pub code: String,
    /// The same with the literals kept.
    pub literals: String,
    /// The modules that are declared as `#[cfg(test)] mod NAME;` and live in a file of their own.
    pub test_modules: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Source {
    /// Reads a source.
    pub fn new(text: &str) -> Self {
        let pieces = pieces(text);
        let mut code = view(&pieces, |kind| kind == Kind::Code);
        let mut literals = view(&pieces, |kind| kind != Kind::Comment);
        let mut test_modules = Vec::new();
        for (start, end) in test_items(&code) {
            test_modules.extend(code.get(start..end).and_then(declared_module));
            blank(&mut code, start, end);
            blank(&mut literals, start, end);
        }
        Self { code, literals, test_modules }
    }
}

fn view(pieces: &[(Kind, &str)], keep: impl Fn(Kind) -> bool) -> String {
    pieces.iter().map(|(kind, text)| if keep(*kind) { (*text).to_owned() } else { blanks(text) }).collect()
}

/// Replaces every byte but the line ends, so that offsets stay the same in every view.
fn blanks(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

fn blank(text: &mut String, start: usize, end: usize) {
    if let Some(part) = text.get(start..end) {
        let blanks = blanks(part);
        text.replace_range(start..end, &blanks);
    }
}

fn pieces(text: &str) -> Vec<(Kind, &str)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (kind, length) = first_piece(rest);
        let Some((piece, after)) = rest.split_at_checked(length.max(1)) else {
            pieces.push((kind, rest));
            break;
        };
        pieces.push((kind, piece));
        rest = after;
    }
    pieces
}

fn first_piece(rest: &str) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment(rest));
    }
    if let Some(length) = raw_string(rest) {
        return (Kind::Literal, length);
    }
    match rest.chars().next() {
        Some('"') => (Kind::Literal, quoted(rest)),
        Some('\'') => character(rest),
        Some(c) if scan::in_word(c) => (Kind::Code, rest.find(|c| !scan::in_word(c)).unwrap_or(rest.len())),
        Some(c) => (Kind::Code, c.len_utf8()),
        None => (Kind::Code, 0),
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(here) = rest.get(at..) {
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            match here.chars().next() {
                Some(c) => at += c.len_utf8(),
                None => break,
            }
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn raw_string(rest: &str) -> Option<usize> {
    let after = ["br", "cr", "r"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let inside = after.trim_start_matches('#');
    let hashes = "#".repeat(after.len() - inside.len());
    let body = inside.strip_prefix('"')?;
    let close = format!("\"{hashes}");
    let end = body.find(&close).map_or(body.len(), |at| at + close.len());
    Some(rest.len() - body.len() + end)
}

fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Tells a character literal from a lifetime.
fn character(rest: &str) -> (Kind, usize) {
    let mut chars = rest.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), Some(escaped)) => {
            let from = 2 + escaped.len_utf8();
            let close = rest.get(from..).and_then(|tail| tail.find('\''));
            (Kind::Literal, close.map_or(rest.len(), |at| from + at + 1))
        }
        (Some(c), Some('\'')) => (Kind::Literal, 2 + c.len_utf8()),
        _ => (Kind::Code, 1),
    }
}

/// Finds the items that are compiled for tests alone, from the attribute to the item's end.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    let starts = ["#[cfg(test)]", "#[cfg(all(test,"].iter().flat_map(|mark| code.match_indices(mark));
    let mut items: Vec<_> = starts.map(|(at, _)| (at, item_end(code, at))).collect();
    items.sort_unstable();
    items
}

fn item_end(code: &str, start: usize) -> usize {
    let tail = code.get(start..).unwrap_or_default();
    match tail.find(['{', ';']) {
        Some(at) if tail.get(at..).is_some_and(|item| item.starts_with('{')) => {
            start + at + scan::braced(tail.get(at..).unwrap_or_default())
        }
        Some(at) => start + at + 1,
        None => code.len(),
    }
}

fn declared_module(item: &str) -> Option<String> {
    let declared = item.strip_suffix(';')?;
    let (_, name) = declared.rsplit_once("mod ")?;
    Some(name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_kept() {
        let source =
            Source::new("// std::fs\nlet a = \"std::fs\"; /* x /* std::fs */ */ let b = r#\"std::fs \" \"#;\nb");
        assert!(!source.code.contains("std::fs"));
        assert!(source.code.contains("let b"));
        assert_eq!(source.literals.matches("std::fs").count(), 2);
        assert_eq!(source.code.lines().count(), 3);
    }

    #[test]
    fn quotes_in_characters_and_lifetimes_do_not_open_strings() {
        let source = Source::new(r#"fn f<'a>(x: &'a str) { x.find('"'); x.find('\''); x.find('\\'); std::fs() }"#);
        assert!(source.code.contains("std::fs()"));
        assert!(source.code.contains("<'a>"));
    }

    #[test]
    fn escapes_and_text_beyond_ascii_keep_their_place() {
        let source = Source::new("let a = \"é\\\"std::fs\"; let é = 'é'; std::net");
        assert!(!source.code.contains("std::fs"));
        assert!(source.code.contains("std::net"));
    }

    #[test]
    fn tests_are_blanked_and_their_files_named() {
        let text =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { std::fs() }\n}\n#[cfg(test)]\nmod cases;\nfn c() {}\n";
        let source = Source::new(text);
        assert!(!source.code.contains("std::fs"));
        assert!(source.code.contains("fn c()"));
        assert_eq!(source.test_modules, ["cases"]);
    }
}
