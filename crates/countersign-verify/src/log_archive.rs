//! Checking the archive of a closed log, as a file or as a folder, and that the next log goes on from it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use evidence::log_archive::{self, Asked, Contents, MANIFEST};
use evidence::{Authorities, LogArchiveReader, LogArchiveReport, Standing, Trust, stamped};
use policy::BundleFiles;
use serde_json::json;
use types::Code;

use crate::told::{code, line, say, say_json};
use crate::{Args, Ended};

/// Returns a file by its name.
type Read<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

/// Is something whose files are read by name: a folder or an archive.
pub(crate) enum Files {
    /// A folder.
    Dir(PathBuf),
    /// A file that holds them.
    File(LogArchiveReader<File>),
}

impl Files {
    /// Opens a folder or an archive; `None` if the path is neither.
    pub(crate) fn open(path: &Path) -> Option<Self> {
        if path.is_dir() {
            return Some(Self::Dir(path.to_owned()));
        }
        LogArchiveReader::new(File::open(path).ok()?).ok().map(Self::File)
    }

    /// Returns a file by its name.
    pub(crate) fn read(&self, name: &str) -> Option<Vec<u8>> {
        match self {
            Self::Dir(path) => fs::read(path.join(name)).ok(),
            Self::File(reader) => reader.read(name),
        }
    }
}

/// Says whether a path is an archive of a log.
pub(crate) fn is_one(path: &Path) -> bool {
    Files::open(path).is_some_and(|files| files.read(MANIFEST).is_some())
}

/// Checks an archive for a reader who trusts somebody; `next` is the published log that comes after, or its archive.
pub(crate) fn check(path: &Path, trust: &Trust, dated_by: Option<&Authorities>, args: &Args) -> Ended {
    let (next, json) = (args.next.as_deref(), args.json);
    if *trust == Trust::Nobody {
        let why = "an archive is checked against a key you trust: give --key, --trust or --policy";
        return Ended::Unusable(Code::UsageInvalid, why.into());
    }
    let unusable = |path: &Path| Ended::Unusable(Code::FileUnusable, format!("`{}` cannot be read", path.display()));
    let Some(files) = Files::open(path) else { return unusable(path) };
    let after = match next {
        None => None,
        Some(path) => match Files::open(path) {
            None => return unusable(path),
            after => after,
        },
    };
    let digest_of = |files: &BTreeMap<String, String>| BundleFiles(files.clone()).digest();
    let read = |name: &str| files.read(name);
    let read_next = |name: &str| after.as_ref().and_then(|files| files.read(name));
    let next = after.is_some().then_some(&read_next as Read<'_>);
    let earlier = match crate::log::kept(&args.earlier) {
        Ok(kept) => kept,
        Err(ended) => return ended,
    };
    let asked = Asked { trust, earlier: &earlier, next };
    let Some(mut report) = log_archive::check(&read, &asked, &digest_of) else {
        return Ended::Unusable(Code::EvidenceMissing, format!("`{}` is no archive of a log", path.display()));
    };
    if let Some(dated_by) = dated_by {
        stamped::of_log(&read, dated_by, &mut report.log);
    }
    let standing = report.standing();
    if json {
        say_json(&json!({ "standing": standing, "code": code(standing), "reason": report.reason(), "report": report }));
    } else {
        tell(&report, standing);
    }
    Ended::Checked(standing)
}

fn tell(report: &LogArchiveReport, standing: Standing) {
    let manifest = &report.manifest;
    say(&format!("archive    log {}, {} records", manifest.origin, manifest.size));
    let custody = &manifest.custody;
    let time = replay::audit::words::time(custody.at);
    say(&format!(
        "made       {time} by {} with {} (their word)",
        replay::audit::words::name(&custody.by),
        custody.program
    ));
    report.log.checks.iter().chain(&report.checks).for_each(line);
    if manifest.contents == Contents::Left {
        say("not proved what the records say: no contents are in the archive");
    }
    report.log.unproven.iter().for_each(|what| say(&format!("{:<10} {what}", "not proved")));
    if let Some(code) = code(standing) {
        say(&format!("code       {code}"));
    }
}
