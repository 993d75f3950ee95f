//! The items of a filter: comparisons, the `AND`s between them, and what has no place in one.

use super::clause::Comparator;
use super::lexer::Kind;
use super::nodes::{self, Node, Shape, Unreadable};

/// Is an operand, an operator, or what stands where one should.
#[derive(Debug, Clone)]
pub(super) struct Part {
    shape: Shape,
    pub(super) text: String,
}

impl Part {
    fn of(node: &Node<'_>) -> Self {
        Self { shape: node.shape, text: node.text.to_owned() }
    }

    fn keyword(text: &str) -> Self {
        Self { shape: Shape::One(Kind::Keyword), text: text.to_owned() }
    }

    pub(super) fn is_identifier(&self) -> bool {
        self.shape == Shape::Identifier
    }

    /// Returns true for what can be a text: one in single quotes, or an identifier, as which one in double quotes counts.
    pub(super) fn is_textual(&self) -> bool {
        self.is_identifier() || self.shape == Shape::One(Kind::Text)
    }

    /// Returns true for the word `timestamp`, which is a name of a type, and no identifier.
    pub(super) fn is_timestamp(&self) -> bool {
        self.shape == Shape::One(Kind::Builtin) && self.text == TIMESTAMP
    }

    pub(super) fn is_parenthesis(&self) -> bool {
        self.shape == Shape::Parenthesis
    }

    pub(super) fn is_integer(&self) -> bool {
        self.shape == Shape::One(Kind::Integer)
    }

    pub(super) fn is_number(&self) -> bool {
        self.is_integer() || self.shape == Shape::One(Kind::Float)
    }
}

/// Is one item of a filter.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// Is a comparison: its parts without white space, and its text.
    Comparison(Vec<Part>, String),
    /// Is the keyword between two comparisons.
    And,
    /// Is anything else.
    Other(String),
}

impl Item {
    fn of(node: &Node<'_>) -> Self {
        match node.shape {
            Shape::Comparison => {
                let parts = node.parts.iter().filter(|part| !part.is_space()).map(Part::of);
                Self::Comparison(parts.collect(), node.text.to_owned())
            }
            _ if node.is_keyword("AND") => Self::And,
            _ => Self::Other(node.text.to_owned()),
        }
    }

    fn joined(parts: Vec<Part>) -> Self {
        let text = parts.iter().map(|part| part.text.as_str()).collect();
        Self::Comparison(parts, text)
    }
}

const TIMESTAMP: &str = "timestamp";

/// Says whether the word `timestamp` can be compared with an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timestamps {
    No,
    Compared,
}

/// Reads the items of every statement in a text.
pub(super) fn read(text: &str, timestamps: Timestamps) -> Result<Vec<Vec<Item>>, Unreadable> {
    Ok(nodes::statements(text)?.iter().map(|statement| items(statement, timestamps)).collect())
}

/// Makes comparisons of `IN`, `NOT IN`, `IS NULL` and `IS NOT NULL`, which the SQL reader leaves in pieces.
///
/// MLflow looks at an identifier and the three pieces behind it at once, and passes all four if they are none of these:
/// a filter with two such comparisons side by side loses the second. So it is here.
fn items(statement: &[Node<'_>], timestamps: Timestamps) -> Vec<Item> {
    let nodes: Vec<&Node<'_>> = statement.iter().filter(|node| !node.is_space()).collect();
    let mut items = Vec::new();
    let mut rest = nodes.as_slice();
    while let [first, behind @ ..] = rest {
        let is_timestamp = timestamps == Timestamps::Compared && Part::of(first).is_timestamp();
        let taken = match behind {
            [second, third, ..] if is_timestamp => (timestamp(first, second, third), 3),
            [second, third, ..] if first.shape == Shape::Identifier => pieces(first, second, third, behind.get(2)),
            [_, _, ..] => (vec![Item::of(first)], 1),
            _ => (rest.iter().map(|node| Item::of(node)).collect(), rest.len()),
        };
        items.extend(taken.0);
        rest = rest.get(taken.1..).unwrap_or_default();
    }
    items
}

/// Reads the word `timestamp` with the two pieces behind it. If they are no comparison of it, MLflow names the word twice.
fn timestamp(first: &Node<'_>, second: &Node<'_>, third: &Node<'_>) -> Vec<Item> {
    let compares = second.shape == Shape::One(Kind::Comparison) && Comparator::is_of_numbers(second.text);
    if compares && third.shape == Shape::One(Kind::Integer) {
        return vec![Item::joined([first, second, third].map(Part::of).into())];
    }
    [first, second, third, first].map(Item::of).into()
}

/// Reads an identifier with what follows it, and says how many nodes that took.
fn pieces(first: &Node<'_>, second: &Node<'_>, third: &Node<'_>, fourth: Option<&&Node<'_>>) -> (Vec<Item>, usize) {
    let is_list = |node: &Node<'_>| node.shape == Shape::Parenthesis;
    let one = |parts, taken| (vec![Item::joined(parts)], taken);
    if second.is_keyword("IN") && is_list(third) {
        return one(vec![Part::of(first), Part::of(second), Part::of(third)], 3);
    }
    if second.is_keyword("IS") && third.is_keyword("NULL") {
        return one(vec![Part::of(first), Part::keyword("IS NULL")], 3);
    }
    if second.is_keyword("IS") && third.is_keyword("NOT NULL") {
        return one(vec![Part::of(first), Part::keyword("IS NOT NULL")], 3);
    }
    let Some(fourth) = fourth else { return ([first, second, third].map(Item::of).into(), usize::MAX) };
    if second.is_keyword("NOT") && third.is_keyword("IN") && is_list(fourth) {
        return one(vec![Part::of(first), Part::keyword("NOT IN"), Part::of(fourth)], 4);
    }
    ([first, second, third, *fourth].map(Item::of).into(), 4)
}
