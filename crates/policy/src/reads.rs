//! Which arguments a policy reads.
//!
//! Policies are asked about redacted arguments, so one that reads a secret cannot be answered. Where that can be seen
//! when the bundle is loaded it is a problem of the bundle; where it cannot, the call is denied.

use std::collections::BTreeMap;

use cedar_policy_core::ast::{Expr, ExprKind, Var};

/// Are the arguments that a policy reads, each by the names that lead to it; the empty path is all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reads(Vec<Vec<String>>);

impl Reads {
    /// Finds what a condition reads.
    pub(crate) fn of(condition: &Expr) -> Self {
        // How often each path stands there, less how often it only leads to a longer one.
        let mut uses: BTreeMap<Vec<String>, i64> = BTreeMap::new();
        for part in condition.subexpressions() {
            match part.expr_kind() {
                ExprKind::Var(Var::Context) | ExprKind::GetAttr { .. } => {
                    count(&mut uses, path(part), 1);
                    if let ExprKind::GetAttr { expr, .. } = part.expr_kind() {
                        count(&mut uses, path(expr), -1);
                    }
                }
                ExprKind::HasAttr { expr, attr } => tested(&mut uses, expr, [attr.as_str()]),
                ExprKind::ExtHasAttr { expr, attrs } => tested(&mut uses, expr, attrs.iter().map(|attr| attr.as_str())),
                _ => {}
            }
        }
        let read = uses.into_iter().filter(|(_, count)| *count > 0).map(|(path, _)| path);
        Self(read.filter_map(within_input).collect())
    }

    /// Returns the paths.
    pub(crate) fn paths(&self) -> &[Vec<String>] {
        &self.0
    }

    /// Says whether reading them meets the place that a path leads to: in it, at it, or around it.
    pub(crate) fn meet(&self, place: &[String]) -> bool {
        self.0.iter().any(|read| read.iter().zip(place).all(|(a, b)| a == b || is_position(b)))
    }
}

/// Cedar's lists have no positions: to read a list is to read every item.
fn is_position(step: &str) -> bool {
    step.bytes().all(|b| b.is_ascii_digit())
}

fn count(uses: &mut BTreeMap<Vec<String>, i64>, path: Option<Vec<String>>, by: i64) {
    if let Some(path) = path {
        *uses.entry(path).or_default() += by;
    }
}

fn tested<'a>(uses: &mut BTreeMap<Vec<String>, i64>, expr: &Expr, attrs: impl IntoIterator<Item = &'a str>) {
    let before = path(expr);
    count(uses, before.clone(), -1);
    let tested = before.map(|before| before.into_iter().chain(attrs.into_iter().map(str::to_owned)).collect());
    count(uses, tested, 1);
}

/// Returns the names that lead from the context to an expression; `None` if it is something else.
fn path(expr: &Expr) -> Option<Vec<String>> {
    match expr.expr_kind() {
        ExprKind::Var(Var::Context) => Some(Vec::new()),
        ExprKind::GetAttr { expr, attr } => {
            let mut path = path(expr)?;
            path.push(attr.to_string());
            Some(path)
        }
        _ => None,
    }
}

/// Leaves the paths inside `input`; the whole context holds all of it.
fn within_input(path: Vec<String>) -> Option<Vec<String>> {
    match path.split_first() {
        None => Some(Vec::new()),
        Some((first, rest)) if first == "input" => Some(rest.to_vec()),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(condition: &str) -> Vec<String> {
        let policy: cedar_policy::Policy =
            format!("permit(principal, action, resource) when {{ {condition} }};").parse().unwrap();
        let policy: &cedar_policy_core::ast::Policy = policy.as_ref();
        Reads::of(&policy.condition()).paths().iter().map(|path| path.join(".")).collect()
    }

    #[test]
    fn what_is_read_is_found_and_nothing_else() {
        for (condition, expected) in [
            ("true", &[][..]),
            ("context.level > 1", &[]),
            ("context.input.a == 1", &["a"]),
            ("context.input.a.b like \"x*\" || context.input.c", &["a.b", "c"]),
            ("context.input has a && context.input.a == 1", &["a"]),
            ("context.input has a.b", &["a.b"]),
            ("context.input == context.input", &[""]),
            ("context == {}", &[""]),
            ("context[\"input\"][\"odd name\"] == 1", &["odd name"]),
            ("if context.input.a then context.input.a.b else [context.input.z].contains(1)", &["a", "a.b", "z"]),
        ] {
            assert_eq!(reads(condition), expected, "{condition}");
        }
    }

    #[test]
    fn reading_meets_what_is_in_at_or_around_a_place() {
        let reads = Reads(vec![vec!["a".into(), "b".into()]]);
        for (place, expected) in [
            (&["a"][..], true),
            (&["a", "b"], true),
            (&["a", "b", "c"], true),
            (&["a", "0", "c"], true),
            (&["a", "c"], false),
            (&["b"], false),
        ] {
            let place: Vec<String> = place.iter().map(|step| (*step).to_owned()).collect();
            assert_eq!(reads.meet(&place), expected, "{place:?}");
        }
    }
}
