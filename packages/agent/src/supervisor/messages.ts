import type { AgentMessage, BrokerMessage } from '@muster/protocol';

/** What the agent says, by type. */
export type FromAgent<T extends AgentMessage['type']> = Extract<AgentMessage, { readonly type: T }>;
/** What the broker says, by type. */
export type FromBroker<T extends BrokerMessage['type']> = Extract<BrokerMessage, { readonly type: T }>;
