import { describe, expect, it } from 'vitest'
import { z, ZodError } from 'zod'
import { EVENT_TYPES, EVENT_VERSIONS } from './events.js'
import { latestVersion, UnknownEventVersion, upcast, versionNumbers } from './event-versions.js'

const grown = {
  schemas: {
    1: z.strictObject({ reason: z.string() }),
    2: z.strictObject({ reasons: z.array(z.string()) }),
    3: z.strictObject({ reasons: z.array(z.string()), count: z.int() }),
  },
  upcasters: {
    1: ({ reason }: { reason: string }) => ({ reasons: [reason] }),
    2: ({ reasons }: { reasons: string[] }) => ({ reasons, count: reasons.length }),
  },
}
const read = (schemaVersion: number, data: unknown) => upcast(grown, { type: 'AccessDenied', schemaVersion, data })

describe('an event type with three versions', () => {
  it('is read as its newest version, whichever was written', () => {
    const today = { schemaVersion: 3, data: { reasons: ['a'], count: 1 } }
    expect(read(1, { reason: 'a' })).toEqual(today)
    expect(read(2, { reasons: ['a'] })).toEqual(today)
    expect(read(3, today.data)).toEqual(today)
  })

  it('is held to the schema of the version that was written', () => {
    expect(() => read(1, { reasons: ['a'] })).toThrow(ZodError)
  })

  it('says by name that a version is newer than the reader', () => {
    expect(() => read(4, {})).toThrow(UnknownEventVersion)
    expect(() => read(4, {})).toThrow('AccessDenied version 4 is newer')
  })

  it('is a bug without an upcaster', () => {
    expect(() =>
      upcast({ ...grown, upcasters: {} }, { type: 'AccessDenied', schemaVersion: 1, data: { reason: 'a' } }),
    ).toThrow('no upcaster from version 1')
  })
})

it('every event type has an upcaster for each version but its newest', () => {
  for (const type of EVENT_TYPES) {
    const versions = EVENT_VERSIONS[type]
    const old = versionNumbers(versions).slice(0, -1)
    expect(versionNumbers({ ...versions, schemas: versions.upcasters as never })).toEqual(old)
    expect(versionNumbers(versions)).toEqual(Array.from({ length: latestVersion(versions) }, (_, at) => at + 1))
  }
})
