//! A real Kubernetes control plane for tests: etcd, API server, controller manager, scheduler,
//! and kwok, which plays the nodes and pods.
//!
//! [`build`] makes the programs from their Go sources once and keeps them in the cache; [`start`]
//! runs them on free ports in a temporary folder until the value is dropped.

mod build;
mod credentials;
mod start;

pub use build::programs;
pub use start::ControlPlane;

/// The environment variable with the administrator's kubeconfig: set by the person, it names a
/// cluster to use instead of starting one; set for the tests, it names the one started.
pub const KUBECONFIG: &str = "SLIPWAY_TEST_KUBECONFIG";

/// The environment variable with the kubeconfig of the role that the README tells a platform
/// engineer to give to Slipway.
pub const KUBECONFIG_MINIMAL: &str = "SLIPWAY_TEST_KUBECONFIG_MINIMAL";

/// The environment variable with the folder of the control plane's files, logs and `kubectl`.
pub const FOLDER: &str = "SLIPWAY_TEST_CONTROLPLANE_DIR";
