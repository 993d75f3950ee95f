//! A door that does what a test tells it, and remembers what it was asked.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use control::door::{CallOutcome, Caller, CaseEnd, CaseRef, Era, GovernedCall, McpDoor, Refusal, UpstreamLink};
use tokio::sync::{Notify, mpsc};
use types::jsonrpc::Frame;
use types::{ActionId, AgentId, CaseId, Code, Finding, Identity, Millis, Restriction, ServerName, SessionId, Stage};

/// What an upstream server does with one request.
#[derive(Clone, Default)]
pub struct Act {
    /// Frames it sends first.
    pub before: Vec<String>,
    /// It waits for the client's answer to its own request, and answers with that.
    pub asks: bool,
    /// It never answers.
    pub hangs: bool,
    /// The members of its answer, such as `"result":{}`.
    pub answer: String,
    /// The members of its answer to a request with a cursor, if they differ.
    pub paged: Option<String>,
}

/// What the door does with one governed call.
#[derive(Clone)]
pub enum Verdict {
    Permit,
    Refuse,
    Hold,
}

/// How one wait for people goes.
#[derive(Clone)]
pub enum Wait {
    Approved,
    Refused,
    Open,
    Forever,
}

#[derive(Clone)]
pub struct Server {
    pub era: Era,
    pub hello: String,
    pub acts: HashMap<&'static str, Act>,
}

#[derive(Default)]
pub struct State {
    pub log: Vec<String>,
    pub calls: Vec<GovernedCall>,
    pub sent: Vec<(ServerName, String)>,
    pub relayed: Vec<(ServerName, String)>,
    pub observed: Vec<(ServerName, Vec<String>)>,
    pub verdicts: VecDeque<Verdict>,
    pub waits: VecDeque<Wait>,
    pub unsolicited: HashMap<ServerName, mpsc::Sender<Frame>>,
    /// A kill switch covers every agent.
    pub killed: bool,
    pub drawn: u8,
}

pub struct Door {
    pub servers: BTreeMap<ServerName, Server>,
    pub state: Arc<Mutex<State>>,
    pub answered: Arc<Notify>,
    pub annotates: bool,
    pub asks_refused: bool,
    /// A caller without a key is let in.
    pub anonymous: bool,
}

pub struct Link {
    name: ServerName,
    server: Server,
    state: Arc<Mutex<State>>,
    answered: Arc<Notify>,
    frames: Mutex<Option<mpsc::Receiver<Frame>>>,
}

pub fn name(text: &str) -> ServerName {
    ServerName::new(text).unwrap()
}

pub fn hello(era: Era) -> String {
    let capabilities = r#"{"tools":{"listChanged":true},"resources":{"subscribe":true},"prompts":{},"logging":{}}"#;
    match era {
        Era::Stateful => format!(
            r#"{{"protocolVersion":"2025-11-25","capabilities":{capabilities},"serverInfo":{{"name":"s","version":"1"}},"zz": 1.0}}"#
        ),
        Era::Stateless => format!(
            r#"{{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{capabilities},"ttlMs":5,"cacheScope":"public"}}"#
        ),
    }
}

/// A server that lists one tool and answers calls.
pub fn server(era: Era) -> Server {
    let answers = [
        ("tools/list", r#""result":{"tools":[{"name":"t","inputSchema":{"type":"object"},"odd": 1.0}],"xx":[1.0]}"#),
        ("tools/call", r#""result":{"content":[{"type":"text","text":"done"}],"odd": 1.0}"#),
        ("resources/read", r#""result":{"contents":[]}"#),
        ("resources/list", r#""result":{"resources":[]}"#),
        ("resources/templates/list", r#""result":{"resourceTemplates":[]}"#),
        ("prompts/list", r#""result":{"prompts":[{"name":"p"}]}"#),
        ("prompts/get", r#""result":{"messages":[]}"#),
        ("server/discover", r#""result":{"supportedVersions":["2026-07-28"],"odd": 1.0}"#),
    ];
    let acts = answers.map(|(method, answer)| (method, Act { answer: answer.to_owned(), ..Act::default() }));
    Server { era, hello: hello(era), acts: HashMap::from(acts) }
}

pub fn door(servers: &[(&str, Server)]) -> Door {
    Door {
        servers: servers.iter().map(|(n, s)| (name(n), s.clone())).collect(),
        state: Arc::default(),
        answered: Arc::default(),
        annotates: false,
        asks_refused: false,
        anonymous: false,
    }
}

pub fn one(era: Era) -> Door {
    door(&[("files", server(era))])
}

impl Door {
    pub fn act(mut self, method: &'static str, act: Act) -> Self {
        for server in self.servers.values_mut() {
            server.acts.insert(method, act.clone());
        }
        self
    }

    pub fn verdicts(self, verdicts: &[Verdict]) -> Self {
        self.state.lock().unwrap().verdicts = verdicts.iter().cloned().collect();
        self
    }

    pub fn waits(self, waits: &[Wait]) -> Self {
        self.state.lock().unwrap().waits = waits.iter().cloned().collect();
        self
    }

    pub fn log(&self) -> Vec<String> {
        self.state.lock().unwrap().log.clone()
    }

    pub fn count(&self, entry: &str) -> usize {
        self.log().iter().filter(|line| line.starts_with(entry)).count()
    }

    /// Waits until the log holds an entry.
    pub async fn seen(&self, entry: &str) {
        for _ in 0..6_000 {
            if self.count(entry) > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("`{entry}` did not happen; {:?}", self.log());
    }

    pub async fn unsolicited(&self, server: &str, frame: &str) {
        let sender = self.state.lock().unwrap().unsolicited[&name(server)].clone();
        sender.send(Frame::parse(frame, 1 << 20).unwrap()).await.unwrap();
    }
}

pub fn refusal() -> Refusal {
    let finding = Finding::new(Stage::Policy, Restriction::Deny, Code::PolicyForbids, "no deletes here", "p1");
    let action = Some(ActionId::draw(Millis(1), [1; 10]));
    Refusal { findings: vec![finding], action, ..Refusal::plain(Code::PolicyForbids, "a policy forbids it") }
}

pub fn case() -> CaseRef {
    CaseRef {
        id: CaseId::draw(Millis(1), [2; 10]),
        url: "https://gate.example/cases/1".into(),
        expires: Millis(9),
        may_ask: false,
    }
}

struct Noted(Arc<Mutex<State>>, &'static str);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.lock().unwrap().log.push(self.1.to_owned());
    }
}

impl Link {
    async fn perform(&self, request: &Frame, events: &mpsc::Sender<Frame>) -> Frame {
        let id = request.id().unwrap();
        let Some(act) = self.server.acts.get(request.method().unwrap()) else {
            return Frame::error(Some(id), -32601, "no such method", None);
        };
        for before in &act.before {
            let before = before.replace("$ID", id.as_json());
            events.send(Frame::parse(before, 1 << 20).unwrap()).await.unwrap();
        }
        if act.hangs {
            let _noted = Noted(Arc::clone(&self.state), "dropped upstream");
            std::future::pending::<()>().await;
        }
        if act.asks {
            self.answered.notified().await;
            let answer = self.state.lock().unwrap().sent.last().unwrap().1.clone();
            return Frame::result(id, &format!(r#"{{"content":[],"heard":{answer}}}"#));
        }
        let paged = act.paged.as_ref().filter(|_| request.text().contains("\"cursor\""));
        let answer = paged.unwrap_or(&act.answer);
        Frame::parse(format!(r#"{{"jsonrpc":"2.0","id":{},{}}}"#, id.as_json(), answer), 1 << 20).unwrap()
    }
}

impl UpstreamLink for Link {
    fn era(&self) -> Era {
        self.server.era
    }

    fn hello(&self) -> &str {
        &self.server.hello
    }

    async fn relay(
        &self,
        request: Frame,
        _: Vec<(String, String)>,
        events: mpsc::Sender<Frame>,
    ) -> Result<Frame, Refusal> {
        {
            let mut state = self.state.lock().unwrap();
            state.log.push(format!("relay {} {}", self.name, request.method().unwrap()));
            state.relayed.push((self.name.clone(), request.text().to_owned()));
        }
        Ok(self.perform(&request, &events).await)
    }

    async fn send(&self, frame: Frame) -> Result<(), Refusal> {
        {
            let mut state = self.state.lock().unwrap();
            state.log.push(format!("send {} {}", self.name, frame.method().unwrap_or("answer")));
            state.sent.push((self.name.clone(), frame.text().to_owned()));
        }
        if frame.method().is_none() {
            self.answered.notify_one();
        }
        Ok(())
    }

    fn unsolicited(&self) -> Option<mpsc::Receiver<Frame>> {
        self.frames.lock().unwrap().take()
    }

    async fn close(&self) {
        self.state.lock().unwrap().log.push(format!("close {}", self.name));
    }
}

impl McpDoor for Door {
    type Link = Link;

    fn authenticate(&self, token: Option<&str>) -> Result<Caller, Refusal> {
        let agent = match token {
            Some("alpha" | "beta") => token.unwrap(),
            None if self.anonymous => "nobody",
            _ => return Err(Refusal::plain(Code::Unauthenticated, "no such key")),
        };
        Ok(Caller { agent: AgentId::new(agent).unwrap(), on_behalf_of: None, anonymous: token.is_none() })
    }

    fn servers(&self) -> Vec<ServerName> {
        self.servers.keys().cloned().collect()
    }

    fn annotates(&self, _: &Caller) -> bool {
        self.annotates
    }

    async fn open_session(&self, _: &Caller, runs: &Identity, client: &str) -> Result<SessionId, Refusal> {
        runs.check().map_err(|e| Refusal::plain(Code::RequestInvalid, e.to_string()))?;
        let named = if runs.is_empty() { String::new() } else { format!(" running {runs}") };
        self.state.lock().unwrap().log.push(format!("open {client}{named}"));
        Ok(SessionId::draw(Millis(1), [3; 10]))
    }

    async fn close_session(&self, _: SessionId) {
        self.state.lock().unwrap().log.push("end".to_owned());
    }

    async fn connect(
        &self,
        _: &Caller,
        server: &ServerName,
        initialize: Option<&str>,
        abilities: &str,
    ) -> Result<Arc<Link>, Refusal> {
        let (sender, frames) = mpsc::channel(16);
        let mut state = self.state.lock().unwrap();
        state.log.push(format!("connect {server} {}", initialize.unwrap_or(abilities)));
        state.unsolicited.insert(server.clone(), sender);
        Ok(Arc::new(Link {
            name: server.clone(),
            server: self.servers[server].clone(),
            state: Arc::clone(&self.state),
            answered: Arc::clone(&self.answered),
            frames: Mutex::new(Some(frames)),
        }))
    }

    async fn observe_tools(&self, server: &ServerName, _: &str, tools: Vec<String>) {
        let mut state = self.state.lock().unwrap();
        state.log.push(format!("observe {server}"));
        state.observed.push((server.clone(), tools));
    }

    async fn call(&self, link: Arc<Link>, call: GovernedCall, events: mpsc::Sender<Frame>) -> CallOutcome {
        let verdict = {
            let mut state = self.state.lock().unwrap();
            state.log.push(format!("call {}.{} {}", call.server, call.operation, call.arguments));
            state.calls.push(call.clone());
            state.verdicts.pop_front().unwrap_or(Verdict::Permit)
        };
        match verdict {
            Verdict::Refuse => CallOutcome::Refused(refusal()),
            Verdict::Hold => CallOutcome::Held(case()),
            Verdict::Permit => {
                self.state.lock().unwrap().log.push("dispatch".to_owned());
                CallOutcome::Answer(link.perform(&call.request, &events).await)
            }
        }
    }

    async fn permits_upstream_request(
        &self,
        _: &Caller,
        server: &ServerName,
        method: &str,
        params: &str,
    ) -> Result<(), Refusal> {
        self.state.lock().unwrap().log.push(format!("asked {server} {method} {params}"));
        if self.asks_refused { Err(refusal()) } else { Ok(()) }
    }

    fn permits_relay(&self, caller: &Caller, _: Option<&ServerName>, method: &str) -> Result<(), Refusal> {
        let mut state = self.state.lock().unwrap();
        if state.killed {
            state.log.push(format!("stopped {} {method}", caller.agent));
            return Err(Refusal::plain(Code::Killed, "the kill switch of the agent is set"));
        }
        Ok(())
    }

    fn now(&self) -> Millis {
        Millis(1_767_225_600_000)
    }

    fn draw(&self) -> [u8; 16] {
        let mut state = self.state.lock().unwrap();
        state.drawn += 1;
        [state.drawn; 16]
    }

    async fn await_case(&self, _: CaseId, wait_ms: i64) -> CaseEnd {
        let wait = {
            let mut state = self.state.lock().unwrap();
            state.log.push(format!("wait {wait_ms}"));
            state.waits.pop_front().unwrap_or(Wait::Open)
        };
        match wait {
            Wait::Approved => CaseEnd::Approved,
            Wait::Refused => CaseEnd::Refused(Refusal {
                case: Some(case()),
                ..Refusal::plain(Code::ApprovalDenied, "a person refused")
            }),
            Wait::Open => CaseEnd::StillOpen,
            Wait::Forever => {
                let _noted = Noted(Arc::clone(&self.state), "dropped wait");
                std::future::pending().await
            }
        }
    }

    async fn withdraw_case(&self, case: CaseId) {
        self.state.lock().unwrap().log.push(format!("withdrawn {case}"));
    }

    fn wait_ms_max(&self) -> i64 {
        12_000
    }
}
