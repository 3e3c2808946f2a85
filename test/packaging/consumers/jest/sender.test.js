const { scenario } = require('../scenario.cjs')

test('an event is delivered', () =>
  scenario({
    main: require('hookferry'),
    memory: require('hookferry/memory'),
    postgres: require('hookferry/postgres'),
    sqlite: require('hookferry/sqlite'),
    storage: require('hookferry/storage'),
    testing: require('hookferry/testing'),
    nodeFetch: require('hookferry/transports/node-fetch'),
    undici: require('hookferry/transports/undici'),
    events: require('hookferry/events'),
    verify: require('hookferry/verify'),
  }))
