//! What a request says: read as MLflow's server reads it, and checked before anything is done.

use std::borrow::Cow;

use axum::extract::Query;
use axum::http::{HeaderMap, Method, Uri, header};
use control::keys::Holder;
use control::tracking::kept::Pair;
use control::tracking::{Answer, ErrorCode, Refused, SearchWish, ViewType};
use models::Given;
use models::names::{self, Kind};

use super::Call;

/// Is one field that a call takes.
pub(super) struct Field {
    name: &'static str,
    kind: Kind,
    required: bool,
    /// Says whether whoever reads it checks its kind.
    of_any_kind: bool,
    /// Is the field that stands in if it is missing.
    or: Option<&'static str>,
    most: Option<u64>,
}

impl Field {
    pub(super) const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, required: false, of_any_kind: false, or: None, most: None }
    }

    pub(super) const fn of_any_kind(self) -> Self {
        Self { of_any_kind: true, ..self }
    }

    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(super) const fn or(self, or: &'static str) -> Self {
        Self { or: Some(or), ..self }
    }

    pub(super) const fn most(self, most: u64) -> Self {
        Self { most: Some(most), ..self }
    }

    fn check(&self, given: &Given) -> Answer<()> {
        let own = given.member(self.name).filter(|value| **value != Given::Null);
        let value = own.or_else(|| given.member(self.or?));
        if self.required {
            names::required(self.name, value)?;
        }
        let Some(value) = value.filter(|value| **value != Given::Null) else { return Ok(()) };
        if !self.of_any_kind {
            names::parameter(self.name, value, self.kind)?;
        }
        match self.most {
            Some(most) => Ok(names::at_most(self.name, value, most)?),
            None => Ok(()),
        }
    }
}

/// Is a run's id, which older clients call otherwise.
pub(super) const RUN_ID: Field = Field::new("run_id", Kind::Text).required().or("run_uuid");

/// Is an experiment's id.
pub(super) const EXPERIMENT_ID: Field = Field::new("experiment_id", Kind::Text).required();

/// Is a request that was read: an object, with what its path says, and who sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked<'a> {
    given: Cow<'a, Given>,
    path: Vec<(String, String)>,
    who: Cow<'a, Holder>,
}

impl<'a> Asked<'a> {
    /// Reads what a call was sent, and checks what it takes.
    ///
    /// - `path`: the parts of the path that have a name.
    /// - `who`: who sent it.
    pub(super) fn read(
        call: &Call,
        (uri, path): (&Uri, Vec<(String, String)>),
        who: Holder,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Answer<Self> {
        let has_query = call.method == Method::GET && uri.query().is_some_and(|query| !query.is_empty());
        let given = if has_query { from_query(call, uri) } else { from_body(call, headers, body)? };
        call.fields.iter().try_for_each(|field| field.check(&given))?;
        Ok(Self { given: Cow::Owned(given), path, who: Cow::Owned(who) })
    }

    /// Makes a part of this request of an object in it.
    fn part<'b>(&'b self, given: Cow<'b, Given>) -> Asked<'b> {
        Asked { given, path: Vec::new(), who: Cow::Borrowed(&self.who) }
    }

    /// Returns who sent it.
    pub(super) fn who(&self) -> &Holder {
        &self.who
    }

    /// Returns a part of the path by its name.
    pub(super) fn in_path(&self, name: &str) -> String {
        self.path.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn of(&self, name: &str) -> Option<&Given> {
        self.given.member(name).filter(|value| **value != Given::Null)
    }

    /// Returns a text, if it is there.
    pub(super) fn some_text(&self, name: &str) -> Option<String> {
        match self.of(name) {
            Some(Given::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// Returns a text; an empty one if it is missing.
    pub(super) fn text(&self, name: &str) -> String {
        self.some_text(name).unwrap_or_default()
    }

    /// Returns whether something is wished; it is not, if nothing is said.
    pub(super) fn wishes(&self, name: &str) -> Answer<bool> {
        match self.of(name) {
            None | Some(Given::Bool(false)) => Ok(false),
            Some(Given::Bool(true)) => Ok(true),
            Some(value) => Err(wrong(name, value)),
        }
    }

    /// Returns the id of a run, under either name.
    pub(super) fn run_id(&self) -> String {
        self.some_text("run_id").filter(|id| !id.is_empty()).unwrap_or_else(|| self.text("run_uuid"))
    }

    /// Returns an integer, if it is there.
    pub(super) fn some_integer(&self, name: &str) -> Answer<Option<i64>> {
        self.of(name).map(|value| integer(name, value)).transpose()
    }

    /// Returns an integer; 0 if it is missing.
    pub(super) fn integer(&self, name: &str) -> Answer<i64> {
        Ok(self.some_integer(name)?.unwrap_or(0))
    }

    /// Returns a number; 0 if it is missing.
    pub(super) fn number(&self, name: &str) -> Answer<f64> {
        self.of(name).map_or(Ok(0.0), |value| number(name, value))
    }

    /// Returns the elements of a list, each an object; none if it is missing.
    ///
    /// - `fields`: what each takes, checked with its place.
    pub(super) fn each(&self, name: &str, fields: &[Field]) -> Answer<Vec<Asked<'_>>> {
        let Some(Given::List(values)) = self.of(name) else { return Ok(Vec::new()) };
        values.iter().enumerate().map(|(n, value)| self.element((name, n), value, fields)).collect()
    }

    /// Returns an element of a list, if it is an object of these fields.
    fn element<'b>(&'b self, (name, n): (&str, usize), value: &'b Given, fields: &[Field]) -> Answer<Asked<'b>> {
        if !matches!(value, Given::Map(_)) {
            names::parameter(name, value, Kind::List)?;
            return Err(Refused::new(ErrorCode::InvalidParameterValue, format!("{name}[{n}] is no object")));
        }
        for field in fields {
            let value = value.member(field.name);
            if field.required {
                names::required(format_args!("{name}[{n}].{}", field.name), value)?;
            }
            if let Some(value) = value.filter(|value| **value != Given::Null) {
                names::parameter(format_args!("{name}[{n}].{}", field.name), value, field.kind)?;
            }
        }
        Ok(self.part(Cow::Borrowed(value)))
    }

    /// Returns the object of a name; an empty one if it is missing.
    pub(super) fn object(&self, name: &str) -> Asked<'_> {
        self.part(self.of(name).map_or(Cow::Owned(Given::Map(Vec::new())), Cow::Borrowed))
    }

    /// Says whether something is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.of(name).is_some()
    }

    /// Returns the object of a name, if it is there.
    pub(super) fn some_object(&self, name: &str) -> Answer<Option<Asked<'_>>> {
        match self.of(name) {
            None => Ok(None),
            Some(object @ Given::Map(_)) => Ok(Some(self.part(Cow::Borrowed(object)))),
            Some(_) => Err(Refused::new(ErrorCode::InvalidParameterValue, format!("{name} is no object"))),
        }
    }

    /// Returns a text, if it is there, and refuses whatever is none.
    pub(super) fn only_text(&self, name: &str) -> Answer<Option<String>> {
        if let Some(value) = self.of(name) {
            names::parameter(name, value, Kind::Text)?;
        }
        Ok(self.some_text(name))
    }

    /// Returns texts by their keys; none if they are missing.
    pub(super) fn keyed_texts(&self, name: &str) -> Answer<Vec<Pair>> {
        self.some_object(name)?;
        let Some(Given::Map(members)) = self.of(name) else { return Ok(Vec::new()) };
        let pair = |(key, value): &(String, Given)| match value {
            Given::Text(value) => Ok(Pair { key: key.clone(), value: value.clone() }),
            value => Err(wrong(&format!("{name}.{key}"), value)),
        };
        members.iter().map(pair).collect()
    }

    /// Returns a value as it was given, if it is there.
    pub(super) fn some_given(&self, name: &str) -> Option<&Given> {
        self.of(name)
    }

    /// Returns the texts of a list; none if it is missing.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let Some(Given::List(values)) = self.of(name) else { return Vec::new() };
        let text = |value: &Given| if let Given::Text(text) = value { Some(text.clone()) } else { None };
        values.iter().filter_map(text).collect()
    }

    /// Returns the keys and values of a list; none if it is missing.
    pub(super) fn pairs(&self, name: &str) -> Answer<Vec<Pair>> {
        self.pairs_of(name, &[Field::new("key", Kind::Text), Field::new("value", Kind::Text)])
    }

    /// Returns the keys and values of a list, in which none may lack its key; none if it is missing.
    pub(super) fn keyed_pairs(&self, name: &str) -> Answer<Vec<Pair>> {
        self.pairs_of(name, &[Field::new("key", Kind::Text).required(), Field::new("value", Kind::Text)])
    }

    fn pairs_of(&self, name: &str, fields: &[Field]) -> Answer<Vec<Pair>> {
        Ok(self.each(name, fields)?.iter().map(Asked::pair).collect())
    }

    /// Returns the key and the value that stand in it.
    pub(super) fn pair(&self) -> Pair {
        Pair { key: self.text("key"), value: self.text("value") }
    }

    /// Returns true or false, if it is there.
    pub(super) fn some_bool(&self, name: &str) -> Option<bool> {
        if let Some(Given::Bool(value)) = self.of(name) { Some(*value) } else { None }
    }

    /// Returns an enumerated value as it is written, be it a name or a number.
    pub(super) fn some_word(&self, name: &str) -> Option<String> {
        match self.of(name) {
            Some(Given::Text(text) | Given::Integer(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// Returns what somebody looks for, among what is not deleted.
    ///
    /// - `max_results`: how many are wanted if nothing is said of it.
    pub(super) fn search(&self, max_results: i64) -> Answer<SearchWish> {
        Ok(SearchWish {
            filter: self.text("filter"),
            order_by: self.texts("order_by"),
            view: ViewType::ActiveOnly,
            max_results: self.some_integer("max_results")?.unwrap_or(max_results),
            page_token: self.text("page_token"),
        })
    }

    /// Returns what of the deleted is wanted; what nobody knows is taken for nothing.
    pub(super) fn view_type(&self, name: &str) -> ViewType {
        let value = self.of(name);
        let says = |word: &str, number: &str| match value {
            Some(Given::Text(text)) => text == word || text == number,
            Some(Given::Integer(text)) => text == number,
            _ => false,
        };
        if says("ALL", "3") {
            ViewType::All
        } else if says("DELETED_ONLY", "2") {
            ViewType::DeletedOnly
        } else {
            ViewType::ActiveOnly
        }
    }
}

fn wrong(name: &str, value: &Given) -> Refused {
    names::parameter(name, value, Kind::Bool)
        .err()
        .map_or_else(|| Refused::new(ErrorCode::InvalidParameterValue, format!("{name} makes no sense")), Refused::from)
}

fn integer(name: &str, value: &Given) -> Answer<i64> {
    let read = match value {
        Given::Integer(text) | Given::Float(text) | Given::Text(text) => whole(text),
        _ => None,
    };
    read.ok_or_else(|| wrong(name, value))
}

/// Reads an integer, also one that is written with a point or an exponent.
fn whole(text: &str) -> Option<i64> {
    if let Ok(whole) = text.parse() {
        return Some(whole);
    }
    let number: f64 = text.parse().ok()?;
    // Beyond this not every integer is a float, so that another one might be meant.
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

fn number(name: &str, value: &Given) -> Answer<f64> {
    let read = match value {
        Given::Integer(text) | Given::Float(text) | Given::Text(text) => text.parse().ok(),
        Given::Bool(value) => Some(f64::from(u8::from(*value))),
        _ => None,
    };
    read.ok_or_else(|| wrong(name, value))
}

/// Reads the query of a `GET`: of a field that is a list every value, of any other the first.
fn from_query(call: &Call, uri: &Uri) -> Given {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
    let names = call
        .fields
        .iter()
        .flat_map(|field| [(field.name, field.kind)].into_iter().chain(field.or.map(|or| (or, field.kind))));
    let members = names.filter_map(|(name, kind)| {
        let mut values = pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| Given::Text(value.clone()));
        let value = match kind {
            Kind::List | Kind::Texts => Given::List(Some(values.collect()).filter(|all: &Vec<Given>| !all.is_empty())?),
            Kind::Text | Kind::Integer | Kind::Float | Kind::Bool => values.next()?,
        };
        Some((name.to_owned(), value))
    });
    Given::Map(members.collect())
}

/// Reads a body; what is no JSON is taken for an empty object, as MLflow's server has it.
fn from_body(call: &Call, headers: &HeaderMap, body: &[u8]) -> Answer<Given> {
    if call.method == Method::POST {
        let kind = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
        let said = match kind.map(|kind| kind.split(';').next().unwrap_or_default()) {
            Some("application/json") => None,
            Some(_) => Some("Bad Request. Content-Type must be one of ['application/json']."),
            None => Some("Bad Request. Content-Type header is missing."),
        };
        if let Some(said) = said {
            return Err(Refused::new(ErrorCode::InvalidParameterValue, said));
        }
    }
    match std::str::from_utf8(body).ok().and_then(Given::read) {
        Some(object @ Given::Map(_)) => Ok(object),
        None | Some(Given::Null) => Ok(Given::Map(Vec::new())),
        Some(_) => Err(Refused::new(ErrorCode::InvalidParameterValue, "The body must be a JSON object.")),
    }
}
