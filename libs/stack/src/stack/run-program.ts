// A program of a service that runs to its end: what it reports is on stdout, what it does and why it failed on stderr.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { ServiceName } from './services.js'
import { builtScript } from './service-process.js'

export type ProgramOptions = {
  service: ServiceName
  /** File below the service's `dist`, such as `recover.js`. */
  script: string
  args?: readonly string[]
  /** All of its environment: nothing of this process's is added. */
  env: Record<string, string>
  /** Told of each line that it says on stderr. */
  onProgress: (told: string) => void
}

/** Resolves to what it printed. Throws with the last line that it said, or why it could not be run. */
export async function runProgram({ service, script, args = [], env, onProgress }: ProgramOptions): Promise<string> {
  const whole = [builtScript(service, script), ...args]
  const child = spawn(process.execPath, whole, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let last = ''
  createInterface({ input: child.stderr }).on('line', (line) => onProgress((last = line)))
  const out: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  const ended = new Promise<string | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code === 0 ? null : `${signal ?? `exit ${code}`}`))
  })
  const failure = await ended
  if (failure !== null) throw new Error(last || `${service} ${script} failed (${failure})`)
  return Buffer.concat(out).toString('utf8')
}
