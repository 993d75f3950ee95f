//! The four races: what is there before each, and who runs in it.

use ledger::sync::thread::JoinHandle;
use types::case::Case;

use crate::bundles::CASE_MS;
use crate::linger;
use crate::told::Said;
use crate::world::World;

/// Is one of the races.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// An approval and what it permits, against the end of its time.
    Timeout,
    /// Approvals, calls and permits that an agent carries out by itself, against a kill.
    Kill,
    /// Approvals and calls, against a change of policy.
    Policy,
    /// Votes of one person and of several, and two calls for one ticket.
    Votes,
}

/// Are all races.
pub const SCENES: [Scene; 4] = [Scene::Timeout, Scene::Kill, Scene::Policy, Scene::Votes];

impl Scene {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Kill => "kill",
            Self::Policy => "policy",
            Self::Votes => "votes",
        }
    }

    /// Makes what is there before the race.
    pub async fn prepare(self, world: &World) {
        world.set_up().await;
        match self {
            Self::Timeout => hold(world, 1, "restart", "a").await,
            Self::Kill | Self::Policy => {
                hold(world, 1, "restart", "a").await;
                hold(world, 2, "restart", "b").await;
                let [ticket, _] = world.control.cases().try_into().unwrap();
                world.vote("cleo", &ticket).await;
            }
            Self::Votes => hold(world, 1, "scale", "a").await,
        }
        if self == Self::Timeout {
            world.clock.advance(CASE_MS - 1);
        }
    }

    /// Begins the threads of the race.
    ///
    /// - `cases`: those that were prepared, in order of opening.
    pub fn begin(self, world: &World, cases: &[Case]) -> Vec<JoinHandle<()>> {
        match self {
            Self::Timeout => timeout(world, &cases[0]),
            Self::Kill => kill(world, &cases[1]),
            Self::Policy => policy(world, &cases[1]),
            Self::Votes => votes(world, &cases[0]),
        }
    }
}

async fn hold(world: &World, number: u64, tool: &str, service: &str) {
    let said = world.call(number, tool, service).await;
    assert!(matches!(said, Said::Held(_)), "{said:?}");
}

fn call(world: &World, number: u64, tool: &'static str, service: &'static str) -> JoinHandle<()> {
    world.thread(move |world| async move {
        world.call(number, tool, service).await;
    })
}

fn vote(world: &World, who: &'static str, case: &Case) -> JoinHandle<()> {
    let case = case.clone();
    world.thread(move |world| async move { world.vote(who, &case).await })
}

/// Waits for a case and calls then, as a held call does.
fn wait_and_call(world: &World, case: &Case, number: u64, tool: &'static str) -> JoinHandle<()> {
    let case = case.clone();
    world.thread(move |world| async move {
        world.wait(&case).await;
        world.call(number, tool, "a").await;
    })
}

/// Begins a thread that does something later.
fn late<F: Future<Output = ()>>(world: &World, run: impl FnOnce(World) -> F + Send + 'static) -> JoinHandle<()> {
    world.thread(|world| async move {
        linger();
        run(world).await;
    })
}

fn timeout(world: &World, case: &Case) -> Vec<JoinHandle<()>> {
    let ends = |world: World| async move {
        world.clock.advance(1);
        world.control.tick().await.unwrap();
    };
    vec![
        vote(world, "ben", case),
        call(world, 11, "restart", "a"),
        wait_and_call(world, case, 12, "restart"),
        late(world, ends),
    ]
}

fn kill(world: &World, open: &Case) -> Vec<JoinHandle<()>> {
    vec![
        call(world, 11, "restart", "a"),
        call(world, 12, "report", "a"),
        world.thread(|world| async move { world.act(13, "report", "b").await }),
        vote(world, "ben", open),
        late(world, |world| async move { world.kill().await }),
    ]
}

fn policy(world: &World, open: &Case) -> Vec<JoinHandle<()>> {
    vec![
        call(world, 11, "restart", "a"),
        call(world, 12, "report", "a"),
        vote(world, "ben", open),
        late(world, |world| async move { world.activate(1).await }),
        late(world, |world| async move { world.level("read").await }),
    ]
}

fn votes(world: &World, case: &Case) -> Vec<JoinHandle<()>> {
    vec![
        vote(world, "ben", case),
        vote(world, "ben", case),
        vote(world, "cleo", case),
        call(world, 11, "scale", "a"),
        wait_and_call(world, case, 12, "scale"),
    ]
}
