-- What each resource that was ever changed here was at the last look, by the operation that reads it.
CREATE TABLE IF NOT EXISTS known (resource TEXT PRIMARY KEY, operation TEXT NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
