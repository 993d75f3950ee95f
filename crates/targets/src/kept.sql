-- Which system it is the store of.
CREATE TABLE IF NOT EXISTS target (name TEXT NOT NULL);

-- An entry is `prepared` before anything is touched, and then `done` or `stuck`, or is dropped because everything is as it was.
-- `seen` is what came around us, and has no key.
CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('prepared', 'done', 'stuck', 'seen')),
    key TEXT UNIQUE,
    undoes TEXT,
    asked TEXT,
    -- What was changed, as a list in JSON.
    what TEXT NOT NULL,
    body TEXT
);
CREATE INDEX IF NOT EXISTS entry_undoes ON entry (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_prepared ON entry (number) WHERE state = 'prepared';
