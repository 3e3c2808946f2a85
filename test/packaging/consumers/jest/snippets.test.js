const { readdirSync } = require('node:fs')
const { join } = require('node:path')

const programs = join(__dirname, '../snippets/cjs/examples')

test.each(readdirSync(programs).filter((name) => name.endsWith('.js')))('%s, as the README shows it', (name) =>
  require(join(programs, name)).main(),
)
