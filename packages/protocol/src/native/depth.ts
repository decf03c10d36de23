/**
 * Walks MessagePack without building anything and says whether it is whole, alone and nested no deeper than `max`.
 * Extension types are refused: neither dialect has any. (Format: https://github.com/msgpack/msgpack/blob/master/spec.md)
 */
export const depthWithin = (bytes: Uint8Array, max: number): boolean => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** Items still owed at each open level. */
  const owed = [1];
  let at = 0;
  while (owed.length > 0) {
    const level = owed.length - 1;
    if (owed[level] === 0) {
      owed.pop();
      continue;
    }
    owed[level] = (owed[level] as number) - 1;
    if (at >= bytes.length) return false;
    const step = readItem(view, at);
    if (step === null) return false;
    at = step.next;
    if (at > bytes.length) return false;
    if (step.items > 0) {
      // Every item takes a byte at least: a length that the rest can't hold is a lie.
      if (owed.length > max || step.items > bytes.length - at) return false;
      owed.push(step.items);
    }
  }
  return at === bytes.length;
};

interface Step {
  /** Where the item (of a map or array: its head) ends. */
  readonly next: number;
  /** Items inside, keys and values both. */
  readonly items: number;
}

/** Bytes of the length field that follows, and how many bytes or items one unit of the length is. */
const SIZED: Readonly<Record<number, { readonly field: 1 | 2 | 4; readonly kind: 'bytes' | 'array' | 'map' }>> = {
  196: { field: 1, kind: 'bytes' },
  197: { field: 2, kind: 'bytes' },
  198: { field: 4, kind: 'bytes' },
  217: { field: 1, kind: 'bytes' },
  218: { field: 2, kind: 'bytes' },
  219: { field: 4, kind: 'bytes' },
  220: { field: 2, kind: 'array' },
  221: { field: 4, kind: 'array' },
  222: { field: 2, kind: 'map' },
  223: { field: 4, kind: 'map' },
};
const FIXED: Readonly<Record<number, number>> = {
  192: 1,
  194: 1,
  195: 1,
  202: 5,
  203: 9,
  204: 2,
  205: 3,
  206: 5,
  207: 9,
  208: 2,
  209: 3,
  210: 5,
  211: 9,
};

const readItem = (view: DataView, at: number): Step | null => {
  const head = view.getUint8(at);
  if (head < 0x80 || head >= 0xe0) return { next: at + 1, items: 0 };
  if (head < 0x90) return { next: at + 1, items: (head & 0x0f) * 2 };
  if (head < 0xa0) return { next: at + 1, items: head & 0x0f };
  if (head < 0xc0) return { next: at + 1 + (head & 0x1f), items: 0 };
  const fixed = FIXED[head];
  if (fixed !== undefined) return { next: at + fixed, items: 0 };
  const sized = SIZED[head];
  if (sized === undefined || at + 1 + sized.field > view.byteLength) return null;
  const length =
    sized.field === 1 ? view.getUint8(at + 1) : sized.field === 2 ? view.getUint16(at + 1) : view.getUint32(at + 1);
  const next = at + 1 + sized.field;
  if (sized.kind === 'bytes') return { next: next + length, items: 0 };
  return { next, items: sized.kind === 'map' ? length * 2 : length };
};
