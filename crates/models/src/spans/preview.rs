//! The first characters of what was asked and answered.

use crate::Given;

/// Limits a preview, in characters.
pub const PREVIEW_MAX: usize = 1_000;

/// Says whose message is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Who asks.
    User,
    /// Who answers.
    Assistant,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// Returns what of a text of JSON is shown: of the messages of a chat the last of a role, else the text itself. Nothing is shown of what
/// is empty.
pub fn preview(json: &str, role: Role) -> Option<String> {
    let messages = Given::read(json).as_ref().and_then(|read| messages(read, 0)).unwrap_or_default();
    let of_role = |message: &&Given| message.member("role") == Some(&Given::Text(role.name().to_owned()));
    let message = messages.iter().rev().find(of_role).or(messages.last());
    let said = message.and_then(said).filter(|said| !said.is_empty());
    let shown = said.unwrap_or_else(|| json.to_owned());
    (!shown.is_empty()).then(|| cut(shown))
}

fn cut(text: String) -> String {
    if text.chars().nth(PREVIEW_MAX).is_none() {
        return text;
    }
    let kept: String = text.chars().take(PREVIEW_MAX - 3).collect();
    format!("{kept}...")
}

/// Finds the messages of a chat, as the interfaces of models write them.
fn messages(of: &Given, depth: usize) -> Option<Vec<Given>> {
    let listed = |name: &str| match of.member(name) {
        Some(Given::List(all)) if !all.is_empty() => Some(all),
        _ => None,
    };
    let only = |all: &Vec<Given>| Some(all.iter().filter(|one| is_message(one)).cloned().collect());
    if let Some(all) = listed("messages") {
        return only(all);
    }
    let choice = listed("choices").and_then(|all| all.first()).and_then(|choice| choice.member("message"));
    if let Some(message) = choice.filter(|message| is_message(message)) {
        return Some(vec![message.clone()]);
    }
    if let Some(all) = listed("input").or_else(|| listed("output")) {
        return only(all);
    }
    // Nobody puts a request into a request into a request.
    of.member("request").filter(|_| depth < 8).and_then(|request| messages(request, depth + 1))
}

fn is_message(given: &Given) -> bool {
    given.member("role").is_some() && given.member("content").is_some()
}

/// Returns the text of a message, or of its first part that has one.
fn said(message: &Given) -> Option<String> {
    let text = |given: &Given| if let Given::Text(text) = given { Some(text.clone()) } else { None };
    match message.member("content")? {
        Given::List(parts) => {
            let is_text = |part: &&Given| {
                let kind = part.member("type").and_then(text);
                matches!(part, Given::Text(_)) || matches!(kind.as_deref(), Some("text" | "output_text"))
            };
            let part = parts.iter().find(is_text)?;
            text(part).or_else(|| part.member("text").and_then(text))
        }
        content => text(content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_message_of_a_role_is_shown() {
        let chat = r#"{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}]}"#;
        for (json, role, expected) in [
            (chat, Role::User, "b"),
            (chat, Role::Assistant, "c"),
            (r#"{"choices": [{"message": {"role": "assistant", "content": "d"}}]}"#, Role::Assistant, "d"),
            (
                r#"{"input": [{"role": "system", "content": [{"type": "image"}, {"type": "text", "text": "e"}]}]}"#,
                Role::User,
                "e",
            ),
            (r#"{"request": {"input": [{"role": "user", "content": "f"}]}}"#, Role::User, "f"),
            (r#"{"messages": [5]}"#, Role::User, r#"{"messages": [5]}"#),
            (r#""plain""#, Role::User, r#""plain""#),
            ("no json", Role::User, "no json"),
        ] {
            assert_eq!(preview(json, role).as_deref(), Some(expected), "{json}");
        }
        let long = preview(&"ä".repeat(1_001), Role::User).unwrap();
        assert_eq!((long.chars().count(), long.ends_with("ä...")), (1_000, true));
        assert_eq!(preview(&"a".repeat(1_000), Role::User).unwrap().len(), 1_000);
    }
}
