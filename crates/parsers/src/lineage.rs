//! Events of lineage.

use lineage::{About, Event, Facet, Wanted, batch, compact, event};

/// Events: what is read is the same however it was laid out, and each facet is the text that stands in the event. Lists of events are cut
/// into those, and ids of nodes mean what they were written of.
pub fn lineage(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for one in batch(text).unwrap_or_default() {
        assert!(text.contains(one));
    }
    if let Some(Wanted::Whole(_, names)) = Wanted::read(text) {
        assert!(names.iter().all(|name| text.ends_with(&format!(":{}:{}", name.namespace, name.name))));
    }
    let Ok(read) = event(text) else { return };
    let small = compact(text);
    assert_eq!(compact(&small), small);
    assert_eq!(event(&small).as_ref(), Ok(&read));
    for Facet { body, .. } in facets(&read) {
        assert!(body.as_ref().is_none_or(|body| small.contains(body.as_str())));
    }
}

fn facets(event: &Event) -> Vec<&Facet> {
    match &event.about {
        About::Dataset(dataset) => dataset.facets.iter().collect(),
        About::Job { job, inputs, outputs } => {
            job.facets.iter().chain(inputs.iter().chain(outputs).flat_map(|dataset| &dataset.facets)).collect()
        }
        About::Run(run) => run.facets.iter().chain(&run.job.facets).collect(),
    }
}
