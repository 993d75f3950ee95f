//! One clause of `order_by`: an identifier, and perhaps a direction.

use super::lexer::Kind;
use super::nodes::{self, Node, Shape};
use crate::Refusal;

/// Is a clause of `order_by`: what to sort by, not yet read, and in which direction.
pub(crate) struct Ordering {
    pub(crate) text: String,
    pub(crate) ascending: bool,
}

/// Reads a clause of `order_by`; without a direction it ascends.
pub(crate) fn ordering(clause: &str) -> Result<Ordering, Refusal> {
    let unparsed = || Refusal::new(format!("Invalid order_by clause '{clause}'. Could not be parsed."));
    let statements =
        nodes::statements(clause).map_err(|_| Refusal::new(format!("Error on parsing order_by clause '{clause}'")))?;
    let [statement] = statements.as_slice() else { return Err(unparsed()) };
    let text = sorted(statement).ok_or_else(unparsed)?;
    // An unclosed quote breaks MLflow; here it cannot be parsed.
    let words = shell_words(&text.replace('`', "\"")).ok_or_else(unparsed)?;
    match words.as_slice() {
        [] | [_] => Ok(Ordering { text, ascending: true }),
        [by, direction] => {
            let ascending = match direction.to_lowercase().as_str() {
                "asc" => true,
                "desc" => false,
                _ => return Err(Refusal::new(format!("Invalid ordering key in order_by clause '{clause}'."))),
            };
            Ok(Ordering { text: by.clone(), ascending })
        }
        _ => Err(unparsed()),
    }
}

/// Returns the text of a statement that can be sorted by: an identifier, or the word `timestamp` with a direction.
fn sorted(statement: &[Node<'_>]) -> Option<String> {
    let is_timestamp = |node: &Node<'_>| node.shape == Shape::One(Kind::Builtin) && node.text == "timestamp";
    match statement {
        [one] if one.shape == Shape::Identifier || is_timestamp(one) => Some(one.text.to_owned()),
        [first, between @ .., last] if is_timestamp(first) => {
            let is_direction = between.iter().all(Node::is_space) && last.shape == Shape::One(Kind::Order);
            is_direction.then(|| format!("timestamp {}", last.text))
        }
        _ => None,
    }
}

/// Cuts a text into words as a POSIX shell does; `None` if a quote or a backslash is left open.
fn shell_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next()?),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => double_quoted(&mut chars, word.get_or_insert_default())?,
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// Reads up to the closing double quote; a backslash escapes a quote or itself, and else stands for itself.
fn double_quoted(chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' => return Some(()),
            '\\' => {
                let escaped = chars.next()?;
                if !matches!(escaped, '"' | '\\') {
                    word.push('\\');
                }
                word.push(escaped);
            }
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_as_a_shell_cuts_them() {
        for (text, expected) in [
            ("a b", Some(vec!["a", "b"])),
            ("a.\"b c\" d", Some(vec!["a.b c", "d"])),
            ("'a b'c\\ d", Some(vec!["a bc d"])),
            ("\"a\\b\\\"\"", Some(vec!["a\\b\""])),
            ("\"\"", Some(vec![""])),
            ("'a", None),
            ("a\\", None),
        ] {
            let words = shell_words(text);
            assert_eq!(words, expected.map(|all: Vec<&str>| all.into_iter().map(str::to_owned).collect()), "{text}");
        }
    }
}
