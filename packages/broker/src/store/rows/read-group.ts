import { isAscii, isUtf8 } from 'node:buffer';
import {
  MusterError,
  OriginalRunId,
  type PlainRow,
  type RowMessage,
  readPlainRows,
  readResult,
} from '@muster/protocol';
import type { HeardRows, RowGroup } from './row-store.js';
import type { RowPiece } from './rows-book.js';

/** What a group adds to one run. */
export interface RowsPart {
  readonly piece: RowPiece;
  readonly counts: Map<string, number>;
  readonly urls: Map<string, number>;
}

/** A run's share of a group while it is put together. */
interface Share {
  readonly kinds: Map<string, number>;
  readonly counts: Map<string, number>;
  readonly urls: Map<string, number>;
  readonly texts: Uint8Array[];
}

/**
 * Reads the messages of a group once: what is counted comes from here, and what is kept are the sender's bytes. Only
 * messages with rows that don't fit are written anew, without those.
 */
export const readGroup = ({
  bytes,
  ends,
}: RowGroup): { readonly parts: ReadonlyMap<string, RowsPart>; readonly heard: HeardRows } => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Nearly always: then to make text of it is to copy it, and of all at once costs least.
  const ascii = isAscii(buffer);
  const all = ascii ? buffer.toString('latin1') : null;
  const clean = ascii || isUtf8(buffer);
  const reader = new GroupReader();
  let start = 1;
  for (const end of ends) {
    const text = all === null ? buffer.toString('utf8', start, end) : all.slice(start, end);
    reader.add(text, clean ? buffer.subarray(start, end) : null);
    start = end + 1;
  }
  return reader.done(buffer, ends.length);
};

class GroupReader {
  readonly #shares = new Map<string, Share>();
  readonly #senders = new Map<string, HeardRows['senders'][number]>();
  readonly #homeless: HeardRows['homeless'][number][] = [];
  readonly #dropped: string[] = [];
  /** Messages that are kept byte for byte. */
  #whole = 0;
  #last: { readonly id: string; readonly share: Share } | null = null;
  /** Who sent the message before: mostly this one too. */
  #sender: { readonly run: string; readonly agent: string } | null = null;

  /** @param raw the same in bytes; null when they are no UTF-8 */
  add(text: string, raw: Uint8Array | null): void {
    const message = readPlainRows(text);
    if (message === null) {
      this.#dropped.push(whyNot(text));
      return;
    }
    const { agent, run, hostname, bad } = message;
    if (bad > 0) this.#dropped.push(`${bad} rows that do not fit`);
    if (run === null) {
      if (agent === null) this.#dropped.push('a row without a run');
      else this.#homeless.push({ agent: String(agent), text });
      return;
    }
    const share = this.#share(run);
    if (share === null) return;
    if (agent !== null) this.#sent(run, String(agent), hostname);
    if (message.kinds.length === 0) return;
    for (const [kind, rows] of message.kinds) tally(share, kind, rows);
    if (bad === 0 && raw !== null) {
      share.texts.push(raw);
      this.#whole += 1;
    } else share.texts.push(Buffer.from(bad === 0 ? text : withoutBad(text, message)));
  }

  done(buffer: Uint8Array, messages: number): ReturnType<typeof readGroup> {
    // Nearly always everything is of one run and fits: then the group is the piece.
    const asItCame = this.#shares.size === 1 && this.#whole === messages;
    const parts = new Map<string, RowsPart>();
    for (const [run, { kinds, counts, urls, texts }] of this.#shares) {
      if (texts.length === 0) continue;
      const bytes = asItCame ? buffer : joined(texts);
      parts.set(run, { piece: { kinds, bytes }, counts, urls });
    }
    const heard = { senders: [...this.#senders.values()], homeless: this.#homeless, dropped: this.#dropped };
    return { parts, heard };
  }

  #share(run: string): Share | null {
    if (this.#last?.id === run) return this.#last.share;
    let share = this.#shares.get(run);
    if (share === undefined) {
      if (!OriginalRunId.safeParse(run).success) {
        this.#dropped.push('a row of a run whose id is none');
        return null;
      }
      share = { kinds: new Map(), counts: new Map(), urls: new Map(), texts: [] };
      this.#shares.set(run, share);
    }
    this.#last = { id: run, share };
    return share;
  }

  #sent(run: string, agent: string, hostname: string | null): void {
    if (this.#sender?.agent === agent && this.#sender.run === run) return;
    this.#sender = { run, agent };
    const key = `${run} ${agent}`;
    if (!this.#senders.has(key)) this.#senders.set(key, { run, agent, hostname });
  }
}

/** As in the original a row counts its `size`, so messages of web sockets count their bytes. */
const tally = ({ kinds, counts, urls }: Share, kind: string, rows: readonly PlainRow[]): void => {
  let weight = 0;
  for (const { size, url } of rows) {
    weight += typeof size === 'number' && Number.isFinite(size) ? size : 1;
    if (typeof url === 'string') urls.set(url, (urls.get(url) ?? 0) + 1);
  }
  kinds.set(kind, (kinds.get(kind) ?? 0) + rows.length);
  counts.set(kind, (counts.get(kind) ?? 0) + weight);
};

const withoutBad = (text: string, { kinds }: RowMessage): string => {
  const { counts: _, ...envelope } = JSON.parse(text) as Record<string, unknown>;
  return JSON.stringify({ ...envelope, counts: Object.fromEntries(kinds) });
};

const whyNot = (text: string): string => {
  try {
    readResult(Buffer.from(text));
    return 'a message that does not fit';
  } catch (thrown) {
    return MusterError.from(thrown).message;
  }
};

const [OPENING, COMMA, CLOSING] = [Buffer.from('['), Buffer.from(','), Buffer.from(']')];

/** Messages as one JSON array. */
const joined = (texts: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([...texts.flatMap((text, index) => [index === 0 ? OPENING : COMMA, text]), CLOSING]);

/** Pieces that follow each other as one. */
export const joinPieces = (pieces: readonly RowPiece[]): RowPiece => {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  const kinds = new Map<string, number>();
  for (const piece of pieces) for (const [kind, rows] of piece.kinds) kinds.set(kind, (kinds.get(kind) ?? 0) + rows);
  return { kinds, bytes: joined(pieces.map(({ bytes }) => bytes.subarray(1, -1))) };
};
