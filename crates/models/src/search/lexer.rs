//! Cuts a filter into tokens, as the SQL reader of MLflow does.
//!
//! Rules are tried in order at every place and the first that takes something wins; what none takes is one
//! [`Kind::Error`] character, such as a quote that is never closed. Left out are dollar-quoted texts and the longer
//! phrases of SQL (`LEFT JOIN`), which no filter can hold either way.

use super::words;
use crate::python::{is_space, is_word};

mod numbers;
mod quotes;

/// Limits the tokens of one text; the reader gives up beyond.
pub(crate) const TOKENS_MAX: usize = 10_000;

/// Is what a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Space,
    Newline,
    Comment,
    Name,
    /// Is a `?`, `%s` or `:name`.
    Placeholder,
    /// Is the name of an SQL type, such as `timestamp`.
    Builtin,
    /// Is a word of SQL.
    Keyword,
    /// Is a word that begins a statement of SQL.
    Reserved,
    /// Is `ASC` or `DESC`.
    Order,
    Integer,
    Float,
    Hexadecimal,
    /// Is a text in single quotes.
    Text,
    /// Is a text in double quotes.
    Symbol,
    Operator,
    /// Is `=`, `!=`, `LIKE` and their like.
    Comparison,
    Wildcard,
    Punctuation,
    Assignment,
    Command,
    Error,
}

/// Is a token: what it is, and where it ends; it begins where the one before ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// Is a place in a text: what follows, the character before, and whether a comment is closed somewhere behind.
#[derive(Clone, Copy)]
struct Here<'a> {
    rest: &'a str,
    before: Option<char>,
    closes: bool,
}

type Rule = fn(Here<'_>) -> Option<(Kind, usize)>;

const RULES: [Rule; 19] = [
    comment,
    space,
    sign,
    quotes::name,
    placeholder,
    command,
    lone_keyword,
    at_name,
    dotted_name,
    member_name,
    called_name,
    numbers::number,
    quotes::text,
    quotes::bracketed,
    phrase,
    comparison_word,
    word,
    punctuation,
    operator,
];

/// Cuts a text into tokens that cover all of it; stops behind more than [`TOKENS_MAX`].
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let last_close = text.rfind("*/");
    let mut tokens = Vec::new();
    let (mut from, mut before) = (0, None);
    while let Some(rest) = text.get(from..).filter(|rest| !rest.is_empty()) {
        let here = Here { rest, before, closes: last_close.is_some_and(|at| at >= from + 2) };
        let (kind, length) = token(here);
        tokens.push(Token { kind, from, to: from + length });
        if tokens.len() > TOKENS_MAX {
            break;
        }
        before = rest.get(..length).and_then(|taken| taken.chars().next_back());
        from += length;
    }
    tokens
}

fn token(here: Here<'_>) -> (Kind, usize) {
    let taken = RULES.iter().find_map(|rule| rule(here).filter(|(_, length)| *length > 0));
    taken.unwrap_or((Kind::Error, here.rest.chars().next().map_or(1, char::len_utf8)))
}

/// Returns how many bytes at the start of a text are characters of a kind.
fn run(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is(c)).unwrap_or(text.len())
}

fn first(text: &str) -> Option<char> {
    text.chars().next()
}

fn behind(text: &str, length: usize) -> &str {
    text.get(length..).unwrap_or_default()
}

/// Returns true for the letters that can begin a name: those of ASCII and Latin-1.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, 'À'..='Ü' | 'à'..='ö' | 'ø'..='ü')
}

/// Returns the length of a word that begins with a letter; 0 for none.
fn letters(text: &str) -> usize {
    if first(text).is_some_and(is_letter) { run(text, is_word) } else { 0 }
}

fn is_number_letter(c: char) -> bool {
    c == '_' || is_letter(c)
}

fn comment(here: Here<'_>) -> Option<(Kind, usize)> {
    if here.rest.starts_with("/*") && here.closes {
        return Some((Kind::Comment, behind(here.rest, 2).find("*/")? + 4));
    }
    if !here.rest.starts_with("--") && !here.rest.starts_with("# ") {
        return None;
    }
    let line = here.rest.find(['\n', '\r']).unwrap_or(here.rest.len());
    let end = if behind(here.rest, line).starts_with("\r\n") { 2 } else { 1 };
    Some((Kind::Comment, (line + end).min(here.rest.len())))
}

fn space(here: Here<'_>) -> Option<(Kind, usize)> {
    if here.rest.starts_with("\r\n") {
        return Some((Kind::Newline, 2));
    }
    let c = first(here.rest).filter(|c| is_space(*c))?;
    let kind = if matches!(c, '\r' | '\n') { Kind::Newline } else { Kind::Space };
    Some((kind, c.len_utf8()))
}

fn sign(here: Here<'_>) -> Option<(Kind, usize)> {
    let signs = [(":=", Kind::Assignment), ("::", Kind::Punctuation), ("*", Kind::Wildcard)];
    signs.iter().find(|(sign, _)| here.rest.starts_with(sign)).map(|(sign, kind)| (*kind, sign.len()))
}

fn placeholder(here: Here<'_>) -> Option<(Kind, usize)> {
    let taken = |length| Some((Kind::Placeholder, length));
    if here.rest.starts_with('?') {
        return taken(1);
    }
    if let Some(rest) = here.rest.strip_prefix('%') {
        let name = rest.strip_prefix('(').map_or(0, |inner| run(inner, is_word));
        let named = name > 0 && behind(rest, name + 1).starts_with(")s");
        return if named { taken(name + 4) } else { rest.starts_with(['s', 'S']).then_some((Kind::Placeholder, 2)) };
    }
    let name = here.rest.strip_prefix(['$', ':']).map_or(0, |rest| run(rest, is_word));
    if name > 0 && !here.before.is_some_and(is_word) { taken(name + 1) } else { None }
}

fn command(here: Here<'_>) -> Option<(Kind, usize)> {
    let name = here.rest.strip_prefix('\\').map_or(0, |rest| run(rest, is_word));
    (name > 0).then_some((Kind::Command, name + 1))
}

/// Takes the keywords that stay keywords even behind a point and before a parenthesis.
fn lone_keyword(here: Here<'_>) -> Option<(Kind, usize)> {
    let length = run(here.rest, is_word);
    let word = here.rest.get(..length)?;
    let known = ["CASE", "IN", "VALUES", "USING", "FROM", "AS"];
    known.iter().any(|known| word.eq_ignore_ascii_case(known)).then_some((Kind::Keyword, length))
}

fn at_name(here: Here<'_>) -> Option<(Kind, usize)> {
    let mark = ["@", "##", "#"].iter().find(|mark| {
        let rest = here.rest.strip_prefix(**mark).unwrap_or_default();
        letters(rest) > first(rest).map_or(0, char::len_utf8)
    })?;
    Some((Kind::Name, mark.len() + letters(behind(here.rest, mark.len()))))
}

/// Takes a word with a point behind it, white space between them allowed; a point before a digit is none.
fn dotted_name(here: Here<'_>) -> Option<(Kind, usize)> {
    let length = letters(here.rest);
    let rest = behind(here.rest, length).trim_start_matches(is_space);
    let is_dotted = rest.strip_prefix('.').is_some_and(|rest| !first(rest).is_some_and(|c| c.is_ascii_digit()));
    is_dotted.then_some((Kind::Name, length))
}

fn member_name(here: Here<'_>) -> Option<(Kind, usize)> {
    (here.before == Some('.')).then(|| (Kind::Name, letters(here.rest)))
}

fn called_name(here: Here<'_>) -> Option<(Kind, usize)> {
    let length = letters(here.rest);
    behind(here.rest, length).starts_with('(').then_some((Kind::Name, length))
}

/// The phrases that are one token: words with white space between them.
const PHRASES: [(&[&str], Kind); 10] = [
    (&["NOT", "NULL"], Kind::Keyword),
    (&["ASC", "NULLS", "FIRST"], Kind::Order),
    (&["ASC", "NULLS", "LAST"], Kind::Order),
    (&["DESC", "NULLS", "FIRST"], Kind::Order),
    (&["DESC", "NULLS", "LAST"], Kind::Order),
    (&["ASC"], Kind::Order),
    (&["DESC"], Kind::Order),
    (&["UNION", "ALL"], Kind::Keyword),
    (&["GROUP", "BY"], Kind::Keyword),
    (&["ORDER", "BY"], Kind::Keyword),
];

fn phrase(here: Here<'_>) -> Option<(Kind, usize)> {
    PHRASES.iter().find_map(|(words, kind)| Some((*kind, words_length(here.rest, words)?))).or_else(|| counted(here))
}

/// Takes `GO` with a number behind one white space.
fn counted(here: Here<'_>) -> Option<(Kind, usize)> {
    let go = words_length(here.rest, &["GO"])?;
    let space = first(behind(here.rest, go)).filter(|c| is_space(*c))?.len_utf8();
    let number = run(behind(here.rest, go + space), is_word);
    let is_number = behind(here.rest, go + space).bytes().take(number).all(|b| b.is_ascii_digit());
    (number > 0 && is_number).then_some((Kind::Keyword, go + space + number))
}

/// Returns the length of words that stand at the start of a text, whole and with white space between them.
fn words_length(text: &str, words: &[&str]) -> Option<usize> {
    let mut rest = text;
    for (number, word) in words.iter().enumerate() {
        let spaced = rest.trim_start_matches(is_space);
        let (here, is_apart) = if number == 0 { (rest, true) } else { (spaced, spaced.len() < rest.len()) };
        let (found, behind) = here.split_at_checked(run(here, is_word))?;
        if !is_apart || !found.eq_ignore_ascii_case(word) {
            return None;
        }
        rest = behind;
    }
    Some(text.len() - rest.len())
}

/// Takes comparisons that are words.
fn comparison_word(here: Here<'_>) -> Option<(Kind, usize)> {
    let words = [["NOT", "LIKE"], ["NOT", "ILIKE"], ["NOT", "RLIKE"], ["NOT", "REGEXP"]];
    let single = |word: &[&str; 2]| words_length(here.rest, word.get(1..)?);
    let length = words.iter().find_map(|word| words_length(here.rest, word).or_else(|| single(word)))?;
    Some((Kind::Comparison, length))
}

fn word(here: Here<'_>) -> Option<(Kind, usize)> {
    first(here.rest).filter(|c| is_word(*c))?;
    let length = run(here.rest, |c| is_word(c) || matches!(c, '$' | '#'));
    Some((words::kind(here.rest.get(..length)?), length))
}

fn punctuation(here: Here<'_>) -> Option<(Kind, usize)> {
    here.rest.starts_with([';', ':', '(', ')', '[', ']', ',', '.']).then_some((Kind::Punctuation, 1))
}

fn operator(here: Here<'_>) -> Option<(Kind, usize)> {
    let fixed = ["->>", "->", "#>>", "#>", "@>", "<@", "-", "#-"];
    if let Some(fixed) = fixed.iter().find(|fixed| here.rest.starts_with(**fixed)) {
        return Some((Kind::Operator, fixed.len()));
    }
    let comparison = run(here.rest, |c| matches!(c, '<' | '>' | '=' | '~' | '!'));
    if comparison > 0 {
        return Some((Kind::Comparison, comparison));
    }
    let length = run(here.rest, |c| matches!(c, '+' | '/' | '@' | '#' | '%' | '^' | '&' | '|' | '-'));
    Some((Kind::Operator, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        let shown = tokens(text).into_iter().map(|token| (token.kind, &text[token.from..token.to]));
        shown.filter(|(kind, _)| *kind != Kind::Space).collect()
    }

    #[test]
    fn words_depend_on_what_stands_around_them() {
        use Kind::{Comparison, Keyword, Name, Punctuation, Text};
        assert_eq!(kinds("order.by"), [(Name, "order"), (Punctuation, "."), (Name, "by")]);
        assert_eq!(kinds("tags.in"), [(Name, "tags"), (Punctuation, "."), (Keyword, "in")]);
        assert_eq!(kinds("and LIKE"), [(Keyword, "and"), (Comparison, "LIKE")]);
        assert_eq!(kinds("not  ilike 'a'"), [(Comparison, "not  ilike"), (Text, "'a'")]);
        assert_eq!(kinds("and("), [(Name, "and"), (Punctuation, "(")]);
    }

    #[test]
    fn what_no_rule_takes_is_an_error() {
        assert_eq!(kinds("'a")[0], (Kind::Error, "'"));
        assert_eq!(kinds("`a")[0], (Kind::Error, "`"));
        assert_eq!(kinds("{")[0], (Kind::Error, "{"));
        assert_eq!(kinds("/* a")[0].0, Kind::Operator);
        assert_eq!(kinds("/* a */"), [(Kind::Comment, "/* a */")]);
    }
}
