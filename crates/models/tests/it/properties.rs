//! Properties over made-up input: nothing panics, and what is read and written reads the same.

use countersign_models::order::{self, ModelField};
use countersign_models::page::{self, LoggedModelsSearch};
use countersign_models::search::{Clause, Comparator, Entity, Noun, Value, write};
use countersign_models::{Given, names};
use proptest::prelude::*;

const NOUNS: [Noun; 6] =
    [Noun::Runs, Noun::Experiments, Noun::RegisteredModels, Noun::ModelVersions, Noun::LoggedModels, Noun::Traces];

const WORDS: [&str; 50] = [
    "name",
    "tags.a",
    "tag.`b c`",
    "metrics.a",
    "params.\"d\"",
    "run_id",
    "start_time",
    "attribute.name",
    "foo",
    ".",
    ",",
    ";",
    "(",
    ")",
    "[",
    "'a'",
    "\"b\"",
    "`c`",
    "'",
    "\"",
    "`",
    "5",
    "-1.5",
    ".5a",
    "1e5",
    "=",
    "!=",
    ">",
    "LIKE",
    "ILIKE",
    "IN",
    "NOT",
    "IS",
    "NULL",
    "AND",
    "('a', \"b\")",
    "('\\x41')",
    "--",
    "/*",
    "*/",
    "\n",
    "\\",
    "version_number",
    "experiment_id",
    "timestamp",
    "trace.status",
    "metadata.a",
    "span.attributes.`a`",
    "feedback.a",
    "issue.id",
];

fn soup() -> impl Strategy<Value = String> {
    let word = prop_oneof![4 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned), 1 => any::<String>()];
    let spaced = (word, prop_oneof![3 => Just(" "), 1 => Just("")]).prop_map(|(word, space)| word + space);
    prop::collection::vec(spaced, 0..12).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_panics(text in soup(), other in any::<String>(), bytes in any::<Vec<u8>>()) {
        for noun in NOUNS {
            let _ = noun.filter(&text);
        }
        let order_by = [text.as_str(), other.as_str()];
        let _ = (order::runs(&order_by), order::experiments(&order_by));
        let _ = (order::registered_models(&order_by), order::model_versions(&order_by), order::traces(&order_by));
        let named = [names::run_id(&other, "run_id"), names::model_name(&other), names::alias(&other)];
        for refusal in named.iter().filter_map(|checked| checked.as_ref().err()) {
            prop_assert!(!refusal.message().is_empty());
        }
        let _ = (names::version(&other), names::stage(&other), names::tag("", &other, &other));
        let _ = (page::read(&other), page::read(&text), Given::read(&other));
        let _ = page::read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn what_is_read_and_written_reads_the_same(text in soup()) {
        for noun in NOUNS {
            let Ok(clauses) = noun.filter(&text) else { continue };
            // Without quotes and backslashes there is always a way to write it.
            let is_plain = !text.contains(['\'', '"', '`', '\\', '(']) && text.is_ascii();
            match write(noun, &clauses) {
                Some(written) => prop_assert_eq!(noun.filter(&written).unwrap(), clauses, "{}", written),
                None => prop_assert!(!is_plain, "{}", text),
            }
        }
    }

    #[test]
    fn tags_are_written_and_read(key in "[^`]{0,20}", value in "[^'\\\\]{0,20}", texts in prop::collection::vec(any::<String>(), 1..4)) {
        let of = |comparator, value| Clause { entity: Entity::Tag, key: key.clone(), comparator, value };
        for noun in &NOUNS[..4] {
            let clauses = vec![of(Comparator::ILike, Value::Text(value.clone())), of(Comparator::Equal, Value::Text(String::new()))];
            let written = write(*noun, &clauses);
            prop_assert_eq!(written.as_deref().map(|text| noun.filter(text)), Some(Ok(clauses)), "{:?}", written);
        }
        let run = Clause { entity: Entity::Attribute, key: "run_id".to_owned(), comparator: Comparator::NotIn, value: Value::List(texts) };
        let written = write(Noun::Runs, std::slice::from_ref(&run));
        prop_assert_eq!(written.map(|text| Noun::Runs.filter(&text)), Some(Ok(vec![run])));
    }

    #[test]
    fn tokens_are_written_and_read(offset in 1_u64..u64::MAX, ids in prop::collection::vec(any::<String>(), 0..3), filter in prop::option::of("[^\\x00]{1,10}"), name in any::<String>()) {
        prop_assert_eq!(page::read(&page::write(offset)), Ok(offset));
        let field = ModelField { field_name: name, ascending: offset % 2 == 0, dataset_name: None, dataset_digest: None };
        let search = LoggedModelsSearch { experiment_ids: ids, filter, order_by: Some(vec![field]) };
        prop_assert_eq!(search.read(&search.write(offset)), Ok(offset));
        let other = LoggedModelsSearch { filter: Some("other filter".to_owned()), ..search.clone() };
        prop_assert!(other.read(&search.write(offset)).is_err());
    }

    #[test]
    fn json_is_read_and_written(text in any::<String>(), number in any::<i64>()) {
        let given = Given::Map(vec![("a".to_owned(), Given::List(vec![Given::Text(text), Given::Integer(number.to_string())]))]);
        prop_assert_eq!(Given::read(&given.json()), Some(given));
    }
}
