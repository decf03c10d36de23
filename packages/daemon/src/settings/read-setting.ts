import { MusterError, parseEndpoint } from '@muster/protocol';
import { LOG_LEVELS, type Setting, type SettingValue } from './setting.js';

type Read = { readonly value: SettingValue } | { readonly fault: string };

const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  yes: true,
  false: false,
  '0': false,
  no: false,
};

/** Reads one value; a text that says what is wrong otherwise, as `{ fault }`. */
export const readSetting = (setting: Setting, given: unknown): Read => {
  switch (setting.kind) {
    case 'flag': {
      const value = typeof given === 'boolean' ? given : WORDS[String(given).toLowerCase()];
      return value === undefined ? { fault: `must be true or false, not ${JSON.stringify(given)}` } : { value };
    }
    case 'whole':
      return readWhole(given, setting.least ?? 1, setting.most ?? Number.MAX_SAFE_INTEGER);
    case 'level':
      return LOG_LEVELS.some((level) => level === given)
        ? { value: String(given) }
        : { fault: `must be one of ${LOG_LEVELS.join(', ')}, not ${JSON.stringify(given)}` };
    case 'endpoint':
      return readEndpoint(given);
    case 'url':
      return URL.canParse(String(given)) && /^https?:$/.test(new URL(String(given)).protocol)
        ? { value: String(given) }
        : { fault: `must be an http or https URL, not ${JSON.stringify(given)}` };
    case 'labels':
      return readLabels(given);
    case 'text':
    case 'folder':
      return typeof given === 'string' && given.trim() !== ''
        ? { value: given }
        : { fault: 'must be a text that is not empty' };
  }
};

const readWhole = (given: unknown, least: number, most: number): Read => {
  const value = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return { value };
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
  return { fault: `must be a whole number ${range}, not ${JSON.stringify(given)}` };
};

const readEndpoint = (given: unknown): Read => {
  try {
    parseEndpoint(String(given));
    return { value: String(given) };
  } catch (thrown) {
    return { fault: MusterError.from(thrown).message.replace(/^\[\w+\] /, '') };
  }
};

/** A list of `name=value`, the same as one text with commas, or an object. */
const readLabels = (given: unknown): Read => {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
    const wrong = Object.entries(given).find(
      ([name, value]) => name === '' || typeof value !== 'string' || value === '',
    );
    return wrong === undefined
      ? { value: { ...(given as Record<string, string>) } }
      : { fault: `label ${JSON.stringify(wrong[0])} must be a text that is not empty` };
  }
  const texts = typeof given === 'string' ? given.split(',') : Array.isArray(given) ? given.map(String) : [];
  const labels: Record<string, string> = {};
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1 || at === text.length - 1) return { fault: `must be NAME=VALUE, not ${JSON.stringify(text)}` };
    labels[text.slice(0, at).trim()] = text.slice(at + 1).trim();
  }
  return texts.length === 0 ? { fault: 'must be NAME=VALUE' } : { value: labels };
};
