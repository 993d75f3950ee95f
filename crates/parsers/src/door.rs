//! A door behind which nothing happens: every call is permitted, and an upstream server answers the same to everything.

use std::sync::{Arc, Mutex};

use control::door::{CallOutcome, Caller, CaseEnd, Era, GovernedCall, McpDoor, Refusal, UpstreamLink};
use tokio::sync::mpsc;
use types::jsonrpc::Frame;
use types::{CaseId, Code, Identity, Millis, ServerName, SessionId};

const HELLO: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"resources":{"subscribe":true},"prompts":{},"logging":{}},"serverInfo":{"name":"s","version":"1"}}"#;

const DISCOVERED: &str = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":5,"cacheScope":"public"}"#;

const ANSWER: &str = r#"{"tools":[{"name":"t","inputSchema":{"type":"object"}}],"resources":[],"resourceTemplates":[],"prompts":[],"content":[],"contents":[],"messages":[]}"#;

/// Is the only token that the door knows.
pub(crate) const TOKEN: &str = "key";

/// Remembers what it was asked to carry out.
pub(crate) struct Door {
    pub(crate) era: Era,
    pub(crate) calls: Mutex<Vec<GovernedCall>>,
    pub(crate) clients: Mutex<Vec<String>>,
}

impl Door {
    pub(crate) fn new(era: Era) -> Arc<Self> {
        Arc::new(Self { era, calls: Mutex::default(), clients: Mutex::default() })
    }
}

pub(crate) fn caller() -> Caller {
    Caller { agent: "a".parse().unwrap(), on_behalf_of: None, anonymous: false }
}

pub(crate) struct Link(Era);

fn answer(request: &Frame) -> Frame {
    Frame::result(request.id().unwrap(), ANSWER)
}

impl UpstreamLink for Link {
    fn era(&self) -> Era {
        self.0
    }

    fn hello(&self) -> &str {
        if self.0 == Era::Stateful { HELLO } else { DISCOVERED }
    }

    async fn relay(&self, request: Frame, _: Vec<(String, String)>, _: mpsc::Sender<Frame>) -> Result<Frame, Refusal> {
        Ok(answer(&request))
    }

    async fn send(&self, _: Frame) -> Result<(), Refusal> {
        Ok(())
    }

    fn unsolicited(&self) -> Option<mpsc::Receiver<Frame>> {
        None
    }

    async fn close(&self) {}
}

impl McpDoor for Door {
    type Link = Link;

    fn authenticate(&self, token: Option<&str>) -> Result<Caller, Refusal> {
        let known = token == Some(TOKEN);
        known.then(caller).ok_or_else(|| Refusal::plain(Code::Unauthenticated, "no such key"))
    }

    fn servers(&self) -> Vec<ServerName> {
        vec!["s".parse().unwrap()]
    }

    fn annotates(&self, _: &Caller) -> bool {
        true
    }

    async fn open_session(&self, _: &Caller, _: &Identity, client: &str) -> Result<SessionId, Refusal> {
        self.clients.lock().unwrap().push(client.to_owned());
        Ok(SessionId::draw(Millis(1), [3; 10]))
    }

    async fn close_session(&self, _: SessionId) {}

    async fn connect(&self, _: &Caller, _: &ServerName, _: Option<&str>, _: &str) -> Result<Arc<Link>, Refusal> {
        Ok(Arc::new(Link(self.era)))
    }

    async fn observe_tools(&self, _: &ServerName, _: &str, _: Vec<String>) {}

    async fn call(&self, _: Arc<Link>, call: GovernedCall, _: mpsc::Sender<Frame>) -> CallOutcome {
        let answer = answer(&call.request);
        self.calls.lock().unwrap().push(call);
        CallOutcome::Answer(answer)
    }

    async fn permits_upstream_request(&self, _: &Caller, _: &ServerName, _: &str, _: &str) -> Result<(), Refusal> {
        Ok(())
    }

    async fn await_case(&self, _: CaseId, _: i64) -> CaseEnd {
        CaseEnd::StillOpen
    }

    fn permits_relay(&self, _: &Caller, _: Option<&ServerName>, _: &str) -> Result<(), Refusal> {
        Ok(())
    }

    fn now(&self) -> Millis {
        Millis(1)
    }

    fn draw(&self) -> [u8; 16] {
        [7; 16]
    }

    async fn withdraw_case(&self, _: CaseId) {}

    fn wait_ms_max(&self) -> i64 {
        0
    }
}
