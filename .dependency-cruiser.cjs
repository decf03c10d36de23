// The arrows of ARCHITECTURE.md: dependencies point one way.
const room = (name) => `^(packages/${name}|apps/${name})/`;
const only = (from, allowed) => ({
  name: `${from}-knows-only-what-is-below`,
  severity: 'error',
  from: { path: room(from) + 'src/', pathNot: '\\.test\\.ts$' },
  to: { path: '^(packages|apps)/', pathNot: [room(from), ...allowed.map(room)] },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    only('protocol', []),
    only('metrics', []),
    only('plan', ['metrics']),
    only('script', ['plan', 'metrics']),
    only('engine', ['protocol', 'metrics', 'plan', 'script']),
    only('bundle', ['protocol', 'script']),
    only('client', ['protocol', 'metrics', 'bundle']),
    only('daemon', ['protocol']),
    only('agent', ['protocol', 'metrics', 'plan', 'engine', 'daemon', 'bundle']),
    only('broker', ['protocol', 'metrics', 'plan', 'daemon']),
    only('cluster', ['protocol', 'client', 'agent', 'broker']),
    {
      name: 'zeromq-only-in-its-wrapper',
      severity: 'error',
      from: { pathNot: ['^packages/protocol/src/zmq/', '\\.test\\.ts$', '/test/'] },
      to: { path: 'node_modules/zeromq' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['/dist/', '\\.cjs$'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['source', 'import', 'default'] },
  },
};
