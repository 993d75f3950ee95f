//! What guards an action that runs alone at L3 though it is not routine.

use types::ToolName;
use types::bundle::BundleData;

use crate::limits::Covered;

/// Is what guards an action at L3 besides a rollback that was tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// The catalogue says how it is taken back.
    Undo,
    /// A check takes it back once that is violated.
    Check,
    /// A limit bounds how much it may touch.
    Impact,
    /// A window says when it may happen.
    Window,
    /// The gateway carries it out, and so sees what was before.
    Gateway,
}

impl std::fmt::Display for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Undo => "an undo",
            Self::Check => "a check that takes it back",
            Self::Impact => "a maximum impact",
            Self::Window => "a change window",
            Self::Gateway => "the gateway to carry it out",
        })
    }
}

/// Lists all of them.
pub fn all() -> Vec<Guard> {
    vec![Guard::Undo, Guard::Check, Guard::Impact, Guard::Window]
}

/// Lists the guards that a bundle does not have for what is covered so.
pub fn missing(bundle: &BundleData, tool: &ToolName, covered: &Covered<'_>) -> Vec<Guard> {
    let has = |guard: &Guard| match guard {
        Guard::Undo => bundle.tools.get(tool).is_some_and(|entry| entry.undo.is_some()),
        Guard::Check => bundle
            .checks
            .values()
            .any(|check| check.undo && check.covers.as_ref().is_some_and(|scope| covered.matches(scope))),
        Guard::Impact => bundle.limits.impacts.values().any(|impact| covered.matches(&impact.covers)),
        // Who asks says that; a level is given whoever carries it out.
        Guard::Gateway => true,
        Guard::Window => bundle.limits.windows.values().any(|window| covered.matches(&window.covers)),
    };
    all().into_iter().filter(|guard| !has(guard)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;
    use types::bundle::{Impact, Scope, Tool, Window};
    use types::check::Check;
    use types::{AgentId, LimitId, Principal};

    use super::*;

    fn scope(env: &str) -> Scope {
        serde_json::from_value(json!({ "class": "write", "env": env })).unwrap()
    }

    fn guarded(env: &str, undo: bool) -> BundleData {
        let (mut data, id) = (BundleData::default(), LimitId::new("one").unwrap());
        let tool = json!({
            "class": "write", "effect": "unsafe", "reversibility": "reversible",
            "undo": { "tool": "undo", "arguments": {}, "observe": { "tool": "get", "arguments": {} } },
        });
        let tool: Tool = serde_json::from_value(tool).unwrap();
        data.tools.insert("orders.change".parse().unwrap(), tool);
        let check: Check =
            serde_json::from_value(json!({ "undo": undo, "covers": { "class": "write", "env": env } })).unwrap();
        data.checks.insert("one".parse().unwrap(), check);
        let impact = Impact {
            covers: scope(env),
            touches_max: Some(1),
            amount: None,
            amount_max: None,
            plan: None,
            plan_max: None,
        };
        data.limits.impacts.insert(id.clone(), impact);
        let window = json!({ "covers": { "class": "write", "env": env }, "zone": "UTC", "days": ["mon"], "from": "08:00", "to": "09:00" });
        let window: Window = serde_json::from_value(window).unwrap();
        data.limits.windows.insert(id, window);
        data
    }

    #[test]
    fn each_guard_is_missed_where_it_does_not_cover() {
        let (agent, tool) = (Principal::Agent(AgentId::new("a").unwrap()), "orders.change".parse().unwrap());
        let at = |environment: &'static str| Covered::of(&agent, "write", &tool, Some(environment));
        let whole = guarded("prod", true);
        assert_eq!(missing(&whole, &tool, &at("prod")), []);
        assert_eq!(missing(&whole, &tool, &at("test")), [Guard::Check, Guard::Impact, Guard::Window]);
        assert_eq!(
            missing(&guarded("prod", false), &tool, &at("prod")),
            [Guard::Check],
            "one that only tells takes nothing back"
        );
        let mut without = whole;
        without.tools.values_mut().for_each(|tool| tool.undo = None);
        assert_eq!(missing(&without, &tool, &at("prod")), [Guard::Undo]);
        assert_eq!(missing(&BundleData::default(), &tool, &at("prod")), all());
    }
}
