//! What a list of packages says, as `pip freeze` and MLflow's client write it (`requirements.txt`).

use std::collections::BTreeMap;

/// Is the largest list of packages that is read, in bytes.
pub const LIST_BYTES_MAX: usize = 1 << 20;

/// Reads a list of packages: of each the version, or whatever else is asked for instead of one.
///
/// Names are written in small letters with `-` between their parts, as Python compares them. Options, comments and what names no package are passed over; of a package that
/// is listed twice the last counts.
pub fn packages(text: &str) -> BTreeMap<String, String> {
    text.lines().filter_map(package).collect()
}

fn package(line: &str) -> Option<(String, String)> {
    // What begins with a number sign is a comment where a blank stands before it: addresses have one of their own.
    let line = match line.split_once(" #") {
        Some((before, _)) => before.trim(),
        None => line.trim(),
    };
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = line.find(|c| !is_of_name(c)).unwrap_or(line.len());
    let (name, rest) = line.split_at_checked(end)?;
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || !name.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let rest = rest.trim_start();
    let rest = if rest.starts_with('[') { rest.split_once(']')?.1.trim_start() } else { rest };
    if !rest.is_empty() && !rest.starts_with(['=', '<', '>', '!', '~', '@', ';']) {
        return None;
    }
    let asked = rest.split(';').next().unwrap_or_default().trim();
    let exact = asked.strip_prefix("==").map(str::trim).filter(|version| is_plain(version));
    Some((normal(name), exact.unwrap_or(asked).to_owned()))
}

/// Says whether a version is one, and no pattern or second condition.
fn is_plain(version: &str) -> bool {
    let is_of_version = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '_' | '!');
    version.starts_with(|c: char| c.is_ascii_alphanumeric()) && version.chars().all(is_of_version)
}

/// Writes the name of a package as Python compares it.
fn normal(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_list_is_read_as_pip_and_mlflow_write_it() {
        let text = "# made by pip\nnumpy==2.1.0\nScikit_Learn ==1.5 # for trees\n-e git+https://x/y#egg=z\n--index-url https://a\n\
                    torch[cuda]==2.4; python_version > '3.9'\ncloudpickle>=3,<4\npack @ file:///tmp/a#b\n\nzope.interface\n\
                    ./local\nhalf name\nnumpy==2.2\nodd==1.*\n";
        let found = packages(text);
        let expected = [
            ("cloudpickle", ">=3,<4"),
            ("numpy", "2.2"),
            ("odd", "==1.*"),
            ("pack", "@ file:///tmp/a#b"),
            ("scikit-learn", "1.5"),
            ("torch", "2.4"),
            ("zope-interface", ""),
        ];
        let found: Vec<(&str, &str)> = found.iter().map(|(name, asked)| (name.as_str(), asked.as_str())).collect();
        assert_eq!(found, expected);
    }
}
