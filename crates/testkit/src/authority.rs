//! A time-stamping authority in the test's own process, on a port of its own; it signs as RFC 3161 has it.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use control::timestamps::TimestampConfig;
use evidence::timestamp::{Authorities, TimestampRequest};
use ledger::Clock;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use types::{Digest, Millis};

use crate::machine::TestClock;
use crate::witness::request;

const ROOT: &[u8] = include_bytes!("../../evidence/tests/timestamps/root.pem");
const CERTIFICATE: &[u8] = include_bytes!("../../evidence/tests/timestamps/own.der");
const KEY: &str = include_str!("../../evidence/tests/timestamps/own.hex");

const SHA_256: [u8; 11] = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const ECDSA_SHA_256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const SIGNED_DATA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const TST_INFO: [u8; 13] = [0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
const CONTENT_TYPE: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
const SIGNING_CERTIFICATE: [u8; 13] = [0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f];
const POLICY: [u8; 6] = [0x06, 0x04, 0x2a, 0x03, 0x04, 0x01];
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OCTETS: u8 = 0x04;

/// Is an authority that dates by a test's clock.
pub struct Authority {
    /// Its address.
    pub url: String,
    asked: Arc<AtomicU64>,
    off_ms: Arc<AtomicI64>,
}

impl Authority {
    /// Starts an authority; it ends with the process.
    pub fn start(clock: Arc<TestClock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, off_ms) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicI64::new(0)));
        let (count, off) = (asked.clone(), off_ms.clone());
        let answers = move |stream: TcpStream| {
            count.fetch_add(1, Ordering::SeqCst);
            answer(stream, clock.wall().plus(off.load(Ordering::SeqCst)));
        };
        std::thread::spawn(move || listener.incoming().flatten().for_each(answers));
        Self { url, asked, off_ms }
    }

    /// Returns how often it was asked.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Lets its clock be wrong by so much from now on.
    pub fn be_off(&self, ms: i64) {
        self.off_ms.store(ms, Ordering::SeqCst);
    }

    /// Returns the configuration of an application that it dates.
    pub fn config(&self, every_ms: i64) -> TimestampConfig {
        TimestampConfig { authorities: Self::trusted(), url: Some(self.url.clone()), every_ms }
    }

    /// Returns what those trust who believe it.
    pub fn trusted() -> Authorities {
        Authorities::from_pem(ROOT).unwrap()
    }

    /// Returns the same as a PEM file.
    pub fn root_pem() -> &'static [u8] {
        ROOT
    }
}

fn answer(mut stream: TcpStream, at: Millis) {
    let Some(body) = request(&mut stream) else { return };
    let response = stamped(&body, at).unwrap_or_else(|| of(SEQUENCE, &[&of(SEQUENCE, &[&[0x02, 0x01, 0x02]])]));
    let head = format!("HTTP/1.1 200 x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", response.len());
    let _ = stream.write_all(&[head.as_bytes(), &response].concat());
}

/// Answers a request at an instant, as an authority that grants everything does.
pub fn stamped(request: &[u8], at: Millis) -> Option<Vec<u8>> {
    let imprint = TimestampRequest::from_der(request).ok()?.imprint();
    // The nonce stands before the last three bytes, which ask for certificates.
    let nonce = request.get(request.len().checked_sub(13)?..request.len() - 3)?;
    let token = token(&content(imprint, nonce, at));
    Some(of(SEQUENCE, &[&of(SEQUENCE, &[&[0x02, 0x01, 0x00]]), &token]))
}

fn content(imprint: Digest, nonce: &[u8], at: Millis) -> Vec<u8> {
    let seconds = jiff::Timestamp::from_millisecond(at.0).unwrap().strftime("%Y%m%d%H%M%SZ").to_string();
    let hashed = of(SEQUENCE, &[&of(SEQUENCE, &[&SHA_256]), &of(OCTETS, &[&imprint.0])]);
    let time = of(0x18, &[seconds.as_bytes()]);
    of(SEQUENCE, &[&[0x02, 0x01, 0x01], &POLICY, &hashed, &[0x02, 0x01, 0x07], &time, nonce])
}

fn token(content: &[u8]) -> Vec<u8> {
    let attribute = |name: &[u8], value: &[u8]| of(SEQUENCE, &[name, &of(SET, &[value])]);
    let named = of(OCTETS, &[&Digest::plain(CERTIFICATE).0]);
    let named = of(SEQUENCE, &[&of(SEQUENCE, &[&of(SEQUENCE, &[&named])])]);
    let attributes = [
        attribute(&CONTENT_TYPE, &TST_INFO),
        attribute(&MESSAGE_DIGEST, &of(OCTETS, &[&Digest::plain(content).0])),
        attribute(&SIGNING_CERTIFICATE, &named),
    ]
    .concat();
    let signature: DerSignature = key().sign(&of(SET, &[&attributes]));
    let hash = of(SEQUENCE, &[&SHA_256]);
    let signer = of(
        SEQUENCE,
        &[
            &[0x02, 0x01, 0x01],
            &issuer_and_serial(),
            &hash,
            &of(0xa0, &[&attributes]),
            &of(SEQUENCE, &[&ECDSA_SHA_256]),
            &of(OCTETS, &[signature.as_bytes()]),
        ],
    );
    let encapsulated = of(SEQUENCE, &[&TST_INFO, &of(0xa0, &[&of(OCTETS, &[content])])]);
    let data =
        [&[0x02, 0x01, 0x03][..], &of(SET, &[&hash]), &encapsulated, &of(0xa0, &[CERTIFICATE]), &of(SET, &[&signer])];
    of(SEQUENCE, &[&SIGNED_DATA, &of(0xa0, &[&of(SEQUENCE, &data)])])
}

fn key() -> SigningKey {
    let digits = KEY.get(KEY.len() - 64..).unwrap();
    let bytes: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap()).collect();
    SigningKey::from_slice(&bytes).unwrap()
}

/// Returns who issued the certificate, and its number, as they stand in it.
fn issuer_and_serial() -> Vec<u8> {
    let fields = element(element(CERTIFICATE).0).0;
    let (mut rest, mut found) = (fields, Vec::new());
    while found.len() < 4 {
        let after = element(rest).1;
        found.push(&rest[..rest.len() - after.len()]);
        rest = after;
    }
    // Version, number, algorithm, issuer.
    of(SEQUENCE, &[found[3], found[1]])
}

/// Returns the content of the first element, and what follows it.
fn element(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (head, size) = match bytes[1] {
        size if size < 0x80 => (2, usize::from(size)),
        0x81 => (3, usize::from(bytes[2])),
        _ => (4, usize::from(bytes[2]) << 8 | usize::from(bytes[3])),
    };
    bytes[head..].split_at(size)
}

/// Writes an element in DER.
fn of(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let content = contents.concat();
    let size = content.len();
    let head = match size {
        0..0x80 => vec![tag, size as u8],
        0x80..0x100 => vec![tag, 0x81, size as u8],
        _ => vec![tag, 0x82, (size >> 8) as u8, size as u8],
    };
    [head, content].concat()
}
