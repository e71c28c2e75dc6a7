// The services that a stack runs: those that are packed with this package, or those of the clone that it lies in.
import { fingerprintOf, packedPrograms, type Programs } from '@careseal/stack'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SERVICES = fileURLToPath(new URL('../services', import.meta.url))

export async function findPrograms(log: (line: string) => void): Promise<Programs> {
  if (existsSync(SERVICES)) return { dir: SERVICES, fingerprint: fingerprintOf([SERVICES]) }
  return packedPrograms(() => log('packing the services of this clone, once for each build'))
}
