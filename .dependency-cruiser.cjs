// The laws of the house: which folder may import which. Each rule names what a folder may import, and forbids the rest.

/** Files in `from` import, of our own sources, only what `allowed` matches. */
function onlyImports(name, from, allowed, comment) {
  return { name, comment, severity: 'error', from: { path: from }, to: { path: '^src/', pathNot: allowed } }
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    onlyImports('errors-alone', '^src/errors\\.ts$', [], 'errors.ts imports nothing of ours'),
    onlyImports(
      'catalog-alone',
      '^src/(catalog|events)\\.ts$',
      ['^src/(errors|arguments|catalog)\\.ts$', '^src/model/'],
      'the catalogue is shared with those who have no sender: it brings nothing of one',
    ),
    onlyImports('model-alone', '^src/model/', ['^src/model/'], 'model is nouns: it imports nothing of ours but itself'),
    onlyImports(
      'ports-on-model',
      '^src/ports/',
      ['^src/(ports|model)/', '^src/errors\\.ts$'],
      'ports import model and errors',
    ),
    onlyImports(
      'pipeline-and-signing-are-pure',
      '^src/(pipeline|signing)/',
      ['^src/(pipeline|signing|model|ports)/', '^src/errors\\.ts$'],
      'pipeline and signing import model, ports, errors and each other',
    ),
    {
      name: 'ports-as-types',
      comment: 'pipeline and signing know ports by their types only',
      severity: 'error',
      from: { path: '^src/(pipeline|signing)/' },
      to: { path: '^src/ports/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-node-in-pipeline',
      comment: 'the present moment, randomness and I/O are arguments of the pipeline',
      severity: 'error',
      from: { path: '^src/pipeline/' },
      to: { dependencyTypes: ['core'] },
    },
    onlyImports(
      'verify-alone',
      '^src/verify/',
      ['^src/verify/', '^src/(errors|arguments)\\.ts$', '^src/catalog\\.ts$'],
      'verify runs at receivers, who have none of the sender: it imports itself, errors, checks of arguments and types of the catalogue',
    ),
    {
      name: 'catalog-as-types-in-verify',
      comment: 'verify knows the catalogue by its types only: it checks nothing against it',
      severity: 'error',
      from: { path: '^src/verify/' },
      to: { path: '^src/catalog\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-node-in-verify',
      comment: 'verify runs on the edge, too',
      severity: 'error',
      from: { path: '^src/verify/' },
      to: { dependencyTypes: ['core'] },
    },
    onlyImports(
      'engine-below-sender',
      '^src/engine/',
      ['^src/(engine|pipeline|signing|ports|model)/', '^src/errors\\.ts$'],
      'engine imports pipeline, ports, model, errors',
    ),
    {
      name: 'signing-as-types',
      comment: 'the engine is given its signing schemes: it knows their types only',
      severity: 'error',
      from: { path: '^src/engine/' },
      to: { path: '^src/signing/', dependencyTypesNot: ['type-only'] },
    },
    onlyImports(
      'storage-apart',
      '^src/storage/([^/]+)/',
      ['^src/storage/$1/', '^src/storage/observe\\.ts$', '^src/(ports|model)/', '^src/errors\\.ts$'],
      'a storage imports ports, model, errors, the rule of observations and itself; never pipeline, engine or a sibling',
    ),
    {
      name: 'own-driver-only',
      comment: 'better-sqlite3 belongs to storage/sqlite',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/storage/sqlite/' },
      to: { path: 'node_modules/better-sqlite3' },
    },
    {
      name: 'pg-in-postgres-only',
      comment: 'pg belongs to storage/postgres',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/storage/postgres/' },
      to: { path: 'node_modules/pg' },
    },
    {
      name: 'nothing-above-adapters',
      comment: 'runtime and transports are handed to the sender: they know neither it nor what it runs',
      severity: 'error',
      from: { path: '^src/(runtime|transports)/' },
      to: { path: '^src/(engine|pipeline|signing|storage|testing|sender)' },
    },
    {
      name: 'no-testing-in-production',
      comment: 'the testing kit is not in any other bundle',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/testing/' },
      to: { path: '^src/testing/' },
    },
    {
      name: 'no-barrel-inside',
      comment: 'the public barrel is for users; inside, import the file that has it',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/index\\.ts$' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependency',
      comment: 'a user of the package does not have our devDependencies',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'], dependencyTypesNot: ['npm-peer', 'type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
