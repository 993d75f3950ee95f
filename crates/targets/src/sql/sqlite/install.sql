-- Captures what changes rows: in the transaction that changes them, whoever does. Running it again changes nothing.
CREATE TABLE IF NOT EXISTS countersign_change (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    undoes TEXT UNIQUE REFERENCES countersign_change (key),
    statement TEXT NOT NULL,
    answer TEXT NOT NULL
);

-- Rows as they were and as they became. What was changed without a key has none.
CREATE TABLE IF NOT EXISTS countersign_image (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    change TEXT,
    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    tab TEXT NOT NULL,
    before TEXT,
    after TEXT
);
CREATE INDEX IF NOT EXISTS countersign_image_change ON countersign_image (change);

-- The key of the change that is being made. Nobody else writes meanwhile, and it is empty when the transaction ends.
CREATE TABLE IF NOT EXISTS countersign_now (key TEXT PRIMARY KEY);
