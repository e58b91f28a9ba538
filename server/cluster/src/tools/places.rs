//! Places in tools' objects where an image is read: how each is written there, and the name that stands for a
//! container's. Every other byte of what lies around stays.

use domain::{
    git::{FieldPath, GitWrite},
    image::{ContainerImage, TagAlone},
    names::ContainerName,
};
use manifest::EditError;
use ports::TemplateChange;
use serde_json::{Value, json};

use super::{PART, argo_cd, flux};
use crate::objects::Edit;

/// A place in a tool's object where it reads an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its name: of the image or of the field that it is.
    pub(crate) name: ContainerName,
    /// What stands there.
    pub(crate) image: String,
    /// Where and how it is written.
    pub(crate) form: Form,
}

/// How an image is written at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As a whole, after these characters: `cart=`.
    Whole {
        /// The field.
        pointer: String,
        /// What stands before it.
        before: String,
    },
    /// Its name in one field, what follows the colon in another, or in two.
    Parts {
        /// The registry and a slash, where a field of its own says it, which stays as it is.
        registry: String,
        /// The field of the name after that; `None` where the chart has the name, and only a tag is said.
        repository: Option<String>,
        /// The field of the tag; of the digest too, where that has no field of its own.
        tag: String,
        /// The field of the digest, which counts where it is not empty.
        digest: Option<String>,
    },
    /// A form within a text in YAML, whose pointers begin there; every other byte of it stays.
    Text {
        /// The field of the text.
        field: String,
        /// The text.
        text: String,
        /// The form within.
        below: Box<Form>,
    },
    /// An entry of Flux's `spec.images`.
    Entry {
        /// The entry.
        pointer: String,
        /// What it is now.
        entry: Value,
    },
}

/// The images at places.
pub(crate) fn images(places: &[Place]) -> Vec<ContainerImage> {
    let image = |place: &Place| ContainerImage { container: place.name.clone(), image: place.image.clone() };
    places.iter().map(image).collect()
}

/// The changes that make places and the part of the object what a change says.
pub(crate) fn edits(edit: &mut Edit, part: &'static str, object: &Value, places: &[Place], change: &TemplateChange) {
    match change {
        TemplateChange::Images(images) => {
            for place in places {
                let wanted = images.iter().find(|image| image.container == place.name);
                if let Some(wanted) = wanted.filter(|wanted| wanted.image != place.image) {
                    place.form.set(edit, &wanted.image);
                }
            }
        }
        TemplateChange::Restore(saved) => {
            if let Some(saved) = saved.get(PART).filter(|saved| Some(*saved) != object.pointer(part)) {
                let part_of_saved = argo_cd::part_of(saved, part);
                edit.set(part_of_saved, saved.clone());
                // Several sources hide the one beside them.
                if part_of_saved == argo_cd::PART && part != argo_cd::PART {
                    edit.remove(part);
                }
            }
        }
    }
}

/// Why an image of a change cannot be written at its place, with what to do.
pub(crate) fn refusal(places: &[Place], change: &TemplateChange) -> Option<String> {
    let TemplateChange::Images(images) = change else { return None };
    places.iter().find_map(|place| {
        let wanted = images.iter().find(|image| image.container == place.name && image.image != place.image)?;
        let why = place.form.refusal(&wanted.image)?;
        Some(format!("{} cannot be set at {}: {why}", wanted.image, place.name))
    })
}

impl Form {
    fn set(&self, edit: &mut Edit, image: &str) {
        match self {
            Self::Whole { pointer, before } => edit.replace(pointer.as_str(), json!(format!("{before}{image}"))),
            Self::Parts { registry, repository, tag, digest } => {
                let (name, rest) = parts(image);
                if let Some(repository) = repository {
                    edit.set(repository.as_str(), json!(name.strip_prefix(registry.as_str()).unwrap_or(name)));
                }
                match digest {
                    None => edit.set(tag.as_str(), json!(rest)),
                    Some(digest) => {
                        let (of_tag, of_digest) = rest.split_once('@').unwrap_or((rest, ""));
                        edit.set(tag.as_str(), json!(of_tag));
                        // A digest that stayed would go on being what runs.
                        edit.set(digest.as_str(), json!(of_digest));
                    }
                }
            }
            Self::Text { field, text, below } => {
                // Several places may be in one text: each goes on from what the one before it has made of it.
                let now = edit.0.iter().rev().find(|operation| operation["path"] == field.as_str());
                let now = now.and_then(|operation| operation["value"].as_str()).unwrap_or(text);
                if let Ok(changed) = below.within(now, image) {
                    edit.replace(field.as_str(), json!(changed));
                }
            }
            Self::Entry { pointer, entry } => edit.replace(pointer.as_str(), flux::entry_with(entry, image)),
        }
    }

    /// The text with an image set in it in this form; in words why that cannot be.
    fn within(&self, text: &str, image: &str) -> Result<String, String> {
        let mut edit = Edit(Vec::new());
        self.set(&mut edit, image);
        let said = manifest::read(text).map_err(|error| error.why())?;
        // Nothing is written where nothing stands.
        let is_new = |operation: &&Value| {
            let there = operation["path"].as_str().and_then(|pointer| said.pointer(pointer));
            operation["value"] != "" || there.is_some_and(|there| !there.is_null())
        };
        let write = |operation: &Value| {
            let (pointer, value) = operation["path"].as_str().zip(operation["value"].as_str())?;
            let keys =
                pointer.split('/').skip(1).map(|key| format!("\"{}\"", key.replace("~1", "/").replace("~0", "~")));
            let field = FieldPath::parse(&keys.collect::<Vec<_>>().join(".")).ok()?;
            Some(GitWrite { field, value: value.to_owned() })
        };
        let writes: Option<Vec<_>> = edit.0.iter().filter(is_new).map(write).collect();
        let writes = writes.ok_or("a key there has a quotation mark in it, or is too long")?;
        let words = |error: EditError| format!("in the text of the values {}", error.why());
        manifest::with(text, &writes, false).map_err(words)
    }

    /// Why this form cannot say an image.
    fn refusal(&self, image: &str) -> Option<String> {
        if let Self::Text { text, below, .. } = self {
            return below.refusal(image).or_else(|| below.within(text, image).err());
        }
        let Self::Parts { registry, repository, digest, .. } = self else { return None };
        let (name, rest) = parts(image);
        if !name.starts_with(registry.as_str()) {
            let registry = registry.trim_end_matches('/');
            return Some(format!(
                "a field of its own says that the registry is {registry}; change that where the object is kept, or have the \
                 version's image in {registry}"
            ));
        }
        if repository.is_none() && rest.starts_with('@') {
            return Some("only a tag is said there, and it has none; give the version's image a tag".to_owned());
        }
        (digest.is_none() && rest.starts_with('@')).then(|| {
            "there is no field for a digest alone; add digest: \"\" beside the tag, or give the version's \
             image a tag"
                .to_owned()
        })
    }
}

/// A place in two to four fields: registry, name, tag and digest; `None` where they say no image. Each comes with the
/// pointer to it; a digest whose field is not there has none. Without a name the tag says it alone.
pub(crate) fn in_parts(
    name: ContainerName,
    registry: Option<&str>,
    repository: Option<(&str, String)>,
    tag: (&str, String),
    digest: (&str, Option<String>),
) -> Option<Place> {
    let registry = registry.filter(|registry| !registry.is_empty()).map(|registry| format!("{registry}/"));
    let registry = registry.unwrap_or_default();
    let digest_words = if digest.0.is_empty() { String::new() } else { format!("@{}", digest.0) };
    let rest = format!("{}{digest_words}", tag.0);
    let image = match &repository {
        Some((repository, _)) if !repository.is_empty() && !rest.is_empty() => {
            joined(&format!("{registry}{repository}"), &rest)
        }
        None if !tag.0.is_empty() => joined("", &rest),
        Some(_) | None => return None,
    };
    let repository = repository.map(|(_, pointer)| pointer);
    Some(Place { name, image, form: Form::Parts { registry, repository, tag: tag.1, digest: digest.1 } })
}

/// A place where only a tag is said, because the chart has the image's name: `image.tag` without a `repository` beside
/// it, or `imageTag`. `path` leads to the tag, with dots.
pub(crate) fn in_tag(
    path: &str,
    registry: Option<&str>,
    tag: (&str, String),
    digest: (&str, Option<String>),
) -> Option<Place> {
    let of = path.strip_suffix(".tag").or_else(|| path.strip_suffix("Tag"))?;
    // Not every tag is an image's.
    let is_of_image = of.to_ascii_lowercase().ends_with("image");
    in_parts(name_of(of).filter(|_| is_of_image)?, registry, None, tag, digest)
}

/// The whole of an image of which a place says the tag alone, by what runs: the one image there that has this tag.
/// `None` where none has, or several.
pub(crate) fn whole<'a>(said: &str, running: impl Iterator<Item = &'a str>) -> Option<String> {
    let alone = TagAlone::parse(said)?;
    let mut names = running.filter_map(|image| {
        let (name, rest) = parts(image);
        let tag = rest.split_once('@').map_or(rest, |(tag, _)| tag);
        (tag == alone.tag).then_some(name)
    });
    let name = names.next()?;
    names.all(|other| other == name).then(|| format!("{name}{said}"))
}

/// An image's name, and what follows: tag and digest. A colon before the last slash is a registry's port.
pub(crate) fn parts(image: &str) -> (&str, &str) {
    let (name, digest_at) = image.split_once('@').map_or((image, None), |(name, _)| (name, Some(name.len())));
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, &image[image.len().min(repository.len() + 1)..]),
        _ => (name, digest_at.map_or("", |at| &image[at..])),
    }
}

/// The image of a name and what follows it.
pub(crate) fn joined(repository: &str, rest: &str) -> String {
    if rest.starts_with('@') { format!("{repository}{rest}") } else { format!("{repository}:{rest}") }
}

/// The last part of an image's name: `cart` of `registry.example/shop/cart:2.0`.
pub(crate) fn name_in(image: &str) -> &str {
    let (name, _) = parts(image);
    name.rsplit('/').next().unwrap_or(name)
}

/// A name for a place, of the text that says where it is; the last letters count most.
pub(crate) fn name_of(text: &str) -> Option<ContainerName> {
    let clean: String = text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let start = clean.len().saturating_sub(63);
    ContainerName::parse(clean.get(start..)?.trim_matches('-')).ok()
}

/// The name of an image for a place: its last part, `cart` of `registry.example/shop/cart`.
pub(crate) fn name_of_image(image: &str) -> Option<ContainerName> {
    name_of(name_in(image))
}

/// Places of one name get a number behind it: each must be named.
pub(crate) fn apart(mut places: Vec<Place>) -> Vec<Place> {
    for index in 1..places.len() {
        let (before, rest) = places.split_at_mut(index);
        let Some(place) = rest.first_mut() else { continue };
        let own = place.name.clone();
        for number in 2.. {
            if before.iter().all(|other| other.name != place.name) {
                break;
            }
            let Some(name) = name_of(&format!("{own}-{number}")) else { break };
            place.name = name;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_image_is_taken_apart_and_put_together_again() {
        let digest = "@sha256:8be1";
        for image in ["a.test:5000/cart:2.0", &format!("a.test/cart:2.0{digest}"), &format!("cart{digest}")] {
            let (name, rest) = parts(image);
            assert_eq!(joined(name, rest), *image);
            assert!(name.ends_with("cart") && !rest.is_empty(), "{image}");
        }
        assert_eq!(parts("a.test:5000/cart"), ("a.test:5000/cart", ""));
    }

    #[test]
    fn an_entry_of_a_list_is_replaced_and_not_put_before_another() {
        let place = Place {
            name: name_of("cart").unwrap(),
            image: "r.test/cart:1.0".to_owned(),
            form: Form::Whole { pointer: "/spec/source/kustomize/images/0".to_owned(), before: "cart=".to_owned() },
        };
        let wanted = ContainerImage { container: place.name.clone(), image: "r.test/cart:2.0".to_owned() };
        let mut edit = Edit::of(Some("7"));
        edits(&mut edit, "/spec/source", &json!({}), &[place], &TemplateChange::Images(vec![wanted]));
        let expected =
            json!({"op": "replace", "path": "/spec/source/kustomize/images/0", "value": "cart=r.test/cart:2.0"});
        assert_eq!(edit.0[1..], [expected]);
    }

    type Find = fn(&Value) -> Vec<Place>;

    /// The object after a version was set at its only place; the words where that cannot be.
    fn after(object: &Value, part: &'static str, image: &str, find: Find) -> Result<Value, String> {
        let places = find(object);
        let wanted = ContainerImage { container: places[0].name.clone(), image: image.to_owned() };
        let change = TemplateChange::Images(vec![wanted]);
        if let Some(why) = refusal(&places, &change) {
            return Err(why);
        }
        let mut edit = Edit(Vec::new());
        edits(&mut edit, part, object, &places, &change);
        let mut changed = object.clone();
        for operation in edit.0 {
            let (parent, field) = operation["path"].as_str().unwrap().rsplit_once('/').unwrap();
            let parent = changed.pointer_mut(parent).unwrap();
            assert!(operation["op"] == "add" || parent.get(field).is_some(), "{operation}");
            parent[field] = operation["value"].clone();
        }
        Ok(changed)
    }

    #[test]
    fn what_is_written_at_a_place_is_read_there_or_refused_before() {
        let (old, new) = (format!("sha256:{}", "a".repeat(64)), format!("sha256:{}", "b".repeat(64)));
        let values = [
            json!({"repository": "r.test/cart", "tag": "1.0", "digest": old}),
            json!({"repository": "r.test/cart", "tag": "", "digest": old}),
            json!({"repository": "r.test/cart", "tag": "1.0", "digest": ""}),
            json!({"repository": "r.test/cart", "tag": "1.0", "digest": null}),
            json!({"repository": "r.test/cart", "tag": "1.0"}),
            json!({"registry": "r.test", "repository": "cart", "tag": "1.0", "digest": old}),
            json!({"registry": "r.test", "repository": "cart", "tag": "1.0"}),
            json!({"tag": "1.0"}),
            json!({"tag": "1.0", "digest": ""}),
            json!({"tag": "1.0", "digest": old}),
            json!({"registry": "r.test", "tag": "1.0"}),
        ];
        let wanted = [
            "r.test/cart:2.0".to_owned(),
            format!("r.test/cart:2.0@{new}"),
            format!("r.test/cart@{new}"),
            "r.test/shop/cart:2.0".to_owned(),
            "other.test/cart:2.0".to_owned(),
        ];
        let parameters = |values: &Value| {
            let of = |(field, value): (&String, &Value)| {
                let mut parameter = json!({"name": format!("image.{field}")});
                // Argo CD leaves an empty value out.
                if let Some(value) = value.as_str().filter(|value| !value.is_empty()) {
                    parameter["value"] = json!(value);
                }
                parameter
            };
            let list: Vec<Value> = values.as_object().unwrap().iter().map(of).collect();
            json!({"spec": {"source": {"helm": {"parameters": list}}}})
        };
        let text = |values: &Value| {
            let lines = values.as_object().unwrap().iter().map(|(field, value)| format!("  {field}: {value} # kept\n"));
            let text = format!("# kept\nimage:\n{}replicas: 3\n", lines.collect::<String>());
            json!({"spec": {"source": {"helm": {"values": text}}}})
        };
        for values in values {
            let says = |field: &str| values[field].as_str().unwrap_or_default().to_owned();
            let release = json!({"spec": {"values": {"image": values}}});
            let (by_parameters, by_text) = (parameters(&values), text(&values));
            let kinds: [(&Value, &'static str, Find); 3] = [
                (&release, flux::HELM_PART, flux::helm_places),
                (&by_parameters, argo_cd::PART, argo_cd::places),
                (&by_text, argo_cd::PART, argo_cd::places),
            ];
            for (object, part, find) in kinds {
                assert_eq!(find(object)[0].image.contains(&old), says("digest") == old, "{values}");
                for image in &wanted {
                    let is_alone = values.get("repository").is_none();
                    let has_place_for = |image: &str| {
                        (values.get("registry").is_none() || image.starts_with("r.test/"))
                            && (values.get("digest").is_some() && !is_alone || !parts(image).1.starts_with('@'))
                    };
                    match after(object, part, image, find) {
                        Ok(changed) => {
                            let there = if is_alone { format!(":{}", parts(image).1) } else { image.clone() };
                            assert_eq!(find(&changed)[0].image, there, "{values}");
                            assert!(has_place_for(image), "{values} {image}");
                            let kept = |object: &Value| object.to_string().matches("# kept").count();
                            assert_eq!(kept(&changed), kept(object), "{changed}");
                        }
                        Err(why) => assert!(!has_place_for(image), "{values} {image} {why}"),
                    }
                }
            }
        }
    }

    #[test]
    fn places_within_one_text_are_set_together_and_the_rest_of_it_stays() {
        let text = "# shop\nimage: {tag: '1.0', pullPolicy: Always}   # web\nworker:\n  \"a.b/c\":\n    image: r.test/worker:3\n\
                    more: &more {tag: 9}\nimages: *more\n";
        let object = |text: &str| json!({"spec": {"sources": [{"helm": {"values": text}}]}});
        let places = argo_cd::places(&object(text));
        let found: Vec<_> = places.iter().map(|place| (place.name.as_str(), place.image.as_str())).collect();
        assert_eq!(found, [("image", ":1.0"), ("worker-a-b-c-image", "r.test/worker:3")]);
        let wanted =
            |at: usize, image: &str| ContainerImage { container: places[at].name.clone(), image: image.to_owned() };
        let change = TemplateChange::Images(vec![wanted(0, "r.test/cart:2.10"), wanted(1, "r.test/worker:4")]);
        assert_eq!(refusal(&places, &change), None);
        let mut edit = Edit(Vec::new());
        edits(&mut edit, argo_cd::part(&object(text)), &object(text), &places, &change);
        let expected = text.replace("'1.0'", "'2.10'").replace("worker:3", "worker:4");
        assert_eq!(
            *edit.0.last().unwrap(),
            json!({"op": "replace", "path": "/spec/sources/0/helm/values", "value": expected})
        );

        // What would be read as another value, or is said twice, is refused and not half written.
        let twice = object("image:\n  tag: v1\n  tag: v2\n");
        let places = argo_cd::places(&twice);
        let change = TemplateChange::Images(vec![ContainerImage {
            container: places[0].name.clone(),
            image: "r.test/cart:2".to_owned(),
        }]);
        assert!(refusal(&places, &change).unwrap().contains("more than once"));
        // An empty digest stays one, and a name that stands elsewhere in the text is not overlooked.
        let values = "base: &base {repository: &name r.test/cart}\nimage: {<<: *base, tag: v1}\n\
                      other: {image: {repository: *name, tag: v1}, imageTag: v3}\n";
        let places = argo_cd::places(&object(values));
        assert_eq!(places.iter().map(|place| place.image.as_str()).collect::<Vec<_>>(), [":v3"]);
        let places = argo_cd::places(&object("image:\n  tag: v1\n  digest:\n"));
        assert_eq!(places[0].form.refusal("r.test/cart:v2"), None);
        let Form::Text { text, below, .. } = &places[0].form else { unreachable!() };
        assert_eq!(below.within(text, "r.test/cart:v2").unwrap(), "image:\n  tag: v2\n  digest:\n");
        assert!(argo_cd::places(&object("image: [\n")).is_empty());
    }

    #[test]
    fn the_name_of_a_tag_alone_is_that_of_the_one_image_that_runs_with_it() {
        let table: [(&str, &[&str], Option<&str>); 5] = [
            (":1.0", &["r.test/cart:1.0", "r.test/proxy:3"], Some("r.test/cart:1.0")),
            (":1.0", &["r.test/cart:1.0@sha256:ab", "r.test/cart:1.0"], Some("r.test/cart:1.0")),
            (":1.0", &["r.test/cart:1.0", "r.test/worker:1.0"], None),
            (":1.0", &["r.test/cart:1.1"], None),
            ("r.test/cart:1.0", &["other/cart:1.0"], None),
        ];
        for (said, running, expected) in table {
            assert_eq!(whole(said, running.iter().copied()).as_deref(), expected, "{said} {running:?}");
        }
    }

    #[test]
    fn places_have_names_that_a_container_could_have() {
        assert_eq!(name_of("api.Image_name").unwrap().as_str(), "api-image-name");
        assert_eq!(name_of_image("registry.test:5000/shop/cart").unwrap().as_str(), "cart");
        assert_eq!(name_of("..."), None);
        assert_eq!(name_of(&"a".repeat(80)).unwrap().as_str().len(), 63);
    }
}
