//! A real Kubernetes control plane for tests: etcd, API server, controller manager, scheduler,
//! and kwok, which plays the nodes and pods.
//!
//! [`build`] makes the programs from their Go sources once and keeps them in the cache; [`start`]
//! runs them on free ports in a temporary folder until the value is dropped. With [`traffic`] there is a
//! data plane beside it: Istio's control plane and a stock Envoy, in a [`network`] of their own.

mod build;
mod credentials;
mod envoy;
mod network;
mod start;
mod tools;
mod traffic;

pub use build::{programs, tools};
pub use network::inside;
pub use start::ControlPlane;
pub use traffic::Traffic;

/// The environment variable with the administrator's kubeconfig: set by the person, it names a
/// cluster to use instead of starting one; set for the tests, it names the one started.
pub const KUBECONFIG: &str = "SLIPWAY_TEST_KUBECONFIG";

/// The environment variable with the kubeconfig of the role that the README tells a platform
/// engineer to give to Slipway.
pub const KUBECONFIG_MINIMAL: &str = "SLIPWAY_TEST_KUBECONFIG_MINIMAL";

/// The environment variable with the folder of the control plane's files, logs and `kubectl`.
pub const FOLDER: &str = "SLIPWAY_TEST_CONTROLPLANE_DIR";

/// The environment variable with the address where Envoy takes requests for HTTPRoutes.
pub const GATEWAY_API: &str = "SLIPWAY_TEST_GATEWAY_API";

/// The environment variable with the address where Envoy takes requests for VirtualServices.
pub const ISTIO: &str = "SLIPWAY_TEST_ISTIO";

/// The environment variable with the address where Envoy says what it does and has counted.
pub const ENVOY_ADMIN: &str = "SLIPWAY_TEST_ENVOY_ADMIN";
