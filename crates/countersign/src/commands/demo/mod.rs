//! `countersign demo`: a story on a real service inventory, played through the gateway.
//!
//! Nothing is staged but the people: the agent is an MCP client, its calls go through the gateway to an MCP server over a
//! SQLite database, and what each scene should do is held against what that database says afterwards.

mod agent;
mod play;
mod stage;

use std::collections::BTreeMap;
use std::io::{BufReader, stdin, stdout};
use std::path::Path;

use serde_json::json;

use super::Done;
use crate::cli::Demo;
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, BOLD, FAINT, GOOD, paint};
use crate::serve::Signals;
use stage::Stage;

/// Runs the command.
pub async fn run(args: &Demo, as_json: bool) -> Done {
    if let Some(db) = &args.serve {
        return serve(db.clone()).await;
    }
    if args.agent {
        return agent::run(args.vary).await;
    }
    let stage = Stage::set(args.listen).await?;
    output::tell(paint(
        FAINT,
        format!("the demo lives in {}; everything in it is made anew each time", stage.dir.display()),
    ));
    let scenes = play::all(&stage, as_json).await?;
    let failed = scenes.iter().filter(|scene| !scene.as_told).count();
    if as_json {
        let told: Vec<_> = scenes.iter().map(play::Played::to_json).collect();
        let logins = logins(&stage)?;
        output::say_json(&json!({ "url": stage.server.url, "logins": logins, "scenes": told, "failed": failed }));
    } else {
        trace_of(&stage, &scenes)?;
        finish(&stage, failed, args.once)?;
    }
    if args.once {
        stage.server.stop().await;
    } else {
        stage.server.wait(Signals::hear()?).await;
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

/// Is the demo's MCP server over stdio.
async fn serve(db: std::path::PathBuf) -> Done {
    let served = tokio::task::spawn_blocking(move || {
        demo::inventory_server::serve(Path::new(&db), BufReader::new(stdin()), stdout())
    });
    match served.await {
        Ok(Ok(())) => Ok(Exit::Done),
        Ok(Err(error)) => Err(CliError::machine(format!("the demo's server ended: {error}"))),
        Err(error) => Err(CliError::machine(error.to_string())),
    }
}

/// Tells one action in full: the one that a person approved.
fn trace_of(stage: &Stage, scenes: &[play::Played]) -> Result<(), CliError> {
    let approved = scenes.iter().find(|scene| scene.approved).and_then(|scene| scene.action);
    let Some(action) = approved else { return Ok(()) };
    output::say(format!("\n{}\n", paint(BOLD, "── one of them in full: `countersign trace ACTION` ──")));
    let path = stage.server.control.trace(&action)?;
    super::trace::tell(&action, &path);
    Ok(())
}

/// Makes a link for each person of the story that logs a browser in to the console.
fn logins(stage: &Stage) -> Result<BTreeMap<&'static str, String>, CliError> {
    stage.people.iter().map(|(name, key)| Ok((*name, stage.server.login_link(key)?))).collect()
}

fn finish(stage: &Stage, failed: usize, once: bool) -> Result<(), CliError> {
    let line = match failed {
        0 => paint(GOOD, "\nEvery scene came out as told."),
        n => paint(BAD, format!("\n{n} scenes came out otherwise than told.")),
    };
    output::say(line);
    if once {
        return Ok(());
    }
    output::say(format!(
        "\n{}",
        paint(BOLD, "The console, as each of the people; a link logs one browser in, within ten minutes:")
    ));
    for (name, link) in logins(stage)? {
        output::say(format!("  {name:<5} {link}"));
    }
    let dir = stage.dir.display();
    output::say(format!("\nThe server keeps running at {}. In another terminal:", stage.server.url));
    output::say(paint(BOLD, "  countersign init -- <your own MCP server's command>     # yours, in under a minute"));
    output::say(format!("  countersign --dir {dir} log tail -f"));
    output::say(format!("  countersign --dir {dir} doctor"));
    output::say(format!(
        "  countersign --dir {dir} switch clear agent:{} --reason \"the story is over\"",
        demo::bundle::AGENT
    ));
    output::say(paint(FAINT, "Ctrl-C ends it."));
    Ok(())
}
