//! A message as Slack's incoming webhooks take it: blocks of plain text, in which Slack looks for nothing.

use serde_json::{Value, json};

use super::{link_text, rows, title};
use crate::event::Event;

/// Is the longest header Slack takes, in characters.
const HEADER_MAX: usize = 150;

/// Is how many fields one section may have.
const FIELDS_MAX: usize = 10;

/// Writes a message.
pub fn body(event: &Event) -> Value {
    let title = title(event);
    let mut blocks = vec![json!({ "type": "header", "text": plain(title.chars().take(HEADER_MAX).collect()) })];
    let fields: Vec<Value> =
        rows(event).into_iter().take(FIELDS_MAX).map(|(name, value)| plain(format!("{name}\n{value}"))).collect();
    if !fields.is_empty() {
        blocks.push(json!({ "type": "section", "fields": fields }));
    }
    // The one text that Slack reads markup in; both of its parts are ours.
    let link = format!("<{}|{}>", escape(&event.link), link_text(event));
    blocks.push(json!({ "type": "section", "text": { "type": "mrkdwn", "text": link, "verbatim": true } }));
    json!({
        "text": title, "blocks": blocks, "mrkdwn": false, "parse": "none", "link_names": false,
        "unfurl_links": false, "unfurl_media": false,
    })
}

fn plain(text: String) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

/// Writes the address of a link so that it cannot end before its end.
fn escape(link: &str) -> String {
    link.replace('&', "&amp;").replace('<', "%3C").replace('>', "%3E").replace('|', "%7C")
}
