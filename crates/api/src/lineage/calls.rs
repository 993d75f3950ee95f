//! The calls.

use axum::http::StatusCode;
use control::lineage::kept::EventSpan;
use control::lineage::{Taken, written};
use control::tracking::Tracking;
use serde_json::json;

use super::asked::Asked;
use super::shown::{self, Raw};
use super::{Answered, Call, graph, shows};

pub(super) const CALLS: &[Call] = &[
    Call::post("lineage", take),
    Call::post("lineage/batch", take_batch),
    Call::get("lineage", |tracking, asked| graph::whole(&tracking.lineage_graph(asked.node()?, asked.depth()?)?)),
    Call::get("column-lineage", |tracking, asked| {
        let downstream = asked.flag("withDownstream")?;
        graph::columns(&tracking.lineage_columns(asked.node()?, asked.depth()?, downstream)?)
    }),
    Call::get("events/lineage", events),
    Call::get("namespaces", namespaces),
    Call::get("namespaces/{namespace}/datasets", |tracking, asked| {
        let (datasets, total) = tracking.lineage_datasets(&asked.named("namespace"), asked.page()?)?;
        shows(&shown::Datasets { datasets: datasets.iter().map(shown::dataset).collect(), total_count: total })
    }),
    Call::get("namespaces/{namespace}/datasets/{name}", |tracking, asked| {
        shows(&shown::dataset(&tracking.lineage_dataset(&asked.name())?))
    }),
    Call::get("namespaces/{namespace}/jobs", |tracking, asked| {
        let (jobs, total) = tracking.lineage_jobs(&asked.named("namespace"), asked.page()?)?;
        shows(&shown::Jobs { jobs: jobs.iter().map(shown::job).collect(), total_count: total })
    }),
    Call::get("namespaces/{namespace}/jobs/{name}", |tracking, asked| {
        shows(&shown::job(&tracking.lineage_job(&asked.name())?))
    }),
    Call::get("namespaces/{namespace}/jobs/{name}/runs", |tracking, asked| {
        let (_, runs) = tracking.lineage_runs(&asked.name(), asked.page()?)?;
        shows(&shown::Runs { runs: runs.iter().map(shown::run).collect() })
    }),
    Call::get("jobs/runs/{id}", |tracking, asked| {
        let (job, run) = tracking.lineage_run(&asked.named("id"))?;
        shows(&shown::run_of(&job, &run))
    }),
];

fn take(tracking: &Tracking, asked: &Asked) -> Answered {
    match tracking.take_lineage(&asked.body)? {
        Taken::New => Ok((StatusCode::CREATED, None)),
        Taken::Again => Ok((StatusCode::OK, None)),
    }
}

/// Takes a list of events. What failed is told with its place and its reason; sent again as it is, it fails again.
fn take_batch(tracking: &Tracking, asked: &Asked) -> Answered {
    let taken = tracking.take_lineage_batch(&asked.body)?;
    let received = taken.len();
    let failed: Vec<_> = taken.into_iter().enumerate().filter_map(|(n, event)| Some((n, event.err()?))).collect();
    if failed.is_empty() {
        return Ok((StatusCode::NO_CONTENT, None));
    }
    let event = |(index, refusal): &(usize, control::Refusal)| json!({ "index": index, "reason": format!("{}: {}", refusal.code, refusal.message), "retriable": false });
    shows(&json!({
        "status": "partial_success",
        "summary": {
            "received": received,
            "successful": received - failed.len(),
            "failed": failed.len(),
            "retriable": 0,
            "non_retriable": failed.len(),
        },
        "failed_events": failed.iter().map(event).collect::<Vec<_>>(),
    }))
}

fn events(tracking: &Tracking, asked: &Asked) -> Answered {
    let page = asked.page()?;
    let told = tracking.lineage_events(EventSpan {
        from: asked.instant("after", i64::MIN)?,
        to: asked.instant("before", i64::MAX)?,
        latest_first: asked.latest_first()?,
        limit: page.limit,
        offset: page.offset,
    })?;
    let events = told.events.iter().map(|event| Raw::of(&event.body)).collect();
    shows(&shown::Events { events, total_count: told.total })
}

fn namespaces(tracking: &Tracking, asked: &Asked) -> Answered {
    let namespace = |(name, first, last): (String, i64, i64)| {
        json!({
            "name": name,
            "createdAt": written(first),
            "updatedAt": written(last),
            "ownerName": "anonymous",
            "description": null,
            "isHidden": false,
        })
    };
    let namespaces: Vec<_> = tracking.lineage_namespaces(asked.page()?)?.into_iter().map(namespace).collect();
    shows(&json!({ "namespaces": namespaces }))
}
