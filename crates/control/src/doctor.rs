//! What is enforced, for whom, and what is not: said plainly.

use ledger::closed::folder;
use ledger::recover::JOURNAL;
use ledger::standing::{self, Ended, Standing};
use types::break_glass::{BreakGlass, Phase};
use types::case::CaseState;
use types::{AutonomyLevel, Code, EffectClass, ServerName};

use crate::control::Control;
use crate::logs::closed_logs;
use crate::on_call::Duty;
use crate::snapshot::Snapshot;
use crate::state::{Grant, kind};
use crate::tools::ToolView;

/// Says how one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// It is as it should be.
    Good,
    /// It is a deliberate gap that the reader must know.
    Note,
    /// It needs somebody.
    Bad,
}

/// Is one thing the doctor looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it stands.
    pub sign: Sign,
    /// What it is about: `journal`, `policy`, `agent sre-bot` …
    pub about: String,
    /// One sentence.
    pub says: String,
    /// The code that explains it, where there is one.
    pub code: Option<Code>,
}

fn say(sign: Sign, about: impl Into<String>, says: impl Into<String>) -> Finding {
    Finding { sign, about: about.into(), says: says.into(), code: None }
}

/// Says what a reviewer has to do about a tool; nothing if its definition is the reviewed one.
fn tool_found(view: &ToolView) -> Option<Finding> {
    let (sign, code, says) = if view.quarantined {
        (Sign::Bad, Code::ToolChanged, "its definition is not the one that was reviewed; every call is denied")
    } else if view.reviewed.is_none() {
        let says = "nobody has reviewed its definition; every call through the gateway is denied";
        (Sign::Note, Code::ToolUnpinned, says)
    } else {
        return None;
    };
    let listed = view.listed.map_or_else(String::new, |digest| format!("; it is listed as {digest}"));
    Some(Finding { code: Some(code), ..say(sign, format!("tool {}", view.tool), format!("{says}{listed}")) })
}

fn epoch_found(ended: &Ended) -> Finding {
    let Ended { origin, end, record } = ended;
    if end.lost() == 0 {
        return say(
            Sign::Note,
            "log",
            format!("`{origin}` ended at {} records; record {record} goes on from it", end.found),
        );
    }
    let last = end.seen.saturating_sub(1);
    let says = format!("RECORDS {} TO {last} OF `{origin}` ARE LOST; record {record} acknowledges it", end.found);
    Finding { code: Some(Code::JournalBehind), ..say(Sign::Note, "log", says) }
}

fn on_call_found(duty: &Duty) -> Finding {
    let about = format!("on call {}", duty.schedule);
    let time = replay::audit::words::time;
    match (&duty.now, &duty.next) {
        (Some(now), _) => {
            let until = now.until.map_or_else(String::new, |until| format!(" until {}", time(until)));
            say(Sign::Good, about, format!("{}{until}", now.person))
        }
        (None, next) => {
            let then =
                next.as_ref().map_or_else(String::new, |next| format!("; {} from {} on", next.person, time(next.from)));
            Finding { code: Some(Code::NobodyOnCall), ..say(Sign::Note, about, format!("nobody is on call{then}")) }
        }
    }
}

impl Control {
    /// Looks at everything that decides what agents may do.
    pub fn doctor(&self) -> Vec<Finding> {
        let mut found = self.journal();
        found.extend(self.policy());
        found.extend(self.agents());
        found.extend(self.tools_found());
        found.extend(self.systems_found());
        found.extend(self.checks_found());
        found.extend(self.sagas_found());
        found.extend(self.people());
        found.extend(self.models_found());
        found.extend(self.notifications_found());
        found.extend(self.oidc_found());
        found
    }

    /// Says of each server whose tools write whether anybody can find out what changes the system behind it around the road.
    fn systems_found(&self) -> Vec<Finding> {
        let snapshot = self.snapshot();
        let data = snapshot.bundle.data();
        let writes = |server: &&ServerName| {
            let mut own = data.tools.iter().filter(|(name, _)| name.server == **server);
            own.any(|(_, tool)| tool.effect != EffectClass::Read && tool.definition.is_some())
        };
        let kept = self.reconciliations().unwrap_or_default();
        let audited = self.audited();
        let finding = |server: &ServerName| {
            let about = format!("system {server}");
            let held = kept.iter().find(|held| held.server == *server);
            match (audited.contains(server), held) {
                (false, _) => {
                    say(Sign::Note, about, "nothing lists what changes it, so what goes around the road is not found")
                }
                (true, None) => {
                    say(Sign::Note, about, "it was not held against the journal yet; `countersign reconcile` does")
                }
                (true, Some(held)) if held.found.is_empty() => {
                    say(Sign::Good, about, "what changed it and what was done are the same")
                }
                (true, Some(held)) => {
                    let says = format!(
                        "{} differences from the journal; `countersign reconcile --list` tells them",
                        held.found.len()
                    );
                    Finding { code: Some(Code::BypassFound), ..say(Sign::Bad, about, says) }
                }
            }
        };
        data.servers.keys().filter(writes).map(finding).collect()
    }

    fn journal(&self) -> Vec<Finding> {
        let health = self.health();
        let bad = |code: Code, says: String| Finding { code: Some(code), ..say(Sign::Bad, "journal", says) };
        let code = if health.broken.is_some() { Code::InvariantBroken } else { Code::JournalStopped };
        let stopped = health.stopped.map(|why| bad(code, format!("stopped, so everything is denied: {why}")));
        let differs = self.mismatch.get().map(|why| {
            let says = format!("its published files do not agree with it, so nothing is signed any more: {why}");
            bad(Code::JournalMismatch, says)
        });
        let mut found: Vec<Finding> = stopped.into_iter().chain(differs).collect();
        if found.is_empty() {
            let says = format!("{} records, synced before every answer", health.size);
            found.push(say(Sign::Good, "journal", says));
        }
        found.extend(self.log_found());
        found.extend(self.closed_found());
        found.push(self.witness_found(health.size));
        found.push(self.timestamp_found(health.size));
        found
    }

    /// Says what became of the log's keys, and where records are lost.
    fn log_found(&self) -> Vec<Finding> {
        let stored = self.history.state_value(standing::KIND, standing::KEY).ok().flatten();
        let Some(log) = stored.and_then(|bytes| types::cbor::decode::<Standing>(&bytes).ok()) else {
            return Vec::new();
        };
        let mut found: Vec<Finding> = log.ended.iter().map(epoch_found).collect();
        if log.frozen {
            let says = "frozen, because its keys may be in other hands; nothing is decided any more";
            found.push(Finding { code: Some(Code::LogFrozen), ..say(Sign::Bad, "log", says) });
        } else if log.closing.is_some() {
            let says = "closed, so nothing is permitted; the next start of the server takes up a new one";
            found.push(Finding { code: Some(Code::LogClosed), ..say(Sign::Bad, "log", says) });
        } else if log.signers.len() > 1 {
            let says = "two keys sign; `countersign log retire-key` ends that once whoever verifies knows the new one";
            found.push(say(Sign::Note, "log", says));
        }
        found
    }

    /// Says where the files of closed logs are not what the journal says of them, and where an erasure still has to reach.
    fn closed_found(&self) -> Vec<Finding> {
        let bad = |code: Code, says: String| Finding { code: Some(code), ..say(Sign::Bad, "log", says) };
        let logs = closed_logs(&self.history).unwrap_or_default();
        let left = logs.iter().filter(|log| log.deleted.is_some()).filter_map(|log| {
            let journal = folder(&self.config.place.data, log.number).join(JOURNAL);
            let says = "is deleted and its journal is still there; a restart removes it, once nobody reads it";
            journal.exists().then(|| bad(Code::FileUnusable, format!("log {} {says}", log.number)))
        });
        let unread = self.before().unwrap_or_default().into_iter().filter_map(|(number, history)| {
            let why = history.err()?;
            Some(bad(why.code, format!("log {number} is closed and cannot be read: {}", why.message)))
        });
        let reaching = self.history.state(kind::REACHING).unwrap_or_default().len();
        let says = format!("{reaching} erasures have not reached their closed log; each start tries again");
        left.chain(unread).chain((reaching > 0).then(|| bad(Code::FileUnusable, says))).collect()
    }

    fn witness_found(&self, size: u64) -> Finding {
        let Some(stand) = self.witnessed() else {
            let says = "no witness cosigns this log; somebody who holds its key and the whole disk could rewrite it";
            return say(Sign::Note, "witness", says);
        };
        let says = format!("a quorum has cosigned {} of {size} records", stand.size);
        match stand.failures.first_key_value() {
            None => say(Sign::Good, "witness", says),
            Some((_, why)) => say(Sign::Note, "witness", format!("{says}; {why}")),
        }
    }

    fn timestamp_found(&self, size: u64) -> Finding {
        let Some(stand) = self.dated() else {
            let says = "no authority time-stamps this log; when something was recorded rests on this machine's clock";
            return say(Sign::Note, "timestamp", says);
        };
        let says = match &stand.by {
            Some(by) => format!("{} of {size} records were there at {by}", stand.size),
            None => "no time-stamp yet".to_owned(),
        };
        match &stand.failure {
            Some(why) => say(Sign::Note, "timestamp", format!("{says}; {why}")),
            None => say(Sign::Good, "timestamp", says),
        }
    }

    /// Says what stands between models and their promotion.
    fn models_found(&self) -> Option<Finding> {
        let bad = |says: String| Finding { code: Some(Code::FileUnusable), ..say(Sign::Bad, "models", says) };
        let tracking = self.tracking.get()?;
        let has_models = match tracking {
            Ok(tracking) => tracking.has_registered_models(),
            Err(said) => return Some(bad(format!("nothing can be tracked: {said}"))),
        };
        match has_models {
            Ok(true) if self.snapshot().bundle.data().registry.is_none() => {
                let says = "no catalogue of the bundle has the table `[registry]`, so none is promoted or deployed";
                Some(Finding { code: Some(Code::ToolUnknown), ..say(Sign::Note, "models", says) })
            }
            Ok(_) => None,
            Err(refused) => Some(bad(refused.message)),
        }
    }

    fn policy(&self) -> Vec<Finding> {
        let snapshot = self.snapshot();
        let bundle = &snapshot.bundle;
        let mut found = vec![say(
            Sign::Good,
            "policy",
            format!(
                "bundle `{}` {} is active; whatever it does not permit is denied",
                bundle.data().head.name,
                bundle.digest().short(12)
            ),
        )];
        if bundle.digest() != self.config.bundle.digest() {
            found.push(say(Sign::Note, "policy", "the bundle folder holds another bundle than the active one; `countersign policy activate` changes that"));
        }
        if bundle.data().head.solo {
            found.push(say(
                Sign::Note,
                "policy",
                "`solo` is on: an owner may approve alone after a second confirmation, and each such vote says so",
            ));
        }
        if bundle.data().limits.rates.is_empty() {
            found.push(say(Sign::Note, "limits", "no rate limit is set"));
        }
        found
    }

    fn agents(&self) -> Vec<Finding> {
        let snapshot = self.snapshot();
        let data = snapshot.bundle.data();
        let now = self.now();
        let mut found = Vec::new();
        for agent in data.agents.keys() {
            let live = snapshot
                .grants
                .values()
                .filter(|g| g.agent == *agent && g.expires > now && g.level > AutonomyLevel::L0);
            let levels: Vec<String> = live.map(|g| format!("{} {}", g.class, g.level)).collect();
            let says =
                if levels.is_empty() { "L0 everywhere: it can do nothing".to_owned() } else { levels.join(", ") };
            found.push(say(if levels.is_empty() { Sign::Note } else { Sign::Good }, format!("agent {agent}"), says));
            let own = snapshot.grants.values().filter(|grant| grant.agent == *agent && grant.expires > now);
            found.extend(own.filter_map(|grant| level_found(&snapshot, grant)));
        }
        if let Some(agent) = &self.config.anonymous {
            found.push(say(
                Sign::Note,
                "gateway",
                format!("callers without a credential are taken for agent `{agent}`"),
            ));
        }
        for switch in self.switches() {
            let says = format!("killed by {}: {}", switch.by, types::text::escape(&switch.reason, false));
            found.push(Finding { code: Some(Code::Killed), ..say(Sign::Note, switch.target.key(), says) });
        }
        found
    }

    fn tools_found(&self) -> Vec<Finding> {
        let snapshot = self.snapshot();
        let data = snapshot.bundle.data();
        let mut found: Vec<Finding> = self.tools().iter().filter_map(tool_found).collect();
        let servers: Vec<&str> = data.servers.keys().map(types::ServerName::as_str).collect();
        found.push(say(
            Sign::Good,
            "gateway",
            format!("governs {}; what agents reach past it is not governed", servers.join(", ")),
        ));
        found
    }

    /// Tells every break-glass that is not closed: nobody should have to look for it.
    fn glasses_found(&self) -> Vec<Finding> {
        let Ok(all) = self.break_glasses() else { return Vec::new() };
        let now = self.now();
        let found = |glass: &BreakGlass| {
            let sign = if glass.phase(now) == Phase::InForce || glass.is_overdue(now) { Sign::Bad } else { Sign::Note };
            Some(say(sign, glass.id.to_string(), crate::break_glass::told(glass, now)?))
        };
        all.iter().filter_map(found).collect()
    }

    fn people(&self) -> Vec<Finding> {
        let waiting = self.cases().iter().filter(|case| case.state == CaseState::Open).count();
        let mut found = Vec::new();
        if waiting > 0 {
            found.push(say(
                Sign::Note,
                "approvals",
                format!("{waiting} wait for people; `countersign approvals` lists them"),
            ));
        }
        found.extend(self.on_call().iter().filter(|duty| !duty.profiles.is_empty()).map(on_call_found));
        found.extend(self.glasses_found());
        let given = self.delegations().len();
        if given > 0 {
            let says = format!("{given} delegations hold; `countersign approvals delegations` lists them");
            found.push(say(Sign::Note, "approvals", says));
        }
        found
    }
}

/// Says of a level whether a check has taken it away, or what it lacks that would guard what the agent changes alone.
fn level_found(snapshot: &Snapshot, grant: &Grant) -> Option<Finding> {
    let about = format!("level {} of {}", grant.class, grant.agent);
    if let Some(action) = &grant.stopped {
        let says =
            format!("a check of `{action}` was violated, so it stands at L0 until somebody gives it a level again");
        return Some(say(Sign::Bad, about, says));
    }
    let writes = snapshot.bundle.data().classes.get(&grant.class).is_some_and(|class| class.writes);
    let lacking = snapshot.unguarded(grant).filter(|_| writes && grant.level >= AutonomyLevel::L2)?;
    // L3 puts to people what is not guarded, so nothing is open there; it is not what it was given for.
    let sign = if grant.level == AutonomyLevel::L3 { Sign::Bad } else { Sign::Note };
    Some(say(sign, about, format!("{} without what would guard it: {lacking}", grant.level)))
}
