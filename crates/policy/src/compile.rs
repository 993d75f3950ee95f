//! Compiles what was read: the schema, the askers, the actions and the policies, all strictly validated.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{Effect, PolicySet, Schema, ValidationMode, ValidationWarning, Validator};
use cedar_policy_core::ast::{ExprKind, Var};
use cedar_policy_core::validator::ValidatorSchema;
use miette::Diagnostic;
use types::bundle::BundleData;

use crate::actions::{self, Actions};
use crate::entities::{Askers, KindPlan};
use crate::evaluate::Constants;
use crate::files::BundleFiles;
use crate::index::{Compiled, Index};
use crate::nearest::Names;
use crate::nesting;
use crate::policies::{self, Source};
use crate::problem::Problem;
use crate::report::Report;
use crate::secrets::{self, Strictness};

const SCHEMA: &str = "schema.cedarschema";

/// Is what policies are read against; it stays the same while they change.
#[derive(Debug)]
pub(crate) struct Ground {
    /// What judges policies, with the schema that requests are validated against too.
    validator: Validator,
    /// Who may ask.
    pub(crate) askers: Askers,
    /// What may be asked for.
    pub(crate) actions: Actions,
    /// What may be acted on.
    pub(crate) kinds: HashMap<String, KindPlan>,
    /// Values every request needs.
    pub(crate) constants: Constants,
}

impl Ground {
    /// Reads the schema and what it says of the catalogue and the askers; `None` without a usable schema.
    fn read(data: &BundleData, files: &BundleFiles, report: &mut Report) -> Option<Self> {
        let text = files.get(SCHEMA).or_else(|| {
            let help = "`countersign init` writes one from the tools' own schemas";
            report.push(Problem::of_file(SCHEMA, "the file is missing").help(help));
            None
        })?;
        if let Some(problem) = nesting::problem(SCHEMA, text) {
            report.push(problem);
            return None;
        }
        let schema = match Schema::from_cedarschema_str(text) {
            Ok((schema, _)) => schema,
            Err(error) => {
                schema_problems(text, &error, report);
                return None;
            }
        };
        let core: &ValidatorSchema = schema.as_ref();
        let kinds = kinds(data, core, report);
        let actions = actions::read(data, core, text, &kinds, report);
        let askers = Askers::new(data, core, report);
        Some(Self { validator: Validator::new(schema), askers, actions, kinds, constants: Constants::new() })
    }

    /// Returns the schema in the form that checks requests.
    pub(crate) fn core_schema(&self) -> &ValidatorSchema {
        self.validator.schema().as_ref()
    }
}

/// Is what evaluation needs.
#[derive(Debug)]
pub(crate) struct Program {
    /// What the policies were read against.
    pub(crate) ground: Arc<Ground>,
    /// The policies.
    pub(crate) index: Index,
}

impl Program {
    /// Compiles a bundle, and reports everything that does not hold; `None` without a usable schema.
    pub(crate) fn compile(
        data: &BundleData,
        files: &BundleFiles,
        strictness: Strictness,
        report: &mut Report,
    ) -> Option<Self> {
        let sources = policies::read(files, data, report);
        let ground = Arc::new(Ground::read(data, files, report)?);
        validate(&sources, &ground.validator, files, report);
        Some(Self::on(ground, sources, data, strictness, report))
    }

    /// Compiles the policies of a bundle anew, on the same ground.
    pub(crate) fn compile_policies(&self, data: &BundleData, files: &BundleFiles, report: &mut Report) -> Self {
        let sources = policies::read(files, data, report);
        validate(&sources, &self.ground.validator, files, report);
        Self::on(Arc::clone(&self.ground), sources, data, Strictness::Listed, report)
    }

    fn on(
        ground: Arc<Ground>,
        sources: Vec<Source>,
        data: &BundleData,
        strictness: Strictness,
        report: &mut Report,
    ) -> Self {
        let core = ground.core_schema();
        let compile = |source: Source| {
            let (file, place) = (source.file.clone(), source.place);
            let compiled = Compiled::new(source, &ground.askers, core);
            secrets::policy(&compiled, (&file, place), data, &ground.actions, strictness, report);
            compiled
        };
        let compiled = sources.into_iter().map(compile).collect();
        Self { index: Index::new(compiled), ground }
    }
}

fn kinds(data: &BundleData, schema: &ValidatorSchema, report: &mut Report) -> HashMap<String, KindPlan> {
    let names = data.inventory.kinds.keys();
    names.filter_map(|name| Some((name.clone(), KindPlan::new(name, data, schema, report)?))).collect()
}

/// Reports an error of the schema and all that Cedar found together with it.
fn schema_problems(text: &str, error: &dyn Diagnostic, report: &mut Report) {
    report.push(policies::problem(SCHEMA, text, error));
    for related in error.related().into_iter().flatten() {
        schema_problems(text, related, report);
    }
}

fn validate(sources: &[Source], validator: &Validator, files: &BundleFiles, report: &mut Report) {
    let by_id: HashMap<String, &Source> =
        sources.iter().map(|source| (source.policy.id().to_string(), source)).collect();
    let Ok(set) = PolicySet::from_policies(sources.iter().map(|source| source.policy.clone())) else { return };
    let result = validator.validate(&set, ValidationMode::Strict);
    let names = LazyCell::new(|| Names::of(validator.schema()));
    let mut add = |id: String, diagnostic: &dyn Diagnostic| {
        let Some(source) = by_id.get(&id) else { return };
        let text = files.get(&source.file).unwrap_or_default();
        let mut problem = policies::problem(&source.file, text, diagnostic);
        problem.help = problem.help.take().map(|help| names.settle(&problem.message, help));
        if problem.line.is_none() {
            problem = Problem { line: source.place.map(|p| p.line), column: source.place.map(|p| p.column), ..problem };
        }
        report.push(problem);
    };
    for error in result.validation_errors() {
        add(error.policy_id().to_string(), error);
    }
    for warning in result.validation_warnings().filter(|warning| is_fatal(warning)) {
        add(warning.policy_id().to_string(), warning);
    }
    for source in sources {
        annotations(source, report);
    }
}

/// Says whether a warning shows a policy that never applies, or one that does not read as it works.
fn is_fatal(warning: &ValidationWarning) -> bool {
    matches!(
        warning,
        ValidationWarning::ImpossiblePolicy(_)
            | ValidationWarning::InvalidActionApplication(_)
            | ValidationWarning::BidiCharsInString(_)
            | ValidationWarning::BidiCharsInIdentifier(_)
    )
}

/// Demands that annotations stand where they do something.
fn annotations(source: &Source, report: &mut Report) {
    let id = source.policy.id();
    let mut refuse =
        |message: String, help: &str| report.push(Problem::at(&source.file, source.place, message).help(help));
    if source.policy.effect() == Effect::Forbid {
        let named = [("escalate", source.escalate.is_empty()), ("obligations", source.obligations.is_empty())];
        for (name, _) in named.into_iter().filter(|(_, empty)| !empty) {
            refuse(
                format!("`{id}` forbids, so its `@{name}` does nothing"),
                "put the annotation on the policy that permits",
            );
        }
    } else if !source.escalate.is_empty() && !looks_at_mode(source) {
        let help = "add `when { context.mode == Mode::\"approved\" }`";
        refuse(
            format!("`{id}` has `@escalate` but never looks at `context.mode`, so it permits without asking anybody"),
            help,
        );
    }
}

fn looks_at_mode(source: &Source) -> bool {
    let condition = source.policy.as_ref().condition();
    condition.subexpressions().any(|part| match part.expr_kind() {
        ExprKind::GetAttr { expr, attr } => attr == "mode" && matches!(expr.expr_kind(), ExprKind::Var(Var::Context)),
        _ => false,
    })
}
