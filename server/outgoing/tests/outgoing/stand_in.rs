//! A listener on loopback that answers each request with the next line of its script and keeps what
//! it was asked.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What the stand-in does with a request.
pub enum Answer {
    /// Status 200 with this JSON.
    Json(Value),
    /// This status, headers and body.
    Raw(u16, Vec<(&'static str, String)>, String),
    /// Reads the request and closes the connection without an answer.
    Lost,
    /// Reads the request and never says anything.
    Silent,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `POST /api/chat.postMessage`.
    pub line: String,
    /// The line and the headers as they came.
    pub head: String,
    /// The authorization header.
    pub authorization: String,
    /// The body, when it was JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Asked {
    /// A header's value; empty without it.
    pub fn header(&self, name: &str) -> String {
        header(&self.head, name)
    }
}

/// The stand-in.
pub struct StandIn {
    /// Its address: `http://127.0.0.1:port`.
    pub base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    /// Starts one that answers in this order; a request beyond the script gets no answer.
    pub async fn start(script: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            for answer in script {
                let (stream, _) = listener.accept().await.unwrap();
                serve(stream, answer, &seen).await;
            }
        });
        Self { base, asked }
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, answer: Answer, seen: &Mutex<Vec<Asked>>) {
    let mut raw = Vec::new();
    let (head, body) = loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the request ended early");
        raw.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&raw).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= header(head, "content-length").parse().unwrap_or(0)
        {
            break (head.to_owned(), body.to_owned());
        }
    };
    let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    let authorization = header(&head, "authorization");
    let json = serde_json::from_str(&body).unwrap_or(Value::Null);
    seen.lock().unwrap().push(Asked { line, head, authorization, body: json, text: body });
    let (status, headers, body) = match answer {
        Answer::Json(value) => (200, vec![], value.to_string()),
        Answer::Raw(status, headers, body) => (status, headers, body),
        Answer::Lost => return,
        Answer::Silent => std::future::pending().await,
    };
    let mut out = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str("\r\n");
    out.push_str(&body);
    // Who is given too much hangs up in the middle.
    if stream.write_all(out.as_bytes()).await.is_ok() {
        stream.shutdown().await.unwrap();
    }
}

fn header(head: &str, name: &str) -> String {
    let found = head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    found.unwrap_or_default()
}
