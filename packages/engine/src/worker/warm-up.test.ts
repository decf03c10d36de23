import { describe, expect, it } from 'vitest';
import { warmUp } from './warm-up.js';

describe('the warm-up of a worker', () => {
  it('has its requests answered, and leaves no socket behind', async () => {
    const open = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
    const before = open();
    expect(await warmUp()).toBe(80);
    while (open() > before) await new Promise((resolve) => setImmediate(resolve));
  });
});
