//! Searches of registered models and of their versions.

use models::search::{Clause, Comparator, Entity, Value};
use models::{order, page, search};
use store::tracking::{ModelVersion, Prompts, Search};

use super::registered_models::{PROMPT, RegisteredModelShown};
use super::searches::{and_one, cut};
use super::{Answer, Found, SearchWish, Tracking};

/// Judges a filter: prompts are found only by whoever asks for them, by the first clause about their tag; without such a clause they are
/// left out, and what else is said of that tag counts for nothing.
fn without_prompts(filter: Vec<Clause>) -> (Prompts, Vec<Clause>) {
    let is_about = |clause: &Clause| clause.entity == Entity::Tag && clause.key == PROMPT;
    let asks = |clause: &Clause| match (&clause.comparator, &clause.value) {
        (Comparator::Equal, Value::Text(text)) => text.to_lowercase() == "true",
        (Comparator::NotEqual, Value::Text(text)) => text.to_lowercase() == "false",
        _ => false,
    };
    if filter.iter().find(|clause| is_about(clause)).is_some_and(asks) {
        return (Prompts::AsFiltered, filter);
    }
    (Prompts::Excluded, filter.into_iter().filter(|clause| !is_about(clause)).collect())
}

impl Tracking {
    /// Finds registered models.
    ///
    /// # Errors
    ///
    /// A filter, an order, a number of results or a token that cannot be.
    pub fn search_registered_models(&self, wish: &SearchWish) -> Answer<Found<RegisteredModelShown>> {
        page::registered_models_size(wish.max_results)?;
        let (prompts, filter) = without_prompts(search::registered_models::filter(&wish.filter)?);
        let order = order::registered_models(&wish.order_by)?;
        let page = and_one(page::read(&wish.page_token)?, wish.max_results);
        let search = Search { stage: None, filter: &filter, order: &order, page };
        self.kept.view(|view| {
            let Found { items, next_page_token } = cut(view.search_registered_models(prompts, search)?, page);
            let mut shown = Vec::new();
            for model in items {
                let mut latest = view.latest_versions(model.seq)?;
                latest.sort_by_key(|version| version.stage.name());
                shown.push(RegisteredModelShown { model, latest });
            }
            Ok(Found { items: shown, next_page_token })
        })
    }

    /// Finds versions of registered models.
    ///
    /// # Errors
    ///
    /// A filter, an order, a number of results or a token that cannot be.
    pub fn search_model_versions(&self, wish: &SearchWish) -> Answer<Found<ModelVersion>> {
        page::model_versions_size(wish.max_results)?;
        let (prompts, filter) = without_prompts(search::model_versions::filter(&wish.filter)?);
        let order = order::model_versions(&wish.order_by)?;
        let page = and_one(page::read(&wish.page_token)?, wish.max_results);
        let search = Search { stage: None, filter: &filter, order: &order, page };
        self.kept.view(|view| Ok(cut(view.search_model_versions(prompts, search)?, page)))
    }
}
