// Where the CPU time of the measured processes went.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { Roots } from './processes.js'
import { rounded } from './statistics.js'

/** Self time by function and by package, as a part of the time measured; `busyPercent` is what was not idle. */
export type ProfiledProcess = { name: string; busyPercent: number; top: SelfTime[]; packages: SelfTime[] }
export type SelfTime = { code: string; percent: number }

type CallFrame = { functionName: string; url: string; lineNumber: number }
export type CpuProfile = {
  nodes: { id: number; callFrame: CallFrame }[]
  samples: number[]
  timeDeltas: number[]
}

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'profiled-process.mjs')).href
const TOP = 12
const IDLE = '(idle)'
const WRITTEN_WITHIN_MS = 10_000

/** The environment of a process that is to be profiled: `whole` from its start to its end, else when it is told. */
export function profilingEnvironment(dir: string | null, whole = false): Record<string, string> {
  if (dir === null) return {}
  const settings = { NODE_OPTIONS: `--import ${PRELOAD}`, CARESEAL_PROFILE_DIR: dir }
  return whole ? { ...settings, CARESEAL_PROFILE_WHOLE: '1' } : settings
}

/** Begins, or ends, the profiles of those processes that were started with the environment for it. */
export function toggleProfiles(dir: string, roots: Roots): void {
  for (const pid of Object.values(roots)) if (existsSync(join(dir, `${pid}.ready`))) tell(pid)
}

// One that has ended by itself has written its profile already.
function tell(pid: number): void {
  try {
    process.kill(pid, 'SIGUSR2')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The profiles that have been asked for, as soon as they are written. */
export async function profilesOf(dir: string, roots: Roots): Promise<ProfiledProcess[]> {
  const asked = Object.entries(roots).filter(([, pid]) => existsSync(join(dir, `${pid}.ready`)))
  const deadline = performance.now() + WRITTEN_WITHIN_MS
  const isMissing = () => asked.some(([, pid]) => !existsSync(join(dir, `${pid}.done`)))
  while (isMissing() && performance.now() < deadline) await delay(50)
  const found = asked.filter(([, pid]) => existsSync(join(dir, `${pid}.done`)))
  return found.map(([name, pid]) => ({ name, ...summaryOf(readProfile(dir, pid)) }))
}

function readProfile(dir: string, pid: number): CpuProfile {
  const profile = JSON.parse(readFileSync(join(dir, `${pid}.cpuprofile`), 'utf8')) as CpuProfile
  for (const file of readdirSync(dir)) if (file.startsWith(`${pid}.`)) rmSync(join(dir, file))
  return profile
}

/** Self times, the greatest first. */
export function summaryOf(profile: CpuProfile): Omit<ProfiledProcess, 'name'> {
  const functions = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const packages = new Map(profile.nodes.map(({ id, callFrame }) => [id, packageOf(callFrame)]))
  const all = selfTimes(profile, functions)
  return {
    busyPercent: rounded(all.reduce((sum, { code, percent }) => sum + (code === IDLE ? 0 : percent), 0)),
    top: all.filter(isWork).slice(0, TOP),
    packages: selfTimes(profile, packages).filter(isWork).slice(0, TOP),
  }
}

function isWork({ code, percent }: SelfTime): boolean {
  return code !== IDLE && percent >= 0.05
}

// Starting a profile takes a while, and is in it.
function isProfiling({ functionName, url }: CallFrame): boolean {
  return url === 'node:inspector' && functionName === 'post'
}

function selfTimes({ samples, timeDeltas }: CpuProfile, codeOf: Map<number, string>): SelfTime[] {
  const micros = new Map<string, number>()
  for (const [place, sample] of samples.entries()) {
    const code = codeOf.get(sample) ?? '(unknown)'
    micros.set(code, (micros.get(code) ?? 0) + (timeDeltas[place] ?? 0))
  }
  const total = [...micros.values()].reduce((sum, value) => sum + value, 0)
  const entries = [...micros].toSorted(([, a], [, b]) => b - a)
  return entries.map(([code, value]) => ({ code, percent: rounded((value / total) * 100) }))
}

// From the repository's root, or the package's name, on: the rest of a path says something about one machine only.
function nameOf(frame: CallFrame): string {
  if (isProfiling(frame)) return IDLE
  const { functionName, url, lineNumber } = frame
  const name = functionName || '(anonymous)'
  const place = placeOf(url)
  return place === '' ? name : `${name} ${place}:${lineNumber + 1}`
}

function placeOf(url: string): string {
  const inPackage = /.*node_modules\/(.+)$/.exec(url)?.[1]
  const inRepository = /\/((?:apps|libs|test)\/.+)$/.exec(url)?.[1]
  return inPackage ?? inRepository ?? (url.startsWith('node:') ? url : '')
}

// What has no place is the engine itself: its collector, its compiled expressions, calls into C++.
function packageOf(frame: CallFrame): string {
  if (isProfiling(frame)) return IDLE
  const { functionName, url } = frame
  const place = placeOf(url)
  if (place === '') return /^\(.*\)$/.test(functionName) ? functionName : 'native code'
  if (place.startsWith('node:')) return 'node'
  return /^(@[^/]+\/[^/]+|(?:apps|libs|test)\/[^/]+|[^/]+)/.exec(place)?.[1] ?? place
}
