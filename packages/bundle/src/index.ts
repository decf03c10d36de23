/**
 * Turns a test file and everything it imports into one artefact that any agent can run: a single ES module with its
 * source map inside, named by its hash. Stands between the author's folder and the wire.
 *
 * @packageDocumentation
 */
export { type Bundle, type BundleOptions, bundleFile, MAX_BUNDLE_BYTES } from './bundle-file.js';
export { BUNDLE_FORMAT, type BundleHead, readBundleHead } from './bundle-head.js';
