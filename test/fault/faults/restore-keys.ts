// A patient's keys are destroyed, then the key store goes back to a copy that still has them: nothing of the patient opens,
// for the signer remembers (I22). No load meanwhile: keys made after the copy would be lost with it, rightly.
import type { SeededRandom } from '@careseal/synthetic'
import { setTimeout as delay } from 'node:timers/promises'
import { careseal } from '../../support/careseal.js'
import { SchemaCopy, withRoleLockedOut } from '../surroundings/schema-copy.js'
import type { Bed } from './fault.js'

const SERVICE = 'records'
const KEYS = `${SERVICE}_keys` as const
const GONE_AGAIN_WITHIN_MS = 40_000

export function restoreKeys(bed: Bed, random: SeededRandom): Promise<void> {
  return bed.withoutLoad(async () => {
    const { login, patientId } = bed.sparePatient()
    const known = await bed.ownRecord(login, patientId)
    if (known !== 200) throw new Error(`a patient cannot read their own record: ${known}`)
    const old = await SchemaCopy.take(bed.stack.state().postgres, KEYS)
    const { code, stderr } = await careseal([
      'keys',
      'destroy',
      `Patient/${patientId}`,
      '--yes',
      '--data-dir',
      bed.folder,
    ])
    if (code !== 0) throw new Error(`careseal keys destroy ends with ${code}: ${stderr}`)
    await putBack(bed, old, random.chance(0.5))
    await untilGone(bed, { login, patientId })
    await old.drop()
  })
}

// A service that runs on loses its connections alone, and its keys come back beneath it.
async function putBack(bed: Bed, old: SchemaCopy, isRunning: boolean): Promise<void> {
  const service = bed.stack.services[SERVICE]
  const restore = () => withRoleLockedOut(bed.stack.state().postgres, SERVICE, () => old.restore())
  await (isRunning ? restore() : service.whileStopped(restore))
  await service.untilReady()
}

async function untilGone(bed: Bed, { login, patientId }: { login: string; patientId: string }): Promise<void> {
  const deadline = performance.now() + GONE_AGAIN_WITHIN_MS
  for (;;) {
    const status = await bed.ownRecord(login, patientId)
    if (status === 200) bed.violated('I22', 'a record opened under a key that was destroyed and put back')
    const [row] = await bed.sql<{ keys: number }>(
      `SELECT count(*)::int AS keys FROM ${KEYS}.subject_key WHERE subject_id = $1`,
      [patientId],
    )
    if (row!.keys === 0) return
    if (performance.now() > deadline) return bed.violated('I22', 'a destroyed key that was put back stays')
    await delay(200)
  }
}
