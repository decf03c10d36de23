/** The value of an option once read; `words` is a program and its arguments. */
export type ObserverValue = string | number | boolean | readonly string[];

/** One thing that an observer can be told. */
export interface ObserverOption {
  readonly kind: 'text' | 'flag' | 'port' | 'url' | 'words';
  readonly help: string;
  readonly default?: ObserverValue;
  /** A run that names the observer is refused when nobody gave it. */
  readonly required?: boolean;
  /** Stands in no answer, no metadata, no log and no outcome. */
  readonly secret?: boolean;
  /** Only the broker's own configuration may give it. */
  readonly brokerOnly?: boolean;
  /** Part of where the message goes. */
  readonly place?: boolean;
  /** The broker's own value is for the broker's own place: a run that names another place does not get it. */
  readonly bound?: boolean;
  /** What `loads-runner` sends when its user said nothing. */
  readonly loads?: string | number | boolean;
  /** What is wrong with a text; null when it is right. */
  check?(text: string): string | null;
}

/** Longest text of an option, in characters. */
const MAX_TEXT = 2_000;

const WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  yes: true,
  on: true,
  false: false,
  '0': false,
  no: false,
  off: false,
};

type Read = { readonly value: ObserverValue } | { readonly fault: string };

/** Reads one value; what is wrong with it otherwise. A fault never repeats the value: it may be a secret. */
export const readOption = (option: ObserverOption, given: unknown): Read => {
  switch (option.kind) {
    case 'flag': {
      if (typeof given === 'boolean') return { value: given };
      const word = typeof given === 'string' || typeof given === 'number' ? String(given).toLowerCase() : '';
      const value = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
      return value === undefined ? { fault: 'must be true or false' } : { value };
    }
    case 'port': {
      const value = typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given;
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= 65_535) return { value };
      return { fault: 'must be a port, 1 to 65535' };
    }
    case 'words':
      return readWords(given);
    case 'url':
    case 'text': {
      const read = readText(given);
      if ('fault' in read) return read;
      const fault = (option.kind === 'url' ? urlFault(read.value) : null) ?? option.check?.(read.value) ?? null;
      return fault === null ? read : { fault };
    }
  }
};

// Line ends and other control characters would speak for themselves in a mail's head or on IRC.
const isControl = (text: string): boolean => /\p{Cc}/u.test(text);

const readText = (given: unknown): { readonly value: string } | { readonly fault: string } => {
  const text = typeof given === 'number' || typeof given === 'boolean' ? String(given) : given;
  if (typeof text !== 'string' || text.trim() === '') return { fault: 'must be a text that is not empty' };
  if (text.length > MAX_TEXT) return { fault: `must have at most ${MAX_TEXT} characters` };
  return isControl(text) ? { fault: 'must be one line, without control characters' } : { value: text };
};

const urlFault = (text: string): string | null => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return 'must be an http or https URL';
  // `fetch` takes none in the address.
  return url.username === '' && url.password === '' ? null : 'must not hold a user or a password';
};

/** A list, the same as JSON text, or one path. */
const readWords = (given: unknown): Read => {
  let words = given;
  if (typeof given === 'string' && given.trimStart().startsWith('[')) {
    try {
      words = JSON.parse(given);
    } catch {
      return { fault: 'must be a path, or a JSON list of a path and arguments' };
    }
  } else if (typeof given === 'string') words = [given];
  if (Array.isArray(words) && words.every((word) => typeof word === 'string') && (words[0] ?? '') !== '')
    return { value: words };
  return { fault: 'must be a path, or a list of a path and arguments' };
};
