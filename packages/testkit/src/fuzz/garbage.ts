import type { Random } from '../simulator/random.js';

/** Any plain value, as JSON or MessagePack can carry it. */
export type Plain = Readonly<Record<string, unknown>>;

const TEXTS: readonly [string, ...string[]] = [
  ...(['', ' ', '../x', '..', 'a/b', 'fuzz-1', 'null', '0', '-1', '1e999', '10:20:30', 'RUN', 'batch'] as const),
  ...['__proto__', 'constructor', 'toString', '\u0000', '\ud800', '🙂', '"', '\\', '{', '%s', '\r\n', 'é', '*'],
];
const NUMBERS: readonly [number, ...number[]] = [
  ...([
    0,
    -0,
    1,
    -1,
    1.5,
    255,
    256,
    65_536,
    -2_147_483_649,
    4_294_967_296,
    2 ** 53,
    -(2 ** 53),
    1e300,
    5e-324,
  ] as const),
];

/** A text: an odd one, one of any letters, or a long one. */
export const textOf = (random: Random): string => {
  if (random.chance(0.7)) return random.one(TEXTS);
  const length = random.chance(0.05) ? random.whole(1_000, 50_000) : random.whole(1, 40);
  return Array.from({ length }, () => String.fromCharCode(random.whole(1, random.chance(0.5) ? 127 : 0xffff))).join('');
};

/** A value of any type, seldom deep. */
export const anything = (random: Random, depth = 0): unknown => {
  switch (random.whole(0, depth > 3 ? 4 : 8)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.one(NUMBERS);
    case 3:
    case 4:
      return textOf(random);
    case 5:
      return nested(random, random.whole(1, 60));
    case 6:
      return Array.from({ length: random.whole(0, 5) }, () => anything(random, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.whole(0, 4) }, () => [textOf(random), anything(random, depth + 1)]),
      );
  }
};

/** Arrays or objects inside each other, up to beyond the bound. */
const nested = (random: Random, depth: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = random.chance(0.5) ? [value] : { a: value };
  return value;
};

export const bytesOf = (random: Random, most = 60): Buffer =>
  Buffer.from(Array.from({ length: random.whole(0, most) }, () => random.whole(0, 255)));

/** The message with some of its fields changed in type or value, left out, or with others added; `kept` stay. */
export const changed = (random: Random, message: Plain, kept: readonly string[] = []): Plain => {
  let fields: Plain = message;
  for (let turn = random.whole(1, 3); turn > 0; turn -= 1) fields = changedOnce(random, fields, kept);
  return fields;
};

const changedOnce = (random: Random, message: Plain, kept: readonly string[]): Plain => {
  const names = Object.keys(message).filter((name) => !kept.includes(name));
  const [first, ...more] = names;
  if (first === undefined || random.chance(0.1)) {
    const name = textOf(random);
    return kept.includes(name) || name === '__proto__' ? message : { ...message, [name]: anything(random) };
  }
  const name = random.one([first, ...more]);
  const { [name]: before, ...rest } = message;
  if (random.chance(0.2)) return rest;
  const isNested = typeof before === 'object' && before !== null && !(before instanceof Uint8Array);
  if (isNested && random.chance(0.6)) {
    const inside = Array.isArray(before)
      ? before.map((each) => (random.chance(0.5) ? anything(random) : each))
      : changedOnce(random, before as Plain, kept);
    return { ...message, [name]: inside };
  }
  return { ...message, [name]: anything(random) };
};

/** The same bytes with some changed, cut off, doubled or put in. */
export const broken = (random: Random, bytes: Buffer): Buffer => {
  let made = Buffer.from(bytes);
  for (let turn = random.whole(1, 4); turn > 0; turn -= 1) {
    const at = random.whole(0, made.byteLength);
    switch (random.whole(0, 4)) {
      case 0:
        made = made.subarray(0, at);
        break;
      case 1:
        made = Buffer.concat([made.subarray(0, at), bytesOf(random, 8), made.subarray(at)]);
        break;
      case 2:
        made = Buffer.concat([made, made.subarray(at)]);
        break;
      default:
        if (at < made.byteLength) made[at] = random.whole(0, 255);
    }
  }
  return made;
};

/** The same frames with some left out, doubled, emptied, exchanged or put in. */
export const shuffled = (random: Random, frames: readonly Buffer[]): Buffer[] => {
  const made = [...frames];
  for (let turn = random.whole(1, 3); turn > 0; turn -= 1) {
    const at = random.whole(0, Math.max(0, made.length - 1));
    const frame = made[at] ?? Buffer.alloc(0);
    switch (random.whole(0, 4)) {
      case 0:
        made.splice(at, 1);
        break;
      case 1:
        made.splice(at, 0, frame);
        break;
      case 2:
        made[at] = Buffer.alloc(0);
        break;
      case 3:
        made.splice(at, 0, bytesOf(random));
        break;
      default:
        made.reverse();
    }
  }
  return made;
};
