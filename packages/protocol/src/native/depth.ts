/** Bytes of an item of fixed length, head included, by its head minus 0xc0; 0: not of fixed length. */
const FIXED = Uint8Array.from([1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 5, 9, 2, 3, 5, 9, 2, 3, 5, 9]);

const unsigned = (bytes: Uint8Array, at: number, size: number): number => {
  let value = 0;
  for (let n = 0; n < size; n += 1) value = value * 256 + (bytes[at + n] ?? 0);
  return value;
};

/**
 * Walks MessagePack without building anything and says whether it is whole, alone and nested no deeper than `max`.
 * Extension types are refused: neither dialect has any. (Format: https://github.com/msgpack/msgpack/blob/master/spec.md)
 */
export const depthWithin = (bytes: Uint8Array, max: number): boolean => {
  const end = bytes.length;
  /** Items still owed at each open level; level 0 is the message. */
  const owed = new Float64Array(max + 1);
  owed[0] = 1;
  let level = 0;
  let at = 0;
  while (level >= 0) {
    const due = owed[level] ?? 0;
    if (due === 0) {
      level -= 1;
      continue;
    }
    owed[level] = due - 1;
    const head = bytes[at];
    if (head === undefined) return false;
    let items = 0;
    if (head < 0x80 || head >= 0xe0) at += 1;
    else if (head < 0xa0) {
      items = head < 0x90 ? (head & 0x0f) * 2 : head & 0x0f;
      at += 1;
    } else if (head < 0xc0) at += 1 + (head & 0x1f);
    else if (head >= 0xdc) {
      // Arrays and maps of 16 and 32 bits.
      const size = head & 1 ? 4 : 2;
      items = unsigned(bytes, at + 1, size) * (head >= 0xde ? 2 : 1);
      at += 1 + size;
    } else if ((head >= 0xc4 && head <= 0xc6) || head >= 0xd9) {
      // Bytes and texts of 8, 16 and 32 bits.
      const size = 1 << (head >= 0xd9 ? head - 0xd9 : head - 0xc4);
      at += 1 + size + unsigned(bytes, at + 1, size);
    } else {
      const length = FIXED[head - 0xc0] ?? 0;
      if (length === 0) return false;
      at += length;
    }
    if (at > end) return false;
    if (items > 0) {
      // Every item takes a byte at least: a length that the rest can't hold is a lie.
      if (level === max || items > end - at) return false;
      level += 1;
      owed[level] = items;
    }
  }
  return at === end;
};
