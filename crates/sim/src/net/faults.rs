//! What goes wrong, and when: drawn from the seed, one thing at a time on each link.

use turmoil::Sim;

use crate::road::dice::Dice;

use super::scene::Scene;

/// Are the links of the network.
pub const LINKS: [(&str, &str); 4] =
    [("one", "gateway"), ("two", "gateway"), ("people", "gateway"), ("gateway", "box")];

/// Says what is wrong with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing passes.
    Partition,
    /// Nothing passes from the first to the second.
    There,
    /// Nothing passes from the second to the first.
    Back,
    /// Everything waits.
    Hold,
    /// Everything takes so many milliseconds.
    Slow(u64),
}

/// Is the state of the network as the faults have made it.
pub struct Faults {
    dice: Dice,
    links: [Option<(Trouble, i64)>; LINKS.len()],
    cut_until: i64,
    /// The wall clock is off by so many milliseconds until then.
    off: Option<(i64, i64)>,
    /// When the machine sleeps.
    nap: Option<i64>,
}

fn name(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Partition => "partition",
        Trouble::There | Trouble::Back => "one-way loss",
        Trouble::Hold => "held back",
        Trouble::Slow(_) => "slow",
    }
}

impl Faults {
    /// Begins with a network on which nothing is wrong.
    pub fn of(dice: Dice) -> Self {
        Self { dice, links: [None; LINKS.len()], cut_until: 0, off: None, nap: None }
    }

    /// Lets time pass by one step: what is over ends, and something new may begin.
    pub fn step(&mut self, sim: &Sim<'_>, scene: &Scene, now: i64) {
        for place in 0..LINKS.len() {
            if self.links[place].is_some_and(|(_, until)| until <= now) {
                self.mend(sim, place);
            }
        }
        if self.cut_until <= now {
            scene.wires.cut(0);
        }
        if self.nap.is_some_and(|at| at <= now) {
            self.nap = None;
            scene.count("faults", "the machine sleeps, its clock set back");
            scene.time.advance(self.dice.between(560_000, 900_000));
        }
        if self.off.is_some_and(|(_, until)| until <= now) {
            self.set_right(scene);
        }
        if self.dice.draw() % 1_000 < 12 {
            self.begin(sim, scene, now);
        }
    }

    fn begin(&mut self, sim: &Sim<'_>, scene: &Scene, now: i64) {
        let until = now
            + [(50, 600), (600, 3_000), (3_000, 12_000)].map(|(from, to)| self.dice.between(from, to))
                [self.dice.weighted(&[4, 4, 2])];
        match self.dice.weighted(&[10, 5, 2, 1, 1]) {
            0 => self.trouble(sim, scene, until),
            1 => {
                scene.count("faults", "connections are cut");
                scene.wires.cut(self.dice.between(10, 60).unsigned_abs());
                self.cut_until = until;
            }
            2 => self.set_wrong(scene, until),
            3 if self.off.is_none() => {
                let by = self.dice.between(-1_800_000, -60_000);
                scene.time.jump(by);
                self.off = Some((by, now + 8_000));
                self.nap = Some(now + 400);
            }
            _ => {
                scene.count("faults", "time passes unseen");
                scene.time.advance(self.dice.between(1_000, 900_000));
            }
        }
    }

    fn trouble(&mut self, sim: &Sim<'_>, scene: &Scene, until: i64) {
        let place = self.dice.below(LINKS.len());
        if self.links[place].is_some() {
            return;
        }
        let slow = Trouble::Slow(self.dice.between(200, 2_500).unsigned_abs());
        let trouble = [Trouble::Partition, Trouble::There, Trouble::Back, Trouble::Hold, slow]
            [self.dice.weighted(&[4, 2, 2, 4, 2])];
        let (a, b) = LINKS[place];
        match trouble {
            Trouble::Partition => sim.partition(a, b),
            Trouble::There => sim.partition_oneway(a, b),
            Trouble::Back => sim.partition_oneway(b, a),
            Trouble::Hold => sim.hold(a, b),
            Trouble::Slow(ms) => sim.set_link_latency(a, b, std::time::Duration::from_millis(ms)),
        }
        scene.count("faults", format!("{} {a}–{b}", name(trouble)));
        self.links[place] = Some((trouble, until));
    }

    fn mend(&mut self, sim: &Sim<'_>, place: usize) {
        let (a, b) = LINKS[place];
        match self.links[place].take().map(|(trouble, _)| trouble) {
            Some(Trouble::Partition) => sim.repair(a, b),
            Some(Trouble::There) => sim.repair_oneway(a, b),
            Some(Trouble::Back) => sim.repair_oneway(b, a),
            Some(Trouble::Hold) => sim.release(a, b),
            Some(Trouble::Slow(_)) => sim.set_link_latency(a, b, std::time::Duration::from_millis(10)),
            None => {}
        }
    }

    /// Somebody sets the gateway's wall clock, or a bad source of time does.
    fn set_wrong(&mut self, scene: &Scene, until: i64) {
        if self.off.is_some() {
            return;
        }
        let by = match self.dice.weighted(&[3, 2, 2]) {
            0 => self.dice.between(-4_000, 4_000),
            1 => self.dice.between(-3_600_000, -5_000),
            _ => self.dice.between(5_000, 3_600_000),
        };
        scene.count("faults", if by < 0 { "wall clock set back" } else { "wall clock set forward" });
        scene.time.jump(by);
        self.off = Some((by, until));
    }

    fn set_right(&mut self, scene: &Scene) {
        if let Some((by, _)) = self.off.take() {
            scene.time.jump(-by);
        }
    }

    /// Mends everything.
    pub fn heal(&mut self, sim: &Sim<'_>, scene: &Scene) {
        (0..LINKS.len()).for_each(|place| self.mend(sim, place));
        scene.wires.cut(0);
        self.set_right(scene);
    }
}
