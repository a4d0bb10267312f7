//! Who may ask: those who bring the token, where there is one.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tonic::Status;
use tonic::metadata::MetadataValue;

/// Paths that answer everyone: whoever has to log in first, and whoever looks whether the server lives.
const OPEN: [&str; 2] = ["/arrow.flight.protocol.FlightService/Handshake", "/grpc.health.v1.Health/"];

/// What is told to whoever is refused.
const HOW: &str = "send the token as `authorization: Bearer TOKEN`, or log in with it as the password";

/// Some clients leave the signs at the end out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The token that requests must bring; without one, everyone may ask.
#[derive(Clone)]
pub(crate) struct Door(Option<Arc<str>>);

impl Door {
    pub(crate) fn new(token: Option<&str>) -> Self {
        Self(token.map(Arc::from))
    }

    /// Whether these headers have the token, as a bearer's or as a password.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = self.0.as_deref() else { return true };
        let Some(text) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
            return false;
        };
        let Some((scheme, secret)) = text.split_once(' ') else { return false };
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => same(secret.trim(), token),
            "basic" => password(secret.trim()).is_some_and(|password| same(&password, token)),
            _ => false,
        }
    }

    /// What a client that has logged in sends from then on.
    pub(crate) fn log_in(
        &self,
        headers: &HeaderMap,
    ) -> Result<MetadataValue<tonic::metadata::Ascii>, Status> {
        if !self.admits(headers) {
            return Err(Status::unauthenticated(format!(
                "the password is not the token of this server: {HOW}"
            )));
        }
        let bearer = format!("Bearer {}", self.0.as_deref().unwrap_or("none"));
        bearer.parse().map_err(|_| Status::internal("the token has characters that no header may have"))
    }
}

/// The password of `user:password` in base 64.
fn password(text: &str) -> Option<String> {
    let decoded = String::from_utf8(BASE64.decode(text).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

/// Compares in a time that does not tell where the first difference is.
fn same(left: &str, right: &str) -> bool {
    blake3::hash(left.as_bytes()) == blake3::hash(right.as_bytes())
}

/// Lets requests through that may.
pub(crate) async fn check(State(door): State<Door>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if OPEN.iter().any(|open| path.starts_with(open)) || door.admits(request.headers()) {
        return next.run(request).await;
    }
    Status::unauthenticated(format!("this server wants its token: {HOW}")).into_http()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn the_token_opens_as_a_bearers_and_as_a_password_and_nothing_else_does() {
        let door = Door::new(Some("s3cret"));
        let basic = |text: &str| format!("Basic {}", BASE64.encode(text));
        let unpadded = basic("abc:s3cret");
        assert!(unpadded.ends_with('='));
        let unpadded = unpadded.trim_end_matches('=');
        for value in ["Bearer s3cret", "bearer s3cret", &basic("anyone:s3cret"), &basic(":s3cret"), unpadded]
        {
            assert!(door.admits(&headers(value)), "{value}");
        }
        for value in ["Bearer s3cre", "Bearer", "s3cret", "Digest s3cret", &basic("s3cret"), "Basic !!"] {
            assert!(!door.admits(&headers(value)), "{value}");
        }
        assert!(!door.admits(&HeaderMap::new()));
        assert_eq!(door.log_in(&headers(&basic("a:s3cret"))).unwrap(), "Bearer s3cret");
        assert_eq!(door.log_in(&HeaderMap::new()).unwrap_err().code(), tonic::Code::Unauthenticated);
        assert!(Door::new(None).admits(&HeaderMap::new()));
    }
}
