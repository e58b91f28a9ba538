//! Versions that live in Git: what may be said of a place, and what a version gives it.

use domain::{
    git::{BranchName, CommitHash, FilePath, GitField, GitPlace, GitPlan, RepositoryAddress, Transport},
    image::Image,
    names::ContainerName,
    version::VersionImage,
};

#[test]
fn attack_37_an_address_is_of_one_form_and_carries_no_secret() {
    let good = [
        ("https://git.example/shop/deploy.git", "git.example", 443, "git.example/shop/deploy"),
        ("https://git.example:8443/deploy", "git.example", 8443, "git.example:8443/deploy"),
        ("ssh://git@git.example:2222/~/deploy.git", "git.example", 2222, "git.example:2222/~/deploy"),
        ("git@github.com:shop/deploy.git", "github.com", 22, "github.com/shop/deploy"),
    ];
    for (text, host, port, shown) in good {
        let address = RepositoryAddress::parse(text).unwrap();
        assert_eq!((address.host(), address.port(), address.shown().as_str()), (host, port, shown), "{text}");
        assert_eq!(RepositoryAddress::parse(address.as_str()).unwrap(), address);
    }
    let bad = [
        "",
        "deploy",
        "/srv/deploy.git",
        "file:///srv/deploy.git",
        "git://git.example/x",
        "ext::sh -c reboot",
        "http://",
        "https://git.example",
        "https://git.example/",
        "https://user:token@git.example/x",
        "https://token@git.example/x",
        "https://git.example/x?y",
        "https://git.example/x#y",
        "https://git.example/a b",
        "https://git.example/../x",
        "https://-oProxyCommand=reboot/x",
        "ssh://git@-oProxyCommand=reboot/x",
        "-oProxyCommand=reboot:x",
        "git@-host:x",
        "ssh://git.example/x",
        "ssh://-l@git.example/x",
        "https://git.example/--upload-pack=x",
        "git@git.example:-x",
        "https://git.example:0/x",
        "https://git.example:99999/x",
        "https://git.example/x\nHost: y",
        "https://gït.example/x",
        "https://git.example/$(reboot)",
        "https://git.example/`x`",
        "https://git.example/x;y",
    ];
    for text in bad {
        assert!(RepositoryAddress::parse(text).is_err(), "{text:?}");
    }
    for text in [
        "",
        "-x",
        "--force",
        "refs/heads/main",
        "a..b",
        "a/../b",
        "/a",
        "a/",
        "a//b",
        "a.lock",
        "a b",
        "a~1",
        "a:b",
        "a@{1}",
        "+a",
        "a.",
        ".a",
    ] {
        assert!(BranchName::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(BranchName::parse(" release/eu-1.2 ").unwrap().as_str(), "release/eu-1.2");
    for text in [
        "",
        "/etc/x.yaml",
        "../x.yaml",
        "a/../x.yaml",
        ".git/config.yaml",
        "a/.GIT/x.yaml",
        "-x.yaml",
        "a/-x.yaml",
        "x.txt",
        "x",
        "a//x.yaml",
        ":x.yaml",
        "a\\x.yaml",
        "x\n.yaml",
        "apps/\u{202E}trac.yaml",
        "apps/ca\u{200B}rt.yaml",
    ] {
        assert!(FilePath::parse(text).is_err(), "{text:?}");
    }
    assert!(FilePath::parse("apps/größe/kustomization.yml").is_ok());
}

#[test]
fn a_field_is_read_and_shown_alike() {
    let good = [
        "tag",
        "spec.values.image.tag",
        "images[name=cart].newTag",
        "a[0][1].b",
        "spec.image = tag",
        "a.\"x.y/z\"",
        "l[image=\"r/a[1]\"].tag",
        "spec.image = digest of web",
        "images[name=r.test:5000/cart].newTag",
    ];
    for text in good {
        assert_eq!(GitField::parse(text).map(|field| field.to_string()).as_deref(), Ok(text));
    }
    // What is usual is not said.
    assert_eq!(GitField::parse("spec.image = image").unwrap().to_string(), "spec.image");
    for text in [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a b",
        "a[",
        "a[x]",
        "a[=x]",
        "a[x=]",
        "a]",
        "\"\"",
        "a = b",
        "a = tag of B",
        "a[99999999999999999999999]",
        "a.\"b\u{202E}c\"",
        "a[name=ca\u{200B}rt].tag",
    ] {
        assert!(GitField::parse(text).is_err(), "{text:?}");
    }
    let twice = GitPlace::parse_fields("a.tag\n\n a.tag = digest\n").unwrap_err();
    assert_eq!(twice, "line 2: the field a.tag is given twice");
    assert!(GitPlace::parse_fields(" \n").is_err());
}

#[test]
fn a_version_says_what_a_field_wants_or_why_it_cannot() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let part = |component: Option<&str>, image: &str, digest: Option<&str>| VersionImage {
        component: component.map(|name| ContainerName::parse(name).unwrap()),
        image: Image::parse(image, digest).unwrap(),
    };
    let one = [part(None, "r.test/cart:2.0", Some(&digest))];
    let two = [part(Some("api"), "r.test/api:2.0", None), part(Some("web"), "r.test/web:7", None)];
    let only_digest = [part(None, "r.test/cart", Some(&digest))];
    let whole = format!("r.test/cart:2.0@{digest}");
    let table: [(&str, &[VersionImage], Result<&str, &str>); 10] = [
        ("a.tag", &one, Ok("2.0")),
        ("a.image", &one, Ok(&whole)),
        ("a.digest", &one, Ok(&digest)),
        ("a.x = version", &one, Ok("v2")),
        ("a.tag = tag of web", &two, Ok("7")),
        ("a.tag = tag of web", &one, Ok("2.0")),
        ("a.tag", &two, Err("several images")),
        ("a.tag = tag of db", &two, Err("no image for db")),
        ("a.tag", &only_digest, Err("has no tag")),
        ("a.digest = digest of web", &two, Err("has no digest")),
    ];
    for (field, images, expected) in table {
        let made = GitPlan::make(&place(field), "v2", images);
        match expected {
            Ok(value) => assert_eq!(made.unwrap().values(), [value], "{field}"),
            Err(words) => assert!(made.unwrap_err().to_string().contains(words), "{field}"),
        }
    }
}

#[test]
fn a_commit_has_a_page_where_the_host_is_known() {
    let hash = hash(7);
    let link = |address: &str| RepositoryAddress::parse(address).unwrap().web_link(&hash);
    assert_eq!(link("git@github.com:shop/deploy.git"), Some(format!("https://github.com/shop/deploy/commit/{hash}")));
    assert_eq!(
        link("https://gitlab.shop.example/a/b/c.git"),
        Some(format!("https://gitlab.shop.example/a/b/c/-/commit/{hash}"))
    );
    assert_eq!(link("https://git.example/shop/deploy.git"), None);
    for (revision, is_it) in [
        (hash.to_string(), true),
        (format!("main@sha1:{hash}"), true),
        (format!("main/{hash}"), true),
        ("1.2.3".into(), false),
    ] {
        assert_eq!(CommitHash::of_revision(&revision) == Some(hash.clone()), is_it, "{revision}");
    }
}

pub fn place(fields: &str) -> GitPlace {
    let repository = RepositoryAddress::parse("https://git.example/shop/deploy.git").unwrap();
    assert_eq!(repository.transport(), Transport::Http);
    GitPlace {
        repository,
        branch: BranchName::parse("main").unwrap(),
        file: FilePath::parse("apps/cart.yaml").unwrap(),
        fields: GitPlace::parse_fields(fields).unwrap(),
    }
}

pub fn hash(number: u64) -> CommitHash {
    CommitHash::parse(&format!("{number:040x}")).unwrap()
}
