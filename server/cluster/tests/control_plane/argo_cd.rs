//! The real Argo CD with a Git repository in a folder: an Application that is brought to another version and
//! back, and one whose own source is Git, which Slipway refuses before anything is written.

use std::{path::PathBuf, process::Command};

use domain::{
    delegated::{ApplicationStatus, ToolAct, ToolStatus},
    observation::{Manager, Stamp, WorkloadKind, WorkloadObservation, WorkloadRef},
    promotion::Nudge,
    rollout::{Rollout, judge},
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    core::ApiResource,
};
use ports::{ApplyOutcome, Cluster, ConnectionSettings, TemplateChange, WorkloadChange};
use serde_json::{Value, json};

use crate::{
    candidates::wait_for,
    setup::{Room, minimal_settings, slipway},
    writing::{change, image, see, workload},
};

/// Where Argo CD lives.
const ARGO_CD: &str = "argocd";

fn api(room: &Room) -> Api<DynamicObject> {
    let kind = ApiResource {
        group: "argoproj.io".into(),
        version: "v1alpha1".into(),
        api_version: "argoproj.io/v1alpha1".into(),
        kind: "Application".into(),
        plural: "applications".into(),
    };
    Api::namespaced_with(room.admin.clone(), ARGO_CD, &kind)
}

/// A Git repository in a folder of its own.
struct Repository(PathBuf);

impl Repository {
    fn new(room: &Room, files: &[(&str, Value)]) -> Self {
        let folder = std::env::temp_dir().join(format!("slipway-test-git-{}", room.namespace));
        let repository = Self(folder);
        for (path, content) in files {
            let file = repository.0.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, format!("{content:#}\n")).unwrap();
        }
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.git(&["add", "."]);
        repository.git(&["-c", "user.name=Mara", "-c", "user.email=mara@test", "commit", "--quiet", "-m", "First"]);
        repository
    }

    fn git(&self, arguments: &[&str]) {
        let ran = Command::new("git").current_dir(&self.0).args(arguments).output().unwrap();
        assert!(ran.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }

    /// Somebody commits this file; answers the commit.
    fn commit(&self, path: &str, content: &Value) -> String {
        std::fs::write(self.0.join(path), format!("{content:#}\n")).unwrap();
        let author = ["-c", "user.name=Mara", "-c", "user.email=mara@test"];
        self.git(&[&author[..], &["commit", "--quiet", "--all", "--message", "Next"]].concat());
        self.head()
    }

    fn head(&self) -> String {
        let ran = Command::new("git").current_dir(&self.0).args(["rev-parse", "HEAD"]).output().unwrap();
        String::from_utf8(ran.stdout).unwrap().trim().to_owned()
    }

    fn url(&self) -> String {
        format!("file://{}", self.0.display())
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn manifests() -> [(&'static str, Value); 2] {
    let labels = json!({"app": "cart"});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels}, "spec": {"containers": [
                     {"name": "app", "image": "registry.test/cart:0.9"}]}}},
    });
    [("cart/deployment.json", deployment), ("cart/kustomization.yaml", json!({"resources": ["deployment.json"]}))]
}

fn application(room: &Room, url: &str, name: &str, policy: &Value) -> Value {
    let ConnectionSettings::Token { server, .. } = minimal_settings() else { panic!("the tests use a token") };
    let images = ["registry.test/cart=registry.test/cart:1.0"];
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": ARGO_CD, "annotations": {"others.test/kept": "yes"}},
        "spec": {
            "project": "default",
            "source": {"repoURL": url, "path": "cart", "targetRevision": "main", "kustomize": {"images": images}},
            "destination": {"server": server, "namespace": room.namespace},
            "syncPolicy": policy,
        },
    })
}

fn at(name: &str) -> WorkloadRef {
    let name = domain::names::WorkloadName::parse(name).unwrap();
    let namespace = domain::names::Namespace::parse(ARGO_CD).unwrap();
    WorkloadRef { namespace, name, kind: WorkloadKind::Application }
}

fn to(at: &WorkloadRef, sequence: i64, tag: &str) -> WorkloadChange {
    let images = vec![image("cart", &format!("registry.test/cart:{tag}"))];
    WorkloadChange { template: TemplateChange::Images(images), act: Some(ToolAct::Begin), ..change(at, sequence, tag) }
}

fn is_done(seen: &WorkloadObservation, tag: &str) -> bool {
    seen.images[0].image.ends_with(tag) && matches!(judge(seen), Rollout::Complete { .. })
}

/// States the change again and again, as the reconciler does, until it is there.
async fn brought(cluster: &dyn Cluster, change: &WorkloadChange, tag: &str) {
    let what = format!("{tag}, synced and healthy");
    wait_for(
        &what,
        || async {
            let outcome = cluster.apply(change).await;
            assert!(matches!(outcome, Ok(ApplyOutcome::Written | ApplyOutcome::Unchanged)), "{outcome:?}");
            see(cluster, &change.workload).await
        },
        |seen| is_done(seen, tag),
    )
    .await;
}

async fn runs(room: &Room) -> String {
    let api = Api::<Deployment>::namespaced(room.admin.clone(), room.namespace.as_str());
    let deployment = api.get("cart").await.unwrap();
    deployment.spec.unwrap().template.spec.unwrap().containers[0].image.clone().unwrap()
}

/// What the object asks for, without what Slipway or Argo CD note on it.
async fn asked_for(room: &Room, name: &str) -> Value {
    let object = api(room).get(name).await.unwrap();
    let annotations = object.metadata.annotations.unwrap_or_default();
    let is_others = |key: &str| {
        !key.starts_with("slipway.dev/")
            && !key.starts_with("argocd.argoproj.io/")
            && key != "kubernetes.io/change-cause"
    };
    let others: Vec<_> = annotations.into_iter().filter(|(key, _)| is_others(key)).collect();
    json!({"spec": object.data["spec"], "annotations": others, "labels": object.metadata.labels})
}

#[tokio::test]
async fn an_application_is_brought_to_another_version_and_back() {
    let to_two = |spec: &mut Value| {
        spec["source"]["kustomize"]["images"] = json!(["registry.test/cart=registry.test/cart:2.0"]);
    };
    brought_and_taken_back(|_| {}, to_two).await;
}

#[tokio::test]
async fn an_application_of_several_sources_is_brought_to_another_version_and_back() {
    let to_several = |spec: &mut Value| {
        let source = spec.as_object_mut().unwrap().remove("source").unwrap();
        spec["sources"] = json!([{"repoURL": source["repoURL"], "targetRevision": "main", "ref": "values"}, source]);
    };
    let to_two = |spec: &mut Value| {
        spec["sources"][1]["kustomize"]["images"] = json!(["registry.test/cart=registry.test/cart:2.0"]);
    };
    brought_and_taken_back(to_several, to_two).await;
}

async fn brought_and_taken_back(shape: impl Fn(&mut Value), to_two: impl Fn(&mut Value)) {
    let room = Room::new().await;
    let repository = Repository::new(&room, &manifests());
    let name = format!("cart-{}", room.namespace);
    let mut object = application(&room, &repository.url(), &name, &json!({}));
    shape(&mut object["spec"]);
    api(&room).create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    let (cluster, at) = (slipway(), at(&name));
    // Nobody has synced it yet: what is there is what it asks for, once it is told to begin.
    wait_for("Argo CD's first look", || see(&*cluster, &at), |seen| judge(seen) != Rollout::Unseen).await;
    brought(&*cluster, &to(&at, 1, "1.0"), ":1.0").await;
    assert_eq!(runs(&room).await, "registry.test/cart:1.0");

    let (before, saved) = (asked_for(&room, &name).await, see(&*cluster, &at).await);
    let two = to(&at, 2, "2.0");
    brought(&*cluster, &two, ":2.0").await;
    assert_eq!(runs(&room).await, "registry.test/cart:2.0");
    let mut expected = before.clone();
    to_two(&mut expected["spec"]);
    assert_eq!(asked_for(&room, &name).await, expected);

    let back = WorkloadChange {
        stamp: Stamp { generation: two.stamp.generation + 1, ..two.stamp },
        template: TemplateChange::Restore(saved.template.clone()),
        ..two
    };
    brought(&*cluster, &back, ":1.0").await;
    assert_eq!((runs(&room).await, asked_for(&room, &name).await), ("registry.test/cart:1.0".to_owned(), before));
    api(&room).delete(&name, &DeleteParams::default()).await.unwrap();
    room.leave().await;
}

#[tokio::test]
async fn a_sync_that_hangs_is_ended_when_its_version_is_taken_back() {
    let room = Room::new().await;
    let [deployment, kustomization] = manifests();
    let hook = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "before", "annotations": {"argocd.argoproj.io/hook": "PreSync"}},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [
            {"name": "waits", "image": "registry.test/waits:1"}]}}},
    });
    let repository = Repository::new(&room, &[deployment, kustomization, ("cart/hook.json", hook)]);
    let name = format!("cart-{}", room.namespace);
    let object = application(&room, &repository.url(), &name, &json!({}));
    api(&room).create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    let (cluster, at) = (slipway(), at(&name));
    wait_for("Argo CD's first look", || see(&*cluster, &at), |seen| judge(seen) != Rollout::Unseen).await;
    brought(&*cluster, &to(&at, 1, "1.0"), ":1.0").await;
    let saved = see(&*cluster, &at).await;

    // From now on a Job runs before each sync, and nobody runs its pod.
    repository.commit("cart/kustomization.yaml", &json!({"resources": ["deployment.json", "hook.json"]}));
    assert_eq!(cluster.nudge(&at, Nudge::Look).await, Ok(ApplyOutcome::Written));
    let two = to(&at, 2, "2.0");
    let hangs = |seen: &WorkloadObservation| {
        let status = status(seen);
        status.is_busy && status.operation.as_deref() == Some("Running")
    };
    let apply = async |change: &WorkloadChange| {
        let outcome = cluster.apply(change).await;
        assert!(matches!(outcome, Ok(ApplyOutcome::Written | ApplyOutcome::Unchanged)), "{outcome:?}");
        see(&*cluster, &at).await
    };
    wait_for("a sync that hangs", || apply(&two), hangs).await;

    let back = WorkloadChange {
        stamp: Stamp { generation: two.stamp.generation + 1, ..two.stamp },
        template: TemplateChange::Restore(saved.template.clone()),
        act: Some(ToolAct::Back),
        ..two
    };
    brought(&*cluster, &back, ":1.0").await;
    let operation = api(&room).get(&name).await.unwrap().data["status"]["operationState"].clone();
    assert!(operation["message"].as_str().unwrap().contains("terminated"), "{operation:#}");
    assert_eq!(runs(&room).await, "registry.test/cart:1.0");
    api(&room).delete(&name, &DeleteParams::default()).await.unwrap();
    room.leave().await;
}

fn status(seen: &WorkloadObservation) -> &ApplicationStatus {
    match &seen.tool {
        Some(ToolStatus::ArgoCd(status)) => status,
        other => panic!("{other:?}"),
    }
}

/// Asks for a sync of what was looked at, until this commit is there.
async fn synced(cluster: &dyn Cluster, at: &WorkloadRef, commit: &str) {
    wait_for(
        &format!("the sync of {commit}"),
        || async {
            let seen = see(cluster, at).await;
            if status(&seen).sync == "OutOfSync" && !status(&seen).is_busy {
                let asked = cluster.nudge(at, Nudge::Begin).await;
                assert!(matches!(asked, Ok(ApplyOutcome::Written | ApplyOutcome::Unchanged)), "{asked:?}");
            }
            seen
        },
        |seen| {
            let status = status(seen);
            status.revision.as_deref() == Some(commit)
                && status.operation_revision.as_deref() == Some(commit)
                && matches!(judge(seen), Rollout::Complete { .. })
        },
    )
    .await;
}

#[tokio::test]
async fn a_commit_is_looked_at_and_synced_when_argo_cd_is_asked() {
    let room = Room::new().await;
    let images = |tag: &str| json!({"resources": ["deployment.json"], "images": [{"name": "registry.test/cart", "newTag": tag}]});
    let [deployment, _] = manifests();
    let repository = Repository::new(&room, &[deployment, ("cart/kustomization.yaml", images("1.0"))]);
    let name = format!("cart-{}", room.namespace);
    let mut object = application(&room, &repository.url(), &name, &json!({}));
    object["spec"]["source"].as_object_mut().unwrap().remove("kustomize");
    api(&room).create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    let (cluster, at, first) = (slipway(), at(&name), repository.head());
    let has_looked = |commit: String| move |seen: &WorkloadObservation| status(seen).revision.as_ref() == Some(&commit);
    wait_for("Argo CD's first look", || see(&*cluster, &at), has_looked(first.clone())).await;
    synced(&*cluster, &at, &first).await;
    assert_eq!(runs(&room).await, "registry.test/cart:1.0");
    let asked_for_before = asked_for(&room, &name).await;

    // Nobody has told Argo CD: it looks by itself every few minutes, and at once when it is asked.
    let second = repository.commit("cart/kustomization.yaml", &images("2.0"));
    assert_eq!(status(&see(&*cluster, &at).await).revision, Some(first));
    assert_eq!(cluster.nudge(&at, Nudge::Look).await, Ok(ApplyOutcome::Written));
    wait_for("its next look", || see(&*cluster, &at), has_looked(second.clone())).await;
    assert_eq!(runs(&room).await, "registry.test/cart:1.0", "it does not sync by itself");
    synced(&*cluster, &at, &second).await;
    assert_eq!(runs(&room).await, "registry.test/cart:2.0");
    assert_eq!(asked_for(&room, &name).await, asked_for_before, "of the object nothing stays changed");
    api(&room).delete(&name, &DeleteParams::default()).await.unwrap();
    room.leave().await;
}

#[tokio::test]
async fn what_an_automatic_sync_would_undo_is_said_beforehand() {
    let room = Room::new().await;
    let automatic = json!({"automated": {"selfHeal": true, "prune": true}});
    let (child, parent) = (format!("child-{}", room.namespace), format!("parent-{}", room.namespace));
    // The child's own source is this repository too, so its address must be known before it is written.
    let folder = std::env::temp_dir().join(format!("slipway-test-git-{}", room.namespace));
    let url = format!("file://{}", folder.display());
    let [deployment, kustomization] = manifests();
    let of_child = application(&room, &url, &child, &automatic);
    let repository = Repository::new(&room, &[deployment, kustomization, ("apps/child.json", of_child)]);
    assert_eq!(repository.url(), url);
    let mut of_parent = application(&room, &url, &parent, &automatic);
    of_parent["spec"]["source"] = json!({"repoURL": url, "path": "apps", "targetRevision": "main"});
    of_parent["spec"]["destination"]["namespace"] = json!(ARGO_CD);
    api(&room).create(&PostParams::default(), &serde_json::from_value(of_parent).unwrap()).await.unwrap();
    let (cluster, at) = (slipway(), at(&child));
    let is_there = || async { api(&room).get_opt(&child).await.unwrap().is_some() };
    wait_for("the child", is_there, |is_there| *is_there).await;
    wait_for("the child's sync", || see(&*cluster, &at), |seen| is_done(seen, ":1.0")).await;

    let seen = see(&*cluster, &at).await;
    let manager = Manager::ArgoCd { application: parent.clone() };
    assert_eq!(seen.manager.as_ref(), Some(&manager), "{seen:#?}");
    assert!(manager.advice_for(WorkloadKind::Application).contains("a rollback must go through Git"));
    assert_eq!(cluster.apply(&to(&at, 1, "2.0")).await, Ok(ApplyOutcome::Managed(manager)));
    // The Deployment that the child makes leads to the child.
    let seen = see(&*cluster, &workload(&room, "cart")).await;
    assert!(matches!(&seen.manager, Some(Manager::ArgoCd { application }) if *application == child), "{seen:#?}");

    // What was said is true: the same change by somebody else does not last.
    let patch = json!({"spec": {"source": {"kustomize": {"images": ["registry.test/cart=registry.test/cart:2.0"]}}}});
    let params = PatchParams::default();
    api(&room).patch(&child, &params, &Patch::Merge(patch)).await.unwrap();
    wait_for("the undoing", || see(&*cluster, &at), |seen| seen.images[0].image.ends_with(":1.0")).await;
    for name in [&parent, &child] {
        api(&room).delete(name, &DeleteParams::default()).await.unwrap();
    }
    room.leave().await;
}
