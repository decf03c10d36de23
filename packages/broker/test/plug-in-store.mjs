// A store as somebody else would bring it: a module with `openStore`. This one keeps everything where the built-in memory
// store does, as a class, and so shows that nothing but the documented methods is asked of it.
import { openMemoryBackend } from '@muster/broker/internal';

class PlugIn {
  #inner;
  constructor(inner) {
    this.#inner = inner;
  }
  get catalogue() {
    return this.#inner.catalogue;
  }
  get rowsCatalogue() {
    return this.#inner.rowsCatalogue;
  }
  get maxRowsBytes() {
    return this.#inner.maxRowsBytes;
  }
  openBook(run) {
    return this.#inner.openBook(run);
  }
  openRows(run) {
    return this.#inner.openRows(run);
  }
  removeRows(run) {
    return this.#inner.removeRows(run);
  }
  rowsBytes() {
    return this.#inner.rowsBytes();
  }
  async close() {
    await this.#inner.close();
  }
}

export const openStore = async (opening) => new PlugIn(await openMemoryBackend(opening));
