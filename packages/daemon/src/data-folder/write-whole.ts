import { open, rename } from 'node:fs/promises';

/** Replaces a file so that after a crash either the old content is there or the new, whole and on disk. */
export const writeWhole = async (path: string, content: string | Uint8Array): Promise<void> => {
  const beside = `${path}.${process.pid}.new`;
  const file = await open(beside, 'w');
  try {
    await file.writeFile(content);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
};
