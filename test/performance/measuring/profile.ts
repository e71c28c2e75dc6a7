// Where the CPU time of the measured processes went, from the profiles that Node writes as they end (--cpu-prof).
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Window } from './processes.js'

/** Self time by function, as a part of the time that was measured; `busy` is what was not idle. */
export type ProfiledProcess = { name: string; busyPercent: number; top: { code: string; percent: number }[] }

type CallFrame = { functionName: string; url: string; lineNumber: number }
export type CpuProfile = {
  nodes: { id: number; callFrame: CallFrame }[]
  startTime: number
  samples: number[]
  timeDeltas: number[]
}

const TOP = 12
const IDLE = '(idle)'

/** The environment of a process that is to be profiled. */
export function profilingEnvironment(dir: string | null): Record<string, string> {
  return dir === null ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${dir}` }
}

/** The profiles of those processes that have ended by now. */
export function profilesIn(dir: string, window: Window): ProfiledProcess[] {
  if (!existsSync(dir)) return []
  const files = readdirSync(dir)
  return Object.entries(window.pids).flatMap(([name, pid]) => {
    const file = files.find((one) => new RegExp(`\\.${pid}\\.0\\..*cpuprofile$`).test(one))
    if (!file) return []
    return { name, ...summaryOf(JSON.parse(readFileSync(join(dir, file), 'utf8')) as CpuProfile, window) }
  })
}

/** Self times of a profile within a window. */
export function summaryOf(
  profile: CpuProfile,
  { fromMicros, toMicros }: Pick<Window, 'fromMicros' | 'toMicros'>,
): Omit<ProfiledProcess, 'name'> {
  const codeOf = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const micros = new Map<string, number>()
  let total = 0
  let at = profile.startTime
  for (const [place, sample] of profile.samples.entries()) {
    const delta = profile.timeDeltas[place] ?? 0
    at += delta
    if (at < fromMicros || at > toMicros) continue
    const code = codeOf.get(sample) ?? '(unknown)'
    micros.set(code, (micros.get(code) ?? 0) + delta)
    total += delta
  }
  const percent = (value: number) => (total === 0 ? 0 : Number(((value / total) * 100).toFixed(1)))
  const top = [...micros].filter(([code]) => code !== IDLE).toSorted(([, a], [, b]) => b - a)
  return {
    busyPercent: percent(total - (micros.get(IDLE) ?? 0)),
    top: top.slice(0, TOP).map(([code, value]) => ({ code, percent: percent(value) })),
  }
}

// From the repository's root or the package's name on: the rest of a path says something about one machine only.
function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName || '(anonymous)'
  const place = /(?:node_modules\/(?!.*node_modules\/)|\/)((?:apps|libs|test)\/.*|(?<=node_modules\/).*|node:.*)$/.exec(
    `/${url}`,
  )?.[1]
  return place ? `${name} ${place}:${lineNumber + 1}` : name
}
