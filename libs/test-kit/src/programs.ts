// The services that a stack runs: of the clone that this file lies in, or those that are packed with the package.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The folder of the packed programs, or undefined in a clone, whose own are what a change there is tested with. */
export function packedPrograms(): string | undefined {
  return existsSync(here('../../../apps/ledger-sequencer/package.json')) ? undefined : here('../services')
}
