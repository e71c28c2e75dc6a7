// Makes docs/generated, and what deploy/ takes from the code. Tests fail when what lies there is not what this makes.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { asyncApi } from '@careseal/contracts'
import { describeLedgerApi } from '../apps/ledger-sequencer/dist/describe-api.js'
import { PAGE, verifierPage, withHashOf } from '../apps/witness/tools/verifier-page.mjs'
import { deployFiles } from './deploy-files.mjs'

const page = await verifierPage()
const trust = readFileSync(join(import.meta.dirname, '..', 'docs', 'trust.md'), 'utf8')

const files = {
  'docs/generated/asyncapi.json': `${JSON.stringify(asyncApi('1.0.0'), null, 2)}\n`,
  'docs/generated/ledger-openapi.json': `${JSON.stringify(await describeLedgerApi(), null, 2)}\n`,
  [PAGE]: page,
  'docs/trust.md': withHashOf(page, trust),
  ...deployFiles(),
}
for (const [path, text] of Object.entries(files)) {
  const file = join(import.meta.dirname, '..', path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
