//! One client over standard input and output.

use std::sync::Arc;

use control::door::{Era, McpDoor};
use countersign_gateway::{Selection, serve_stdio};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

use crate::fake::{Act, Door, Verdict, Wait, one};
use crate::web::{INIT, json, meta};

pub struct Wire {
    pub door: Arc<Door>,
    input: Option<WriteHalf<DuplexStream>>,
    output: Lines<BufReader<ReadHalf<DuplexStream>>>,
    serving: JoinHandle<std::io::Result<()>>,
}

pub fn wire(door: Door) -> Wire {
    let door = Arc::new(door);
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (reader, writer) = tokio::io::split(theirs);
    let caller = door.authenticate(Some("alpha")).unwrap();
    let served = Arc::clone(&door);
    let serving = tokio::spawn(async move {
        serve_stdio(served, (caller, Default::default()), Selection::All, BufReader::new(reader), writer, 4096).await
    });
    let (output, input) = tokio::io::split(ours);
    Wire { door, input: Some(input), output: BufReader::new(output).lines(), serving }
}

impl Wire {
    pub async fn say(&mut self, line: &str) {
        self.input.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> String {
        self.output.next_line().await.unwrap().expect("one more line")
    }

    pub async fn value(&mut self) -> Value {
        json(&self.line().await)
    }

    pub async fn open(&mut self) {
        self.say(INIT).await;
        self.line().await;
    }
}

fn modern(id: u64, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{}{params}}}}}"#, meta("{}"))
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"t","arguments":{"a": 1.0}}}"#;

#[tokio::test]
async fn a_session_from_the_first_line_to_the_last() {
    let mut wire = wire(one(Era::Stateful));
    wire.say(r#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#).await;
    assert_eq!(wire.line().await, r#"{"id":9,"jsonrpc":"2.0","result":{}}"#);
    wire.say(INIT).await;
    assert!(wire.line().await.contains(r#""zz":1.0"#));
    wire.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    wire.say(CALL).await;
    assert!(wire.line().await.contains(r#""odd": 1.0"#));
    assert_eq!(wire.door.state.lock().unwrap().calls[0].request.text(), CALL);
    assert_eq!(wire.door.count("send files notifications/initialized"), 1);
    wire.say(INIT).await;
    assert_eq!(wire.value().await["error"]["code"], -32600);
    wire.input.as_mut().unwrap().shutdown().await.unwrap();
    wire.serving.await.unwrap().unwrap();
    assert_eq!((wire.door.count("close files"), wire.door.count("end")), (1, 1));
}

#[tokio::test]
async fn lines_that_are_no_message_are_answered_and_skipped() {
    let mut wire = wire(one(Era::Stateful));
    wire.open().await;
    for (line, rpc) in [("{", -32700), ("[]", -32600), (&"x".repeat(5000), -32600), ("\u{1}", -32700)] {
        wire.say(line).await;
        let answer = wire.value().await;
        assert_eq!(answer["error"]["code"], rpc);
        assert!(answer.get("id").is_none());
    }
    wire.say(r#"{"jsonrpc":"2.0","id":3,"method":"nope"}"#).await;
    assert_eq!(wire.value().await["error"]["code"], -32601);
}

#[tokio::test]
async fn a_request_before_any_era_is_told_how_to_begin() {
    let mut wire = wire(one(Era::Stateful));
    wire.say(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
    let answer = wire.value().await;
    assert_eq!(answer["error"]["code"], -32602);
    assert!(answer["error"]["message"].as_str().unwrap().contains("initialize"));
    assert_eq!(wire.door.count("open"), 0);
}

#[tokio::test]
async fn requests_that_stand_for_themselves_need_no_handshake() {
    let mut wire = wire(one(Era::Stateless));
    wire.say(&modern(1, "server/discover", "")).await;
    assert_eq!(wire.value().await["id"], 1);
    wire.say(&modern(2, "tools/call", r#","name":"t""#)).await;
    assert_eq!(wire.value().await["result"]["content"][0]["text"], "done");
    wire.say(INIT).await;
    assert_eq!(wire.value().await["error"]["code"], -32022);
}

#[tokio::test]
async fn a_withdrawn_call_never_runs_and_gets_no_answer() {
    let mut wire = wire(one(Era::Stateful).verdicts(&[Verdict::Hold]).waits(&[Wait::Forever]));
    wire.open().await;
    wire.say(CALL).await;
    wire.door.seen("wait").await;
    wire.say(CALL).await;
    assert_eq!(wire.value().await["error"]["data"]["code"], "mcp-id-replayed");
    wire.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#).await;
    wire.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"1"}}"#).await;
    wire.door.seen("dropped wait").await;
    wire.say(r#"{"jsonrpc":"2.0","id":5,"method":"ping"}"#).await;
    assert_eq!(wire.value().await["id"], 5);
    assert_eq!((wire.door.count("dispatch"), wire.door.count("send")), (0, 0));
}

#[tokio::test]
async fn a_client_that_closes_its_end_withdraws_what_is_held() {
    let mut wire = wire(one(Era::Stateful).verdicts(&[Verdict::Hold]).waits(&[Wait::Forever]));
    wire.open().await;
    wire.say(CALL).await;
    wire.door.seen("wait").await;
    wire.input.as_mut().unwrap().shutdown().await.unwrap();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), wire.serving).await;
    ended.expect("nothing held is waited for").unwrap().unwrap();
    assert_eq!((wire.door.count("dropped wait"), wire.door.count("dispatch"), wire.door.count("end")), (1, 0, 1));
}

#[tokio::test]
async fn a_client_that_closes_its_end_still_gets_its_answers() {
    let mut wire = wire(one(Era::Stateful));
    wire.say(INIT).await;
    wire.say(CALL).await;
    wire.input.as_mut().unwrap().shutdown().await.unwrap();
    wire.line().await;
    assert_eq!(wire.value().await["id"], "1");
}

#[tokio::test]
async fn a_servers_question_travels_to_the_client_and_back() {
    let ask = r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"who?"}}"#;
    let progress = "{\"jsonrpc\":\"2.0\",\n\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"p\",\"progress\":1}}";
    let act = Act { before: vec![progress.into(), ask.into()], asks: true, ..Act::default() };
    let mut wire = wire(one(Era::Stateful).act("tools/call", act));
    wire.open().await;
    wire.say(CALL).await;
    assert_eq!(wire.value().await["method"], "notifications/progress");
    assert_eq!(wire.value().await["method"], "elicitation/create");
    wire.say(r#"{"jsonrpc":"2.0","id":77,"result":{}}"#).await;
    wire.say(r#"{"jsonrpc":"2.0","id":1,"result":{"action":"decline"}}"#).await;
    assert_eq!(wire.value().await["result"]["heard"]["result"]["action"], "decline");
    assert_eq!(wire.door.count("send files answer"), 1, "an answer to nothing goes nowhere");
}
