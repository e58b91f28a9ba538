//! Pod templates, compared: in which places two of them differ besides their images. Values are not told: an environment
//! variable may be a secret.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The places in which `now` differs from `then`, besides the containers' images: `container app: env, resources`,
/// `labels`, `volumes`. Empty when nothing does.
#[must_use]
pub fn changed_places(then: &Value, now: &Value) -> Vec<String> {
    let mut places = Vec::new();
    for (at, name) in [("/metadata/labels", "labels"), ("/metadata/annotations", "annotations")] {
        if !is_same(then.pointer(at), now.pointer(at)) {
            places.push(name.to_owned());
        }
    }
    for (list, word) in [("containers", "container"), ("initContainers", "init container")] {
        containers(list_in(then, list), list_in(now, list), word, &mut places);
    }
    let spec = changed_keys(then.get("spec"), now.get("spec"), &["containers", "initContainers"]);
    places.extend(spec);
    places
}

fn list_in<'a>(template: &'a Value, list: &str) -> &'a [Value] {
    let found = template.get("spec").and_then(|spec| spec.get(list)).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

fn containers(then: &[Value], now: &[Value], word: &str, places: &mut Vec<String>) {
    let name_of = |container: &Value| container.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let names: BTreeSet<String> = then.iter().chain(now).map(name_of).collect();
    for name in names {
        let find = |list: &[Value]| list.iter().find(|container| name_of(container) == name).cloned();
        match (find(then), find(now)) {
            (Some(then), Some(now)) => {
                let keys = changed_keys(Some(&then), Some(&now), &["image"]);
                if !keys.is_empty() {
                    places.push(format!("{word} {name}: {}", keys.join(", ")));
                }
            }
            (None, _) => places.push(format!("{word} {name}: added")),
            (_, None) => places.push(format!("{word} {name}: removed")),
        }
    }
}

fn changed_keys(then: Option<&Value>, now: Option<&Value>, besides: &[&str]) -> Vec<String> {
    let none = Map::new();
    let fields = |value: Option<&'_ Value>| value.and_then(Value::as_object).cloned().unwrap_or_else(|| none.clone());
    let (then, now) = (fields(then), fields(now));
    let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let is_told = |key: &&String| !besides.contains(&key.as_str()) && !is_same(then.get(*key), now.get(*key));
    keys.into_iter().filter(is_told).cloned().collect()
}

/// What is not there and what is there without content are the same to Kubernetes.
fn is_same(then: Option<&Value>, now: Option<&Value>) -> bool {
    let content = |value: Option<&Value>| {
        value
            .filter(|value| match value {
                Value::Null => false,
                Value::Array(list) => !list.is_empty(),
                Value::Object(fields) => !fields.is_empty(),
                Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
            })
            .cloned()
    };
    content(then) == content(now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::changed_places;

    #[test]
    fn places_are_named_and_images_do_not_count() {
        let then = json!({
            "metadata": {"labels": {"app": "cart"}, "annotations": {}},
            "spec": {
                "containers": [
                    {"name": "app", "image": "cart:1", "env": [{"name": "MODE", "value": "a"}], "resources": {}},
                    {"name": "proxy", "image": "proxy:1"},
                ],
                "volumes": [{"name": "config"}],
            },
        });
        let mut now = then.clone();
        now["spec"]["containers"][0]["image"] = json!("cart:2");
        now["metadata"]["annotations"] = json!(null);
        assert_eq!(changed_places(&then, &now), [""; 0]);
        now["spec"]["containers"][0]["env"][0]["value"] = json!("b");
        now["spec"]["containers"][0]["resources"] = json!({"limits": {"memory": "1Gi"}});
        now["spec"]["containers"][1] = json!({"name": "agent", "image": "agent:1"});
        now["spec"]["terminationGracePeriodSeconds"] = json!(60);
        now["metadata"]["labels"]["tier"] = json!("1");
        let told = changed_places(&then, &now);
        let expected = [
            "labels",
            "container agent: added",
            "container app: env, resources",
            "container proxy: removed",
            "terminationGracePeriodSeconds",
        ];
        assert_eq!(told, expected);
    }
}
