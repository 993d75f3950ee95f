//! Looking for words in text.

/// Returns true for what an identifier is made of.
pub fn in_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Returns the offsets at which `word` stands by itself, not inside a longer word.
pub fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    bounded(text, word, in_word)
}

/// Returns the offsets at which `needle` stands with nothing on either side that `inside` calls part of it.
pub fn bounded<'a>(
    text: &'a str,
    needle: &'a str,
    inside: impl Fn(char) -> bool + 'a,
) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(needle).map(|(at, _)| at).filter(move |at| {
        let before = text.get(..*at).and_then(|head| head.chars().next_back());
        let after = text.get(at + needle.len()..).and_then(|tail| tail.chars().next());
        !before.is_some_and(&inside) && !after.is_some_and(&inside)
    })
}

/// Returns the line of an offset, counted from 1.
pub fn line(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().bytes().filter(|byte| *byte == b'\n').count() + 1
}

/// Returns the length of the text from its opening brace through the matching one.
pub fn braced(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// Returns the offsets at which a module of the standard library is named, alone or in a `use std::{…}`.
pub fn std_modules(code: &str, module: &str) -> Vec<usize> {
    let path = format!("std::{module}");
    let mut found: Vec<usize> = words(code, &path).collect();
    for (at, opening) in code.match_indices("std::{") {
        let group = code.get(at + opening.len() - 1..).unwrap_or_default();
        let group = group.get(..braced(group)).unwrap_or_default();
        found.extend(words(group, module).map(|_| at).take(1));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_not_found_inside_another() {
        assert_eq!(words("std::fs std::fsx mystd::fs", "std::fs").collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn a_group_of_imports_is_seen_through() {
        assert_eq!(std_modules("use std::{fmt, env};", "env").len(), 1);
        assert_eq!(std_modules("use std::{fmt, io};\nenv()", "env").len(), 0);
    }

    #[test]
    fn braces_nest() {
        assert_eq!(braced("{ { } } }"), 7);
    }

    #[test]
    fn lines_count_from_one() {
        assert_eq!([line("a\nb", 0), line("a\nb", 2)], [1, 2]);
    }
}
