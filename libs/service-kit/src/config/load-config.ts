// Configuration comes from the environment alone, and all its faults are told at once, so one restart mends them.
import { z } from 'zod'

export type Environment = Record<string, string | undefined>
export type ConfigFault = { variable: string; problem: string; mend: string }

/** Exit code of a process whose environment is wrong (sysexits EX_CONFIG). */
export const EXIT_CONFIG = 78

/** The environment does not fit the schema. `faults` names each variable; values are never quoted. */
export class ConfigInvalid extends Error {
  readonly code = 'config-invalid'
  constructor(readonly faults: readonly ConfigFault[]) {
    super(`configuration: ${faults.map(({ variable }) => variable).join(', ')}`)
  }
}

/** Parses the environment; an empty variable counts as unset. Throws ConfigInvalid with every fault. */
export function loadConfig<S extends z.ZodObject>(schema: S, environment: Environment = process.env): z.infer<S> {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = schema.safeParse(present)
  if (parsed.success) return parsed.data
  throw new ConfigInvalid(parsed.error.issues.map((issue) => faultOf(schema, present, issue)))
}

/** Like loadConfig, but tells the faults on stderr and ends the process with 78. For main.ts and migrate.ts. */
export function loadConfigOrExit<S extends z.ZodObject>(name: string, schema: S): z.infer<S> {
  try {
    return loadConfig(schema)
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error
    process.stderr.write(formatFaults(name, error.faults))
    process.exit(EXIT_CONFIG)
  }
}

/** The text that an operator reads: one line per variable with the problem and its mend. */
export function formatFaults(name: string, faults: readonly ConfigFault[]): string {
  const lines = faults.map(({ variable, problem, mend }) => `  ${variable}: ${problem}. Mend: ${mend}\n`)
  return `${name}: the configuration has ${faults.length} fault(s):\n${lines.join('')}`
}

function faultOf(schema: z.ZodObject, present: Environment, issue: z.core.$ZodIssue): ConfigFault {
  const variable = String(issue.path[0] ?? '(environment)')
  const description = (schema.shape[variable] as z.ZodType | undefined)?.description
  const mend = description ? `set it to ${description}` : 'see the table of variables'
  const problem = present[variable] === undefined ? 'is not set' : issue.message
  return { variable, problem, mend }
}
