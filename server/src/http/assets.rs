//! The browser half, embedded in the binary: `GET /assets/<hash of the build>/<file>`.
//!
//! Owns the table of files that `build.rs` made from `<target>/site`. Promises that an address
//! names one content for ever, so that it may be cached for ever; that each file comes in the
//! smallest form the browser takes (brotli, gzip, as it is); and that a server which was compiled
//! without a site answers 404 here and says so in [`hash`]. An address with another build's hash is
//! a 404 too: serving this build's file there would put it into a cache under the wrong name.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

include!(concat!(env!("OUT_DIR"), "/site.rs"));

/// The site of one build.
struct Site {
    /// `None` when the server was compiled without a site.
    hash: Option<&'static str>,
    files: &'static [File],
}

/// One file in all the forms that are worth their place.
struct File {
    /// Relative to the site, with `/` between folders.
    path: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// The hash over the embedded site, 16 hexadecimal digits; `None` when none is embedded, and then
/// pages must not ask for it.
pub fn hash() -> Option<&'static str> {
    SITE.hash
}

/// The folder of the embedded site without a slash at its begin, `assets/<hash>`: what Leptos calls
/// `site_pkg_dir`.
pub fn folder() -> String {
    format!("assets/{}", SITE.hash.unwrap_or("none"))
}

/// The address of an embedded file: `path("slipway.css")` is `/assets/<hash>/slipway.css`.
pub fn path(file: &str) -> String {
    format!("/{}/{file}", folder())
}

/// The route that serves the embedded files.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{hash}/{*file}", get(serve))
}

async fn serve(Path((hash, file)): Path<(String, String)>, headers: HeaderMap) -> Response {
    respond(&SITE, &hash, &file, &headers)
}

fn respond(site: &Site, hash: &str, path: &str, headers: &HeaderMap) -> Response {
    let found = site.files.iter().find(|file| file.path == path);
    let Some(file) = found.filter(|_| site.hash == Some(hash)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let accepted = Accepted::read(headers);
    let (body, encoding) = match (file.brotli, file.gzip) {
        (Some(brotli), _) if accepted.brotli => (brotli, Some("br")),
        (_, Some(gzip)) if accepted.gzip => (gzip, Some("gzip")),
        _ => (file.plain, None),
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// What `Accept-Encoding` allows (RFC 9110, section 12.5.3).
#[derive(Default)]
pub(super) struct Accepted {
    pub(super) brotli: bool,
    pub(super) gzip: bool,
}

impl Accepted {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut named = Self::default();
        let mut any = None;
        let (mut brotli, mut gzip) = (None, None);
        let values = headers.get_all(ACCEPT_ENCODING).iter();
        for item in values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')) {
            let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
            let wanted = !is_zero_weight(parameters);
            match coding.trim().to_ascii_lowercase().as_str() {
                "br" => brotli = Some(wanted),
                "gzip" | "x-gzip" => gzip = Some(wanted),
                "*" => any = Some(wanted),
                _ => {}
            }
        }
        named.brotli = brotli.or(any).unwrap_or(false);
        named.gzip = gzip.or(any).unwrap_or(false);
        named
    }
}

/// `q=0`, `q=0.0` and so on mean 'not this one'.
fn is_zero_weight(parameters: &str) -> bool {
    parameters
        .split(';')
        .filter_map(|parameter| parameter.trim().split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
        .any(|(_, weight)| weight.trim().parse() == Ok(0.0))
}

/// Browsers refuse a module or a style sheet under another type (`nosniff`).
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("woff2") => "font/woff2",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/vnd.microsoft.icon",
        Some("webp") => "image/webp",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use axum::body::{Body, to_bytes};
    use axum::http::{Method, Request};
    use tower::ServiceExt as _;

    use super::*;

    static SAMPLE: Site = Site {
        hash: Some("0123456789abcdef"),
        files: &[
            File { path: "slipway_bg.wasm", plain: b"plain", brotli: Some(b"brotli"), gzip: Some(b"gzip") },
            File { path: "fonts/a.woff2", plain: b"font", brotli: None, gzip: None },
        ],
    };

    async fn answer(path: &str, accept: Option<&'static str>) -> (Response, String) {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accept));
        }
        let response = respond(&SAMPLE, "0123456789abcdef", path, &headers);
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, 1000).await.unwrap().to_vec()).unwrap();
        (Response::from_parts(parts, Body::empty()), text)
    }

    #[tokio::test]
    async fn the_smallest_form_that_the_browser_takes_is_sent() {
        let cases = [
            (None, "plain", None),
            (Some("gzip, deflate, br, zstd"), "brotli", Some("br")),
            (Some("GZIP"), "gzip", Some("gzip")),
            (Some("br;q=0, gzip;q=0.5"), "gzip", Some("gzip")),
            (Some("*"), "brotli", Some("br")),
            (Some("*;q=0"), "plain", None),
            (Some("br; q=0.000, *"), "gzip", Some("gzip")),
            (Some("identity"), "plain", None),
            (Some("brotli,,;;q="), "plain", None),
        ];
        for (accept, body, encoding) in cases {
            let (response, text) = answer("slipway_bg.wasm", accept).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(text, body, "{accept:?}");
            let sent = response.headers().get(CONTENT_ENCODING);
            assert_eq!(sent.map(|value| value.to_str().unwrap()), encoding, "{accept:?}");
            assert_eq!(response.headers()[VARY], "Accept-Encoding");
            assert_eq!(response.headers()[CONTENT_TYPE], "application/wasm");
        }
    }

    #[tokio::test]
    async fn a_file_is_cached_for_ever_and_typed() {
        let (response, text) = answer("fonts/a.woff2", Some("br, gzip")).await;
        assert_eq!(text, "font");
        let headers = response.headers();
        assert_eq!(headers[CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(headers[CONTENT_TYPE], "font/woff2");
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(!headers.contains_key(CONTENT_ENCODING));
    }

    #[tokio::test]
    async fn another_build_an_unknown_file_and_a_way_out_of_the_folder_are_not_found() {
        let wrong_hash = respond(&SAMPLE, "fedcba9876543210", "slipway_bg.wasm", &HeaderMap::new());
        assert_eq!(wrong_hash.status(), StatusCode::NOT_FOUND);
        for path in ["", "nothing.js", "slipway_bg.wasm.br", "../Cargo.toml", "fonts"] {
            assert_eq!(answer(path, None).await.0.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    async fn status(method: Method, address: &str) -> StatusCode {
        let request = Request::builder().method(method).uri(address).body(Body::empty()).unwrap();
        router::<()>().oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn every_embedded_file_is_reached_by_its_own_address() {
        for file in SITE.files {
            assert_eq!(status(Method::GET, &path(file.path)).await, StatusCode::OK, "{}", file.path);
            assert_eq!(status(Method::HEAD, &path(file.path)).await, StatusCode::OK);
        }
        assert_eq!(SITE.hash.is_some(), !SITE.files.is_empty());
        assert_eq!(status(Method::GET, &path("nothing.js")).await, StatusCode::NOT_FOUND);
        assert_eq!(status(Method::GET, "/assets/x/..%2f..%2fetc/passwd").await, StatusCode::NOT_FOUND);
        assert_eq!(status(Method::POST, &path("slipway.js")).await, StatusCode::METHOD_NOT_ALLOWED);
    }
}
