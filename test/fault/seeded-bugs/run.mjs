// `node test/fault/seeded-bugs/run.mjs [name…]`: builds what is missing, then shows for each seeded bug that its test
// sees it. Everything else is in main.ts.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { bootstrap, environment, repositoryNode, ROOT } from '../../../tools/bootstrap.mjs'

const args = process.argv.slice(2)

try {
  if (!args.some((option) => ['--help', '-h', '--no-build'].includes(option))) {
    bootstrap((line) => process.stderr.write(`… ${line}\n`))
  }
} catch (error) {
  process.stderr.write(`seeded bugs: ${error.message}\n`)
  process.exit(1)
}

const resolution = join(ROOT, 'test', 'performance', 'typescript-resolution.mjs')
const script = ['--import', resolution, join(import.meta.dirname, 'main.ts')]
const child = spawn(repositoryNode(), [...script, ...args], { stdio: 'inherit', env: environment() })
// A Ctrl-C reaches the child by itself; what is sent to this process alone is passed on.
process.on('SIGINT', () => {})
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
