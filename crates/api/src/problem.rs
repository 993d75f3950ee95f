//! Problems (RFC 9457): how a request is refused.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use control::Refusal;
use control::door::CaseRef;
use serde::Serialize;
use types::{ActionId, CaseId, Code, Millis};
use utoipa::ToSchema;

use crate::view::Finding;

/// Is why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// The page of the code, relative to wherever the product's pages are served.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 202, maximum = 599)]
    pub status: u16,
    /// The stable code; `countersign explain CODE` tells more.
    #[schema(value_type = String, example = "request-invalid")]
    pub code: Code,
    /// What is wrong with this request.
    pub detail: String,
    /// The recorded action, where administration was decided against.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub action: Option<ActionId>,
    /// The findings of that decision.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The case, where people must decide first; the same request succeeds once they have approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalRef>,
}

/// Points at a case that awaits people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApprovalRef {
    /// The case.
    #[schema(value_type = String)]
    pub id: CaseId,
    /// Where people decide it.
    pub url: String,
    /// When silence becomes a refusal, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    pub expires_at: Millis,
}

impl From<CaseRef> for ApprovalRef {
    fn from(case: CaseRef) -> Self {
        Self { id: case.id, url: case.url.into(), expires_at: case.expires }
    }
}

/// Is a problem on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault(Box<Problem>);

impl Fault {
    /// Builds a problem that rests on no decision.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Refusal::plain(code, detail).into()
    }

    /// Returns the problem, for an answer that tells of it.
    pub(crate) fn into_problem(self) -> Problem {
        *self.0
    }

    /// Sets another status than the code's own.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.0.status = status.as_u16();
        self
    }
}

/// Refuses because the request does not fit the contract.
pub(crate) fn invalid(detail: impl Into<String>) -> Fault {
    Fault::new(Code::RequestInvalid, detail)
}

/// Refuses because the credential does not reach this.
pub(crate) fn forbidden(detail: impl Into<String>) -> Fault {
    Fault::new(Code::Forbidden, detail)
}

/// Answers any request with a refusal, before it reaches a path.
pub fn refuse(refusal: Refusal) -> Response {
    Fault::from(refusal).into_response()
}

fn status(refusal: &Refusal) -> u16 {
    match refusal.code.status() {
        200 if refusal.case.is_some() => 202,
        200 if refusal.action.is_some() || refusal.code == Code::Killed => 403,
        // A finding that rests on no decision: the request names what the bundle does not have.
        200 => 422,
        own => own,
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self(Box::new(Problem {
            kind: format!("/errors/{}", refusal.code),
            title: refusal.code.as_str().replace('-', " "),
            status: status(&refusal),
            code: refusal.code,
            detail: refusal.message,
            action: refusal.action,
            findings: refusal.findings.iter().map(Finding::from).collect(),
            approval: refusal.case.map(ApprovalRef::from),
        }))
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(challenge) = challenge(self.0.code) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

/// Returns the challenge that RFC 6750 asks for beside a 401.
fn challenge(code: Code) -> Option<&'static str> {
    match code {
        Code::Unauthenticated => Some(r#"Bearer realm="countersign""#),
        Code::KeyExpired => Some(r#"Bearer realm="countersign", error="invalid_token""#),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_never_a_success() {
        for code in Code::ALL {
            let plain = Refusal::plain(*code, "why");
            assert!(status(&plain) >= 400 || *code == Code::ApprovalPending, "{code}");
            let denied = Refusal { action: Some("act_0190a6a1e00070008000000000000000".parse().unwrap()), ..plain };
            assert!(status(&denied) >= 400 || *code == Code::ApprovalPending, "{code}");
        }
    }
}
