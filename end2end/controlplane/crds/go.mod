// The custom resource definitions that the tests install, as their projects publish them. There is
// no Go code here: only the files in these modules are used, so no line is marked as indirect.
module slipway.test/controlplane/crds

go 1.26.0

require (
	istio.io/api v1.31.1
	sigs.k8s.io/gateway-api v1.6.3
)
