import { randomBytes } from 'node:crypto';
import type { FileData, FormValue } from '@muster/script';

/** A body with the type that it has by itself. */
export interface TypedBody {
  readonly bytes: Uint8Array;
  readonly type: string | null;
}

/** A file of a form, made by `http.file`. */
export class FormFile implements FileData {
  readonly data: string | Uint8Array;
  readonly filename: string;
  readonly content_type: string;

  constructor(data: string | Uint8Array | ArrayBuffer, filename?: string, contentType?: string) {
    this.data = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    this.filename = filename ?? `${process.hrtime.bigint()}`;
    this.content_type = contentType ?? 'application/octet-stream';
  }
}

/** Fields as `application/x-www-form-urlencoded`, or as `multipart/form-data` (RFC 7578) when one is a file. */
export const encodeForm = (form: Readonly<Record<string, FormValue>>): TypedBody => {
  const fields = Object.entries(form).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each): [string, FormValue] => [name, each as FormValue]),
  );
  if (fields.some(([, value]) => value instanceof FormFile)) return multipart(fields);
  const pairs = fields.map(([name, value]) => [name, String(value)] as [string, string]);
  return {
    bytes: Buffer.from(new URLSearchParams(pairs).toString()),
    type: 'application/x-www-form-urlencoded',
  };
};

const multipart = (fields: readonly (readonly [string, FormValue])[]): TypedBody => {
  const boundary = `----muster${randomBytes(16).toString('hex')}`;
  const parts = fields.flatMap(([name, value]) => {
    const isFile = value instanceof FormFile;
    const head =
      `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"` +
      (isFile ? `; filename="${quoted(value.filename)}"\r\nContent-Type: ${oneLine(value.content_type)}` : '');
    return [Buffer.from(`${head}\r\n\r\n`), Buffer.from(isFile ? value.data : String(value)), Buffer.from('\r\n')];
  });
  return {
    bytes: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    type: `multipart/form-data; boundary=${boundary}`,
  };
};

/** What would end a quoted name, in the way browsers write it (HTML, multipart/form-data encoding algorithm). */
const quoted = (text: string): string => text.replace(/\r/g, '%0D').replace(/\n/g, '%0A').replace(/"/g, '%22');
const oneLine = (text: string): string => text.replace(/[\r\n]/g, ' ');
