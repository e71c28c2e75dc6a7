// Commands of the system that faults are made with. They fail loudly: a fault that did not happen proves nothing.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** Runs a program to its end and resolves to its output. Throws what it said if it fails. */
export async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute(program, args, { timeout: 30_000 })
  return stdout
}

/** As {@link run}, for what may have been done already. */
export async function tryToRun(program: string, ...args: string[]): Promise<void> {
  await run(program, ...args).catch(() => {})
}

/** True while a process of this number exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
