// Begins a witness: its state folder, then its key. In this order a key without a state has lost it, whatever crashed;
// then nothing new is made, for the key may have co-signed already.
import { createDurably, formatKeyFile, lockFolder, readIfThere } from '@careseal/cosigner'
import { COSIGNATURE_V1, formatVkey } from '@careseal/ledger-core'
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import type { WitnessConfig } from './config.js'
import { loadKeys } from './keys.js'
import { makeFolder, StateFolder, WitnessUnfit } from './state/state-folder.js'

/** The vkeys to give to logs and verifiers; `made` tells whether there was no key before. */
export type InitResult = { name: string; vkeys: string[]; made: boolean }

/** May be called again, also after a crash: what is there stays. Throws WitnessUnfit. */
export async function initWitness(config: WitnessConfig): Promise<InitResult> {
  const { name, keyFiles, stateDir } = config
  const [first = ''] = keyFiles
  const folder = new StateFolder(stateDir)
  const hasKey = (await readIfThere(first)) !== null
  const marker = await folder.readMarker()
  if (marker === null && hasKey) throw lost(first, stateDir)
  if (marker !== null && marker.name !== name) {
    throw new WitnessUnfit(
      'other-name',
      `${stateDir} is the state of ${marker.name}, and the configuration names ${name}`,
    )
  }
  if (marker !== null && !hasKey && marker.begun.length > 0) {
    throw new WitnessUnfit('key-lost', `${stateDir} has co-signed, but its key ${first} is missing: restore it`)
  }
  if (marker === null) await folder.begin(name)
  const lock = lockFolder(stateDir)
  try {
    for (const file of keyFiles) await makeKey(name, file)
  } finally {
    lock.release()
  }
  const vkeys = (await loadKeys(config)).map(({ vkey }) => formatVkey(vkey))
  return { name, vkeys, made: !hasKey }
}

/** A key that is not there yet is made; during a rotation that is the new one. */
async function makeKey(name: string, file: string): Promise<void> {
  if ((await readIfThere(file)) !== null) return
  await makeFolder(dirname(file))
  const text = formatKeyFile({ name, type: COSIGNATURE_V1 }, randomBytes(32))
  await createDurably(file, text)
}

function lost(key: string, stateDir: string): WitnessUnfit {
  const mend = 'restore the folder; if it is gone, take a new key under a new name'
  return new WitnessUnfit('state-lost', `the key ${key} is there, but its state ${stateDir} is not: ${mend}`)
}
