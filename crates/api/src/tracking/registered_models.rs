//! `registered-models/…`: names under which versions are counted, their tags and aliases.

use axum::http::Method;
use control::tracking::{Answer, Move, RegisteredModelShown, Tracking};
use models::names::Kind;
use serde_json::{Value, json};

use super::asked::{Asked, Field};
use super::experiments::nothing;
use super::{Call, shown};

/// Is how many models are found, if nobody says.
const MODELS_DEFAULT: i64 = 100;

/// Is how many models can be asked for.
const MODELS_MAX: u64 = 1_000;

/// Is a model's name.
pub(super) const NAME: Field = Field::new("name", Kind::Text).required();

/// Is what something is.
pub(super) const DESCRIPTION: Field = Field::new("description", Kind::Text);

/// Is a tag's key.
pub(super) const KEY: Field = Field::new("key", Kind::Text).required();

/// Is a tag's value.
pub(super) const VALUE: Field = Field::new("value", Kind::Text);

const ALIAS: Field = Field::new("alias", Kind::Text).required();
const LATEST: &[Field] = &[NAME, Field::new("stages", Kind::Texts)];

pub(super) const CALLS: &[Call] = &[
    Call::post("registered-models/create", &[NAME, Field::new("tags", Kind::List), DESCRIPTION], |tracking, asked| {
        let (name, description, tags) = (asked.text("name"), asked.text("description"), asked.pairs("tags")?);
        tracking.create_registered_model(asked.who(), name, description, tags).map(one)
    }),
    Call::get("registered-models/get", &[NAME], |tracking, asked| {
        tracking.registered_model(&asked.text("name")).map(one)
    }),
    Call::patch("registered-models/update", &[NAME, DESCRIPTION], |tracking, asked| {
        tracking.describe_registered_model(asked.text("name"), asked.text("description")).map(one)
    }),
    Call::moves(
        Method::POST,
        "registered-models/rename",
        &[NAME, Field::new("new_name", Kind::Text).required()],
        |asked| Ok(Move::RenameModel { model: asked.text("name"), to: asked.text("new_name") }),
        |tracking, asked| tracking.registered_model(&asked.text("new_name")).map(one),
    ),
    Call::moves(
        Method::DELETE,
        "registered-models/delete",
        &[NAME],
        |asked| Ok(Move::DeleteModel { model: asked.text("name") }),
        |_, _| Ok(nothing(())),
    ),
    Call::post("registered-models/set-tag", &[NAME, KEY, VALUE], |tracking, asked| {
        tracking.tag_registered_model(asked.text("name"), asked.pair()).map(nothing)
    }),
    Call::delete("registered-models/delete-tag", &[NAME, KEY], |tracking, asked| {
        tracking.untag_registered_model(asked.text("name"), asked.text("key")).map(nothing)
    }),
    Call::moves(
        Method::POST,
        "registered-models/alias",
        &[NAME, ALIAS, Field::new("version", Kind::Text).required()],
        |asked| {
            let (model, alias, version) = (asked.text("name"), asked.text("alias"), asked.text("version"));
            Ok(Move::SetAlias { model, alias, version })
        },
        |_, _| Ok(nothing(())),
    ),
    Call::moves(
        Method::DELETE,
        "registered-models/alias",
        &[NAME, ALIAS],
        |asked| Ok(Move::DeleteAlias { model: asked.text("name"), alias: asked.text("alias") }),
        |_, _| Ok(nothing(())),
    ),
    Call::get("registered-models/alias", &[NAME, ALIAS], |tracking, asked| {
        let found = tracking.model_version_of_alias(&asked.text("name"), &asked.text("alias"))?;
        Ok(json!({ "model_version": shown::model_version(&found) }))
    }),
    Call::get("registered-models/get-latest-versions", LATEST, latest),
    Call::find("registered-models/get-latest-versions", LATEST, latest),
    Call::get(
        "registered-models/search",
        &[
            Field::new("filter", Kind::Text),
            Field::new("max_results", Kind::Integer).most(MODELS_MAX),
            Field::new("order_by", Kind::Texts),
            Field::new("page_token", Kind::Text),
        ],
        |tracking, asked| {
            let found = tracking.search_registered_models(&asked.search(MODELS_DEFAULT)?)?;
            Ok(shown::page("registered_models", &found, shown::registered_model))
        },
    ),
];

fn one(model: RegisteredModelShown) -> Value {
    json!({ "registered_model": shown::registered_model(&model) })
}

fn latest(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let found = tracking.latest_versions(&asked.text("name"), &asked.texts("stages"))?;
    let versions: Vec<Value> = found.iter().map(shown::model_version).collect();
    Ok(if versions.is_empty() { json!({}) } else { json!({ "model_versions": versions }) })
}
