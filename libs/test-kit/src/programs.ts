// The services that a stack runs: those that are packed with this package, or those of the clone that it lies in.
import { fingerprintOf, packedPrograms, type Programs } from '@careseal/stack'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PACKAGE = fileURLToPath(new URL('..', import.meta.url))

export async function findPrograms(log: (line: string) => void): Promise<Programs> {
  const dir = packedServices(PACKAGE)
  if (dir !== null) return { dir, fingerprint: fingerprintOf([dir]) }
  return packedPrograms(() => log('packing the services of this clone, once for each build'))
}

/** The services that the package in this folder brings; null in a clone, where only an `npm pack` cut short leaves some. */
export function packedServices(folder: string): string | null {
  const services = join(folder, 'services')
  const isInClone = existsSync(join(folder, '..', '..', 'nx.json'))
  return !isInClone && existsSync(services) ? services : null
}
