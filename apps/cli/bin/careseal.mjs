#!/usr/bin/env node
// Runs the built CLI on the Node that the repository brings, also where the system's is older. Built-ins only.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(realpathSync(fileURLToPath(import.meta.url))), '..', '..', '..')
const main = join(root, 'apps', 'cli', 'dist', 'main.js')
const [major, minor] = process.versions.node.split('.').map(Number)

if (!existsSync(main)) {
  process.stderr.write('careseal: it has not been built yet: run npm start, or npm ci && npm run build\n')
  process.exitCode = 1
} else if (major > 24 || (major === 24 && minor >= 11)) {
  await import(main)
} else {
  const node = join(root, 'node_modules', '.bin', 'node')
  if (!existsSync(node)) {
    process.stderr.write(`careseal: Node 24.11 or newer is needed, this is ${process.version}: run npm ci\n`)
    process.exitCode = 1
  } else {
    const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
    // A Ctrl-C reaches the child by itself; what is sent to this process alone is passed on.
    process.on('SIGINT', () => {})
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    child.on('error', (error) => {
      process.stderr.write(`careseal: ${error.message}\n`)
      process.exit(1)
    })
    child.on('exit', (code) => process.exit(code ?? 1))
  }
}
