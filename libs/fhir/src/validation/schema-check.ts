// The official fhir.schema.json: types, regexes, enums, unknown members. Compiled per resource type on first use.
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { errorIssue, type Issue, type IssueCode } from '../issue.js'
import { isResourceType } from '../resource-types.js'
import type { Resource } from '../resource.js'
import type { Definitions } from './definitions.js'
import { embeddedResources } from './embedded.js'
import { boundedPatterns } from './patterns.js'

const SCHEMA_ID = 'careseal:fhir-r4'

type ValidatorOf = (type: string) => ValidateFunction

export function schemaCheck(definitions: Definitions): (resource: Resource) => Issue[] {
  const firstFault = validators(definitions, { allErrors: false })
  // Looking for every fault is slower, so it is done for what is known to have one.
  const everyFault = validators(definitions, { allErrors: true })
  const check = (resource: Resource, path: string): Issue[] => {
    const type = resource.resourceType
    if (!isResourceType(type)) {
      return [errorIssue('structure', 'resourceType names no FHIR R4 resource type.', `${path}.resourceType`)]
    }
    if (firstFault(type)(resource)) return []
    const validate = everyFault(type)
    void validate(resource as unknown)
    return (validate.errors ?? []).slice(0, ERRORS_MAX).map((error) => schemaIssue(error, path))
  }
  return (resource) => {
    const own = check(resource, resource.resourceType)
    if (own.length > 0) return own
    return embeddedResources(resource).flatMap(({ resource: inner, path }) => check(inner, path))
  }
}

const ERRORS_MAX = 100

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
  type: { code: 'structure', text: (params) => `The JSON type is wrong; expected ${String(params.type)}.` },
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
