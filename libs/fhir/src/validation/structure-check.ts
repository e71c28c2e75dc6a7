// @medplum/core's validator: cardinality, invariants, fixed values. Two of its warnings are errors here: conflicting
// value[x], and a reference to a type that the element does not allow.
import { indexStructureDefinitionBundle, OperationOutcomeError, validateResource } from '@medplum/core'
import { errorIssue, type Issue, type IssueCode } from '../issue.js'
import { isResourceType } from '../resource-types.js'
import { type Json, isObject, type Resource } from '../resource.js'
import type { Definitions } from './definitions.js'

type CoreIssue = { severity?: string; code?: string; details?: { text?: string }; expression?: string[] }

let indexed: Definitions | undefined

export function structureCheck(definitions: Definitions): (resource: Resource) => Issue[] {
  return (resource) => {
    // Core keeps its definitions in one map per process, so they are indexed on first use and once.
    if (indexed !== definitions) indexStructureDefinitionBundle(definitions.structures as never)
    indexed = definitions
    return coreIssues(resource).flatMap((issue) => translate(issue, resource))
  }
}

function coreIssues(resource: Resource): CoreIssue[] {
  try {
    return validateResource(resource as never, { base64BinaryMaxBytes: 32 * 1024 * 1024 })
  } catch (error) {
    if (error instanceof OperationOutcomeError) return error.outcome.issue ?? []
    return [{ severity: 'error', code: 'structure', expression: [resource.resourceType] }]
  }
}

const CODES: Record<string, IssueCode> = { invariant: 'invariant', structure: 'structure', processing: 'processing' }

function translate(issue: CoreIssue, resource: Resource): Issue[] {
  const text = issue.details?.text ?? ''
  const path = issue.expression?.[0] ?? resource.resourceType
  if (text === 'Invalid base64Binary format' && isBrokenIntoLines(path, resource)) return []
  if (issue.severity === 'error') return [errorIssue(CODES[issue.code ?? ''] ?? 'structure', safeText(text), path)]
  if (text.startsWith('Conflicting choice of type')) {
    return [errorIssue('structure', 'Only one type of this choice may be given.', rooted(path, resource))]
  }
  if (text.startsWith('Invalid reference: got') && refersToWrongType(path, resource)) {
    return [errorIssue('structure', 'The reference is to a type of resource that is not allowed here.', path)]
  }
  return []
}

/** Core's texts name elements, types and rules; only those that could echo a member name of the caller are replaced. */
function safeText(text: string): string {
  if (text.startsWith('Invalid additional property')) return 'This element is not defined here.'
  if (text.startsWith('Error evaluating')) return 'A rule of this element could not be evaluated.'
  return text === '' ? 'The structure is not that of FHIR.' : text
}

function rooted(path: string, resource: Resource): string {
  return path.startsWith(`${resource.resourceType}.`) ? path : `${resource.resourceType}.${path}`
}

/** Core also warns about urls, urns and conditional references; only `Type/id` says a type for certain. */
function refersToWrongType(path: string, resource: Resource): boolean {
  const target = valueAt(resource, path)
  const reference = isObject(target) ? target.reference : undefined
  const type = typeof reference === 'string' ? /^([A-Z][A-Za-z]+)\/[^/]+/.exec(reference)?.[1] : undefined
  if (type === undefined || !isResourceType(type)) return false
  return !USED_BY_EXAMPLES.has(`${path.replaceAll(/\[\d+\]/g, '')} ${type}`)
}

/** Targets that R4 does not list and that HL7's own R4 examples use all the same (all 5,299 were tried). */
const USED_BY_EXAMPLES = new Set([
  'DeviceMetric.parent DeviceDefinition',
  'DeviceUseStatement.reasonReference Procedure',
  'MedicationRequest.dispenseRequest.performer Practitioner',
  'Observation.performer Encounter',
])

/** R4's regex for base64Binary allows white space between groups of four, core's check does not. */
function isBrokenIntoLines(path: string, resource: Resource): boolean {
  const value = valueAt(resource, path)
  if (typeof value !== 'string') return false
  const packed = value.replaceAll(/\s/g, '')
  return packed.length % 4 === 0 && /^[0-9A-Za-z+/]+={0,2}$/.test(packed)
}

function valueAt(resource: Resource, path: string): Json | undefined {
  let value: Json | undefined = resource
  for (const step of path
    .replaceAll(/\[(\d+)\]/g, '.$1')
    .split('.')
    .slice(1)) {
    if (Array.isArray(value)) value = value[Number(step)]
    else value = isObject(value) ? value[step] : undefined
  }
  return value
}
