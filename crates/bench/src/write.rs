//! Writing a journal as an operator would have it: decisions of every verdict, people's votes, reported outcomes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use control::Control;
use control::actions::{Decided, Wish};
use types::case::Ballot;
use types::{AgentId, Arguments, Channel, OutcomeStatus, PersonId, Principal};

use crate::measure::line;
use crate::workload::{self, Kind};
use crate::{mcp, measure};

/// Is how many agents act at a time.
const CALLERS: u32 = workload::AGENTS;

/// Is how many policies the bundle has: few, for what is measured is not how they are found.
const POLICIES: usize = 40;

/// Writes `count` decisions into a new data folder with its keys, as the `countersign` program reads them: of a hundred,
/// three are denied, one goes to people and then runs, and the others run.
///
/// # Errors
///
/// What the machine, the bundle's own check or the journal says.
pub async fn run(folder: &Path, count: u32) -> Result<(), String> {
    let server = mcp::server().await?;
    workload::write_keys(folder)?;
    let control = workload::control(folder, server, Kind { policies: POLICIES, ..workload::PLAIN }).await?;
    let begun = measure::now();
    let written = Arc::new(AtomicU32::new(0));
    let callers = (0..CALLERS).map(|caller| tokio::spawn(act(control.clone(), written.clone(), caller, count)));
    for caller in callers.collect::<Vec<_>>() {
        caller.await.map_err(|e| e.to_string())??;
    }
    let took = measure::since(begun);
    line("decisions written", &format!("{} in {:.1} s", written.load(Ordering::SeqCst), took.as_secs_f64()));
    control.close().await;
    Ok(())
}

/// Is one agent, acting until there are enough decisions.
async fn act(control: Arc<Control>, written: Arc<AtomicU32>, caller: u32, count: u32) -> Result<(), String> {
    loop {
        let turn = written.fetch_add(1, Ordering::SeqCst);
        if turn >= count {
            written.fetch_sub(1, Ordering::SeqCst);
            return Ok(());
        }
        match turn % 100 {
            // Its second decision is counted by the turn that it takes from the others.
            0 if turn + 1 < count => {
                written.fetch_add(1, Ordering::SeqCst);
                approved(&control, caller, turn).await?;
            }
            1..=3 => drop(decide(&control, wish(caller, "bench.read_item", "elsewhere", turn)?).await?),
            _ => carried_out(&control, caller, turn).await?,
        }
    }
}

fn wish(caller: u32, tool: &str, item: &str, turn: u32) -> Result<Wish, String> {
    let arguments = serde_json::json!({ "item": item, "note": format!("turn {turn} of agent {caller}") });
    let arguments = Arguments::parse(&arguments.to_string(), 4_096).map_err(|e| e.to_string())?;
    Ok(Wish { arguments, channel: Channel::Http, ..workload::wish(caller, tool)? })
}

fn item(turn: u32) -> String {
    format!("item-{}", turn % 100)
}

async fn decide(control: &Control, wish: Wish) -> Result<Decided, String> {
    control.decide_once(wish, true).await.map_err(|refusal| refusal.message)
}

async fn carried_out(control: &Control, caller: u32, turn: u32) -> Result<(), String> {
    let wish = wish(caller, "bench.read_item", &item(turn), turn)?;
    let decided = decide(control, wish.clone()).await?;
    report(control, &wish.principal, &decided, turn).await
}

/// Has a person approve what agents may not do alone, and does it then.
async fn approved(control: &Control, caller: u32, turn: u32) -> Result<(), String> {
    let wish = wish(caller, "bench.write_item", &item(turn), turn)?;
    let asked = decide(control, wish.clone()).await?;
    let case = asked.case.ok_or_else(|| "the workload's action did not go to people".to_owned())?;
    let shown = control.case(&case.id).map_err(|refusal| refusal.message)?.case.shown;
    let ana = PersonId::new("ana").map_err(|e| e.to_string())?;
    let vote = control.vote(&ana, case.id, Ballot::Approve, "it is in the plan", shown, true);
    vote.await.map_err(|refusal| refusal.message)?;
    let decided = decide(control, wish.clone()).await?;
    report(control, &wish.principal, &decided, turn).await
}

async fn report(control: &Control, principal: &Principal, decided: &Decided, turn: u32) -> Result<(), String> {
    if decided.permit.is_none() {
        return Err("the workload's action was not permitted".to_owned());
    }
    let agent: AgentId = principal.agent().cloned().ok_or_else(|| "agents alone act here".to_owned())?;
    let (status, result, error) = match turn % 50 {
        7 => (OutcomeStatus::Failed, None, Some("the item is locked".to_owned())),
        _ => (OutcomeStatus::Done, Some(r#"{"ok":true}"#.to_owned()), None),
    };
    let reported = control.report(&agent, decided.decision.action, status, result, error).await;
    reported.map(drop).map_err(|refusal| refusal.message)
}
