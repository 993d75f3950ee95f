//! `countersign explain`: the page of a code.

use types::Code;

use super::Done;
use crate::error::{CliError, Exit};
use crate::output;

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// Runs the command.
pub fn run(code: Option<&str>, as_json: bool) -> Done {
    let Some(text) = code else {
        for code in Code::ALL {
            output::say(code);
        }
        return Ok(Exit::Done);
    };
    let unknown = || CliError::usage(format!("`{text}` is not a code")).hint("`countersign explain` lists all of them");
    let code: Code = text.parse().map_err(|_| unknown())?;
    let page = PAGES.iter().find(|(name, _)| *name == code.as_str()).map(|(_, page)| *page).ok_or_else(unknown)?;
    if as_json {
        output::say_json(&serde_json::json!({ "code": code, "page": page }));
    } else {
        output::say(page.trim_end());
    }
    Ok(Exit::Done)
}
