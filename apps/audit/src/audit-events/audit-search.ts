// The search parameters of AuditEvent that are offered; an unknown one is refused, for ignoring it would widen the search.
import { instantRange } from '@careseal/fhir'
import { HttpProblem } from '@careseal/service-kit'
import type { PageRequest } from '../access-log/access-log.reader.js'
import { decodeCursor } from '../access-log/paging.js'
import { serverIdOf } from '../access-log/server-id.js'

export type AuditParameters = Record<string, string | string[] | undefined>

/** `patientId` is null for a reference that is none of this server's: it matches nothing. */
export type AuditSearch = { patientId: string | null; page: PageRequest }

const OFFERED = ['patient', 'date', '_count', '_cursor', '_format']
const COUNT_DEFAULT = 50
const COUNT_MAX = 200

/** Throws HttpProblem 400 that names the parameter, never its value. */
export function parseAuditSearch(parameters: AuditParameters, fhirBase: string): AuditSearch {
  const unknown = Object.keys(parameters).find((name) => !OFFERED.includes(name))
  if (unknown !== undefined) throw invalid(/^[_a-z-]{1,30}$/.test(unknown) ? unknown : 'a parameter', 'is not offered')
  const patient = single(parameters, 'patient')
  if (patient === undefined) throw invalid('patient', 'is needed: the log is read patient by patient')
  const cursor = single(parameters, '_cursor')
  const after = cursor === undefined ? undefined : decodeCursor(cursor)
  return {
    patientId: patientOf(patient, fhirBase),
    page: { ...datesOf(parameters.date), after, limit: countOf(parameters) },
  }
}

function patientOf(value: string, fhirBase: string): string | null {
  const id = value.replace(`${fhirBase}/`, '').replace(/^Patient\//, '')
  return serverIdOf(id)
}

/** Each `date` narrows the stretch of time; the moment of an access is compared with what the date implies. */
function datesOf(value: string | string[] | undefined): Pick<PageRequest, 'since' | 'until'> {
  const bounds = [value ?? []].flat().map(boundsOf)
  const since = Math.max(-Infinity, ...bounds.map(({ from }) => from))
  const until = Math.min(Infinity, ...bounds.map(({ to }) => to))
  return {
    ...(since === -Infinity ? {} : { since: new Date(since) }),
    ...(until === Infinity ? {} : { until: new Date(until) }),
  }
}

function boundsOf(text: string): { from: number; to: number } {
  const [, prefix = 'eq', date = ''] = /^(eq|ge|gt|le|lt)?(.+)$/.exec(text) ?? []
  const range = instantRange(date)
  if (range === null) throw invalid('date', 'must be a FHIR date with the prefix eq, ge, gt, le or lt')
  switch (prefix) {
    case 'ge':
      return { from: range.from, to: Infinity }
    case 'gt':
      return { from: range.until, to: Infinity }
    case 'le':
      return { from: -Infinity, to: range.until }
    case 'lt':
      return { from: -Infinity, to: range.from }
    default:
      return { from: range.from, to: range.until }
  }
}

function countOf(parameters: AuditParameters): number {
  const text = single(parameters, '_count') ?? String(COUNT_DEFAULT)
  if (!/^[1-9]\d{0,8}$/.test(text)) throw invalid('_count', 'must be a positive number')
  return Math.min(Number(text), COUNT_MAX)
}

function single(parameters: AuditParameters, name: string): string | undefined {
  const value = parameters[name]
  if (Array.isArray(value)) throw invalid(name, 'may be given once')
  return value
}

function invalid(name: string, problem: string): HttpProblem {
  return new HttpProblem(400, 'invalid-parameter', `${name}: ${problem}`)
}
