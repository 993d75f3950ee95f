//! Searches of logged models.

use models::order::ModelField;
use models::page::LoggedModelsSearch;
use models::{order, search};
use store::tracking::{ModelSearch, OnDataset, Page};

use super::logged_models::shown;
use super::{Answer, Found, LoggedModelShown, Refused, Tracking, number};

/// Is how many models are found, if nobody says.
const MODELS_DEFAULT: i64 = 50;

/// Is how many models can be asked for.
const MODELS_MAX: i64 = 50_000;

/// Is what somebody looks for among logged models.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelWish {
    /// The experiments that are searched.
    pub experiments: Vec<String>,
    /// What must hold, in the grammar of [`models::search::logged_models`].
    pub filter: Option<String>,
    /// The datasets that metrics are to be on: name, and digest if it matters.
    pub datasets: Vec<(String, Option<String>)>,
    /// What comes first.
    pub order_by: Option<Vec<ModelField>>,
    /// How many are wanted at most; 50 if nobody says, and 100 for 0.
    pub max_results: Option<i64>,
    /// Where to go on; empty for the first page.
    pub page_token: String,
}

impl Tracking {
    /// Finds logged models of experiments; none, if no experiment is named.
    ///
    /// # Errors
    ///
    /// A filter, a dataset, an order, a number of results, a token or an id that cannot be.
    pub fn search_logged_models(&self, wish: ModelWish) -> Answer<Found<LoggedModelShown>> {
        search::logged_models::datasets(wish.datasets.iter().map(|(name, _)| name.as_str()))?;
        let limit = match wish.max_results.unwrap_or(MODELS_DEFAULT) {
            0 => 100,
            limit @ 1..=MODELS_MAX => limit.unsigned_abs(),
            limit => {
                let message = format!(
                    "Invalid value {limit} for parameter 'max_results' supplied. It must be from 0 to {MODELS_MAX}"
                );
                return Err(Refused::invalid(message));
            }
        };
        let token =
            LoggedModelsSearch { experiment_ids: wish.experiments, filter: wish.filter, order_by: wish.order_by };
        let offset = token.read(&wish.page_token)?;
        let filter = search::logged_models::filter(token.filter.as_deref().unwrap_or_default())?;
        let of: Vec<i64> = token.experiment_ids.iter().map(|id| number(id)).collect::<Answer<_>>()?;
        let order = order::logged_models(token.order_by.as_deref().unwrap_or_default())?;
        let on: Vec<OnDataset> = wish.datasets.into_iter().map(|(name, digest)| OnDataset { name, digest }).collect();
        let page = Page { offset, limit: limit.saturating_add(1) };
        let search = ModelSearch { of: &of, filter: &filter, on: &on, order: &order, page };
        self.kept.view(|view| {
            let mut found = view.search_logged_models(search)?;
            // One more than is wanted was looked for, by which it is known whether there is another page.
            let more = u64::try_from(found.len()).is_ok_and(|found| found > limit);
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            let items = found.into_iter().map(|model| shown(view, model)).collect::<Answer<_>>()?;
            Ok(Found { items, next_page_token: more.then(|| token.write(offset.saturating_add(limit))) })
        })
    }
}
