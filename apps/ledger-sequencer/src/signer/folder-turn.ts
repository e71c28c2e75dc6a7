// A turn at the signer's folder: from reading its memory to having written it nobody else may. A process that is stopped
// in between would else wake up and put an old memory over a newer one. The lock ends with its process, however it ends.
import { FolderTaken, lockFolder } from '@careseal/cosigner'
import { setTimeout as delay } from 'node:timers/promises'
import { SignerSilent } from './log-signer.js'

export type FolderTurn = <T>(work: () => Promise<T>) => Promise<T>

/** For a process that has locked the folder for as long as it lives. */
export const heldForLife: FolderTurn = (work) => work()

/** Longer than any swap on a disk that works. */
const PATIENCE_MS = 2_000
const ASK_AGAIN_MS = 10

/** Locks the folder for each turn; who is held up for long rejects with SignerSilent, and signing waits. */
export function turnsIn(folder: string): FolderTurn {
  return async (work) => {
    const lock = await take(folder)
    try {
      return await work()
    } finally {
      lock.release()
    }
  }
}

async function take(folder: string) {
  for (const end = performance.now() + PATIENCE_MS; ; await delay(ASK_AGAIN_MS)) {
    try {
      return lockFolder(folder)
    } catch (error) {
      if (!(error instanceof FolderTaken)) throw error
      if (performance.now() > end) throw new SignerSilent(error.message, { cause: error })
    }
  }
}
