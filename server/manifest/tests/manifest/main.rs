//! The edit of one field, by table and by property.
#![expect(clippy::unwrap_used, reason = "tests")]

use domain::git::{FieldPath, GitWrite};
use manifest::{read, values, with};
use proptest::prelude::*;

fn write(field: &str, value: &str) -> GitWrite {
    GitWrite { field: FieldPath::parse(field).unwrap(), value: value.to_owned() }
}

fn set(text: &str, field: &str, value: &str) -> Result<String, String> {
    with(text, &[write(field, value)], false).map_err(|error| error.to_string())
}

#[test]
fn a_value_is_written_in_the_manner_of_the_one_before() {
    let table = [
        ("tag: 1.0.0 # why\n", "tag", "2.0.0", "tag: 2.0.0 # why\n"),
        ("tag: '1.0'\n", "tag", "2.0", "tag: '2.0'\n"),
        ("tag: \"1.0\"\r\n", "tag", "2.0", "tag: \"2.0\"\r\n"),
        // Without quotes these would be a number, a date, a truth: they get quotes.
        ("tag: v1\n", "tag", "2.10", "tag: \"2.10\"\n"),
        ("tag: v1\n", "tag", "20261122", "tag: \"20261122\"\n"),
        ("tag: v1\n", "tag", "1e5", "tag: \"1e5\"\n"),
        ("tag: v1\n", "tag", "2026-11-22", "tag: \"2026-11-22\"\n"),
        ("tag: v1\n", "tag", "no", "tag: \"no\"\n"),
        ("tag: v1\n", "tag", "v2", "tag: v2\n"),
        ("tag: 3\n", "tag", "8c1f02e4", "tag: \"8c1f02e4\"\n"),
        ("a: {b: [1, {tag: v1, c: 2}]}\n", "a.b[1].tag", "v2", "a: {b: [1, {tag: v2, c: 2}]}\n"),
        (
            "images:\n- name: pay\n  newTag: v1\n- newTag: v1\n  name: cart\n",
            "images[name=cart].newTag",
            "v2",
            "images:\n- name: pay\n  newTag: v1\n- newTag: v2\n  name: cart\n",
        ),
        ("a:\n  \"x.y/z\": v1\n", "a.\"x.y/z\"", "v2", "a:\n  \"x.y/z\": v2\n"),
        (
            "kind: A\n---\nkind: B\nspec: {image: r/a:1.0.0}\n",
            "spec.image",
            "r/a:2.0.0@sha256:ab",
            "kind: A\n---\nkind: B\nspec: {image: r/a:2.0.0@sha256:ab}\n",
        ),
        ("größe: ü\ntag: v1\n", "tag", "v2", "größe: ü\ntag: v2\n"),
        ("tag: !!str 1.0\n", "tag", "v2", "tag: !!str v2\n"),
        ("tag: ~\n", "tag", "v2", "tag: v2\n"),
        ("{\n  \"image\": {\"tag\": \"v1\"}\n}", "image.tag", "v2", "{\n  \"image\": {\"tag\": \"v2\"}\n}"),
    ];
    for (before, field, value, after) in table {
        assert_eq!(set(before, field, value).as_deref(), Ok(after), "{before:?}");
        assert_eq!(values(after, &[write(field, value)]).unwrap(), [value], "{after:?}");
    }
    let json = with("{\"tag\": 1}", &[write("tag", "v2")], true).unwrap();
    assert_eq!(json, "{\"tag\": \"v2\"}");
}

#[test]
fn what_cannot_be_set_is_told_with_what_to_do() {
    let table = [
        ("a: 1\n", "b", "the file has no field b; correct"),
        ("a: {b: 1}\n", "a", "the field a is a mapping"),
        ("a: [1]\n", "a", "the field a is a list"),
        ("a: |\n  text\n", "a", "the field a is a block of text"),
        ("a:\nb: 1\n", "a", "the field a is empty"),
        ("x: &x v1\na: *x\n", "a", "the field a is a reference"),
        ("a: 1\n---\na: 2\n", "a", "has the field a more than once"),
        ("l: [{n: c, t: 1}, {n: c, t: 2}]\n", "l[n=c].t", "has the field l[n=c].t more than once"),
        ("a: [1\n", "a", "the file cannot be read as YAML"),
        ("a: {b: \n", "a.b", "the file cannot be read as YAML"),
    ];
    for (text, field, words) in table {
        let error = set(text, field, "v2").unwrap_err();
        assert!(error.contains(words), "{text:?} {field}: {error}");
    }
    assert!(set(&format!("{}1{}", "[".repeat(500), "]".repeat(500)), "a", "v2").is_err(), "deep files end");
}

/// A file as people write them: keys, lists, comments, all kinds of quotes and line endings.
fn file() -> impl Strategy<Value = (String, String)> {
    let value =
        prop_oneof!["[a-z][a-z0-9.]{0,8}", "'[a-z ]{0,8}'", "\"[a-z#: ]{0,8}\"", "[1-9][0-9]{0,3}", "[1-9]\\.[0-9]"];
    let comment = prop_oneof![Just(String::new()), "  # [a-z: '\"]{0,12}"];
    let line = (value, comment).prop_map(|(value, comment)| format!("{value}{comment}"));
    let end = prop_oneof![Just("\n"), Just("\r\n")];
    (proptest::collection::vec(line, 3..12), any::<proptest::sample::Index>(), end, any::<bool>(), any::<bool>())
        .prop_map(|(lines, chosen, end, has_list, ends)| {
            let chosen = chosen.index(lines.len());
            let key = |i: usize| format!("k{i}");
            let mut text = String::from("# head\n\n").replace('\n', end);
            let mut path = String::new();
            for (i, line) in lines.iter().enumerate() {
                if has_list {
                    let head = if i == 0 { format!("list:{end}") } else { String::new() };
                    text.push_str(&format!("{head}  - name: {}{end}    tag: {line}{end}", key(i)));
                } else {
                    text.push_str(&format!("{}:{end}  tag: {line}{end}", key(i)));
                }
                if i == chosen {
                    path = if has_list { format!("list[name={}].tag", key(i)) } else { format!("{}.tag", key(i)) };
                }
            }
            if !ends {
                text.truncate(text.trim_end().len());
            }
            (text, path)
        })
}

proptest! {
    #[test]
    fn every_other_byte_stays((text, path) in file(), value in "[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}") {
        let before = values(&text, &[write(&path, "")]).unwrap().remove(0);
        let after = with(&text, &[write(&path, &value)], false).unwrap();
        prop_assert_eq!(&values(&after, &[write(&path, "")]).unwrap()[0], &value);
        // What is alike at both ends covers all but one stretch of one line.
        let head = text.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
        let tail = text[head.min(text.len())..].bytes().rev().zip(after[head..].bytes().rev()).take_while(|(a, b)| a == b).count();
        let changed = &text[head..text.len() - tail];
        prop_assert!(!changed.contains('\n') && changed.len() <= before.len() + 2, "{:?}", changed);
        // Back again the file says what it said, and the same once more changes nothing.
        let back = with(&after, &[write(&path, &before)], false).unwrap();
        prop_assert_eq!(values(&back, &[write(&path, "")]).unwrap(), [before]);
        prop_assert_eq!(with(&after, &[write(&path, &value)], false).unwrap(), after);
    }

    #[test]
    fn no_file_makes_it_fall_over(text in "[\\[\\]{}:,&*!|>'\"%@` a-c1\n\t-]{0,60}", path in "[a-c](\\.[a-c]|\\[[0-2]\\]){0,3}") {
        let write = write(&path, "v2");
        if let Ok(after) = with(&text, std::slice::from_ref(&write), false) {
            prop_assert_eq!(values(&after, &[write]).unwrap(), ["v2"]);
        }
    }
}

#[test]
fn a_text_is_read_as_it_is_written() {
    let text = "image: {tag: 1.10, digest: ~}\nlist: [yes, 'null', null]\nmore: &more {tag: 9}\nagain: *more\nblock: |\n  two\n  lines\n";
    let expected = serde_json::json!({
        "image": {"tag": "1.10", "digest": null}, "list": ["yes", "null", null],
        "more": {"tag": "9"}, "again": null, "block": "two\nlines\n"});
    assert_eq!(read(text), Ok(expected));
    assert_eq!(read(""), Ok(serde_json::Value::Null));
    for text in ["a: [", "a: 1\n---\na: 2\n"] {
        assert!(read(text).is_err(), "{text}");
    }
}
