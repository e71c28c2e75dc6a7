// A whole stack with everything on, apart from who loads it: its gateway lives in this process.
import { renderAuthorization } from '@careseal/messaging'
import {
  createCaresealStack,
  createPeopleLogins,
  createSystemLogins,
  SERVICE_NAMES,
  type CaresealStack,
  type DemoPeople,
} from '@careseal/stack'
import type { Roots } from '../measuring/processes.js'
import { note, serve } from './child-host.js'

let starting: Promise<CaresealStack> | undefined

const started = () => starting ?? Promise.reject(new Error('no stack was started'))

serve(
  {
    async start(env: Record<string, string>, witnesses: number) {
      starting = createCaresealStack({
        parts: 'native',
        env,
        witnesses,
        natsAuthorization: (users, options) => renderAuthorization([...users], options),
        onStep: (step, done) => done || note(step),
      })
      const stack = await starting
      await createSystemLogins(stack)
      return { state: stack.state(), roots: rootsOf(stack), logs: stack.services.records.logFile }
    },
    async people(people: DemoPeople) {
      await createPeopleLogins(await started(), people)
    },
  },
  async () => {
    const stack = await starting?.catch(() => null)
    await stack?.stop()
  },
)

function rootsOf(stack: CaresealStack): Roots {
  const services = SERVICE_NAMES.map((name) => [name, stack.services[name].pid])
  const witnesses = stack.witnesses.map(({ name, pid }) => [name, pid])
  return {
    ...Object.fromEntries([...services, ...witnesses]),
    postgres: stack.postgres.pid,
    nats: stack.nats.pid,
    gateway: process.pid,
  }
}
