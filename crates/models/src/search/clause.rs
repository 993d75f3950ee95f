//! The typed clauses of a filter.

use crate::python;

/// Is what a clause or an order looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entity {
    /// Is a field of the noun itself.
    Attribute,
    /// Is a metric; of a run, its latest value.
    Metric,
    /// Is a parameter.
    Parameter,
    /// Is a tag.
    Tag,
    /// Is a field of a dataset that a run read.
    Dataset,
    /// Is what was said of a trace when it was made.
    Metadata,
    /// Is a field of a span of a trace, or an attribute of one.
    Span,
    /// Is a judgement of a trace.
    Feedback,
    /// Is what a trace should have come to.
    Expectation,
    /// Is an issue that a trace belongs to.
    Issue,
}

impl Entity {
    /// Returns the name that MLflow uses in its texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Attribute => "attribute",
            Self::Metric => "metric",
            Self::Parameter => "parameter",
            Self::Tag => "tag",
            Self::Dataset => "dataset",
            Self::Metadata => "request_metadata",
            Self::Span => "span",
            Self::Feedback => "feedback",
            Self::Expectation => "expectation",
            Self::Issue => "issue",
        }
    }
}

/// Is how a clause compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparator {
    /// Is `=`.
    Equal,
    /// Is `!=`. A metric that is not a number differs from every number.
    NotEqual,
    /// Is `>`.
    Greater,
    /// Is `>=`.
    GreaterEqual,
    /// Is `<`.
    Less,
    /// Is `<=`.
    LessEqual,
    /// Is `LIKE`: `%` stands for any text, `_` for one character; letters count with their case.
    Like,
    /// Is `ILIKE`: as [`Self::Like`], in any case.
    ILike,
    /// Is `IN`, with a list.
    In,
    /// Is `NOT IN`, with a list.
    NotIn,
    /// Is `IS NULL`: there is none of that key.
    IsNull,
    /// Is `IS NOT NULL`: there is one of that key.
    IsNotNull,
}

const COMPARATORS: [(Comparator, &str); 12] = [
    (Comparator::Equal, "="),
    (Comparator::NotEqual, "!="),
    (Comparator::Greater, ">"),
    (Comparator::GreaterEqual, ">="),
    (Comparator::Less, "<"),
    (Comparator::LessEqual, "<="),
    (Comparator::Like, "LIKE"),
    (Comparator::ILike, "ILIKE"),
    (Comparator::In, "IN"),
    (Comparator::NotIn, "NOT IN"),
    (Comparator::IsNull, "IS NULL"),
    (Comparator::IsNotNull, "IS NOT NULL"),
];

impl Comparator {
    /// Returns how it is written.
    pub fn text(self) -> &'static str {
        COMPARATORS.iter().find(|(known, _)| *known == self).map_or("", |(_, text)| text)
    }

    /// Says whether a text is one that numbers are compared with.
    pub(super) fn is_of_numbers(text: &str) -> bool {
        matches!(text, "=" | "!=" | ">" | ">=" | "<" | "<=")
    }

    /// Reads one that is written exactly so, words in capitals.
    pub(super) fn read(text: &str) -> Option<Self> {
        COMPARATORS.iter().find(|(_, known)| *known == text).map(|(known, _)| *known)
    }
}

/// Says how a number literal is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberKind {
    /// Is an optional `-` and digits, as many as the caller wrote.
    Integer,
    /// Has a point or an exponent besides, and may exceed any float.
    Decimal,
    /// Is `inf`, `infinity` or `nan`, in any case; only where logged models are searched.
    Word,
}

/// Is a number literal, as it was written. Nothing here computes with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number {
    /// The literal; whoever compares reads it.
    pub text: String,
    /// How to read it.
    pub kind: NumberKind,
}

impl Number {
    pub(super) fn integer(text: impl Into<String>) -> Self {
        Self { text: text.into(), kind: NumberKind::Integer }
    }

    /// Reads what Python's `float` reads, without the underscores it allows; `None` for all else.
    pub(super) fn read(text: &str) -> Option<Self> {
        if !python::is_float(text) {
            return None;
        }
        let plain = text.replace('_', "");
        let kind = match plain.as_str() {
            word if python::is_float_word(word) => NumberKind::Word,
            digits if digits.bytes().all(|b| b.is_ascii_digit() || b == b'-') => NumberKind::Integer,
            _ => NumberKind::Decimal,
        };
        Some(Self { text: plain, kind })
    }

    /// Writes it as Python writes the float of it: `1e2` as `100.0`.
    pub fn as_float_text(&self) -> String {
        python::float(&self.text)
    }

    /// Writes it as Python writes the integer of it: `007` as `7`; a decimal as it is.
    pub fn as_integer_text(&self) -> String {
        python::integer(&self.text).unwrap_or_else(|| self.text.clone())
    }
}

/// Is what a clause compares with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// Is a text; for `LIKE` and `ILIKE` a pattern.
    Text(String),
    /// Is a number literal.
    Number(Number),
    /// Is the list of `IN` and `NOT IN`.
    List(Vec<String>),
    /// Is nothing, as `IS NULL` and `IS NOT NULL` have it.
    Null,
}

/// Is one clause. All clauses of a filter must hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Clause {
    /// What it looks at.
    pub entity: Entity,
    /// The key: of an attribute its own name, whatever alias was written; else any text.
    pub key: String,
    /// How it compares. It fits the value: a list goes with [`Comparator::In`] and [`Comparator::NotIn`] alone.
    pub comparator: Comparator,
    /// What it compares with.
    pub value: Value,
}
