//! How many results a page may have.

use crate::Refusal;

const TRACKING_MAX: i64 = 50_000;
const REGISTERED_MODELS_MAX: i64 = 1_000;
const MODEL_VERSIONS_MAX: i64 = 200_000;

/// Checks the size of a page of runs or experiments: 1 to 50,000.
///
/// # Errors
///
/// A size outside of that.
pub fn tracking_size(max_results: i64) -> Result<(), Refusal> {
    let invalid = |must: &str| {
        Refusal::new(format!("Invalid value {max_results} for parameter 'max_results' supplied. It must be {must}"))
    };
    match max_results {
        ..1 => Err(invalid("a positive integer")),
        1..=TRACKING_MAX => Ok(()),
        _ => Err(invalid(&format!("at most {TRACKING_MAX}"))),
    }
}

/// Checks the size of a page of registered models: at most 1,000. MLflow sets no lower bound; here it is 0.
///
/// # Errors
///
/// A size outside of that.
pub fn registered_models_size(max_results: i64) -> Result<(), Refusal> {
    if max_results < 0 { Err(not_positive(max_results)) } else { at_most(REGISTERED_MODELS_MAX, max_results) }
}

/// Checks the size of a page of model versions: 1 to 200,000.
///
/// # Errors
///
/// A size outside of that.
pub fn model_versions_size(max_results: i64) -> Result<(), Refusal> {
    if max_results < 1 { Err(not_positive(max_results)) } else { at_most(MODEL_VERSIONS_MAX, max_results) }
}

fn not_positive(max_results: i64) -> Refusal {
    let must = "Invalid value for max_results. It must be a positive integer,";
    Refusal::new(format!("{must} but got {max_results}"))
}

fn at_most(most: i64, max_results: i64) -> Result<(), Refusal> {
    if max_results <= most {
        return Ok(());
    }
    let must = "Invalid value for request parameter max_results. It must be at most";
    Err(Refusal::new(format!("{must} {most}, but got value {max_results}")))
}
