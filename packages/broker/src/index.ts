/**
 * The broker: controller, results path, store, observers; as a program and inside another process.
 *
 * @packageDocumentation
 */
export type { BrokerOptions } from './options/broker-options.js';
export { observersInEnvironment } from './options/observer-settings.js';
export { runBroker } from './run-broker.js';
export { type Broker, startBroker } from './start-broker.js';
export type { Catalogue } from './store/catalogue.js';
export type { RowsBook, RowsCatalogue } from './store/rows/rows-book.js';
export type { RunBook } from './store/run-book.js';
export type { OpenStore, StoreBackend, StoreOpening } from './store/store-backend.js';
