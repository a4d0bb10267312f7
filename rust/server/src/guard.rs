//! Who is answered, how long it may take, and what every answer says to browsers.

use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

/// Whatever does not ask the tables waits for nothing: a request that takes this long is stuck.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// Scripts, styles and data come from here and nowhere else; nobody frames the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data:; \
     object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Ends a request that takes too long.
pub(crate) async fn within_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("no answer within {} s", REQUEST_TIME.as_secs());
            Problem::not_now(StatusCode::SERVICE_UNAVAILABLE, detail).into_response()
        }
    }
}

/// Adds the headers that keep browsers from doing more than they should.
pub(crate) async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Refuses what a page of another site sends through the browser of somebody on this machine.
pub(crate) async fn from_here_only(request: Request, next: Next) -> Response {
    match refusal(request.method(), request.uri(), request.headers()) {
        Some(detail) => Problem::new(StatusCode::FORBIDDEN, detail).into_response(),
        None => next.run(request).await,
    }
}

fn refusal(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    // A page of another site may have its name resolve to this machine; its requests still carry that name.
    let host = text(header::HOST);
    if host.is_some_and(|host| !is_local(host)) || uri.host().is_some_and(|host| !is_local(host)) {
        return Some("this server answers to localhost only");
    }
    // A browser says which page a request comes from when it is not plain navigation.
    if let Some(origin) = text(header::ORIGIN)
        && !is_same_origin(origin, host)
    {
        return Some("this server answers its own page and programs, not pages of other sites");
    }
    let site = text(HeaderName::from_static("sec-fetch-site"));
    let mode = text(HeaderName::from_static("sec-fetch-mode"));
    let navigation = mode == Some("navigate") && method == Method::GET;
    if matches!(site, Some("cross-site" | "same-site")) && !navigation {
        return Some("this server answers its own page and programs, not pages of other sites");
    }
    None
}

/// The origin's scheme is http (there is no TLS here) and its host and port are those asked for.
fn is_same_origin(origin: &str, host: Option<&str>) -> bool {
    let named = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    matches!((named, host), (Some(named), Some(host)) if named.eq_ignore_ascii_case(host))
}

fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: Method, path: &'static str, headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        refusal(&method, &Uri::from_static(path), &headers).is_some()
    }

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8080"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["example.org", "example.org:8080", "127.0.0.1.example.org", "10.0.0.1:80", ""] {
            assert!(!is_local(host), "{host}");
        }
        assert!(refused(Method::GET, "http://example.org/readyz", &[("host", "localhost")]));
    }

    #[test]
    fn pages_of_other_sites_are_refused_and_links_from_them_are_not() {
        let local = ("host", "localhost:8080");
        for origin in ["http://example.org", "null", "http://localhost:3000", "http://localhost", ""] {
            for method in [Method::GET, Method::POST] {
                assert!(refused(method, "/api/v1/sql", &[local, ("origin", origin)]), "{origin}");
            }
        }
        assert!(!refused(Method::POST, "/api/v1/sql", &[local, ("origin", "http://localhost:8080")]));
        assert!(!refused(Method::POST, "/api/v1/sql", &[local]));
        let cross = ("sec-fetch-site", "cross-site");
        assert!(refused(Method::GET, "/api/v1/status", &[local, cross, ("sec-fetch-mode", "no-cors")]));
        assert!(refused(Method::POST, "/api/v1/sql", &[local, cross, ("sec-fetch-mode", "navigate")]));
        assert!(!refused(Method::GET, "/", &[local, cross, ("sec-fetch-mode", "navigate")]));
    }
}
