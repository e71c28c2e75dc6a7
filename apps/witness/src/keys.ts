// The keys that a witness co-signs with: one, or during a rotation the old and the new one.
import { KeyFileBroken, parseKeyFile, readIfThere, type SigningKey } from '@careseal/cosigner'
import { COSIGNATURE_V1 } from '@careseal/ledger-core'
import type { WitnessConfig } from './config.js'
import { WitnessUnfit } from './state/state-folder.js'

/** Throws WitnessUnfit for a key that is missing, broken, or of another name. */
export async function loadKeys({ name, keyFiles }: Pick<WitnessConfig, 'name' | 'keyFiles'>): Promise<SigningKey[]> {
  const keys: SigningKey[] = []
  for (const file of keyFiles) keys.push(await loadKey(name, file))
  return keys
}

async function loadKey(name: string, file: string): Promise<SigningKey> {
  const text = await readIfThere(file)
  if (text === null)
    throw new WitnessUnfit('key-lost', `the key ${file} is missing: restore it, or run init for a new witness`)
  const key = parsed(file, text)
  if (key.vkey.name === name) return key
  throw new WitnessUnfit('other-name', `${file} is the key of ${key.vkey.name}, and the configuration names ${name}`)
}

function parsed(file: string, text: string): SigningKey {
  try {
    return parseKeyFile(COSIGNATURE_V1, text)
  } catch (error) {
    if (!(error instanceof KeyFileBroken)) throw error
    throw new WitnessUnfit('key-broken', `${file} is no key of a witness`)
  }
}
