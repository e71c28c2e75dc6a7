// `careseal verify --export` over a small and a large export: entries per second of the whole process, and whether its
// memory stays the same.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256 } from '@careseal/crypto'
import { comparisonsOf } from '../measuring/comparisons.js'
import { Observation, type Observed } from '../measuring/observation.js'
import type { ProcessUse } from '../measuring/processes.js'
import { profilingEnvironment } from '../measuring/profile.js'
import { ratePerSecond, rounded } from '../measuring/statistics.js'
import { writeExport, type Exported } from '../hosts/export-writer.js'
import type { Benchmark, BenchmarkContext, Measure } from '../result.js'

const CLI = join(import.meta.dirname, '..', '..', '..', 'apps', 'cli', 'dist', 'main.js')
const TARGET = 100_000
const NAME = 'careseal verify'

type Made = Exported & { folder: string }
type Verified = { perSecond: number; memory: [seconds: number, mebibytes: number][]; measured: Observed }

export const benchmark: Benchmark = {
  name: 'verify',
  title: 'an export checked from outside',
  async run(context) {
    const leaves = context.full ? 5_000_000 : 1_000_000
    const [warmUp, large] = [await exported(context, 20_000), await exported(context, leaves)]
    await verified(warmUp, { profileDir: null })
    context.progress(`verifying ${large.entries} entries`)
    const { perSecond, memory, measured } = await verified(large, context)
    const bare = { name: 'one SHA-256 per entry, in memory', unit: 'entries/s', value: bareHashing() }
    const rate: Measure = { name: 'verified', unit: 'entries/s', value: perSecond, target: TARGET }
    const used = measured.processes[0] as ProcessUse
    return {
      parameters: { entries: large.entries, exportMiB: Math.round(large.bytes / 2 ** 20) },
      measures: [
        rate,
        { name: 'verified per CPU second', unit: 'entries', value: rounded(large.entries / used.cpuSeconds) },
        { name: 'peak memory', unit: 'MiB', value: used.peakMemoryMiB },
        { name: 'peak memory, second half ÷ first half', unit: '', value: growthOf(memory) },
      ],
      comparisons: comparisonsOf(rate, [bare]),
      ...measured,
      series: [{ name: 'memory', x: 'seconds', y: 'MiB', points: memory }],
    }
  },
}

function growthOf(memory: Verified['memory']): number {
  const middle = (memory.at(-1)?.[0] ?? 0) / 2
  const peak = (half: Verified['memory']) => Math.max(...half.map(([, mebibytes]) => mebibytes), 1)
  return rounded(peak(memory.filter(([at]) => at > middle)) / peak(memory.filter(([at]) => at <= middle)))
}

async function exported({ seed, progress, onEnd }: BenchmarkContext, leaves: number): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), 'careseal-export-'))
  onEnd(() => rmSync(folder, { recursive: true, force: true }))
  const onProgress = (done: number) => progress(`writing an export: ${done} of ${leaves}`)
  return { folder, ...(await writeExport({ folder, leaves, seed, onProgress })) }
}

async function verified(
  { folder, vkey, entries }: Made,
  under: Pick<BenchmarkContext, 'profileDir'>,
): Promise<Verified> {
  const started = performance.now()
  const args = [CLI, 'verify', '--export', folder, '--vkey', vkey, '--no-memory', '--json', '--quiet']
  const env = { ...process.env, ...profilingEnvironment(under.profileDir, true) }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const observation = new Observation(under, { [NAME]: child.pid ?? 0 })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const code = await new Promise((resolve) => child.once('close', resolve))
  const perSecond = ratePerSecond(entries, performance.now() - started)
  const measured = await observation.stop()
  const said = Buffer.concat(chunks).toString()
  const answer = code === 0 ? (JSON.parse(said) as { entries: number }) : null
  if (answer?.entries !== entries) throw new Error(`careseal verify ended with ${String(code)}: ${said}`)
  return { perSecond, memory: observation.memoryOf(NAME), measured }
}

function bareHashing(): number {
  const entry = Buffer.alloc(200, 7)
  const started = performance.now()
  let done = 0
  while (performance.now() - started < 1_000) {
    entry.writeUInt32BE(done % 2 ** 31)
    sha256(entry)
    done += 1
  }
  return ratePerSecond(done, performance.now() - started)
}
