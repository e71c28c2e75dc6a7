// `npm run test:long [area…]`: the full counts of faults. It can be stopped and goes on at the part where it was; parts
// that ran on the same sources and found nothing are not run again. CARESEAL_FAULT_SEED=… repeats a run. The area
// fail-points strikes each durable step in all three ways, from the start each time, and is not in the record.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { bootstrap, environment, repositoryNode, ROOT } from './bootstrap.mjs'

const AREAS = {
  foundation: { project: 'long', path: 'test/fault/long/foundation.long.spec.ts' },
  ledger: { project: 'long', path: 'test/fault/long/ledger.long.spec.ts' },
  'fail-points': { project: 'fault', path: 'test/fault/fail-points' },
}

const line = (text) => process.stdout.write(`${text}\n`)
const wanted = process.argv.slice(2)
const areas = wanted.length > 0 ? wanted : Object.keys(AREAS)
const unknown = areas.find((area) => !Object.hasOwn(AREAS, area))
if (unknown !== undefined) {
  line(`there is no area ${unknown}: ${Object.keys(AREAS).join(', ')}`)
  process.exit(2)
}

try {
  bootstrap((text) => line(`… ${text}`))
} catch (error) {
  line(`careseal: ${error.message}`)
  process.exit(1)
}

const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')
// Paths first: the last flag would take one for its value.
const args = ['run', ...areas.map((area) => AREAS[area].path)]
for (const name of new Set(areas.map((area) => AREAS[area].project))) args.push('--project', name)
const env = { ...environment(), CARESEAL_LONG: '1' }
const child = spawn(repositoryNode(), [vitest, ...args, '--disable-console-intercept'], {
  cwd: ROOT,
  env,
  stdio: 'inherit',
})
// A Ctrl-C reaches the child by itself; what is sent to this process alone is passed on.
process.on('SIGINT', () => {})
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
