//! What came of a form that a browser sent without scripting: kept in the session under a one-time id,
//! given to the page that is asked for next.

use app::returned::Returned;
use axum::http::{HeaderMap, Uri, header, uri::PathAndQuery};
use tower_sessions::{Session, session::Error};

use super::Web;

/// The entry of the session.
const KEY: &str = "returned";

/// The parameter of the address.
pub const PARAMETER: &str = "returned";

/// A person sends one form at a time; a few tabs are enough.
const MOST: usize = 5;

/// What was typed into larger forms (a kubeconfig is dropped anyway) is not kept.
const LARGEST_FIELDS: usize = 16 * 1024;

/// Fields whose content never goes into a session or back into a page.
const SECRETS: [&str; 7] =
    ["password", "password_again", "token", "kubeconfig", "secret", "certificate_authority", "deploy_key"];

/// Reads a form's fields without the secret ones; none of them when they are too large.
#[must_use]
pub fn fields(body: &[u8]) -> Vec<(String, String)> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let kept: Vec<_> = pairs.into_iter().filter(|(name, _)| !is_secret(name)).collect();
    let size: usize = kept.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size <= LARGEST_FIELDS { kept } else { Vec::new() }
}

/// `password`, `input[password]` and `rows[0][token]` are secret.
fn is_secret(name: &str) -> bool {
    let last = name.trim_end_matches(']').rsplit('[').next().unwrap_or(name);
    SECRETS.contains(&last)
}

/// Keeps `returned` and gives the address to lead to: `back` with the one-time id.
///
/// # Errors
/// The session store's.
pub async fn keep(web: &Web, session: &Session, returned: Returned, back: &str) -> Result<String, Error> {
    let id = web.reference();
    let mut kept: Vec<(String, Returned)> = session.get(KEY).await?.unwrap_or_default();
    if kept.len() >= MOST {
        kept.remove(0);
    }
    kept.push((id.clone(), returned));
    session.insert(KEY, kept).await?;
    let (path, query) = back.split_once('?').unwrap_or((back, ""));
    let mut query = without_parameter(query);
    if !query.is_empty() {
        query.push('&');
    }
    Ok(format!("{path}?{query}{PARAMETER}={id}"))
}

/// Takes what the address names, once.
///
/// # Errors
/// The session store's.
pub async fn take(session: &Session, query: Option<&str>) -> Result<Option<Returned>, Error> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let Some((_, id)) = pairs.into_owned().find(|(name, _)| name == PARAMETER) else { return Ok(None) };
    let mut kept: Vec<(String, Returned)> = session.get(KEY).await?.unwrap_or_default();
    let Some(place) = kept.iter().position(|(kept, _)| *kept == id) else { return Ok(None) };
    let (_, returned) = kept.remove(place);
    if kept.is_empty() {
        session.remove::<Vec<(String, Returned)>>(KEY).await?;
    } else {
        session.insert(KEY, kept).await?;
    }
    Ok(Some(returned))
}

/// The page that a form stands on, by the request's `Referer`: its path and query, when it is ours.
#[must_use]
pub fn page_of_form(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let referer = text(header::REFERER).and_then(|text| text.parse::<Uri>().ok());
    let is_ours = |uri: &Uri| uri.authority().map(axum::http::uri::Authority::as_str) == text(header::HOST);
    let path = referer.filter(is_ours).and_then(|uri| uri.path_and_query().cloned());
    own_path(path.as_ref().map_or("/", PathAndQuery::as_str)).to_owned()
}

/// An address to go on to, when it is one of our own paths; `/` otherwise.
#[must_use]
pub fn own_path(text: &str) -> &str {
    let is_path = text.starts_with('/') && !text.starts_with("//");
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if is_path && is_plain && text.parse::<PathAndQuery>().is_ok() { text } else { "/" }
}

fn without_parameter(query: &str) -> String {
    let own = format!("{PARAMETER}=");
    query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with(&own)).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn attack_31_secrets_do_not_come_back() {
        let body = b"email=a%40b&password=canary&input%5Btoken%5D=canary&rows[0][kubeconfig]=canary&tokens=3";
        let kept = fields(body);
        assert_eq!(kept, [("email".to_owned(), "a@b".to_owned()), ("tokens".to_owned(), "3".to_owned())]);
        let large = format!("comment={}", "x".repeat(LARGEST_FIELDS));
        assert_eq!(fields(large.as_bytes()), []);
    }

    #[test]
    fn one_goes_on_only_to_our_own_pages() {
        for good in ["/", "/promotions/7?tab=journal", "/a%20b"] {
            assert_eq!(own_path(good), good);
        }
        for bad in ["//evil.test", "https://evil.test", "/\\evil.test", "javascript:alert(1)", "", "/a b", "/\n", "/ü"]
        {
            assert_eq!(own_path(bad), "/", "{bad}");
        }
    }

    #[test]
    fn the_page_of_a_form_is_believed_when_it_is_ours() {
        let page = |referer: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "slipway.test:3000".parse().unwrap());
            headers.insert(header::REFERER, referer.parse().unwrap());
            page_of_form(&headers)
        };
        assert_eq!(page("http://slipway.test:3000/services/cart?page=2"), "/services/cart?page=2");
        assert_eq!(page("http://evil.test/services/cart"), "/");
        assert_eq!(page("http://slipway.test/services/cart"), "/");
        assert_eq!(page("nonsense"), "/");
        assert_eq!(page("http://slipway.test:3000//evil.test/"), "/");
        assert_eq!(page("http://slipway.test:3000/\\evil.test/"), "/");
    }
}
