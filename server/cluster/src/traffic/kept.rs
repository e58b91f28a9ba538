//! What the API server kept of a write. A definition that is older than a field drops it without a word, and the rest
//! then means something else. Pure.

use serde_json::Value;

/// Where an object is not what was sent: what the API server fills in is no difference.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// The names on the way to it, the last one first; entries of lists have none.
    names: Vec<String>,
    is_dropped: bool,
}

impl Difference {
    /// The field that differs.
    pub(super) fn field(&self) -> &str {
        self.names.first().map_or("what was written", String::as_str)
    }

    /// What happened, for people: `dropped percent of requestMirror`.
    pub(super) fn words(&self) -> String {
        let verb = if self.is_dropped { "dropped" } else { "changed" };
        let of = self.names.get(1).map(|parent| format!(" of {parent}")).unwrap_or_default();
        format!("{verb} {}{of}", self.field())
    }
}

/// The first place where `kept` does not say what `sent` says.
pub(super) fn difference(sent: &Value, kept: &Value) -> Option<Difference> {
    let changed = || Some(Difference { names: Vec::new(), is_dropped: false });
    match (sent, kept) {
        (Value::Object(sent), _) => sent.iter().filter(|(_, value)| !value.is_null()).find_map(|(name, value)| {
            let mut found = match kept.get(name) {
                Some(kept) => difference(value, kept)?,
                None if is_empty(value) => return None,
                None => Difference { names: Vec::new(), is_dropped: true },
            };
            found.names.push(name.clone());
            Some(found)
        }),
        (Value::Array(sent), Value::Array(kept)) if sent.len() == kept.len() => {
            sent.iter().zip(kept).find_map(|(sent, kept)| difference(sent, kept))
        }
        (Value::Number(sent), Value::Number(kept)) if sent.as_f64() == kept.as_f64() => None,
        _ if sent == kept => None,
        _ => changed(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_filled_in_is_no_difference_and_what_is_missing_or_another_is() {
        let sent = json!([{"a": {"b": 10, "c": "x"}, "list": [1, {"d": true}], "none": null, "empty": []}]);
        for (kept, expected) in [
            (json!([{"a": {"b": 10.0, "c": "x", "more": 1}, "list": [1, {"d": true, "e": 0}], "added": {}}]), None),
            (json!([{"a": {"c": "x"}, "list": [1, {"d": true}]}]), Some("dropped b of a")),
            (json!([{"a": {"b": 10, "c": "y"}, "list": [1, {"d": true}]}]), Some("changed c of a")),
            (json!([{"a": {"b": 10, "c": "x"}, "list": [1, {}]}]), Some("dropped d of list")),
            (json!([{"a": {"b": 10, "c": "x"}, "list": [1]}]), Some("changed list")),
            (json!([{"list": [1, {"d": true}]}]), Some("dropped a")),
            (json!([]), Some("changed what was written")),
        ] {
            let found = difference(&sent, &kept);
            assert_eq!(found.map(|found| found.words()).as_deref(), expected, "{kept}");
        }
        assert_eq!(difference(&json!({"a": {"b": 1}}), &json!({"a": {}})).unwrap().field(), "b");
    }
}
