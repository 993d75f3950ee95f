//! The risk score: a sum of named, bounded, integer factors, and what the bundle says it means.

use types::bundle::{BundleData, Factor};
use types::decision::{Risk, RiskFactor};
use types::{ActionProposal, Code, FactValue, Facts, Finding, Stage};

use crate::mutant::{self, Mutant};
use crate::said::Said;

/// Computes the score and each factor's contribution; a missing or unlisted value adds the factor's `unknown`.
pub fn score(bundle: &BundleData, facts: &Facts) -> Risk {
    let factors: Vec<RiskFactor> = bundle
        .risk
        .factors
        .iter()
        .map(|(name, factor)| RiskFactor { name: name.clone(), points: points(factor, facts) })
        .collect();
    let score = factors.iter().fold(0_i64, |sum, factor| sum.saturating_add(factor.points));
    Risk { score, factors }
}

/// Judges the score: low proceeds, medium proceeds observed, high goes to people or, without a profile, is denied.
///
/// Reads `risk.score`.
pub fn check(bundle: &BundleData, _: &ActionProposal, facts: &Facts) -> Vec<Finding> {
    let mut said = Said::by(Stage::Risk, facts);
    let model = &bundle.risk;
    let Some(score) = said.int("risk.score") else { return said.so_far() };
    let high =
        if mutant::on(Mutant::RiskOffByOne) { score > model.escalate_from } else { score >= model.escalate_from };
    if high {
        let detail = format!("the score is {score}; from {} on people decide", model.escalate_from);
        said.escalate(model.profile.as_ref(), Code::RiskHigh, detail, "risk.score");
    } else if score >= model.observe_from {
        let detail = format!("the score is {score}; from {} on actions are observed", model.observe_from);
        said.observe(Code::RiskMedium, detail, "risk.score");
    }
    said.or_allow(Code::RiskLow, format!("the score is {score}"), "risk.score")
}

fn points(factor: &Factor, facts: &Facts) -> i64 {
    let listed = |value: &str| factor.values.get(value).copied().unwrap_or(factor.unknown);
    let points = match facts.get(&factor.fact).map(|fact| &fact.value) {
        None => factor.unknown,
        Some(FactValue::Bool(value)) => listed(if *value { "true" } else { "false" }),
        Some(FactValue::Text(value)) => listed(value),
        Some(FactValue::Int(value)) => per_unit(factor, *value),
        Some(FactValue::List(values)) => per_unit(factor, i64::try_from(values.len()).unwrap_or(i64::MAX)),
    };
    // Not `clamp`, which panics when a bundle gives a negative maximum.
    points.min(factor.max).max(0)
}

fn per_unit(factor: &Factor, units: i64) -> i64 {
    units.saturating_sub(factor.free_units).max(0).saturating_mul(factor.per_unit)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use types::{FactName, Millis};

    use super::*;

    fn factor(fact: &str) -> Factor {
        let values = BTreeMap::from([
            ("prod".to_owned(), 30),
            ("dev".to_owned(), 0),
            ("true".to_owned(), 7),
            ("huge".to_owned(), 900),
        ]);
        Factor { fact: fact.to_owned(), values, per_unit: 5, free_units: 2, unknown: 40, max: 50 }
    }

    #[test]
    fn each_kind_of_value_has_its_points() {
        let cases: [(FactValue, i64); 11] = [
            ("prod".into(), 30),
            ("dev".into(), 0),
            ("elsewhere".into(), 40),
            ("huge".into(), 50),
            (true.into(), 7),
            (false.into(), 40),
            (2.into(), 0),
            (3.into(), 5),
            (1_000_000.into(), 50),
            ((-9).into(), 0),
            (FactValue::List(vec![String::new(); 4]), 10),
        ];
        for (value, expected) in cases {
            let mut facts = Facts::new();
            facts.set(FactName::known("x"), value.clone(), "test", Millis(0));
            assert_eq!(points(&factor("x"), &facts), expected, "{value}");
        }
        assert_eq!(points(&factor("absent"), &Facts::new()), 40, "unknown is risky");
    }

    #[test]
    fn the_score_is_the_sum_in_order_of_name() {
        let mut bundle = BundleData::default();
        bundle.risk.factors = BTreeMap::from([("b".to_owned(), factor("absent")), ("a".to_owned(), factor("x"))]);
        let mut facts = Facts::new();
        facts.set(FactName::known("x"), "prod", "test", Millis(0));
        let risk = score(&bundle, &facts);
        assert_eq!(risk.score, 70);
        assert_eq!(
            risk.factors.iter().map(|f| (f.name.as_str(), f.points)).collect::<Vec<_>>(),
            [("a", 30), ("b", 40)]
        );
    }

    #[test]
    fn no_bundle_makes_the_sum_overflow() {
        let mut bundle = BundleData::default();
        let wild = Factor { unknown: i64::MAX, max: i64::MAX, ..factor("absent") };
        bundle.risk.factors = BTreeMap::from([("a".to_owned(), wild.clone()), ("b".to_owned(), wild)]);
        assert_eq!(score(&bundle, &Facts::new()).score, i64::MAX);
    }
}
