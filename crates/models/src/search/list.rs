//! Lists of texts, which MLflow reads as a Python literal: quotes, prefixes, escapes and adjoining texts count.

use crate::{Given, Refusal};

/// Reads a parenthesis with texts in it, at least one.
pub(super) fn read(text: &str) -> Result<Vec<String>, Refusal> {
    let values = values(text).ok_or_else(|| {
        Refusal::new(
            "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.",
        )
    })?;
    if values.is_empty() {
        return Err(Refusal::new(
            "While parsing a list in the query, expected a non-empty list of string values, but got empty list",
        ));
    }
    let texts = values.iter().map(|value| match value {
        Given::Text(text) => Some(text.clone()),
        _ => None,
    });
    texts.collect::<Option<Vec<String>>>().ok_or_else(|| {
        Refusal::new(format!(
            "While parsing a list in the query, expected string value, punctuation, or whitespace, \
             but got different type in list: {}",
            tuple(&values)
        ))
    })
}

fn tuple(values: &[Given]) -> String {
    match values {
        [one] => format!("({},)", one.python()),
        _ => format!("({})", values.iter().map(Given::python).collect::<Vec<_>>().join(", ")),
    }
}

/// Reads the values between the parentheses; `None` if they are no literal, or one of a kind that is not read here.
pub(super) fn values(text: &str) -> Option<Vec<Given>> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let mut reader = Reader { rest: inner };
    let mut values = Vec::new();
    loop {
        reader.space();
        if reader.rest.is_empty() {
            return Some(values);
        }
        values.push(reader.value()?);
        reader.space();
        if reader.rest.is_empty() {
            return Some(values);
        }
        reader.rest = reader.rest.strip_prefix(',')?;
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
    }

    fn value(&mut self) -> Option<Given> {
        if self.string_prefix().is_some() {
            return self.texts().map(Given::Text);
        }
        let end = self.rest.find([',', ' ', '\t', '\n', '\r', '\u{c}']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        scalar(word)
    }

    /// Reads texts that adjoin one another as one.
    fn texts(&mut self) -> Option<String> {
        let mut whole = String::new();
        while let Some(is_raw) = self.string_prefix() {
            let start = self.rest.find(['\'', '"'])?;
            self.rest = self.rest.get(start..)?;
            whole.push_str(&self.text(is_raw)?);
            self.space();
        }
        Some(whole)
    }

    /// Says whether the text that begins here is raw; `None` if none begins.
    fn string_prefix(&self) -> Option<bool> {
        let start = self.rest.find(['\'', '"'])?;
        match self.rest.get(..start)? {
            "" | "u" | "U" => Some(false),
            "r" | "R" => Some(true),
            _ => None,
        }
    }

    /// Reads a text from its opening quotes on.
    fn text(&mut self, is_raw: bool) -> Option<String> {
        let quote = self.rest.chars().next()?;
        let triple = quote.to_string().repeat(3);
        let close = if self.rest.starts_with(&triple) { triple } else { quote.to_string() };
        self.rest = self.rest.strip_prefix(close.as_str())?;
        let mut text = String::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix(close.as_str()) {
                self.rest = rest;
                return Some(text);
            }
            match self.next()? {
                '\\' if is_raw => {
                    text.push('\\');
                    text.push(self.next()?);
                }
                '\\' => self.escape(&mut text)?,
                '\n' | '\r' if close.len() == 1 => return None,
                c => text.push(c),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    /// Reads what follows a backslash; one that Python does not know stays with its backslash.
    fn escape(&mut self, text: &mut String) -> Option<()> {
        let c = match self.next()? {
            '\n' => return Some(()),
            c @ ('\\' | '\'' | '"') => c,
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => self.code(2, 16)?,
            'u' => self.code(4, 16)?,
            'U' => self.code(8, 16)?,
            'N' => return None,
            digit @ '0'..='7' => self.octal(digit)?,
            other => {
                text.push('\\');
                other
            }
        };
        text.push(c);
        Some(())
    }

    fn octal(&mut self, first: char) -> Option<char> {
        let more = self.rest.chars().take(2).take_while(|c| c.is_digit(8)).count();
        let rest = if more == 0 { 0 } else { u32::from(self.code(more, 8)?) };
        char::from_u32((first.to_digit(8)? << (3 * more)) + rest)
    }

    fn code(&mut self, count: usize, radix: u32) -> Option<char> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        if !digits.chars().all(|c| c.is_digit(radix)) {
            return None;
        }
        self.rest = rest;
        char::from_u32(u32::from_str_radix(digits, radix).ok()?)
    }
}

/// Reads a word or a number; other literals of Python are not read, and refused as ill-formed.
fn scalar(word: &str) -> Option<Given> {
    match word {
        "None" => return Some(Given::Null),
        "True" => return Some(Given::Bool(true)),
        "False" => return Some(Given::Bool(false)),
        _ => {}
    }
    let digits = word.strip_prefix('-').unwrap_or(word);
    if digits.starts_with(['-', '+']) || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if crate::python::integer(word).is_some() {
        let has_leading_zero = digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|b| b != b'0');
        return (!has_leading_zero).then(|| Given::Integer(word.to_owned()));
    }
    crate::python::is_float(word).then(|| Given::Float(word.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_python_reads_them() {
        for (text, expected) in [
            ("('a')", Some(vec!["a"])),
            ("( 'a' , \"b\" ,)", Some(vec!["a", "b"])),
            ("('it''s')", Some(vec!["its"])),
            (
                r"('it\'s', '\x41\101\u00e4\q\
')",
                Some(vec!["it's", "AAä\\q"]),
            ),
            (r"(r'a\n', u'b')", Some(vec![r"a\n", "b"])),
            ("('''a'b''')", Some(vec!["a'b"])),
            ("('a' 'b', 'c')", Some(vec!["ab", "c"])),
            ("('a',,)", None),
            ("('a\n')", None),
            ("(a)", None),
            ("()", None),
        ] {
            assert_eq!(read(text).ok(), expected.map(|texts| texts.into_iter().map(str::to_owned).collect()), "{text}");
        }
    }
}
