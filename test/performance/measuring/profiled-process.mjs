// Loaded into a measured process before all else: takes a CPU profile from one SIGUSR2 to the next, so that neither the
// start nor the comparison is in it. Node's own --cpu-prof takes all, and loses it when a signal ends the process.
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'

const { CARESEAL_PROFILE_DIR: dir, CARESEAL_PROFILE_WHOLE: whole } = process.env
const file = (kind) => join(dir, `${process.pid}.${kind}`)

if (dir && isMainThread) {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  let isRunning = false
  const start = () => {
    session.post('Profiler.start')
    isRunning = true
  }
  const stop = () => {
    if (!isRunning) return
    isRunning = false
    session.post('Profiler.stop', (error, answer) => {
      writeFileSync(file('cpuprofile'), JSON.stringify(error ? null : answer.profile))
      writeFileSync(file('done'), '')
    })
  }
  process.on('SIGUSR2', () => (isRunning ? stop() : start()))
  process.on('exit', stop)
  if (whole) start()
  writeFileSync(file('ready'), '')
}
