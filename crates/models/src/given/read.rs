//! Reads JSON without making a float of any number.

use std::collections::HashMap;

use super::Given;

/// Is how many members an object has at most whose names are looked through one by one.
const FEW: usize = 16;

/// Limits nesting of arrays and objects.
pub const DEPTH_MAX: usize = 64;

/// Reads one value with nothing behind it.
pub(super) fn value(json: &str, depth_max: usize) -> Option<Given> {
    let mut reader = Reader { rest: json, depth_max };
    let value = reader.value(0)?;
    reader.space();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
    depth_max: usize,
}

const WORDS: [(&str, Given); 3] = [("null", Given::Null), ("true", Given::Bool(true)), ("false", Given::Bool(false))];
const NUMBERS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

impl Reader<'_> {
    fn space(&mut self) {
        if self.rest.starts_with(|c: char| c <= ' ') {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        }
    }

    fn eat(&mut self, text: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(text) else { return false };
        self.rest = rest;
        true
    }

    fn value(&mut self, depth: usize) -> Option<Given> {
        if depth > self.depth_max {
            return None;
        }
        self.space();
        if self.eat("[") {
            return self.list(depth);
        }
        if self.eat("{") {
            return self.map(depth);
        }
        if self.eat("\"") {
            return self.text().map(Given::Text);
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            return self.number();
        }
        if let Some((_, value)) = WORDS.iter().find(|(word, _)| self.eat(word)) {
            return Some(value.clone());
        }
        match NUMBERS.iter().find(|word| self.eat(word)) {
            Some(word) => Some(Given::Float((*word).to_owned())),
            None => self.number(),
        }
    }

    fn list(&mut self, depth: usize) -> Option<Given> {
        let mut values = Vec::new();
        self.space();
        if self.eat("]") {
            return Some(Given::List(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            self.space();
            if self.eat("]") {
                return Some(Given::List(values));
            }
            self.eat(",").then_some(())?;
        }
    }

    fn map(&mut self, depth: usize) -> Option<Given> {
        let mut members: Vec<(String, Given)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        self.space();
        if self.eat("}") {
            return Some(Given::Map(members));
        }
        loop {
            self.space();
            self.eat("\"").then_some(())?;
            let name = self.text()?;
            self.space();
            self.eat(":").then_some(())?;
            let value = self.value(depth + 1)?;
            put(&mut members, &mut places, name, value);
            self.space();
            if self.eat("}") {
                return Some(Given::Map(members));
            }
            self.eat(",").then_some(())?;
        }
    }

    /// Reads a text whose opening quote is behind; a control character or half of a pair of UTF-16 is refused.
    fn text(&mut self) -> Option<String> {
        let end = self.rest.bytes().position(|b| matches!(b, b'"' | b'\\' | 0..b' '))?;
        if let Some((plain, rest)) = self.rest.split_at_checked(end).filter(|(_, rest)| rest.starts_with('"')) {
            self.rest = rest.strip_prefix('"')?;
            return Some(plain.to_owned());
        }
        self.text_with_escapes()
    }

    fn text_with_escapes(&mut self) -> Option<String> {
        let mut units: Vec<u16> = Vec::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => units.push(escape(&mut chars)?),
                c if c < ' ' => return None,
                c => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            }
        }
        self.rest = chars.as_str();
        String::from_utf16(&units).ok()
    }

    fn number(&mut self) -> Option<Given> {
        let end = self.rest.bytes().position(|b| !matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
        let (text, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let power = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let is_number = are_digits(whole) && are_digits(fraction) && are_digits(power);
        if !is_number || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        self.rest = rest;
        let is_integer = digits.bytes().all(|b| b.is_ascii_digit());
        Some(if is_integer { Given::Integer(text.to_owned()) } else { Given::Float(text.to_owned()) })
    }
}

/// Puts a member into an object, in the place of an earlier one of the same name.
fn put(members: &mut Vec<(String, Given)>, places: &mut HashMap<String, usize>, name: String, value: Given) {
    if members.len() == FEW {
        places.extend(members.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)));
    }
    let known = if members.len() < FEW {
        members.iter().position(|(known, _)| *known == name)
    } else {
        places.get(&name).copied()
    };
    match known.and_then(|at| members.get_mut(at)) {
        Some((_, earlier)) => *earlier = value,
        None => {
            if members.len() >= FEW {
                places.insert(name.clone(), members.len());
            }
            members.push((name, value));
        }
    }
}

fn escape(chars: &mut std::str::Chars<'_>) -> Option<u16> {
    Some(match chars.next()? {
        '"' => 0x22,
        '\\' => 0x5c,
        '/' => 0x2f,
        'b' => 8,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'u' => {
            let (digits, rest) = chars.as_str().split_at_checked(4)?;
            let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
            *chars = rest.chars();
            is_hex.then(|| u16::from_str_radix(digits, 16).ok())??
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_is_none() {
        for wrong in
            ["", "01", "1.", ".5", "-", "[1,]", "{1:2}", "{\"a\" 1}", "\"\\ud800\"", "\"a", "1 2", "nul", "\"\n\""]
        {
            assert_eq!(value(wrong, DEPTH_MAX), None, "{wrong}");
        }
        assert_eq!(value(&"[".repeat(100_000), DEPTH_MAX), None);
        assert!(value(&format!("{}{}", "[".repeat(64), "]".repeat(64)), DEPTH_MAX).is_some());
    }
}
