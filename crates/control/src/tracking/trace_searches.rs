//! Searches of traces.

use models::{order, page, search};
use store::tracking::{Page, TraceSearch};

use super::traces::{TRACES_MAX, shown};
use super::{Answer, Found, Refused, SearchWish, TraceShown, Tracking, number};

impl Tracking {
    /// Finds traces of experiments; none, if no experiment is named.
    ///
    /// A full page has a token of a next one, which may be empty.
    ///
    /// # Errors
    ///
    /// A filter, an order, a number of results, a token or an id that cannot be; more experiments than are searched at once.
    pub fn search_traces(&self, experiments: &[String], wish: &SearchWish) -> Answer<Found<TraceShown>> {
        page::tracking_size(wish.max_results)?;
        if experiments.len() > TRACES_MAX {
            return Err(Refused::invalid(format!("At most {TRACES_MAX} experiments are searched at once.")));
        }
        let of: Vec<i64> = experiments.iter().map(|id| number(id)).collect::<Answer<_>>()?;
        let order = order::traces(&wish.order_by)?;
        let filter = search::traces::filter(&wish.filter)?;
        let page = Page { offset: page::read(&wish.page_token)?, limit: wish.max_results.unsigned_abs() };
        let search = TraceSearch { of: &of, filter: &filter, order: &order, page };
        self.kept.view(|view| {
            let found = view.search_traces(search)?;
            let is_full = u64::try_from(found.len()).is_ok_and(|found| found == page.limit);
            let next_page_token = is_full.then(|| page::write(page.offset.saturating_add(page.limit)));
            let items = found.into_iter().map(|trace| shown(view, trace)).collect::<Answer<_>>()?;
            Ok(Found { items, next_page_token })
        })
    }
}
