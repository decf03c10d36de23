/**
 * Private: simulator, counting target, fault proxy, conformance suites.
 *
 * @packageDocumentation
 */
export {};
