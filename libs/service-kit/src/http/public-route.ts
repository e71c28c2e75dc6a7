import { SetMetadata } from '@nestjs/common'

/** Metadata key of what a route demands of its caller; `@careseal/authz` reads it. */
export const ROUTE_REQUIREMENT = 'careseal:requirement'

/** The declaration of a route that anybody may call. */
export const PUBLIC = 'public'

/** Declares that a route, or every route of a controller, needs no token. Each use needs a reason. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(ROUTE_REQUIREMENT, PUBLIC)
