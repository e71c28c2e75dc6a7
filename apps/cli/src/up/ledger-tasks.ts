// A start as a list of steps. The stack runs them in its own order and reports; here each report becomes a line.
import { createCaresealStack, createSystemLogins, STEPS } from '@careseal/stack'
import type { CaresealStack, StackOptions, Step } from '@careseal/stack'
import { renderAuthorization } from '@careseal/messaging'
import { restoreConsumers } from '../consumer/durable.js'
import type { StepTask } from './steps.js'

const TITLES: Record<Step, string> = {
  programs: 'Pack the services, once for each build',
  parts: 'Start NATS and Postgres',
  database: 'Make roles and schemas',
  migrations: 'Migrate the services’ tables',
  ledger: 'Begin the ledger, or find it',
  witnesses: 'Start three witnesses',
  services: 'Start five services',
  gateway: 'Open the origin',
}

export type LedgerStart = {
  tasks: StepTask[]
  /** The stack, once its tasks have run. */
  stack: () => CaresealStack
  /** Stops whatever has started. Safe at any time. */
  stop: () => Promise<void>
}

/** Prepares a start; nothing happens before the first of its tasks runs. */
export function prepareStart(options: StackOptions): LedgerStart {
  const reports = new Map(STEPS.map((step) => [step, Promise.withResolvers<void>()]))
  let starting: Promise<CaresealStack> | null = null
  let stack: CaresealStack | null = null
  const begin = () => {
    starting ??= createCaresealStack({
      ...options,
      natsAuthorization: (users, rights) => renderAuthorization([...users], rights),
      onStep: (step, done) => done && reports.get(step)?.resolve(),
    })
    return starting
  }
  const tasks = STEPS.map((step) => ({
    title: TITLES[step],
    // A failure anywhere fails the step that is waited for; a stack that is there has passed all of them.
    run: async () => void (await Promise.race([reports.get(step)?.promise, begin()])),
  }))
  const logins = async () => {
    stack = await begin()
    await restoreConsumers(stack)
    if (stack.demo) await createSystemLogins(stack)
  }
  return {
    tasks: [...tasks, { title: 'Register the demo’s systems', run: logins }],
    stack: () => {
      if (!stack) throw new Error('the ledger has not started')
      return stack
    },
    stop: async () => {
      const started = await starting?.catch(() => null)
      await started?.stop()
    },
  }
}
