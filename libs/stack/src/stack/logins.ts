// The logins of a stack: clients of its own authorisation server whose private keys lie in the data folder.
import { clientKey } from './credentials.js'
import type { DataDir } from './data-dir.js'
import { readLastState, type Login } from './state.js'
import { requestToken, type AccessToken } from './tokens.js'

/** The one client that exists before anybody logs in; it registers all others. */
export const OPERATOR = 'operator'

/** A login as the authorisation server knows it. */
export type LoginRecord = { login: string; clientId: string; role: string }

const SCOPES: Record<string, string> = {
  patient: 'patient/*.cruds',
  practitioner: 'user/*.cruds',
  operator: 'careseal/admin',
  auditor: 'careseal/audit user/AuditEvent.rs',
}

/** The scope that a login of this role asks for when it asks for none in particular. */
export function defaultScopeOf(role: string): string {
  return SCOPES[role] ?? 'system/*.cruds'
}

/** A token for a login of the stack on this data folder. Throws an error that lists the logins if it has no such one. */
export async function tokenOf(
  { dataDir, origin }: { dataDir: DataDir; origin: string },
  name: string,
  scope?: string,
): Promise<AccessToken> {
  const logins = loginsOf(dataDir)
  const login = logins.find((one) => one.name === name)
  if (!login) throw new UnknownLogin(name, logins)
  return requestToken({
    tokenUrl: `${origin}/auth/token`,
    clientId: login.clientId,
    key: await clientKey(dataDir, login.name),
    resource: `${origin}/fhir`,
    scope: scope ?? defaultScopeOf(login.role),
  })
}

/** The logins that the stack on this data folder has. */
export function loginsOf(dataDir: DataDir): Login[] {
  return readLastState(dataDir)?.logins ?? []
}

/** Thrown for a name that is no login; the message lists those there are. */
export class UnknownLogin extends Error {
  readonly code = 'unknown-login'
  constructor(name: string, logins: Login[]) {
    super(`no login ${name}; there are ${logins.map((one) => one.name).join(', ') || 'none'}`)
  }
}
