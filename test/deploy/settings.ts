// What the programs of each service want from their environment, and what is wrong with what they are given.
import { baseConfig, databaseConfig, ledgerConfig, migrationConfig } from '@careseal/service-kit'
import { z } from 'zod'
import { config as audit } from '../../apps/audit/src/config.js'
import { config as consent } from '../../apps/consent/src/config.js'
import { identityConfig as identity } from '../../apps/identity/src/config.js'
import { config as sequencer } from '../../apps/ledger-sequencer/src/config.js'
import { signerConfig as signer } from '../../apps/ledger-sequencer/src/signer-service/signer-config.js'
import { recordsConfig as records } from '../../apps/records/src/config.js'

export const SERVICES = ['identity', 'consent', 'records', 'audit', 'ledger-sequencer'] as const

const MAIN: Record<string, z.ZodObject> = { identity, consent, records, audit, 'ledger-sequencer': sequencer }
const migrate = z.object({ ...migrationConfig, LOG_LEVEL: baseConfig.LOG_LEVEL })

// As apps/ledger-sequencer/src/init.ts has it, which runs when it is imported.
const init = z.object({
  LEDGER_ORIGIN: ledgerConfig.LEDGER_ORIGIN,
  DATABASE_URL: databaseConfig.DATABASE_URL,
  SIGNER_STATE_DIR: z.string().min(1),
  PRODUCERS: z.string().min(1),
  OPERATOR_VKEYS: z.string().optional(),
  PREVIOUS_CHECKPOINT_FILE: z.string().optional(),
  PREVIOUS_POLICY_FILE: z.string().optional(),
})

/** The environment of a program such as `main.js` of `records`. Throws for one that is not known. */
export function schemaOf(service: string, program: string): z.ZodObject {
  const schema = {
    'main.js': MAIN[service],
    'migrate.js': migrate,
    ...(service === 'ledger-sequencer' ? { 'init.js': init, 'signer-main.js': signer } : {}),
  }[program]
  if (schema === undefined) throw new Error(`nothing is known of ${service} ${program}`)
  return schema
}

/** Each variable that the program wants and lacks or refuses, and each that it does not know. */
export function faultsOf(schema: z.ZodObject, environment: Record<string, string>): string[] {
  const refused = schema.safeParse(environment).error?.issues ?? []
  const unknown = Object.keys(environment).filter((name) => !Object.hasOwn(schema.shape, name))
  return [
    ...refused.map(({ path, message }) => `${path.join('.')}: ${message}`),
    ...unknown.map((name) => `unknown ${name}`),
  ]
}

/** True if any service's main program reads the variable. */
export function isKnownToSome(name: string): boolean {
  return Object.values(MAIN).some((schema) => Object.hasOwn(schema.shape, name))
}
