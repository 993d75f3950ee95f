//! A database of a test's own, asked as an agent would, and changed by others around it.

use std::path::PathBuf;

use postgres::{Client, NoTls};
use serde_json::{Value, json};
use targets::mcp::{Conversation, Tools as _};
use targets::sql::postgres::Postgres;
use targets::sql::sqlite::Sqlite;
use targets::sql::{Database, Limits, SqlServer};

/// Is a server of either kind.
pub enum Place {
    /// PostgreSQL.
    Postgres(testkit::Postgres),
    /// SQLite.
    Sqlite(tempfile::TempDir),
}

impl Place {
    pub fn postgres() -> Self {
        Self::Postgres(testkit::Postgres::start())
    }

    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// Makes tables, captures those that are named, and lets an agent's role write all of them.
    pub fn begin(self, tables: &str, captured: &[&str]) -> Db {
        let db = Db { place: self };
        let captured: Vec<_> = captured.iter().map(|name| (*name).to_owned()).collect();
        match &db.place {
            Place::Postgres(server) => {
                let mut owner = Client::connect(&server.url("owner"), NoTls).unwrap();
                owner.batch_execute("CREATE ROLE agent LOGIN").unwrap();
                owner.batch_execute(tables).unwrap();
                owner
                    .batch_execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO agent")
                    .unwrap();
                owner.batch_execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO agent").unwrap();
                Postgres::new(&server.url("owner")).unwrap().capture(&captured).unwrap();
            }
            Place::Sqlite(_) => {
                rusqlite::Connection::open(db.file())
                    .unwrap()
                    .execute_batch(&format!("PRAGMA journal_mode = WAL; {tables}"))
                    .unwrap();
                Sqlite::open(&db.file()).unwrap().capture(&captured).unwrap();
            }
        }
        db
    }
}

/// Is a database.
pub struct Db {
    pub place: Place,
}

impl Db {
    pub fn file(&self) -> PathBuf {
        match &self.place {
            Place::Sqlite(folder) => folder.path().join("a.db"),
            Place::Postgres(_) => panic!("it is no file"),
        }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.place, Place::Postgres(_))
    }

    pub fn server(&self) -> &testkit::Postgres {
        match &self.place {
            Place::Postgres(server) => server,
            Place::Sqlite(_) => panic!("it has no server"),
        }
    }

    /// Captures more tables.
    pub fn capture(&self, tables: &[&str]) {
        let tables: Vec<_> = tables.iter().map(|name| (*name).to_owned()).collect();
        Postgres::new(&self.server().url("owner")).unwrap().capture(&tables).unwrap();
    }

    /// Connects as the agent's server does.
    pub fn agent(&self) -> Agent {
        self.agent_with(Limits::default())
    }

    pub fn agent_with(&self, limits: Limits) -> Agent {
        let server: Asked = match &self.place {
            Place::Postgres(server) => asked(SqlServer::new(Postgres::new(&server.url("agent")).unwrap(), limits)),
            Place::Sqlite(_) => asked(SqlServer::new(Sqlite::open(&self.file()).unwrap(), limits)),
        };
        Agent(server)
    }

    /// Connects as somebody who goes around the server.
    pub fn other(&self) -> Other {
        match &self.place {
            Place::Postgres(server) => Other::Postgres(Client::connect(&server.url("owner"), NoTls).unwrap()),
            Place::Sqlite(_) => {
                let db = rusqlite::Connection::open(self.file()).unwrap();
                db.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
                db.execute_batch("PRAGMA foreign_keys = ON").unwrap();
                Other::Sqlite(db)
            }
        }
    }
}

/// Calls a tool and returns its result.
type Asked = Box<dyn FnMut(&str, Value) -> Value>;

/// Calls tools and returns results as a client gets them.
fn asked<D: Database + 'static>(server: SqlServer<D>) -> Asked {
    assert_eq!(server.list().len(), 6);
    let mut conversation = Conversation::new(server);
    Box::new(move |name, arguments| {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": name, "arguments": arguments } });
        let answer = match conversation.answer(call.to_string().as_bytes()) {
            Ok(frame) => frame.unwrap(),
            Err(failed) => return json!({ "in-doubt": failed.message }),
        };
        let answer: Value = serde_json::from_str(answer.text()).unwrap();
        answer["result"].clone()
    })
}

/// Is an agent's server.
pub struct Agent(Asked);

impl Agent {
    /// Calls a tool and returns its data, or the stable code and what is said.
    pub fn call(&mut self, name: &str, arguments: Value) -> Result<Value, (String, String)> {
        let result = (self.0)(name, arguments);
        if result["isError"] == false {
            return Ok(result["structuredContent"].clone());
        }
        let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{result}"));
        let (code, message) = text.split_once(": ").unwrap();
        Err((code.to_owned(), message.to_owned()))
    }

    pub fn change(&mut self, key: &str, sql: &str, params: Value) -> Result<Value, (String, String)> {
        self.call("change", json!({ "sql": sql, "params": params, "change": key }))
    }

    pub fn undo(&mut self, key: &str) -> Result<Value, (String, String)> {
        self.call("undo_change", json!({ "change": key, "undo": format!("undo-{key}") }))
    }

    pub fn standing(&mut self, key: &str) -> Value {
        self.call("get_change", json!({ "change": key })).unwrap()
    }
}

/// Is somebody who goes around the server.
pub enum Other {
    Postgres(Client),
    Sqlite(rusqlite::Connection),
}

impl Other {
    pub fn run(&mut self, sql: &str) {
        self.try_run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub fn try_run(&mut self, sql: &str) -> Result<(), String> {
        match self {
            Self::Postgres(client) => client.batch_execute(sql).map_err(|error| error.to_string()),
            Self::Sqlite(db) => db.execute_batch(sql).map_err(|error| error.to_string()),
        }
    }

    /// Returns every row of a table as text that tells its values exactly, sorted.
    pub fn dump(&mut self, table: &str) -> Vec<String> {
        let mut rows: Vec<String> = match self {
            Self::Postgres(client) => {
                let rows = client.query(&format!("SELECT \"the row\"::text FROM {table} AS \"the row\""), &[]).unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Self::Sqlite(db) => {
                let mut read = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
                let columns = read.column_count();
                let row = |row: &rusqlite::Row<'_>| {
                    (0..columns)
                        .map(|at| row.get_ref(at).map(|value| format!("{value:?}")))
                        .collect::<Result<Vec<_>, _>>()
                };
                read.query_map([], |r| row(r).map(|values| values.join(","))).unwrap().map(Result::unwrap).collect()
            }
        };
        rows.sort();
        rows
    }

    pub fn number(&mut self, sql: &str) -> i64 {
        match self {
            Self::Postgres(client) => client.query_one(sql, &[]).unwrap().get(0),
            Self::Sqlite(db) => db.query_row(sql, [], |row| row.get(0)).unwrap(),
        }
    }
}

/// Runs a check over both.
pub fn both(tables: &str, captured: &[&str], check: impl Fn(&Db)) {
    for place in [Place::sqlite(), Place::postgres()] {
        check(&place.begin(tables, captured));
    }
}
