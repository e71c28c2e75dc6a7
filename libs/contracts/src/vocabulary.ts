// The words that event bodies, commands and tokens may hold: codes of our own vocabulary, never clinical codes.
import { z } from 'zod'

/** What an account is for. `system` is a client system of a member organisation (FHIR Backend Services). */
export const Role = z.enum(['patient', 'practitioner', 'system', 'auditor', 'operator'])
export type Role = z.infer<typeof Role>

/** Why somebody asks: a subset of HL7 v3-ActReason. */
export const PurposeOfUse = z.enum(['TREAT', 'ETREAT', 'HPAYMT', 'HOPERAT', 'HRESCH', 'PATRQT', 'PUBHLTH', 'HMARKT'])
export type PurposeOfUse = z.infer<typeof PurposeOfUse>

/** The purpose that a request has when it names none. */
export const DEFAULT_PURPOSE: Record<Role, PurposeOfUse> = {
  patient: 'PATRQT',
  practitioner: 'TREAT',
  system: 'TREAT',
  auditor: 'HOPERAT',
  operator: 'HOPERAT',
}

export const AccessAction = z.enum(['read', 'write'])
export type AccessAction = z.infer<typeof AccessAction>

/** A FHIR resource type's name. Which ones are accepted is decided by `@careseal/fhir`. */
export const ResourceType = z.string().regex(/^[A-Z][A-Za-z]{1,63}$/)

export const ServerId = z.uuid()
export const Instant = z.iso.datetime()

export const MemberKind = z.enum(['hospital', 'laboratory', 'insurer', 'research', 'authority'])
export type MemberKind = z.infer<typeof MemberKind>

/** A grantee as a consent names it: a practitioner or an organisation, by the server-made id of the FHIR resource. */
export const Grantee = z.strictObject({ kind: z.enum(['practitioner', 'organization']), id: ServerId })
export type Grantee = z.infer<typeof Grantee>

/** One version of one stored resource. */
export const VersionReference = z.strictObject({ type: ResourceType, id: ServerId, versionId: ServerId })
export type VersionReference = z.infer<typeof VersionReference>

/** The services that write events, by the name in `evt.<producer>.…`. */
export const PRODUCERS = ['audit', 'consent', 'identity', 'records'] as const
export type Producer = (typeof PRODUCERS)[number]
