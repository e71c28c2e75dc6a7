// The demo's logins as HTTP clients of one ledger, and what one of them is told compared with what another is.
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { tokenOf, type Detached } from './careseal.js'

export const LOGINS = [
  'operator',
  'hospital',
  'lab',
  'auditor',
  'clinician',
  'clinician-2',
  'patient-1',
  'patient-2',
] as const
export type Login = (typeof LOGINS)[number]

export type Loose = { [member: string]: any } // oxlint-disable-line typescript/no-explicit-any
export type Answer = { status: number; text: string; body: Loose; headers: Headers }
export type Asked = { method: string; path: string; body?: unknown; headers?: Record<string, string> }

export type Callers = Awaited<ReturnType<typeof callersOf>>

/** Tokens of all logins, asked for once: they live five minutes. */
export async function callersOf({ origin, dataDir }: Detached) {
  const tokens = new Map<string, string>()
  for (const login of LOGINS) tokens.set(login, await tokenOf(dataDir, login))

  /** `who` is a login, a token of one's own making, or null for nobody. */
  async function call(who: string | null, { method, path, body, headers }: Asked): Promise<Answer> {
    const token = who === null ? undefined : (tokens.get(who) ?? who)
    const content = body === undefined ? undefined : contentOf(body)
    const response = await fetch(path.startsWith('http') ? path : origin + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...content?.headers,
        ...headers,
      },
      ...(content ? { body: content.body } : {}),
      signal: AbortSignal.timeout(20_000),
    })
    const text = await response.text()
    return { status: response.status, text, body: jsonOf(text), headers: response.headers }
  }
  const get = (who: string | null, path: string, headers?: Record<string, string>) =>
    call(who, { method: 'GET', path, ...(headers ? { headers } : {}) })
  const post = (who: string | null, path: string, body: unknown) => call(who, { method: 'POST', path, body })
  const claims = (login: Login) => claimsOf(tokens.get(login)!)
  return { call, get, post, claims, token: (login: Login) => tokens.get(login)! }
}

function contentOf(body: unknown) {
  if (body instanceof URLSearchParams) return { body, headers: {} }
  if (typeof body === 'string' || body instanceof Uint8Array) {
    return { body: body as string, headers: { 'content-type': 'application/fhir+json' } }
  }
  return { body: JSON.stringify(body), headers: { 'content-type': 'application/fhir+json' } }
}

function jsonOf(text: string): Loose {
  try {
    return JSON.parse(text) as Loose
  } catch {
    return {}
  }
}

/** The claim `careseal` of a token, and its other claims. */
export function claimsOf(token: string): Loose {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Loose
}

/** Status and body without what differs from request to request: ids. Equal for equal news. */
export function newsOf({ status, text }: Answer): { status: number; text: string } {
  return { status, text: text.replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '<id>') }
}

/** Asks until the answer is 200, for what is ready once the ledger has sealed it. */
export async function eventuallyOk(ask: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    const answer = await ask()
    if (answer.status === 200) return answer
    if (attempt > 60) throw new Error(`still ${answer.status}: ${answer.text.slice(0, 200)}`)
    await delay(250)
  }
}

export function observationOf(patientId: string, changes: object = {}): Loose {
  const subject = { reference: `Patient/${patientId}` }
  return { resourceType: 'Observation', status: 'final', code: { text: 'test' }, subject, ...changes }
}

const coded = (system: string, code: string) => ({ coding: [{ system, code }] })

/** A permit for treatment, to a practitioner. */
export function grantOf(patientId: string, practitionerId: string): Loose {
  const role = coded('http://terminology.hl7.org/CodeSystem/v3-ParticipationType', 'IRCP')
  return {
    resourceType: 'Consent',
    status: 'active',
    scope: coded('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy'),
    category: [coded('http://loinc.org', '59284-0')],
    patient: { reference: `Patient/${patientId}` },
    dateTime: new Date().toISOString(),
    policy: [{ uri: 'http://example.org/policy' }],
    provision: {
      type: 'permit',
      actor: [{ role, reference: { reference: `Practitioner/${practitionerId}` } }],
      purpose: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'TREAT' }],
    },
  }
}

export const anyId = (): string => randomUUID()
