//! Steps the world: hosts run, then the ledger answers, then something may go wrong.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use testkit::TestClock;
use turmoil::Sim;

use crate::road::coverage::Coverage;
use crate::road::dice::Dice;

use super::agent::Agent;
use super::faults::Faults;
use super::gateway::Node;
use super::journal::Growth;
use super::oracle::{self, Run};
use super::people::People;
use super::scene::Scene;
use super::seeds::played;
use super::server;
use super::template::Template;
use crate::apart::Played;

/// Is one step of simulated time, in milliseconds.
const STEP_MS: i64 = 10;

/// Is how often the log is published, in milliseconds.
const PUBLISH_MS: i64 = 500;

/// Is how long agents and people begin new things, in milliseconds.
const PLAY_MS: i64 = 25_000;

/// Is within how long everything must have ended once nothing is wrong any more, in milliseconds.
const END_MS: i64 = 45_000;

/// Is a run in progress.
struct World<'a> {
    sim: Sim<'a>,
    scene: Arc<Scene>,
    node: Arc<Node>,
    growth: Growth,
    faults: Faults,
    dice: Dice,
    /// When a host that has ended starts again.
    gateway_back: Option<i64>,
    box_back: Option<i64>,
    /// How long the gateway was down, in milliseconds.
    down_ms: i64,
    now: i64,
}

/// Plays a seed; a process MUST play one alone.
pub fn play(seed: u64, template: &Template) -> Played {
    let mut dice = Dice::of(seed);
    let calm = dice.chance(12);
    let mut world = World::open(seed, calm, dice, template);
    while world.now < PLAY_MS {
        world.step();
        if world.dice.draw() % 10_000 < 3 {
            world.node.activate(world.dice.below(3));
        }
        if !calm {
            world.go_wrong();
        }
    }
    world.end(seed)
}

impl World<'_> {
    fn open(seed: u64, calm: bool, mut dice: Dice, template: &Template) -> Self {
        let time = Arc::new(TestClock::default());
        time.advance(1_000);
        let scene = Scene::of(seed, calm, time, template.tokens());
        let node = Node::new(seed, &scene, template);
        let mut builder = turmoil::Builder::new();
        builder.rng_seed(seed).tick_duration(Duration::from_millis(STEP_MS.unsigned_abs()));
        builder.simulation_duration(Duration::from_secs(86_400)).tcp_capacity(4_096);
        builder.min_message_latency(Duration::from_millis(1)).max_message_latency(Duration::from_millis(60));
        let mut sim = builder.build();
        node.start();
        let (gateway, upstream) = (node.clone(), scene.clone());
        sim.host("gateway", move || gateway.clone().serve());
        let drawn = Arc::new(Mutex::new(Dice::of(seed ^ 0xB0C5)));
        sim.host("box", move || server::serve(upstream.clone(), drawn.clone()));
        for name in ["one", "two"] {
            let agent = Agent::new(&scene, name, dice.chance(60));
            let own = Dice::of(dice.draw());
            sim.client(name, agent.live(own));
        }
        let people = People::new(&scene);
        let own = [(); 3].map(|()| Dice::of(dice.draw()));
        sim.client("people", async move {
            let [first, second, admin] = own;
            let (a, b, c) =
                tokio::join!(people.clone().approve(first), people.clone().approve(second), people.administer(admin));
            a.and(b).and(c)
        });
        let faults = Faults::of(Dice::of(dice.draw()));
        Self {
            sim,
            scene,
            node,
            growth: Growth::default(),
            faults,
            dice,
            gateway_back: None,
            box_back: None,
            down_ms: 0,
            now: 0,
        }
    }

    /// Lets all hosts run for a step, and the ledger answer; returns whether agents and people are done.
    fn step(&mut self) -> bool {
        let done = self.sim.step().unwrap();
        if self.scene.take_doom() && self.box_back.is_none() {
            self.end_box();
        }
        if let Some(size) = self.node.quiet() {
            self.growth.pull(&self.scene, size);
        }
        if self.now % PUBLISH_MS == 0 {
            self.node.publish();
        }
        self.now += STEP_MS;
        self.scene.time.advance(STEP_MS);
        if self.gateway_back.is_some() {
            self.down_ms += STEP_MS;
        }
        if self.gateway_back.is_some_and(|at| at <= self.now) {
            self.gateway_back = None;
            self.node.start();
            self.sim.bounce("gateway");
        }
        if self.box_back.is_some_and(|at| at <= self.now) {
            self.box_back = None;
            self.sim.bounce("box");
        }
        done
    }

    fn go_wrong(&mut self) {
        self.faults.step(&self.sim, &self.scene, self.now);
        match self.dice.draw() % 10_000 {
            0..8 if self.gateway_back.is_none() => self.end_gateway(),
            8..12 if self.box_back.is_none() => {
                self.scene.count("upstream ends", "by itself");
                self.end_box();
            }
            _ => {}
        }
    }

    /// Ends the gateway in the middle of a step: half the time the ledger has not yet got what the hosts asked in it.
    fn end_gateway(&mut self) {
        let unanswered = self.dice.chance(50);
        if unanswered {
            self.sim.step().unwrap();
            self.now += STEP_MS;
            self.scene.time.advance(STEP_MS);
        }
        self.scene.count(
            "gateway ends",
            if unanswered { "before the ledger took what was asked" } else { "after the ledger's answer" },
        );
        let waiting: Vec<u64> = self.scene.seen().waiting.iter().copied().collect();
        for call in waiting {
            let place = self.growth.place(&self.scene, call);
            self.scene.count("crashes", place);
        }
        // What passed since the last record is forgotten where the wall clock is set back.
        self.down_ms += self.scene.now() - self.growth.times.last().copied().unwrap_or(0);
        self.sim.crash("gateway");
        self.node.crash();
        self.gateway_back = Some(self.now + self.dice.between(0, 2_500));
    }

    fn end_box(&mut self) {
        self.sim.crash("box");
        self.box_back = Some(self.now + self.dice.between(0, 2_500));
    }

    /// Mends everything, waits until agents and people are done, and lets the gateway settle what is left.
    fn end(mut self, seed: u64) -> Played {
        self.faults.heal(&self.sim, &self.scene);
        self.scene.close();
        let from = self.now;
        while !self.step() && self.now - from < END_MS {}
        let left: Vec<u64> = self.scene.seen().waiting.iter().copied().collect();
        if !left.is_empty() {
            self.scene.wrong(format!("calls {left:?} never ended though nothing was wrong any more"));
        }
        if self.node.quiet().is_some() {
            self.sim.crash("gateway");
            self.node.crash();
        }
        let mirror = self.node.settle();
        let run = Run { entries: mirror.entries, growth: self.growth, down_ms: self.down_ms };
        let mut coverage: Coverage = oracle::judge(&self.scene, &run);
        coverage.add(self.scene.wires.coverage());
        played(seed, &self.scene, coverage, &run.entries)
    }
}
