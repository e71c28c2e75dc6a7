// The official fhir.schema.json: types, regexes, enums, unknown members. Compiled per resource type on first use.
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { errorIssue, MORE_FAULTS, type Issue, type IssueCode } from '../issue.js'
import { isResourceType } from '../resource-types.js'
import type { Resource } from '../resource.js'
import { hasMoreNodesThan } from './bounds.js'
import type { Definitions } from './definitions.js'
import { embeddedResources } from './embedded.js'
import { boundedPatterns } from './patterns.js'

const SCHEMA_ID = 'careseal:fhir-r4'

type ValidatorOf = (type: string) => ValidateFunction

export function schemaCheck(definitions: Definitions): (resource: Resource) => Issue[] {
  const firstFault = validators(definitions, { allErrors: false })
  // Looking for every fault is slower, so it is done for what is known to have one; and it cannot be ended at some
  // number and copies all faults at each element that has one, so it is done for small resources alone.
  const everyFault = validators(definitions, { allErrors: true })
  const check = (resource: Resource, path: string, isSmall: boolean): Issue[] => {
    const type = resource.resourceType
    if (!isResourceType(type)) {
      return [errorIssue('structure', 'resourceType names no FHIR R4 resource type.', `${path}.resourceType`)]
    }
    const first = firstFault(type)
    if (first(resource)) return []
    if (!isSmall) return [...issuesOf(first, path), MORE_FAULTS]
    const every = everyFault(type)
    void every(resource as unknown)
    return issuesOf(every, path)
  }
  return (resource) => {
    const isSmall = !hasMoreNodesThan(resource, SEARCHED_NODES_MAX)
    const issues = check(resource, resource.resourceType, isSmall)
    if (issues.length > 0) return issues
    for (const { resource: inner, path } of embeddedResources(resource)) {
      issues.push(...check(inner, path, isSmall))
      if (issues.length >= ERRORS_MAX) break
    }
    return issues
  }
}

const ERRORS_MAX = 100

/** Of a resource with more values than this, embedded ones counted, the first fault alone is told. */
const SEARCHED_NODES_MAX = 10_000

function issuesOf({ errors }: ValidateFunction, path: string): Issue[] {
  return (errors ?? []).slice(0, ERRORS_MAX).map((error) => schemaIssue(error, path))
}

const OPTIONS = {
  strict: false,
  validateFormats: false,
  inlineRefs: false,
  messages: false,
  code: { regExp: boundedPatterns },
} as const

function validators(definitions: Definitions, { allErrors }: { allErrors: boolean }): ValidatorOf {
  let ajv: Ajv | undefined
  const compiled = new Map<string, ValidateFunction>()
  return (type) => {
    ajv ??= new Ajv({ ...OPTIONS, allErrors }).addSchema({ ...definitions.schema, $id: SCHEMA_ID })
    const known = compiled.get(type) ?? ajv.compile({ $ref: `${SCHEMA_ID}#/definitions/${type}` })
    compiled.set(type, known)
    return known
  }
}

const TEXTS: Record<string, { code: IssueCode; text: (params: Record<string, unknown>) => string }> = {
  additionalProperties: { code: 'structure', text: () => 'This element is not defined here.' },
  required: { code: 'required', text: () => 'This required element is missing.' },
  type: {
    code: 'structure',
    text: (params) => `The JSON type is wrong; expected ${String(params.type).replace(',', ' or ')}.`,
  },
  pattern: { code: 'value', text: () => 'The value does not have the format of its data type.' },
  enum: { code: 'code-invalid', text: (params) => `The code is none of ${listed(params.allowedValues)}.` },
  const: { code: 'structure', text: () => 'The value is not the one that is fixed here.' },
}

function schemaIssue(error: ErrorObject, path: string): Issue {
  const known = TEXTS[error.keyword]
  const where = path + pointerToPath(error.instancePath) + memberOf(error.params)
  return errorIssue(
    known?.code ?? 'structure',
    known?.text(error.params) ?? 'The structure is not that of FHIR.',
    where,
  )
}

/** The member that is missing or too much; what cannot be an element's name is not echoed. */
function memberOf(params: Record<string, unknown>): string {
  const name = params.additionalProperty ?? params.missingProperty
  if (typeof name !== 'string') return ''
  return /^_?[A-Za-z][A-Za-z0-9]{0,63}$/.test(name) ? `.${name}` : ''
}

function listed(values: unknown): string {
  return Array.isArray(values) && values.length <= 20 ? values.join(' | ') : 'the codes that are allowed here'
}

function pointerToPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
}
