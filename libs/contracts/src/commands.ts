// Requests between services (`cmd.<service>.<command>`): core NATS request and reply, in no stream, never logged.
import { z } from 'zod'
import { Caller } from './caller.js'
import { AccessAction, PurposeOfUse, ResourceType, ServerId } from './vocabulary.js'

const hex32 = z.string().regex(/^[0-9a-f]{64}$/)
const base64 = z.base64()

/** `producer` asks for a former incarnation's last head; without it the service tells that of the present one. */
export const OutboxHead = {
  request: z.strictObject({ producer: z.string().optional() }),
  reply: z.strictObject({ producer: z.string(), lastSeq: z.int().nonnegative(), lastLink: hex32 }),
}

/** One event as a producer hands it out again. `body` is base64 of the published bytes; empty where they were lost. */
export const ReplayedEvent = z.strictObject({
  seq: z.int().positive(),
  tag: hex32,
  commitment: hex32,
  link: hex32,
  subject: z.string(),
  body: base64,
})
export type ReplayedEvent = z.infer<typeof ReplayedEvent>

/** Answers at most `limit` events and at most 512 KiB; `next` is the seq to ask for next, or null at the head. */
export const ReplayOutbox = {
  request: z.strictObject({ producer: z.string(), from: z.int().positive(), limit: z.int().positive().max(5000) }),
  reply: z.strictObject({ events: z.array(ReplayedEvent), next: z.int().positive().nullable() }),
}

/** An event that the asker was not granted, or whose body was lost: enough to go on with the chain, and nothing of it. */
export const WithheldEvent = z.strictObject({ seq: z.int().positive(), leafHash: hex32, link: hex32 })
export type WithheldEvent = z.infer<typeof WithheldEvent>

/**
 * Asked by an outside consumer as `cmd.<service>.replay-for.<consumer>`: every event after a position, those that it was
 * granted in full. So a gap can be told from what was withheld. Limits and `next` as of `ReplayOutbox`.
 */
export const ReplayFor = {
  request: z.strictObject({ producer: z.string(), from: z.int().positive(), limit: z.int().positive().max(5000) }),
  reply: z.strictObject({
    events: z.array(z.union([ReplayedEvent, WithheldEvent])),
    next: z.int().positive().nullable(),
  }),
}

/** The opening of one leaf, for a service that has authorised its caller. `leafIndex` is null until it is sealed. */
export const OpenLeaf = {
  request: z.strictObject({ eventId: ServerId, caller: Caller }),
  reply: z.union([
    z.strictObject({
      producer: z.string(),
      seq: z.int().positive().nullable(),
      tag: hex32,
      commitment: hex32,
      type: z.string(),
      body: base64,
      opening: hex32,
      leafIndex: z.int().nonnegative().nullable(),
    }),
    z.strictObject({ rejected: z.enum(['unknown-event', 'opening-destroyed', 'not-allowed']) }),
  ]),
}

/**
 * May this caller do this to these patients' records? One decision per patient, in the order asked.
 *
 * `born` names patients that the asking service is about to create, for whom no consent can exist yet. `changes` names
 * those of whom it is about to update or delete a record that somebody else wrote; to others it adds.
 */
export const DecideAccess = {
  request: z.strictObject({
    caller: Caller,
    patientIds: z.array(ServerId).min(1).max(500),
    born: z.array(ServerId).default([]),
    changes: z.array(ServerId).default([]),
    action: AccessAction,
    types: z.array(ResourceType).min(1),
    purpose: PurposeOfUse,
  }),
  reply: z.strictObject({
    decisions: z.array(
      z.discriminatedUnion('permitted', [
        z.strictObject({
          permitted: z.literal(true),
          patientId: ServerId,
          permitId: ServerId,
          validForMs: z.int().positive(),
        }),
        z.strictObject({ permitted: z.literal(false), patientId: ServerId, reason: z.string() }),
      ]),
    ),
  }),
}

/** The patients whose records this caller may reach, as consents and links list them; at most 500. */
export const ReachablePatients = {
  request: z.strictObject({ caller: Caller, purpose: PurposeOfUse }),
  reply: z.strictObject({ patientIds: z.array(ServerId), complete: z.boolean() }),
}

/** A destroyed subject key, or with `key: null` a subject of whom the service had none. */
export const Tombstone = z.strictObject({
  subjectId: ServerId,
  key: z.strictObject({ id: z.uuid(), version: z.int().positive() }).nullable(),
})
export type Tombstone = z.infer<typeof Tombstone>

/** The most tombstones in one request or reply. */
export const TOMBSTONES_PER_PAGE = 1000

/** Asked of `signerOf(service)`; answered once they are durable. Known ones are taken as well. */
export const AddTombstones = {
  request: z.strictObject({ tombstones: z.array(Tombstone).min(1).max(TOMBSTONES_PER_PAGE) }),
  reply: z.strictObject({}),
}

/** Asked of `signerOf(service)`. `after` counts from the first one; `next` is the `after` to go on with, or null. */
export const ListTombstones = {
  request: z.strictObject({ after: z.int().nonnegative(), limit: z.int().positive().max(TOMBSTONES_PER_PAGE) }),
  reply: z.strictObject({ tombstones: z.array(Tombstone), next: z.int().positive().nullable() }),
}

/**
 * Destroys all keys and private parts that a service has of these subjects, for good. May be repeated, and names also
 * subjects that the service never met. `keys` counts the keys that are destroyed now, earlier ones among them.
 */
export const DestroySubjectKeys = {
  request: z.strictObject({ subjectIds: z.array(ServerId).min(1).max(100) }),
  reply: z.strictObject({ keys: z.int().nonnegative() }),
}

/**
 * Asked of `recipientOf(consumer)`, who keeps personal data: forget these subjects, then answer. The answer is the
 * acknowledgement that the operator is shown. May be repeated, and names also subjects that it never met.
 */
export const ForgetSubjects = {
  request: z.strictObject({ subjectIds: z.array(ServerId).min(1).max(100) }),
  reply: z.strictObject({ forgotten: z.int().nonnegative() }),
}

/** Milliseconds that the requester still waits. A duration, for clocks differ between machines. */
export const DEADLINE_HEADER = 'careseal-deadline-ms'

/** Set in a reply that is no answer: a stable code. */
export const FAILURE_HEADER = 'careseal-failure'

/** Set in a reply that refuses by a rule: a stable code. */
export const REJECTION_HEADER = 'careseal-rejection'

export const COMMANDS = {
  'outbox-head': OutboxHead,
  'replay-outbox': ReplayOutbox,
  'replay-for': ReplayFor,
  'open-leaf': OpenLeaf,
  'decide-access': DecideAccess,
  'reachable-patients': ReachablePatients,
  'add-tombstones': AddTombstones,
  'list-tombstones': ListTombstones,
  'destroy-subject-keys': DestroySubjectKeys,
  'forget-subjects': ForgetSubjects,
} as const

export type CommandName = keyof typeof COMMANDS
export type CommandRequest<C extends CommandName> = z.input<(typeof COMMANDS)[C]['request']>
export type CommandReply<C extends CommandName> = z.infer<(typeof COMMANDS)[C]['reply']>

export function commandSubject(service: string, command: CommandName): string {
  return `cmd.${service}.${command}`
}

/**
 * Where the signer answers one service. The service is a token of the subject, which permissions guard, and no field of
 * the request: so none can bury another's subjects or read who they were.
 */
export function signerOf(service: string): string {
  return `signer.${service}`
}
