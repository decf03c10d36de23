import { defineConfig } from 'tsup';

export default defineConfig({
  entry: [
    'src/index.ts',
    'src/internal.ts',
    'src/testing/index.ts',
    'src/worker/main.ts',
    'src/worker/watchdog.ts',
    'src/worker/pacing-thread.ts',
  ],
  format: ['esm'],
  target: 'node20',
  dts: false,
  sourcemap: true,
  clean: true,
});
