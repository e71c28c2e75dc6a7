// The one file of this library that reads a file: the distilled definitions, handed to `createFhir` by an app.
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Definitions } from './validation/definitions.js'

let loaded: Definitions | undefined

/** The distilled definitions of FHIR R4, read once per process (about 200 KB, 40 ms). */
export function loadDefinitions(): Definitions {
  loaded ??= JSON.parse(
    gunzipSync(readFileSync(new URL('../generated/definitions.json.gz', import.meta.url))).toString('utf8'),
  ) as Definitions
  return loaded
}
