// `npm start`: from a fresh clone to a running ledger. Installs and builds what is missing, then hands over to
// `careseal up` on the Node of the repository, with all arguments.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { bootstrap, environment, repositoryNode, ROOT } from './bootstrap.mjs'

const args = process.argv.slice(2)
const isQuiet = args.includes('--quiet')
const note = (line) => isQuiet || process.stderr.write(`… ${line}\n`)

try {
  bootstrap(note)
} catch (error) {
  process.stderr.write(`careseal: ${error.message}\n`)
  process.exit(1)
}

const cli = join(ROOT, 'apps', 'cli', 'dist', 'main.js')
const env = environment()
delete env.FORCE_COLOR
const child = spawn(repositoryNode(), [cli, 'up', ...args], { stdio: 'inherit', env })
// A Ctrl-C reaches the child by itself; what is sent to this process alone is passed on.
process.on('SIGINT', () => {})
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => {
  process.stderr.write(`careseal: ${error.message}\n`)
  process.exit(1)
})
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
