CREATE TABLE IF NOT EXISTS target (base TEXT NOT NULL);

-- An entry is `prepared` before a request is sent, and then `done` or `stuck`, or is dropped because everything is as it was.
-- `seen` is what came around us, and has no key.
CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('prepared', 'done', 'stuck', 'seen')),
    key TEXT UNIQUE,
    undoes TEXT,
    asked TEXT,
    resource TEXT NOT NULL,
    body TEXT
);
CREATE INDEX IF NOT EXISTS entry_undoes ON entry (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_prepared ON entry (number) WHERE state = 'prepared';

-- What each resource that was ever changed here was at the last look, by the operation that reads it.
CREATE TABLE IF NOT EXISTS known (resource TEXT PRIMARY KEY, operation TEXT NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
