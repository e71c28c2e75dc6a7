// A real ledger for one test file: own ports, own folder, and nothing left of it when it is disposed of.
import { renderAuthorization } from '@careseal/messaging'
import { createCaresealStack as startStack, openDataDir, untilSealed } from '@careseal/stack'
import type { CaresealStack as Ledger, Programs, StackOptions } from '@careseal/stack'
import type { EventType } from '@careseal/contracts'
import { accessOf, listConsumers, makeDurables } from './consumers.js'
import { TestKitError } from './failures.js'
import { chooseMode, type ChosenMode } from './mode.js'
import { grantOf, planOf, type CaresealStackOptions, type Plan } from './options.js'
import { findPrograms } from './programs.js'
import { makeRunFolder, type RunFolder } from './run-folder.js'
import { patientsOf, seed } from './seed.js'
import { haveLogins } from './services.js'
import { copyOfTemplate } from './template.js'
import type { CaresealStack, ConsumerAccess } from './test-stack.js'

const LOG_LINES = 20
const SEALING_DEADLINE_MS = 30_000

/**
 * Starts NATS, Postgres and the services, and resolves when the patients can be read and the consumers let in.
 *
 * Rejects with a TestKitError whose message ends with the logs; nothing is left running then, and the logs are kept.
 */
export async function createCaresealStack(options: CaresealStackOptions = {}): Promise<CaresealStack> {
  const startedAt = performance.now()
  const plan = planOf(options)
  const chosen = await chooseMode(plan.mode)
  plan.log(`${chosen.mode} (${chosen.reason})`)
  const folder = makeRunFolder()
  try {
    const stack = await start(plan, chosen, folder)
    plan.log(`ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s at ${stack.origin}`)
    return stack
  } catch (error) {
    const logs = folder.logs(LOG_LINES)
    const kept = folder.keepLogs()
    folder.remove()
    throw failedStart(error, logs, kept)
  }
}

function failedStart(error: unknown, logs: string, kept: string): TestKitError {
  const what = error instanceof Error ? error.message : String(error)
  const message = `the stack did not start: ${what}\n${logs}\nThe logs are kept in ${kept}`
  return new TestKitError('start-failed', message, { cause: error })
}

async function start(plan: Plan, chosen: ChosenMode, folder: RunFolder): Promise<CaresealStack> {
  const isCopy = !plan.fresh && chosen.mode === 'native'
  const programs = await findPrograms(plan.log)
  const settings = settingsOf(plan, programs)
  const make = (dir: string) => prepare(plan, { ...settings, dataDir: dir })
  if (isCopy) await copyOfTemplate(folder.root, { plan, programs, make })
  const dataDir = openDataDir(folder.root)
  listConsumers(dataDir, plan.consumers)
  const parts = chosen.mode === 'docker' ? 'containers' : 'native'
  const ledger = await startStack({ ...settings, parts, dataDir: folder.root, isPrepared: isCopy, env: plan.env })
  try {
    if (!isCopy) await seed(ledger, plan)
    await makeDurables(dataDir, ledger.nats.url)
  } catch (error) {
    await ledger.stop()
    throw error
  }
  return held(ledger, { plan, chosen, folder })
}

// Without the plan's environment: what a test changes there belongs to its own run.
async function prepare(plan: Plan, settings: StackOptions): Promise<void> {
  const ledger = await startStack({ ...settings, parts: 'native' })
  try {
    await seed(ledger, plan)
    await sealed(ledger, plan)
  } finally {
    await ledger.stop()
  }
}

function settingsOf({ services, witnesses }: Plan, { dir }: Programs): StackOptions {
  return {
    services,
    witnesses,
    programs: dir,
    durable: false,
    natsAuthorization: (users, rights) => renderAuthorization([...users], rights),
  }
}

async function sealed(ledger: Ledger, { services }: Plan): Promise<void> {
  const producers = services.filter((name) => name !== 'ledger-sequencer')
  await untilSealed({ databaseUrl: ledger.state().postgres, producers, deadlineMs: SEALING_DEADLINE_MS })
}

function noLogins(login: string, { services }: Plan): TestKitError {
  const why = `identity is not among the services (${services.join(', ')})`
  const mend = 'name it in the option services, or leave the option out'
  return new TestKitError('no-logins', `there is no token for "${login}", nor any login: ${why}: ${mend}`)
}

type Around = { plan: Plan; chosen: ChosenMode; folder: RunFolder }

function held(ledger: Ledger, { plan, chosen, folder }: Around): CaresealStack {
  const { dataDir, nats } = ledger
  const chosenServices = plan.services.map((name) => [name, ledger.services[name]])
  return {
    origin: ledger.origin,
    ...chosen,
    patients: patientsOf(dataDir),
    get logins() {
      return haveLogins(plan.services) ? ledger.state().logins.map(({ name }) => name) : []
    },
    services: Object.fromEntries(chosenServices) as CaresealStack['services'],
    nats,
    postgres: ledger.postgres,
    dataDir: dataDir.root,
    policyFile: ledger.state().policyFile,
    token: async (login, scope) => {
      if (!haveLogins(plan.services)) throw noLogins(login, plan)
      return ledger.tokenFor(login, scope)
    },
    consumer: (name) => accessOf(dataDir, nats.url, name),
    addConsumer: async <T extends EventType>(name: string, grant: Parameters<typeof grantOf>[1]) => {
      listConsumers(dataDir, [grantOf(name, grant)])
      await makeDurables(dataDir, nats.url)
      return accessOf(dataDir, nats.url, name) as ConsumerAccess<T>
    },
    untilReady: () => ledger.untilReady(),
    untilSealed: () => sealed(ledger, plan),
    logs: (lines = LOG_LINES) => folder.logs(lines),
    keepLogs: () => folder.keepLogs(),
    [Symbol.asyncDispose]: async () => {
      await ledger.stop()
      folder.remove()
    },
  }
}
