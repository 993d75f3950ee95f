//! Operations as their file declares them: which resource each changes, how it is read, and how it is taken back.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::HttpError;

/// Is the file of a target: TOML.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// The address below which every path stands, `http` or `https`, without a query.
    pub base: String,
    /// Headers of every request, each with the environment variable that has its value.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How long a request may take, in milliseconds. 10,000 by default.
    #[serde(default = "ten_seconds")]
    pub timeout_ms: u64,
    /// The operations, by name.
    pub operations: BTreeMap<String, Operation>,
}

fn ten_seconds() -> u64 {
    10_000
}

/// Is one operation: one request that changes one resource, whose address follows from the arguments.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// What it does, for whoever calls it.
    pub description: String,
    /// The arguments, all of which are needed.
    #[serde(default)]
    pub arguments: BTreeMap<String, Argument>,
    /// The path of the resource that it changes, which `GET` reads: `{name}` stands for an argument.
    pub resource: String,
    /// The request that changes it.
    pub change: Request,
    /// The request that takes it back where something was there before. `PUT` of what was there, to the resource, by default.
    #[serde(default)]
    pub restore: Option<Request>,
    /// The header in which the key of the change is sent, if the server does a key once.
    #[serde(default)]
    pub key_header: Option<String>,
    /// Parts of the resource that change by themselves, as JSON Pointers: they are no difference.
    #[serde(default)]
    pub ignore: BTreeSet<String>,
    /// The server tells an `ETag` and heeds `If-Match`, so that nobody is overwritten. With `false` somebody may come in between unseen.
    #[serde(default = "yes")]
    pub etag: bool,
}

fn yes() -> bool {
    true
}

/// Is a request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, if it is not that of the resource.
    #[serde(default)]
    pub path: Option<String>,
    /// The body, as JSON: `"$name"` stands for an argument, `"$before/POINTER"` in a `restore` for a part of what was there.
    #[serde(default)]
    pub body: Option<Value>,
}

/// Is a method that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Puts a whole resource in place.
    Put,
    /// Changes a part.
    Patch,
    /// Does something to it.
    Post,
    /// Removes it.
    Delete,
}

impl Method {
    /// Returns its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// Says what an argument is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Argument {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// The least that a number may be.
    #[serde(default)]
    pub minimum: Option<i64>,
    /// The most that a number may be.
    #[serde(default)]
    pub maximum: Option<i64>,
    /// The values that it may have.
    #[serde(default, rename = "enum")]
    pub among: Option<Vec<Value>>,
}

/// Is the type of an argument, as JSON Schema names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A truth value.
    Boolean,
    /// An object.
    Object,
    /// A list.
    Array,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
        }
    }

    fn is(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
        }
    }
}

impl Argument {
    /// Writes it as JSON Schema.
    fn schema(&self) -> Value {
        let mut schema = json!({ "type": self.kind.name(), "description": self.description });
        let parts = [("minimum", self.minimum.map(Value::from)), ("maximum", self.maximum.map(Value::from))];
        let among = ("enum", self.among.clone().map(Value::Array));
        if let Value::Object(members) = &mut schema {
            members
                .extend(parts.into_iter().chain([among]).filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        schema
    }

    /// Says what does not fit about a value.
    fn refuses(&self, value: &Value) -> Option<String> {
        if !self.kind.is(value) {
            return Some(format!("is no {}", self.kind.name()));
        }
        if let Some(number) = value.as_f64() {
            #[expect(clippy::cast_precision_loss, reason = "bounds are compared with what may be no whole number")]
            let (least, most) = (self.minimum.map(|least| least as f64), self.maximum.map(|most| most as f64));
            if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
                return Some("is out of its range".to_owned());
            }
        }
        let among = self.among.as_ref()?;
        (!among.contains(value)).then(|| "is none of the values that it may have".to_owned())
    }
}

impl Declared {
    /// Reads the file of a target.
    ///
    /// # Errors
    ///
    /// [`HttpError::Declared`] with what does not fit.
    pub fn parse(text: &str) -> Result<Self, HttpError> {
        let declared: Self = toml::from_str(text).map_err(|error| HttpError::Declared(error.to_string()))?;
        let wrong = |why: String| Err(HttpError::Declared(why));
        let plain = declared.base.starts_with("https://") || declared.base.starts_with("http://");
        if !plain || declared.base.contains(['?', '#']) || declared.base.ends_with('/') {
            return wrong(
                "`base` is an address that begins with `http` and has neither a query nor a `/` at its end".to_owned(),
            );
        }
        if declared.operations.is_empty() {
            return wrong("it declares no operation".to_owned());
        }
        for (name, operation) in &declared.operations {
            let paths = [Some(&operation.resource), operation.change.path.as_ref()];
            let restores = operation.restore.as_ref().and_then(|restore| restore.path.as_ref());
            for path in paths.into_iter().flatten().chain(restores) {
                if let Some(why) = unsound(path, &operation.arguments) {
                    return wrong(format!("operation `{name}`: `{path}` {why}"));
                }
            }
            if operation.ignore.iter().any(|pointer| !pointer.starts_with('/')) {
                return wrong(format!("operation `{name}`: what it ignores are JSON Pointers, which begin with `/`"));
            }
        }
        Ok(declared)
    }

    /// Finds an operation.
    ///
    /// # Errors
    ///
    /// [`HttpError::NoOperation`] if there is none of that name.
    pub fn operation(&self, name: &str) -> Result<&Operation, HttpError> {
        self.operations.get(name).ok_or_else(|| HttpError::NoOperation(types::text::escape(name, false)))
    }
}

/// Says what is wrong with a path.
fn unsound(path: &str, arguments: &BTreeMap<String, Argument>) -> Option<String> {
    if !path.starts_with('/') || path.contains(['?', '#']) || path.split('/').any(|part| part == ".." || part == ".") {
        return Some("is no path that begins with `/`".to_owned());
    }
    for part in path.split('/') {
        let named = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        match named {
            Some(name) => match arguments.get(name).map(|argument| argument.kind) {
                Some(Kind::String | Kind::Integer) => {}
                Some(_) => return Some(format!("names `{name}`, which is neither a text nor a whole number")),
                None => return Some(format!("names `{name}`, which is no argument")),
            },
            None if part.contains(['{', '}']) => {
                return Some("has an argument that is not a whole part of it".to_owned());
            }
            None => {}
        }
    }
    None
}

impl Operation {
    /// Writes its arguments as the properties of a JSON Schema.
    pub fn properties(&self) -> Value {
        self.arguments.iter().map(|(name, argument)| (name.clone(), argument.schema())).collect()
    }

    /// Demands that arguments are those of the operation.
    ///
    /// - `all`: none may be missing.
    ///
    /// # Errors
    ///
    /// [`HttpError::Arguments`] with what does not fit.
    pub fn takes(&self, arguments: &Map<String, Value>, all: bool) -> Result<(), HttpError> {
        let wrong =
            |name: &str, why: &str| HttpError::Arguments(format!("`{}` {why}", types::text::escape(name, false)));
        if let Some(name) = arguments.keys().find(|name| !self.arguments.contains_key(*name)) {
            return Err(wrong(name, "is no argument of the operation"));
        }
        for (name, argument) in &self.arguments {
            match arguments.get(name).map(|value| argument.refuses(value)) {
                Some(Some(why)) => return Err(wrong(name, &why)),
                None if all => return Err(wrong(name, "is missing")),
                Some(None) | None => {}
            }
        }
        Ok(())
    }

    /// Fills arguments into a path, each as one part of it.
    ///
    /// # Errors
    ///
    /// [`HttpError::Arguments`] if one is no part of a path.
    pub fn path(&self, path: &str, arguments: &Map<String, Value>) -> Result<String, HttpError> {
        let parts = path.split('/').map(|part| {
            let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                return Ok(part.to_owned());
            };
            let text = match arguments.get(name) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => return Err(HttpError::Arguments(format!("`{name}` is missing"))),
            };
            // Some servers decode a part before they look which resource it names.
            if text.is_empty() || text == "." || text.split(['/', '\\']).any(|part| part == "..") {
                return Err(HttpError::Arguments(format!("`{name}` is no part of a path")));
            }
            Ok(encoded(&text))
        });
        Ok(parts.collect::<Result<Vec<_>, _>>()?.join("/"))
    }
}

/// Writes a text as one part of a path: everything but letters, digits, `-`, `_` and `~`, and `.` within, as percent and two digits.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Fills arguments, and what was there before, into a body.
///
/// # Errors
///
/// [`HttpError::Arguments`] if one is not there.
pub fn filled(body: &Value, arguments: &Map<String, Value>, before: Option<&Value>) -> Result<Value, HttpError> {
    Ok(match body {
        Value::String(text) => match text.strip_prefix('$') {
            Some(rest) if rest.starts_with('$') => Value::String(rest.to_owned()),
            Some(name) => known(name, arguments, before)?,
            None => body.clone(),
        },
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| filled(item, arguments, before)).collect::<Result<_, _>>()?)
        }
        Value::Object(members) => {
            let fill = |(name, value): (&String, &Value)| Ok((name.clone(), filled(value, arguments, before)?));
            Value::Object(members.iter().map(fill).collect::<Result<_, HttpError>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => body.clone(),
    })
}

fn known(name: &str, arguments: &Map<String, Value>, before: Option<&Value>) -> Result<Value, HttpError> {
    let of_before = name.strip_prefix("before").filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let found = match (of_before, before) {
        (Some(pointer), Some(before)) => before.pointer(pointer),
        _ => arguments.get(name),
    };
    found.cloned().ok_or_else(|| HttpError::Arguments(format!("nothing is known as `${name}`")))
}
