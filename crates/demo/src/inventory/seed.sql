-- The inventory as the story finds it. Running this again puts everything back.

DROP TABLE IF EXISTS restarts;
DROP TABLE IF EXISTS services;
DROP TABLE IF EXISTS schema_changes;
DROP TABLE IF EXISTS databases;
DROP TABLE IF EXISTS mails;
DROP TABLE IF EXISTS mailboxes;
DROP TABLE IF EXISTS reports;
DROP TABLE IF EXISTS meta;

CREATE TABLE services (
    id          TEXT PRIMARY KEY,
    env         TEXT NOT NULL CHECK (env IN ('prod', 'staging', 'dev')),
    tier        INTEGER NOT NULL CHECK (tier BETWEEN 1 AND 3),
    stateless   INTEGER NOT NULL CHECK (stateless IN (0, 1)),
    replicas    INTEGER NOT NULL CHECK (replicas >= 0),
    version     TEXT NOT NULL,
    sensitivity TEXT NOT NULL CHECK (sensitivity IN ('low', 'medium', 'high')),
    restarts    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- One row per restart; the request id makes a repeated request do nothing.
CREATE TABLE restarts (
    id         INTEGER PRIMARY KEY,
    service    TEXT NOT NULL,
    reason     TEXT,
    request_id TEXT UNIQUE
) STRICT;

CREATE TABLE databases (
    id             TEXT PRIMARY KEY,
    env            TEXT NOT NULL CHECK (env IN ('prod', 'staging', 'dev')),
    sensitivity    TEXT NOT NULL CHECK (sensitivity IN ('low', 'medium', 'high')),
    schema_version INTEGER NOT NULL
) STRICT;

CREATE TABLE schema_changes (
    id             INTEGER PRIMARY KEY,
    database       TEXT NOT NULL REFERENCES databases (id),
    schema_version INTEGER NOT NULL,
    statement      TEXT NOT NULL
) STRICT;

CREATE TABLE mailboxes (
    address TEXT PRIMARY KEY,
    env     TEXT NOT NULL
) STRICT;

CREATE TABLE mails (
    id        INTEGER PRIMARY KEY,
    sender    TEXT NOT NULL REFERENCES mailboxes (address),
    recipient TEXT NOT NULL,
    subject   TEXT NOT NULL,
    body      TEXT NOT NULL,
    status    TEXT NOT NULL CHECK (status IN ('draft', 'sent'))
) STRICT;

CREATE TABLE reports (
    week            TEXT PRIMARY KEY,
    incidents       INTEGER NOT NULL,
    pages           INTEGER NOT NULL,
    availability_bp INTEGER NOT NULL,
    summary         TEXT NOT NULL
) STRICT;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

INSERT INTO services (id, env, tier, stateless, replicas, version, sensitivity, restarts) VALUES
    ('batch-worker',     'prod',    3, 1,  2, '1.9.0',  'low',    4),
    ('checkout',         'prod',    1, 1,  6, '4.12.1', 'medium', 1),
    ('checkout-staging', 'staging', 3, 1,  2, '4.13.0', 'low',    7),
    ('payments',         'prod',    1, 0,  3, '2.8.3',  'high',   0),
    ('payments-staging', 'staging', 3, 0,  1, '2.9.0',  'medium', 2),
    ('search',           'prod',    2, 1,  8, '7.0.4',  'low',    3),
    ('search-dev',       'dev',     3, 1,  1, '7.1.0',  'low',    9),
    ('web',              'prod',    1, 1, 12, '9.2.0',  'low',    2);

INSERT INTO databases (id, env, sensitivity, schema_version) VALUES
    ('catalogue',      'prod',    'low',    41),
    ('orders',         'prod',    'high',   87),
    ('orders-staging', 'staging', 'medium', 88);

INSERT INTO schema_changes (database, schema_version, statement) VALUES
    ('orders',         87, 'ALTER TABLE orders ADD COLUMN channel TEXT'),
    ('orders-staging', 88, 'CREATE INDEX orders_by_channel ON orders (channel)');

INSERT INTO mailboxes (address, env) VALUES
    ('sre@shop.example',    'office'),
    ('status@shop.example', 'office');

INSERT INTO mails (sender, recipient, subject, body, status) VALUES
    ('status@shop.example', 'customers@shop.example', 'Search was slow on Tuesday', 'It is fast again.', 'sent');

INSERT INTO reports (week, incidents, pages, availability_bp, summary) VALUES
    ('2026-W29', 1,  4, 9996, 'One slow index rebuild in search.'),
    ('2026-W30', 0,  1, 9999, 'A quiet week.'),
    ('2026-W31', 2, 11, 9987, 'checkout ran out of memory twice; both times a restart helped.');
