// Two sequencers on one database and one signer, under load: whoever seals is killed and stopped, also with its append
// begun, Postgres dies, an old copy of the ledger is put back. The full counts are those of `npm run test:long ledger`.
import { beforeAll, describe, expect, it } from 'vitest'
import { describeCounts, runCampaign, violationsOf, type CampaignResult } from './campaign/campaign.js'
import { baseSeed } from './campaign/seed.js'
import { takeOversOf } from './campaign/take-overs.js'
import { distributionOf } from './long/distribution.js'

const FAULTS = {
  'kill-active': 3,
  'pause-active': 2,
  'pause-in-append': 1,
  'kill-standby': 1,
  'kill-signer': 1,
  'kill-postgres': 1,
  'restore-ledger-pair': 1,
} as const

const log = (line: string) => process.stdout.write(`${line}\n`)

describe('two sequencers on one database', () => {
  let result: CampaignResult

  beforeAll(async () => {
    const plan = { name: 'two sequencers', faults: FAULTS, atOnce: 1, pair: true, patients: 6, clients: 6 }
    result = await runCampaign(plan, { seed: baseSeed(), log })
    const times = distributionOf(takeOversOf(result.failOvers))
    log(
      `${describeCounts(result.counts)}; ${result.durationSeconds} s; another sealed after ms ${JSON.stringify(times)}`,
    )
  }, 900_000)

  it('lose nothing, have nothing twice, and never sign a second history', () => {
    expect(violationsOf(result)).toEqual([])
    expect(result.counts).toEqual(FAULTS)
    expect(result.acknowledgedEvents).toBeGreaterThan(0)
  })

  it('have three witnesses, without two of which nothing is published', () => {
    const witnessed = result.checks.filter(({ invariants }) => invariants.includes('I18'))
    expect(witnessed).toHaveLength(2)
    for (const { checked, violations } of witnessed) {
      expect(checked).toBeGreaterThan(0)
      expect(violations).toEqual([])
    }
  })

  // How long that may take is one of the checks of a campaign (take-overs.ts).
  it('take over from one another each time', () => {
    expect(takeOversOf(result.failOvers)).toHaveLength(FAULTS['kill-active'] + FAULTS['pause-active'])
  })
})
