//! Reading the lines that are added to a file, as far as they are whole.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

use regex::Regex;
use types::check::{LogFile, Look};

use super::Seen;

/// Is how many bytes are read at once, and how often in one look; the next goes on behind them.
const READ_BYTES_MAX: u64 = 4 * 1024 * 1024;
const READS_MAX: usize = 64;

/// Opens without waiting for whoever writes.
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();

/// Is how far a file was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lines {
    /// The file itself, which another one may have taken the place of.
    inode: u64,
    /// How many bytes of it.
    read: u64,
}

/// Begins behind what stands in a file now; what is not there yet is read from its beginning.
pub fn from_here(file: &LogFile) -> Lines {
    let now = std::fs::metadata(&file.file);
    now.map_or_else(|_| Lines::default(), |now| Lines { inode: now.ino(), read: now.len() })
}

/// Looks at the lines that came since the last look. It reads a file, and so blocks.
pub(super) fn look(file: &LogFile, lines: &mut Lines) -> Seen {
    let (bad, good) = match (Regex::new(&file.bad), file.good.as_deref().map(Regex::new).transpose()) {
        (Ok(bad), Ok(good)) => (bad, good),
        (Err(error), _) | (_, Err(error)) => return Seen::nothing(&error.to_string()),
    };
    let mut found = false;
    for _ in 0..READS_MAX {
        let text = match added(&file.file, lines) {
            Ok(text) if text.is_empty() && found => return Seen::of(Look::Good, "lines came, and none of them is bad"),
            Ok(text) if text.is_empty() => return Seen::nothing("no line came that tells anything"),
            Ok(text) => text,
            Err(error) => return Seen::nothing(&format!("`{}` cannot be read: {error}", file.file)),
        };
        // What a line says may be secret; that it came is not.
        if text.lines().any(|line| bad.is_match(line)) {
            return Seen::of(Look::Bad, &format!("a line came that `{}` matches", file.bad));
        }
        found = found || good.as_ref().is_none_or(|good| text.lines().any(|line| good.is_match(line)));
    }
    Seen::nothing("more is written than is read in one look")
}

/// Reads what was added, up to the end of its last whole line, as far as one read goes.
fn added(path: &str, lines: &mut Lines) -> std::io::Result<String> {
    // Whoever may write beside it must not make us wait: a pipe opens at once, and is refused then.
    let mut file = File::options().read(true).custom_flags(NONBLOCK).open(path)?;
    let now = file.metadata()?;
    if !now.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    if now.ino() != lines.inode || now.len() < lines.read {
        *lines = Lines { inode: now.ino(), read: 0 };
    }
    file.seek(SeekFrom::Start(lines.read))?;
    let mut bytes = Vec::new();
    file.take(READ_BYTES_MAX).read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at.saturating_add(1));
    // A line that is longer than what is read at once is read in pieces.
    let whole = if whole == 0 && bytes.len() as u64 == READ_BYTES_MAX { bytes.len() } else { whole };
    bytes.truncate(whole);
    lines.read = lines.read.saturating_add(whole as u64);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::io::Write as _;

    use super::*;

    #[test]
    fn new_lines_are_read_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let file = |good: Option<&str>| LogFile {
            file: path.to_str().unwrap().to_owned(),
            bad: "ERROR|panic".to_owned(),
            good: good.map(str::to_owned),
        };
        std::fs::write(&path, "an ERROR from before\n").unwrap();
        let write = |text: &str| {
            std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(text.as_bytes()).unwrap();
        };
        let mut lines = from_here(&file(None));
        assert_eq!(look(&file(None), &mut lines).look, Look::Nothing);
        write("served\nhalf of a lin");
        assert_eq!(look(&file(None), &mut lines).look, Look::Good);
        assert_eq!(look(&file(None), &mut lines).look, Look::Nothing);
        write("e with an ERROR\nserved\n");
        assert_eq!(look(&file(None), &mut lines).look, Look::Bad);
        write("started\n");
        assert_eq!(look(&file(Some("served")), &mut lines).look, Look::Nothing);
        write("served\n");
        assert_eq!(look(&file(Some("served")), &mut lines).look, Look::Good);
        write(&"served\n".repeat(800_000));
        write("ERROR\n");
        assert_eq!(look(&file(None), &mut lines).look, Look::Bad, "however much is written before it");
        // Another file takes its place: it is read from its beginning.
        std::fs::rename(&path, folder.path().join("app.log.1")).unwrap();
        assert_eq!(look(&file(None), &mut lines).look, Look::Nothing);
        std::fs::write(&path, "panic\n").unwrap();
        assert_eq!(look(&file(None), &mut lines).look, Look::Bad);
        // A pipe that nobody writes to keeps nobody waiting.
        std::fs::remove_file(&path).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        let seen = look(&file(None), &mut lines);
        assert!(seen.look == Look::Nothing && seen.why.contains("no regular file"), "{}", seen.why);
    }
}
