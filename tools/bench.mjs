// `npm run bench [name…]`: installs and builds what is missing, then measures. Everything else is in test/performance.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { bootstrap, environment, repositoryNode, ROOT } from './bootstrap.mjs'

const args = process.argv.slice(2)
const has = (...options) => options.some((option) => args.includes(option))

try {
  if (!has('--help', '-h', '--no-build', '--render')) bootstrap((line) => process.stderr.write(`… ${line}\n`))
} catch (error) {
  process.stderr.write(`bench: ${error.message}\n`)
  process.exit(1)
}

const folder = join(ROOT, 'test', 'performance')
const script = ['--import', join(folder, 'typescript-resolution.mjs'), join(folder, 'main.ts')]
const child = spawn(repositoryNode(), [...script, ...args], { stdio: 'inherit', env: environment() })
// A Ctrl-C reaches the child by itself; what is sent to this process alone is passed on.
process.on('SIGINT', () => {})
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => {
  process.stderr.write(`bench: ${error.message}\n`)
  process.exit(1)
})
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
