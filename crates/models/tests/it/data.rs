//! Data against what is expected of it: each expectation has a file that meets it and one that does not, and lengths do not count.

use countersign_models::data::{Checked, Checker, DataError, Expectations, Format, RECORD_BYTES_MAX};
use types::data_check::DataFinding;

/// Is an instant: 2026-11-02T00:00:00Z.
const AS_OF: i64 = 1_793_577_600_000;

fn check(expected: &str, format: Format, data: &[u8]) -> Result<Checked, DataError> {
    let expected = Expectations::read(expected).unwrap();
    let mut results = Vec::new();
    for step in [1, 7, data.len().max(1)] {
        let mut checker = Checker::new(&expected, format, AS_OF);
        let pushed = data.chunks(step).try_for_each(|part| checker.push(part));
        results.push(pushed.and_then(|()| checker.finish()));
    }
    assert!(results.windows(2).all(|two| two[0] == two[1]), "it depends on how the bytes come: {results:?}");
    results.remove(0)
}

fn csv(expected: &str, data: &str) -> Checked {
    check(expected, Format::Csv, data.as_bytes()).unwrap()
}

fn jsonl(expected: &str, data: &str) -> Checked {
    check(expected, Format::JsonLines, data.as_bytes()).unwrap()
}

/// Returns what failed: check, column, count and first line.
fn failed(checked: &Checked) -> Vec<(&str, Option<&str>, u64, Option<u64>)> {
    let of = |one: &DataFinding| !one.passed;
    assert_eq!(checked.passed, !checked.findings.iter().any(of));
    let told = checked.findings.iter().filter(|one| of(one));
    told.map(|one| (one.check.as_str(), one.column.as_deref(), one.count, one.line)).collect()
}

const COLUMNS: &str = "
[columns.id]
type = 'integer'
nulls_max = 0
[columns.amount]
type = 'number'
min = 0
max = 100.5
nulls_max = 0.34
[columns.currency]
type = 'text'
allowed = ['EUR', 'USD']
";

#[test]
fn a_good_file_passes_in_either_format() {
    let good = csv(COLUMNS, "id,amount,currency\n1,0,EUR\n2,100.5,\"USD\"\n3,,EUR\n");
    assert_eq!((failed(&good), good.rows), (Vec::new(), 3));
    let good = jsonl(
        COLUMNS,
        "{\"id\":1,\"amount\":0.5,\"currency\":\"EUR\"}\n{\"id\":2,\"amount\":null,\"currency\":\"USD\"}\n{\"id\":3,\"amount\":7,\"currency\":null}",
    );
    assert_eq!((failed(&good), good.rows), (Vec::new(), 3));
}

#[test]
fn a_column_that_is_missing_or_unknown_is_told() {
    assert_eq!(
        failed(&csv(COLUMNS, "id,amout,currency\n1,2,EUR\n")),
        [("unknown-columns", None, 1, Some(1)), ("present", Some("amount"), 1, None)]
    );
    let allowing = format!("[file]\nunknown_columns = 'allow'\n{COLUMNS}")
        .replace("[columns.amount]", "[columns.amount]\nrequired = false");
    assert_eq!(failed(&csv(&allowing, "id,amout,currency\n1,2,EUR\n")), []);
    let rows =
        "{\"id\":1,\"amount\":2,\"currency\":\"EUR\"}\n{\"id\":2,\"amount\":2,\"currency\":\"EUR\",\"x\":1,\"y\":1}\n";
    assert_eq!(failed(&jsonl(COLUMNS, rows)), [("unknown-columns", None, 2, Some(2))]);
    assert_eq!(failed(&jsonl("[columns.a]", "{}\n")), [("present", Some("a"), 1, None)], "a column that no row has");
}

#[test]
fn values_of_another_type_or_out_of_range_are_counted_with_their_first_line() {
    let data = "id,amount,currency\n1,-0.1,EUR\nx,NaN,GBP\n2.0,inf,EUR\n4,101,gbp\n5,1,EUR\n";
    assert_eq!(
        failed(&csv(COLUMNS, data)),
        [
            ("type", Some("amount"), 2, Some(3)),
            ("range", Some("amount"), 2, Some(2)),
            ("allowed", Some("currency"), 2, Some(3)),
            ("type", Some("id"), 2, Some(3)),
        ]
    );
    let data = "{\"id\":\"1\",\"amount\":100.6,\"currency\":5}\n";
    assert_eq!(
        failed(&jsonl(COLUMNS, data)),
        [
            ("range", Some("amount"), 1, Some(1)),
            ("type", Some("currency"), 1, Some(1)),
            ("allowed", Some("currency"), 1, Some(1)),
            ("type", Some("id"), 1, Some(1)),
        ]
    );
}

#[test]
fn what_is_missing_may_be_so_much_and_no_more() {
    let expected = "[columns.a]\nnulls_max = 0.25\n[columns.b]";
    let rows = |nulls: usize, all: usize| -> String {
        (0..all).map(|n| if n < nulls { ",1\n".to_owned() } else { format!("{n},1\n") }).collect()
    };
    assert_eq!(failed(&csv(expected, &format!("a,b\n{}", rows(1, 4)))), []);
    let found = csv(expected, &format!("a,b\n{}", rows(2, 7)));
    assert_eq!(failed(&found), [("nulls", Some("a"), 2, Some(2))]);
    let nulls = found.findings.iter().find(|one| one.check == "nulls").unwrap();
    assert_eq!((nulls.found.as_deref(), nulls.demanded.as_str()), (Some("0.285714"), "<= 0.25"));
    let words = "[file]\nnull_words = ['NA']\n[columns.a]\ntype = 'integer'\nnulls_max = 0";
    assert_eq!(failed(&csv(words, "a\n1\nNA\n")), [("nulls", Some("a"), 1, Some(3))]);
    assert_eq!(failed(&csv("[columns.a]\ntype = 'integer'", "a\nNA\n")), [("type", Some("a"), 1, Some(2))]);
}

#[test]
fn a_file_has_as_many_rows_as_are_expected() {
    let expected = "[volume]\nrows_min = 2\nrows_max = 3\n[columns.a]";
    for (rows, is_fine) in [(1, false), (2, true), (3, true), (4, false)] {
        let data = format!("a\n{}", "1\n".repeat(rows));
        assert_eq!(csv(expected, &data).passed, is_fine, "{rows}");
    }
    assert_eq!(failed(&csv("[columns.a]", "a\n")), [("rows", None, 0, None)], "no row proves nothing");
    assert_eq!(failed(&csv("[volume]\nrows_min = 0\n[columns.a]", "a\n")), []);
    assert_eq!(failed(&jsonl("[volume]\nrows_min = 1", "")), [("rows", None, 0, None)]);
}

#[test]
fn the_newest_row_is_young_enough_and_not_of_the_future() {
    let expected = "[freshness]\ncolumn = 'at'\nage_max = '36h'\n[columns.at]\ntype = 'time'";
    let of = |rows: &str| csv(expected, &format!("at\n{rows}"));
    assert_eq!(failed(&of("2020-01-01\n2026-10-31T12:00:00Z\n2021-01-01\n")), [], "36 hours to the second");
    let old = of("2026-10-31T11:59:59Z\n");
    assert_eq!(failed(&old), [("freshness", Some("at"), 0, None)]);
    let told = old.findings.last().unwrap();
    assert_eq!(told.found.as_deref(), Some("2026-10-31T11:59:59Z"));
    assert_eq!(told.demanded, "from 2026-10-31T12:00:00Z to 2026-11-02T00:00:00Z");
    assert_eq!(
        failed(&of("2026-11-01\n2026-11-02T00:00:01Z\n")),
        [("freshness", Some("at"), 1, Some(3))],
        "a row of the future makes nothing fresh"
    );
    assert_eq!(failed(&of("x\n")), [("type", Some("at"), 1, Some(2)), ("freshness", Some("at"), 0, None)]);
    let epoch = "[freshness]\ncolumn = 'at'\nage_max = '1h'\n[columns.at]\ntype = 'epoch-milliseconds'";
    assert_eq!(failed(&jsonl(epoch, &format!("{{\"at\":{AS_OF}}}"))), []);
    assert!(!jsonl(epoch, &format!("{{\"at\":{}}}", AS_OF / 1_000)).passed);
}

#[test]
fn lines_that_cannot_be_read_are_counted_and_are_no_rows() {
    let data = b"a,b\n1,2\n1\n1,2,3\n\"x\"y,1\n\xff,1\n3,4\n";
    let found = check("[columns.a]\n[columns.b]", Format::Csv, data).unwrap();
    assert_eq!((failed(&found), found.rows), (vec![("lines", None, 4, Some(3))], 2));
    let data = b"{\"a\":1}\n[1]\n{\"a\":NaN}\n{\"a\":1,\"a\":2}\n{\"a\":1\n\xff\n{\"a\":2}\n";
    let found = check("[columns.a]", Format::JsonLines, data).unwrap();
    assert_eq!((failed(&found), found.rows), (vec![("lines", None, 5, Some(2))], 2));
    let open = check("[columns.a]", Format::Csv, b"a\n1\n\"2\n3\n").unwrap();
    assert_eq!(failed(&open), [("lines", None, 1, Some(3))], "a quote that is never closed");
}

#[test]
fn what_cannot_be_judged_at_all_is_an_error() {
    let of = |data: &[u8]| check("[columns.a]", Format::Csv, data).unwrap_err();
    assert!(matches!(of(b""), DataError::Header(_)));
    assert!(matches!(of(b"\"a\n"), DataError::Header(_)));
    assert!(matches!(of(b"\xff\n1\n"), DataError::Header(_)));
    assert_eq!(of(b"a,b,a\n1,2,3\n"), DataError::Twice("a".into()));
    let mut long = b"a\n1\n".to_vec();
    long.extend(vec![b'x'; RECORD_BYTES_MAX + 1]);
    let expected = Expectations::read("[columns.a]").unwrap();
    let mut checker = Checker::new(&expected, Format::Csv, AS_OF);
    assert_eq!(checker.push(&long), Err(DataError::Overlong(3)));
}

#[test]
fn nothing_of_the_data_is_told_but_counts() {
    let data = "id,amount,currency\nsecret-id,9999999,secret-currency\n";
    let found = format!("{:?}", csv(COLUMNS, data));
    assert!(!found.contains("secret") && !found.contains("9999999"), "{found}");
}
