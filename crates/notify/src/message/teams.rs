//! A message as a workflow of Teams takes it: an adaptive card whose texts are runs, in which no markup is read.

use serde_json::{Value, json};

use super::{link_text, rows, title};
use crate::event::Event;

/// Writes a message.
pub fn body(event: &Event) -> Value {
    let mut lines = vec![block(vec![json!({
        "type": "TextRun", "text": title(event), "size": "large", "weight": "bolder",
    })])];
    lines.extend(rows(event).into_iter().map(|(name, value)| {
        block(vec![
            json!({ "type": "TextRun", "text": format!("{name}: "), "weight": "bolder" }),
            json!({ "type": "TextRun", "text": value }),
        ])
    }));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": lines,
                "actions": [{ "type": "Action.OpenUrl", "title": link_text(event), "url": event.link }],
            },
        }],
    })
}

fn block(runs: Vec<Value>) -> Value {
    json!({ "type": "RichTextBlock", "inlines": runs })
}
