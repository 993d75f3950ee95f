//! The MCP door: what a kill stops that is not decided, and what of a server's question is decided on.

use countersign_control::door::{Caller, McpDoor};
use countersign_control::state::Target;
use testkit::world;
use types::{Code, Principal, ServerName};

fn caller(agent: &str) -> Caller {
    Caller { agent: agent.parse().unwrap(), on_behalf_of: None, anonymous: false }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_reaches_what_is_relayed_and_its_lifting_lets_it_pass() {
    let world = world().await;
    let dan = Principal::Person("dan".parse().unwrap());
    let server: ServerName = "sre".parse().unwrap();
    let passes = |agent: &str, server: Option<&ServerName>, method: &str| {
        world.control.permits_relay(&caller(agent), server, method).map_err(|refusal| refusal.code)
    };
    assert_eq!(passes("sre-bot", None, "tasks/get"), Ok(()));
    let target = Target::Agent("sre-bot".parse().unwrap());
    world.control.kill(dan.clone(), target.clone(), "acting up").await.unwrap();
    assert_eq!(passes("sre-bot", None, "tasks/get"), Err(Code::Killed));
    assert_eq!(passes("sre-bot", Some(&server), "prompts/get"), Err(Code::Killed));
    assert_eq!(passes("other-bot", Some(&server), "prompts/get"), Ok(()));
    let tool = Target::Tool("sre.mcp:prompts/get".parse().unwrap());
    world.control.kill(dan.clone(), tool, "acting up").await.unwrap();
    assert_eq!(passes("other-bot", Some(&server), "prompts/get"), Err(Code::Killed));
    assert_eq!(passes("other-bot", Some(&server), "prompts/list"), Ok(()));
    world.control.kill(dan, Target::Tenant("default".parse().unwrap()), "acting up").await.unwrap();
    assert_eq!(passes("other-bot", None, "prompts/list"), Err(Code::Killed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_question_is_recorded_with_its_text() {
    let world = world().await;
    let server: ServerName = "sre".parse().unwrap();
    let question = r#"{"message":"your password?","requestedSchema":{"type":"object"}}"#;
    let asked =
        world.control.permits_upstream_request(&caller("sre-bot"), &server, "elicitation/create", question).await;
    let refusal = asked.unwrap_err();
    let path = world.control.trace(&refusal.action.unwrap()).unwrap();
    assert_eq!(path.proposal.unwrap().arguments.canonical(), question);
}
