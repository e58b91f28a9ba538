//! The audit for reading.

use async_trait::async_trait;
use contract::{
    Answer, Page,
    audit::{AuditBackend, AuditLine, AuditQuery},
};
use domain::actor::{Act, Actor};
use store::{AuditEntry, AuditResult, AuditSearch};

use crate::{Engine, error::OrFail, lists};

#[async_trait]
impl AuditBackend for Engine {
    async fn audit(&self, actor: &Actor, query: AuditQuery) -> Answer<Page<AuditLine>> {
        actor.may(Act::ReadAudit)?;
        let text = |given: Option<&String>| lists::given(given).map(str::to_owned);
        let search = AuditSearch {
            actor: text(query.actor.as_ref()),
            act: text(query.act.as_ref()),
            on: text(query.on.as_ref()),
        };
        let mut read = self.store().read().await.or_fail(self)?;
        let found = read.search_audit(&search, lists::paging(query.page)).await.or_fail(self)?;
        Ok(lists::page(found, query.page, line))
    }
}

fn line(entry: AuditEntry) -> AuditLine {
    let told = entry.details.get("sentence").and_then(serde_json::Value::as_str).map(str::to_owned);
    AuditLine {
        at: entry.at,
        actor: entry.who.shown(),
        sentence: told.unwrap_or_else(|| format!("{} {}", entry.act, entry.entity_label)),
        act: entry.act,
        reason: entry.reason.filter(|r| !r.is_empty()),
        from: entry.from_address,
        is_done: entry.result == AuditResult::Done,
        link: link(&entry.entity_kind, &entry.entity_label),
    }
}

/// A page about it, from what people call it: labels stay when the thing is gone, and then the page
/// says so.
fn link(kind: &str, label: &str) -> Option<String> {
    let mut words = label.split(' ');
    let first = words.next().filter(|w| !w.is_empty())?;
    match kind {
        "promotion" => label.strip_prefix("promotion ").map(|number| format!("/promotions/{number}")),
        "service" => Some(format!("/services/{first}")),
        "version" => words.next().map(|version| format!("/services/{first}/versions/{version}")),
        "target" | "deployment" => Some(format!("/services/{first}")),
        "incident" => Some("/incidents".to_owned()),
        "environment" => Some("/settings/environments".to_owned()),
        "cluster" => Some("/settings/clusters".to_owned()),
        "person" => Some("/settings/people".to_owned()),
        "token" => Some("/settings/tokens".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_leads_to_the_page_about_it() {
        assert_eq!(link("promotion", "promotion 1042").as_deref(), Some("/promotions/1042"));
        assert_eq!(link("version", "cart 2.30.4").as_deref(), Some("/services/cart/versions/2.30.4"));
        assert_eq!(link("target", "cart in Production").as_deref(), Some("/services/cart"));
        assert_eq!(link("version", ""), None);
        assert_eq!(link("backup", "x"), None);
    }
}
