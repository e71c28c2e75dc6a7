import { applyDecorators, SetMetadata } from '@nestjs/common'
import { ApiBearerAuth } from '@nestjs/swagger'
import type { Caller, Role } from '@careseal/contracts'
import { HttpProblem, ROUTE_REQUIREMENT } from '@careseal/service-kit'
import { permits, type Interaction } from './scope.js'

export { Public } from '@careseal/service-kit'

/** What a route demands of its caller; all of what is given must hold. */
export type Requirement = {
  roles?: readonly Role[]
  /** A scope that covers this interaction on `type`, or on the type that the route's `:type` parameter names. */
  fhir?: Interaction
  type?: string
  /** A plain scope, such as `careseal/admin`. */
  scope?: string
}

/**
 * Declares what a route, or every route of a controller, demands. `@Requires({})` asks for a valid token alone.
 *
 * It is the outer door: whether this caller may touch this object is decided where the data is.
 */
export function Requires(requirement: Requirement): MethodDecorator & ClassDecorator {
  return applyDecorators(SetMetadata(ROUTE_REQUIREMENT, requirement), ApiBearerAuth())
}

/** Throws HttpProblem 403 `role-not-allowed` or `scope-missing` unless the caller fulfils the requirement. */
export function demand(caller: Caller, requirement: Requirement, routeType?: string): void {
  if (requirement.roles && !requirement.roles.includes(caller.role)) {
    throw new HttpProblem(403, 'role-not-allowed', `The role ${caller.role} may not do this.`)
  }
  if (requirement.scope && !caller.scopes.includes(requirement.scope)) throw scopeMissing(requirement.scope)
  if (requirement.fhir) demandFhirScope(caller, requirement.fhir, requirement.type ?? routeType)
}

/** Throws HttpProblem 403 `scope-missing` unless a scope covers the interaction; for each entry of a bundle too. */
export function demandFhirScope(caller: Caller, interaction: Interaction, type: string | undefined): void {
  if (type === undefined) throw new Error('a FHIR requirement needs a type, fixed or as a route parameter')
  if (!permits(caller.scopes, interaction, type))
    throw scopeMissing(`${levelOf(caller)}/${asType(type)}.${interaction}`)
}

function levelOf({ role }: Caller): string {
  if (role === 'patient' || role === 'system') return role
  return 'user'
}

// The type comes out of a URL and goes into a header.
function asType(type: string): string {
  return /^[A-Z][A-Za-z]{1,63}$/.test(type) ? type : '*'
}

function scopeMissing(scope: string): HttpProblem {
  const challenge = `Bearer realm="careseal", error="insufficient_scope", scope="${scope}"`
  return new HttpProblem(403, 'scope-missing', `The access token needs the scope ${scope}.`, {
    headers: { 'www-authenticate': challenge },
  })
}
