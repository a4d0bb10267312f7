//! The page, as it was built into the program.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

/// A file of the page.
#[derive(Debug)]
struct Asset {
    /// Path below the page's root.
    path: &'static str,
    /// Content type.
    kind: &'static str,
    /// Changes with the bytes.
    tag: &'static str,
    body: &'static [u8],
    /// The same compressed, where that is smaller.
    gzip: Option<&'static [u8]>,
}

/// All files; empty where the program was built without a page.
const ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// What stands in for a page that was not built.
const PLAIN: Asset = Asset {
    path: "index.html",
    kind: "text/html; charset=utf-8",
    tag: "plain",
    body: include_bytes!("page.html"),
    gzip: None,
};

/// Names in this folder change with what they hold.
const HASHED: &str = "assets/";

/// Answers what no route does: a file of the page, or that there is nothing.
pub(crate) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { PLAIN.path } else { path };
    let plain = (ASSETS.is_empty() && path == PLAIN.path).then_some(&PLAIN);
    let Some(asset) = ASSETS.iter().find(|asset| asset.path == path).or(plain) else {
        let detail = format!("there is nothing at {}; /api/v1/docs lists what there is", uri.path());
        return Problem::new(StatusCode::NOT_FOUND, detail).into_response();
    };
    if method != Method::GET && method != Method::HEAD {
        let detail = format!("{} takes GET, not {method}", uri.path());
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).into_response();
    }
    serve(asset, &headers)
}

fn serve(asset: &Asset, headers: &HeaderMap) -> Response {
    let lists = |name, wanted: &dyn Fn(&str) -> bool| {
        let listed = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        listed.split(',').map(str::trim).any(wanted)
    };
    let gzip = asset.gzip.filter(|_| lists(header::ACCEPT_ENCODING, &takes_gzip));
    let tag = if gzip.is_some() { format!("\"{}-gzip\"", asset.tag) } else { format!("\"{}\"", asset.tag) };
    let unchanged =
        lists(header::IF_NONE_MATCH, &|known| known == "*" || known.trim_start_matches("W/") == tag);
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, asset.kind)], gzip.unwrap_or(asset.body)).into_response()
    };
    let caching = match asset.path {
        "index.html" => "no-store",
        path if path.starts_with(HASHED) => "public, max-age=31536000, immutable",
        _ => "no-cache",
    };
    let answer = response.headers_mut();
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answer.insert(header::ETAG, tag);
    }
    if gzip.is_some() && !unchanged {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Whether one of the encodings a client lists is gzip, and not as one it does not want.
fn takes_gzip(listed: &str) -> bool {
    let (name, quality) = listed.split_once(';').unwrap_or((listed, ""));
    let quality = quality.trim().strip_prefix("q=").and_then(|text| text.parse::<f32>().ok());
    name.trim().eq_ignore_ascii_case("gzip") && quality.is_none_or(|quality| quality > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: Asset =
        Asset { path: "assets/a-1.js", kind: "text/javascript", tag: "1", body: b"long", gzip: Some(b"gz") };

    fn ask(asset: &Asset, name: header::HeaderName, value: &'static str) -> (u16, HeaderMap) {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        let response = serve(asset, &headers);
        (response.status().as_u16(), response.headers().clone())
    }

    #[test]
    fn a_file_is_compressed_for_those_who_take_it_and_cached_by_its_name() {
        let (status, headers) = ask(&SCRIPT, header::ACCEPT_ENCODING, "br, gzip;q=0.8");
        assert_eq!(
            (status, &headers["content-encoding"], &headers["etag"]),
            (200, &"gzip".parse().unwrap(), &"\"1-gzip\"".parse().unwrap())
        );
        assert_eq!(headers["cache-control"], "public, max-age=31536000, immutable");
        for other in ["br", "gzip;q=0", "identity"] {
            assert!(
                !ask(&SCRIPT, header::ACCEPT_ENCODING, other).1.contains_key("content-encoding"),
                "{other}"
            );
        }
        assert_eq!(ask(&PLAIN, header::ACCEPT, "*/*").1["cache-control"], "no-store");
    }

    #[test]
    fn who_has_a_file_is_told_so() {
        assert_eq!(ask(&SCRIPT, header::IF_NONE_MATCH, "\"0\", W/\"1\"").0, 304);
        assert_eq!(ask(&SCRIPT, header::IF_NONE_MATCH, "\"2\"").0, 200);
    }

    #[test]
    fn every_file_that_was_built_in_has_a_type_and_a_start() {
        assert!(ASSETS.is_empty() || ASSETS.iter().any(|asset| asset.path == "index.html"));
        assert!(ASSETS.iter().all(|asset| !asset.kind.is_empty() && asset.tag.len() == 16));
    }
}
