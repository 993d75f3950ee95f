//! The six races: what is there before each, and who runs in it.

use ledger::sync::thread::JoinHandle;
use types::case::Case;

use crate::bundles::{CASE_MS, FIRST, HANDOVER_MS, ON_CALL, SIGNED, STRICTER};
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
    /// Votes in others' places and of whoever is on call, against the giving, taking back and end of what they rest on.
    Deputy,
    /// Votes that people sign, against the same ballot again, the loss of a passkey, and a change of policy.
    Ballot,
}

/// Are all races.
pub const SCENES: [Scene; 6] = [Scene::Timeout, Scene::Kill, Scene::Policy, Scene::Votes, Scene::Deputy, Scene::Ballot];

impl Scene {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Kill => "kill",
            Self::Policy => "policy",
            Self::Votes => "votes",
            Self::Deputy => "deputy",
            Self::Ballot => "ballot",
        }
    }

    /// Returns which of the bundles it begins with.
    pub fn bundle(self) -> usize {
        match self {
            Self::Timeout | Self::Kill | Self::Policy | Self::Votes => FIRST,
            Self::Deputy => ON_CALL,
            Self::Ballot => SIGNED,
        }
    }

    /// Makes what is there before the race.
    pub async fn prepare(self, world: &World) {
        world.set_up(self.bundle()).await;
        match self {
            Self::Timeout => hold(world, 1, "restart", "a").await,
            Self::Kill | Self::Policy => {
                hold(world, 1, "restart", "a").await;
                hold(world, 2, "restart", "b").await;
                let [ticket, _] = world.control.cases().try_into().unwrap();
                world.vote("cleo", &ticket).await;
            }
            Self::Votes => hold(world, 1, "scale", "a").await,
            Self::Deputy => {
                world.give("cleo", "eve", HANDOVER_MS).await;
                hold(world, 1, "scale", "a").await;
                hold(world, 2, "restart", "b").await;
                world.clock.advance(HANDOVER_MS - 1);
            }
            Self::Ballot => {
                world.enrol("ben").await;
                world.enrol("cleo").await;
                hold(world, 1, "restart", "a").await;
                hold(world, 2, "restart", "b").await;
            }
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
            Self::Deputy => deputy(world, &cases[0], &cases[1]),
            Self::Ballot => ballot(world, &cases[0], &cases[1]),
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
        late(world, |world| async move { world.activate(STRICTER).await }),
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

/// `eve` has no vote of her own; `ben` gives her his in the race, and `cleo`'s is hers until `cleo` is on call.
fn deputy(world: &World, pair: &Case, on_call: &Case) -> Vec<JoinHandle<()>> {
    let (of_cleo, of_ben) = ((pair.clone(), on_call.clone()), on_call.clone());
    let hands_over = |world: World| async move {
        world.clock.advance(1);
        world.control.tick().await.unwrap();
    };
    vec![
        vote(world, "eve", pair),
        vote(world, "eve", pair),
        world.thread(|world| async move {
            let (pair, on_call) = of_cleo;
            world.vote("cleo", &on_call).await;
            world.vote("cleo", &pair).await;
        }),
        world.thread(|world| async move {
            world.give("ben", "eve", 10 * CASE_MS).await;
            world.vote("ben", &of_ben).await;
        }),
        late(world, |world| async move { world.take_back("dan", "ben", "eve").await }),
        late(world, hands_over),
        call(world, 11, "scale", "a"),
    ]
}

/// `ben` casts the same ballot from two pages; `cleo` loses her passkey while she signs.
fn ballot(world: &World, twice: &Case, lost: &Case) -> Vec<JoinHandle<()>> {
    let (twice, lost) = (twice.clone(), lost.clone());
    vec![
        world.thread(|world| async move {
            let Some(drawn) = world.draw("ben", &twice) else { return };
            linger();
            let (again, case) = (drawn.clone(), twice.clone());
            let other = world.thread(|world| async move { world.cast("ben", &case, &again).await });
            world.cast("ben", &twice, &drawn).await;
            other.join().unwrap();
        }),
        world.thread(|world| async move {
            let Some(drawn) = world.draw("cleo", &lost) else { return };
            linger();
            world.cast("cleo", &lost, &drawn).await;
        }),
        late(world, |world| async move { world.revoke("cleo").await }),
        late(world, |world| async move { world.activate(STRICTER).await }),
        call(world, 11, "restart", "a"),
    ]
}
