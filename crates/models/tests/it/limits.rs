//! Limits that no vector reaches.

use countersign_models::order;
use countersign_models::search::Noun;

#[test]
fn filters_are_refused_beyond_ten_thousand_tokens() {
    let filter = "a ".repeat(5_001);
    for noun in [Noun::Runs, Noun::Experiments, Noun::RegisteredModels, Noun::ModelVersions, Noun::Traces] {
        let refusal = noun.filter(&filter).unwrap_err();
        assert_eq!(refusal.message(), format!("Error on parsing filter '{filter}'"));
    }
    let refusal = Noun::LoggedModels.filter(&filter).unwrap_err();
    let reason = "SQLParseError('Maximum number of tokens exceeded (10000).')";
    assert_eq!(refusal.message(), format!("Invalid filter string: '{filter}'. {reason}"));
    let refusal = order::runs(&[&filter]).unwrap_err();
    assert_eq!(refusal.message(), format!("Error on parsing order_by clause '{filter}'"));
}

#[test]
fn long_filters_take_no_longer_than_they_are() {
    for part in ["/*", "'", "`", "\"", "a ", "(", ")", "tags.", "'\\'", "a.", "NOT ", "-", "a\u{a0}"] {
        let filter = part.repeat(1_000_000 / part.len());
        assert!(Noun::Runs.filter(&filter).is_err());
        assert!(Noun::LoggedModels.filter(&filter).is_err());
        assert!(Noun::Traces.filter(&filter).is_err());
        assert!(order::runs(&[&filter]).is_err());
    }
}
