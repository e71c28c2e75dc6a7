// Under which policy the log is co-signed: a C2SP tlog-policy whose witnesses it can ask. All that is wrong with the file
// is told at once, before anything starts.
import { sha256 } from '@careseal/crypto'
import { COSIGNATURE_V1, parsePolicy, type Policy, type PolicyWitness } from '@careseal/ledger-core'
import { readFileSync } from 'node:fs'
import type { z } from 'zod'

/** Without a policy file nobody has to co-sign. */
export const NO_POLICY: Policy = { logs: [], witnesses: [], groups: [], quorum: null }

export type WitnessAddress = PolicyWitness & { url: string }

/** A step of a zod schema: from the path of a policy file to the policy. */
export function policyOfFile(path: string, context: z.RefinementCtx): Policy {
  const read = attempt(() => readFileSync(path, 'utf8'))
  if ('failed' in read) return refuse(context, [`the file cannot be read (${codeOf(read.failed)})`])
  const parsed = attempt(() => parsePolicy(sha256, read.value))
  if ('failed' in parsed) return refuse(context, [(parsed.failed as Error).message])
  return refuse(context, policyFaults(parsed.value), parsed.value)
}

/** What keeps a log from being co-signed under this policy. */
export function policyFaults({ witnesses }: Policy): string[] {
  return witnesses.flatMap(({ name, url, vkey }) => {
    const faults: string[] = []
    if (!isAddress(url)) faults.push(`witness ${name} has no http(s) URL at which it can be asked`)
    if (vkey.type !== COSIGNATURE_V1)
      faults.push(`witness ${name} has a key of which no cosignature can be verified here`)
    return faults
  })
}

/** Whether the policy is of this log: it names the log, or none at all. */
export function isPolicyOf({ logs }: Policy, origin: string): boolean {
  return logs.length === 0 || logs.some(({ vkey }) => vkey.name === origin)
}

/** The witnesses with their base URLs, without a slash at the end. */
export function addressesOf({ witnesses }: Policy): WitnessAddress[] {
  return witnesses.map((witness) => ({ ...witness, url: String(witness.url).replace(/\/+$/, '') }))
}

function isAddress(text: string | null): boolean {
  if (text === null || !URL.canParse(text)) return false
  const { protocol, search, hash, username } = new URL(text)
  return /^https?:$/.test(protocol) && search + hash + username === ''
}

function refuse(context: z.RefinementCtx, faults: readonly string[], policy: Policy = NO_POLICY): Policy {
  for (const message of faults) context.addIssue({ code: 'custom', message })
  return policy
}

function attempt<T>(work: () => T): { value: T } | { failed: unknown } {
  try {
    return { value: work() }
  } catch (failed) {
    return { failed }
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown'
}
