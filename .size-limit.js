// biome-ignore-all lint/style/noDefaultExport: this is how size-limit is configured

/** esbuild warns of chunks that it leaves out, since the package has no side effects: that is what is wanted. */
const modifyEsbuildConfig = (config) => ({ ...config, logLevel: 'error' })

/**
 * What is loaded with a subpath: with all packages, minified and compressed by brotli. A limit lies a little above what was
 * measured when it was written; whoever has a reason to pass it raises it in the same commit.
 * @type {import('size-limit').SizeLimitConfig}
 */
export default [
  { name: 'hookferry/verify', path: 'dist/esm/verify.js', limit: '13 kB', modifyEsbuildConfig },
  { name: 'hookferry/events', path: 'dist/esm/events.js', limit: '1 kB', modifyEsbuildConfig },
  {
    name: 'hookferry, without storage',
    path: 'dist/esm/index.js',
    ignore: ['node:*', '*/sqlite.js'],
    limit: '104 kB',
    modifyEsbuildConfig,
  },
]
