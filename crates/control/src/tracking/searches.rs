//! Searches of experiments and runs.

use models::{order, page, search};
use store::tracking::{Experiment, Page, Search, Stage};

use super::runs::shown;
use super::{Answer, RunShown, Tracking, number};

/// Says what of the deleted is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ViewType {
    /// Nothing.
    #[default]
    ActiveOnly,
    /// The deleted alone.
    DeletedOnly,
    /// Everything.
    All,
}

impl ViewType {
    fn stage(self) -> Option<Stage> {
        match self {
            Self::ActiveOnly => Some(Stage::Active),
            Self::DeletedOnly => Some(Stage::Deleted),
            Self::All => None,
        }
    }
}

/// Is what somebody looks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchWish {
    /// What must hold, in the grammar of [`models::search`].
    pub filter: String,
    /// What comes first, in the grammar of [`models::order`].
    pub order_by: Vec<String>,
    /// What of the deleted is wanted.
    pub view: ViewType,
    /// How many are wanted at most.
    pub max_results: i64,
    /// Where to go on; empty for the first page.
    pub page_token: String,
}

/// Is a page of what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// What was found.
    pub items: Vec<T>,
    /// Where to go on; absent if that was all.
    pub next_page_token: Option<String>,
}

/// Returns the page that is wanted, with one more behind it by which it is known whether there is another.
pub(super) fn and_one(offset: u64, max_results: i64) -> Page {
    Page { offset, limit: u64::try_from(max_results).unwrap_or(0).saturating_add(1) }
}

/// Cuts off what tells that there is another page.
pub(super) fn cut<T>(mut items: Vec<T>, page: Page) -> Found<T> {
    let wanted = page.limit.saturating_sub(1);
    let more = u64::try_from(items.len()).is_ok_and(|found| found > wanted);
    if more {
        items.pop();
    }
    Found { items, next_page_token: more.then(|| page::write(page.offset.saturating_add(wanted))) }
}

impl Tracking {
    /// Finds experiments.
    ///
    /// # Errors
    ///
    /// A filter, an order, a number of results or a token that cannot be.
    pub fn search_experiments(&self, wish: &SearchWish) -> Answer<Found<Experiment>> {
        page::tracking_size(wish.max_results)?;
        let filter = search::experiments::filter(&wish.filter)?;
        let order = order::experiments(&wish.order_by)?;
        let page = and_one(page::read(&wish.page_token)?, wish.max_results);
        let search = Search { stage: wish.view.stage(), filter: &filter, order: &order, page };
        Ok(cut(self.kept.view(|view| view.search_experiments(search))?, page))
    }

    /// Finds runs of experiments; none, if no experiment is named.
    ///
    /// # Errors
    ///
    /// A filter, an order, a number of results, a token or an id that cannot be.
    pub fn search_runs(&self, experiments: &[String], wish: &SearchWish) -> Answer<Found<RunShown>> {
        page::tracking_size(wish.max_results)?;
        let filter = search::runs::filter(&wish.filter)?;
        let order = order::runs(&wish.order_by)?;
        let page = and_one(page::read(&wish.page_token)?, wish.max_results);
        let of: Vec<i64> = experiments.iter().map(|id| number(id)).collect::<Answer<_>>()?;
        let search = Search { stage: wish.view.stage(), filter: &filter, order: &order, page };
        self.kept.view(|view| {
            let Found { items, next_page_token } = cut(view.search_runs(&of, search)?, page);
            let items = items.into_iter().map(|run| shown(view, run)).collect::<Answer<_>>()?;
            Ok(Found { items, next_page_token })
        })
    }
}
