// docs/fault-runs.json: what the last long run did and found, part by part, and for which sources it speaks.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { REPOSITORY } from '../../support/careseal.js'
import { violationsOf, type CampaignResult } from '../campaign/campaign.js'
import type { FaultCounts } from '../faults/kinds.js'
import { AREAS, areaOf, sumOf, type Area } from './parts.js'
import { distributionOf, type Distribution } from './distribution.js'

export const RECORD_FILE = join(REPOSITORY, 'docs', 'fault-runs.json')

export type Machine = { cores: number; cpu: string; memoryGiB: number }

export type PartRecord = {
  name: string
  commit: string
  sources: string
  seed: string
  startedAt: string
  durationSeconds: number
  machine: Machine
  counts: FaultCounts
  acknowledgedOperations: number
  acknowledgedEvents: number
  sealedWithinMs: number
  /** By check: what it held against what, and how often. */
  checks: { name: string; invariants: readonly string[]; checked: number }[]
  violations: string[]
  /** By kind of strike: how long nothing was sealed, in milliseconds. */
  failOverMs?: Record<string, Distribution>
}

export type FaultRuns = { v: 1; parts: PartRecord[] }

export function readRecord(): FaultRuns {
  if (!existsSync(RECORD_FILE)) return { v: 1, parts: [] }
  return JSON.parse(readFileSync(RECORD_FILE, 'utf8')) as FaultRuns
}

/** A part that ran on the same sources and found nothing need not run again. */
export function isFinished(record: FaultRuns, name: string, sources: string): boolean {
  const part = record.parts.find((one) => one.name === name)
  return part !== undefined && part.sources === sources && part.violations.length === 0
}

/** Takes the place of an earlier run of the part; parts stay in their order. Returns the whole record. */
export function saveResult(
  result: CampaignResult,
  { commit, sources }: { commit: string; sources: string },
): FaultRuns {
  const { checks, counts, failOvers, ...rest } = result
  const part: PartRecord = {
    ...rest,
    commit,
    sources,
    machine: thisMachine(),
    counts,
    checks: checks.map(({ name, invariants, checked }) => ({ name, invariants, checked })),
    violations: violationsOf(result),
    ...(failOvers.length > 0 ? { failOverMs: distributionsOf(failOvers) } : {}),
  }
  const others = readRecord().parts.filter(({ name }) => name !== part.name)
  const parts = Object.values(AREAS)
    .flatMap((area) => area.parts)
    .flatMap(({ name }) => [...others, part].filter((one) => one.name === name))
  const record: FaultRuns = { v: 1, parts }
  writeFileSync(RECORD_FILE, `${JSON.stringify(record, null, 2)}\n`)
  return record
}

/** What the record of an area lacks or shows that it must not; empty for a run that is complete and clean. */
export function faultsOf(record: FaultRuns, area: Area): string[] {
  const { parts: plans, required, eventsRequired } = AREAS[area]
  const parts = partsOf(record, area)
  const missing = plans
    .filter(({ name }) => parts.every((part) => part.name !== name))
    .map(({ name }) => `no part ${name}`)
  const counts = parts.map((part) => part.counts)
  const short = required
    .filter(({ kinds, count }) => sumOf(counts, kinds) < count)
    .map(({ name, kinds, count }) => `${name}: ${sumOf(counts, kinds)} of ${count}`)
  const events = eventsOf(parts)
  const few = events < eventsRequired ? [`acknowledged events: ${events} of ${eventsRequired}`] : []
  return [...missing, ...short, ...few, ...violationsIn(record, area)]
}

/** What the parts of an area found that must not be, each with its part. */
export function violationsIn(record: FaultRuns, area: Area): string[] {
  return partsOf(record, area).flatMap((part) => part.violations.map((violation) => `${part.name}: ${violation}`))
}

/** The parts of one area. */
export function partsOf({ parts }: FaultRuns, area: Area): PartRecord[] {
  return parts.filter(({ name }) => areaOf(name) === area)
}

function distributionsOf(failOvers: CampaignResult['failOvers']): Record<string, Distribution> {
  const byKind = Map.groupBy(failOvers, ({ kind }) => kind)
  return Object.fromEntries(
    [...byKind].map(([kind, all]) => [kind, distributionOf(all.map((one) => one.milliseconds))]),
  )
}

export function eventsOf(parts: readonly PartRecord[]): number {
  return parts.reduce((sum, { acknowledgedEvents }) => sum + acknowledgedEvents, 0)
}

function thisMachine(): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  }
}
