CREATE TABLE IF NOT EXISTS folder (root TEXT NOT NULL);

-- An entry is `prepared` before anything is touched, and then `done` or `stuck`, or is dropped because everything is as it was.
-- `seen` is what came around us, and has no key.
CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('prepared', 'done', 'stuck', 'seen')),
    key TEXT UNIQUE,
    undoes TEXT,
    asked TEXT,
    what TEXT NOT NULL,
    body TEXT,
    found TEXT
);
CREATE INDEX IF NOT EXISTS entry_undoes ON entry (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_prepared ON entry (number) WHERE state = 'prepared';

CREATE TABLE IF NOT EXISTS blob (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;

-- What the folder was at the last look. Without a stamp a file is read again.
CREATE TABLE IF NOT EXISTS file (
    path TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    mode TEXT NOT NULL,
    stamp TEXT
) WITHOUT ROWID;
