//! Bytes over the wire, with brotli, until a page can be read and until the browser half is there.
//!
//! A page can be read when its HTML, its style sheet and the fonts that it preloads are there. Links and
//! forms work from then on; clicks without a new page need the browser half. The plain side is the HTML
//! alone, without its table of data for the browser half.

use anyhow::Context as _;
use reqwest::header;

use crate::{board, company::Company, load::client, process::Server, table::Table};

/// Pages to look at: their names and paths.
const PAGES: [(&str, &str); 2] = [("Board", "/"), ("Approvals", "/approvals")];

/// A body as it came.
struct Sent {
    bytes: usize,
    encoding: String,
    body: Vec<u8>,
}

/// Measures.
///
/// # Errors
/// When a file that a page names is not answered.
pub(crate) async fn measure(server: &Server, company: &Company, table: &mut Table) -> anyhow::Result<()> {
    let cookie = board::sign_in(server, company).await?;
    for (name, path) in PAGES {
        let plain = get(server, &cookie, path, "identity").await?;
        let text = String::from_utf8(plain.body).context("a page is UTF-8")?;
        let page = get(server, &cookie, path, "br").await?;
        let mut read = page.bytes;
        let mut run = 0;
        let mut parts = vec![format!("HTML {} ({})", kilobytes(page.bytes), page.encoding)];
        for file in files(&text) {
            let sent = get(server, &cookie, &file, "br").await?;
            let is_browser_half = file.ends_with(".js") || file.ends_with(".wasm");
            *(if is_browser_half { &mut run } else { &mut read }) += sent.bytes;
            let shown = file.rsplit('/').next().unwrap_or_default();
            parts.push(format!("{shown} {}", kilobytes(sent.bytes)));
        }
        table.say(format!("{name}: bytes until it can be read"), kilobytes(read));
        table.say(format!("{name}: bytes until it can be clicked without a new page"), kilobytes(read + run));
        table.say(format!("{name}: parts"), parts.join(", "));
    }
    Ok(())
}

async fn get(server: &Server, cookie: &str, path: &str, accept: &str) -> anyhow::Result<Sent> {
    let request = client()?.get(format!("{}{path}", server.url));
    let request = request.header(header::COOKIE, cookie).header(header::ACCEPT_ENCODING, accept);
    let answer = request.send().await?.error_for_status()?;
    let encoding = answer.headers().get(header::CONTENT_ENCODING);
    let encoding = encoding.and_then(|e| e.to_str().ok()).unwrap_or("not compressed").to_owned();
    let body = answer.bytes().await?.to_vec();
    Ok(Sent { bytes: body.len(), encoding, body })
}

/// The embedded files that a page's head asks for, each once.
fn files(page: &str) -> Vec<String> {
    let head = page.split_once("</head>").map_or(page, |(head, _)| head);
    let mut files: Vec<String> = head
        .split('"')
        .filter(|text| text.starts_with("/assets/"))
        // An icon is shown outside of the page.
        .filter(|text| !text.ends_with(".svg"))
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    files
}

fn kilobytes(bytes: usize) -> String {
    format!("{:.1} kB", crate::versions::quotient(bytes, 1_000))
}
