//! The tools' effects: from checked arguments to the inventory and back.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use types::Code;

use crate::inventory::{Inventory, InventoryError, Mail, MailStatus, Service};

/// Says why a tool failed; the agent gets to read it.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The arguments are not those of the tool.
    #[error("the arguments do not fit: {0}")]
    Arguments(String),
    /// The inventory refuses.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
}

impl CallError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Arguments(_) => Code::ArgumentsInvalid,
            Self::Inventory(error) => error.code(),
        }
    }
}

/// Is what a tool answers: a text for the model, and the same as data.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) data: Value,
}

type Called = Result<Said, CallError>;

/// Calls a tool; `None` if there is none of that name.
pub(super) fn call(inventory: &mut Inventory, name: &str, arguments: Value) -> Option<Called> {
    Some(match name {
        "list_services" => list(inventory, arguments),
        "get_service" => get(inventory, arguments),
        "restart_service" => restart(inventory, arguments),
        "scale_service" => scale(inventory, arguments),
        "apply_db_change" => change(inventory, arguments),
        "delete_service" => delete(inventory, arguments),
        "draft_mail" => mail(inventory, arguments, MailStatus::Draft),
        "send_mail" => mail(inventory, arguments, MailStatus::Sent),
        "weekly_report" => report(inventory, arguments),
        _ => return None,
    })
}

fn arguments<T: DeserializeOwned>(arguments: Value) -> Result<T, CallError> {
    serde_json::from_value(arguments).map_err(|error| CallError::Arguments(error.to_string()))
}

fn said(text: String, data: &impl Serialize) -> Said {
    // Rows are texts, numbers and truth values, all of which JSON can hold.
    Said { text, data: serde_json::to_value(data).unwrap_or_default() }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    service: String,
}

fn list(inventory: &Inventory, given: Value) -> Called {
    let Nothing {} = arguments(given)?;
    let services = inventory.services()?;
    let text = services.iter().map(line).collect::<Vec<_>>().join("\n");
    Ok(said(text, &json!({ "services": services })))
}

fn line(service: &Service) -> String {
    let Service { id, env, tier, replicas, version, .. } = service;
    format!("{id}: {env}, tier {tier}, {replicas} × {version}")
}

fn get(inventory: &Inventory, given: Value) -> Called {
    let Named { service } = arguments(given)?;
    let service = inventory.service(&service)?;
    let kept = if service.stateless { "stateless" } else { "stateful" };
    Ok(said(format!("{}, {kept}, restarted {} times", line(&service), service.restarts), &service))
}

fn restart(inventory: &mut Inventory, given: Value) -> Called {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Restart {
        service: String,
        reason: Option<String>,
        request_id: Option<String>,
    }
    let Restart { service, reason, request_id } = arguments(given)?;
    let service = inventory.restart(&service, reason.as_deref(), request_id.as_deref())?;
    Ok(said(format!("{} restarted; it has been {} times so far", service.id, service.restarts), &service))
}

fn scale(inventory: &mut Inventory, given: Value) -> Called {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Scale {
        service: String,
        replicas: i64,
    }
    let Scale { service, replicas } = arguments(given)?;
    let service = inventory.scale(&service, replicas)?;
    Ok(said(format!("{} now has {} replicas", service.id, service.replicas), &service))
}

fn change(inventory: &mut Inventory, given: Value) -> Called {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Change {
        database: String,
        statement: String,
    }
    let Change { database, statement } = arguments(given)?;
    let change = inventory.change(&database, &statement)?;
    Ok(said(format!("the schema of {} is at version {}", change.database, change.schema_version), &change))
}

fn delete(inventory: &mut Inventory, given: Value) -> Called {
    let Named { service } = arguments(given)?;
    let service = inventory.delete(&service)?;
    Ok(said(format!("{} is gone", service.id), &service))
}

fn mail(inventory: &mut Inventory, given: Value, status: MailStatus) -> Called {
    let mail: Mail = arguments(given)?;
    let number = inventory.mail(&mail, status)?;
    let text = match status {
        MailStatus::Draft => format!("mail {number} to {} is in the drafts folder", mail.to),
        MailStatus::Sent => format!("mail {number} to {} has been sent", mail.to),
    };
    Ok(said(text, &json!({ "mail": number, "status": status })))
}

fn report(inventory: &Inventory, given: Value) -> Called {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Week {
        week: String,
    }
    let Week { week } = arguments(given)?;
    let report = inventory.report(&week)?;
    let (incidents, pages) = (report.incidents, report.pages);
    let text = format!(
        "{week}: {incidents} incidents, {pages} pages, {}. {}",
        percent(report.availability_bp),
        report.summary
    );
    Ok(said(text, &report))
}

/// Writes basis points as percent.
fn percent(bp: i64) -> String {
    format!("{}.{:02} % available", bp.div_euclid(100), bp.rem_euclid(100))
}
