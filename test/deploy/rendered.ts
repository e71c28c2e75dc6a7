// What kustomize makes of a folder, and the strict schemas to hold it against.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { parseAllDocuments } from 'yaml'
import { debianProgram } from './debian-program.js'

const run = promisify(execFile)
export const REPOSITORY = join(import.meta.dirname, '..', '..')
export const SCHEMAS = join(REPOSITORY, '..', 'shared', 'k8s-schemas')

export type Manifest = {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string> }
  spec?: Record<string, unknown>
  [member: string]: unknown
}

export async function render(folder: string): Promise<Manifest[]> {
  const { stdout } = await run(await debianProgram('kustomize'), ['build', resolve(REPOSITORY, folder)], {
    maxBuffer: 64 << 20,
  })
  return parseAllDocuments(stdout).map((document) => document.toJSON() as Manifest)
}

type SchemaEntry = { apiVersion: string; kind: string; file: string }

/** Names each fault of a manifest against its strict schema; a kind without a schema is a fault too. */
export function schemaChecker(): (manifest: Manifest) => string[] {
  const index = JSON.parse(readFileSync(join(SCHEMAS, 'index.json'), 'utf8')) as SchemaEntry[]
  const ajv = new Ajv2020({ strict: false, allErrors: true, useDefaults: true, logger: false })
  addFormats.default(ajv)
  const compiled = new Map<string, ValidateFunction>()
  return (manifest) => {
    const entry = index.find((known) => known.apiVersion === manifest.apiVersion && known.kind === manifest.kind)
    if (!entry) return [`no schema for ${manifest.apiVersion} ${manifest.kind}`]
    const schema = () => JSON.parse(readFileSync(join(SCHEMAS, entry.file), 'utf8')) as object
    const validate = compiled.get(entry.file) ?? ajv.compile(schema())
    compiled.set(entry.file, validate)
    // Twice: the first pass fills in defaults, as the API server does before it validates.
    validate(manifest)
    return validate(manifest) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`)
  }
}
