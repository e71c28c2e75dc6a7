// Who may say and hear what on the broker, as data. A producer's name is the second token of its subjects, and these
// lists alone make that a fact: whoever may publish `evt.consent.>` is consent.
import {
  commandSubject,
  NOTICES,
  producerName,
  PRODUCERS,
  producerOf,
  recipientOf,
  signerOf,
  type CommandName,
  type ConsumerGrant,
} from '@careseal/contracts'
import { inboxPrefix } from '../connection.js'
import { readerConsumers, recoveryConsumer } from '../reader/reader-consumer.js'
import { DLQ_STREAM, EVENTS_STREAM } from '../streams.js'

/** What one NATS user may do. Allow-lists only; what is not listed is refused. */
export type UserPermissions = {
  publish: string[]
  subscribe: string[]
  /** May answer the requests that it receives. */
  allowResponses: boolean
}

export type PermissionOptions = {
  /** Services create missing streams themselves: one machine, no deployer. Default false. */
  manageStreams?: boolean
  /** Names that a service has as a producer; default its own and those of eight recoveries, `consent-2` to `consent-9`. */
  incarnations?: Partial<Record<string, readonly string[]>>
  /** Outside consumers, each of whom becomes a user of its own. */
  consumers?: readonly ConsumerGrant[]
}

type Service = {
  /** Services whose events it reads, and whom it therefore asks for heads and replays. */
  reads: readonly string[]
  /** Requests that it makes besides. */
  calls: readonly (readonly [service: string, command: CommandName])[]
  produces: boolean
  announces: boolean
  /** Answers `cmd.signer.>`: it keeps the signer's memory. */
  signs: boolean
  /** Its durable consumer, if it has one. */
  durable: string | null
}

const opensLeavesOf = (services: readonly string[]) => services.map((service) => [service, 'open-leaf'] as const)

const NOTHING_BUT_PRODUCES: Service = {
  reads: [],
  calls: [],
  produces: true,
  announces: false,
  signs: false,
  durable: null,
}

/** Who reads, asks, and answers whom. A new reader, call or durable consumer of a service is a change here. */
export const SERVICES: Record<string, Service> = {
  identity: NOTHING_BUT_PRODUCES,
  consent: NOTHING_BUT_PRODUCES,
  records: {
    ...NOTHING_BUT_PRODUCES,
    calls: [
      ['consent', 'decide-access'],
      ['consent', 'reachable-patients'],
    ],
  },
  audit: {
    ...NOTHING_BUT_PRODUCES,
    reads: PRODUCERS,
    calls: opensLeavesOf(['identity', 'consent', 'records']),
    durable: 'audit',
  },
  'ledger-sequencer': {
    reads: PRODUCERS,
    calls: [],
    produces: false,
    announces: true,
    signs: true,
    durable: null,
  },
}

/** The user that owns streams and consumers, and who alone may have keys destroyed: the stack on one machine, a job in a cluster. */
export const DEPLOYER = 'deployer'

/** A consumer to try things with: reads through its durable consumer, which the deployer made. */
export const OUTSIDE_EXAMPLE = 'outside-example'

const EVENTS = EVENTS_STREAM.name

/** Allow-lists by user: the services, `deployer`, `outside-example`, and the outside consumers given. */
export function natsPermissions(options: PermissionOptions = {}): Record<string, UserPermissions> {
  const services = Object.entries(SERVICES).map(([name, service]) => [name, ofService(name, service, options)] as const)
  return {
    ...Object.fromEntries(services),
    [DEPLOYER]: ofDeployer(),
    [OUTSIDE_EXAMPLE]: { publish: consumingSubjects(OUTSIDE_EXAMPLE), subscribe: ownInbox(OUTSIDE_EXAMPLE), ...SILENT },
    ...Object.fromEntries((options.consumers ?? []).map((grant) => [grant.name, ofOutsideConsumer(grant)])),
  }
}

function ofService(name: string, service: Service, options: PermissionOptions): UserPermissions {
  const producers = service.produces ? (options.incarnations?.[name] ?? incarnationsOf(name)) : []
  const notices = Object.keys(NOTICES)
  return {
    publish: [
      ...producers.map((producer) => `evt.${producer}.>`),
      ...service.reads.flatMap((read) => [commandSubject(read, 'outbox-head'), commandSubject(read, 'replay-outbox')]),
      ...service.calls.map(([callee, command]) => commandSubject(callee, command)),
      ...(service.produces ? tombstoneSubjects(name) : []),
      ...(service.announces ? notices : []),
      ...(service.reads.length === 0 ? [] : readerConsumers(name).flatMap(readingSubjects)),
      ...producers.map((producer) => recoverySubject(name, producer)),
      ...(producers.length === 0 ? [] : replySubjects('FC', recoveryConsumer(name))),
      ...STREAM_CHECKS,
      ...(options.manageStreams === true ? STREAM_CREATIONS : []),
      ...(service.durable === null ? [] : durableSubjects(service.durable)),
    ],
    subscribe: [
      `${inboxPrefix(name)}.>`,
      ...(service.produces ? [`cmd.${name}.>`, ...notices] : []),
      ...(service.signs ? ['cmd.signer.>'] : []),
    ],
    allowResponses: service.produces || service.signs,
  }
}

const INCARNATIONS_MAX = 9

function incarnationsOf(name: string): string[] {
  return Array.from({ length: INCARNATIONS_MAX }, (_, place) => producerName({ service: name, number: place + 1 }))
}

// The last part is the consumer's filter, which the broker compares with what is asked: a producer that recovers reads
// its own events and nobody else's.
function recoverySubject(name: string, producer: string): string {
  return `$JS.API.CONSUMER.CREATE.${EVENTS}.${recoveryConsumer(name)}.evt.${producer}.>`
}

function tombstoneSubjects(service: string): string[] {
  return (['add-tombstones', 'list-tombstones'] as const).map((command) => commandSubject(signerOf(service), command))
}

const STREAM_CHECKS = [EVENTS, DLQ_STREAM.name].map((stream) => `$JS.API.STREAM.INFO.${stream}`)

// Creating what exists is refused by the broker unless it is the same, so this cannot change a stream.
const STREAM_CREATIONS = [EVENTS, DLQ_STREAM.name].map((stream) => `$JS.API.STREAM.CREATE.${stream}`)

function readingSubjects(consumer: string): string[] {
  return [`$JS.API.CONSUMER.CREATE.${EVENTS}.${consumer}`, ...replySubjects('FC', consumer)]
}

function durableSubjects(durable: string): string[] {
  return [
    `$JS.API.CONSUMER.DURABLE.CREATE.${EVENTS}.${durable}`,
    `$JS.API.CONSUMER.INFO.${EVENTS}.${durable}`,
    `$JS.API.CONSUMER.MSG.NEXT.${EVENTS}.${durable}`,
    ...replySubjects('ACK', durable),
    `dlq.${durable}`,
  ]
}

// The second form carries domain and account first; newer servers use it.
function replySubjects(kind: 'ACK' | 'FC', consumer: string): string[] {
  return [`$JS.${kind}.${EVENTS}.${consumer}.>`, `$JS.${kind}.*.*.${EVENTS}.${consumer}.>`]
}

function ofDeployer(): UserPermissions {
  const streams = [EVENTS, DLQ_STREAM.name].flatMap((stream) => [
    `$JS.API.STREAM.CREATE.${stream}`,
    `$JS.API.STREAM.UPDATE.${stream}`,
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.CONSUMER.*.${stream}`,
    `$JS.API.CONSUMER.*.${stream}.>`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.>`,
  ])
  const erasures = [
    ...PRODUCERS.map((service) => commandSubject(service, 'destroy-subject-keys')),
    commandSubject(recipientOf('*'), 'forget-subjects'),
  ]
  return {
    publish: ['$JS.API.INFO', '$JS.API.STREAM.NAMES', '$JS.API.STREAM.LIST', ...streams, ...erasures],
    subscribe: ownInbox(DEPLOYER),
    allowResponses: false,
  }
}

const SILENT = { allowResponses: false }

// What it may read is its durable consumer's filter, which the deployer alone can make or change.
function ofOutsideConsumer({ name, types, recipient }: ConsumerGrant): UserPermissions {
  const services = [...new Set(types.map(producerOf))]
  return {
    publish: [
      ...consumingSubjects(name),
      `dlq.${name}`,
      ...services.map((service) => `${commandSubject(service, 'replay-for')}.${name}`),
    ],
    subscribe: [...ownInbox(name), ...(recipient ? [commandSubject(recipientOf(name), 'forget-subjects')] : [])],
    allowResponses: recipient,
  }
}

function consumingSubjects(durable: string): string[] {
  return [
    `$JS.API.CONSUMER.INFO.${EVENTS}.${durable}`,
    `$JS.API.CONSUMER.MSG.NEXT.${EVENTS}.${durable}`,
    ...replySubjects('ACK', durable),
  ]
}

function ownInbox(name: string): string[] {
  return [`${inboxPrefix(name)}.>`]
}
