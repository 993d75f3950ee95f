//! `logged-models/…`: made, read, finished, tagged, found and deleted.

use control::tracking::{Answer, ErrorCode, ModelWish, NewLoggedModel, Refused, Status, Tracking};
use models::names::Kind;
use models::order::ModelField;
use serde_json::{Value, json};

use super::asked::{Asked, Field};
use super::experiments::nothing;
use super::{Call, shown};

const MODEL_ID: Field = Field::new("model_id", Kind::Text).required();

pub(super) const CALLS: &[Call] = &[
    Call::post(
        "logged-models",
        &[
            Field::new("experiment_id", Kind::Text).required(),
            Field::new("name", Kind::Text),
            Field::new("model_type", Kind::Text),
            Field::new("source_run_id", Kind::Text),
            Field::new("params", Kind::List),
            Field::new("tags", Kind::List),
        ],
        create,
    ),
    Call::find(
        "logged-models/search",
        &[
            Field::new("experiment_ids", Kind::Texts).required(),
            Field::new("filter", Kind::Text),
            Field::new("datasets", Kind::List),
            Field::new("max_results", Kind::Integer),
            Field::new("order_by", Kind::List),
            Field::new("page_token", Kind::Text),
        ],
        search,
    ),
    // The search is a `POST`; what a `GET` finds there is a model of that name.
    Call::get("logged-models/search", &[], |tracking, _| tracking.logged_model("search", false).map(model)),
    Call::get("logged-models/{model_id}", &[Field::new("allow_deleted", Kind::Text)], |tracking, asked| {
        let with_deleted = asked.text("allow_deleted").eq_ignore_ascii_case("true");
        tracking.logged_model(&asked.in_path("model_id"), with_deleted).map(model)
    }),
    Call::patch(
        "logged-models/{model_id}",
        &[MODEL_ID, Field::new("status", Kind::Text).required().of_any_kind()],
        finish,
    )
    .sealing(),
    Call::delete("logged-models/{model_id}", &[], |tracking, asked| {
        tracking.delete_logged_model(asked.in_path("model_id")).map(nothing)
    }),
    Call::patch("logged-models/{model_id}/tags", &[Field::new("tags", Kind::List)], |tracking, asked| {
        tracking.tag_logged_model(asked.in_path("model_id"), asked.pairs("tags")?).map(nothing)
    }),
    Call::delete("logged-models/{model_id}/tags/{tag_key}", &[], |tracking, asked| {
        tracking.untag_logged_model(asked.in_path("model_id"), asked.in_path("tag_key")).map(nothing)
    }),
    Call::post("logged-models/{model_id}/params", &[MODEL_ID, Field::new("params", Kind::List)], |tracking, asked| {
        tracking.log_model_params(asked.in_path("model_id"), asked.pairs("params")?).map(nothing)
    }),
    Call::get(
        "logged-models/{model_id}/artifacts/directories",
        &[Field::new("artifact_directory_path", Kind::Text)],
        |tracking, asked| {
            let path = asked.text("artifact_directory_path");
            let (root, files) = tracking.model_artifacts(&asked.in_path("model_id"), &path)?;
            Ok(shown::files(&files, Some(root)))
        },
    ),
];

fn model(model: control::tracking::LoggedModelShown) -> Value {
    json!({ "model": shown::logged_model(&model) })
}

fn create(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let new = NewLoggedModel {
        experiment: asked.text("experiment_id"),
        name: asked.text("name"),
        kind: asked.text("model_type"),
        source_run: asked.text("source_run_id"),
        params: asked.pairs("params")?,
        tags: asked.pairs("tags")?,
    };
    tracking.create_logged_model(new).map(model)
}

fn finish(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let invalid = |message: String| Refused::new(ErrorCode::InvalidParameterValue, message);
    let id = asked.text("model_id");
    if id != asked.in_path("model_id") {
        return Err(invalid(format!("The path names another model than model_id, which is '{id}'.")));
    }
    let word = asked.some_word("status").unwrap_or_default();
    let status =
        Status::read(&word).ok_or_else(|| invalid(format!("There is no status '{word}' of a logged model.")))?;
    tracking.set_logged_model_status(id, status, asked.who().principal.subject()).map(model)
}

fn search(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let given = |asked: &Asked, name: &str| asked.some_text(name).filter(|text| !text.is_empty());
    let dataset_fields = [Field::new("dataset_name", Kind::Text), Field::new("dataset_digest", Kind::Text)];
    let order_fields = [
        Field::new("field_name", Kind::Text),
        Field::new("ascending", Kind::Bool),
        Field::new("dataset_name", Kind::Text),
        Field::new("dataset_digest", Kind::Text),
    ];
    let order = |asked: &Asked| ModelField {
        field_name: asked.text("field_name"),
        ascending: asked.some_bool("ascending").unwrap_or(true),
        dataset_name: given(asked, "dataset_name"),
        dataset_digest: given(asked, "dataset_digest"),
    };
    let order_by: Vec<ModelField> = asked.each("order_by", &order_fields)?.iter().map(order).collect();
    let datasets = asked.each("datasets", &dataset_fields)?;
    let wish = ModelWish {
        experiments: asked.texts("experiment_ids"),
        filter: given(asked, "filter"),
        datasets: datasets.iter().map(|one| (one.text("dataset_name"), given(one, "dataset_digest"))).collect(),
        order_by: (!order_by.is_empty()).then_some(order_by),
        max_results: asked.some_integer("max_results")?,
        page_token: asked.text("page_token"),
    };
    Ok(shown::page("models", &tracking.search_logged_models(wish)?, shown::logged_model))
}
