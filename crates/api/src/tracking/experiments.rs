//! `experiments/…`.

use control::tracking::kept::Stage;
use control::tracking::{Answer, SearchWish, Tracking};
use models::names::Kind;
use serde_json::{Value, json};

use super::asked::{Asked, EXPERIMENT_ID, Field};
use super::{Call, shown};

const SEARCH: &[Field] = &[
    Field::new("max_results", Kind::Integer),
    Field::new("order_by", Kind::Texts),
    Field::new("filter", Kind::Text),
    Field::new("page_token", Kind::Text),
];

pub(super) const CALLS: &[Call] = &[
    Call::post(
        "experiments/create",
        &[
            Field::new("name", Kind::Text).required(),
            Field::new("artifact_location", Kind::Text),
            Field::new("tags", Kind::List),
        ],
        create,
    ),
    Call::get("experiments/get", &[EXPERIMENT_ID], get),
    Call::get("experiments/get-by-name", &[Field::new("experiment_name", Kind::Text).required()], get_by_name),
    Call::post(
        "experiments/update",
        &[EXPERIMENT_ID, Field::new("new_name", Kind::Text).required()],
        |tracking, asked| tracking.rename_experiment(&asked.text("experiment_id"), asked.text("new_name")).map(nothing),
    ),
    Call::post("experiments/delete", &[EXPERIMENT_ID], |tracking, asked| stage(tracking, asked, Stage::Deleted)),
    Call::post("experiments/restore", &[EXPERIMENT_ID], |tracking, asked| stage(tracking, asked, Stage::Active)),
    Call::post(
        "experiments/set-experiment-tag",
        &[EXPERIMENT_ID, Field::new("key", Kind::Text).required(), Field::new("value", Kind::Text)],
        |tracking, asked| tracking.tag_experiment(&asked.text("experiment_id"), asked.pair()).map(nothing),
    ),
    Call::post(
        "experiments/delete-experiment-tag",
        &[EXPERIMENT_ID, Field::new("key", Kind::Text).required()],
        |tracking, asked| tracking.untag_experiment(&asked.text("experiment_id"), asked.text("key")).map(nothing),
    ),
    Call::get("experiments/search", SEARCH, search),
    Call::find("experiments/search", SEARCH, search),
];

/// Answers with an empty object.
pub(super) fn nothing((): ()) -> Value {
    json!({})
}

fn create(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let location = asked.some_text("artifact_location").filter(|location| !location.is_empty());
    let id = tracking.create_experiment(asked.text("name"), location, asked.pairs("tags")?)?;
    Ok(json!({ "experiment_id": id.to_string() }))
}

fn get(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let experiment = tracking.experiment(&asked.text("experiment_id"))?;
    Ok(json!({ "experiment": shown::experiment(&experiment) }))
}

fn get_by_name(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let experiment = tracking.experiment_named(&asked.text("experiment_name"))?;
    Ok(json!({ "experiment": shown::experiment(&experiment) }))
}

fn stage(tracking: &Tracking, asked: &Asked, stage: Stage) -> Answer<Value> {
    tracking.stage_experiment(&asked.text("experiment_id"), stage).map(nothing)
}

fn search(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let wish = SearchWish { view: asked.view_type("view_type"), ..asked.search(0)? };
    Ok(shown::page("experiments", &tracking.search_experiments(&wish)?, shown::experiment))
}
