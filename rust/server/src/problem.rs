//! What is not answered, told as problem details (RFC 9457).

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use silverbullet_query::ErrorKind;
use utoipa::openapi::{Content, RefOr, ResponseBuilder, response};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

/// The media type of every problem.
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// One problem: a status and what a person can do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    retry: bool,
}

/// Problem details (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
struct Body<'a> {
    /// Always `about:blank`: the status says what sort of problem it is.
    r#type: &'a str,
    /// The status in words.
    title: &'a str,
    /// The status.
    status: u16,
    /// What is the matter, and what can be done about it.
    detail: &'a str,
}

impl Problem {
    /// A problem that stays until somebody does something about it.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), retry: false }
    }

    /// The request cannot be understood or met as it is.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// Not now: the same request may succeed in a moment.
    pub(crate) fn not_now(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { retry: true, ..Self::new(status, detail) }
    }

    /// The server itself is at fault.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }
}

impl From<silverbullet_query::Error> for Problem {
    fn from(error: silverbullet_query::Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Syntax | ErrorKind::Unknown => StatusCode::BAD_REQUEST,
            ErrorKind::ReadOnly => StatusCode::FORBIDDEN,
            ErrorKind::Time | ErrorKind::Memory | ErrorKind::Rows => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
        };
        let mut response = (self.status, Json(body)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if self.retry {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// In the OpenAPI document every route may answer with a problem.
impl IntoResponses for Problem {
    fn responses() -> BTreeMap<String, RefOr<response::Response>> {
        let content = Content::new(Some(<Body<'static> as PartialSchema>::schema()));
        let response = ResponseBuilder::new()
            .description("What is the matter, as problem details (RFC 9457)")
            .content(CONTENT_TYPE, content)
            .build();
        BTreeMap::from([("default".to_owned(), RefOr::T(response))])
    }
}
