//! `runs/…`: made, read, changed and found.

use control::tracking::kept::Stage;
use control::tracking::{Answer, NewRun, RunChange, SearchWish, Tracking};
use models::names::Kind;
use serde_json::{Value, json};

use super::asked::{Asked, Field, RUN_ID};
use super::experiments::nothing;
use super::{Call, shown};

/// Is how many runs are found, if nobody says.
const RUNS_DEFAULT: i64 = 1_000;

/// Is how many runs can be asked for.
const RUNS_MAX: u64 = 50_000;

const STATUSES: [&str; 5] = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];

pub(super) const CALLS: &[Call] = &[
    Call::post(
        "runs/create",
        &[
            Field::new("experiment_id", Kind::Text),
            Field::new("start_time", Kind::Integer),
            Field::new("run_name", Kind::Text),
            Field::new("user_id", Kind::Text),
            Field::new("tags", Kind::List),
        ],
        create,
    ),
    Call::get("runs/get", &[RUN_ID, Field::new("run_uuid", Kind::Text)], get),
    Call::post(
        "runs/update",
        &[
            RUN_ID,
            Field::new("end_time", Kind::Integer),
            Field::new("status", Kind::Text),
            Field::new("run_name", Kind::Text),
        ],
        update,
    ),
    Call::post("runs/delete", &[Field::new("run_id", Kind::Text).required()], |tracking, asked| {
        tracking.stage_run(asked.text("run_id"), Stage::Deleted).map(nothing)
    }),
    Call::post("runs/restore", &[Field::new("run_id", Kind::Text).required()], |tracking, asked| {
        tracking.stage_run(asked.text("run_id"), Stage::Active).map(nothing)
    }),
    Call::find(
        "runs/search",
        &[
            Field::new("experiment_ids", Kind::Texts),
            Field::new("filter", Kind::Text),
            Field::new("max_results", Kind::Integer).most(RUNS_MAX),
            Field::new("order_by", Kind::Texts),
            Field::new("page_token", Kind::Text),
        ],
        search,
    ),
];

fn create(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let run = tracking.create_run(NewRun {
        experiment: asked.text("experiment_id"),
        user: asked.text("user_id"),
        name: asked.text("run_name"),
        started: asked.integer("start_time")?,
        tags: asked.pairs("tags")?,
    })?;
    Ok(json!({ "run": shown::new_run(&run) }))
}

fn get(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    Ok(json!({ "run": shown::run(&tracking.run(&asked.run_id())?, true) }))
}

fn update(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let wish = RunChange {
        // MLflow passes over a status that it does not know.
        status: asked.some_text("status").filter(|status| STATUSES.contains(&status.as_str())),
        ended: asked.some_integer("end_time")?,
        name: asked.some_text("run_name"),
    };
    Ok(json!({ "run_info": shown::run_info(&tracking.change_run(asked.run_id(), wish)?) }))
}

fn search(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let wish = SearchWish { view: asked.view_type("run_view_type"), ..asked.search(RUNS_DEFAULT)? };
    let found = tracking.search_runs(&asked.texts("experiment_ids"), &wish)?;
    Ok(shown::page("runs", &found, |run| shown::run(run, false)))
}
