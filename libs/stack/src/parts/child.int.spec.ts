import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { startChild } from './child.js'

// True for a process that runs; a dead one that process 1 has not collected does not count.
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await delay(50)
}

const PARENT = `
const { startPostgres } = await import(process.argv[1] + 'postgres.ts')
const { startNats } = await import(process.argv[1] + 'nats.ts')
const [postgres, nats] = await Promise.all([startPostgres({ durable: false }), startNats()])
console.log(JSON.stringify([postgres, nats].map(({ pid, dataDir }) => ({ pid, dataDir }))))
setInterval(() => {}, 1000)
`

function startParent(): Promise<{ kill(): void; parts: { pid: number; dataDir: string }[] }> {
  const here = fileURLToPath(new URL('./', import.meta.url))
  const flags = ['--conditions=@careseal/source', '--import', tsHook(), '--input-type=module', '-e', PARENT, here]
  const parent = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    parent.once('exit', () => reject(new Error('the parent ended early')))
    parent.stdout.once('data', (line: Buffer) =>
      resolve({ kill: () => void parent.kill('SIGKILL'), parts: JSON.parse(line.toString('utf8')) }),
    )
  })
}

// Node strips types by itself; only the `.js` in relative imports needs to become `.ts`.
function tsHook(): string {
  const code = `import { registerHooks } from 'node:module'
registerHooks({ resolve: (name, context, next) => {
  const isSource = name.startsWith('.') && context.parentURL?.endsWith('.ts')
  return next(isSource ? name.replace(/\\.js$/, '.ts') : name, context)
} })`
  return `data:text/javascript,${encodeURIComponent(code)}`
}

describe('a child process', () => {
  it('dies, with its temporary folder, when its parent is killed', async () => {
    const parent = await startParent()
    expect(parent.parts.every(({ pid }) => isRunning(pid))).toBe(true)
    parent.kill()
    await until(() => parent.parts.every(({ pid, dataDir }) => !isRunning(pid) && !existsSync(dataDir)))
    expect(parent.parts.filter(({ pid, dataDir }) => isRunning(pid) || existsSync(dataDir))).toEqual([])
  })

  it('is killed when it does not stop in time', async () => {
    const deaf = await startChild('/bin/sh', ['-c', "trap '' TERM; while :; do sleep 0.1; done"], { stopGraceMs: 300 })
    await delay(100)
    await deaf.stop()
    expect((await deaf.ended).signal).toBe('SIGKILL')
  })

  it('that cannot be started is an error that names the program', async () => {
    await expect(startChild('/no/such/program', [])).rejects.toThrow(/cannot start \/no\/such\/program/)
  })
})
