//! Checking the archive of a closed log, as a file or as a folder, its decisions, and that the next log goes on from it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use evidence::log_archive::{self, Asked, Contents, MANIFEST};
use evidence::verify::Check;
use evidence::{Authorities, LogArchiveReader, LogArchiveReport, Standing, Trust, stamped};
use policy::BundleFiles;
use replay::{Bundles, Decisions};
use serde_json::json;
use types::Code;

use crate::told::{code, line, say, say_json};
use crate::{Args, Ended, bundle, policies};

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

/// Checks an archive for a reader who trusts somebody. With `--next` the published log that comes after is checked too, or its
/// archive; the policy bundles of `--policy-bundle` are those that the reader has from elsewhere.
pub(crate) fn check(path: &Path, trust: &Trust, dated_by: Option<&Authorities>, args: &Args) -> Ended {
    let (next, folders, json) = (args.next.as_deref(), &args.policies, args.json);
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
    let own = match policies::all(folders) {
        Ok(own) => own,
        Err(why) => return Ended::Unusable(Code::FileUnusable, why),
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
    let decisions = decided(&read, &mut report, own);
    let standing = report.standing();
    if json {
        let (code, reason) = (code(standing), report.reason());
        say_json(
            &json!({ "standing": standing, "code": code, "reason": reason, "report": report, "decisions": decisions }),
        );
    } else {
        tell(&report, decisions.as_ref(), standing);
    }
    Ended::Checked(standing)
}

/// Computes the decisions again, if all else holds and their contents are open, and says in the report how they came out.
fn decided(read: Read<'_>, report: &mut LogArchiveReport, own: Bundles) -> Option<Decisions> {
    if report.standing() != Standing::Holds {
        return None;
    }
    let Some(decisions) = replay::log_archive(read, &report.manifest, own) else {
        let why =
            if report.manifest.contents == Contents::Sealed { "contents are sealed" } else { "contents not here" };
        report.log.unproven.push(format!("decisions: {why}"));
        return None;
    };
    let Decisions { decisions: all, equal, differs, erased, missing, .. } = decisions;
    let claim = format!("every decision comes out the same when it is computed again: {equal} of {all} do");
    let others = (equal < all).then(|| format!("{differs} differ, {missing} miss what they need, {erased} are erased"));
    report.checks.push(Check { claim, standing: decisions.standing(), detail: others, reason: decisions.reason() });
    Some(decisions)
}

fn tell(report: &LogArchiveReport, decisions: Option<&Decisions>, standing: Standing) {
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
    decisions.iter().flat_map(|decisions| &decisions.others).for_each(bundle::decision);
    for (source, count) in decisions.iter().flat_map(|decisions| &decisions.told_by) {
        say(&format!("           {count} decisions rest on facts from {source}"));
    }
    if manifest.contents == Contents::Left {
        say("not proved what the records say: no contents are in the archive");
    }
    report.log.unproven.iter().for_each(|what| say(&format!("{:<10} {what}", "not proved")));
    if let Some(code) = code(standing) {
        say(&format!("code       {code}"));
    }
}
