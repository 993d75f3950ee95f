//! What a tool's own JSON Schema says is secret: `writeOnly`, `format: "password"`, and `x-secret`.

use serde_json::{Map, Value};

use super::{Pattern, pointer};

/// Limits how many subschemas may apply to one part; where more do, the part counts as secret.
const NODES_MAX: usize = 256;

/// Limits how deep and how much is listed for people; what is redacted has no such limit.
const LISTED_DEPTH_MAX: usize = 12;
const LISTED_MAX: usize = 1_000;

/// Is a JSON Schema, read for what it calls secret.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Declared {
    root: Value,
}

impl Declared {
    /// Takes a schema.
    pub fn of(schema: Value) -> Self {
        Self { root: schema }
    }

    /// Returns what applies to the whole value.
    pub fn top(&self) -> Nodes<'_> {
        Nodes::of(&self.root, [&self.root])
    }

    /// Lists the places it calls secret, as patterns, in order; of a schema that contains itself the first levels.
    pub fn patterns(&self) -> Vec<Pattern> {
        let mut found = Vec::new();
        list(&self.top(), &mut Vec::new(), &mut found);
        let mut patterns: Vec<Pattern> = found.iter().filter_map(|text| text.parse().ok()).collect();
        patterns.sort();
        patterns.dedup();
        patterns
    }

    /// Lists the properties at any depth, each as the names that lead there, with `*` for the items of a list.
    pub fn properties(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        properties(&self.top(), &mut Vec::new(), &mut found);
        found.sort();
        found.dedup();
        found
    }
}

/// Are the subschemas that apply to one part: those of every branch, since a part is secret if any of them says so.
#[derive(Debug, Clone)]
pub struct Nodes<'a> {
    root: &'a Value,
    all: Vec<&'a Map<String, Value>>,
    too_many: bool,
}

impl<'a> Nodes<'a> {
    fn of(root: &'a Value, schemas: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut nodes = Self { root, all: Vec::new(), too_many: false };
        let mut waiting: Vec<&'a Value> = schemas.into_iter().collect();
        while let Some(schema) = waiting.pop() {
            let Some(object) = schema.as_object() else { continue };
            if nodes.all.iter().any(|known| std::ptr::eq(*known, object)) {
                continue;
            }
            if nodes.all.len() >= NODES_MAX {
                nodes.too_many = true;
                break;
            }
            nodes.all.push(object);
            branches(root, object, &mut waiting);
        }
        nodes
    }

    /// Says whether the part is secret.
    pub fn is_secret(&self) -> bool {
        self.too_many || self.all.iter().any(|object| says_secret(object))
    }

    /// Returns what applies to a member of the part.
    pub fn member(&self, name: &str) -> Nodes<'a> {
        let own = self.all.iter().filter_map(|object| object.get("properties")?.get(name));
        Self::of(self.root, own.chain(self.others()))
    }

    /// Returns what applies to an item of the part.
    ///
    /// - `position`: counted from 0; `None` for any.
    pub fn item(&self, position: Option<usize>) -> Nodes<'a> {
        let any = self.all.iter().filter_map(|object| object.get("items")).flat_map(one_or_many);
        let contains = self.all.iter().filter_map(|object| object.get("contains"));
        let prefix = self.all.iter().filter_map(|object| object.get("prefixItems")?.as_array()).flatten();
        let prefix = prefix.enumerate().filter(|(n, _)| position.is_none_or(|position| position == *n));
        Self::of(self.root, any.chain(contains).chain(prefix.map(|(_, schema)| schema)))
    }

    /// Returns what applies to a part of which only its number in its path is known, as a member's name or a position.
    pub fn either(&self, name: &str, position: usize) -> Nodes<'a> {
        let (member, item) = (self.member(name), self.item(Some(position)));
        let mut all = member.all;
        all.extend(item.all);
        Self { root: self.root, all, too_many: member.too_many || item.too_many }
    }

    /// Are the schemas of members whose names are not written out; a pattern of names is taken to match any.
    fn others(&self) -> impl Iterator<Item = &'a Value> {
        let patterned = self.all.iter().filter_map(|object| object.get("patternProperties")?.as_object());
        let patterned = patterned.flat_map(|schemas| schemas.values());
        let additional = ["additionalProperties", "unevaluatedProperties"];
        patterned
            .chain(self.all.iter().flat_map(move |object| additional.into_iter().filter_map(|key| object.get(key))))
    }

    fn names(&self) -> impl Iterator<Item = &'a String> {
        self.all.iter().filter_map(|object| object.get("properties")?.as_object()).flat_map(Map::keys)
    }

    fn has_items(&self) -> bool {
        self.all.iter().any(|object| object.contains_key("items") || object.contains_key("prefixItems"))
    }
}

/// `items` was a list of schemas until draft 2020-12.
fn one_or_many(items: &Value) -> Vec<&Value> {
    items.as_array().map_or_else(|| vec![items], |many| many.iter().collect())
}

fn says_secret(object: &Map<String, Value>) -> bool {
    let is_true = |key: &str| object.get(key).and_then(Value::as_bool) == Some(true);
    is_true("writeOnly") || is_true("x-secret") || object.get("format").and_then(Value::as_str) == Some("password")
}

fn branches<'a>(root: &'a Value, object: &'a Map<String, Value>, waiting: &mut Vec<&'a Value>) {
    for key in ["allOf", "anyOf", "oneOf"] {
        waiting.extend(object.get(key).and_then(Value::as_array).into_iter().flatten());
    }
    waiting.extend(["if", "then", "else"].into_iter().filter_map(|key| object.get(key)));
    waiting.extend(object.get("dependentSchemas").and_then(Value::as_object).into_iter().flat_map(Map::values));
    for key in ["$ref", "$dynamicRef"] {
        let reference = object.get(key).and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        waiting.extend(reference.and_then(|pointer| root.pointer(pointer)));
    }
}

fn list(nodes: &Nodes<'_>, path: &mut Vec<String>, found: &mut Vec<String>) {
    if path.len() > LISTED_DEPTH_MAX || found.len() >= LISTED_MAX {
        return;
    }
    if nodes.is_secret() {
        return found.push(pointer(path));
    }
    each(nodes, path, &mut |inner, path| list(inner, path, found));
}

fn properties(nodes: &Nodes<'_>, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    if path.len() > LISTED_DEPTH_MAX || found.len() >= LISTED_MAX {
        return;
    }
    if path.last().is_some_and(|step| step != "*") {
        found.push(path.clone());
    }
    each(nodes, path, &mut |inner, path| properties(inner, path, found));
}

fn each(nodes: &Nodes<'_>, path: &mut Vec<String>, visit: &mut dyn FnMut(&Nodes<'_>, &mut Vec<String>)) {
    let mut into = |step: &str, inner: &Nodes<'_>| {
        path.push(step.to_owned());
        visit(inner, path);
        path.pop();
    };
    for name in nodes.names() {
        into(name, &nodes.member(name));
    }
    if nodes.others().any(Value::is_object) {
        into("*", &Nodes::of(nodes.root, nodes.others()));
    }
    if nodes.has_items() {
        into("*", &nodes.item(None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn listed(schema: Value) -> Vec<String> {
        Declared::of(schema).patterns().iter().map(|pattern| pattern.as_str().to_owned()).collect()
    }

    #[test]
    fn each_keyword_marks_in_every_kind_of_place() {
        let schema = json!({ "properties": {
            "a": { "writeOnly": true },
            "b": { "type": "string", "format": "password" },
            "c": { "x-secret": true, "type": "object" },
            "plain": { "format": "date", "writeOnly": false },
            "list": { "items": { "properties": { "pin": { "writeOnly": true } } } },
            "map": { "additionalProperties": { "x-secret": true } },
            "either": { "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/key" }] },
            "pair": { "prefixItems": [{ "type": "string" }, { "writeOnly": true }] },
        }, "$defs": { "key": { "writeOnly": true } } });
        assert_eq!(listed(schema.clone()), ["/a", "/b", "/c", "/either", "/list/*/pin", "/map/*", "/pair/*"]);
        let declared = Declared::of(schema);
        let pair = declared.top().member("pair");
        assert!(!pair.item(Some(0)).is_secret() && pair.item(Some(1)).is_secret());
        assert!(!declared.top().member("plain").is_secret());
    }

    #[test]
    fn a_schema_that_contains_itself_is_followed_as_deep_as_a_value_goes() {
        let declared = Declared::of(json!({ "properties": {
            "child": { "$ref": "#" }, "key": { "writeOnly": true }, "loop": { "$ref": "#/properties/loop" },
        }}));
        let mut nodes = declared.top();
        for _ in 0..40 {
            nodes = nodes.member("child");
        }
        assert!(nodes.member("key").is_secret());
        assert!(declared.patterns().len() < 50);
    }

    #[test]
    fn more_branches_than_anybody_writes_are_secret() {
        let many: Vec<Value> = (0..300).map(|n| json!({ "title": n.to_string() })).collect();
        assert!(Declared::of(json!({ "anyOf": many })).top().is_secret());
    }
}
