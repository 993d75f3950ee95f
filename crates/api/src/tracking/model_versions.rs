//! `model-versions/…`: what a name's versions are, and the stages they are in.

use axum::http::Method;
use control::tracking::{Answer, ModelVersionShown, ModelVersionWish, Move, Tracking};
use models::names::Kind;
use serde_json::{Value, json};

use super::asked::{Asked, Field};
use super::experiments::nothing;
use super::registered_models::{DESCRIPTION, KEY, NAME, VALUE};
use super::{Call, shown};

/// Is how many versions are found, if nobody says.
const VERSIONS_DEFAULT: i64 = 200_000;

/// Is how many versions can be asked for.
const VERSIONS_MAX: u64 = 200_000;

const VERSION: Field = Field::new("version", Kind::Text).required();

pub(super) const CALLS: &[Call] = &[
    Call::post(
        "model-versions/create",
        &[
            NAME,
            Field::new("source", Kind::Text).required(),
            Field::new("run_id", Kind::Text),
            Field::new("tags", Kind::List),
            Field::new("run_link", Kind::Text),
            DESCRIPTION,
            Field::new("model_id", Kind::Text),
        ],
        create,
    )
    .sealing(),
    Call::get("model-versions/get", &[NAME, VERSION], |tracking, asked| {
        tracking.model_version(&asked.text("name"), &asked.text("version")).map(one)
    }),
    Call::patch("model-versions/update", &[NAME, VERSION, DESCRIPTION], |tracking, asked| {
        let (name, version) = (asked.text("name"), asked.text("version"));
        tracking.describe_model_version(name, version, asked.some_text("description")).map(one)
    }),
    Call::moves(
        Method::DELETE,
        "model-versions/delete",
        &[NAME, VERSION],
        |asked| Ok(Move::DeleteVersion { model: asked.text("name"), version: asked.text("version") }),
        |_, _| Ok(nothing(())),
    ),
    Call::moves(
        Method::POST,
        "model-versions/transition-stage",
        &[
            NAME,
            VERSION,
            Field::new("stage", Kind::Text).required(),
            Field::new("archive_existing_versions", Kind::Bool),
        ],
        |asked| {
            let (model, version, stage) = (asked.text("name"), asked.text("version"), asked.text("stage"));
            let archive = asked.wishes("archive_existing_versions")?;
            Ok(Move::TransitionStage { model, version, stage, archive })
        },
        |tracking, asked| tracking.model_version(&asked.text("name"), &asked.text("version")).map(one),
    ),
    Call::get(
        "model-versions/get-download-uri",
        &[Field::new("name", Kind::Text), Field::new("version", Kind::Text)],
        |tracking, asked| {
            let location = tracking.model_version_location(&asked.text("name"), &asked.text("version"))?;
            Ok(json!({ "artifact_uri": location }))
        },
    ),
    Call::post("model-versions/set-tag", &[NAME, VERSION, KEY, VALUE], |tracking, asked| {
        tracking.tag_model_version(asked.text("name"), asked.text("version"), asked.pair()).map(nothing)
    }),
    Call::delete("model-versions/delete-tag", &[NAME, VERSION, KEY], |tracking, asked| {
        tracking.untag_model_version(asked.text("name"), asked.text("version"), asked.text("key")).map(nothing)
    }),
    Call::get(
        "model-versions/search",
        &[
            Field::new("filter", Kind::Text),
            Field::new("max_results", Kind::Integer).most(VERSIONS_MAX),
            Field::new("order_by", Kind::Texts),
            Field::new("page_token", Kind::Text),
        ],
        |tracking, asked| {
            let found = tracking.search_model_versions(&asked.search(VERSIONS_DEFAULT)?)?;
            Ok(shown::page("model_versions", &found, shown::plain_version))
        },
    ),
];

fn one(version: ModelVersionShown) -> Value {
    json!({ "model_version": shown::model_version(&version) })
}

fn create(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let version = ModelVersionWish {
        name: asked.text("name"),
        source: asked.text("source"),
        run: asked.some_text("run_id"),
        model: asked.some_text("model_id"),
        tags: asked.pairs("tags")?,
        run_link: asked.text("run_link"),
        description: asked.text("description"),
    };
    tracking.create_model_version(asked.who(), version).map(one)
}
