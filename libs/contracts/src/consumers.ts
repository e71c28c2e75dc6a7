// Outside consumers: who they are and which event types each was granted. One list, kept by the operator, decides what
// the broker lets them read and what producers answer them.
import { z } from 'zod'
import { EVENT_TYPES, subjectOf, type EventType } from './events.js'
import { PRODUCERS } from './vocabulary.js'

const OWN_NAMES = [...PRODUCERS, 'ledger-sequencer', 'deployer', 'signer', 'recipient', 'witness', 'outside-example']

/** A consumer's name: its NATS user, its durable consumer, `dlq.<name>`. Never that of a part of Careseal. */
export const ConsumerName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{1,62}$/, 'lower-case letters, digits and hyphens, beginning with a letter')
  .refine((name) => !OWN_NAMES.some((own) => name === own || name.startsWith(`${own}-`)), 'a name of Careseal itself')

/** `recipient`: it keeps personal data, so it is told of erasures and must acknowledge them. */
export const ConsumerGrant = z.strictObject({
  name: ConsumerName,
  types: z.array(z.enum(EVENT_TYPES as [EventType, ...EventType[]])).min(1),
  publicNkey: z.string().regex(/^U[A-Z2-7]{55}$/),
  recipient: z.boolean(),
})
export type ConsumerGrant = z.infer<typeof ConsumerGrant>

/** The file that names all outside consumers. */
export const ConsumerList = z.strictObject({ v: z.literal(1), consumers: z.array(ConsumerGrant) })
export type ConsumerList = z.infer<typeof ConsumerList>

/** The filter of a type's subjects under every incarnation of its producer: `evt.*.consent.consent-granted`. */
export function subjectFilterOf(type: EventType): string {
  return subjectOf(type, '*')
}

/** Where a recipient answers. Permissions guard the name, as they do the signer's (`signerOf`). */
export function recipientOf(consumer: string): string {
  return `recipient.${consumer}`
}
