// The logins that a demo offers, made as an operator would make them: over HTTP, with events on the ledger. A repeat
// after a crash makes none twice: each request carries an idempotency key, and what is done is written down.
import { clientKey, publicHalf } from './credentials.js'
import { OPERATOR, type LoginRecord } from './logins.js'
import type { CaresealStack } from './careseal-stack.js'

/** Ids of imported FHIR resources that people of the demo are linked to, in the order of their import. */
export type DemoPeople = { patients: string[]; practitioners: string[]; organizations: string[] }

/** Whom an import brought, out of the `Location` of each resource. */
export function demoPeopleAt(locations: readonly string[]): DemoPeople {
  return {
    patients: idsAt(locations, 'Patient'),
    practitioners: idsAt(locations, 'Practitioner'),
    organizations: idsAt(locations, 'Organization'),
  }
}

/** The ids of the resources of one type, in the order of their `Location`s. */
export function idsAt(locations: readonly string[], type: string): string[] {
  return locations.flatMap((location) => new RegExp(`(?:^|/)${type}/([^/]+)`).exec(location)?.[1] ?? [])
}

const PATIENT_LOGINS_MAX = 3
const CLINICIANS = ['clinician', 'clinician-2']

/** A hospital's and a laboratory's system, and an auditor: what is needed before anything is imported. */
export async function createSystemLogins(stack: CaresealStack): Promise<void> {
  const admin = await administration(stack)
  await admin.once('hospital', 'system', async () => ({ memberId: await admin.member('hospital', 'Sample Hospital') }))
  await admin.once('lab', 'system', async () => ({ memberId: await admin.member('laboratory', 'Sample Laboratory') }))
  await admin.once('auditor', 'auditor', async () => {
    const { accountId } = await admin.post('auditor', '/auth/staff', { role: 'auditor', name: 'Sample Auditor' })
    return { accountId: String(accountId) }
  })
}

/** Clinicians and patients, linked to what was imported; as many of them as there is somebody to link to. */
export async function createPeopleLogins(
  stack: CaresealStack,
  people: DemoPeople,
  { patientLoginsMax = PATIENT_LOGINS_MAX } = {},
): Promise<void> {
  const admin = await administration(stack)
  for (const [n, login] of CLINICIANS.entries()) {
    const [practitionerId, organizationId] = [people.practitioners[n], people.organizations[n]]
    if (!practitionerId || !organizationId) continue
    await admin.once(login, 'practitioner', async () => {
      const memberId = await admin.member('hospital', `Sample Clinic ${n + 1}`, organizationId)
      const body = { memberId, practitionerId, name: `Sample Clinician ${n + 1}` }
      return { accountId: String((await admin.post(login, '/auth/practitioners', body))['accountId']) }
    })
  }
  for (const [n, patientId] of people.patients.slice(0, patientLoginsMax).entries()) {
    const login = `patient-${n + 1}`
    await admin.once(login, 'patient', async () => {
      const body = { patientId, name: `Sample Patient ${n + 1}` }
      return { accountId: String((await admin.post(login, '/auth/patients', body))['accountId']) }
    })
  }
}

type Owner = { accountId: string } | { memberId: string }
type Answer = Record<string, unknown>

async function administration(stack: CaresealStack) {
  const token = await stack.tokenFor(OPERATOR)
  const post = (key: string, path: string, body: unknown) => postJson(stack.origin + path, { token, key, body })
  return {
    post: (login: string, path: string, body: unknown) => post(`demo-${login}`, path, body),
    async member(kind: string, name: string, organizationId?: string): Promise<string> {
      const body = { kind, name, ...(organizationId ? { organizationId } : {}) }
      const key = `demo-member-${name.toLowerCase().replaceAll(' ', '-')}`
      return String((await post(key, '/auth/members', body))['memberId'])
    },
    /** Makes a login unless it is there: its owner first, then a client with a key of its own. */
    async once(login: string, role: string, owner: () => Promise<Owner>): Promise<void> {
      if (stack.state().logins.some((one) => one.name === login)) return
      const body = { ...(await owner()), name: login, jwk: publicHalf(await clientKey(stack.dataDir, login)) }
      const { clientId } = await post(`demo-client-${login}`, '/auth/clients', body)
      const record: LoginRecord = { login, clientId: String(clientId), role }
      stack.registerLogin(record)
    },
  }
}

async function postJson(
  url: string,
  { token, key, body }: { token: string; key: string; body: unknown },
): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  })
  const answer = (await response.json().catch(() => ({}))) as Answer
  if (response.ok) return answer
  const reason = String(answer['detail'] ?? answer['title'] ?? '')
  throw new Error(`${new URL(url).pathname} for ${key}: ${response.status} ${reason}`)
}
