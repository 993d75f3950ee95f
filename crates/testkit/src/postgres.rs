//! A PostgreSQL server of a test's own: in a folder, over a socket, gone with it.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Is who runs the server where the test runs as root, which the server refuses.
const NOBODY: u32 = 65534;

/// Is a running server.
pub struct Postgres {
    server: Child,
    folder: tempfile::TempDir,
}

impl Postgres {
    /// Starts a server; what it writes need not survive the machine.
    pub fn start() -> Self {
        // A socket's path must be short.
        let folder = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        if rustix::process::getuid().is_root() {
            chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let made = program("initdb")
            .args(["--no-sync", "--auth=trust", "--username=owner", "--encoding=UTF8", "--no-locale", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let server = program("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=50"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let postgres = Self { server, folder };
        postgres.await_ready();
        postgres
    }

    /// Returns how a role connects.
    pub fn url(&self, role: &str) -> String {
        format!("host={} user={role} dbname=postgres", self.folder.path().display())
    }

    fn await_ready(&self) {
        for _ in 0..600 {
            let ready = program("pg_isready").args(["-q", "-h"]).arg(self.folder.path()).status().unwrap();
            if ready.success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL does not start");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // An immediate end: nothing of it is kept.
        let pid = rustix::process::Pid::from_child(&self.server);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        let _ = self.server.wait();
    }
}

/// Returns a program of the newest PostgreSQL here, to be run by somebody who is not root.
fn program(name: &str) -> Command {
    // It ends with the thread that started it, however that ends.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]).current_dir("/tmp");
    if rustix::process::getuid().is_root() {
        command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]).arg("--clear-groups");
    }
    command.arg(newest().join(name));
    command
}

fn newest() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let bin = versions.filter_map(Result::ok).map(|version| version.path().join("bin"));
    let mut there: Vec<_> = bin.filter(|bin| Path::exists(&bin.join("initdb"))).collect();
    there.sort();
    there.pop().expect("PostgreSQL is installed")
}
