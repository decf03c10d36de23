import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    main: 'src/main.ts',
    internal: 'src/internal.ts',
    'store-thread': 'src/store/thread/thread-main.ts',
    'observer-thread': 'src/observers/module-thread.ts',
  },
  format: ['esm'],
  target: 'node20',
  dts: false,
  sourcemap: true,
  clean: true,
});
