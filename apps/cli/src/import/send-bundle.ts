// Sends one bundle to a ledger. A repeat is harmless: the key of the request is the content's hash, so the server answers
// a bundle that it has already as it did the first time.
import { isAway, reasonOf, refusalOf, request } from '../http.js'
import type { BundleFile } from './bundle-file.js'
import type { ImportOptions } from './importer.js'

const ATTEMPTS = 8
const DEADLINE_MS = 120_000

/** What became of a bundle: where its resources are, and why it, or a part of it, was refused. */
export type Answer = { locations: string[]; reason: string | null }

/** Sends it until there is a verdict. Throws where the server cannot be reached, or stays away. */
export async function sendBundle(
  file: BundleFile,
  { origin, token }: ImportOptions,
  signal: AbortSignal,
): Promise<Answer> {
  const response = await request(`${origin}/fhir`, {
    method: 'POST',
    body: file.bytes,
    headers: {
      authorization: `Bearer ${await token()}`,
      'content-type': 'application/fhir+json',
      accept: 'application/fhir+json',
      prefer: 'return=minimal',
      'idempotency-key': file.hash,
    },
    attempts: ATTEMPTS,
    deadlineMs: DEADLINE_MS,
    signal,
  })
  const text = await response.text()
  // No verdict on this file: the others would come to the same, each after as long a wait.
  if (isAway(response.status)) throw refusalOf(`${origin}/fhir`, response.status, text)
  if (!response.ok) return { locations: [], reason: reasonOf(response.status, text) }
  const answer = parsed(text)
  if (!answer) return { locations: [], reason: `${origin} answered ${response.status} without JSON` }
  // What became of the rest nobody knows: a repeat is harmless.
  const given = Array.isArray(answer.entry) ? answer.entry.length : 0
  if (given === file.entryCount) return answerOf(answer)
  const told = `${origin} answered ${response.status} for ${given} of ${file.entryCount} entries`
  return { locations: [], reason: `${told}: is this the address of a ledger?` }
}

// A proxy's page, for example: what became of the bundle nobody knows, and a repeat is harmless.
function parsed(text: string): ResponseBundle | null {
  try {
    return JSON.parse(text) as ResponseBundle | null
  } catch {
    return null
  }
}

type ResponseBundle = { entry?: ({ response?: { status?: unknown; location?: unknown } | null } | null)[] }

const isStored = (status: unknown) => typeof status === 'string' && status.startsWith('2')

// A batch may be stored in part: what was refused of it counts as a refusal of the file, what was stored as stored.
function answerOf(bundle: ResponseBundle): Answer {
  const responses = (bundle.entry ?? []).map((entry) => entry?.response ?? {})
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
