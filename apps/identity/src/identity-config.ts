/** Injection token of the parsed environment. */
export const IDENTITY_CONFIG: unique symbol = Symbol('identity.config')
