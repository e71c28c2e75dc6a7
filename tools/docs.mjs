// Makes docs/generated, what deploy/ takes from the code, and the frozen schemas of new event versions. Tests fail when
// what lies there is not what this makes.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  asyncApi,
  EVENT_TYPES,
  EVENT_VERSIONS,
  eventBodyJsonSchema,
  sampleEvent,
  versionNumbers,
} from '@careseal/contracts'
import { describeAuditApi } from '../apps/audit/dist/describe-api.js'
import { describeConsentApi } from '../apps/consent/dist/describe-api.js'
import { describeIdentityApi } from '../apps/identity/dist/describe-api.js'
import { describeLedgerApi } from '../apps/ledger-sequencer/dist/describe-api.js'
import { describeRecordsApi } from '../apps/records/dist/describe-api.js'
import { PAGE, verifierPage, withHashOf } from '../apps/witness/tools/verifier-page.mjs'
import { deployFiles } from './deploy-files.mjs'
import { httpRoutes } from './http-routes.mjs'

const json = (value) => `${JSON.stringify(value, null, 2)}\n`

const page = await verifierPage()
const trust = readFileSync(join(import.meta.dirname, '..', 'docs', 'trust.md'), 'utf8')

const files = {
  'docs/generated/asyncapi.json': json(asyncApi('1.0.0')),
  'docs/generated/audit-openapi.json': json(await describeAuditApi()),
  'docs/generated/consent-openapi.json': json(await describeConsentApi()),
  'docs/generated/identity-openapi.json': json(await describeIdentityApi()),
  'docs/generated/ledger-openapi.json': json(await describeLedgerApi()),
  'docs/generated/records-openapi.json': json(await describeRecordsApi()),
  [PAGE]: page,
  'docs/trust.md': withHashOf(page, trust),
  ...deployFiles(),
}
for (const [path, text] of Object.entries(files)) write(path, text)
write('libs/client/src/http/generated/routes.ts', httpRoutes(describedApis()))
for (const [path, text] of publishedSchemas()) if (!existsSync(placeOf(path))) write(path, text)

function write(path, text) {
  mkdirSync(dirname(placeOf(path)), { recursive: true })
  writeFileSync(placeOf(path), text)
}

function describedApis() {
  const folder = placeOf('docs/generated')
  const names = readdirSync(folder).filter((name) => name.endsWith('-openapi.json'))
  return names.toSorted().map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
}

function placeOf(path) {
  return join(import.meta.dirname, '..', path)
}

// Written once: a published schema is never written again.
function publishedSchemas() {
  return EVENT_TYPES.flatMap((type) =>
    versionNumbers(EVENT_VERSIONS[type]).flatMap((version) => [
      [`libs/contracts/schemas/${type}.v${version}.schema.json`, json(eventBodyJsonSchema(type, version))],
      [`libs/contracts/schemas/${type}.v${version}.sample.json`, json(sampleEvent(type, version))],
    ]),
  )
}
