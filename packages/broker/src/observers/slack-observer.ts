import type { Observer } from './observer.js';
import { postJson } from './post-json.js';

/** Posts a message through an incoming webhook of Slack, or of whatever takes the same. */
export const slackObserver: Observer = {
  name: 'slack',
  options: {
    url: { kind: 'url', help: 'the incoming webhook', required: true, secret: true, place: true },
  },
  finished: async ({ text, link, verdict }, { options, signal }) => {
    const mark = verdict === null ? '' : verdict === 'passed' ? ':white_check_mark: ' : ':x: ';
    const plain = link === null ? text : text.replace(link, '').replace(/[\s,]+$/, '');
    const linked = link === null ? '' : ` <${escaped(link)}>`;
    await postJson(String(options.url), { text: `${mark}${escaped(plain)}${linked}` }, {}, signal);
  },
};

/** Slack's own three: everything else stands for itself. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
