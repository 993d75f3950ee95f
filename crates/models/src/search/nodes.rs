//! Puts tokens together into the parts that a filter is judged by: identifiers, lists, comparisons.
//!
//! MLflow hands a filter to an SQL reader and then asks what kind each part of the statement is; which part an error
//! text names follows from how that reader joins neighbours. The same steps run here, in the same order, over one
//! flat list: what stands inside a parenthesis is only ever used as text.

use std::collections::VecDeque;

use crate::python::is_space;

use super::lexer::{self, Kind, TOKENS_MAX, Token};

mod joins;

/// Limits how deep parentheses and brackets nest; the reader gives up beyond.
const DEPTH_MAX: usize = 100;

/// Is what a part of a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Is a token that was joined with nothing.
    One(Kind),
    Brackets,
    Parenthesis,
    Case,
    Function,
    Identifier,
    /// Is a text behind the name of its type, such as `date '2026-01-01'`.
    Typed,
    Operation,
    Comparison,
    Where,
    List,
    Comment,
    Assignment,
}

/// Is a part of a statement, with its place in the text.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    pub(super) shape: Shape,
    pub(super) text: &'a str,
    from: usize,
    depth: usize,
    /// The parts of a comparison; nothing else keeps its own.
    pub(super) parts: Vec<Node<'a>>,
}

/// Says why a text cannot be cut into parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    TooLong,
    TooDeep,
}

impl Unreadable {
    /// Returns what the reader says of it.
    pub(super) fn reason(self) -> String {
        match self {
            Self::TooLong => format!("Maximum number of tokens exceeded ({TOKENS_MAX})."),
            Self::TooDeep => format!("Maximum grouping depth exceeded ({DEPTH_MAX})."),
        }
    }
}

impl Node<'_> {
    pub(super) fn is_space(&self) -> bool {
        matches!(self.shape, Shape::One(Kind::Space | Kind::Newline))
    }

    /// Returns true for a plain keyword that reads so, in any case.
    pub(super) fn is_keyword(&self, word: &str) -> bool {
        self.shape == Shape::One(Kind::Keyword) && self.text.eq_ignore_ascii_case(word)
    }

    fn is_one(&self, kinds: &[Kind]) -> bool {
        matches!(self.shape, Shape::One(kind) if kinds.contains(&kind))
    }

    fn is_any(&self, shapes: &[Shape]) -> bool {
        shapes.contains(&self.shape)
    }
}

/// Reads the statements of a text, each as its parts; what is empty or white space alone is none.
pub(super) fn statements(text: &str) -> Result<Vec<Vec<Node<'_>>>, Unreadable> {
    let tokens = lexer::tokens(text);
    if tokens.len() > TOKENS_MAX {
        return Err(Unreadable::TooLong);
    }
    let node = |token: &Token| {
        let part = text.get(token.from..token.to).unwrap_or_default();
        // A name becomes an identifier, which is one level of nesting.
        let depth = usize::from(matches!(token.kind, Kind::Name | Kind::Symbol));
        Node { shape: Shape::One(token.kind), text: part, from: token.from, depth, parts: Vec::new() }
    };
    let nodes = tokens.iter().map(node).collect();
    split(nodes).into_iter().map(|statement| grouped(text, statement)).collect()
}

/// Cuts behind every semicolon that stands in no parenthesis; white space behind one belongs to it.
fn split(nodes: Vec<Node<'_>>) -> Vec<Vec<Node<'_>>> {
    let mut statements = vec![Vec::new()];
    let (mut level, mut ends) = (0_i64, false);
    for node in nodes {
        if ends && !node.is_one(&[Kind::Space, Kind::Comment]) {
            statements.push(Vec::new());
            (level, ends) = (0, false);
        }
        match node.text {
            "(" => level += 1,
            ")" => level -= 1,
            _ => {}
        }
        let goes = node.is_one(&[Kind::Keyword]) && node.text.split(is_space).next() == Some("GO");
        ends = ends || (node.text == ";" && level <= 0) || goes;
        if let Some(last) = statements.last_mut() {
            last.push(node);
        }
    }
    // Only the last statement is dropped where it is white space, since what follows another begins with a word.
    if statements.last().is_some_and(|last| last.iter().all(Node::is_space)) {
        statements.pop();
    }
    statements
}

fn grouped<'a>(text: &'a str, statement: Vec<Node<'a>>) -> Result<Vec<Node<'a>>, Unreadable> {
    let group = Groups { text };
    let nodes = group.comments(statement);
    let nodes = group.enclosed(nodes, ("[", "]"), Shape::Brackets);
    let nodes = group.enclosed(nodes, ("(", ")"), Shape::Parenthesis);
    let nodes = group.enclosed(nodes, ("CASE", "END"), Shape::Case);
    if nodes.iter().any(|node| node.depth > DEPTH_MAX) {
        return Err(Unreadable::TooDeep);
    }
    Ok(joins::all(&group, nodes))
}

/// Joins neighbours of one text.
struct Groups<'a> {
    text: &'a str,
}

impl<'a> Groups<'a> {
    /// Joins nodes that follow one another.
    fn join(&self, shape: Shape, nodes: Vec<Node<'a>>) -> Option<Node<'a>> {
        let from = nodes.first()?.from;
        let last = nodes.last()?;
        let text = self.text.get(from..last.from + last.text.len())?;
        let depth = nodes.iter().map(|node| node.depth).max().unwrap_or(0);
        let parts = if shape == Shape::Comparison { nodes } else { Vec::new() };
        Some(Node { shape, text, from, depth, parts })
    }

    /// Joins the tail of a list from a place on into one node at its end.
    fn join_tail(&self, shape: Shape, nodes: &mut Vec<Node<'a>>, from: usize) {
        let tail = nodes.split_off(from.min(nodes.len()));
        nodes.extend(self.join(shape, tail));
    }

    /// Joins comments and the line ends behind them, unless nothing else follows.
    fn comments(&self, nodes: Vec<Node<'a>>) -> Vec<Node<'a>> {
        let belongs = |node: &Node<'_>| node.is_one(&[Kind::Comment, Kind::Newline]);
        let mut out: Vec<Node<'a>> = Vec::new();
        let mut start = None;
        for node in nodes {
            if belongs(&node) {
                start = start.or_else(|| node.is_one(&[Kind::Comment]).then_some(out.len()));
            } else if let Some(from) = start.take() {
                self.join_tail(Shape::Comment, &mut out, from);
            }
            out.push(node);
        }
        out
    }

    /// Joins what stands between two signs that match; a sign without its other half stays as it is.
    fn enclosed(&self, nodes: Vec<Node<'a>>, (open, close): (&str, &str), shape: Shape) -> Vec<Node<'a>> {
        let mut out: Vec<Node<'a>> = Vec::new();
        let mut opened = Vec::new();
        for node in nodes {
            let is =
                |sign: &str| node.is_one(&[Kind::Punctuation, Kind::Keyword]) && node.text.eq_ignore_ascii_case(sign);
            let (opens, closes) = (is(open), is(close));
            if opens {
                opened.push(out.len());
            }
            out.push(node);
            if closes && let Some(from) = opened.pop() {
                self.join_tail(shape, &mut out, from);
                if let Some(group) = out.last_mut() {
                    group.depth += 1;
                }
            }
        }
        out
    }

    /// Joins what stands on both sides of a sign, or on its left alone.
    ///
    /// Whether what was joined can be joined again is judged by its right side alone, as the SQL reader has it.
    fn around(&self, nodes: Vec<Node<'a>>, rule: &Around) -> Vec<Node<'a>> {
        let mut rest = VecDeque::from(nodes);
        let mut out: Vec<Node<'a>> = Vec::new();
        let mut judged: Option<Node<'a>> = None;
        while let Some(node) = rest.pop_front() {
            if !(rule.sign)(&node) {
                judged = judged.filter(|_| node.is_space());
                out.push(node);
                continue;
            }
            let left = out.iter().rposition(|node| !node.is_space());
            let right = rest.iter().position(|node| !node.is_space());
            let left_node = judged.as_ref().or_else(|| out.get(left?));
            let right_node = right.and_then(|at| rest.get(at));
            let reach = if left_node.is_some_and(rule.left) { (rule.right)(right_node) } else { Reach::No };
            judged = if reach == Reach::Right { right_node.cloned() } else { None };
            out.push(node);
            let taken = match reach {
                Reach::No => continue,
                Reach::Sign => 0,
                Reach::Right => right.map_or(0, |at| at + 1),
            };
            out.extend(rest.drain(..taken));
            self.join_tail(rule.shape, &mut out, left.unwrap_or(0));
        }
        out
    }

    /// Joins a node with the one behind it; what was joined is not joined again.
    fn pairs(&self, nodes: Vec<Node<'a>>, shape: Shape, left: Is, right: Is) -> Vec<Node<'a>> {
        let mut rest = VecDeque::from(nodes);
        let mut out: Vec<Node<'a>> = Vec::new();
        while let Some(node) = rest.pop_front() {
            let next = if left(&node) { rest.iter().position(|node| !node.is_space()) } else { None };
            out.push(node);
            if let Some(at) = next.filter(|at| rest.get(*at).is_some_and(right)) {
                let from = out.len() - 1;
                out.extend(rest.drain(..=at));
                self.join_tail(shape, &mut out, from);
            }
        }
        out
    }
}

type Is = fn(&Node<'_>) -> bool;

/// Says how far a join reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    No,
    Sign,
    Right,
}

/// Is a rule that joins around a sign.
struct Around {
    shape: Shape,
    sign: Is,
    left: Is,
    right: fn(Option<&Node<'_>>) -> Reach,
}
