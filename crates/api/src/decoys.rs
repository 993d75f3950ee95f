//! Decoys: what people are told of one after somebody has answered it.

use serde::Serialize;
use types::case::Case;
use types::text::escape;
use utoipa::ToSchema;

use crate::App;

/// Is a request that nobody made, as it is told once somebody has answered it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Decoy {
    /// Somebody refused it, or else approved it, and nothing came of that; absent if a kill or a change ended it before.
    #[serde(skip_serializing_if = "Option::is_none")]
    caught: Option<bool>,
    /// Why it should be refused, as the bundle says.
    why: String,
}

impl Decoy {
    /// Tells of a case that it was a decoy; of one that is open nothing. A journal that cannot be read tells no reason.
    pub(crate) fn told(app: &App, case: &Case) -> Option<Self> {
        let told = app.control.decoy_told(case).ok().flatten()?;
        Some(Self { caught: told.caught, why: escape(&told.why, true) })
    }
}
