/**
 * The broker: controller, results path, stores, observers.
 *
 * @packageDocumentation
 */
export {};
