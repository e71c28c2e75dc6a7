// Which services a test gets: those it names, and those without which they do not work.
import { SERVICE_NAMES, type ServiceName } from '@careseal/stack'
import { TestKitError } from './failures.js'

// Everything is sealed by the sequencer, and every token is checked with identity's keys.
const NEEDS: Record<ServiceName, readonly ServiceName[]> = {
  'ledger-sequencer': [],
  identity: ['ledger-sequencer'],
  consent: ['identity', 'ledger-sequencer'],
  audit: ['identity', 'ledger-sequencer'],
  records: SERVICE_NAMES,
}

/** The named services and what they need, in the order of the ledger. Throws for a name that is none. */
export function servicesFor(asked: readonly string[] = SERVICE_NAMES): ServiceName[] {
  const unknown = asked.find((name) => !Object.hasOwn(NEEDS, name))
  if (unknown !== undefined) {
    throw new TestKitError(
      'unknown-service',
      `services: there is no service "${unknown}"; name some of ${SERVICE_NAMES.join(', ')}, or leave the option out for all`,
    )
  }
  if (asked.length === 0) throw new TestKitError('bad-option', 'services: name one at least, or leave the option out')
  const wanted = new Set(asked.flatMap((name) => [name as ServiceName, ...NEEDS[name as ServiceName]]))
  return SERVICE_NAMES.filter((name) => wanted.has(name))
}

/** Whether a stack of these services has logins: identity makes them, and gives their tokens. */
export function haveLogins(services: readonly ServiceName[]): boolean {
  return services.includes('identity')
}
