import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';

/** A request up to this size, body included, is written as one piece. */
export const ONE_WRITE_BYTES = 16 * 1_024;

/** What Node's sockets keep under this name; null once they are closed. The number is missing where there is none. */
interface WithHandle {
  readonly _handle?: { readonly fd?: number } | null;
}

/** The descriptor of a connected socket, to be used only while it {@link isOpen}; -1 where it has none. */
export const descriptorOf = (socket: Socket): number => (socket as unknown as WithHandle)._handle?.fd ?? -1;

/** Whether the descriptor is still this socket's own: once closed, the system gives the number to others. */
export const isOpen = (socket: Socket): boolean => (socket as unknown as WithHandle)._handle != null;

/**
 * Writes small requests to the kernel past the socket's stream: what a stream does for each write (a request object, a
 * callback in a later tick, the state of its queue) costs more than all else that we do for a request. Only for a
 * socket whose stream holds nothing back. What the kernel does not take is the stream's to write.
 */
export class DirectWriter {
  readonly #bytes = Buffer.allocUnsafeSlow(ONE_WRITE_BYTES);
  /** The head that lies in the buffer: that of the request before is most often that of the next. */
  #head = '';

  /**
   * Both together at most {@link ONE_WRITE_BYTES}.
   * @returns how many bytes the kernel took, or why it takes none any more
   */
  write(descriptor: number, head: string, body: Uint8Array | null): number | Error {
    const bytes = this.#bytes;
    if (head !== this.#head) {
      this.#head = head;
      bytes.write(head, 0, 'latin1');
    }
    let { length } = head;
    if (body !== null) {
      bytes.set(body, length);
      length += body.byteLength;
    }
    try {
      return writeSync(descriptor, bytes, 0, length);
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException;
      return code === 'EAGAIN' ? 0 : Object.assign(new Error(`write ${code}`), { code, syscall: 'write' });
    }
  }

  /** A copy of what {@link write} was given last, from this byte up to its end. */
  rest(from: number, end: number): Buffer {
    return Buffer.from(this.#bytes.subarray(from, end));
  }
}
