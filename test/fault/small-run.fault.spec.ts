// Every kind of fault at least five times, on one ledger under load, by a seed taken from the commit. The full counts
// are those of `npm run test:long foundation`.
import { beforeAll, describe, expect, it } from 'vitest'
import { describeCounts, runCampaign, violationsOf, type CampaignResult } from './campaign/campaign.js'
import { baseSeed } from './campaign/seed.js'
import { needOf, possible } from './faults/every-fault.js'
import {
  DISKS,
  FAULT_KINDS,
  KILLS,
  PART_FAULTS,
  PARTITIONS,
  PAUSES,
  RESTORES,
  timesEach,
  WIRES,
  type FaultCounts,
} from './faults/kinds.js'
import { missing } from './surroundings/capabilities.js'

const BUDGET_SECONDS = 420
const EACH = 5

/** Restores are one kind of fault here: each of them waits long. */
const FAULTS: FaultCounts = {
  ...timesEach(EACH, ...KILLS, ...PAUSES, ...PART_FAULTS, ...PARTITIONS, ...WIRES, ...DISKS),
  ...timesEach(1, ...RESTORES),
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
  }, 600_000)

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
