import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { isResourceType, OWNED_BY_RECORDS, RESOURCE_TYPES } from './resource-types.js'

const root = join(import.meta.dirname, '..')

describe('generated files', () => {
  it('are what tools/distil.mjs makes of the definitions today', async () => {
    const tool = (await import(join(root, 'tools/distil.mjs'))) as { distil: () => Record<string, string | Buffer> }
    for (const [path, fresh] of Object.entries(tool.distil())) {
      const stored = readFileSync(join(root, path))
      // Deflate may differ between builds of zlib, so what counts is what comes out.
      const same = path.endsWith('.gz') ? gunzipSync(stored).equals(gunzipSync(fresh)) : stored.toString() === fresh
      expect(same, `${path} is stale: npm run generate -w libs/fhir`).toBe(true)
    }
  }, 60_000)

  it('know every R4 resource type', () => {
    expect(RESOURCE_TYPES).toHaveLength(147)
    expect(isResourceType('Patient')).toBe(true)
    expect(isResourceType('patient')).toBe(false)
    expect(isResourceType('DomainResource')).toBe(false)
    expect(OWNED_BY_RECORDS.size).toBe(145)
  })
})
