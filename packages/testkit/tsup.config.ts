import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/target/index.ts', 'src/target/main.ts', 'src/fuzz/main.ts'],
  format: ['esm'],
  target: 'node20',
  dts: false,
  sourcemap: true,
  clean: true,
});
