// Every sort of fault at least five times (kills of services, pauses, kills of a part, wipes, partitions, bad connections,
// failing disks, full disks, restores), and each single kind once, on one ledger under load, by a seed taken from the
// commit. The full counts are those of `npm run test:long foundation`.
import { beforeAll, describe, expect, it } from 'vitest'
import { describeCounts, runCampaign, violationsOf, type CampaignResult } from './campaign/campaign.js'
import { baseSeed } from './campaign/seed.js'
import { needOf, possible } from './faults/every-fault.js'
import {
  DISKS,
  FAULT_KINDS,
  KILLS,
  PARTITIONS,
  PAUSES,
  RESTORES,
  timesEach,
  WIRES,
  type FaultCounts,
} from './faults/kinds.js'
import { missing } from './surroundings/capabilities.js'

const BUDGET_SECONDS = 600

const FAULTS: FaultCounts = {
  ...timesEach(1, ...KILLS, ...PAUSES, ...WIRES, ...RESTORES, 'pause-postgres', 'pause-broker'),
  ...timesEach(5, 'kill-postgres', 'kill-broker', 'wipe-broker'),
  ...timesEach(2, ...PARTITIONS),
  ...timesEach(3, ...DISKS),
}

const log = (line: string) => process.stdout.write(`${line}\n`)

describe('the whole ledger under every kind of fault', () => {
  let reasons: Set<string>
  let result: CampaignResult | undefined

  beforeAll(async () => {
    const able = await possible(FAULTS)
    reasons = able.reasons
    const surroundings = {
      namespaces: (await missing('namespaces')) === null,
      signerDisk: (await missing('mount')) === null,
      proxies: true,
    }
    const plan = { name: 'small run', faults: able.counts, atOnce: 6, ...surroundings }
    result = await runCampaign(plan, { seed: baseSeed(), log })
    log(`${describeCounts(result.counts)}; ${result.acknowledgedEvents} events, ${result.durationSeconds} s`)
  }, 1_000_000)

  it('breaks none of its promises', () => {
    expect(violationsOf(result!)).toEqual([])
    expect(result!.acknowledgedOperations).toBeGreaterThan(0)
  })

  it('comes back from each within its budget of time', () => {
    expect(result!.durationSeconds).toBeLessThan(BUDGET_SECONDS)
  })

  it.for(FAULT_KINDS.filter((kind) => needOf(kind) !== null))('was struck by %s', (kind, { skip }) => {
    if (result!.counts[kind] === undefined) skip([...reasons].join('; '))
    expect(result!.counts[kind]).toBe(FAULTS[kind])
  })
})
