//! The writes of a route: the second object first, where a layer has one, then the main one, by whose mark others know
//! that all is done.

use domain::traffic::Weight;
use kube::{api::DynamicObject, core::ApiResource};
use ports::{ApplyOutcome, ClusterError, Judgement, RouteChange, judge_made};
use serde_json::Value;

use super::{Provider, Scene, Second, ingress_nginx, kept};
use crate::{
    connect::KubeCluster,
    marks,
    objects::{Edit, made_stamp, patiently},
};

/// What writing the second object did.
pub(super) enum Wrote {
    Made(Box<DynamicObject>),
    Other,
    Nothing(ApplyOutcome),
}

impl KubeCluster {
    /// Writes the main object. What the API server did not keep as it was sent would give the candidate something else
    /// than its share: then what was there comes back at once.
    pub(super) async fn write_main(
        &self,
        change: &RouteChange,
        before: &DynamicObject,
        provider: &dyn Provider,
        changed: Option<(&'static str, Value)>,
    ) -> Result<ApplyOutcome, ClusterError> {
        let ((kind, name), namespace) = (provider.main(), change.route.stable.namespace.as_str());
        let mut edit = Edit::of(before.metadata.resource_version.as_deref());
        if let Some((pointer, value)) = &changed {
            edit.set(*pointer, value.clone());
        }
        edit.mark_shared(before.metadata.annotations.is_some(), change.stamp, &change.change_cause);
        let after = self.edit(&kind, namespace, &name, edit).await?;
        // Taking a share away is right however little of it is kept.
        let is_given = change.weight > Weight::NONE || !change.aside.is_nothing();
        let Some((pointer, sent)) = changed.filter(|_| is_given) else { return Ok(ApplyOutcome::Written) };
        let Some(lost) = kept::difference(&sent, after.data.pointer(pointer).unwrap_or(&Value::Null)) else {
            return Ok(ApplyOutcome::Written);
        };
        let outcome = patiently(|| self.put_back(change, (before, &after), provider, pointer)).await?;
        let end = if outcome == ApplyOutcome::Written { "; what was there before was put back" } else { "" };
        let why = provider.why_not_kept(lost.field()).map(|why| format!(": {why}")).unwrap_or_default();
        Err(ClusterError::Invalid(format!("the cluster {}{why}{end}", lost.words())))
    }

    /// Puts back what was there before our write, unless somebody has changed it since; gateways write their status into
    /// the object meanwhile.
    async fn put_back(
        &self,
        change: &RouteChange,
        (before, after): (&DynamicObject, &DynamicObject),
        provider: &dyn Provider,
        pointer: &str,
    ) -> Result<ApplyOutcome, ClusterError> {
        let ((kind, name), namespace) = (provider.main(), change.route.stable.namespace.as_str());
        let Some(now) = self.find(&kind, namespace, &name).await? else { return Ok(ApplyOutcome::Missing) };
        let is_ours = marks::shared_stamp_of(&now.metadata, change.stamp.target) == Some(change.stamp);
        if !is_ours || now.data.pointer(pointer) != after.data.pointer(pointer) {
            return Ok(ApplyOutcome::ChangedByOthers);
        }
        let mut undo = Edit::of(now.metadata.resource_version.as_deref());
        match before.data.pointer(pointer) {
            Some(there) => undo.set(pointer, there.clone()),
            None => undo.remove(pointer),
        }
        undo.unmark_shared(&before.metadata, change.stamp.target);
        self.edit(&kind, namespace, &name, undo).await.map(|_| ApplyOutcome::Written)
    }

    /// Removes the second object that was made beside one which somebody has deleted: it would send to a
    /// Service that is not there any more.
    pub(super) async fn remove_second(
        &self,
        change: &RouteChange,
        provider: &dyn Provider,
    ) -> Result<(), ClusterError> {
        let Some((kind, name)) = provider.second() else { return Ok(()) };
        let namespace = change.route.stable.namespace.as_str();
        let Some(there) = self.find(&kind, namespace, &name).await? else { return Ok(()) };
        match judge_made(made_stamp(&there), change.stamp) {
            Judgement::Write => self.delete(&kind, namespace, &there).await,
            Judgement::Answer(_) => Ok(()),
        }
    }

    pub(super) async fn write_second(
        &self,
        change: &RouteChange,
        scene: &Scene,
        (kind, name): (&ApiResource, &str),
        wanted: Second,
    ) -> Result<Wrote, ClusterError> {
        let namespace = change.route.stable.namespace.as_str();
        if let Some(there) = &scene.second
            && let Judgement::Answer(outcome) = judge_made(made_stamp(there), change.stamp)
        {
            return Ok(Wrote::Nothing(outcome));
        }
        match (wanted, &scene.second) {
            (Second::AsItIs, _) | (Second::Absent, None) => {}
            (Second::Absent, Some(there)) => self.delete(kind, namespace, there).await?,
            (Second::Present { spec, annotations }, Some(there)) => {
                let mut edit = Edit::of(there.metadata.resource_version.as_deref());
                if there.data.get("spec") != Some(&spec) {
                    edit.set("/spec", spec);
                }
                edit.mark(there.metadata.annotations.is_some(), change.stamp, &change.change_cause);
                let stale = there.metadata.annotations.iter().flatten().map(|(key, _)| key);
                for key in stale.filter(|key| ingress_nginx::says_whom(key) && !annotations.contains_key(*key)) {
                    edit.remove(format!("/metadata/annotations/{}", key.replace('/', "~1")));
                }
                for (key, value) in annotations {
                    edit.annotate(&key, value);
                }
                self.edit(kind, namespace, name, edit).await?;
            }
            (Second::Present { spec, annotations }, None) => {
                let object = ingress_nginx::second_object(name, spec, annotations, change);
                return Ok(Wrote::Made(Box::new(self.make(kind, namespace, object).await?)));
            }
        }
        Ok(Wrote::Other)
    }
}
