/**
 * Private tools of the tests: the counting target (in `@muster/testkit/target`) and the simulator.
 *
 * @packageDocumentation
 */
export {
  HOSTILE_PATHS,
  startTarget,
  type Target,
  type TargetCounts,
  type TargetOptions,
  TEST_AUTHORITY,
  TEST_CERTIFICATES,
} from './target/index.js';
