import { type AgentId, agentId, MusterError, NATIVE_VERSIONS, negotiate, type VersionRange } from '@muster/protocol';
import type { HelloMessage, Registry } from './registry.js';

/** What became of a `hello`. */
export type SignOn =
  | { readonly ok: true; readonly id: AgentId; readonly protocol: number }
  | { readonly ok: false; readonly code: string; readonly message: string };

const refused = (code: string, message: string): SignOn => ({ ok: false, code, message });

/** Whether a peer may sign on under this routing id with what it says of itself. */
export const checkHello = (route: string, hello: HelloMessage, registry: Registry): SignOn => {
  const id = agentId(hello.node, hello.boot);
  if (route !== id) return refused('BAD_MESSAGE', `the agent calls itself ${id} and signs on as ${route}`);
  let protocol: number;
  try {
    protocol = negotiate(hello.protocol, `agent ${id}`);
  } catch (thrown) {
    return refused('VERSION_MISMATCH', MusterError.from(thrown).message);
  }
  const known = registry.get(id);
  if (known !== undefined && known.hello.boot !== hello.boot && (!known.lost || known.holds.size > 0))
    return refused('AGENT_ID_TAKEN', `another process has signed on as ${id}`);
  if (known === undefined && !registry.makeRoom())
    return refused('NOT_SUPPORTED', 'this broker has as many agents as it may');
  return { ok: true, id, protocol };
};

/** The broker's range of versions, as a refusal tells it. */
export const BROKER_VERSIONS: VersionRange = [NATIVE_VERSIONS[0], NATIVE_VERSIONS[1]];
