import { decode, encode } from '@jridgewell/sourcemap-codec';
import { type AnyNode, parse } from 'acorn';

/**
 * What a bundle calls whose awaits find their way back by themselves. The engine's frames lie under this symbol while
 * the bundle is loaded; without an engine the words do nothing.
 */
export const FRAMES_BANNER = [
  "const __musterFrames = globalThis[Symbol.for('@muster/frames')] ?? { current: undefined };",
  'const __musterBack = (frame, value) => { __musterFrames.current = frame; return value; };',
].join(' ');

/** Parsing more than this takes longer than following promises would cost a test. */
const MAX_LENGTH = 2 * 1_024 * 1_024;
/** Names by which code runs later without an `await` in it. */
const CALLED_LATER = new Set(['then', 'catch', 'finally', 'fromAsync']);
const SOURCE_MAP = '\n//# sourceMappingURL=data:application/json;base64,';

interface Insert {
  readonly at: number;
  readonly text: string;
}

/**
 * Writes into a bundle, at each `await` and where what it throws is caught, that the code after it runs in the frame of
 * the code before it (whose user, which group). Then nobody has to follow promises to know. The source map goes along.
 *
 * Null when code may go on in another way than after `await`: then the engine follows promises.
 */
export const keepFrames = (bundle: string): string | null => {
  const mapAt = bundle.lastIndexOf(SOURCE_MAP);
  const code = mapAt < 0 ? bundle : bundle.slice(0, mapAt);
  const inserts = code.length > MAX_LENGTH ? null : insertsOf(code);
  if (inserts === null) return null;
  const map = mapAt < 0 ? '' : movedMap(bundle.slice(mapAt + SOURCE_MAP.length), code, inserts);
  return insertInto(code, inserts) + (mapAt < 0 ? '' : `${SOURCE_MAP}${map}\n`);
};

/** In the order of their places; null when the code is not of the kind that this can be done to. */
const insertsOf = (code: string): readonly Insert[] | null => {
  const found = new Frames();
  try {
    found.visit(parse(code, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true }));
  } catch (thrown) {
    if (thrown instanceof SyntaxError || thrown instanceof CalledLater) return null;
    throw thrown;
  }
  // Of one place those that open come in the order in which they were found, from outside in; those that close the other
  // way round, and before what opens.
  return found.inserts
    .map((insert, order) => ({ ...insert, order }))
    .sort((a, b) => a.at - b.at || a.side - b.side || (a.side === 0 ? b.order - a.order : a.order - b.order));
};

/** Some code runs later without an `await`. */
class CalledLater extends Error {}

/** Walks through a program and gathers what is to be inserted. */
class Frames {
  readonly inserts: (Insert & { readonly side: 0 | 1 })[] = [];
  #tries = 0;
  /** Whether the part of a `try` that is being visited awaits. */
  #awaits = false;

  visit(node: AnyNode): void {
    switch (node.type) {
      case 'AwaitExpression':
        this.#awaits = true;
        this.#open(node.start, '__musterBack(__musterFrames.current, ');
        this.#children(node);
        this.#close(node.end, ')');
        return;
      case 'TryStatement':
        this.#visitTry(node);
        return;
      case 'ForOfStatement':
        if (node.await) throw new CalledLater();
        break;
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        if (node.async && node.generator) throw new CalledLater();
        this.#visitFunction(node);
        return;
      case 'Identifier':
        if (CALLED_LATER.has(node.name)) throw new CalledLater();
        return;
      case 'Literal':
        if (typeof node.value === 'string' && CALLED_LATER.has(node.value)) throw new CalledLater();
        return;
      case 'TemplateElement':
        if (CALLED_LATER.has(node.value.raw)) throw new CalledLater();
        return;
    }
    this.#children(node);
  }

  /** What a function awaits, the code around it does not. */
  #visitFunction(node: AnyNode): void {
    const outer = this.#awaits;
    this.#children(node);
    this.#awaits = outer;
  }

  /** The frame at its beginning is that of all its parts, however they are come to. */
  #visitTry(node: Extract<AnyNode, { type: 'TryStatement' }>): void {
    const outer = this.#awaits;
    this.#awaits = false;
    const { length } = this.inserts;
    this.#children(node);
    const awaits = this.#awaits;
    this.#awaits ||= outer;
    if (!awaits) return;
    this.#tries += 1;
    const name = `__musterFrame${this.#tries}`;
    // Outside of what its parts begin with.
    this.inserts.splice(length, 0, { at: node.start, side: 1, text: `{ const ${name} = __musterFrames.current; ` });
    for (const part of [node.handler?.body, node.finalizer])
      if (part) this.#open(part.start + 1, ` __musterFrames.current = ${name};`);
    this.#close(node.end, ' }');
  }

  #open(at: number, text: string): void {
    this.inserts.push({ at, side: 1, text });
  }
  #close(at: number, text: string): void {
    this.inserts.push({ at, side: 0, text });
  }

  #children(node: AnyNode): void {
    for (const value of Object.values(node)) {
      if (Array.isArray(value)) for (const each of value) this.#maybe(each);
      else this.#maybe(value);
    }
  }
  #maybe(value: unknown): void {
    if (typeof value === 'object' && value !== null && 'type' in value && 'start' in value)
      this.visit(value as AnyNode);
  }
}

const insertInto = (code: string, inserts: readonly Insert[]): string => {
  let made = '';
  let from = 0;
  for (const { at, text } of inserts) {
    made += code.slice(from, at) + text;
    from = at;
  }
  return made + code.slice(from);
};

/** The same map for the code with its inserts: none has a line break, so only columns move. */
const movedMap = (base64: string, code: string, inserts: readonly Insert[]): string => {
  const map = JSON.parse(Buffer.from(base64.trim(), 'base64').toString('utf8')) as { mappings: string };
  const lines = decode(map.mappings);
  let lineStart = 0;
  let next = 0;
  for (const segments of lines) {
    const found = code.indexOf('\n', lineStart);
    const lineEnd = found < 0 ? code.length : found;
    let moved = 0;
    for (const segment of segments) {
      for (let insert = inserts[next]; insert !== undefined; insert = inserts[next]) {
        if (insert.at > lineStart + segment[0]) break;
        moved += insert.text.length;
        next += 1;
      }
      segment[0] += moved;
    }
    while ((inserts[next]?.at ?? Number.POSITIVE_INFINITY) <= lineEnd) next += 1;
    lineStart = lineEnd + 1;
  }
  return Buffer.from(JSON.stringify({ ...map, mappings: encode(lines) })).toString('base64');
};
