//! 'Test connection': the server's version, and for each permission that Slipway needs what the API
//! server itself says (SelfSubjectAccessReview).

use domain::names::Namespace;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::{Api, PostParams};
use ports::{ClusterError, ConnectionReport, NEEDED_PERMISSIONS, NamespaceScope, NeededPermission, Permission};

use crate::{
    connect::KubeCluster,
    error::{bounded, sort},
};

/// How many questions are asked at a time: many namespaces make hundreds, and the API server has others
/// to serve.
const QUESTIONS_AT_A_TIME: usize = 25;

impl KubeCluster {
    pub(crate) async fn report(&self, scope: &NamespaceScope) -> Result<ConnectionReport, ClusterError> {
        let version = bounded(self.client().apiserver_version()).await.map_err(|e| sort(&e))?;
        let namespaces: Vec<Option<&Namespace>> = match scope {
            NamespaceScope::All => vec![None],
            NamespaceScope::Only(namespaces) => namespaces.iter().map(Some).collect(),
        };
        let mut questions = Vec::new();
        for namespace in namespaces {
            questions.extend(NEEDED_PERMISSIONS.iter().map(|needed| self.ask(needed, namespace)));
        }
        let permissions = stream::iter(questions).buffered(QUESTIONS_AT_A_TIME).try_collect().await?;
        Ok(ConnectionReport { version: version.git_version, permissions })
    }

    async fn ask(&self, needed: &NeededPermission, namespace: Option<&Namespace>) -> Result<Permission, ClusterError> {
        let question = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    verb: Some(needed.verb.to_owned()),
                    group: Some(needed.group.to_owned()),
                    resource: Some(needed.parts().0.to_owned()),
                    subresource: needed.parts().1.map(str::to_owned),
                    // Without a namespace the question is about all of them.
                    namespace: namespace.map(|n| n.as_str().to_owned()),
                    ..ResourceAttributes::default()
                }),
                non_resource_attributes: None,
            },
            ..SelfSubjectAccessReview::default()
        };
        let api: Api<SelfSubjectAccessReview> = Api::all(self.client().clone());
        let answer = bounded(api.create(&PostParams::default(), &question)).await.map_err(|e| sort(&e))?;
        Ok(Permission {
            verb: needed.verb.to_owned(),
            resource: needed.resource_and_group(),
            namespace: namespace.cloned(),
            needed_for: needed.needed_for.to_owned(),
            used: needed.used,
            is_granted: answer.status.is_some_and(|s| s.allowed),
        })
    }
}
