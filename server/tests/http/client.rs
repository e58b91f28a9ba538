//! A browser with cookies and a pipeline with a token, both without a network.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, Response, header},
};
use serde_json::Value;
use tower::ServiceExt as _;

/// The host of every request.
pub const HOST: &str = "slipway.test";

/// Longer than any answer takes (a long poll among them); a request that takes longer will never end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = tokio::time::timeout(PATIENCE, to_bytes(body, 16 * 1024 * 1024)).await;
        let bytes = bytes.expect("the body ends in time").unwrap();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn location(&self) -> &str {
        self.header("location")
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// Asserts that this is a problem with this status, and gives it.
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(problem["type"].as_str().unwrap().starts_with("urn:slipway:problem:"), "{problem}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{problem}");
        problem
    }
}

/// Sends a request from an address of the internet.
pub async fn send(router: &Router, request: Request<Body>) -> Answer {
    Answer::read(open(router, request).await).await
}

/// Sends a request and gives the answer with its body unread.
pub async fn open(router: &Router, mut request: Request<Body>) -> Response<Body> {
    if !request.headers().contains_key(header::HOST) {
        request.headers_mut().insert(header::HOST, HOST.parse().unwrap());
    }
    if request.extensions().get::<ConnectInfo<SocketAddr>>().is_none() {
        let peer: SocketAddr = "198.51.100.7:40000".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    let what = format!("{} {}", request.method(), request.uri());
    let answered = tokio::time::timeout(PATIENCE, router.clone().oneshot(request)).await;
    answered.unwrap_or_else(|_| panic!("{what} was not answered within {} s", PATIENCE.as_secs())).unwrap()
}

/// A browser: keeps cookies, asks for pages, sends forms from its own origin.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
    /// The page that forms are sent from.
    pub page: String,
    /// Whether requests are made by scripts rather than by links and forms.
    pub is_script: bool,
    pub peer: SocketAddr,
}

impl Browser {
    pub fn new(router: Router) -> Self {
        let peer = "198.51.100.7:40000".parse().unwrap();
        Self { router, cookies: BTreeMap::new(), page: "/".to_owned(), is_script: false, peer }
    }

    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let accept = if self.is_script { "*/*" } else { "text/html,application/xhtml+xml,*/*;q=0.8" };
        let mut builder = Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
        builder = builder.extension(ConnectInfo(self.peer));
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
            builder = builder.header(header::COOKIE, cookies.join("; "));
        }
        builder
    }

    pub async fn send(&mut self, request: Request<Body>) -> Answer {
        let answer = send(&self.router, request).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            if text.contains("Max-Age=0") || value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.post_raw(path, "application/x-www-form-urlencoded", body).await
    }

    pub async fn post_json(&mut self, path: &str, body: &Value) -> Answer {
        self.post_raw(path, "application/json", body.to_string()).await
    }

    pub async fn post_raw(&mut self, path: &str, media: &str, body: impl Into<Body>) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header(header::ORIGIN, format!("http://{HOST}"))
            .header(header::REFERER, format!("http://{HOST}{}", self.page))
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, media)
            .body(body.into())
            .unwrap();
        self.send(request).await
    }

    /// Opens a stream and leaves its body unread.
    pub async fn open(&self, path: &str) -> Response<Body> {
        open(&self.router, self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub fn router(&self) -> &Router {
        &self.router
    }
}

/// A pipeline.
#[derive(Clone)]
pub struct Machine {
    router: Router,
    pub secret: String,
}

impl Machine {
    pub fn new(router: Router, secret: String) -> Self {
        Self { router, secret }
    }

    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {}", self.secret))
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(&self.router, self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_raw(path, "application/json", body.to_string()).await
    }

    /// Sends JSON by any method; GET and `null` go without a body.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.request(method.clone(), path);
        if method == Method::GET || body.is_null() {
            return send(&self.router, request.body(Body::empty()).unwrap()).await;
        }
        let request = request.header(header::CONTENT_TYPE, "application/json");
        send(&self.router, request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub async fn post_raw(&self, path: &str, media: &str, body: impl Into<Body>) -> Answer {
        let request = self.request(Method::POST, path).header(header::CONTENT_TYPE, media);
        send(&self.router, request.body(body.into()).unwrap()).await
    }
}
