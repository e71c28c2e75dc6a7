// Runs the parts of one area: a part that is in the record for these very sources, without a violation, is not run again;
// each part is written down as soon as it has ended.
import { afterAll, describe, expect, it } from 'vitest'
import { describeCounts, runCampaign, violationsOf } from '../campaign/campaign.js'
import { baseSeed, commit } from '../campaign/seed.js'
import { possible } from '../faults/every-fault.js'
import { writeTable } from './document.js'
import { AREAS, type Area } from './parts.js'
import { isFinished, readRecord, saveResult } from './record.js'
import { sourcesHash } from './sources.js'

/** Declares the tests; for a `*.long.spec.ts`. */
export function runParts(area: Area): void {
  const sources = sourcesHash()
  const startedAt = performance.now()
  const log = (line: string) => {
    const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1)
    process.stdout.write(`${minutes.padStart(5)} min  ${line}\n`)
  }
  describe(`the ${area} under the full counts of faults`, () => {
    it.each(AREAS[area].parts)('$name', async (plan) => {
      if (isFinished(readRecord(), plan.name, sources)) return log(`${plan.name}: done before, on the same sources`)
      const { reasons } = await possible(plan.faults)
      expect([...reasons], 'this machine cannot make all faults').toEqual([])
      const result = await runCampaign(plan, { seed: `${baseSeed()}-${plan.name}`, log })
      writeTable(saveResult(result, { commit: commit(), sources }))
      log(`${plan.name}: ${describeCounts(result.counts)}; ${result.acknowledgedEvents} events acknowledged`)
      expect(violationsOf(result)).toEqual([])
    })
  })
  afterAll(() => log('docs/fault-runs.json and docs/reliability.md tell what was run'))
}
