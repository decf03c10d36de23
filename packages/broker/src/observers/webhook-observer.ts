import type { Observer } from './observer.js';
import { postJson } from './post-json.js';

/** Posts the whole end of a run as JSON (`RunEnd`). */
export const webhookObserver: Observer = {
  name: 'webhook',
  options: {
    url: { kind: 'url', help: 'what is posted to', required: true, secret: true, place: true },
    token: {
      kind: 'text',
      help: 'sent as `Authorization: Bearer`',
      secret: true,
      bound: true,
      check: (text) => (/^[\x21-\x7e]+$/.test(text) ? null : 'must be one word of plain characters'),
    },
  },
  finished: async (end, { options: { url, token }, signal }) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${String(token)}` };
    await postJson(String(url), end, { 'x-muster-run': end.run, ...headers }, signal);
  },
};
