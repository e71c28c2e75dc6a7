// Sends one bundle to a ledger. A repeat is harmless within 24 hours, by the same login: the key of the request is the
// content's hash, so the server answers a bundle that it has already as it did the first time.
import { CliError, EXIT } from '../exit.js'
import { isAway, reasonOf, refusalOf, request } from '../http.js'
import type { BundleFile } from './bundle-file.js'
import type { ImportOptions } from './importer.js'

const ATTEMPTS = 8
const DEADLINE_MS = 120_000

/** What became of a bundle: where its resources are, and why it, or a part of it, was refused. */
export type Answer = { locations: string[]; reason: string | null }

/** Sends it until there is a verdict. Throws where the server cannot be reached, stays away, or accepts no token. */
export async function sendBundle(file: BundleFile, options: ImportOptions, signal: AbortSignal): Promise<Answer> {
  const { origin } = options
  const response = await post(file, options, signal)
  const text = await response.text()
  const statuses = statusesOf(response.status, text)
  const away = statuses.find(isAway)
  // No verdict on this file: the others would come to the same, each after as long a wait.
  if (away !== undefined) throw refusalOf(`${origin}/fhir`, away, text)
  if (statuses.includes(UNAUTHORISED)) throw tokenRefused(`${origin}/fhir`, text)
  if (!response.ok) return { locations: [], reason: reasonOf(response.status, text) }
  const answer = parsed(text)
  if (!answer) return { locations: [], reason: `${origin} answered ${response.status} without JSON` }
  // What became of the rest nobody knows: it has to be imported again, within 24 hours.
  const given = Array.isArray(answer.entry) ? answer.entry.length : 0
  if (given === file.entryCount) return answerOf(answer)
  const told = `${origin} answered ${response.status} for ${given} of ${file.entryCount} entries`
  return { locations: [], reason: `${told}: is this the address of a ledger?` }
}

const UNAUTHORISED = 401

// A token can end before its time, as where the clocks differ or a machine slept: another one is tried once.
async function post(
  file: BundleFile,
  options: ImportOptions,
  signal: AbortSignal,
  refused?: string,
): Promise<Response> {
  let token = ''
  const response = await request(`${options.origin}/fhir`, {
    method: 'POST',
    body: file.bytes,
    headers: async () => {
      token = await options.token(refused)
      return headersOf(file, token)
    },
    attempts: ATTEMPTS,
    isPassing: async (answer) => statusesOf(answer.status, await answer.text()).some(isAway),
    deadlineMs: DEADLINE_MS,
    signal,
  })
  const statuses = statusesOf(response.status, await response.clone().text())
  if (refused !== undefined || !statuses.includes(UNAUTHORISED)) return response
  const other = await options.token(token)
  return other === token ? response : post(file, options, signal, token)
}

function headersOf({ hash }: BundleFile, token: string): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    'content-type': 'application/fhir+json',
    accept: 'application/fhir+json',
    prefer: 'return=minimal',
    'idempotency-key': hash,
  }
}

// No verdict on this file either: every other would be refused alike.
function tokenRefused(url: string, text: string): CliError {
  const told = `${url}: ${reasonOf(UNAUTHORISED, text)}`
  return new CliError(EXIT.failure, `${told}: the token is not accepted, or no longer; import again with another one`)
}

/**
 * What is said of the whole and, if that was taken, of each entry. Sent again, the entries of a batch that were stored are
 * answered as before, and those that failed are tried anew: the server keeps the key of what it did alone.
 */
function statusesOf(status: number, text: string): number[] {
  const entries = status === 200 ? responsesOf(parsed(text)) : []
  return [status, ...entries.map((entry) => Number.parseInt(String(entry.status), 10))]
}

// A proxy's page, for example: what became of the bundle nobody knows.
function parsed(text: string): ResponseBundle | null {
  try {
    return JSON.parse(text) as ResponseBundle | null
  } catch {
    return null
  }
}

type EntryResponse = { status?: unknown; location?: unknown }
type ResponseBundle = { entry?: ({ response?: EntryResponse | null } | null)[] }

function responsesOf(bundle: ResponseBundle | null): EntryResponse[] {
  return Array.isArray(bundle?.entry) ? bundle.entry.map((entry) => entry?.response ?? {}) : []
}

const isStored = (status: unknown) => typeof status === 'string' && status.startsWith('2')

// A batch may be stored in part: what was refused of it counts as a refusal of the file, what was stored as stored.
function answerOf(bundle: ResponseBundle): Answer {
  const responses = responsesOf(bundle)
  const locations = responses.flatMap(({ status, location }) =>
    isStored(status) && typeof location === 'string' && location ? [location] : [],
  )
  const refusedAt = responses.findIndex(({ status }) => !isStored(status))
  if (refusedAt < 0) return { locations, reason: null }
  const refusedCount = responses.filter(({ status }) => !isStored(status)).length
  const told = responses[refusedAt]?.status
  const status = typeof told === 'string' ? told : 'no status'
  return {
    locations,
    reason: `${refusedCount} of ${responses.length} entries refused, first entry ${refusedAt}: ${status}`,
  }
}
