import type { RowsCatalogue, RowsEntry } from '../rows/rows-book.js';
import type { CatalogueTables } from './catalogue-file.js';

/** Runs of the original in the catalogue's file. */
export class RowsTable implements RowsCatalogue {
  readonly #tables: CatalogueTables;

  constructor(tables: CatalogueTables) {
    this.#tables = tables;
  }

  async all(): ReturnType<RowsCatalogue['all']> {
    const rows = await this.#tables.rows(
      'SELECT id, number::DOUBLE, opened, has_rows, summarised, active FROM originals ORDER BY number',
      [],
    );
    return rows.map(([id, number, opened, hasRows, summarised, active]) => ({
      id: String(id),
      number: Number(number),
      opened: opened === true,
      hasRows: hasRows === true,
      summarised: summarised === true,
      active: active === true,
    }));
  }

  async put({ id, number, opened, hasRows, summarised, metadata }: RowsEntry): Promise<void> {
    const active = metadata.active === true;
    await this.#tables.put('originals', [id, number, opened, hasRows, summarised, active, JSON.stringify(metadata)]);
  }

  async get(wanted: string): Promise<RowsEntry | null> {
    const [row] = await this.#tables.rows(
      'SELECT id, number::DOUBLE, opened, has_rows, summarised, metadata FROM originals WHERE id = $1',
      [wanted],
    );
    if (row === undefined) return null;
    const [id, number, opened, hasRows, summarised, metadata] = row;
    return {
      id: String(id),
      number: Number(number),
      opened: opened === true,
      hasRows: hasRows === true,
      summarised: summarised === true,
      metadata: JSON.parse(String(metadata)),
    };
  }

  async delete(id: string): Promise<void> {
    await this.#tables.rows('DELETE FROM originals WHERE id = $1', [id]);
  }
}
