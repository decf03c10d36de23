/**
 * A whole cluster on this machine, as real processes on free ports: for end-to-end tests, and to try Muster.
 *
 * @packageDocumentation
 */
export { type Cluster, type ClusterOptions, startCluster } from './start-cluster.js';
