//! Bounds on how deeply Cedar text may nest, checked before Cedar's recursive parser and validator see it.
//!
//! Both keep a stack frame per level, so that a text of a few kilobytes could end the process. The bounds
//! are far beyond what anybody can read, and loading runs on a stack that holds the worst they allow.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::problem::{Place, Problem};

const BRACKETS_MAX: usize = 32;
const OPERATORS_MAX: usize = 200;
const DOTS_MAX: usize = 200;

// Twice the measured need of the worst text within the bounds, without optimisation: 110 KiB a level.
const STACK_BYTES: usize = 96 << 20;

/// Runs work on a stack that is large enough for every text within the bounds.
pub(crate) fn with_room<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK_BYTES - (1 << 20), STACK_BYTES, work)
}

/// Is how much stack Cedar has for a question at the least: it refuses to go on with less than 100 KiB.
const QUESTION_BYTES: usize = 256 << 10;

/// Asks Cedar on a stack that has room, however little the caller's has left.
pub(crate) fn with_room_to_ask<T>(ask: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(QUESTION_BYTES, 8 * QUESTION_BYTES, ask)
}

/// Says what nests too deeply in a text; `None` if all is within the bounds.
///
/// Brackets count while they are open; operators, and dots of attribute paths, up to the next `;` outside
/// brackets, because each may add a level. In a schema `<` is a bracket.
pub(crate) fn problem(file: &str, text: &str) -> Option<Problem> {
    let mut counter = Counter { is_schema: file.ends_with(".cedarschema"), open: Vec::new(), operators: 0, dots: 0 };
    let mut rest = text.char_indices().peekable();
    while let Some((offset, c)) = rest.next() {
        match c {
            '"' => skip_text(&mut rest),
            '/' if rest.next_if(|(_, next)| *next == '/').is_some() => skip_line(&mut rest),
            c if c.is_alphabetic() || c == '_' => counter.word(c, &mut rest),
            c => counter.sign(c),
        }
        if let Some(message) = counter.excess() {
            let problem = Problem::at(file, Some(Place::of(text, offset)), message);
            return Some(problem.help("split the statement into several, or test a set with `contains`"));
        }
    }
    None
}

type Rest<'a> = Peekable<CharIndices<'a>>;

fn skip_text(rest: &mut Rest<'_>) {
    while let Some((_, c)) = rest.next() {
        match c {
            '"' => return,
            '\\' => drop(rest.next()),
            _ => {}
        }
    }
}

fn skip_line(rest: &mut Rest<'_>) {
    while rest.next_if(|(_, c)| *c != '\n').is_some() {}
}

struct Counter {
    is_schema: bool,
    open: Vec<char>,
    operators: usize,
    dots: usize,
}

impl Counter {
    fn word(&mut self, first: char, rest: &mut Rest<'_>) {
        let mut word = String::from(first);
        while let Some((_, c)) = rest.next_if(|(_, c)| c.is_alphanumeric() || *c == '_') {
            word.push(c);
        }
        self.operators += usize::from(matches!(word.as_str(), "if" | "when" | "unless"));
    }

    fn sign(&mut self, c: char) {
        match c {
            '(' | '[' | '{' => self.open.push(c),
            '<' if self.is_schema => self.open.push(c),
            ')' => self.close('('),
            ']' => self.close('['),
            '}' => self.close('{'),
            '>' if self.is_schema => self.close('<'),
            // `&&` and `||` count twice; the bound is far enough for it not to matter.
            '&' | '|' | '+' | '-' | '*' | '!' => self.operators += 1,
            '.' => self.dots += 1,
            ';' if self.open.is_empty() => (self.operators, self.dots) = (0, 0),
            _ => {}
        }
    }

    fn close(&mut self, opening: char) {
        self.open.pop_if(|top| *top == opening);
    }

    fn excess(&self) -> Option<String> {
        if self.open.len() > BRACKETS_MAX {
            Some(format!("brackets nest deeper than {BRACKETS_MAX} levels"))
        } else if self.operators > OPERATORS_MAX {
            Some(format!("more than {} operators in one statement", OPERATORS_MAX / 2))
        } else if self.dots > DOTS_MAX {
            Some(format!("more than {DOTS_MAX} dots in one statement"))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(file: &str, text: &str) -> Option<String> {
        problem(file, text).map(|problem| problem.to_string())
    }

    #[test]
    fn what_may_add_a_level_is_counted() {
        let policy = |text: &str| message("a.cedar", text);
        assert_eq!(policy(&"(".repeat(32)), None);
        assert_eq!(policy(&"(".repeat(33)).unwrap(), "a.cedar:1:33: brackets nest deeper than 32 levels");
        assert_eq!(policy(&"(]".repeat(33)).unwrap(), "a.cedar:1:65: brackets nest deeper than 32 levels");
        assert_eq!(policy(&"([{}])".repeat(1_000)), None);
        assert_eq!(policy(&"a && ".repeat(100)), None);
        assert_eq!(policy(&"a && ".repeat(101)).unwrap(), "a.cedar:1:503: more than 100 operators in one statement");
        assert!(policy(&"if a then b else ".repeat(201)).is_some());
        assert!(policy(&"a.b".repeat(201)).is_some());
        assert_eq!(policy(&"a && b;".repeat(1_000)), None);
    }

    #[test]
    fn texts_and_comments_are_not_counted() {
        let quiet = format!("\"{}\\\"{}\" // {}\n < < <", "(".repeat(40), "&".repeat(900), ".".repeat(900));
        assert_eq!(message("a.cedar", &quiet.replace("< < <", &"< ".repeat(40))), None);
        assert!(message("a.cedarschema", &"Set<".repeat(40)).is_some());
    }
}
