//! Checks of `pipelines/*.toml`: that something can come of each, and that no model has two.

use std::collections::{BTreeMap, BTreeSet};

use types::pipeline::{DEMANDS_MAX, GAPS, Pipeline, WITHIN_HOURS_MAX};

use super::Check;

/// Are the stages that a version can be put into.
const STAGES: [&str; 4] = ["Staging", "Production", "Archived", "None"];

/// Are the stages in which others can give way.
const ACTIVE: [&str; 2] = ["Staging", "Production"];

/// Is the gap that every version has when it is registered.
const ALWAYS: &str = "no-evaluation";

impl Check<'_> {
    /// Checks `pipelines/*.toml`.
    pub(super) fn pipelines(&mut self) {
        let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, pipeline) in &self.data.pipelines {
            let file = format!("pipelines/{name}.toml");
            self.pipeline(&file, pipeline);
            for (n, model) in pipeline.models.iter().enumerate() {
                if let Some(other) = taken.insert(&model.0, name) {
                    let message = format!("`{}` is named in the pipeline `{other}` already", model.0);
                    self.report.at(&file, &["models", &n.to_string()], message);
                }
            }
        }
    }

    fn pipeline(&mut self, file: &str, pipeline: &Pipeline) {
        if pipeline.models.is_empty() {
            self.report.at(file, &["models"], "it is for no model: name one, or a pattern such as `fraud-*`");
        }
        for (n, model) in pipeline.models.iter().enumerate() {
            self.filled(file, &["models", &n.to_string()], &model.0);
        }
        self.validation(file, pipeline);
        self.evaluation(file, pipeline);
        self.promotion(file, pipeline);
    }

    fn validation(&mut self, file: &str, pipeline: &Pipeline) {
        let validate = &pipeline.validate;
        let allowed = validate.gaps_allowed.as_ref();
        for (key, gaps) in [("gaps_refused", Some(&validate.gaps_refused)), ("gaps_allowed", allowed)] {
            for gap in gaps.into_iter().flatten().filter(|gap| !GAPS.contains(&gap.as_str())) {
                let message = format!("there is no gap `{gap}` that a version can have when it is registered");
                self.report.at_with_help(file, &["validate", key], message, format!("there are {}", GAPS.join(", ")));
            }
        }
        let never = validate.gaps_refused.contains(ALWAYS) || allowed.is_some_and(|gaps| !gaps.contains(ALWAYS));
        if never {
            let key = if validate.gaps_refused.contains(ALWAYS) { "gaps_refused" } else { "gaps_allowed" };
            let message =
                format!("a version that was just registered has the gap `{ALWAYS}`: nothing would get through");
            let help = "demand suites in `[evaluate]` instead";
            self.report.at_with_help(file, &["validate", key], message, help);
        }
        if let Some(both) = validate.gaps_refused.iter().find(|gap| allowed.is_some_and(|all| all.contains(*gap))) {
            self.report.at(file, &["validate", "gaps_refused"], format!("`{both}` is refused and allowed"));
        }
        self.demands(file, &["validate", "tags"], &validate.tags);
    }

    fn evaluation(&mut self, file: &str, pipeline: &Pipeline) {
        let Some(evaluate) = &pipeline.evaluate else { return };
        if evaluate.suites.is_empty() {
            self.report.at(file, &["evaluate", "suites"], "no suite is named, so there is nothing to pass");
        }
        self.demands(file, &["evaluate", "suites"], &evaluate.suites);
        let hours = i64::from(evaluate.within_hours);
        self.number(file, &["evaluate", "within_hours"], hours, 1..=WITHIN_HOURS_MAX.into());
    }

    fn demands(&mut self, file: &str, path: &[&str], names: &BTreeSet<String>) {
        if names.len() > DEMANDS_MAX {
            self.report.at(file, path, format!("{} are named, and {DEMANDS_MAX} is the most", names.len()));
        }
        if names.iter().any(|name| name.trim().is_empty() || name.contains(',')) {
            self.report.at(file, path, "a name is empty, or has a comma in it");
        }
    }

    fn promotion(&mut self, file: &str, pipeline: &Pipeline) {
        let promote = &pipeline.promote;
        let ways = [("set_alias", &promote.alias), ("transition_stage", &promote.stage), ("deploy", &promote.target)];
        let named: Vec<_> = ways.into_iter().filter_map(|(tool, to)| Some((tool, to.as_ref()?))).collect();
        match named.as_slice() {
            [(tool, to)] => {
                self.filled(file, &["promote"], to);
                self.promotes_by(file, tool);
            }
            _ => self.report.at(file, &["promote"], "it names one of `alias`, `stage` and `target`"),
        }
        if let Some(stage) = promote.stage.as_ref().filter(|stage| !STAGES.contains(&stage.as_str())) {
            let message = format!("there is no stage `{stage}`: there are {}", STAGES.join(", "));
            self.report.at(file, &["promote", "stage"], message);
        }
        if promote.archive && !promote.stage.as_deref().is_some_and(|stage| ACTIVE.contains(&stage)) {
            let message = "others give way in the stages Staging and Production alone";
            self.report.at(file, &["promote", "archive"], message);
        }
        self.filled(file, &["promote", "reason"], &promote.reason);
    }

    /// Demands that the catalogue of the registry has the tool by which it promotes.
    fn promotes_by(&mut self, file: &str, tool: &str) {
        let Some(registry) = &self.data.registry else {
            let message = "no catalogue has the table `[registry]`, so nothing could be promoted";
            return self.report.at(file, &["promote"], message);
        };
        let home = format!("catalog/{registry}.toml");
        let exists = self.data.tools.keys().any(|name| name.server == *registry && name.operation == tool);
        self.refer(file, &["promote"], "tool", tool, exists, &home);
    }
}
