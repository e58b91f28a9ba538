//! What Slipway asks of a cluster, in one list: 'Test connection' asks for each, the role that a
//! platform engineer makes grants exactly these, and a test compares the two.

/// A permission that Slipway cannot work without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeededPermission {
    /// The verb.
    pub verb: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resource, in the plural.
    pub resource: &'static str,
    /// What it is needed for, in words.
    pub needed_for: &'static str,
}

impl NeededPermission {
    /// The resource with its group: `deployments.apps`, `pods`.
    #[must_use]
    pub fn resource_and_group(&self) -> String {
        if self.group.is_empty() { self.resource.to_owned() } else { format!("{}.{}", self.resource, self.group) }
    }
}

const fn needs(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    needed_for: &'static str,
) -> NeededPermission {
    NeededPermission { verb, group, resource, needed_for }
}

/// Everything Slipway needs, per namespace or for all of them.
pub const NEEDED_PERMISSIONS: [NeededPermission; 8] = [
    needs("get", "apps", "deployments", "reading what runs before and after a change"),
    needs("list", "apps", "deployments", "finding what is there"),
    needs("watch", "apps", "deployments", "seeing changes as they happen"),
    needs("patch", "apps", "deployments", "setting images, and putting the former template back"),
    needs("list", "apps", "replicasets", "telling new pods from old ones"),
    needs("watch", "apps", "replicasets", "telling new pods from old ones as they change"),
    needs("list", "", "pods", "seeing whether pods run, and why not"),
    needs("watch", "", "pods", "noticing pods that crash within seconds"),
];
