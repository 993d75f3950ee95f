//! Files of data, and what is expected of them.

use models::data::{Checker, Expectations, Format};

/// A file of data against expectations: however its bytes come, the verdict is the same, and it passed if each finding did.
///
/// The first byte chooses the format, and what stands before the first zero byte is what is expected.
pub fn data_file(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let format = if first % 2 == 0 { Format::Csv } else { Format::JsonLines };
    let at = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let (expected, data) = rest.split_at(at);
    let data = data.get(1..).unwrap_or_default();
    let Ok(expected) = std::str::from_utf8(expected) else { return };
    let Ok(expected) = Expectations::read(expected) else { return };
    let judge = |step: usize| {
        let mut checker = Checker::new(&expected, format, 1_793_577_600_000);
        data.chunks(step).try_for_each(|part| checker.push(part)).and_then(|()| checker.finish())
    };
    let whole = judge(data.len().max(1));
    assert_eq!(whole, judge(usize::from(*first).max(1)));
    if let Ok(checked) = whole {
        assert_eq!(checked.passed, checked.findings.iter().all(|finding| finding.passed));
        assert!(checked.findings.iter().all(|finding| !finding.demanded.is_empty()));
        let lines = data.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        assert!(checked.rows <= lines);
        assert!(checked.findings.iter().all(|finding| finding.line.is_none_or(|line| (1..=lines).contains(&line))));
    }
}
