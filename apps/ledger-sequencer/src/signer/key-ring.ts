// The keys of the log: the one of the genesis, and those that rotations brought. A key is durable here before the ledger
// names it, and stays when it is retired: it can be asked for nothing that counts any more.
import { sha256 } from '@careseal/crypto'
import { parseVkey, type NoteSigner } from '@careseal/ledger-core'
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createDurably, readIfThere } from '@careseal/cosigner'
import { formatLogKey, parseLogKey, type LogKey } from './log-key.js'

const LATER_KEY = /^log-[0-9a-f]{8}\.key$/

export class KeyRing {
  private readonly keys = new Map<string, LogKey>()

  constructor(
    private readonly folder: string,
    private readonly first: LogKey,
  ) {
    this.keys.set(first.vkey, first)
  }

  get vkeys(): string[] {
    return [...this.keys.keys()]
  }

  /** Takes up what is in the folder: another process may have put a key there. */
  async load(): Promise<void> {
    const names = (await readdir(this.folder)).filter((name) => LATER_KEY.test(name))
    for (const name of names.toSorted()) {
      const text = await readIfThere(join(this.folder, name))
      if (text !== null) this.hold(parseLogKey(text))
    }
  }

  /** The signers of these keys, or null when one is not held. */
  async signersOf(vkeys: readonly string[]): Promise<NoteSigner[] | null> {
    if (vkeys.some((vkey) => !this.keys.has(vkey))) await this.load()
    const found = vkeys.flatMap((vkey) => this.keys.get(vkey)?.signer ?? [])
    return found.length === vkeys.length ? found : null
  }

  /** A held key that is none of `known`, or a new one, durable when this resolves. */
  async prepare(known: readonly string[]): Promise<string> {
    await this.load()
    const unused = this.vkeys.find((vkey) => vkey !== this.first.vkey && !known.includes(vkey))
    return unused ?? this.make()
  }

  // If we crash after this, the key is there and nobody names it: the next rotation takes it up.
  private async make(): Promise<string> {
    const { name } = parseVkey(sha256, this.first.vkey)
    const text = formatLogKey(name, randomBytes(32))
    const key = parseLogKey(text)
    await createDurably(join(this.folder, `log-${parseVkey(sha256, key.vkey).keyId}.key`), text)
    this.hold(key)
    return key.vkey
  }

  private hold(key: LogKey): void {
    this.keys.set(key.vkey, key)
  }
}
