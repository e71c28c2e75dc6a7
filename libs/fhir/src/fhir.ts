// Validation in three steps, each of which catches what the others miss: the official JSON schema, core's validator
// (cardinality, invariants) and rules of our own.
import { isObject, type Resource } from './resource.js'
import { errorIssue, MORE_FAULTS, type Issue } from './issue.js'
import { isResourceType } from './resource-types.js'
import { boundsFault } from './validation/bounds.js'
import { ownRules } from './validation/own-rules.js'
import { schemaCheck } from './validation/schema-check.js'
import { structureCheck } from './validation/structure-check.js'
import type { Definitions } from './validation/definitions.js'

export type { Definitions }

export type Validation = { ok: true; resource: Resource } | { ok: false; issues: Issue[] }

export type Fhir = {
  /**
   * Whether `json` is a valid FHIR R4 resource. Issues name what and where, and echo no value. Never throws.
   *
   * `prefix` is put before every expression (`Bundle.entry[3].resource`), instead of the resource's type.
   */
  validateResource(json: unknown, prefix?: string): Validation
}

/** A validator over the definitions of `@careseal/fhir/definitions`; make it once, it compiles lazily per type. */
export function createFhir(definitions: Definitions): Fhir {
  const checkSchema = schemaCheck(definitions)
  const checkStructure = structureCheck(definitions)
  return {
    validateResource(json, prefix) {
      const beyond = boundsFault(json, prefix)
      if (beyond) return { ok: false, issues: [beyond] }
      const named = namedType(json, prefix)
      if ('issue' in named) return { ok: false, issues: [named.issue] }
      const { resource } = named
      const issues = firstFindings([
        () => checkSchema(resource),
        () => ownRules(resource),
        () => checkStructure(resource),
      ])
      return issues.length === 0 ? { ok: true, resource } : { ok: false, issues: relocate(issues, resource, prefix) }
    },
  }
}

function namedType(json: unknown, prefix = 'Resource'): { resource: Resource } | { issue: Issue } {
  if (!isObject(json)) return { issue: errorIssue('structure', 'A resource must be a JSON object.', prefix) }
  const at = `${prefix}.resourceType`
  if (typeof json.resourceType !== 'string') {
    return { issue: errorIssue('required', 'The member resourceType is missing or no string.', at) }
  }
  if (!isResourceType(json.resourceType)) {
    return { issue: errorIssue('structure', 'resourceType names no FHIR R4 resource type.', at) }
  }
  return { resource: json as Resource }
}

/** Later checks assume what earlier ones have shown, so the first that finds anything has the last word. */
function firstFindings(checks: (() => Issue[])[]): Issue[] {
  for (const check of checks) {
    const issues = check()
    if (issues.length > 0) return issues.length > MAX_ISSUES ? [...issues.slice(0, MAX_ISSUES), MORE_FAULTS] : issues
  }
  return []
}

const MAX_ISSUES = 20

function relocate(issues: Issue[], resource: Resource, prefix: string | undefined): Issue[] {
  if (prefix === undefined) return issues
  const moved = (path: string) => prefix + path.slice(resource.resourceType.length)
  return issues.map((issue) => (issue.expression ? { ...issue, expression: issue.expression.map(moved) } : issue))
}
