// libs/durable-step as fault tests have it: strikes once at the step that a file names, and is the plain step otherwise.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { durableStep as plainStep } from '../../../libs/durable-step/dist/index.js'

export { DURABLE_STEPS } from '../../../libs/durable-step/dist/index.js'

const ARMED = join(process.env.CARESEAL_FAIL_POINTS, 'armed.json')

/** @type {typeof plainStep} */
export async function durableStep(step, work) {
  const mode = struckMode(step)
  if (mode === null) return plainStep(step, work)
  if (mode === 'before') return die()
  const result = await plainStep(step, work)
  if (mode === 'after') return die()
  void result
  throw new Error('Connection terminated unexpectedly')
}

// Of several processes that come to the step at once, the one whose rename succeeds is struck.
function struckMode(step) {
  if (!existsSync(ARMED)) return null
  const armed = read()
  if (armed?.step !== step || (armed.main && !process.argv[1]?.endsWith(armed.main))) return null
  try {
    renameSync(ARMED, `${ARMED}.struck`)
  } catch {
    return null
  }
  writeFileSync(join(process.env.CARESEAL_FAIL_POINTS, 'struck.json'), JSON.stringify({ ...armed, pid: process.pid }))
  return armed.mode
}

function read() {
  try {
    return JSON.parse(readFileSync(ARMED, 'utf8'))
  } catch {
    return null
  }
}

// kill -9 of oneself: no handler runs, nothing is flushed. The promise is for the turn that the kernel still grants.
function die() {
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => {})
}
