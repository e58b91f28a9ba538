//! Makes what was made for a request smaller on its way: pages and JSON, by brotli or gzip as the client
//! takes them. The embedded files have their forms already.
//!
//! Compressing beside secrets tells their length to who can choose a part of the text and look at the
//! wire. Nothing here is worth that: requests from other sites carry no session to pages that keep a secret
//! (tokens and links are shown once), and a page's nonce is new in each answer.

use std::io::Write as _;

use axum::{
    body::{Body, HttpBody as _, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use brotli::enc::BrotliEncoderParams;

use super::assets::Accepted;

/// What is made for a request and is worth it; streams are not among them.
const TYPES: [&str; 3] = ["text/html", "application/json", "application/problem+json"];

/// Less fits into one packet as it is.
const WORTH_IT: usize = 1_200;

/// A Board of 200 services has less than 2 MB; what is larger than this is none of ours.
const LARGEST: usize = 64 * 1024 * 1024;

/// From here on each step costs more time than it saves on the wire.
const BROTLI_QUALITY: i32 = 4;

/// Compresses answers where the client takes it.
pub async fn layer(request: Request, next: Next) -> Response {
    let accepted = Accepted::read(request.headers());
    let is_head = request.method() == Method::HEAD;
    let response = next.run(request).await;
    if is_head || !is_compressible(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let is_small = body.size_hint().upper().is_some_and(|most| most < WORTH_IT as u64);
    if is_small || !(accepted.brotli || accepted.gzip) {
        return Response::from_parts(parts, body);
    }
    // All of it is in memory by now: pages wait for their data before they begin.
    let Ok(plain) = to_bytes(body, LARGEST).await else {
        tracing::error!("an answer broke off while it was compressed");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let packed = if accepted.brotli { brotli(&plain).map(|b| (b, "br")) } else { gzip(&plain).map(|b| (b, "gzip")) };
    match packed {
        Ok((packed, encoding)) if packed.len() < plain.len() => {
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(packed))
        }
        // Writing into memory does not fail; were it to, the answer goes as it is.
        Ok(_) | Err(_) => Response::from_parts(parts, Body::from(plain)),
    }
}

fn is_compressible(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    !headers.contains_key(header::CONTENT_ENCODING) && TYPES.contains(&kind)
}

fn brotli(mut plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packed = Vec::with_capacity(plain.len() / 8);
    let parameters =
        BrotliEncoderParams { quality: BROTLI_QUALITY, size_hint: plain.len(), ..BrotliEncoderParams::default() };
    brotli::BrotliCompress(&mut plain, &mut packed, &parameters)?;
    Ok(packed)
}

fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let packed = Vec::with_capacity(plain.len() / 8);
    let mut encoder = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::Read as _;

    use axum::{Router, middleware, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    const KINDS: [(&str, &str); 4] = [
        ("/page", "text/html; charset=utf-8"),
        ("/json", "application/json"),
        ("/stream", "text/event-stream"),
        ("/font", "font/woff2"),
    ];

    fn long() -> String {
        "<td>a cell like the one before it</td>".repeat(500)
    }

    async fn answer(path: &str, method: Method, accept: &str) -> (HeaderMap, Vec<u8>) {
        let mut router = Router::new();
        for (path, kind) in KINDS {
            router = router.route(path, get(move || async move { ([(header::CONTENT_TYPE, kind)], long()) }));
        }
        router = router.route("/short", get(|| async { ([(header::CONTENT_TYPE, "text/html")], "short") }));
        let router = router.layer(middleware::from_fn(layer));
        let request = Request::builder().method(method).uri(path).header(header::ACCEPT_ENCODING, accept);
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.headers, to_bytes(body, LARGEST).await.unwrap().to_vec())
    }

    fn encoding(headers: &HeaderMap) -> Option<&str> {
        headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn a_page_and_json_come_back_whole_from_either_form() {
        for path in ["/page", "/json"] {
            let (headers, body) = answer(path, Method::GET, "gzip, deflate, br").await;
            assert_eq!(encoding(&headers), Some("br"), "{path}");
            assert_eq!(headers[header::VARY], "Accept-Encoding");
            assert!(body.len() < 500, "{} bytes", body.len());
            if let Some(length) = headers.get(header::CONTENT_LENGTH) {
                assert_eq!(length.to_str().unwrap(), body.len().to_string());
            }
            let mut text = Vec::new();
            brotli::BrotliDecompress(&mut body.as_slice(), &mut text).unwrap();
            assert_eq!(text, long().into_bytes());

            let (headers, body) = answer(path, Method::GET, "gzip").await;
            assert_eq!(encoding(&headers), Some("gzip"));
            let mut text = String::new();
            flate2::read::GzDecoder::new(body.as_slice()).read_to_string(&mut text).unwrap();
            assert_eq!(text, long());
        }
    }

    #[tokio::test]
    async fn what_is_short_or_streams_or_is_packed_or_not_asked_for_goes_as_it_is() {
        for (path, accept) in
            [("/short", "br"), ("/stream", "br"), ("/font", "br"), ("/page", "identity"), ("/page", "br;q=0")]
        {
            let (headers, body) = answer(path, Method::GET, accept).await;
            assert_eq!(encoding(&headers), None, "{path} {accept}");
            let expected = if path == "/short" { "short".to_owned() } else { long() };
            assert_eq!(body, expected.into_bytes(), "{path} {accept}");
        }
        // Caches must know that another client gets another form.
        assert_eq!(answer("/page", Method::GET, "identity").await.0[header::VARY], "Accept-Encoding");
        let (headers, body) = answer("/page", Method::HEAD, "br").await;
        assert_eq!((encoding(&headers), body.len()), (None, 0));
    }
}
