//! A witness in the test's own process, on a port of its own.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tlog::{AddCheckpoint, CosignerKey, VerifierKey, WitnessedLog};

/// Is a witness of one log.
pub struct Witness {
    /// Its address, as a policy names it.
    pub url: String,
    /// Its key, as a policy names it.
    pub key: VerifierKey,
    log: Arc<Mutex<WitnessedLog>>,
    claimed: Arc<AtomicU64>,
}

impl Witness {
    /// Starts a witness for a log it has never seen; it ends with the process.
    pub fn start(n: u8, log: &VerifierKey) -> Self {
        let key = CosignerKey::ed25519(&format!("witness{n}.example/w"), &[n; 32]).unwrap();
        let keys = vec![log.clone()];
        let enrolled = WitnessedLog::enrol(&keys).unwrap();
        let log = Arc::new(Mutex::new(WitnessedLog::restore(keys, enrolled.as_bytes()).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let claimed = Arc::new(AtomicU64::new(0));
        let (verifier, shared, claims) = (key.verifier().clone(), log.clone(), claimed.clone());
        let mut answers = move |stream| answer(stream, &shared, &key, claims.load(Ordering::SeqCst));
        std::thread::spawn(move || listener.incoming().flatten().for_each(&mut answers));
        Self { url, key: verifier, log, claimed }
    }

    /// Returns how many records it has cosigned.
    pub fn size(&self) -> u64 {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).latest().size
    }

    /// Says from now on that it has cosigned so many records, as a witness does that was shown a longer log.
    pub fn claim_more(&self, size: u64) {
        self.claimed.store(size, Ordering::SeqCst);
    }

    /// Returns its line of a policy.
    pub fn line(&self, name: &str) -> String {
        format!("witness {name} {} {}\n", self.key, self.url)
    }
}

fn answer(mut stream: TcpStream, log: &Mutex<WitnessedLog>, key: &CosignerKey, claimed: u64) {
    let Some(body) = request(&mut stream) else { return };
    let (status, text) = if claimed > 0 { (409, format!("{claimed}\n")) } else { cosigned(&body, log, key) };
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
    let _ = stream.write_all([head, text].concat().as_bytes());
}

pub(crate) fn request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut room = [0; 4_096];
    loop {
        let read = stream.read(&mut room).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(room.get(..read)?);
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let length: usize = text.split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
        if bytes.len() >= end + 4 + length {
            return Some(bytes.split_off(end + 4));
        }
    }
}

fn cosigned(body: &[u8], log: &Mutex<WitnessedLog>, key: &CosignerKey) -> (u16, String) {
    let request = match AddCheckpoint::parse(body) {
        Ok(request) => request,
        Err(error) => return (400, error.to_string()),
    };
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    match log.add(&request) {
        Ok(pending) => {
            let persisted = pending.persist(|_| Ok::<_, ()>(())).unwrap();
            let lines = persisted.cosign(std::slice::from_ref(key), 1_700_000_000).unwrap();
            (200, lines.iter().map(|line| format!("{line}\n")).collect())
        }
        Err(tlog::Refusal::Conflict { latest, .. }) => (409, format!("{latest}\n")),
        Err(refusal) => (refusal.status(), refusal.to_string()),
    }
}
