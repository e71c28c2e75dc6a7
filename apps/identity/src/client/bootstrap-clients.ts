import { Role } from '@careseal/contracts'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { GivenId } from '../commands/given-id.js'
import { Name } from '../commands/name.js'
import { PublicKey } from './public-key.js'

const BootstrapClient = z
  .strictObject({
    clientId: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must have lower-case letters, digits and hyphens'),
    name: Name,
    role: Role,
    jwk: PublicKey,
    accountId: GivenId.optional(),
  })
  .refine(({ role, accountId }) => accountId !== undefined || !['patient', 'practitioner'].includes(role), {
    message: 'a patient or practitioner needs the id of an open account',
    path: ['accountId'],
  })

export type BootstrapClient = z.infer<typeof BootstrapClient>

/** Reads BOOTSTRAP_CLIENTS_FILE. Throws an error that names each fault by its place. */
export function readBootstrapClients(path: string): BootstrapClient[] {
  const parsed = z.array(BootstrapClient).safeParse(JSON.parse(readFileSync(path, 'utf8')))
  if (parsed.success) return parsed.data
  throw new Error(`BOOTSTRAP_CLIENTS_FILE: ${z.prettifyError(parsed.error)}`)
}
