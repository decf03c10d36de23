/**
 * The broker: controller, results path, store, observers; as a program and inside another process.
 *
 * @packageDocumentation
 */
export type { BrokerOptions } from './options/broker-options.js';
export { runBroker } from './run-broker.js';
export { type Broker, startBroker } from './start-broker.js';
