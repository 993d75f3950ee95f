//! The joins in their order, each a rule over neighbours.

use super::lexer::Kind;
use super::{Around, Groups, Node, Reach, Shape};

const NUMBERS: [Kind; 2] = [Kind::Integer, Kind::Float];
const QUOTED: [Kind; 2] = [Kind::Text, Kind::Symbol];
const NAMES: [Kind; 2] = [Kind::Name, Kind::Placeholder];

/// Applies all joins.
pub(super) fn all<'a>(group: &Groups<'a>, nodes: Vec<Node<'a>>) -> Vec<Node<'a>> {
    let nodes = group.pairs(nodes, Shape::Function, is_callable, |node| node.shape == Shape::Parenthesis);
    let nodes = wheres(group, nodes);
    let nodes = group.around(nodes, &PERIOD);
    let nodes = group.around(nodes, &INDEX);
    let nodes = nodes.into_iter().map(named).collect();
    let nodes = group.around(nodes, &ORDERED);
    let nodes = group.around(nodes, &CAST);
    let nodes =
        group.pairs(nodes, Shape::Typed, |node| node.is_one(&[Kind::Builtin]), |node| node.is_one(&[Kind::Text]));
    let nodes = group.around(nodes, &OPERATION);
    let nodes = group.around(nodes, &COMPARISON);
    let nodes = group.around(nodes, &ALIAS);
    let nodes = group.pairs(nodes, Shape::Identifier, takes_alias, |node| node.shape == Shape::Identifier);
    let nodes = group.around(nodes, &ASSIGNMENT);
    let nodes = comments_aligned(group, nodes);
    group.around(nodes, &LIST)
}

fn if_some(is: bool) -> Reach {
    if is { Reach::Right } else { Reach::No }
}

fn is_callable(node: &Node<'_>) -> bool {
    node.is_one(&[Kind::Name, Kind::Placeholder, Kind::Builtin])
}

/// Makes an identifier of a name that nothing joined.
fn named(node: Node<'_>) -> Node<'_> {
    if node.is_one(&[Kind::Name, Kind::Symbol]) { Node { shape: Shape::Identifier, ..node } } else { node }
}

const PERIOD: Around = Around {
    shape: Shape::Identifier,
    sign: |node| match node.shape {
        Shape::One(Kind::Punctuation) => node.text == ".",
        Shape::One(Kind::Operator) => matches!(node.text, "->" | "->>"),
        _ => false,
    },
    left: |node| node.is_any(&[Shape::Brackets, Shape::Identifier]) || node.is_one(&[Kind::Name, Kind::Symbol]),
    right: |node| {
        let kinds = [Kind::Name, Kind::Symbol, Kind::Wildcard, Kind::Text];
        let joins = |node: &Node<'_>| node.is_any(&[Shape::Brackets, Shape::Function]) || node.is_one(&kinds);
        if node.is_some_and(joins) { Reach::Right } else { Reach::Sign }
    },
};

const INDEX: Around = Around {
    shape: Shape::Identifier,
    sign: |node| node.shape == Shape::Brackets,
    left: |node| {
        let shapes = [Shape::Brackets, Shape::Identifier, Shape::Function];
        node.is_any(&shapes) || node.is_one(&[Kind::Name, Kind::Symbol])
    },
    right: |_| Reach::Sign,
};

const ORDERED: Around = Around {
    shape: Shape::Identifier,
    sign: |node| node.is_one(&[Kind::Order]),
    left: |node| node.shape == Shape::Identifier || is_number(node),
    right: |_| Reach::Sign,
};

const CAST: Around = Around {
    shape: Shape::Identifier,
    sign: |node| node.is_one(&[Kind::Punctuation]) && node.text == "::",
    left: |_| true,
    right: |node| if_some(node.is_some()),
};

fn is_number(node: &Node<'_>) -> bool {
    node.is_one(&[Kind::Integer, Kind::Float, Kind::Hexadecimal])
}

fn is_value(node: &Node<'_>) -> bool {
    let shapes = [Shape::Parenthesis, Shape::Function, Shape::Identifier, Shape::Operation, Shape::Typed];
    node.is_any(&shapes) || [NUMBERS, QUOTED, NAMES].iter().any(|kinds| node.is_one(kinds))
}

fn is_operand(node: &Node<'_>) -> bool {
    is_value(node)
        || node.shape == Shape::Brackets
        || ["CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"].iter().any(|word| node.is_keyword(word))
}

const OPERATION: Around = Around {
    shape: Shape::Operation,
    sign: |node| node.is_one(&[Kind::Operator, Kind::Wildcard]),
    left: is_operand,
    right: |node| if_some(node.is_some_and(is_operand)),
};

fn is_compared(node: &Node<'_>) -> bool {
    is_value(node) || node.is_keyword("NULL")
}

const COMPARISON: Around = Around {
    shape: Shape::Comparison,
    sign: |node| node.is_one(&[Kind::Comparison]),
    left: is_compared,
    right: |node| if_some(node.is_some_and(is_compared)),
};

const ALIAS: Around = Around {
    shape: Shape::Identifier,
    sign: |node| node.is_keyword("AS"),
    left: |node| node.is_keyword("NULL") || !node.is_one(&[Kind::Keyword, Kind::Reserved, Kind::Order]),
    right: |node| if_some(node.is_some_and(|node| !node.is_one(&[Kind::Reserved]))),
};

fn takes_alias(node: &Node<'_>) -> bool {
    let shapes =
        [Shape::Parenthesis, Shape::Function, Shape::Case, Shape::Identifier, Shape::Operation, Shape::Comparison];
    node.is_any(&shapes) || is_number(node)
}

const ASSIGNMENT: Around = Around {
    shape: Shape::Assignment,
    sign: |node| node.is_one(&[Kind::Assignment]),
    left: |node| !node.is_one(&[Kind::Keyword]),
    right: |node| if_some(node.is_some_and(|node| !node.is_one(&[Kind::Keyword]))),
};

fn is_listed(node: &Node<'_>) -> bool {
    let shapes = [Shape::Function, Shape::Case, Shape::Identifier, Shape::Comparison, Shape::List, Shape::Operation];
    let kinds = [NUMBERS, QUOTED, NAMES, [Kind::Keyword, Kind::Wildcard]];
    node.is_any(&shapes) || kinds.iter().any(|kinds| node.is_one(kinds))
}

const LIST: Around = Around {
    shape: Shape::List,
    sign: |node| node.is_one(&[Kind::Punctuation]) && node.text == ",",
    left: is_listed,
    right: |node| if_some(node.is_some_and(is_listed)),
};

const WHERE_ENDS: [&str; 10] =
    ["ORDER BY", "GROUP BY", "LIMIT", "UNION", "UNION ALL", "EXCEPT", "INTERSECT", "HAVING", "RETURNING", "INTO"];

/// Joins everything from `WHERE` on, up to a keyword that ends it.
fn wheres<'a>(group: &Groups<'a>, nodes: Vec<Node<'a>>) -> Vec<Node<'a>> {
    let mut out: Vec<Node<'a>> = Vec::new();
    let mut start = None;
    for node in nodes {
        if start.is_some() && WHERE_ENDS.iter().any(|word| node.is_keyword(word)) {
            group.join_tail(Shape::Where, &mut out, start.take().unwrap_or(0));
        }
        if start.is_none() && node.is_keyword("WHERE") {
            start = Some(out.len());
        }
        out.push(node);
    }
    if let Some(from) = start {
        group.join_tail(Shape::Where, &mut out, from);
    }
    out
}

/// Adds a comment to the group before it: a comparison has a part more then, and is refused for it.
fn comments_aligned<'a>(group: &Groups<'a>, nodes: Vec<Node<'a>>) -> Vec<Node<'a>> {
    let mut out: Vec<Node<'a>> = Vec::new();
    for node in nodes {
        let is_comment = node.shape == Shape::Comment;
        out.push(node);
        if is_comment {
            align(group, &mut out);
        }
    }
    out
}

/// Adds the comment at the end of a list to the group before it, if it is one.
fn align<'a>(group: &Groups<'a>, out: &mut Vec<Node<'a>>) {
    let before = out.iter().take(out.len() - 1).rposition(|node| !node.is_space());
    let Some((at, Node { shape, parts, .. })) = before.and_then(|at| Some((at, out.get(at)?))) else { return };
    if matches!(shape, Shape::One(_)) {
        return;
    }
    let (shape, mut parts) = (*shape, parts.clone());
    parts.extend(out.iter().skip(at + 1).cloned());
    group.join_tail(shape, out, at);
    if let Some(group) = out.last_mut() {
        group.parts = parts;
    }
}
