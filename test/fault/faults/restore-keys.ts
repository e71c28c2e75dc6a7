// The key store alone goes back to a copy from before a patient was known: nothing of theirs opens, and all of it opens
// again with the newest keys. No load meanwhile: what is written under keys that go away again would be lost.
import type { SeededRandom } from '@careseal/synthetic'
import { SchemaCopy, withRoleLockedOut } from '../surroundings/schema-copy.js'
import type { Bed } from './fault.js'

const SERVICE = 'records'
const KEYS = `${SERVICE}_keys` as const

export function restoreKeys(bed: Bed, random: SeededRandom): Promise<void> {
  return bed.withoutLoad(async () => {
    const { postgres } = bed.stack.state()
    const index = random.integer(0, 1000)
    const known = await bed.ownRecord(index)
    if (known.status !== 200) throw new Error(`a patient cannot read their own record: ${known.status} ${known.text}`)
    const newest = await SchemaCopy.take(postgres, KEYS)
    await whileStopped(bed, async () => {
      await bed.sql(`DELETE FROM ${KEYS}.subject_key WHERE subject_id = $1`, [known.patientId])
      await bed.sql(`DELETE FROM ${KEYS}.subject WHERE subject_id = $1`, [known.patientId])
    })
    const without = await bed.ownRecord(index)
    if (without.status === 200) bed.violated('I22', 'a record was opened whose key was not in the restored key store')
    await whileStopped(bed, () => newest.restore())
    await newest.drop()
    const again = await bed.ownRecord(index)
    if (again.text !== known.text) bed.violated('I1', `with the newest keys a record is answered ${again.status}`)
  })
}

async function whileStopped(bed: Bed, work: () => Promise<unknown>): Promise<void> {
  const service = bed.stack.services[SERVICE]
  await service.whileStopped(() => withRoleLockedOut(bed.stack.state().postgres, SERVICE, work))
  await service.untilReady()
}
