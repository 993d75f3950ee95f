-- Captures what changes rows: in the transaction that changes them, whoever does. Running it again changes nothing.
CREATE SCHEMA IF NOT EXISTS countersign;

-- Changes that were made under a key. One transaction makes one.
CREATE TABLE IF NOT EXISTS countersign.change (
    key text PRIMARY KEY,
    xid xid8 NOT NULL UNIQUE DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    undoes text UNIQUE REFERENCES countersign.change (key),
    statement text NOT NULL,
    answer text NOT NULL
);

-- Rows as they were and as they became, as texts that their own types read again.
CREATE TABLE IF NOT EXISTS countersign.image (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role text NOT NULL DEFAULT session_user,
    application text NOT NULL DEFAULT current_setting('application_name'),
    address inet DEFAULT inet_client_addr(),
    tab regclass NOT NULL,
    before text,
    after text
);
-- Whoever may not read a table does not read here what was in it.
ALTER TABLE countersign.image ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS readable ON countersign.image;
CREATE POLICY readable ON countersign.image FOR SELECT USING (has_table_privilege(tab, 'SELECT'));
CREATE INDEX IF NOT EXISTS image_xid ON countersign.image (xid);

-- Runs as its owner: whoever changes rows cannot write images. The settings make texts that do not depend on the session.
CREATE OR REPLACE FUNCTION countersign.capture() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog SET datestyle = 'ISO, MDY' SET intervalstyle = 'postgres' SET timezone = 'UTC'
SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C'
AS $$
BEGIN
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        INSERT INTO countersign.image (tab, before) SELECT TG_RELID, countersign_row::text FROM old_rows AS countersign_row;
    END IF;
    IF TG_OP IN ('UPDATE', 'INSERT') THEN
        INSERT INTO countersign.image (tab, after) SELECT TG_RELID, countersign_row::text FROM new_rows AS countersign_row;
    END IF;
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO countersign.image (tab) VALUES (TG_RELID);
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION countersign.capture() FROM PUBLIC;
