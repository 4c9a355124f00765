// Package kubernetes has no code of its own. Its tests hand the manifests of deploy/kubernetes to a control plane of Kubernetes: etcd, the API server
// and the controllers, compiled from the modules that go.mod pins and run on loopback. A kubelet of a few lines, which runs no container, lets each
// pod end as a test wants it, and what the cluster does then is the table of docs/clusters.md.
//
// It is a module of its own, since Kubernetes brings some 200 others. "make kubernetes" runs the tests, CI does not: compiling takes
// 20 minutes of a processor the first time, and the tests a quarter of an hour, in which they mostly wait.
package kubernetes
