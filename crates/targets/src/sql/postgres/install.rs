//! Begins to capture tables: what is asked of their owner once.

use postgres::Transaction;

use super::failed;
use crate::sql::error::SqlError;

const INSTALL: &str = include_str!("install.sql");

/// Captures tables from now on.
pub(super) fn capture(tx: &mut Transaction<'_>, tables: &[String]) -> Result<(), SqlError> {
    tx.batch_execute(INSTALL).map_err(|error| failed(&error))?;
    for table in tables {
        let (name, owners) = described(tx, table)?;
        tx.batch_execute(&triggers(&name)).map_err(|error| failed(&error))?;
        // Whoever may write the table may make changes under a key; nobody but the owner writes images.
        for role in owners {
            let grant = format!(
                "GRANT USAGE ON SCHEMA countersign TO {role}; GRANT SELECT ON countersign.image TO {role};
                 REVOKE INSERT ON countersign.change FROM {role};
                 GRANT SELECT, INSERT (key, undoes, statement, answer) ON countersign.change TO {role}"
            );
            tx.batch_execute(&grant).map_err(|error| failed(&error))?;
        }
    }
    Ok(())
}

/// Checks that a table can be captured, and returns its name, quoted, and the roles that write it.
fn described(tx: &mut Transaction<'_>, table: &str) -> Result<(String, Vec<String>), SqlError> {
    let refused = |why: &str| SqlError::Refused(format!("`{table}` {why}"));
    let text = "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind::text = 'r' AND NOT c.relispartition
                    AND NOT EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = c.oid OR inhparent = c.oid),
                    EXISTS (SELECT 1 FROM pg_index WHERE indrelid = c.oid AND indisprimary),
                    n.nspname = 'countersign',
                    ARRAY(SELECT DISTINCT quote_ident(r.rolname) FROM aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
                        WHERE a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE') AND r.oid <> c.relowner)
                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass($1)";
    let row = tx.query_opt(text, &[&table]).map_err(|error| failed(&error))?;
    let row = row.ok_or_else(|| refused("is not there"))?;
    match (row.get(1), row.get(2), row.get(3)) {
        (false, _, _) => Err(refused("is no plain table, or one of several that inherit or are partitions")),
        (_, false, _) => Err(refused("has no primary key")),
        (_, _, true) => Err(refused("is where changes are captured")),
        _ => Ok((row.get(0), row.get(4))),
    }
}

/// Writes the triggers of a table.
fn triggers(table: &str) -> String {
    let one = |name: &str, when: &str, rows: &str| {
        format!(
            "CREATE OR REPLACE TRIGGER countersign_{name} {when} ON {table} {rows}
             FOR EACH STATEMENT EXECUTE FUNCTION countersign.capture();
             ALTER TABLE {table} ENABLE ALWAYS TRIGGER countersign_{name};\n"
        )
    };
    let (old, new) = ("OLD TABLE AS old_rows", "NEW TABLE AS new_rows");
    [
        one("insert", "AFTER INSERT", &format!("REFERENCING {new}")),
        one("update", "AFTER UPDATE", &format!("REFERENCING {old} {new}")),
        one("delete", "AFTER DELETE", &format!("REFERENCING {old}")),
        one("truncate", "BEFORE TRUNCATE", ""),
    ]
    .concat()
}
