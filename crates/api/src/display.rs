//! Arguments as a person reads them: nothing in them can move, hide or colour what is seen.

use types::Arguments;
use types::text::escape_json;

/// Writes arguments as JSON over several lines, with every deceptive character as JSON's own escapes with `\u`.
///
/// The text is still JSON and still means the arguments exactly.
pub(crate) fn text(arguments: &Arguments) -> String {
    let pretty = serde_json::to_string_pretty(arguments.value()).unwrap_or_default();
    escape_json(&pretty, true)
}

#[cfg(test)]
mod tests {
    use types::text::is_deceptive;

    use super::*;

    #[test]
    fn what_is_shown_hides_nothing_and_means_the_same() {
        let source =
            r#"{"b":"safe\u202etxt.exe","a":[1.50,"line\nbreak","\udb40\udc41\u200b"],"\u001b[31m":"\\u202e"}"#;
        let arguments = Arguments::parse(source, 1 << 20).unwrap();
        let shown = text(&arguments);
        assert!(shown.chars().all(|c| c == '\n' || !is_deceptive(c)), "{shown}");
        assert!(shown.contains("safe\\u202etxt.exe") && shown.contains("\\udb40\\udc41\\u200b"), "{shown}");
        assert!(shown.contains(r#""\\u202e""#), "{shown}");
        assert_eq!(
            Arguments::parse(&shown, 1 << 20).unwrap(),
            Arguments::parse(arguments.canonical(), 1 << 20).unwrap()
        );
    }

    #[test]
    fn a_key_that_a_json_library_takes_for_its_own_is_shown_as_it_stands() {
        let source = r#"{"$serde_json::private::RawValue":"{\"path\":\"/safe\"}"}"#;
        let arguments = Arguments::parse(source, 1 << 20).unwrap();
        assert_eq!(Arguments::parse(&text(&arguments), 1 << 20), Ok(arguments));
    }
}
