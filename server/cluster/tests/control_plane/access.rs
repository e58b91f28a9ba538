//! Getting in: the cluster's own certificate authority, tokens, and the role that grants what is
//! needed and nothing else.

use std::{collections::BTreeSet, process::Command};

use domain::{evidence::Told, observation::PodObservation};
use k8s_openapi::api::{
    apps::v1::Deployment,
    authentication::v1::TokenRequest,
    core::v1::{Event, Pod, Secret, ServiceAccount},
    rbac::v1::{ClusterRole, RoleBinding},
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, PostParams},
};
use ports::{ClusterConnector, ClusterError, ConnectionSettings, NEEDED_PERMISSIONS, NamespaceScope, PermissionUse};
use secrecy::SecretString;
use serde_json::json;

use crate::{
    setup::{ADMIN, MINIMAL, Room, admin, minimal_settings, path_in, slipway},
    stage::create,
    writing::{deployment, workload},
};

/// A certificate authority that signed nothing here.
const ANOTHER_AUTHORITY: &str = "-----BEGIN CERTIFICATE-----
MIIBgDCCASegAwIBAgIUSPWN7D1U2z260pdtT3TcWa8MuSIwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKYW5vdGhlci1jYTAgFw0yNjExMjExMzE2MTNaGA8yMTI2MTAy
ODEzMTYxM1owFTETMBEGA1UEAwwKYW5vdGhlci1jYTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABKMlh9Vqd9+nbFzjGEC5D1ZuCyT7HKg/R5fLddMLCq81shVHKZMI
hMxN9vYF/JD/4fk6OVE54gYR0FnWfo1aEd6jUzBRMB0GA1UdDgQWBBR+9Vaky8K0
Yr/AUH7JmEfufWDr7jAfBgNVHSMEGDAWgBR+9Vaky8K0Yr/AUH7JmEfufWDr7jAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIHN+/DfeA1BWE4zna4Wb
RS6IQvtfavruBYD1S5ftYuYaAiAIXkGqnSrpjriuf+sB4qti4V8UHzMoWTNfFu5l
BQCMdg==
-----END CERTIFICATE-----
";

struct Parts {
    server: String,
    authority: Option<String>,
    token: SecretString,
}

fn parts() -> Parts {
    match minimal_settings() {
        ConnectionSettings::Token { server, certificate_authority, token } => {
            Parts { server, authority: certificate_authority, token }
        }
        other => panic!("{other:?}"),
    }
}

fn connect(parts: Parts) -> std::sync::Arc<dyn ports::Cluster> {
    let Parts { server, authority, token } = parts;
    let settings = ConnectionSettings::Token { server, certificate_authority: authority, token };
    cluster::KubeConnector.connect(&settings).unwrap()
}

#[tokio::test]
async fn the_minimal_role_has_every_permission_and_the_version_is_told() {
    let report = slipway().check(&NamespaceScope::All).await.unwrap();
    assert!(report.version.starts_with("v1."), "{}", report.version);
    assert_eq!(report.permissions.len(), NEEDED_PERMISSIONS.len());
    assert!(report.permissions.iter().all(|p| p.is_granted), "{:#?}", report.permissions);
}

#[tokio::test]
async fn only_the_given_authority_is_trusted() {
    for authority in [Some(ANOTHER_AUTHORITY.to_owned()), None] {
        let cluster = connect(Parts { authority, ..parts() });
        let error = cluster.check(&NamespaceScope::All).await.unwrap_err();
        assert!(matches!(&error, ClusterError::Settings(text) if text.contains("not trusted")), "{error:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_told_apart() {
    let cluster = connect(Parts { token: SecretString::from("not-a-token"), ..parts() });
    let room = Room::new().await;
    for error in [
        cluster.check(&NamespaceScope::All).await.unwrap_err(),
        cluster.observe(&workload(&room, "cart")).await.unwrap_err(),
    ] {
        assert!(matches!(error, ClusterError::Unauthorized(_)), "{error:?}");
    }
    room.leave().await;
}

/// A service account in the room with the given role bound there, and a token of it.
async fn account(room: &Room, name: &str, role: Option<&str>) -> SecretString {
    let namespace = room.namespace.as_str();
    let accounts = Api::<ServiceAccount>::namespaced(room.admin.clone(), namespace);
    let object = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
    accounts.create(&PostParams::default(), &object).await.unwrap();
    if let Some(role) = role {
        let binding = json!({"metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]});
        let bindings = Api::<RoleBinding>::namespaced(room.admin.clone(), namespace);
        bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
    }
    let request: TokenRequest = serde_json::from_value(json!({"spec": {"audiences": []}})).unwrap();
    let made = accounts.create_token_request(name, &PostParams::default(), &request).await.unwrap();
    SecretString::from(made.status.unwrap().token)
}

#[tokio::test]
async fn missing_permissions_are_named_and_acts_without_them_are_forbidden() {
    let room = Room::new().await;
    create(&room.admin, &deployment(&room, "cart", 1, "1.0")).await.unwrap();
    let cluster = connect(Parts { token: account(&room, "nobody", None).await, ..parts() });
    let report = cluster.check(&NamespaceScope::Only(vec![room.namespace.clone()])).await.unwrap();
    assert!(report.permissions.iter().all(|p| !p.is_granted && p.namespace.as_ref() == Some(&room.namespace)));
    let cart = workload(&room, "cart");
    let error = cluster.observe(&cart).await.unwrap_err();
    assert!(matches!(&error, ClusterError::Forbidden(text) if text.contains("deployments")), "{error:?}");
    let error = cluster.apply(&crate::writing::change(&cart, 1, "2.0")).await.unwrap_err();
    assert!(matches!(error, ClusterError::Forbidden(_)), "{error:?}");
    let mut stream = cluster.watch(NamespaceScope::All);
    let told = crate::watching::until(&mut stream, "the loss", |e| matches!(e, ports::InventoryEvent::Lost(_))).await;
    assert!(matches!(told[0], ports::InventoryEvent::Lost(ClusterError::Forbidden(_))), "{told:?}");
    room.leave().await;
}

#[tokio::test]
async fn why_a_pod_fails_is_read_with_a_role_of_its_own() {
    let room = Room::new().await;
    let namespace = room.namespace.as_str();
    let pod = PodObservation {
        name: "cart-1".to_owned(),
        is_updated: true,
        is_ready: false,
        is_terminating: false,
        restarts: 0,
        trouble: None,
        created_at: None,
    };
    let event: Event = serde_json::from_value(json!({
        "metadata": {"name": "cart-1.back-off", "namespace": namespace}, "type": "Warning", "reason": "BackOff",
        "message": "Back-off restarting failed container app", "count": 3, "lastTimestamp": "2026-03-02T09:00:00Z",
        "involvedObject": {"kind": "Pod", "name": "cart-1", "namespace": namespace},
    }))
    .unwrap();
    Api::<Event>::namespaced(room.admin.clone(), namespace).create(&PostParams::default(), &event).await.unwrap();
    let with = connect(Parts { token: account(&room, "asking", Some("slipway-reasons")).await, ..parts() });
    let report = with.report_of_pod(&room.namespace, &pod).await.unwrap();
    assert!(matches!(&report.events, Told::Known(events) if events.len() == 1 && events[0].count == 3), "{report:?}");
    // There is no such pod, which is not the same as not being allowed to ask.
    assert!(matches!(&report.log, Told::Unknown(why) if why.contains("not found")), "{report:?}");
    let without = connect(Parts { token: account(&room, "plain", Some("slipway")).await, ..parts() });
    let report = without.report_of_pod(&room.namespace, &pod).await.unwrap();
    assert_eq!(report.events, Told::NotAllowed("list events".to_owned()));
    assert_eq!(report.log, Told::NotAllowed("get pods/log".to_owned()));
    room.leave().await;
}

#[tokio::test]
async fn the_role_bound_in_one_namespace_serves_that_one() {
    let room = Room::new().await;
    create(&room.admin, &deployment(&room, "cart", 1, "1.0")).await.unwrap();
    let cluster = connect(Parts { token: account(&room, "narrow", Some("slipway")).await, ..parts() });
    let here = NamespaceScope::Only(vec![room.namespace.clone()]);
    let granted = |report: ports::ConnectionReport| report.permissions.iter().filter(|p| p.is_granted).count();
    // Without the second role rolling promotions have everything, and what is missing says so.
    let report = cluster.check(&here).await.unwrap();
    let is_granted = |used: PermissionUse| report.permissions.iter().filter(|p| p.used == used).all(|p| p.is_granted);
    assert!(is_granted(PermissionUse::Always) && !is_granted(PermissionUse::Candidates), "{report:#?}");
    let missing = report.permissions.iter().filter(|p| !p.is_granted);
    assert!(missing.clone().count() > 0 && missing.clone().all(|p| p.needed_for.contains(" only: ")), "{report:#?}");
    assert_eq!(granted(cluster.check(&NamespaceScope::All).await.unwrap()), 0);
    assert_eq!(cluster.discover(&here).await.unwrap().len(), 1);
    assert!(matches!(cluster.discover(&NamespaceScope::All).await, Err(ClusterError::Forbidden(_))));
    let written = cluster.apply(&crate::writing::change(&workload(&room, "cart"), 1, "2.0")).await;
    assert_eq!(written, Ok(ports::ApplyOutcome::Written));
    room.leave().await;
}

#[tokio::test]
async fn the_minimal_role_cannot_do_more() {
    let room = Room::new().await;
    create(&room.admin, &deployment(&room, "cart", 1, "1.0")).await.unwrap();
    let kubeconfig = kube::config::Kubeconfig::read_from(path_in(MINIMAL)).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let namespace = room.namespace.as_str();
    let deployments = Api::<Deployment>::namespaced(client.clone(), namespace);
    let pod: Pod = serde_json::from_value(
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}),
    )
    .unwrap();
    let refused = [
        ("delete all", deployments.delete_collection(&DeleteParams::default(), &ListParams::default()).await.map(drop)),
        (
            "create pods",
            Api::<Pod>::namespaced(client.clone(), namespace).create(&PostParams::default(), &pod).await.map(drop),
        ),
        ("read secrets", Api::<Secret>::namespaced(client, namespace).list(&ListParams::default()).await.map(drop)),
    ];
    for (act, result) in refused {
        assert!(matches!(&result, Err(kube::Error::Api(s)) if s.code == 403), "{act}: {result:?}");
    }
    room.leave().await;
}

#[tokio::test]
async fn the_commands_that_people_paste_are_taken_by_a_real_server() {
    let admin = path_in(ADMIN);
    let context = kube::config::Kubeconfig::read_from(&admin).unwrap().current_context.unwrap();
    let commands = cluster::kubeconfig::service_account_commands(Some(&context)).unwrap();
    // Only the first two: the token itself is made by a controller that does not run here. Nothing is
    // left behind: a cluster that a person names is changed in the tests' own namespaces only.
    let (script, _) = commands.split_once("# 3.").unwrap();
    let script = script.replace("apply -f -", "apply --dry-run=server -f -");
    let ours = std::env::var_os("SLIPWAY_TEST_CONTROLPLANE_DIR").unwrap_or_default();
    let theirs = std::env::var_os("PATH").unwrap_or_default();
    let path = format!("{}:{}", ours.display(), theirs.display());
    let ran = Command::new("sh").args(["-ec", &script]).env("PATH", path).env("KUBECONFIG", &admin).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{told}");
    assert!(told.contains("secret/slipway-token") && told.contains("clusterrole"), "{told}");
    assert!(told.contains(&parts().server), "{told}");
}

#[tokio::test]
async fn the_roles_that_the_readme_names_grant_what_is_needed_and_nothing_else() {
    let asking = ("create".to_owned(), "authorization.k8s.io".to_owned(), "selfsubjectaccessreviews".to_owned());
    let roles = [
        ("slipway", PermissionUse::Always, vec![asking]),
        ("slipway-reasons", PermissionUse::Reasons, vec![]),
        ("slipway-candidates", PermissionUse::Candidates, vec![]),
        ("slipway-jobs", PermissionUse::Jobs, vec![]),
        ("slipway-delegated", PermissionUse::Delegated, vec![]),
    ];
    for (name, used, besides) in roles {
        let role = Api::<ClusterRole>::all(admin().await).get(name).await.unwrap();
        let mut granted = BTreeSet::new();
        for rule in role.rules.unwrap() {
            for group in rule.api_groups.as_ref().unwrap() {
                for resource in rule.resources.as_ref().unwrap() {
                    granted.extend(rule.verbs.iter().map(|verb| (verb.clone(), group.clone(), resource.clone())));
                }
            }
        }
        let needed = NEEDED_PERMISSIONS.iter().filter(|n| n.used == used);
        let needed = needed.map(|n| (n.verb.to_owned(), n.group.to_owned(), n.resource.to_owned()));
        assert_eq!(granted, needed.chain(besides).collect(), "{name}");
    }
}
