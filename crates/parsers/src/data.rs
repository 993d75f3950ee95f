//! Plain data: JSON, names, texts, JSON-RPC frames, stored rows.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use api::view::Proposal;
use control::state;
use types::cbor::{self, Canonical};
use types::glob::Glob;
use types::jsonrpc::{Frame, RpcId};
use types::{
    ActionId, ActionProposal, AgentId, Arguments, CaseId, Channel, Claims, ClassId, Code, Digest, GrantId, KeyId,
    Millis, ObligationId, PersonId, Principal, ProfileId, ServerName, SessionId, TenantId, ToolName, json as strict,
};

use crate::base::{Taker, texts};

const BYTES_MAX: usize = 1 << 16;

/// JSON: the canonical form is a fixed point and means the same value; arguments keep their digest and their encoding.
pub fn json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(value) = strict::parse(text) else { return };
    let canonical = strict::canonical(&value);
    assert_eq!(strict::parse(&canonical).as_ref(), Ok(&value), "{canonical}");
    assert_eq!(strict::canonical(&strict::parse(&canonical).unwrap()), canonical);
    if let Ok(arguments) = Arguments::parse(text, BYTES_MAX) {
        assert_eq!(Arguments::parse(arguments.canonical(), usize::MAX).as_ref(), Ok(&arguments));
        assert_eq!(cbor::decode::<Arguments>(&cbor::encode(&arguments)).as_ref(), Ok(&arguments));
        assert_eq!(arguments.at(""), Some(arguments.value()));
    }
}

/// Names and identifiers: what parses prints as it was read.
pub fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    fn check<T: FromStr + Display + PartialEq + Debug>(text: &str) {
        if let Ok(name) = text.parse::<T>() {
            assert_eq!(name.to_string(), text);
        }
    }
    check::<TenantId>(text);
    check::<AgentId>(text);
    check::<PersonId>(text);
    check::<ClassId>(text);
    check::<ProfileId>(text);
    check::<ObligationId>(text);
    check::<ServerName>(text);
    check::<ActionId>(text);
    check::<SessionId>(text);
    check::<CaseId>(text);
    check::<GrantId>(text);
    check::<KeyId>(text);
    check::<ToolName>(text);
    check::<tlog::KeyId>(text);
    if let Ok(code) = text.parse::<Code>() {
        assert_eq!(code.as_str(), text);
    }
    if let Some(digest) = Digest::from_hex(text) {
        assert_eq!(digest.to_string(), text.to_ascii_lowercase());
    }
}

/// Patterns: a pattern and a text agree with the plain recursive reading of `*`.
pub fn glob(bytes: &[u8]) {
    let texts = texts(bytes.get(..48).unwrap_or(bytes));
    let (pattern, text) = (texts[0].as_str(), texts.get(1).map_or("", String::as_str));
    if pattern.matches('*').count() > 4 {
        return;
    }
    assert_eq!(Glob(pattern.to_owned()).matches(text), plainly(pattern, text), "{pattern:?} on {text:?}");
}

fn plainly(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((first, rest)) => text.strip_prefix(first).is_some_and(|text| {
            let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            starts.into_iter().any(|at| plainly(rest, &text[at..]))
        }),
    }
}

/// Says whether a character is a control, turns the direction of text, or takes no room; written out by hand from the
/// Unicode tables (Bidi_Control, Default_Ignorable_Code_Point, Zl, Zp), so that it shares nothing with what it checks.
fn is_hidden(c: char) -> bool {
    let code = u32::from(c);
    let ranges = [
        (0x00, 0x1f),
        (0x7f, 0x9f),
        (0xad, 0xad),
        (0x34f, 0x34f),
        (0x61c, 0x61c),
        (0x115f, 0x1160),
        (0x17b4, 0x17b5),
        (0x180b, 0x180f),
        (0x200b, 0x200f),
        (0x2028, 0x202e),
        (0x2060, 0x206f),
        (0x3164, 0x3164),
        (0xfe00, 0xfe0f),
        (0xfeff, 0xfeff),
        (0xffa0, 0xffa0),
        (0xfff0, 0xfff8),
        (0x1bca0, 0x1bca3),
        (0x1d173, 0x1d17a),
        (0xe0000, 0xe0fff),
    ];
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

/// Text on display: nothing hidden is left, and the text comes back exactly.
pub fn text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for lines in [false, true] {
        let shown = types::text::escape(&text, lines);
        assert!(!shown.chars().any(|c| is_hidden(c) && !(lines && c == '\n')), "{shown:?}");
        assert_eq!(types::text::unescape(&shown).as_deref(), Some(&*text));
    }
    if let Some(raw) = types::text::unescape(&text) {
        assert_eq!(types::text::unescape(&types::text::escape(&raw, false)), Some(raw));
    }
}

/// Arguments and claims on display: nothing hidden is left, and the arguments that are read mean those that would run.
pub fn display(bytes: &[u8]) {
    let texts = texts(bytes);
    let Ok(arguments) = Arguments::parse(&texts[0], BYTES_MAX) else { return };
    let claims = Claims { purpose: texts.get(1).cloned(), reasoning: texts.get(2).cloned(), ..Claims::default() };
    let proposal = ActionProposal {
        id: ActionId::draw(Millis(1), [1; 10]),
        tenant: "t".parse().unwrap(),
        principal: Principal::Agent("a".parse().unwrap()),
        on_behalf_of: None,
        session: None,
        tool: "s.t".parse().unwrap(),
        definition: None,
        arguments: arguments.clone(),
        claims,
        channel: Channel::Mcp,
        at: Millis(1),
        plan: None,
    };
    let view = Proposal::from(&proposal);
    assert!(!view.arguments_text.chars().any(|c| is_hidden(c) && c != '\n'), "{:?}", view.arguments_text);
    let shown = Arguments::parse(&view.arguments_text, usize::MAX).map(|shown| shown.canonical().to_owned());
    assert_eq!(shown.as_deref(), Ok(arguments.canonical()));
    assert_eq!(view.arguments.get(), arguments.canonical());
    let says = serde_json::to_value(&view.agent_says).unwrap();
    for said in says.as_object().unwrap().values().filter_map(|said| said.as_str()) {
        assert!(!said.chars().any(|c| is_hidden(c) && c != '\n'), "{said:?}");
    }
}

/// JSON-RPC frames: a frame keeps its text, and another id changes nothing else.
pub fn frame(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(id) = RpcId::from_json(text) {
        assert_eq!(RpcId::from_json(id.as_json()), Some(id));
    }
    let Ok(frame) = Frame::parse(text, BYTES_MAX) else { return };
    assert_eq!(frame.text(), text);
    let again = Frame::parse(frame.text(), BYTES_MAX).unwrap();
    assert_eq!(again.kind(), frame.kind());
    let Some(id) = frame.id() else { return };
    let other = frame.with_id(&RpcId::number(77));
    let read = Frame::parse(other.text(), usize::MAX).unwrap();
    assert_eq!((read.id(), read.method()), (Some(&RpcId::number(77)), frame.method()));
    for name in ["params", "result", "error", "jsonrpc", "method"] {
        assert_eq!(read.member(name), frame.member(name), "{name}");
    }
    let back = Frame::parse(other.with_id(id).text(), usize::MAX).unwrap();
    assert_eq!(back.kind(), frame.kind());
}

/// Stored rows and the bodies of records: what decodes is the one encoding of what it says.
pub fn rows(bytes: &[u8]) {
    fn check<T: Canonical + Debug>(bytes: &[u8]) {
        if let Ok(value) = cbor::decode::<T>(bytes) {
            assert_eq!(cbor::encode(&value), bytes, "{value:?}");
        }
    }
    let mut taker = Taker::new(bytes);
    let kind = taker.byte();
    let bytes = taker.rest();
    match kind % 16 {
        0 => check::<state::Grant>(bytes),
        1 => check::<state::Switch>(bytes),
        2 => check::<types::case::Case>(bytes),
        3 => check::<state::OpenFlight>(bytes),
        4 => check::<types::Session>(bytes),
        5 => check::<state::Key>(bytes),
        6 => check::<state::Conduct>(bytes),
        7 => check::<state::Quarantine>(bytes),
        8 => check::<ActionProposal>(bytes),
        9 => check::<types::Decision>(bytes),
        10 => check::<types::Outcome>(bytes),
        11 => check::<types::Finding>(bytes),
        12 => check::<types::Fact>(bytes),
        13 => check::<types::case::Vote>(bytes),
        14 => check::<evidence::bodies::DecisionBody>(bytes),
        _ => check::<evidence::WrappedKey>(bytes),
    }
}
