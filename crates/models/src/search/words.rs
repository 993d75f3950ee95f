//! The words that are not names where they stand alone.
//!
//! MLflow reads filters as SQL, so that `user = 'a'` has no identifier in it, and is refused as such. Which words
//! count is part of what it answers: the list is that of the reader it is shipped with, sqlparse 0.6.1.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::lexer::Kind;

const LIST: &str = include_str!("words.txt");

static WORDS: LazyLock<HashMap<&'static str, Kind>> = LazyLock::new(|| LIST.lines().flat_map(line).collect());

fn line(line: &'static str) -> Vec<(&'static str, Kind)> {
    let (kind, words) = line.split_once(": ").unwrap_or_default();
    let kind = match kind {
        "keyword" => Kind::Keyword,
        "reserved" => Kind::Reserved,
        "builtin" => Kind::Builtin,
        "operator" => Kind::Operator,
        _ => return Vec::new(),
    };
    words.split(' ').map(|word| (word, kind)).collect()
}

/// Returns what a word is, in any case.
pub(super) fn kind(word: &str) -> Kind {
    WORDS.get(word.to_uppercase().as_str()).copied().unwrap_or(Kind::Name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_any_case() {
        for (word, expected) in [
            ("and", Kind::Keyword),
            ("User", Kind::Keyword),
            ("select", Kind::Reserved),
            ("timestamp", Kind::Builtin),
            ("div", Kind::Operator),
            ("status", Kind::Name),
            ("name", Kind::Name),
        ] {
            assert_eq!(kind(word), expected, "{word}");
        }
        assert_eq!(WORDS.len(), LIST.split_whitespace().filter(|word| !word.ends_with(':')).count());
    }
}
