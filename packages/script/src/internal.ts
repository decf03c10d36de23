/**
 * For Muster's own packages: not under semantic versioning.
 *
 * @packageDocumentation
 */
export { installRuntime, RUNTIME_KEY, runtime, SCRIPT_EXPORTS, SCRIPT_VERSION, type ScriptRuntime } from './runtime.js';
