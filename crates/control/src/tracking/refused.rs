//! Refusals as MLflow's clients know them.

use std::fmt;

use store::artifacts::ArtifactError;
use store::tracking::TrackingError;
use types::Code;

use crate::door::Refusal;

/// Names what is wrong, as it stands in `error_code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// What was sent makes no sense.
    InvalidParameterValue,
    /// What was sent contradicts what is there.
    BadRequest,
    /// There is one of that name already.
    ResourceAlreadyExists,
    /// There is none.
    ResourceDoesNotExist,
    /// Nobody knows who calls.
    Unauthenticated,
    /// The caller may not.
    PermissionDenied,
    /// It is not in the state for that.
    InvalidState,
    /// This server does not do that.
    NotImplemented,
    /// There is nothing at that path.
    EndpointNotFound,
    /// It is more than is taken.
    TooLarge,
    /// Nothing of it can be had.
    RangeUnsatisfiable,
    /// It cannot be done now.
    TemporarilyUnavailable,
    /// Something is wrong here.
    InternalError,
}

impl ErrorCode {
    /// Returns how it is written.
    pub fn name(self) -> &'static str {
        self.parts().0
    }

    /// Returns the status of its answers.
    pub fn status(self) -> u16 {
        self.parts().1
    }

    /// Returns its `sqlstate` and its `error_class`, where there are any.
    pub fn class(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::InvalidParameterValue | Self::BadRequest | Self::TooLarge | Self::RangeUnsatisfiable => {
                Some(("KAM00", "INVALID_PARAMETER_VALUE"))
            }
            Self::ResourceAlreadyExists => Some(("KAM00", "RESOURCE_ALREADY_EXISTS")),
            Self::ResourceDoesNotExist => Some(("KAM00", "RESOURCE_NOT_FOUND")),
            Self::PermissionDenied => Some(("KAM00", "PERMISSION_DENIED")),
            Self::InvalidState | Self::InternalError | Self::TemporarilyUnavailable => {
                Some(("XXM00", "CLIENT_INTERNAL_ERROR"))
            }
            Self::Unauthenticated | Self::NotImplemented | Self::EndpointNotFound => None,
        }
    }

    fn parts(self) -> (&'static str, u16) {
        match self {
            Self::InvalidParameterValue => ("INVALID_PARAMETER_VALUE", 400),
            Self::BadRequest => ("BAD_REQUEST", 400),
            Self::ResourceAlreadyExists => ("RESOURCE_ALREADY_EXISTS", 400),
            Self::ResourceDoesNotExist => ("RESOURCE_DOES_NOT_EXIST", 404),
            Self::Unauthenticated => ("UNAUTHENTICATED", 401),
            Self::PermissionDenied => ("PERMISSION_DENIED", 403),
            Self::InvalidState => ("INVALID_STATE", 500),
            Self::NotImplemented => ("NOT_IMPLEMENTED", 501),
            Self::EndpointNotFound => ("ENDPOINT_NOT_FOUND", 404),
            Self::TooLarge => ("INVALID_PARAMETER_VALUE", 413),
            Self::RangeUnsatisfiable => ("INVALID_PARAMETER_VALUE", 416),
            Self::TemporarilyUnavailable => ("TEMPORARILY_UNAVAILABLE", 503),
            Self::InternalError => ("INTERNAL_ERROR", 500),
        }
    }
}

/// Says why a request is refused, in the words of MLflow's own server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong.
    pub code: ErrorCode,
    /// What is wrong with this request.
    pub message: String,
    /// Its `sqlstate` and `error_class`, where they are not those of the code.
    class: Option<(&'static str, &'static str)>,
    /// Why, where MLflow has no word for it: a code of ours, with a page of its own.
    pub reason: Option<Code>,
}

impl Refused {
    /// Refuses with a code and a text.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), class: None, reason: None }
    }

    /// Says why in a code of ours, also in the text, which is all that many clients show.
    pub fn because(self, reason: Code) -> Self {
        let message = format!("{} ({reason}: `countersign explain {reason}` says more)", self.message);
        Self { message, reason: Some(reason), ..self }
    }

    /// Says why in a code of ours, where the text says it already.
    pub(super) fn reasoned(self, reason: Code) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Returns its `sqlstate` and its `error_class`, where there are any.
    pub fn class(&self) -> Option<(&'static str, &'static str)> {
        self.class.or_else(|| self.code.class())
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidParameterValue, message)
    }

    pub(super) fn absent(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ResourceDoesNotExist, message)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.message)
    }
}

impl From<models::Refusal> for Refused {
    fn from(refusal: models::Refusal) -> Self {
        Self { class: Some((refusal.sqlstate(), refusal.class())), ..Self::invalid(refusal.message()) }
    }
}

impl From<Refused> for Refusal {
    /// Says the same in our own contract.
    fn from(refused: Refused) -> Self {
        let code = match refused.code {
            ErrorCode::ResourceDoesNotExist | ErrorCode::EndpointNotFound => Code::NotFound,
            ErrorCode::ResourceAlreadyExists => Code::StateConflict,
            ErrorCode::TooLarge => Code::PayloadTooLarge,
            ErrorCode::TemporarilyUnavailable | ErrorCode::InternalError => Code::FileUnusable,
            _ => Code::RequestInvalid,
        };
        Self::plain(refused.reason.unwrap_or(code), refused.message)
    }
}

impl From<TrackingError> for Refused {
    fn from(error: TrackingError) -> Self {
        let code = match error {
            TrackingError::DiskFull | TrackingError::Closed => ErrorCode::TemporarilyUnavailable,
            TrackingError::Database(_) | TrackingError::Version(_) => ErrorCode::InternalError,
        };
        Self { reason: Some(error.code()), ..Self::new(code, error.to_string()) }
    }
}

impl From<ArtifactError> for Refused {
    fn from(error: ArtifactError) -> Self {
        let code = match error {
            ArtifactError::TooLarge(_) => ErrorCode::TooLarge,
            ArtifactError::DiskFull | ArtifactError::Elsewhere(_) => ErrorCode::TemporarilyUnavailable,
            ArtifactError::Unusable(_) | ArtifactError::Changed(_) => ErrorCode::InternalError,
        };
        let reason = error.code();
        Self::new(code, error.to_string()).because(reason)
    }
}
